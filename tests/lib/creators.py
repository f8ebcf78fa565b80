# SPDX-License-Identifier: Apache-2.0
"""Every route that takes an Idempotency-Key: what to send, and what there is to see of its effect."""

import base64
import itertools
import uuid

from cryptography.hazmat.primitives.asymmetric import rsa

from media import upload
from product import Client, canned, person
from receiver import id_hex

ENDPOINTS = "/v1/webhooks/endpoints"
URL = "https://your-app.com/hook"
KINDS = ("verify", "sandbox", "score", "key", "webhook", "endpoint", "rotate", "encryption key",
         "session", "plain session", "workflow", "age")
BY_KEY = ("plain session",)  # under a path where the key's header says what is meant
WITH_ID = ("rotate", "encryption key")

_numbers = itertools.count(3_000_000)

# What an effect leaves behind, whichever route it is of; nothing in it is the batch's doing.
TRACES = """SELECT
  (SELECT COUNT(*) FROM verification WHERE application_id = a.id),
  (SELECT COUNT(*) FROM usage_event WHERE application_id = a.id AND event_type = 'kyc.verification'),
  (SELECT COUNT(*) FROM score WHERE application_id = a.id),
  (SELECT COUNT(*) FROM api_key WHERE application_id = a.id),
  (SELECT COUNT(*) FROM webhook_endpoint WHERE application_id = a.id),
  (SELECT GROUP_CONCAT(SHA2(secret, 256) ORDER BY id) FROM webhook_endpoint
    WHERE application_id = a.id),
  (SELECT COUNT(*) FROM webhook_key WHERE application_id = a.id),
  (SELECT COUNT(*) FROM session WHERE application_id = a.id),
  (SELECT COUNT(*) FROM workflow WHERE application_id = a.id),
  (SELECT COUNT(*) FROM age_verification WHERE application_id = a.id),
  (SELECT COUNT(*) FROM token_entry WHERE application_id = a.id),
  (SELECT COUNT(*) FROM idempotency WHERE application_id = a.id)
FROM application a WHERE a.id = UNHEX(%s)"""


def number_text(number):
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Creator:
    """One route, ready to be asked of a tenant: path and body, and a second body that differs."""

    def __init__(self, kind, client):
        self.kind, self.client = kind, client
        self.path, self.body, self.other_body = getattr(self, "_" + kind.replace(" ", "_"))()
        self.other_path = self._endpoint_path() if kind in WITH_ID else None

    def post(self, client=None, key=None, body=None, path=None, **more):
        headers = {"Idempotency-Key": key} if key is not None else {}
        client = client or self.client
        if self.kind in BY_KEY:
            client = client.by("X-API-Key")
        return client.post(path or self.path, self.body if body is None else body,
                                            headers=headers, **more)

    def _verify(self):
        one, two = (canned(id_number=f"{next(_numbers):010d}0") for _ in range(2))
        return "/v1/kyc/verify", one, two

    def _sandbox(self):
        return "/v1/kyc/sandbox/verify", person(), person(external_ref="another")

    def _score(self):
        ids = []
        for _ in range(2):
            made = self.client.post("/v1/kyc/sandbox/verify", person())
            assert made.status_code == 200, made.text
            ids.append(made.json()["data"]["id"])
        return ("/v1/score/get", *({"verificationId": ver} for ver in ids))

    def _key(self):
        body = {"name": "made", "scopes": ["kyc.read"], "environment": "live"}
        return "/v1/keys", body, {**body, "name": "another"}

    def _webhook(self):
        body = {"url": URL, "events": ["verification.completed"]}
        return "/v1/webhooks", body, {**body, "description": "another"}

    def _endpoint(self):
        return ENDPOINTS, {"url": URL}, {"url": URL, "name": "another"}

    def _endpoint_path(self):
        made = self.client.post(ENDPOINTS, {"url": URL})
        assert made.status_code == 200, made.text
        tail = "signing-secret/rotate" if self.kind == "rotate" else "keys"
        return f"{ENDPOINTS}/{made.json()['data']['endpoint']['id']}/{tail}"

    def _rotate(self):
        return self._endpoint_path(), {"overlap_seconds": 60}, {"overlap_seconds": 61}

    def _encryption_key(self):
        numbers = rsa.generate_private_key(65537, 2048).public_key().public_numbers()
        jwk = {"kty": "RSA", "n": number_text(numbers.n), "e": number_text(numbers.e)}
        body = {"key_id": "one", "algorithm": "RSA-OAEP-256", "key_type": "RSA", "jwk": jwk}
        return self._endpoint_path(), body, {**body, "key_id": "two"}

    def _age(self):
        """By a publishable key: no other kind that can be given scopes may."""
        made = self.client.post("/v1/keys", {"name": "a pair", "environment": "live",
                                             "kind": "secret"})
        assert made.status_code == 201, made.text
        self.client = Client(self.client.url, made.json()["data"]["publishable_key"],
                             contract=self.client.contract)
        one, two = ({"externalId": name, "level": "age_only", "consent": True,
                     "uploads": {"selfie": upload(self.client)}} for name in ("one", "two"))
        return "/v1/verify/submit", one, two

    def _session(self):
        return "/v1/sessions", {}, {"share_fields": {}}

    def _plain_session(self):
        body = {"firstName": "Amara", "lastName": "Diallo", "email": "amara@example.org",
                "phone": "+221771234567"}
        return "/v1/sessions", body, {**body, "externalId": "another"}

    def _workflow(self):
        body = {"name": "made", "steps": [{"id": "ID_VERIFICATION"}]}
        return "/v1/workflows", body, {**body, "name": "another"}


def traces(stack, app):
    return stack.rows(TRACES, id_hex(app))[0]


def new_key():
    return str(uuid.uuid4())
