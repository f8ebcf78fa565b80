# SPDX-License-Identifier: Apache-2.0
"""The provider's every way to fail, by the simulator's fault switches.

The rule behind all of them: each verification is decided once and rightly, and the provider never
takes two jobs for one try.
"""

import itertools
import json
import time

import pytest
import requests

from product import Client, Stack, canned, settled, wait_for

numbers = itertools.count(1)
QUICK = ["--set", "smile_poll_first_s=1", "--set", "smile_timeout_s=3", "--set", "lease_s=6",
         "--set", "webhook_timeout_s=5", "--set", "lane_pause_s=2", "--set",
         "smile_retry_min_s=1", "--set", "smile_retry_max_s=2"]
SUBMIT, POLL = "/v1/async_id_verification", "/v1/job_status"


@pytest.fixture(scope="module")
def stack():
    with Stack(*QUICK) as running:
        yield running


@pytest.fixture(autouse=True)
def calm(request):
    yield
    if "stack" in request.fixturenames:
        request.getfixturevalue("stack").sim("DELETE", "/_sim/faults")


def number(last="0"):
    """A number nobody has asked about; its last digit chooses the sandbox's answer."""
    return f"{next(numbers):010d}{last}"


def ask(stack, id_number, **change):
    answer = stack.live.post("/v1/kyc/verify", canned(id_number=id_number, **change))
    assert answer.status_code == 202, answer.text
    return answer.json()["data"]["id"]


def jobs_of(stack, id_number):
    rows = stack.sim("GET", f"/_sim/jobs?id_number={id_number}")
    rows = rows["jobs"] if isinstance(rows, dict) and "jobs" in rows else rows
    return list(rows.values()) if isinstance(rows, dict) else rows


def reason(stack, ver):
    shown = stack.cli("verification", "show", ver, "--json")
    return shown["reason"]


def check_paid_once(stack, id_number, jobs=1):
    rows = jobs_of(stack, id_number)
    assert len(rows) == jobs, rows
    assert [row["accepted_count"] for row in rows] == [1] * jobs, rows


WIRE = ["drop-before", "drop-after", "http-500", "http-502", "http-503", "html-200",
        "truncated-json", "huge-body", "slow-body"]


@pytest.mark.parametrize("fault", WIRE)
def test_a_submission_whose_answer_is_lost(stack, fault):
    who = number()
    stack.fault(fault, path=SUBMIT, id_number=who)
    assert settled(stack.live, ask(stack, who), 60)["status"] == "approved"
    check_paid_once(stack, who)


@pytest.mark.parametrize("fault", WIRE)
def test_a_poll_whose_answer_is_lost(stack, fault):
    who = number()
    stack.fault("no-callback", id_number=who)
    stack.fault(fault, path=POLL, id_number=who)
    assert settled(stack.live, ask(stack, who), 60)["status"] == "approved"
    check_paid_once(stack, who)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_that_comes_too_late(stack, when):
    who = number()
    stack.fault("delay", path=SUBMIT, id_number=who, args={"ms": 4500, "when": when})
    assert settled(stack.live, ask(stack, who), 60)["status"] == "approved"
    check_paid_once(stack, who)


def test_too_many_requests(stack):
    who = number()
    stack.fault("http-429", path=SUBMIT, id_number=who, args={"retry_after": 2})
    began = time.monotonic()
    assert settled(stack.live, ask(stack, who), 60)["status"] == "approved"
    assert time.monotonic() - began >= 2
    check_paid_once(stack, who)


@pytest.mark.parametrize("fault", ["int-code", "big-photo", "not-final-first", "duplicate-callback",
                                   "out-of-order", "callback-before-reply",
                                   "callback-unknown-job", "int-timestamp", "stale-timestamp",
                                   "missing-actions"])
def test_harmless(stack, fault):
    who = number()
    stack.fault(fault, id_number=who)
    assert settled(stack.live, ask(stack, who), 60)["status"] == "approved"
    check_paid_once(stack, who)


def test_a_wrongly_signed_poll_is_no_answer(stack):
    who = number()
    stack.fault("no-callback", id_number=who)
    stack.fault("bad-signature", path=POLL, id_number=who)
    assert settled(stack.live, ask(stack, who), 60)["status"] == "approved"
    check_paid_once(stack, who)


@pytest.mark.parametrize("fault", ["unknown-code", "leading-zero-code"])
def test_an_unknown_result_is_for_a_person_never_approved(stack, fault):
    who = number()
    stack.fault(fault, times=1000, id_number=who)
    ver = ask(stack, who)
    assert settled(stack.live, ver, 60)["status"] == "error"
    assert reason(stack, ver) == "unknown_answer"


def test_register_unavailable_is_tried_again_as_a_new_job(stack):
    stack.sim("POST", "/_sim/settings", {"unavailable_times": 1})
    who = number("3")
    try:
        ver = ask(stack, who)
        assert settled(stack.live, ver, 60)["status"] == "approved"
    finally:
        stack.sim("POST", "/_sim/settings", {"unavailable_times": 0})
    check_paid_once(stack, who, jobs=2)


@pytest.mark.parametrize("fault", ["auth-2205", "activate-1016"])
def test_our_own_mistake_stops_the_lane_and_loses_nothing(stack, fault):
    who = number()
    stack.fault(fault, id_number=who)
    ver = ask(stack, who)
    paused = wait_for(lambda: stack.rows("SELECT reason FROM lane WHERE name = 'smile_v1'"), 20)
    assert paused, "the lane was not paused"
    assert settled(stack.live, ver, 60)["status"] == "approved"
    rows = jobs_of(stack, who)
    assert all(row["accepted_count"] <= 1 for row in rows), rows
    assert "smile_v1" in (stack.dir / "log" / "batch.log").read_text()


