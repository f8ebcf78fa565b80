# SPDX-License-Identifier: Apache-2.0
"""Webhook endpoints and their keys as the session family manages them, and who may."""

import re
import uuid

import pytest

from product import SEED, is_id, is_time, plain, wait_for
from receiver import answer, signatures, signed_by
from session_family import (ALL, ENDPOINTS, EVENTS, NO_PAGE, TAIL, add_key, error, make, new_jwk,
                            no_endpoint, no_key, patch, refused, settled, told)


@pytest.fixture(scope="module")
def jwk():
    return new_jwk()


# ---- endpoints ---------------------------------------------------------------------------------------

def test_create(tenant):
    _, live, _ = tenant
    reply = live.post(ENDPOINTS, {"url": "https://your-app.com/webhooks"})
    assert reply.status_code == 200
    body = reply.json()
    expected = {"data": {"endpoint": {
        "id": "<whe>", "organization_id": "<org>", "name": None,
        "url": "https://your-app.com/webhooks", "enabled": True, "subscribed_event_types": EVENTS,
        "created_at": "<time>", "updated_at": "<time>", "disabled_at": None, "labels": []},
        "signing_secret": body["data"]["signing_secret"]}, "error": None}
    assert plain(body) == expected
    assert list(body) == ["data", "error"]
    assert list(body["data"]) == ["endpoint", "signing_secret"]
    assert list(body["data"]["endpoint"]) == list(expected["data"]["endpoint"])
    assert re.fullmatch("whsec_[A-Za-z0-9+/]{43}=", body["data"]["signing_secret"])


def test_create_with_everything(tenant, receiver):
    _, live, _ = tenant
    made = make(live, receiver.url("/"), name="  Production ", enabled=False,
                labels=["billing ", "Équipe"], subscribed_event_types=["verification.completed"],
                asymmetric=True, legacy_secret_header=True, rate_per_second=5)
    assert plain(made) == {
        "id": "<whe>", "organization_id": "<org>", "name": "Production", "url": receiver.url("/"),
        "enabled": False, "subscribed_event_types": ["verification.completed"],
        "created_at": "<time>", "updated_at": "<time>", "disabled_at": "<time>",
        "labels": ["billing", "Équipe"], "public_key": made["public_key"],
        "legacy_secret_header": True, "rate_per_second": 5}
    assert re.fullmatch("whpk_[A-Za-z0-9+/]{43}=", made["public_key"])
    shown = live.get(f"{ENDPOINTS}/{made['id']}").json()
    assert shown == {"data": made, "error": None}


@pytest.mark.parametrize("change,fault", [
    ({"url": ...}, "url is required"), ({"url": None}, "url must be a string"),
    ({"url": ""}, "url must not be empty"),
    ({"url": "https://10.0.0.1/"},
     "url must be an https:// URL that we can reach over the public internet"),
    ({"name": " "}, "name must not be empty"),
    ({"name": "x" * 121}, "name must have at most 120 characters"),
    ({"enabled": "true"}, "enabled must be true or false"),
    ({"subscribed_event_types": []},
     "subscribed_event_types must be an array; number of words: 1 to 16"),
    ({"labels": "x"}, "labels must be an array of 0 to 8 texts"),
    ({"labels": list("abcdefghi")}, "labels must be an array of 0 to 8 texts"),
    ({"labels": ["x" * 41]}, "labels must be texts of 1 to 40 characters"),
    ({"labels": ["a", " A "]}, "labels must not have the same text twice"),
    ({"signing_secret": "x"}, "signing_secret is not a known field"),
])
def test_bad_create(live, change, fault):
    body = {"url": "https://your-app.com/", **change}
    reply = live.post(ENDPOINTS, {name: item for name, item in body.items() if item is not ...})
    assert reply.status_code == 400
    assert reply.json() == refused("createEndpoint", fault)


def test_all_faults_are_in_the_hint(live):
    reply = live.post(ENDPOINTS, {"name": 1, "more": 2})
    assert reply.json() == refused("createEndpoint", "url is required", "name must be a string",
                                   "more is not a known field")


