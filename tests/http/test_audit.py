# SPDX-License-Identifier: Apache-2.0
"""Every change that is made over HTTP has one row in the audit log: who, what, from where, by which
request. Which operations change something is read from the document; a new one fails here until TOLD
or NOT_TOLD has it. What is rolled back or refused has none, and nothing secret or personal is in any."""

import json
import re
import uuid

import pytest

from media import upload
from product import SEED, is_time, wait_for
from receiver import Receiver, answer, id_hex
from session_family import ENDPOINTS, new_jwk, settled
from test_plain_sessions import settled as decided_by_all
from test_plain_sessions import submitted, typed

# Why there is no row: it changes nothing that is anybody's but its own history's, or happens all the time.
NOT_TOLD = {"verify", "verifySandbox", "getScore", "testWebhook", "testEndpoint", "createSession",
            "createSession:plain", "submitAge", "uploadMedia"}
NAME = "Fatoumata Ndiaye"
ADDRESS = "127.0.0.1"


def tail(text):
    """An id without its prefix: endpoints are spelled in two ways."""
    return text.split("_")[1]


class Story:
    """A tenant who does everything once; what was done is in `told`, by operation."""

    def __init__(self, stack, receiver):
        self.stack = stack
        self.app, self.org = stack.tenant(NAME)
        self.key = stack.key(self.app)
        self.client = stack.client(self.key["key"])
        self.told = {}
        self.secrets = [self.key["key"], NAME]
        self.tell(receiver)
        self.log = stack.cli("audit", "--org", self.org, "--limit", "1000", "--json")

    def do(self, operation, action, subject, method, path, body=None, say=lambda data: None,
           header=None):
        request = "audit-" + uuid.uuid4().hex
        reply = self.client.by(header).call(method, path, json=body,
                                            headers={"X-Request-Id": request})
        assert reply.status_code < 300, reply.text
        data = reply.json() if reply.content else {}
        data = data.get("data", data)
        self.told[operation] = (request, action, subject or say(data))
        return data

    def tell(self, receiver):
        self.keys()
        self.webhooks(receiver)
        self.deliveries(receiver)
        self.sessions()
        self.records()
        ver = self.client.post("/v1/kyc/sandbox/verify", SEED).json()["data"]["id"]
        self.do("eraseVerification", "verification.erased", ver, "DELETE",
                f"/v1/kyc/verifications/{ver}")

    def keys(self):
        made = self.do("createKey", "key.created", None, "POST", "/v1/keys",
                       {"name": NAME, "scopes": ["kyc.read"], "environment": "live"},
                       say=lambda data: data["id"])
        self.secrets.append(made["key"])
        new = self.do("rotateKey", "key.rotated", made["id"], "POST",
                      f"/v1/keys/{made['id']}/rotate", {})
        self.secrets.append(new["key"])
        self.do("revokeKey", "key.revoked", new["id"], "DELETE", f"/v1/keys/{new['id']}")

    def webhooks(self, receiver):
        url = receiver.url("/fatoumata")
        made = self.do("createWebhook", "webhook.created", None, "POST", "/v1/webhooks",
                       {"url": url, "events": ["verification.failed"], "description": NAME},
                       say=lambda data: data["id"])
        self.secrets += [made["secret"], url]
        self.do("deleteWebhook", "webhook.removed", made["id"], "DELETE",
                "/v1/webhooks/" + made["id"])
        made = self.do("createEndpoint", "webhook.created", None, "POST", ENDPOINTS,
                       {"url": url, "name": NAME}, say=lambda data: data["endpoint"]["id"])
        self.secrets.append(made["signing_secret"])
        at, own = f"{ENDPOINTS}/{made['endpoint']['id']}", made["endpoint"]["id"]
        self.do("updateEndpoint", "webhook.changed", own, "PATCH", at,
                {"name": "Ndiaye", "enabled": False})
        self.do("revealSigningSecret", "webhook.secret_revealed", own, "POST",
                at + "/signing-secret/reveal")
        new = self.do("rotateSigningSecret", "webhook.secret_rotated", own, "POST",
                      at + "/signing-secret/rotate", {"overlap_seconds": 60})
        self.secrets.append(new["signing_secret"])
        key = self.do("createEncryptionKey", "webhook_key.added", None, "POST", at + "/keys",
                      {"key_id": NAME, "algorithm": "RSA-OAEP-256", "key_type": "RSA",
                       "jwk": new_jwk()}, say=lambda data: data["id"])
        self.secrets.append(key["jwk"]["n"])
        for word in ("deactivate", "reactivate"):
            self.do(word + "EncryptionKey", f"webhook_key.{word.replace('re', '')}d", key["id"],
                    "POST", f"/v1/webhooks/keys/{key['id']}/{word}")
        self.do("deleteEndpoint", "webhook.removed", own, "DELETE", at)

    def deliveries(self, receiver):
        self.client.post(ENDPOINTS, {
            "url": receiver.url("/"), "subscribed_event_types": ["verification.completed"]})
        self.client.post("/v1/kyc/sandbox/verify", {**SEED, "external_ref": NAME})
        delivery = self.client.get("/v1/webhooks/deliveries").json()["data"][0]
        settled(self.client, delivery)
        self.do("retryDelivery", "delivery.retried", delivery["id"], "POST",
                f"/v1/webhooks/deliveries/{delivery['id']}/retry")
        settled(self.client, delivery)
        for operation, path in (("replayEvent", "/v1/webhooks/events"),
                                ("replayEventAlias", "/v1/events")):
            self.do(operation, "event.replayed", delivery["event_id"], "POST",
                    f"{path}/{delivery['event_id']}/replay")
            settled(self.client, delivery)

    def sessions(self):
        sandbox = self.stack.client(self.stack.key(self.app, environment="sandbox")["key"],
                                    "X-API-Key")
        decided, _ = submitted(self.stack, sandbox)
        decided_by_all(sandbox, decided, "VERIFIED")
        self.do("updateSessionStatus", "verification_session.decided", typed(decided), "PATCH",
                f"/v1/sessions/{decided}/update-status", {"new_status": "REJECTED"},
                header="X-API-Key")
        session = self.client.post("/v1/sessions").json()["data"]["id"]
        self.do("cancelSession", "verification_session.cancelled", session, "POST",
                f"/v1/sessions/{session}/cancel")
        self.do("createWorkflow", "workflow.created", None, "POST", "/v1/workflows",
                {"name": NAME, "steps": [{"id": "ID_VERIFICATION"}]},
                say=lambda data: typed(data["workflow"]["id"]))

    def records(self):
        """By a pair of keys of the same application: which of them did it, the log says."""
        self.pair = self.stack.key(self.app, scopes=None, kind="secret")
        secret = self.stack.client(self.pair["key"])
        verification = secret.post("/v1/verify/submit", {
            "externalId": "fatoumata", "level": "full_kyc", "consent": True,
            "uploads": {name: upload(secret, name) for name in ("selfie", "idFront", "video")},
            "document": {"country": "DE", "type": "passport", "number": SEED["id_number"],
                         "firstName": "Fatoumata", "lastName": "Ndiaye",
                         "dateOfBirth": "1990-05-15"}}).json()["data"]["verificationId"]
        for word in ("claim", "approve"):
            self.stack.cli("review", word, verification)
        own, self.client = self.client, secret
        record = self.stack.cli("record", "list", "--app", self.app, "--json")[0]["id"]
        self.do("addRecordAlias", "record.alias_added", record, "POST",
                "/v1/records/fatoumata/aliases", {"alias": NAME})
        self.do("deactivateRecord", "record.deactivated", record, "POST",
                "/v1/records/fatoumata/deactivate")
        self.client = own

    def rows(self, request):
        return [row for row in self.log if row["request_id"] == request]


