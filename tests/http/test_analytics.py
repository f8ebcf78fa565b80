# SPDX-License-Identifier: Apache-2.0
"""The figures of verification sessions (reference/kayle.md section 9)."""

from datetime import date, datetime, timedelta, timezone

import test_verify_session as pages
from session_family import error
from test_plain_sessions import decide, make, settled, submitted
from test_sessions import SESSIONS, create
from test_verify_session import expire

OVERVIEW = "/v1/analytics/sessions/overview"
ROUTES = [("GET", OVERVIEW, "analytics.read", "getSessionsOverview")]
OUTCOMES = ("success", "failure", "expired", "cancelled")
NONE = dict.fromkeys(("total", "active", *OUTCOMES), 0)


def overview(client):
    answer = client.get(OVERVIEW)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"data", "error"} and answer.json()["error"] is None
    return answer.json()["data"]


def days():
    today = datetime.now(timezone.utc).date()
    return [str(today - timedelta(days=back)) for back in range(13, -1, -1)]


def test_before_there_is_anything(tenant):
    _, live, _ = tenant
    before = days()
    data = overview(live)
    if before != days():
        return
    assert data == {
        "summary": NONE, "trend": [{"date": day, **dict.fromkeys(OUTCOMES, 0)} for day in before],
        "timeline": [{"date": day, **NONE} for day in before]}


def test_one_of_each(stack, tenant):
    _, live, sandbox = tenant
    create(sandbox)
    cancelled, late = (create(sandbox)["id"] for _ in range(2))
    sandbox.post(f"{SESSIONS}/{cancelled}/cancel")
    expire(stack, late)
    by_key = sandbox.by("X-API-Key")
    good, _ = submitted(stack, by_key)
    settled(by_key, good, "VERIFIED")
    rejected, _ = submitted(stack, by_key)
    settled(by_key, rejected, "VERIFIED")
    assert decide(by_key, rejected, "REJECTED").status_code == 200
    make(by_key)
    wanted = {"total": 6, "active": 2, "success": 1, "failure": 1, "expired": 1, "cancelled": 1}
    before = days()
    data = overview(sandbox)
    assert data["summary"] == wanted
    assert overview(live) == data
    if before == days():
        assert data["timeline"][-1] == {"date": before[-1], **wanted}
        assert data["trend"][-1] == {"date": before[-1], **dict.fromkeys(OUTCOMES, 1)}
    assert all(row[name] == 0 for row in data["trend"][:-2] for name in OUTCOMES)


def test_live_ones_are_nothing_to_a_sandbox_key(tenant):
    _, live, sandbox = tenant
    create(live)
    assert overview(sandbox)["summary"] == NONE
    assert overview(live)["summary"] == {**NONE, "total": 1, "active": 1}


def test_one_of_another_day(stack, tenant):
    """The days are those on which sessions were made; the summary is of all time."""
    _, live, _ = tenant
    create(live)
    day = str(date.fromisoformat(days()[0]))
    stack.rows("UPDATE session_day SET day = %s WHERE application_id = "
               "(SELECT application_id FROM session ORDER BY id DESC LIMIT 1)", day)
    data = overview(live)
    assert data["summary"]["total"] == 1
    if data["timeline"][0]["date"] == day:
        assert [row["total"] for row in data["timeline"]] == [1] * 14


def test_scopes(stack):
    app, _ = stack.tenant("Analysts")
    without = stack.client(stack.key(app, scopes="sessions.read")["key"])
    answer = without.get(OVERVIEW)
    assert answer.status_code == 403
    assert answer.json() == error("FORBIDDEN", "This API key may not do this.",
                                  "Use a key that has the scope of this operation.",
                                  "getSessionsOverview")
    assert stack.client(stack.key(app, scopes="analytics.read")["key"]).get(
        OVERVIEW).status_code == 200


def test_requests_that_are_none(live):
    assert live.get(OVERVIEW + "?days=7").status_code == 400
    assert live.post(OVERVIEW).status_code == 405
    assert live.get("/v1/analytics").status_code == 404
    assert "error" in live.get("/v1/analytics/sessions").json()