def test_bodies_that_are_none(live):
    def send(data, kind="application/json"):
        return live.call("POST", ENDPOINTS, data=data, headers={"Content-Type": kind})
    for text in (b"", b"[]", b"{", b"null", b'{"url":"\xff"}', b'{"url":"a","url":"b"}'):
        reply = send(text)
        assert reply.status_code == 400, text
        body = reply.json()
        assert body["data"] is None and body["error"]["code"] == "BAD_REQUEST"
        assert body["error"]["message"].startswith("The request is not valid: ")
        assert "pagination" not in body
    reply = send(b"url=x", "text/plain")
    assert reply.status_code == 415
    assert reply.json() == error(
        "UNSUPPORTED_MEDIA_TYPE", "The body must be sent as application/json.",
        "Send the header Content-Type: application/json.", "createEndpoint")
    reply = send(b'{"url":"' + b"x" * 70000 + b'"}')
    assert reply.status_code == 413
    assert reply.json() == error("PAYLOAD_TOO_LARGE", "The request body is too large.",
                                 "Send a smaller body.", "createEndpoint")


def test_list_and_pages(tenant, receiver):
    _, live, _ = tenant
    assert live.get(ENDPOINTS).json() == {"data": [], "error": None, "pagination": NO_PAGE}
    made = [make(live, receiver.url(f"/{n}"), enabled=n % 2 == 0) for n in range(12)][::-1]
    body = live.get(ENDPOINTS).json()
    assert list(body) == ["data", "error", "pagination"]
    assert body == {"data": made[:10], "error": None, "pagination": {
        "limit": 10, "has_more": True, "next_cursor": made[9]["id"]}}
    body = live.get(f"{ENDPOINTS}?starting_after={made[9]['id']}").json()
    assert body == {"data": made[10:], "error": None, "pagination": NO_PAGE}
    seen, after = [], ""
    while after is not None:
        body = live.get(f"{ENDPOINTS}?limit=5{after and '&starting_after=' + after}").json()
        seen += body["data"]
        assert body["pagination"]["limit"] == 5
        assert body["pagination"]["has_more"] is (body["pagination"]["next_cursor"] is not None)
        after = body["pagination"]["next_cursor"]
    assert seen == made
    # A page that is just full has nothing behind it; both spellings carry on.
    assert live.get(ENDPOINTS + "?limit=12").json()["pagination"]["has_more"] is False
    other = made[9]["id"].replace("whe_", "wh_")
    assert live.get(f"{ENDPOINTS}?starting_after={other}").json()["data"] == made[10:]
    for word, wanted in (("true", 6), ("false", 6)):
        found = live.get(f"{ENDPOINTS}?enabled={word}&limit=100").json()["data"]
        assert [item["enabled"] for item in found] == [word == "true"] * wanted


@pytest.mark.parametrize("query,fault", [
    ("limit=0", "limit must be a whole number from 1 to 100"),
    ("limit=101", "limit must be a whole number from 1 to 100"),
    ("limit=", "limit must be a whole number"), ("limit=x", "limit must be a whole number"),
    ("enabled=1", "enabled must be true or false"),
    ("enabled=yes", "enabled must be true or false"),
    ("starting_after=x", "starting_after is not the id of a webhook endpoint"),
    ("starting_after=evt_" + TAIL, "starting_after is not the id of a webhook endpoint"),
    ("starting_after=whe_9" + TAIL[1:], "starting_after is not the id of a webhook endpoint"),
    ("cursor=x", "cursor is not a known field"),
])
def test_bad_queries(live, query, fault):
    reply = live.get(f"{ENDPOINTS}?{query}")
    assert reply.status_code == 400
    assert reply.json() == refused("listEndpoints", fault, page=NO_PAGE)


def test_the_limit_asked_for_is_in_the_error(live):
    body = live.get(ENDPOINTS + "?limit=7&x=1").json()
    assert body["pagination"] == {"limit": 7, "has_more": False, "next_cursor": None}