@pytest.fixture(scope="module")
def story(stack):
    with Receiver() as receiver:
        yield Story(stack, receiver)


def test_every_operation_is_here(stack, story):
    changing = {row.id for row in stack.contract.operations
                if row.method != "get" and any({"apiKey", "bearer"} & set(way)
                                               for way in row.row["security"])}
    assert changing == set(story.told) | NOT_TOLD


def test_one_row_each(story):
    for operation, (request, action, subject) in story.told.items():
        rows = story.rows(request)
        assert [row["action"] for row in rows] == [action], (operation, rows)
        row = rows[0]
        assert tail(row["subject_id"]) == tail(subject), operation
        key = story.pair if "Record" in operation else story.key
        assert (row["actor_kind"], row["actor"]) == ("key", key["id"]), operation
        assert (row["organization_id"], row["application_id"]) == (story.org, story.app)
        assert row["address"] == ADDRESS, operation
        assert is_time(row["created_at"]) and re.fullmatch(r"[0-9a-f-]{36}", row["id"])


def test_what_they_say(story):
    def detail(operation):
        return story.rows(story.told[operation][0])[0]["detail"]

    assert detail("createKey") == "server live: kyc.read"
    assert re.fullmatch("new key key_[0-9a-z]{26}, overlap 86400 s", detail("rotateKey"))
    assert detail("updateEndpoint") == "name, disabled"
    assert detail("rotateSigningSecret") == "overlap 60 s"
    assert detail("createWebhook") == "live"


