# SPDX-License-Identifier: Apache-2.0
"""Age verifications and records while years go by: the batch's clock is moved; and while the database is
away."""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "http"))

from media import png  # noqa: E402
from product import Stack, wait_for  # noqa: E402
from receiver import batch_at  # noqa: E402
from test_age import (PASSPORT, ROUTES, SUBMIT, Age, body_of, decided, may, performer,  # noqa: E402
                      refused, review, shown, submit)

DAY_MS = 86400000


@pytest.fixture(scope="module")
def stack():
    """Without an age estimator: reviewers decide."""
    with Stack("--set", "age_estimator_url=") as running:
        yield running


def expire_at(stack, days):
    run = batch_at(stack, time.time() * 1000 + days * DAY_MS, "--once", "--only", "expire")
    assert "ignored" not in run.text, run.text


def age_by(stack, days):
    """What counts in days has come so much nearer."""
    stack.rows("UPDATE age_verification SET expires_at = expires_at - INTERVAL %s DAY, "
               "purge_at = purge_at - INTERVAL %s DAY", days, days)


def link(stack, verification):
    case = stack.cli("review", "show", verification, "--json")
    return re.sub("^https?://[^/]*", "", case["media"][0]["link"])


def test_a_year_later(stack):
    """The batch's clock has moved past it: expired, once, and the person may come again; a year more, and
    document and pictures are gone."""
    age = Age(stack)
    found = submit(age, "yearly", "full_age")
    data = decided(age, "yearly")
    performer(age, "for-good", PASSPORT)
    path = link(stack, found)
    expire_at(stack, 364)
    assert shown(age, "yearly") == data
    age_by(stack, 2)
    expire_at(stack, 365)
    later = shown(age, "yearly")
    assert (later["status"], later["isVerified"], later["verifiedDob"]) == ("expired", False, "2000-09-20")
    assert later["createdAt"] == data["createdAt"]
    assert age.ask("yearly", "verified").text == (
        '{"data":{"verified":false,"level":null,"expiresAt":null}}')
    assert may(age, "yearly") == {"canSubmit": True, "reason": None, "retryAfter": None}
    assert stack.client().get(path).status_code == 200
    age_by(stack, 366)
    expire_at(stack, 360)
    assert shown(age, "yearly")["verifiedDob"] == "2000-09-20"
    expire_at(stack, 365)
    gone = shown(age, "yearly")
    assert (gone["status"], gone["verifiedDob"]) == ("expired", None)
    refused(stack.client().get(path), 404)
    assert shown(age, "for-good")["isVerified"] is True
    again = submit(age, "yearly", "full_age")
    assert again != found and decided(age, "yearly")["isVerified"] is True


def test_what_a_record_keeps(stack):
    """Nobody erases it: not by its id, not by the person, not over HTTP, not with its application."""
    age = Age(stack)
    before = submit(age, "kept", "age_only")
    review(stack, before, "resubmit")
    verification = performer(age, "kept")
    kept = "part of a record that must be kept"
    failed = stack.cli("erase", verification, "--app", age.app, "--yes", check=False)
    assert failed.returncode == 1 and kept in failed.stderr
    failed = stack.cli("erase", "--person", "kept", "--app", age.app, "--yes", "--json", check=False)
    assert failed.returncode == 1 and kept in failed.stderr
    rows = json.loads(failed.stdout)
    assert [(row["id"], bool(row["erased_at"]), bool(row["retain_until"])) for row in rows] == [
        (before, True, False), (verification, False, True)]
    assert int(rows[1]["retain_until"][:4]) >= time.gmtime().tm_year + 7
    full = stack.client(stack.key(age.app)["key"])
    answer = full.delete("/v1/kyc/verifications/" + verification)
    assert answer.status_code == 409 and kept in answer.text
    case = stack.cli("review", "show", verification, "--json")
    assert case["last_name"] == "Leo" and len(case["media"]) == 4
    path = link(stack, verification)
    # Time does not either, whatever the row says, nor the end of the application.
    age_by(stack, 3650)
    stack.rows("UPDATE age_verification SET purge_at = '2020-01-01'")
    expire_at(stack, 365)
    stack.cli("app", "delete", age.app, "--force")
    assert age.secret.get("/v1/records/kept").status_code == 401
    record, = stack.cli("record", "list", "--app", age.app, "--json")
    assert stack.cli("record", "show", record["id"], "--json")["legal_name"] == "Joe Leo"
    assert stack.client().get(path).content == png()


def test_without_a_database(stack):
    """Every route answers in the family's words, and nothing is half-written."""
    age = Age(stack)
    body = body_of(age, "away", "age_only")
    os.kill(stack.pid("db"), signal.SIGKILL)
    for method, path, _ in ROUTES:
        more = {"json": body} if path == SUBMIT else {
            "data": "x", "headers": {"Content-Type": "text/plain"}} if method == "POST" else {}
        answer = age.secret.call(method, path, **more)
        assert (answer.status_code, answer.text) == (
            503, '{"error":"Internal Error","correlationId":"%s"}' % answer.headers["X-Request-Id"]), path
        assert int(answer.headers["Retry-After"]) > 0
    stack.tool("restart", "db")
    assert wait_for(lambda: age.ask("away", "verified").status_code == 200, 20)
    refused(age.ask("away", "status"), 404)
    assert age.public.post(SUBMIT, body).status_code == 201