def test_patch(tenant, receiver):
    _, live, _ = tenant
    made = make(live, receiver.url("/"), name="Old", labels=["a"], rate_per_second=5)
    body = patch(live, made, name="New", url=receiver.url("/new"), labels=["b", "c"],
                 subscribed_event_types=["webhook.disabled"], rate_per_second=7).json()
    assert plain(body) == {"data": plain({**made, "name": "New", "url": receiver.url("/new"),
                                          "labels": ["b", "c"], "rate_per_second": 7,
                                          "subscribed_event_types": ["webhook.disabled"]}),
                           "error": None}
    # What is not named stays.
    body = patch(live, made, enabled=False).json()["data"]
    assert body["enabled"] is False and is_time(body["disabled_at"])
    assert body["name"] == "New" and body["labels"] == ["b", "c"]
    body = patch(live, made, name=None, labels=[], enabled=True, rate_per_second=0).json()["data"]
    assert body["enabled"] is True and body["disabled_at"] is None
    assert body["name"] is None and body["labels"] == [] and "rate_per_second" not in body
    assert live.get(f"{ENDPOINTS}/{made['id']}").json()["data"] == body


def test_disabled_by_its_owner_is_told_nothing(tenant, receiver):
    _, live, _ = tenant
    made = make(live, receiver.url("/"), enabled=False,
                subscribed_event_types=["verification.completed"])
    live.post("/v1/kyc/sandbox/verify", SEED)
    assert live.get("/v1/webhooks/deliveries").json()["data"] == []
    patch(live, made, enabled=True)
    live.post("/v1/kyc/sandbox/verify", SEED)
    assert wait_for(lambda: receiver.of("/"), 20)


@pytest.mark.parametrize("body,fault", [
    ({}, "body must have at least one of url, name, enabled, subscribed_event_types, labels, "
         "legacy_secret_header, rate_per_second"),
    ({"url": None}, "url must be a string"), ({"name": ""}, "name must not be empty"),
    ({"enabled": None}, "enabled must be true or false"), ({"id": "x"}, "id is not a known field"),
    ({"url": "http://example.org/"},
     "url must be an https:// URL that we can reach over the public internet"),
    ({"subscribed_event_types": []},
     "subscribed_event_types must be an array; number of words: 1 to 16"),
])
def test_bad_patch(tenant, receiver, body, fault):
    _, live, _ = tenant
    made = make(live, receiver.url("/"))
    reply = patch(live, made, **body)
    assert reply.status_code == 400
    assert reply.json() == refused("updateEndpoint", fault)
    assert live.get(f"{ENDPOINTS}/{made['id']}").json()["data"] == made


def test_delete(tenant, receiver):
    _, live, _ = tenant
    made = make(live, receiver.url("/"))
    path = f"{ENDPOINTS}/{made['id']}"
    reply = live.delete(path)
    assert reply.status_code == 200
    assert reply.json() == {"data": {"message": "Webhook endpoint deleted.", "status": "success"},
                            "error": None}
    assert live.delete(path).json() == no_endpoint("deleteEndpoint")
    assert live.get(path).json() == no_endpoint("getEndpoint")
    assert live.get(ENDPOINTS).json()["data"] == []


def test_fifty_are_enough(tenant, receiver):
    _, live, _ = tenant
    for n in range(50):
        make(live, receiver.url(f"/{n}"))
    reply = live.post(ENDPOINTS, {"url": receiver.url("/51")})
    assert reply.status_code == 400
    assert reply.json() == refused(
        "createEndpoint", "body is one endpoint more than an application may have (50)")


# ---- secrets and the test ------------------------------------------------------------------------------

