# SPDX-License-Identifier: Apache-2.0
"""Webhook endpoints as the kyc family manages them, and the test of one."""

import re
import socket
import threading
import time
import uuid

import pytest

from product import SEED, Stack, is_id, plain, wait_for
from receiver import answer, reset, signatures, signed_by
from session_family import EVENT_WORDS

CREATE = {"url": "https://your-app.com/webhooks/d-me",
          "events": ["verification.completed", "verification.failed"],
          "description": "Production webhook"}
ALL = ["kyc.verify", "kyc.read", "score.get", "keys.read", "keys.write", "webhooks.read",
       "webhooks.write"]
UNKNOWN = "wh_01h455vb4pex5vsknk084sn02q"
NO_WEBHOOK = {"error": {"code": "WEBHOOK_NOT_FOUND", "message": "There is no such webhook.",
                        "details": {}}}
UNAUTHORIZED = {"error": {"code": "UNAUTHORIZED", "message": "Missing or invalid API key.",
                          "details": {}}}
FORBIDDEN = {"error": {"code": "FORBIDDEN", "message": "This API key may not do this.",
                       "details": {}}}
URL_FAULT = "must be an https:// URL that we can reach over the public internet"


def refused(field, message):
    return {"error": {"code": "VALIDATION_ERROR", "message": "The request is not valid.",
                      "details": {"errors": [{"field": field, "message": message}]}}}


def make(client, url, **change):
    reply = client.post("/v1/webhooks", {**CREATE, "url": url, **change})
    assert reply.status_code == 201, reply.text
    return reply.json()["data"]


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---- register, list, delete ------------------------------------------------------------------------

def test_create_answers_the_seeds_example(tenant):
    _, live, _ = tenant
    reply = live.post("/v1/webhooks", CREATE)
    assert reply.status_code == 201
    data = reply.json()["data"]
    assert re.fullmatch("whsec_[A-Za-z0-9+/]{43}=", data["secret"])
    expected = {"data": {"id": "<wh>", "url": CREATE["url"], "events": CREATE["events"],
                         "secret": data["secret"], "active": True, "created_at": "<time>"}}
    assert plain(reply.json()) == expected
    assert list(data) == list(expected["data"])


def test_list_answers_the_seeds_example(tenant, receiver):
    _, live, _ = tenant
    assert live.get("/v1/webhooks").json() == {"data": []}
    made = make(live, receiver.url("/a"), events=["verification.completed"])
    reply = live.get("/v1/webhooks")
    assert reply.status_code == 200
    assert plain(reply.json()) == {"data": [
        {"id": "<wh>", "url": receiver.url("/a"), "events": ["verification.completed"],
         "active": True, "created_at": "<time>"}]}
    assert list(reply.json()["data"][0]) == ["id", "url", "events", "active", "created_at"]
    assert made["secret"] not in reply.text
    second = make(live, receiver.url("/b"))
    assert [item["id"] for item in live.get("/v1/webhooks").json()["data"]] == \
        [second["id"], made["id"]]


def test_delete(tenant, receiver):
    _, live, _ = tenant
    made = make(live, receiver.url("/"))
    reply = live.delete("/v1/webhooks/" + made["id"])
    assert reply.status_code == 204 and reply.content == b""
    assert live.get("/v1/webhooks").json() == {"data": []}
    assert live.delete("/v1/webhooks/" + made["id"]).json() == NO_WEBHOOK
    assert live.post(f"/v1/webhooks/{made['id']}/test").json() == NO_WEBHOOK


def test_delete_stops_what_is_queued(stack, tenant, receiver):
    _, live, _ = tenant
    receiver.rule("/", answer(500))
    made = make(live, receiver.url("/"))
    assert live.post("/v1/kyc/sandbox/verify", SEED).status_code == 200
    assert wait_for(lambda: receiver.of("/"), 20)
    assert live.delete("/v1/webhooks/" + made["id"]).status_code == 204
    left = "SELECT COUNT(*) FROM work w JOIN delivery d ON d.id = w.subject_id " \
           "JOIN webhook_endpoint n ON n.id = d.endpoint_id WHERE n.url = %s"
    assert wait_for(lambda: stack.rows(left, receiver.url("/"))[0][0] == 0, 20)


