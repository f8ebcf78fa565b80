# SPDX-License-Identifier: Apache-2.0
"""The V3 endpoints: token, submission, status, replay, services (B1-B6), and its people (B7)."""

import base64
import hashlib
import hmac
import json
import re
import secrets
import time

from . import idtypes, outcome, signing, state, v3_check
from .reply import Reply, refuse_v3
from .v3_check import Refused

_TYPE_ID = re.compile(r"job_[0-9a-hjkmnp-tv-z]{26}")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PRODUCTS = ("enhanced_kyc", "biometric_kyc", "document_verification", "smartselfie")
_UNAVAILABLE = "Unable to verify ID — ID authority unavailable."

# B7, keyed by given names, last name and e-mail, all lower case: status, reason, message.
_PEOPLE = {
    ("amina fatou", "clearwater", "amina.clearwater@example.com"):
        ("clear", None, "Verification successful"),
    ("rashid omar", "dangerfield", "rashid.dangerfield@example.com"):
        ("block", "high_risk", "Verification failed"),
    ("fatima bello", "ghostwell", "fatima.ghostwell@example.com"):
        ("block", "identifier_not_found",
         "Verification failed: Unable to validate ID - Not Found"),
    ("aisha lawal", "youngblood", "aisha.youngblood@example.com"):
        ("block", "age_requirement_not_met",
         "Verification failed: Customer must be above 18"),
    ("ngozi ifeoma", "downsworth", "ngozi.downsworth@example.com"):
        ("error", "service_unavailable", "Error: external service unavailable"),
}
# Anyone else: which of these is the setting unknown_identity. The reasons are inferred.
_STRANGERS = {"block": ("block", "identifier_not_found", "Verification failed"),
              "error": ("error", "internal_error", "Error: unknown sandbox identity")}

_HIDDEN_PARAMS = ("job_id", "job_type", "user_id", "_sandbox_v3")    # B5: stripped from webhooks


def type_id(prefix):
    """prefix_ and a UUIDv7 in 26 characters of Crockford's alphabet, lower case."""
    number = (int(time.time() * 1000) << 80) | (7 << 76) | secrets.randbits(76)
    return f"{prefix}_" + "".join(_ALPHABET[(number >> 5 * at) & 31] for at in range(25, -1, -1))


