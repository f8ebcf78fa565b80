# SPDX-License-Identifier: Apache-2.0
"""API keys: made, listed, used, revoked; what each credential may do."""

import binascii
import concurrent.futures
import string
import time

import pytest

from product import SEED, plain, wait_for

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
ALL = ["kyc.verify", "kyc.read", "score.get", "keys.read", "keys.write", "webhooks.read",
       "webhooks.write"]
UNAUTHORIZED = {"error": {"code": "UNAUTHORIZED", "message": "Missing or invalid API key.",
                          "details": {}}}
FORBIDDEN = {"error": {"code": "FORBIDDEN", "message": "This API key may not do this.",
                       "details": {}}}
CREATE = {"name": "Production backend", "scopes": ["kyc.verify", "kyc.read", "webhooks.read"],
          "environment": "live"}


def make(client, **change):
    answer = client.post("/v1/keys", {**CREATE, **change})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def check_tail(key):
    """42 characters of entropy and 6 of base62 CRC-32 over everything before."""
    number, tail = binascii.crc32(key[:-6].encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        tail = BASE62[digit] + tail
    return key[-6:] == tail


def test_create_answers_the_seeds_example(live):
    answer = live.post("/v1/keys", CREATE)
    assert answer.status_code == 201
    expected = {"data": {"id": "<key>", "name": "Production backend", "key": "dme_live_<key>",
                         "scopes": ["kyc.verify", "kyc.read", "webhooks.read"],
                         "environment": "live", "created_at": "<time>", "last_used_at": None}}
    assert plain(answer.json()) == expected
    assert list(answer.json()["data"]) == list(expected["data"])
    assert check_tail(answer.json()["data"]["key"])


def test_list_answers_the_seeds_example(tenant):
    _, live, _ = tenant
    made = make(live, scopes=["kyc.verify"])
    body = live.get("/v1/keys").json()
    assert set(body) == {"data"}
    item = next(item for item in body["data"] if item["id"] == made["id"])
    assert plain(item) == {"id": "<key>", "name": "Production backend", "scopes": ["kyc.verify"],
                           "environment": "live", "created_at": "<time>", "last_used_at": None,
                           "kind": "server"}
    assert made["key"] not in live.get("/v1/keys").text


def test_a_new_key_works_at_once_and_its_use_is_noted(stack, tenant):
    _, live, _ = tenant
    made = make(live)
    client = stack.client(made["key"])
    assert client.get("/v1/kyc/verifications").status_code == 200

    def used():
        items = live.get("/v1/keys").json()["data"]
        return next(item for item in items if item["id"] == made["id"])["last_used_at"]
    assert wait_for(used, 5) is not None


def test_one_and_the_same_401(stack, tenant):
    _, live, _ = tenant
    good = stack.env["BONAFIDE_LIVE_KEY"]
    revoked = make(live)
    assert live.delete("/v1/keys/" + revoked["id"]).status_code == 204
    mistyped = good[:-1] + ("a" if good[-1] != "a" else "b")
    bodies = set()
    for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer"},
                    {"Authorization": "Bearer "}, {"Authorization": "Basic " + good},
                    {"Authorization": good}, {"Authorization": "Bearer " + mistyped},
                    {"Authorization": "Bearer " + revoked["key"]}, {"X-API-Key": "x"},
                    {"X-API-Key": good.upper()}, {"Authorization": "Bearer dme_live_" + "x" * 48},
                    {"Authorization": "Bearer " + "x" * 400}):
        answer = stack.client().get("/v1/keys", headers=headers)
        assert answer.status_code == 401, headers
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        bodies.add(answer.text)
    assert len(bodies) == 1
    assert answer.json() == UNAUTHORIZED


def test_expired_at_its_second(stack, tenant):
    """However lately a worker has seen the key: all of them serve it until then."""
    _, live, _ = tenant
    end = int(time.time()) + 2
    made = make(live, expires_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end)))
    answers = []

    def ask(_):
        client = stack.client(made["key"])
        while time.time() < end + 0.3:
            began = time.time()
            status = client.get("/v1/kyc/verifications?limit=1").status_code
            answers.append((began, time.time(), status))
    with concurrent.futures.ThreadPoolExecutor(4) as crowd:
        list(crowd.map(ask, range(4)))
    assert {status for _, done, status in answers if done < end} == {200}
    assert {status for began, _, status in answers if began >= end} == {401}
    assert stack.client(made["key"]).get("/v1/kyc/verifications").json() == UNAUTHORIZED
    assert made["id"] not in live.get("/v1/keys").text
    answer = live.post("/v1/keys", {**CREATE, "expires_at": "2020-01-01T00:00:00Z"})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["errors"][0]["field"] == "expires_at"


ROUTES = [
    ("POST", "/v1/kyc/sandbox/verify", ["kyc.verify"]), ("POST", "/v1/kyc/verify", ["kyc.verify"]),
    ("GET", "/v1/kyc/verifications", ["kyc.read"]),
    ("GET", "/v1/kyc/verifications/ver_01h455vb4pex5vsknk084sn02q", ["kyc.read"]),
    ("DELETE", "/v1/kyc/verifications/ver_01h455vb4pex5vsknk084sn02q", ["kyc.verify"]),
    ("POST", "/v1/score/get", ["score.get"]), ("POST", "/v1/keys", ["keys.write"]),
    ("GET", "/v1/keys", ["keys.read"]),
    ("DELETE", "/v1/keys/key_01h455vb4pex5vsknk084sn02q", ["keys.write"]),
    ("POST", "/v1/keys/key_01h455vb4pex5vsknk084sn02q/rotate", ["keys.write"]),
    ("GET", "/v1/usage", ["kyc.read"]),
]