def test_a_blocked_number_is_left_alone_for_a_while(stack):
    stack.sim("POST", "/_sim/settings", {"number_limit": 1})
    who = number()
    try:
        assert settled(stack.live, ask(stack, who), 60)["status"] == "approved"
        second = ask(stack, who)
        assert wait_for(lambda: stack.rows("SELECT failures FROM work WHERE failures > 0"), 20)
        status = stack.live.get("/v1/kyc/verifications/" + second).json()["data"]["status"]
        assert status == "pending"
    finally:
        stack.sim("POST", "/_sim/settings", {"number_limit": 0})
        stack.cli("work", "retry", "--lane", "smile_v1")
    assert settled(stack.live, second, 60)["status"] == "approved"


def test_no_callback_at_all(stack):
    who = number()
    stack.fault("no-callback", id_number=who)
    assert settled(stack.live, ask(stack, who), 60)["status"] == "approved"


@pytest.mark.parametrize("change,status", [
    ({"first_name": "Leo", "last_name": "Joe"}, "approved"),
    ({"first_name": "JOÉ", "last_name": "léo", "middle_name": ...}, "approved"),
    ({"first_name": "Amara", "last_name": "Diallo", "middle_name": ...}, "declined"),
    ({"date_of_birth": "1999-09-20"}, "declined"),
])
def test_the_number_alone_is_not_the_person(stack, change, status):
    assert settled(stack.live, ask(stack, number(), **change), 60)["status"] == status


def test_a_callback_never_decides(stack):
    """A correctly signed callback that says approved, for a job the provider still works on."""
    who = number()
    stack.fault("never-complete", times=1000, id_number=who)
    stack.fault("no-callback", id_number=who)
    ver = ask(stack, who)
    assert wait_for(lambda: jobs_of(stack, who), 20)
    job = jobs_of(stack, who)[0]["job_id"]
    stack.sim("POST", "/_sim/callback", {"job_id": job, "code": "1012", "final": "true"})
    time.sleep(3)
    assert stack.live.get("/v1/kyc/verifications/" + ver).json()["data"]["status"] == "pending"
    # The owner ends what the provider does not; the next test finds no work left.
    assert stack.live.delete("/v1/kyc/verifications/" + ver).status_code == 204


def callback_url(stack):
    journal = stack.sim("GET", f"/_sim/journal?kind=request&path={SUBMIT}&limit=1")
    return json.loads(journal["entries"][-1]["body"])["callback_url"]


def test_callbacks_from_strangers(stack):
    settled(stack.live, ask(stack, number()), 60)
    url = callback_url(stack)
    assert requests.post(url, json={"any": "thing"}, timeout=10).json() == {"received": True}
    assert requests.post(url, data=b"\xff{", timeout=10).json() == {"received": True}
    assert requests.post(url, data=b"x" * (2 << 20), timeout=10).status_code in (200, 413)
    assert requests.post(url, data=b"x" * (3 << 20), timeout=10).status_code == 413
    wrong = url[:-1] + ("0" if url[-1] != "0" else "1")
    assert requests.post(wrong, json={}, timeout=10).status_code == 404
    assert requests.post(url.replace("smile_v1", "sandbox"), json={}, timeout=10).status_code == 404
    verdicts = dict(stack.rows("SELECT verdict, COUNT(*) FROM provider_callback GROUP BY verdict"))
    assert verdicts["malformed"] >= 2


def test_callbacks_hold_nothing_personal(stack):
    assert stack.rows("SELECT COUNT(*) FROM provider_callback")[0][0] > 0
    text = repr(stack.rows("SELECT * FROM provider_callback"))
    for word in ("Joe", "Leo", "2000-09-20"):
        assert word not in text


def test_gives_up_after_its_time(stack):
    who = number()
    stack.fault("never-complete", times=1000, id_number=who)
    ver = ask(stack, who)
    assert wait_for(lambda: stack.rows("SELECT 1 FROM work WHERE kind = 'provider_poll'"), 20)
    # A day passes in the database only: the batch reads the age from there.
    stack.rows("UPDATE verification SET created_at = created_at - INTERVAL 25 HOUR "
               "WHERE status = 'pending'")
    stack.cli("work", "retry", "--lane", "smile_v1")
    assert settled(stack.live, ver, 60)["status"] == "error"
    assert reason(stack, ver) == "gave_up"


def test_an_unconfigured_provider_keeps_the_work(tmp_path):
    with Stack(*QUICK, "--set", "smile_partner_id=", "--set", "smile_api_key_file=") as stack:
        ver = stack.live.post("/v1/kyc/verify", canned()).json()["data"]["id"]
        assert wait_for(lambda: stack.rows("SELECT 1 FROM work WHERE failures > 0"), 20)
        data = Client(stack.url, stack.env["BONAFIDE_LIVE_KEY"]).get(
            "/v1/kyc/verifications/" + ver).json()["data"]
        assert data["status"] == "pending"
        checked = stack.cli("check", check=False)
        assert "not configured" in checked.stdout


def test_the_basic_product():
    with Stack(*QUICK, "--set", "smile_product=basic") as stack:
        assert settled(stack.live, ask(stack, number()), 60)["status"] == "approved"
        other = ask(stack, number(), first_name="Amara", last_name="Diallo", middle_name=...)
        assert settled(stack.live, other, 60)["status"] == "declined"
        partly = ask(stack, number(), middle_name=...)
        assert settled(stack.live, partly, 60)["status"] == "approved"