def test_nothing_else_is_told(story):
    """Of this organisation: what the operator made, and what was done. Newest first."""
    requests = {row["request_id"] for row in story.log} - {None}
    # The endpoint of the deliveries was made beside.
    assert len(requests) == len(story.told) + 1
    operators = [row["action"] for row in story.log if row["request_id"] is None]
    assert operators == ["review.approved", "record.created", "review.claimed"] + [
        "key.created"] * 4 + ["application.created", "tokens.added", "organization.created"]
    assert [row["id"] for row in story.log] == sorted(
        (row["id"] for row in story.log), reverse=True)


def every_column(stack):
    """All of the table as text, whatever the bytes."""
    names = [row[0] for row in stack.rows(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'bonafide' "
        "AND table_name = 'audit'")]
    parts = ", ".join(f"COALESCE(CONVERT({name} USING latin1), '')" for name in names)
    return "\n".join(row[0] for row in stack.rows(f"SELECT CONCAT_WS(' ', {parts}) FROM audit"))


def test_nothing_secret_or_personal(stack, story):
    text = every_column(stack)
    assert story.key["id"] is not None and "server live" in text
    words = [*story.secrets, *NAME.split(), "Amara", "Diallo", SEED["id_number"], "whsec_",
             "dme_live_", "fatoumata"]
    assert [word for word in words if word.lower() in text.lower()] == []


# ---- what did not happen ---------------------------------------------------------------------------------

def count(stack, app):
    return stack.rows("SELECT COUNT(*) FROM audit WHERE application_id = UNHEX(%s)",
                      id_hex(app))[0][0]


NOBODYS = "01h455vb4pex5vsknk084sn02q"
REFUSED = [
    ("POST", "/v1/keys", {"name": "", "scopes": [], "environment": "live"}, 400),
    ("POST", "/v1/keys", {"name": "x", "scopes": ["keys.write"], "environment": "live"}, 403),
    ("DELETE", f"/v1/keys/key_{NOBODYS}", None, 404),
    ("POST", f"/v1/keys/key_{NOBODYS}/rotate", {}, 404),
    ("POST", "/v1/webhooks", {"url": "http://10.0.0.1/", "events": ["verification.failed"]}, 400),
    ("DELETE", f"/v1/webhooks/wh_{NOBODYS}", None, 404),
    ("PATCH", f"{ENDPOINTS}/whe_{NOBODYS}", {"name": "x"}, 404),
    ("POST", f"{ENDPOINTS}/whe_{NOBODYS}/signing-secret/reveal", None, 404),
    ("POST", f"{ENDPOINTS}/whe_{NOBODYS}/signing-secret/rotate", {}, 404),
    ("POST", f"/v1/webhooks/keys/whk_{NOBODYS}/deactivate", None, 404),
    ("POST", f"/v1/webhooks/deliveries/whd_{NOBODYS}/retry", None, 404),
    ("POST", f"/v1/events/evt_{NOBODYS}/replay", None, 404),
    ("DELETE", f"/v1/kyc/verifications/ver_{NOBODYS}", None, 404),
]


