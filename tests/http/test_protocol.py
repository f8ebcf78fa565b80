# SPDX-License-Identifier: Apache-2.0
"""What every answer has, and what happens off the beaten track of HTTP."""

import re
import socket
from urllib.parse import urlsplit

import pytest

from product import SEED, UUID_TAIL, wait_for

OPERATIONS = [
    ("POST", "/v1/kyc/sandbox/verify"), ("POST", "/v1/kyc/verify"),
    ("GET", "/v1/kyc/verifications"), ("GET", "/v1/kyc/verifications/ver_x"),
    ("DELETE", "/v1/kyc/verifications/ver_x"), ("POST", "/v1/score/get"), ("POST", "/v1/keys"),
    ("GET", "/v1/keys"), ("DELETE", "/v1/keys/key_x"), ("GET", "/v1/usage"),
]


def check_headers(answer):
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-Id"]
    if answer.content:
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("method,path", OPERATIONS)
def test_headers_of_every_answer(live, stack, method, path):
    for client in (live, stack.client()):
        answer = client.call(method, path, json={})
        check_headers(answer)
        assert re.fullmatch("req_" + UUID_TAIL, answer.headers["X-Request-Id"])


def test_a_well_formed_request_id_is_kept_and_a_bad_one_is_not(live):
    for text, kept in (("req_01h455vb4pex5vsknk084sn02q", True), ("trace-77.a_b", True),
                       ("bad id", False), ("x" * 65, False), ("a\"b", False)):
        answer = live.get("/v1/keys", headers={"X-Request-Id": text})
        assert (answer.headers["X-Request-Id"] == text) is kept


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/kyc", "/v1/kyc/verify/", "/v2/keys", "/v1//keys",
                                  "/v1/keys/", "/v1/kyc/verifications/", "/v1/KEYS", "/-/nothing"])
def test_unknown_paths(live, path):
    answer = live.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"error": {"code": "NOT_FOUND", "message":
                                       "There is nothing at this address.", "details": {}}}
    check_headers(answer)


@pytest.mark.parametrize("method,path,allow", [
    ("GET", "/v1/kyc/verify", "POST, OPTIONS"), ("PUT", "/v1/keys", "GET, HEAD, POST, OPTIONS"),
    ("POST", "/v1/usage", "GET, HEAD, OPTIONS"), ("PATCH", "/v1/keys/x", "DELETE, OPTIONS"),
    ("POST", "/v1/kyc/verifications/x", "GET, HEAD, DELETE, OPTIONS"),
])
def test_wrong_method(live, method, path, allow):
    answer = live.call(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allow
    assert answer.json()["error"]["code"] == "METHOD_NOT_ALLOWED"


def test_options_and_head(live, stack):
    answer = stack.client().call("OPTIONS", "/v1/keys")
    assert answer.status_code == 204 and answer.headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    assert answer.content == b""
    full, head = live.get("/v1/keys"), live.call("HEAD", "/v1/keys")
    assert head.status_code == 200 and head.content == b""
    assert head.headers["Content-Type"] == full.headers["Content-Type"]


def test_encoded_path_segments_are_decoded(live):
    assert live.get("/v1/%6beys").status_code == 200
    assert live.get("/v1/k%65ys%2f").status_code == 404


def test_a_long_address_is_refused_not_dropped(live):
    answer = live.get("/v1/kyc/verifications?external_ref=" + "x" * 3000)
    assert answer.status_code in (400, 414)


def raw(stack, request):
    address = urlsplit(stack.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as wire:
        wire.sendall(request)
        answer = b""
        while chunk := wire.recv(65536):
            answer += chunk
    return answer


def test_a_chunked_body_is_accepted(stack):
    import json
    body = json.dumps(SEED).encode()
    answer = raw(stack, b"POST /v1/kyc/sandbox/verify HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                 b"Authorization: Bearer " + stack.env["BONAFIDE_SANDBOX_KEY"].encode() +
                 b"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
                 b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
    assert b" 200 " in answer.split(b"\r\n")[0], answer[:200]


@pytest.mark.parametrize("query", [b"external_ref=%zz", b"external_ref=%f", b"%=1"])
def test_a_broken_query_string(stack, query):
    answer = raw(stack, b"GET /v1/kyc/verifications?" + query + b" HTTP/1.1\r\nHost: x\r\n"
                 b"Connection: close\r\nAuthorization: Bearer " +
                 stack.env["BONAFIDE_LIVE_KEY"].encode() + b"\r\n\r\n")
    assert b" 400 " in answer.split(b"\r\n")[0], answer[:200]
    assert b'"field":"query"' in answer


def test_pages_for_operators(stack):
    anybody = stack.client()
    assert anybody.get("/-/healthz").json() == {"status": "ok"}
    assert anybody.get("/-/readyz").json() == {"status": "ready"}
    status = anybody.get("/-/status").json()
    assert status["requests"] > 0 and len(status["workers"]) >= stack.workers
    assert {"idle", "busy"} >= {row["state"] for row in status["workers"]} - {"starting"}
    metrics = anybody.get("/-/metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'bonafide_requests_total{operation="healthz"}' in metrics.text
    for line in metrics.text.splitlines():
        assert re.fullmatch(r'#.*|[a-z_]+(\{[a-z]+="[^"]*"\})? [0-9.e+-]+', line), line


def test_log_lines_carry_the_request_id_and_nothing_personal(stack, sandbox):
    answer = sandbox.post("/v1/kyc/sandbox/verify", {**SEED, "first_name": "Unlogged"},
                          headers={"X-Request-Id": "find-me-in-the-log"})
    assert answer.status_code == 200
    # The line is written after the answer went out.
    assert wait_for(lambda: "find-me-in-the-log" in (stack.dir / "log/pool.log").read_text(), 10)
    log = (stack.dir / "log" / "pool.log").read_text()
    for secret in ("Unlogged", SEED["id_number"], SEED["date_of_birth"],
                   stack.env["BONAFIDE_SANDBOX_KEY"][12:]):
        assert secret not in log