@pytest.mark.parametrize("method,path,scopes", ROUTES)
def test_every_route_needs_its_scope(stack, tenant, method, path, scopes):
    app, _, _ = tenant
    without = " ".join(scope for scope in ALL if scope not in scopes)
    answer = stack.client(stack.key(app, scopes=without)["key"]).call(method, path, json={})
    assert answer.status_code == 403
    assert answer.json() == FORBIDDEN
    answer = stack.client(stack.key(app, scopes=" ".join(scopes))["key"]).call(
        method, path, json={})
    assert answer.status_code not in (401, 403)


def test_a_score_needs_its_scope_too(stack, tenant):
    app, _, _ = tenant
    client = stack.client(stack.key(app, scopes="kyc.verify")["key"])
    answer = client.post("/v1/kyc/sandbox/verify", {**SEED, "score_requested": True})
    assert answer.status_code == 403
    assert answer.json() == FORBIDDEN


def test_nobody_gives_more_than_they_have(stack, tenant):
    app, _, sandbox = tenant
    small = stack.client(stack.key(app, scopes="keys.write kyc.read")["key"])
    assert small.post("/v1/keys", CREATE).json() == FORBIDDEN
    assert small.post("/v1/keys", {**CREATE, "scopes": ["kyc.read"]}).status_code == 201
    assert sandbox.post("/v1/keys", CREATE).json() == FORBIDDEN
    assert sandbox.post("/v1/keys", {**CREATE, "environment": "sandbox"}).status_code == 201


def test_a_sandbox_key_sees_sandbox_keys_only(tenant):
    _, live, sandbox = tenant
    made = make(live)
    assert made["id"] not in sandbox.get("/v1/keys").text
    assert sandbox.delete("/v1/keys/" + made["id"]).status_code == 404
    environments = {item["environment"] for item in live.get("/v1/keys").json()["data"]}
    assert environments == {"live", "sandbox"}


@pytest.mark.parametrize("change,field", [
    ({"name": ""}, "name"), ({"name": "x" * 121}, "name"), ({"scopes": []}, "scopes"),
    ({"scopes": ["kyc.fly"]}, "scopes"), ({"scopes": "kyc.read"}, "scopes"),
    ({"scopes": [1]}, "scopes"), ({"environment": "test"}, "environment"),
    ({"kind": "admin"}, "kind"), ({"expires_at": "soon"}, "expires_at"), ({"more": 1}, "more"),
])
def test_bad_create(live, change, field):
    answer = live.post("/v1/keys", {**CREATE, **change})
    assert answer.status_code == 400, answer.text
    assert [f["field"] for f in answer.json()["error"]["details"]["errors"]] == [field]


def test_all_faults_of_a_create_at_once(live):
    answer = live.post("/v1/keys", {"kind": "secret", "scopes": ["kyc.read"], "more": 1,
                                    "expires_at": "2020-01-01"})
    assert answer.status_code == 400
    assert {f["field"] for f in answer.json()["error"]["details"]["errors"]} == {
        "name", "environment", "scopes", "expires_at", "more"}


def test_both_spellings_of_a_scope(tenant):
    _, live, _ = tenant
    made = make(live, scopes=["webhooks:read", "sessions:read"])
    assert "webhooks.read" in made["scopes"] or "webhooks:read" in made["scopes"]


NO_KEY = {"error": {"code": "KEY_NOT_FOUND", "message": "There is no such API key.", "details": {}}}


@pytest.mark.parametrize("key", ["key_01h455vb4pex5vsknk084sn02q", "key_", "x",
                                 "ver_01h455vb4pex5vsknk084sn02q"])
def test_revoke_unknown(live, key):
    answer = live.delete("/v1/keys/" + key)
    assert answer.status_code == 404 and answer.json() == NO_KEY


def test_revoke(stack, tenant, stranger):
    _, live, _ = tenant
    made = make(live)
    client = stack.client(made["key"])
    assert stranger.delete("/v1/keys/" + made["id"]).json() == NO_KEY
    assert client.get("/v1/kyc/verifications").status_code == 200
    answer = live.delete("/v1/keys/" + made["id"])
    assert answer.status_code == 204 and answer.content == b""
    assert {client.get("/v1/kyc/verifications").status_code for _ in range(50)} == {401}
    assert live.delete("/v1/keys/" + made["id"]).json() == NO_KEY


def test_a_key_may_revoke_itself(stack, tenant):
    app, _, _ = tenant
    made = stack.key(app)
    client = stack.client(made["key"])
    assert client.delete("/v1/keys/" + made["id"]).status_code == 204
    assert client.get("/v1/keys").status_code == 401


def test_a_suspended_organisation(stack):
    app, org = stack.tenant("Suspended")
    client = stack.client(stack.key(app)["key"])
    assert client.get("/v1/keys").status_code == 200
    stack.cli("org", "suspend", org)
    assert wait_for(lambda: client.get("/v1/keys").status_code == 403, 5)
    assert client.get("/v1/keys").json() == {"error": {
        "code": "TENANT_SUSPENDED", "message": "This organisation is suspended.", "details": {}}}
    stack.cli("org", "resume", org)
    assert wait_for(lambda: client.get("/v1/keys").status_code == 200, 5)


def test_keys_are_not_in_the_database(stack, tenant):
    _, live, _ = tenant
    made = make(live)
    connection = stack.database()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM api_key")
        assert made["key"][:30] not in repr(cursor.fetchall())
    connection.close()