def test_reveal_and_rotate(stack, tenant, receiver):
    _, live, _ = tenant
    data = live.post(ENDPOINTS, {"url": receiver.url("/")}).json()["data"]
    made, first = data["endpoint"], data["signing_secret"]
    path = f"{ENDPOINTS}/{made['id']}/signing-secret/"
    assert live.post(path + "reveal").json() == {
        "data": {"endpoint_id": made["id"], "signing_secret": first}, "error": None}
    reply = live.post(path + "rotate", {"overlap_seconds": 3600})
    assert reply.status_code == 200
    second = reply.json()["data"]["signing_secret"]
    assert reply.json() == {"data": {"endpoint_id": made["id"], "signing_secret": second},
                            "error": None}
    assert second != first
    assert live.post(path + "reveal", {}).json()["data"]["signing_secret"] == second
    live.post(f"{ENDPOINTS}/{made['id']}/test")
    request = receiver.of("/")[-1]
    assert len(signatures(request)) == 2
    assert signed_by(first, request) and signed_by(second, request)
    # Without an overlap the old one is dead at once; without a body there is one of a day.
    third = live.post(path + "rotate", {"overlap_seconds": 0}).json()["data"]["signing_secret"]
    live.post(f"{ENDPOINTS}/{made['id']}/test")
    request = receiver.of("/")[-1]
    assert len(signatures(request)) == 1 and signed_by(third, request)
    fourth = live.post(path + "rotate").json()["data"]["signing_secret"]
    live.post(f"{ENDPOINTS}/{made['id']}/test")
    request = receiver.of("/")[-1]
    assert signed_by(third, request) and signed_by(fourth, request)
    overlap = "SELECT TIMESTAMPDIFF(SECOND, updated_at, secret_old_until) FROM webhook_endpoint " \
              "WHERE url = %s"
    assert stack.rows(overlap, receiver.url("/")) == ((86400,),)


@pytest.mark.parametrize("value,fault", [
    (-1, "must be a whole number from 0 to 604800"),
    (604801, "must be a whole number from 0 to 604800"), ("1", "must be a whole number"),
    (None, "must be a whole number"), (1.5, "must be a whole number")])
def test_bad_rotate(tenant, receiver, value, fault):
    _, live, _ = tenant
    made = make(live, receiver.url("/"))
    reply = live.post(f"{ENDPOINTS}/{made['id']}/signing-secret/rotate",
                      {"overlap_seconds": value})
    assert reply.status_code == 400
    assert reply.json() == refused("rotateSigningSecret", "overlap_seconds " + fault)


def test_test(tenant, receiver):
    _, live, _ = tenant
    data = live.post(ENDPOINTS, {"url": receiver.url("/")}).json()["data"]
    path = f"{ENDPOINTS}/{data['endpoint']['id']}/test"
    body = live.post(path).json()
    assert body == {"data": {"delivered": True, "status_code": 200,
                             "response_time_ms": body["data"]["response_time_ms"]}, "error": None}
    request = receiver.of("/")[0]
    assert signed_by(data["signing_secret"], request)
    assert request.headers["x-kayle-event"] == "webhook.test"
    assert is_id("whd", request.headers["x-kayle-delivery-id"])
    receiver.rule("/", answer(503))
    assert live.post(path).json()["data"]["delivered"] is False


# ---- encryption keys -------------------------------------------------------------------------------------

def test_key_create(tenant, receiver, jwk):
    _, live, _ = tenant
    made = make(live, receiver.url("/"))
    key = add_key(live, made, {**jwk, "kid": "mine", "use": "enc"})
    assert plain(key) == {
        "id": "<whk>", "webhook_endpoint_id": "<whe>", "key_id": "2026-05",
        "algorithm": "RSA-OAEP-256", "key_type": "RSA",
        "jwk": {"alg": "RSA-OAEP-256", "e": jwk["e"], "key_ops": ["encrypt"], "kty": "RSA",
                "n": jwk["n"]},
        "is_active": True, "created_at": "<time>", "updated_at": "<time>", "disabled_at": None}
    assert list(key) == ["id", "webhook_endpoint_id", "key_id", "algorithm", "key_type", "jwk",
                         "is_active", "created_at", "updated_at", "disabled_at"]
    assert key["webhook_endpoint_id"] == made["id"]