def test_a_webhook_is_told(tenant, receiver):
    _, live, _ = tenant
    made = make(live, receiver.url("/told"))
    shown = live.post("/v1/kyc/sandbox/verify", SEED).json()["data"]
    assert wait_for(lambda: receiver.of("/told"), 20)
    request = receiver.of("/told")[0]
    assert signed_by(made["secret"], request)
    assert request.event["type"] == "verification.completed"
    assert request.event["data"] == shown


def test_an_endpoint_with_a_key_of_its_own(tenant, receiver):
    """Beyond the seed: v1a beside v1, the public key where there is one, and a limit of pace."""
    _, live, _ = tenant
    made = make(live, receiver.url("/"), asymmetric=True, rate_per_second=10,
                legacy_secret_header=True)
    assert re.fullmatch("whpk_[A-Za-z0-9+/]{43}=", made["public_key"])
    assert live.get("/v1/webhooks").json()["data"][0]["public_key"] == made["public_key"]
    assert live.post(f"/v1/webhooks/{made['id']}/test").json()["data"]["delivered"]
    request = receiver.of("/")[0]
    assert [scheme for scheme, _ in signatures(request)] == ["v1", "v1a"]
    assert request.headers["deepidv-signature"] == made["secret"]


# ---- the test of a webhook --------------------------------------------------------------------------

def test_test_answers_the_seeds_example(tenant, receiver):
    _, live, _ = tenant
    made = make(live, receiver.url("/"))
    reply = live.post(f"/v1/webhooks/{made['id']}/test")
    assert reply.status_code == 200
    data = reply.json()["data"]
    assert isinstance(data["response_time_ms"], int) and 0 <= data["response_time_ms"] < 15000
    assert reply.json() == {"data": {"delivered": True, "status_code": 200,
                                     "response_time_ms": data["response_time_ms"]}}
    assert list(data) == ["delivered", "status_code", "response_time_ms"]
    request = receiver.of("/")[0]
    assert signed_by(made["secret"], request)
    assert is_id("evt", request.id)
    assert request.event["event"] == request.event["type"] == "webhook.test"


@pytest.mark.parametrize("behaviour,status", [
    (answer(204), 204), (answer(500, b"no"), 500), (answer(302, headers=["Location: /x"]), 302),
    (answer(404), 404), (reset, None)])
def test_test_says_what_came_back(tenant, receiver, behaviour, status):
    _, live, _ = tenant
    receiver.rule("/", behaviour)
    made = make(live, receiver.url("/"))
    data = live.post(f"/v1/webhooks/{made['id']}/test", {}).json()["data"]
    assert isinstance(data.pop("response_time_ms"), int)
    assert data == {"delivered": status == 204, "status_code": status}
    assert len(receiver.of("/")) == 1


def test_test_of_an_endpoint_that_nobody_listens_at(tenant):
    _, live, _ = tenant
    made = make(live, f"http://127.0.0.1:{closed_port()}/")
    data = live.post(f"/v1/webhooks/{made['id']}/test").json()["data"]
    assert data["delivered"] is False and data["status_code"] is None


def test_test_takes_as_long_as_the_endpoint(tenant, receiver):
    _, live, _ = tenant
    receiver.rule("/", answer(200, after_s=1.0))
    made = make(live, receiver.url("/"))
    data = live.post(f"/v1/webhooks/{made['id']}/test").json()["data"]
    assert data["delivered"] is True and 1000 <= data["response_time_ms"] < 5000


def test_tests_do_not_come_again(tenant, receiver):
    _, live, _ = tenant
    receiver.rule("/", answer(500))
    made = make(live, receiver.url("/"))
    for n in (1, 2):
        assert live.post(f"/v1/webhooks/{made['id']}/test").json()["data"]["status_code"] == 500
        assert len(receiver.of("/")) == n
    statuses = {item["status"] for item in live.get("/v1/webhooks/deliveries").json()["data"]}
    assert statuses == {"failed"}


