# SPDX-License-Identifier: Apache-2.0
"""What the web server must answer itself, because the program is not asked or not there: in the shape
of the family that the path is of."""

import os
import signal

import pytest

from product import Client, Stack, wait_for

KYC, AGE = "/v1/kyc/verify", "/v1/verify/submit"
TOO_LARGE = {"code": "PAYLOAD_TOO_LARGE", "message": "The request body is too large.", "details": {}}


@pytest.fixture(scope="module", params=["nginx", "apache"])
def stack(request):
    with Stack("--no-batch", web=request.param, workers=1) as running:
        yield running


def age_error(answer, text):
    request_id = answer.headers["X-Request-Id"]
    assert request_id.startswith("req_")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.json() == {"error": text, "correlationId": request_id}, answer.text


def test_too_large(stack):
    """The web server's own limit, which is above the program's."""
    client = Client(stack.url)
    kyc = client.call("POST", KYC, data=b" " * (3 << 20))
    assert kyc.status_code == 413 and kyc.json() == {"error": TOO_LARGE}
    for path, size in ((AGE, 3), ("/v1/verify/uploads", 17), ("/v1/records/x/aliases", 3)):
        answer = client.call("POST", path, data=b" " * (size << 20))
        assert answer.status_code == 413
        age_error(answer, "Bad Request")


def test_the_program_is_not_there(stack):
    pid = stack.pid("pool")
    os.kill(pid, signal.SIGTERM)
    assert wait_for(lambda: not os.path.exists(f"/proc/{pid}/exe"), 15)
    client = Client(stack.url)
    kyc = client.get("/v1/kyc/verifications")
    assert kyc.status_code == 503 and kyc.json()["error"]["code"] == "UNAVAILABLE"
    for path in ("/v1/verify/x/status", "/v1/records/x"):
        answer = client.get(path)
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "2"
        age_error(answer, "Internal Error")
    stack.tool("restart", "pool")
    assert wait_for(lambda: client.get("/-/readyz").status_code == 200, 15)
