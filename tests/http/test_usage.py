# SPDX-License-Identifier: Apache-2.0
"""Usage and score."""

import datetime

import pytest

from product import SEED, canned, is_id, is_time, person, plain, settled


def verify(client, **change):
    answer = client.post("/v1/kyc/sandbox/verify", person(**change))
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_usage_answers_the_seeds_example(tenant):
    """And beyond it what each event cost."""
    _, live, _ = tenant
    ver = live.post("/v1/kyc/verify", canned()).json()["data"]["id"]
    body = live.get("/v1/usage").json()
    assert plain(body) == {
        "data": [{"id": "<usg>", "event_type": "kyc.verification", "verification_id": "<ver>",
                  "environment": "live", "created_at": "<time>", "tokens": 1}],
        "meta": {"next_cursor": None, "total": 1}}
    assert body["data"][0]["verification_id"] == ver


def test_sandbox_events_are_seen_by_both_and_live_by_one(tenant):
    _, live, sandbox = tenant
    verify(sandbox)
    live.post("/v1/kyc/verify", canned())
    assert live.get("/v1/usage").json()["meta"]["total"] == 2
    body = sandbox.get("/v1/usage").json()
    assert body["meta"]["total"] == 1 and body["data"][0]["environment"] == "sandbox"


def test_usage_pages(tenant):
    _, live, _ = tenant
    made = [verify(live)["id"] for _ in range(7)]
    seen, cursor = [], ""
    while cursor is not None:
        page = live.get("/v1/usage?limit=3" + (f"&cursor={cursor}" if cursor else "")).json()
        assert page["meta"]["total"] == 7
        seen += [item["verification_id"] for item in page["data"]]
        cursor = page["meta"]["next_cursor"]
    assert seen == made[::-1]


def test_usage_by_time(tenant):
    _, live, _ = tenant
    verify(live)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    for query, total in ((f"from={today}&to={today}", 1), ("to=2020-01-01", 0),
                         ("from=2020-01-01T00:00:00%2B02:00", 1)):
        assert live.get("/v1/usage?" + query).json()["meta"]["total"] == total, query
    answer = live.get("/v1/usage?from=2026-05-02&to=2026-05-01")
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["errors"][0]["field"] == "from"


def score_of(client, ver):
    return client.post("/v1/score/get", {"verificationId": ver})


def test_score_when_requested(tenant):
    _, live, _ = tenant
    data = verify(live, score_requested=True)
    assert isinstance(data["score"], int) and 0 <= data["score"] <= 1000
    events = [item["event_type"] for item in live.get("/v1/usage").json()["data"]]
    assert sorted(events) == ["kyc.score", "kyc.verification"]
    ver = live.post("/v1/kyc/verify", canned(score_requested=True))
    assert ver.json()["data"]["score"] is None
    assert isinstance(settled(live, ver.json()["data"]["id"])["score"], int)


def test_score_get(tenant):
    _, live, _ = tenant
    data = verify(live)
    assert data["score"] is None
    answer = score_of(live, data["id"])
    assert answer.status_code == 200
    score = answer.json()["data"]
    assert list(score) == ["scoreId", "score", "band", "bandDescription", "confidence",
                           "modelVersion", "computedAt", "featuresUsed", "flags"]
    assert is_id("scr", score["scoreId"]) and is_time(score["computedAt"])
    assert 0 <= score["score"] <= 1000 and 0 <= score["confidence"] <= 1
    assert score["band"] in ("low", "medium", "high", "premium")
    assert score["bandDescription"] and score["modelVersion"]
    assert set(score["featuresUsed"]) <= {"id_type_weight", "country_risk_band", "match_quality",
                                          "age_band", "verification_timestamp", "day_of_week",
                                          "hour_of_day"} and score["featuresUsed"]
    assert isinstance(score["flags"], list)
    # Kept: the same again, and charged once.
    assert score_of(live, data["id"]).json()["data"] == score
    events = [item["event_type"] for item in live.get("/v1/usage").json()["data"]]
    assert events.count("kyc.score") == 1


def test_better_evidence_scores_higher(tenant):
    _, live, _ = tenant
    good = verify(live, score_requested=True)["score"]
    bad = verify(live, score_requested=True, id_number="1000000000001")["score"]
    assert good > bad


def test_score_of_a_pending_one(stack, tenant):
    _, live, _ = tenant
    stack.fault("never-complete", times=1000, id_number="00000000550")
    ver = live.post("/v1/kyc/verify", canned(id_number="00000000550")).json()["data"]["id"]
    answer = score_of(live, ver)
    stack.sim("DELETE", "/_sim/faults")
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["errors"][0]["field"] == "verificationId"


@pytest.mark.parametrize("ver", ["ver_01h455vb4pex5vsknk084sn02q", "x"])
def test_score_of_an_unknown_one(live, ver):
    answer = score_of(live, ver)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "VERIFICATION_NOT_FOUND"


def test_score_of_a_foreign_one(sandbox, stranger):
    answer = score_of(stranger, verify(sandbox)["id"])
    assert answer.status_code == 404


def test_score_body(live):
    for body, field in (({}, "verificationId"), ({"verificationId": 1}, "verificationId"),
                        ({"verification_id": "x", "verificationId": "x"}, "verification_id")):
        answer = live.post("/v1/score/get", body)
        assert answer.status_code == 400
        assert [f["field"] for f in answer.json()["error"]["details"]["errors"]] == [field]
