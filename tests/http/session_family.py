# SPDX-License-Identifier: Apache-2.0
"""What the tests of the session family's webhooks share: its errors, and objects to look at."""

import base64

from cryptography.hazmat.primitives.asymmetric import rsa

from product import SEED, wait_for

ENDPOINTS = "/v1/webhooks/endpoints"
EVENTS = ["verification.attempt.succeeded", "verification.attempt.failed",
          "verification.session.expired", "verification.session.cancelled"]
EVENT_WORDS = (
    "verification.completed, verification.failed, webhook.test, webhook.disabled, "
    "verification.attempt.succeeded, verification.attempt.failed, verification.session.expired, "
    "verification.session.cancelled, billing.low_balance, session.created, "
    "session.status.submitted, session.status.verified, session.status.rejected, "
    "session.status.failed, age.completed, age.review")
ALL = ["kyc.verify", "kyc.read", "score.get", "keys.read", "keys.write", "webhooks.read",
       "webhooks.write", "sessions.read", "sessions.write", "analytics.read"]
TAIL = "01h455vb4pex5vsknk084sn02q"
NO_PAGE = {"limit": 10, "has_more": False, "next_cursor": None}


def error(code, message, hint, operation=None, page=None):
    docs = "/reference" if operation is None else "/reference#" + operation
    body = {"data": None, "error": {"code": code, "message": message, "hint": hint, "docs": docs}}
    return body if page is None else {**body, "pagination": page}


def refused(operation, *faults, page=None):
    return error("BAD_REQUEST", f"The request is not valid: {faults[0]}.",
                 "; ".join(faults) + ".", operation, page)


def no_endpoint(operation):
    return error("NOT_FOUND", "Webhook endpoint not found.",
                 "No webhook endpoint with this id is visible to this key.", operation)


def no_key(operation):
    return error("NOT_FOUND", "Webhook encryption key not found.",
                 "No encryption key with this id is visible to this key.", operation)


def no_delivery(operation):
    return error("NOT_FOUND", "Webhook delivery not found.",
                 "No delivery with this id is visible to this key.", operation)


def no_event(operation):
    return error("NOT_FOUND", "Webhook event not found.",
                 "No event with this id is visible to this key.", operation)


def no_session(operation):
    return error("NOT_FOUND", "Session not found.",
                 "The session with the given ID was not found.", operation)


def make(client, url, **body):
    reply = client.post(ENDPOINTS, {"url": url, **body})
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]["endpoint"]


def patch(client, endpoint, **body):
    return client.call("PATCH", f"{ENDPOINTS}/{endpoint['id']}", json=body)


def told(client, receiver, path="/", **change):
    """An endpoint that hears of verifications, one verification, and the delivery of it."""
    endpoint = make(client, receiver.url(path), subscribed_event_types=["verification.completed"],
                    **change)
    assert client.post("/v1/kyc/sandbox/verify", SEED).status_code == 200
    delivery = client.get(f"/v1/webhooks/deliveries?endpoint_id={endpoint['id']}").json()["data"]
    assert len(delivery) == 1
    return endpoint, delivery[0]


def settled(client, delivery, *words):
    words = words or ("succeeded", "failed")

    def look():
        shown = client.get("/v1/webhooks/deliveries/" + delivery["id"]).json()["data"]
        return shown if shown["status"] in words else None
    shown = wait_for(look, 20)
    assert shown, f"{delivery['id']} does not become {words}"
    return shown


def big_endian(number):
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def new_jwk(bits=2048, **more):
    numbers = rsa.generate_private_key(65537, bits).public_key().public_numbers()
    return {"kty": "RSA", "n": big_endian(numbers.n), "e": big_endian(numbers.e), **more}


def add_key(client, endpoint, jwk, key_id="2026-05"):
    reply = client.post(f"{ENDPOINTS}/{endpoint['id']}/keys", {
        "key_id": key_id, "algorithm": "RSA-OAEP-256", "key_type": "RSA", "jwk": jwk})
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]