def test_nobody_delivers():
    """No batch: fifteen seconds, then that. No transaction is open meanwhile, and others are
    served."""
    with Stack("--no-batch", "--set", "egress_allow=127.0.0.0/8", workers=2) as stack:
        made = make(stack.live, "http://127.0.0.1:9999/")
        replies = []
        began = time.monotonic()
        thread = threading.Thread(target=lambda: replies.append(
            stack.live.post(f"/v1/webhooks/{made['id']}/test")))
        thread.start()
        time.sleep(2)
        open_now = "SELECT COUNT(*) FROM information_schema.innodb_trx " \
                   "WHERE trx_started < NOW() - INTERVAL 1 SECOND"
        for _ in range(20):
            assert stack.rows(open_now)[0][0] == 0
            assert stack.live.get("/v1/webhooks").status_code == 200
            time.sleep(0.1)
        # Half of the workers wait already: another test does not.
        second = time.monotonic()
        reply = stack.live.post(f"/v1/webhooks/{made['id']}/test")
        assert reply.status_code == 200 and reply.json()["data"]["delivered"] is False
        assert time.monotonic() - second < 3
        thread.join(30)
        assert 14 < time.monotonic() - began < 18
        assert replies[0].status_code == 200
        assert replies[0].json() == {"data": {
            "delivered": False, "status_code": None, "response_time_ms": None,
            "message": "The test is queued, but nothing has delivered it yet."}}


# ---- who may --------------------------------------------------------------------------------------------

ROUTES = [("POST", "/v1/webhooks", "webhooks.write"), ("GET", "/v1/webhooks", "webhooks.read"),
          ("DELETE", "/v1/webhooks/" + UNKNOWN, "webhooks.write"),
          ("POST", f"/v1/webhooks/{UNKNOWN}/test", "webhooks.write")]


@pytest.mark.parametrize("method,path,scope", ROUTES)
def test_every_route_needs_its_scope(stack, tenant, method, path, scope):
    app, _, _ = tenant
    assert stack.client().call(method, path, json={}).json() == UNAUTHORIZED
    without = " ".join(word for word in ALL if word != scope)
    reply = stack.client(stack.key(app, scopes=without)["key"]).call(method, path, json={})
    assert reply.status_code == 403 and reply.json() == FORBIDDEN
    reply = stack.client(stack.key(app, scopes=scope)["key"]).call(method, path, json={})
    assert reply.status_code not in (401, 403)


@pytest.mark.parametrize("webhook", [UNKNOWN, "whe" + UNKNOWN[2:], "wh_", "x",
                                     "ver_01h455vb4pex5vsknk084sn02q", UNKNOWN.upper()])
def test_unknown_webhooks(live, webhook):
    for reply in (live.delete("/v1/webhooks/" + webhook),
                  live.post(f"/v1/webhooks/{webhook}/test")):
        assert reply.status_code == 404 and reply.json() == NO_WEBHOOK


def test_anothers_webhooks(tenant, stranger, receiver):
    _, live, _ = tenant
    made = make(live, receiver.url("/"))
    assert made["id"] not in stranger.get("/v1/webhooks").text
    assert stranger.delete("/v1/webhooks/" + made["id"]).json() == NO_WEBHOOK
    assert stranger.post(f"/v1/webhooks/{made['id']}/test").json() == NO_WEBHOOK
    assert receiver.of("/") == []
    assert len(live.get("/v1/webhooks").json()["data"]) == 1


def test_a_sandbox_key_sees_sandbox_webhooks_only(tenant, receiver):
    _, live, sandbox = tenant
    one, other = make(live, receiver.url("/live")), make(sandbox, receiver.url("/sandbox"))
    assert [item["id"] for item in sandbox.get("/v1/webhooks").json()["data"]] == [other["id"]]
    assert len(live.get("/v1/webhooks").json()["data"]) == 2
    assert sandbox.delete("/v1/webhooks/" + one["id"]).json() == NO_WEBHOOK
    assert sandbox.post(f"/v1/webhooks/{one['id']}/test").json() == NO_WEBHOOK
    assert sandbox.post(f"/v1/webhooks/{other['id']}/test").json()["data"]["delivered"] is True
    assert live.delete("/v1/webhooks/" + other["id"]).status_code == 204


