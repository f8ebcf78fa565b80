# SPDX-License-Identifier: Apache-2.0
"""The database away, slow, read-only, altered: clear answers, nothing half-written."""

import os
import signal
import threading
import time

import pytest

from product import SEED, Stack, canned, settled, wait_for


@pytest.fixture()
def stack():
    with Stack("--set", "db_read_timeout_s=3") as running:
        yield running


def kill_database(stack):
    os.kill(stack.pid("db"), signal.SIGKILL)


UNAVAILABLE = {"code": "UNAVAILABLE",
               "message": "The service is not available just now. Please try again."}


def check_unavailable(answer):
    assert answer.status_code == 503, answer.text
    error = answer.json()["error"]
    assert {name: error[name] for name in ("code", "message")} == UNAVAILABLE
    assert error["details"] == {"request_id": answer.headers["X-Request-Id"]}
    assert int(answer.headers["Retry-After"]) > 0


def test_away_and_back(stack):
    live = stack.live
    before = live.post("/v1/kyc/sandbox/verify", SEED).json()["data"]["id"]
    kill_database(stack)
    time.sleep(0.5)
    for method, path in (("GET", "/v1/kyc/verifications"), ("POST", "/v1/kyc/verify"),
                         ("GET", "/v1/kyc/verifications/" + before), ("GET", "/v1/keys"),
                         ("GET", "/v1/usage"), ("DELETE", "/v1/kyc/verifications/" + before)):
        check_unavailable(live.call(method, path, json=canned() if method == "POST" else None))
    ready = stack.client().get("/-/readyz")
    assert ready.status_code == 503
    assert stack.client().get("/-/healthz").status_code == 200
    # A key that cannot be one is refused all the same: no query is needed for that.
    assert stack.client("dme_live_" + "x" * 48).get("/v1/keys").status_code == 401
    stack.tool("restart", "db")
    assert wait_for(lambda: live.get("/v1/keys").status_code == 200, 15)
    body = live.get("/v1/kyc/verifications").json()
    assert [item["id"] for item in body["data"]] == [before]
    ver = live.post("/v1/kyc/verify", canned()).json()["data"]["id"]
    assert settled(live, ver, 60)["status"] == "approved"


def test_a_5xx_names_no_cause(stack):
    kill_database(stack)
    text = stack.live.get("/v1/keys").text.lower()
    for word in ("mysql", "mariadb", "sql", "socket", "errno", "connect", "/"):
        assert word not in text.replace('"request_id"', "")


def test_the_batch_says_that_the_database_is_away(stack):
    kill_database(stack)
    done = stack.batch("--once", check=False)
    assert done.returncode == 75, done.stderr
    assert "database" in done.stderr


def test_read_only(stack):
    stack.rows("SET GLOBAL read_only = 1")
    try:
        check_unavailable(stack.live.post("/v1/kyc/sandbox/verify", SEED))
        assert stack.live.get("/v1/kyc/verifications").status_code == 200
    finally:
        stack.rows("SET GLOBAL read_only = 0")
    assert stack.live.post("/v1/kyc/sandbox/verify", SEED).status_code == 200


def test_a_slow_database_is_a_503_and_not_a_dead_worker(stack):
    connection = stack.database()
    cursor = connection.cursor()
    cursor.execute("LOCK TABLES verification WRITE, work WRITE")
    check_unavailable(stack.live.get("/v1/kyc/verifications"))
    cursor.execute("UNLOCK TABLES")
    connection.close()
    assert stack.live.get("/v1/kyc/verifications").status_code == 200
    assert stack.client().get("/-/status").json()["crashes"] == 0


def test_a_row_locked_by_somebody_else(stack):
    """Another transaction holds the row for longer than the lock wait: 503, not a hang."""
    ver = stack.live.post("/v1/kyc/sandbox/verify", SEED).json()["data"]["id"]
    connection = stack.database()
    connection.autocommit(False)
    cursor = connection.cursor()
    cursor.execute("SELECT id FROM verification FOR UPDATE")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(
        stack.live.delete("/v1/kyc/verifications/" + ver)))
    thread.start()
    thread.join(40)
    connection.rollback()
    connection.close()
    check_unavailable(answers[0])
    assert stack.live.delete("/v1/kyc/verifications/" + ver).status_code == 204


def test_statements_are_prepared_again_after_the_schema_changed(stack):
    assert stack.live.get("/v1/keys").status_code == 200
    stack.rows("ALTER TABLE api_key ADD COLUMN extra INT NULL")
    assert stack.live.get("/v1/keys").status_code == 200
    stack.rows("ALTER TABLE api_key DROP COLUMN extra")
    assert stack.live.get("/v1/keys").status_code == 200


def test_personal_data_is_not_in_the_database(stack):
    stack.live.post("/v1/kyc/sandbox/verify", {**SEED, "first_name": "Zebulon",
                                               "last_name": "Quartermain"})
    stack.live.post("/v1/kyc/verify", {**canned(), "last_name": "Quartermain"})
    for (table,) in stack.rows("SHOW TABLES"):
        text = repr(stack.rows(f"SELECT * FROM `{table}`"))
        for secret in ("Zebulon", "Quartermain", SEED["id_number"], SEED["date_of_birth"]):
            assert secret not in text, table