def test_one_active_key(tenant, receiver, jwk):
    _, live, _ = tenant
    made = make(live, receiver.url("/"))
    path = f"{ENDPOINTS}/{made['id']}/keys"
    assert live.get(path).json() == {"data": [], "error": None, "pagination": NO_PAGE}
    first, second = (add_key(live, made, jwk, name) for name in ("one", "two"))

    def active():
        return [key["key_id"] for key in live.get(path + "?is_active=true").json()["data"]]
    assert active() == ["two"]
    listed = live.get(path).json()
    assert [key["id"] for key in listed["data"]] == [second["id"], first["id"]]
    assert listed["data"][0] == second and is_time(listed["data"][1]["disabled_at"])
    body = live.post(f"/v1/webhooks/keys/{first['id']}/reactivate").json()
    assert body["error"] is None and body["data"]["is_active"] is True
    assert body["data"]["disabled_at"] is None and active() == ["one"]
    for _ in range(2):
        body = live.post(f"/v1/webhooks/keys/{first['id']}/deactivate", {}).json()
        assert body["data"]["is_active"] is False and is_time(body["data"]["disabled_at"])
    assert active() == []
    assert len(live.get(path + "?is_active=false").json()["data"]) == 2
    body = live.get(path + "?limit=1").json()
    assert body["pagination"] == {"limit": 1, "has_more": True, "next_cursor": second["id"]}
    body = live.get(f"{path}?limit=1&starting_after={second['id']}").json()
    assert [key["id"] for key in body["data"]] == [first["id"]]
    assert body["pagination"]["next_cursor"] is None
    assert live.get(path + "?starting_after=whe_" + TAIL).json() == refused(
        "listEncryptionKeys", "starting_after is not the id of an encryption key", page=NO_PAGE)


JWK_FAULT = "jwk must be an RSA public key for RSA-OAEP-256 of at least 2048 bits, without " \
            "private members"


@pytest.mark.parametrize("change,fault", [
    ({"key_id": ...}, "key_id is required"), ({"key_id": ""}, "key_id must not be empty"),
    ({"key_id": "x" * 129}, "key_id must have at most 128 characters"),
    ({"algorithm": "RSA1_5"}, "algorithm must be one of RSA-OAEP-256"),
    ({"key_type": "EC"}, "key_type must be one of RSA"),
    ({"jwk": ...}, "jwk is required"), ({"jwk": None}, "jwk must be a JSON object"),
    ({"jwk": "{}"}, "jwk must be a JSON object"), ({"jwk": {}}, JWK_FAULT),
    ({"jwk": {"kty": "EC"}}, JWK_FAULT), ({"jwk": "small"}, JWK_FAULT),
    ({"jwk": "private"}, JWK_FAULT), ({"jwk": "sig"}, JWK_FAULT),
])
def test_bad_keys(tenant, receiver, jwk, change, fault):
    _, live, _ = tenant
    made = make(live, receiver.url("/"))
    special = {"small": lambda: new_jwk(1024), "private": lambda: {**jwk, "d": jwk["n"]},
               "sig": lambda: {**jwk, "use": "sig"}}
    body = {"key_id": "k", "algorithm": "RSA-OAEP-256", "key_type": "RSA", "jwk": jwk, **change}
    if isinstance(body["jwk"], str) and body["jwk"] in special:
        body["jwk"] = special[body["jwk"]]()
    reply = live.post(f"{ENDPOINTS}/{made['id']}/keys",
                      {name: item for name, item in body.items() if item is not ...})
    assert reply.status_code == 400
    assert reply.json() == refused("createEncryptionKey", fault)
    assert live.get(f"{ENDPOINTS}/{made['id']}/keys").json()["data"] == []


def test_keys_of_nobody(live, jwk):
    body = {"key_id": "k", "algorithm": "RSA-OAEP-256", "key_type": "RSA", "jwk": jwk}
    for endpoint in ("whe_" + TAIL, "x"):
        path = f"{ENDPOINTS}/{endpoint}/keys"
        assert live.get(path).json() == {"data": [], "error": None, "pagination": NO_PAGE}
        assert live.post(path, body).json() == no_endpoint("createEncryptionKey")
    for key in ("whk_" + TAIL, "whe_" + TAIL, "x"):
        for turn, name in (("deactivate", "deactivateEncryptionKey"),
                           ("reactivate", "reactivateEncryptionKey")):
            reply = live.post(f"/v1/webhooks/keys/{key}/{turn}")
            assert reply.status_code == 404 and reply.json() == no_key(name)