def test_both_spellings_and_both_families(tenant, receiver):
    _, live, _ = tenant
    made = make(live, receiver.url("/"))
    tail = made["id"].partition("_")[2]
    assert live.post(f"/v1/webhooks/whe_{tail}/test").json()["data"]["delivered"] is True
    other = live.get("/v1/webhooks/endpoints").json()["data"][0]
    assert other["id"] == "whe_" + tail and other["url"] == receiver.url("/")
    assert other["subscribed_event_types"] == CREATE["events"]
    live.call("PATCH", "/v1/webhooks/endpoints/" + made["id"], json={"enabled": False})
    assert live.get("/v1/webhooks").json()["data"][0]["active"] is False
    assert live.delete("/v1/webhooks/whe_" + tail).status_code == 204


# ---- what is refused ------------------------------------------------------------------------------------

@pytest.mark.parametrize("change,field,message", [
    ({"url": ...}, "url", "is required"), ({"url": None}, "url", "must be a string"),
    ({"url": ""}, "url", "must not be empty"), ({"url": 1}, "url", "must be a string"),
    ({"url": "https://a.example/" + "x" * 2031}, "url", "must have at most 2048 characters"),
    ({"events": ...}, "events", "is required"),
    ({"events": []}, "events", "must be an array; number of words: 1 to 16"),
    ({"events": "verification.completed"}, "events", "must be an array of words"),
    ({"events": ["verification.done"]}, "events",
     "must be one of " + EVENT_WORDS),
    ({"description": "x" * 501}, "description", "must have at most 500 characters"),
    ({"description": 1}, "description", "must be a string"),
    ({"asymmetric": 1}, "asymmetric", "must be true or false"),
    ({"rate_per_second": 0}, "rate_per_second", "must be a whole number from 1 to 1000"),
    ({"urls": "x"}, "urls", "is not a known field; did you mean \"url\"?"),
])
def test_bad_create(live, change, field, message):
    body = {name: value for name, value in {**CREATE, **change}.items() if value is not ...}
    reply = live.post("/v1/webhooks", body)
    assert reply.status_code == 400
    assert reply.json() == refused(field, message)


def test_all_faults_at_once(live):
    reply = live.post("/v1/webhooks", {"events": [], "more": 1})
    assert [fault["field"] for fault in reply.json()["error"]["details"]["errors"]] == \
        ["url", "events", "more"]


@pytest.mark.parametrize("url", [
    "http://example.org/", "ftp://example.org/", "example.org", "//example.org/",
    "https://user:secret@example.org/", "https://10.0.0.1/", "https://192.168.1.1/x",
    "https://169.254.169.254/latest/meta-data/", "https://[::1]/", "https://[fd00:ec2::254]/",
    "https://0x7f000001/", "https://2130706433/", "https://0/", "https://localhost.localdomain:22/",
    "https://example.org:22/", "https://example.org:6379/", "https://example.org/#x",
    "https://exa mple.org/", "javascript:alert(1)", "https://"])
def test_where_we_do_not_connect(live, url):
    """One and the same refusal, whatever the reason."""
    reply = live.post("/v1/webhooks", {**CREATE, "url": url})
    assert reply.status_code == 400
    assert reply.json() == refused("url", URL_FAULT)