def _b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Tokens:
    """JWTs of the real shape: three parts, HS256, a numeric policy, exp (B1)."""

    def __init__(self, world):
        self.world = world
        self.secret = secrets.token_bytes(32)

    def _seal(self, text):
        return _b64(hmac.new(self.secret, text.encode(), hashlib.sha256).digest())

    def mint(self, bound):
        now = self.world.now_ms() // 1000
        policy = (1 << _PRODUCTS.index(bound["product"]) if "product" in bound
                  else (1 << len(_PRODUCTS)) - 1)
        claims = {"partner_id": int(self.world.partner_number), "policy": policy, "iat": now,
                  "exp": now + self.world.settings.token_ttl_s, "jti": secrets.token_hex(8),
                  **bound}
        text = ".".join(_b64(json.dumps(part, separators=(",", ":")).encode())
                        for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        return f"{text}.{self._seal(text)}"

    def read(self, token):
        """A good token's claims, or None."""
        text, _, seal = token.rpartition(".")
        if (token in self.world.revoked or not token.isascii()
                or not signing.same(seal, self._seal(text))):
            return None
        claims = json.loads(_unb64(text.partition(".")[2]))
        return claims if claims["exp"] * 1000 > self.world.now_ms() else None


class V3:
    def __init__(self, world, courier):
        self.world = world
        self.courier = courier
        self.tokens = Tokens(world)

    async def token(self, call):
        """B1. The body is optional, and multipart when there is one."""
        partner = call.headers.get("smileid-partner-id", "")
        if not re.fullmatch(r"[1-9]\d*", partner, re.ASCII):
            return refuse_v3(400, "smileid-partner-id header is required.",
                             "missing, or not a number without leading zeros")
        key = call.headers.get("smileid-api-key", "")
        if partner != self.world.partner_number or not signing.same(key, self.world.api_key):
            return refuse_v3(401)
        bound = {}
        if call.raw:
            if call.media != "multipart/form-data":
                return refuse_v3(415)
            if call.parts is None or set(call.parts) - {"user_id", "product", "partner_params"}:
                return refuse_v3(400, "The multipart body is malformed.")
            bound = {key: call.parts[key] for key in ("user_id", "product") if key in call.parts}
            params = v3_check.read_object(call.parts.get("partner_params", "{}"))
            if params is None or bound.get("product", _PRODUCTS[0]) not in _PRODUCTS:
                return refuse_v3(400, "Field 'partner_params' is invalid." if params is None
                                 else "Field 'product' is invalid.")
            if params:
                bound["partner_params"] = params
        return Reply(200, {"token": self.tokens.mint(bound)})

    def _authorize(self, call):
        """The token's claims; raises Refused. The gateway itself answers when there is no token."""
        token = call.headers.get("SmileID-Token")
        if not token:
            refused = Refused(401, None, "no SmileID-Token header")
            refused.reply = Reply(401, {
                "status": "unauthorized",
                "message": "Missing or invalid authentication credentials.",
                "job_id": None, "user_id": None}, code="http-401")
            raise refused
        claims = self.tokens.read(token)
        if claims is None:
            raise Refused(401, None, "the token is not ours, has expired or was ended by a fault")
        partner = call.headers.get("SmileID-Partner-ID", self.world.partner_number)
        if partner != self.world.partner_number:
            raise Refused(401, None, "SmileID-Partner-ID differs from the token's")
        return claims

    def submit(self, sync):
        async def work(call):
            try:
                return await self._submit(call, sync)
            except Refused as refused:
                return refused.reply
        return work

    async def _submit(self, call, sync):
        world = self.world
        claims = self._authorize(call)
        if call.media != "multipart/form-data":
            raise Refused(415, None)
        if claims.get("product", "enhanced_kyc") != "enhanced_kyc":
            raise Refused(403, "Product not enabled for this partner.", "the token is for another")
        user_id = (call.parts or {}).get("user_id") or call.headers.get("User-ID") or ""
        if "user_id" in claims and user_id not in ("", claims["user_id"]):
            raise Refused(403, None, "user_id differs from the token's")
        row, details, params, url = v3_check.check_submission(world, call, sync)
        params = {**claims.get("partner_params", {}), **params}
        job = state.Job("v3", type_id("job"), user_id or claims.get("user_id") or type_id("user"),
                        call.path, row.country, row.code, call.parts["id_number"], url, params,
                        sync)
        job.faults = call.take("job")
        if "activate-1016" in job.faults:
            raise Refused(403, "Product not enabled for this partner.", "a fault asked for this")
        job.faults.update(call.take("sign"))
        world.start_clock(job)
        job.result = self._payload(job, details)
        world.jobs[job.job_id] = call.job = job
        world.counts["accepted"] += 1
        world.counts["billed"] += job.result["reason"] not in ("service_unavailable",
                                                               "identifier_not_found")
        if sync:
            return self._sync_answer(job)
        await self.courier.start(job)
        return Reply(202, {
            "status": "accepted", "message": "Request accepted and queued for processing.",
            "job_id": job.job_id, "user_id": job.user_id,
            "created_at": signing.format_time(job.accepted_ms)}, code="accepted")

    def _sync_answer(self, job):
        """B2: the webhook's body and headers; 424 when the authority is down (the job exists)."""
        headers = {**self.headers(job, job.faults), "SmileID-Job-ID": job.job_id}
        if job.result["reason"] == "service_unavailable":
            return refuse_v3(424, _UNAVAILABLE, headers=headers)
        return Reply(200, job.result, headers, code=job.outcome)

    def _payload(self, job, details):
        """B5's body. Its result faults are applied here, once, so that every copy agrees."""
        who = tuple(" ".join(details.get(key, "").lower().split())
                    for key in ("given_names", "last_name", "email"))
        status, reason, message = _PEOPLE.get(who, _STRANGERS[self.world.settings.unknown_identity])
        if "unknown-code" in job.faults:
            status, reason = job.faults["unknown-code"].get("code", "mystery"), "unheard_of"
        job.outcome = status + (f" {reason}" if reason else "")
        params = {key: value for key, value in job.partner_params.items()
                  if key not in _HIDDEN_PARAMS}
        found = None
        if status == "clear":
            found = {"country": job.country, "id_type": job.id_type, "id_number": job.id_number,
                     "first_name": "Amina", "other_names": "Fatou", "last_name": "Clearwater",
                     "full_name": "Amina Fatou Clearwater", "date_of_birth": "1990-01-01",
                     "gender": "Female"}
        payload = {
            "status": 7 if "int-code" in job.faults else status, "message": message,
            "reason": reason, "product": "enhanced_kyc",
            "created_at": signing.format_time(job.accepted_ms),
            "completed_at": signing.format_time(job.complete_ms or job.accepted_ms),
            "partner_params": params or None,
            "kyc_receipt": "https://example.com/receipt" if found else None, "id_fields": found,
            "user_provided_info": {key: details.get(key) for key in (
                "given_names", "last_name", "email", "phone_number")},
            "antifraud": {"fraud_risk": {"risk_level": "low", "risk_score": 0,
                                         "risk_indicators": []},
                          "summary": {"fraud_detected": False, "fraud_sources": []},
                          "smile_secure": {"status": "clear", "suspect_users": []}},
            "device_signals": None, "consent": {"schema_version": "ISO27560-v1"},
        }
        if "missing-actions" in job.faults:
            del payload["id_fields"]
        if "big-photo" in job.faults:
            payload["photo"] = outcome.photo(job.faults["big-photo"])
        return payload

    def headers(self, job, faults):
        """B5's headers, with a fresh timestamp; which partner id is signed is an open point."""
        partner = (self.world.partner_id if self.world.settings.v3_pad_partner
                   else self.world.partner_number)
        stamp = outcome.stamp(self.world, faults, partner)
        return {"Response-Signature": stamp["signature"],
                "Response-Timestamp": str(stamp["timestamp"]),
                "Job-ID": job.job_id, "User-ID": job.user_id, "Api-Version": "v3.952.0"}

    async def status(self, call):
        """B3: carries neither a reason nor anything about the person."""
        try:
            self._authorize(call)
        except Refused as refused:
            return refused.reply
        job_id = call.request.match_info["job_id"]
        if not _TYPE_ID.fullmatch(job_id):
            return refuse_v3(400, "\"jobId\" must be a valid TypeID with prefix 'job_'")
        job = self.world.jobs.get(job_id)
        headers = {"api_version": "v3.952.0", "job_id": job_id,
                   "user_id": job.user_id if job else "unknown"}
        if job is None:
            return Reply(404, {"status": "not_found", "job_id": job_id, "user_id": "unknown",
                               "message": "Job not found"}, headers, code="not_found")
        call.job = job
        job.polls += 1
        done = self.world.is_complete(job)
        answer = {"status": job.result["status"] if done else "processing", "job_id": job_id,
                  "user_id": job.user_id,
                  "message": "Job completed" if done else "Job is still processing",
                  "created_at": signing.format_time(job.accepted_ms)}
        return Reply(200 if done else 202, answer, headers, code=str(answer["status"]))

    async def replay(self, call):
        """B4: deliver the webhook once more, perhaps elsewhere."""
        try:
            self._authorize(call)
        except Refused as refused:
            return refused.reply
        job = self.world.jobs.get(call.request.match_info["job_id"])
        if job is None or job.generation != "v3":
            return refuse_v3(404)
        call.job = job
        if call.raw and call.media != "multipart/form-data":
            return refuse_v3(415)
        if call.raw and (call.parts is None or set(call.parts) - {"callback_url"}):
            return refuse_v3(400, "The multipart body is malformed.")
        if not self.world.is_complete(job):
            return refuse_v3(409, "Job is still processing")
        url = (call.parts or {}).get("callback_url") or job.callback_url
        if not v3_check.is_callback_url(url):
            return refuse_v3(400, "No valid callback URL available")
        self.courier.replay(job, url)
        return Reply(202, {"status": "accepted", "job_id": job.job_id, "user_id": job.user_id,
                           "message": "Callback replay queued successfully."})

    async def supported_id_types(self, call):
        country = call.request.query.get("country")
        if country is not None and country not in idtypes.COUNTRIES:
            return refuse_v3(400, "Required field 'country' is missing or invalid.")
        return Reply(200, idtypes.supported_v3(country))

    async def bank_codes(self, call):
        if call.request.query.get("country") != "NG":
            return refuse_v3(400, "Required field 'country' is missing or invalid.")
        return Reply(200, {"bank_codes": [{"name": name, "code": code}
                                          for name, code in idtypes.BANKS]})

    async def supported_documents(self, call):
        """Documents are out of scope; the shape of this answer is inferred."""
        return Reply(200, {"supported_documents": []})

    async def id_status(self, call):
        """B6's errors, A9's body (its V3 form is inferred)."""
        try:
            self._authorize(call)
        except Refused as refused:
            return refused.reply
        country, kind = call.request.query.get("country"), call.request.query.get("id_type")
        if (country, kind) not in idtypes.TABLE:
            return refuse_v3(400, "Invalid id_type for the given country")
        return Reply(200, {"last_checked": signing.format_time(self.world.now_ms()),
                           "last_check_status": "success", "last_hour_success_rate": "100%",
                           "last_known_status": "online", "last_check_success_rate": "100%"})