# ---- who may ---------------------------------------------------------------------------------------------------

READ, WRITE = "webhooks.read", "webhooks.write"
ONE = f"{ENDPOINTS}/whe_{TAIL}"
ROUTES = [
    ("POST", ENDPOINTS, WRITE, "createEndpoint"), ("GET", ENDPOINTS, READ, "listEndpoints"),
    ("GET", ONE, READ, "getEndpoint"), ("PATCH", ONE, WRITE, "updateEndpoint"),
    ("DELETE", ONE, WRITE, "deleteEndpoint"),
    ("POST", ONE + "/signing-secret/reveal", WRITE, "revealSigningSecret"),
    ("POST", ONE + "/signing-secret/rotate", WRITE, "rotateSigningSecret"),
    ("POST", ONE + "/test", WRITE, "testEndpoint"),
    ("POST", ONE + "/keys", WRITE, "createEncryptionKey"),
    ("GET", ONE + "/keys", READ, "listEncryptionKeys"),
    ("POST", f"/v1/webhooks/keys/whk_{TAIL}/deactivate", WRITE, "deactivateEncryptionKey"),
    ("POST", f"/v1/webhooks/keys/whk_{TAIL}/reactivate", WRITE, "reactivateEncryptionKey"),
    ("GET", "/v1/webhooks/deliveries", READ, "listDeliveries"),
    ("GET", f"/v1/webhooks/deliveries/whd_{TAIL}", READ, "getDelivery"),
    ("POST", f"/v1/webhooks/deliveries/whd_{TAIL}/retry", WRITE, "retryDelivery"),
    ("GET", "/v1/webhooks/events", READ, "listEvents"),
    ("GET", f"/v1/webhooks/events/evt_{TAIL}", READ, "getEvent"),
    ("POST", f"/v1/webhooks/events/evt_{TAIL}/replay", WRITE, "replayEvent"),
    ("GET", "/v1/events", READ, "listEventsAlias"),
    ("GET", f"/v1/events/evt_{TAIL}", READ, "getEventAlias"),
    ("POST", f"/v1/events/evt_{TAIL}/replay", WRITE, "replayEventAlias"),
]


@pytest.fixture(scope="module")
def scoped(stack):
    """Clients of one tenant by their scopes."""
    app, _ = stack.tenant("Scoped")
    clients = {}

    def client(*scopes):
        if scopes not in clients:
            clients[scopes] = stack.client(stack.key(app, scopes=" ".join(scopes))["key"])
        return clients[scopes]
    return client


@pytest.mark.parametrize("method,path,scope,operation", ROUTES)
def test_credential_and_scope(stack, scoped, method, path, scope, operation):
    page = NO_PAGE if operation.startswith("list") else None
    reply = stack.client().call(method, path, json={})
    assert reply.status_code == 401 and reply.headers["WWW-Authenticate"] == "Bearer"
    assert reply.json() == error("UNAUTHORIZED", "Missing or invalid API key.",
                                 "Send a valid key: Authorization: Bearer <your API key>.",
                                 operation, page)
    # Write implies read of the same area, of no other, and not the other way about.
    without = tuple(word for word in ALL if word not in (scope, WRITE))
    reply = scoped(*without).call(method, path, json={})
    assert reply.status_code == 403
    assert reply.json() == error("FORBIDDEN", "This API key may not do this.",
                                 "Use a key that has the scope of this operation.", operation,
                                 page)
    for scopes in ((scope,), (WRITE,)):
        assert scoped(*scopes).call(method, path, json={}).status_code not in (401, 403)