def test_bodies_that_are_none(live):
    path = "/v1/webhooks"
    for text, fault in ((b"", "body"), (b"[]", "body"), (b"{", "body"), (b"null", "body"),
                        (b'{"url":"a","url":"b"}', "url"), (b'{"url":"\xff"}', "body")):
        reply = live.call("POST", path, data=text, headers={"Content-Type": "application/json"})
        assert reply.status_code == 400, text
        assert reply.json()["error"]["details"]["errors"][0]["field"] == fault, text
    reply = live.call("POST", path, data=b"url=x", headers={"Content-Type": "text/plain"})
    assert reply.status_code == 415
    assert reply.json()["error"]["code"] == "UNSUPPORTED_MEDIA_TYPE"
    reply = live.post(path, {**CREATE, "description": "x" * 70000})
    assert reply.status_code == 413 and reply.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"
    assert live.get(path + "?limit=1").json() == refused("limit", "is not a known field")


def test_a_test_takes_no_members(tenant, receiver):
    _, live, _ = tenant
    made = make(live, receiver.url("/"))
    path = f"/v1/webhooks/{made['id']}/test"
    assert live.post(path, {"event": "x"}).json() == refused("event", "is not a known field")
    reply = live.call("POST", path, data=b"{", headers={"Content-Type": "application/json"})
    assert reply.status_code == 400
    assert receiver.of("/") == []
    reply = live.call("POST", path, data=b"", headers={"Content-Type": "application/json"})
    assert reply.json()["data"]["delivered"] is True


def test_fifty_are_enough(tenant, receiver):
    _, live, _ = tenant
    for n in range(50):
        last = make(live, receiver.url(f"/{n}"))
    reply = live.post("/v1/webhooks", {**CREATE, "url": receiver.url("/51")})
    assert reply.status_code == 400
    assert reply.json() == refused(
        "body", "is one endpoint more than an application may have (50)")
    assert len(live.get("/v1/webhooks").json()["data"]) == 50
    assert live.delete("/v1/webhooks/" + last["id"]).status_code == 204
    make(live, receiver.url("/51"))


# ---- once ---------------------------------------------------------------------------------------------------

def test_idempotency(tenant, receiver):
    _, live, _ = tenant
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    body = {**CREATE, "url": receiver.url("/")}
    first = live.post("/v1/webhooks", body, headers=headers)
    again = live.post("/v1/webhooks", body, headers=headers)
    assert first.status_code == again.status_code == 201
    assert again.headers["Idempotent-Replayed"] == "true" and again.text == first.text
    assert len(live.get("/v1/webhooks").json()["data"]) == 1
    other = live.post("/v1/webhooks", {**body, "description": "other"}, headers=headers)
    assert other.status_code == 422
    assert other.json()["error"]["code"] == "IDEMPOTENCY_MISMATCH"


def test_the_secret_is_nowhere_in_the_clear(stack, tenant, receiver):
    _, live, _ = tenant
    made = live.post("/v1/webhooks", {**CREATE, "url": receiver.url("/")},
                     headers={"Idempotency-Key": str(uuid.uuid4())}).json()["data"]
    for table in ("webhook_endpoint", "idempotency"):
        assert made["secret"][6:20] not in repr(stack.rows(f"SELECT * FROM {table}"))


@pytest.mark.parametrize("method,path,allow", [
    ("PUT", "/v1/webhooks", "GET, HEAD, POST, OPTIONS"),
    ("GET", "/v1/webhooks/" + UNKNOWN, "DELETE, OPTIONS"),
    ("GET", f"/v1/webhooks/{UNKNOWN}/test", "POST, OPTIONS")])
def test_wrong_method(live, method, path, allow):
    reply = live.call(method, path)
    assert reply.status_code == 405 and reply.headers["Allow"] == allow
    assert reply.json() == {"error": {"code": "METHOD_NOT_ALLOWED", "message":
                                      "This address does not answer that method.",
                                      "details": {}}}
    assert live.call("OPTIONS", path).headers["Allow"] == allow


@pytest.mark.parametrize("path", ["/v1/webhooks/", "/v1/webhooks/x/y", "/v1/webhooks/x/test/y",
                                  "/v1/webhooks/endpointss/x"])
def test_unknown_paths_have_this_familys_shape(live, path):
    reply = live.post(path, {})
    assert reply.status_code == 404
    assert reply.json() == {"error": {"code": "NOT_FOUND", "message":
                                      "There is nothing at this address.", "details": {}}}