def test_what_is_refused_is_not_told(stack, tenant):
    app, live, _ = tenant
    small = stack.client(stack.key(app, scopes="keys.write webhooks.write kyc.verify kyc.read")["key"])
    weak = stack.client(stack.key(app, scopes="kyc.read")["key"])
    before = count(stack, app)
    for method, path, body, status in REFUSED:
        client = live if status != 403 else small
        if status == 403:
            body = {**body, "scopes": ["score.get"]}
        answered = client.call(method, path, json=body)
        assert answered.status_code == status, (method, path, answered.text)
        assert weak.call(method, path, json=body).status_code == 403, path
    for _ in range(3):
        assert live.post("/v1/kyc/sandbox/verify", SEED).status_code == 200
    assert count(stack, app) == before


def test_a_repeated_request_is_told_once(stack, tenant):
    app, live, _ = tenant
    before = count(stack, app)
    body = {"name": "once", "scopes": ["kyc.read"], "environment": "live"}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    answers = [live.post("/v1/keys", body, headers=headers) for _ in range(3)]
    assert {reply.status_code for reply in answers} == {201}
    assert json.dumps(answers[0].json()) == json.dumps(answers[2].json())
    assert count(stack, app) == before + 1


def test_erased_again(stack, tenant):
    app, live, _ = tenant
    ver = live.post("/v1/kyc/sandbox/verify", SEED).json()["data"]["id"]
    before = count(stack, app)
    for _ in range(2):
        assert live.delete("/v1/kyc/verifications/" + ver).status_code == 204
    assert count(stack, app) == before + 1


# ---- other addresses, other actors -------------------------------------------------------------------------

def test_nobody_is_believed_without_trusted_proxies(stack, tenant):
    app, live, _ = tenant
    made = live.post("/v1/keys", {"name": "x", "scopes": ["kyc.read"], "environment": "live"},
                     headers={"X-Forwarded-For": "203.0.113.9"}).json()["data"]
    row = stack.cli("audit", "--subject", made["id"], "--json")
    assert [entry["address"] for entry in row] == [ADDRESS]


def test_a_request_id_of_ours(stack, tenant):
    """One that the caller did not name is the one in the answer."""
    _, live, _ = tenant
    reply = live.post("/v1/keys", {"name": "x", "scopes": ["kyc.read"], "environment": "live"})
    row = stack.cli("audit", "--subject", reply.json()["data"]["id"], "--json")[0]
    assert row["request_id"] == reply.headers["X-Request-Id"]


def test_the_batch_disables(stack, tenant, receiver):
    app, live, _ = tenant
    receiver.rule("/gone", answer(410))
    made = live.post(ENDPOINTS, {"url": receiver.url("/gone"),
                                 "subscribed_event_types": ["verification.completed"]})
    endpoint = made.json()["data"]["endpoint"]["id"]
    live.post("/v1/kyc/sandbox/verify", SEED)
    row = wait_for(lambda: stack.cli("audit", "--subject", endpoint, "--action",
                                     "webhook.disabled", "--json"), 20)
    assert len(row) == 1
    assert row[0]["actor_kind"] == "batch" and row[0]["actor"] is None
    assert row[0]["detail"] == "gone" and row[0]["address"] is None
    assert row[0]["application_id"] == app and row[0]["organization_id"] is not None