def test_in_the_kyc_family_write_is_not_read(scoped):
    assert scoped(WRITE).get("/v1/webhooks").status_code == 403


def test_a_suspended_organisation(stack):
    app, org = stack.tenant("Suspended")
    client = stack.client(stack.key(app)["key"])
    assert client.get(ENDPOINTS).status_code == 200
    stack.cli("org", "suspend", org)
    assert wait_for(lambda: client.get(ENDPOINTS).status_code == 403, 5)
    assert client.get(ENDPOINTS).json() == error(
        "FORBIDDEN", "This organisation is suspended.",
        "Ask your operator why the organisation is suspended.", "listEndpoints", NO_PAGE)


def everything_of(client, endpoint, key, delivery):
    """The status of each call that names an object of a tenant."""
    one, event = f"{ENDPOINTS}/{endpoint['id']}", f"/v1/events/{delivery['event_id']}"
    whd = "/v1/webhooks/deliveries/" + delivery["id"]
    whk = f"/v1/webhooks/keys/{key['id']}/"
    return [client.call(method, path, json=body).status_code for method, path, body in (
        ("GET", one, None), ("PATCH", one, {"name": "x"}), ("DELETE", one, None),
        ("POST", one + "/signing-secret/reveal", None),
        ("POST", one + "/signing-secret/rotate", None), ("POST", one + "/test", None),
        ("POST", one + "/keys", {"key_id": "k", "algorithm": "RSA-OAEP-256", "key_type": "RSA",
                                 "jwk": {name: key["jwk"][name] for name in ("kty", "n", "e")}}),
        ("POST", whk + "deactivate", None), ("POST", whk + "reactivate", None),
        ("GET", whd, None), ("POST", whd + "/retry", None), ("GET", event, None),
        ("POST", event + "/replay", None))]


def lists_of(client, endpoint, delivery):
    return [client.get(path).json()["data"] for path in (
        ENDPOINTS, f"{ENDPOINTS}/{endpoint['id']}/keys", "/v1/webhooks/deliveries", "/v1/events",
        f"/v1/webhooks/deliveries?endpoint_id={endpoint['id']}",
        f"/v1/webhooks/deliveries?event_id={delivery['event_id']}")]


def test_nobody_else_sees_it(stack, tenant, receiver, jwk):
    _, live, _ = tenant
    endpoint, delivery = told(live, receiver)
    settled(live, delivery)
    key = add_key(live, endpoint, jwk)
    app, _ = stack.tenant("Foreign")
    foreign = stack.client(stack.key(app)["key"])
    assert set(everything_of(foreign, endpoint, key, delivery)) == {404}
    assert lists_of(foreign, endpoint, delivery) == [[]] * 6
    # What another test's endpoint is sent again, five seconds later, is not meant.
    assert sum(request.id == delivery["event_id"] for request in receiver.of("/")) == 1
    assert all(lists_of(live, endpoint, delivery))


def test_a_sandbox_key_sees_sandbox_objects_only(stack, tenant, receiver, jwk):
    app, live, sandbox = tenant
    endpoint = make(live, receiver.url("/live"), subscribed_event_types=["webhook.test"])
    key = add_key(live, endpoint, jwk)
    live.post(f"{ENDPOINTS}/{endpoint['id']}/test")
    delivery = live.get("/v1/webhooks/deliveries").json()["data"][0]
    assert set(everything_of(sandbox, endpoint, key, delivery)) == {404}
    assert lists_of(sandbox, endpoint, delivery) == [[]] * 6
    mine, told_of = told(sandbox, receiver, "/sandbox")
    assert [item["id"] for item in sandbox.get(ENDPOINTS).json()["data"]] == [mine["id"]]
    assert len(live.get(ENDPOINTS).json()["data"]) == 2
    assert live.get("/v1/webhooks/deliveries/" + told_of["id"]).status_code == 200


def test_both_spellings(tenant, receiver, jwk):
    _, live, _ = tenant
    made = make(live, receiver.url("/"))
    other = made["id"].replace("whe_", "wh_")
    assert live.get(f"{ENDPOINTS}/{other}").json()["data"] == made
    assert live.post(f"{ENDPOINTS}/{other}/test").json()["data"]["delivered"] is True
    assert add_key(live, {"id": other}, jwk)["webhook_endpoint_id"] == made["id"]
    assert len(live.get(f"{ENDPOINTS}/{other}/keys").json()["data"]) == 1
    assert live.get("/v1/webhooks").json()["data"][0]["id"] == other
    assert live.delete(f"{ENDPOINTS}/{other}").status_code == 200


# ---- the family's shapes -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", [
    ENDPOINTS + "/", ENDPOINTS + "/x/y", ENDPOINTS + "/x/keys/y", "/v1/webhooks/keys",
    "/v1/webhooks/keys/x", "/v1/webhooks/keys/test", "/v1/webhooks/events/x/y",
    "/v1/webhooks/deliveries/x/again", "/v1/events/", "/v1/sessions/x/y/z", "/v1/analytics",
    "/v1/analytics/sessions"])
def test_unknown_paths_have_this_familys_shape(live, path):
    for method in ("GET", "POST", "DELETE"):
        reply = live.call(method, path)
        assert reply.status_code == 404, method
        assert reply.json() == error("NOT_FOUND", "There is nothing at this address.",
                                     "Check the path against the reference.")


@pytest.mark.parametrize("method,path,allow", [
    ("DELETE", ENDPOINTS, "GET, HEAD, POST, OPTIONS"), ("PUT", ONE, "GET, HEAD, PATCH, DELETE, "
     "OPTIONS"), ("GET", ONE + "/test", "POST, OPTIONS"),
    ("DELETE", "/v1/webhooks/events", "GET, HEAD, OPTIONS"),
    ("DELETE", "/v1/webhooks/deliveries", "GET, HEAD, OPTIONS")])
def test_wrong_method(live, method, path, allow):
    reply = live.call(method, path)
    assert reply.status_code == 405 and reply.headers["Allow"] == allow
    assert reply.json() == error("METHOD_NOT_ALLOWED", "This address does not answer that method.",
                                 "The Allow header names the methods of this address.")
    reply = live.call("OPTIONS", path)
    assert reply.status_code == 204 and reply.headers["Allow"] == allow


def test_headers_of_every_answer(live, stack):
    for method, path, _, _ in ROUTES:
        for client in (live, stack.client()):
            reply = client.call(method, path, json={})
            assert reply.headers["Cache-Control"] == "no-store"
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
            assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
            assert is_id("req", reply.headers["X-Request-Id"])
            assert ("pagination" in reply.json()) is (method == "GET" and reply.url.rsplit(
                "/", 1)[1] in ("endpoints", "keys", "deliveries", "events"))


def test_head(live):
    whole = live.get(ENDPOINTS)
    reply = live.call("HEAD", ENDPOINTS)
    assert reply.status_code == whole.status_code == 200 and reply.content == b""


def test_idempotency(tenant, receiver, jwk):
    _, live, _ = tenant
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    first = live.post(ENDPOINTS, {"url": receiver.url("/")}, headers=headers)
    again = live.post(ENDPOINTS, {"url": receiver.url("/")}, headers=headers)
    assert first.status_code == again.status_code == 200 and first.text == again.text
    assert again.headers["Idempotent-Replayed"] == "true"
    reply = live.post(ENDPOINTS, {"url": receiver.url("/other")}, headers=headers)
    assert reply.status_code == 422
    assert reply.json() == error("IDEMPOTENCY_MISMATCH",
                                 "This Idempotency-Key was used with another request.",
                                 "Use a new Idempotency-Key for a new request.", "createEndpoint")
    assert len(live.get(ENDPOINTS).json()["data"]) == 1
    # A refusal is not kept: what was wrong may be put right under the same key.
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    assert live.post(ENDPOINTS, {"url": "https://10.0.0.1/"}, headers=headers).status_code == 400
    assert live.post(ENDPOINTS, {"url": receiver.url("/")}, headers=headers).status_code == 200
