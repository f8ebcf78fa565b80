#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/smile-sim's V3 endpoints: token, submission, status, replay, services, and faults."""

import base64
import json
import time

import pytest

from smile_sim_harness import KEY, serial, server, signature, sim  # noqa: F401 (fixtures)

CLEAR = ("Amina Fatou", "Clearwater", "amina.clearwater@example.com")
CONSENT = {"granted": True, "granted_at": "2026-01-01T00:00:00Z", "notice_language": "EN",
           "notice_privacy_policy_url": "https://example.org/privacy"}


def token(sim, **fields):
    answer = sim.http.post(sim.url + "/v3/token", headers={
        "smileid-partner-id": "85", "smileid-api-key": KEY},
        files={key: (None, value) for key, value in fields.items()} or None, timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


def v3_parts(sim, who=CLEAR, **change):
    parts = {"country": "NG", "id_type": "NIN_V2", "id_number": "00000000000",
             "user_details": json.dumps(dict(zip(("given_names", "last_name", "email"), who))),
             "consent": json.dumps(CONSENT), "callback_url": sim.receiver.url,
             "partner_params": json.dumps({"ref": f"ours-{next(serial)}"}), **change}
    return {key: value for key, value in parts.items() if value is not None}


def v3_submit(sim, key, parts, sync=False):
    return sim.http.post(sim.url + "/v3/enhanced_kyc" + ("/sync" if sync else ""), timeout=5,
                         headers={"SmileID-Token": key} if key else {},
                         files={name: (None, value) for name, value in parts.items()})


def v3_status(sim, key, job_id):
    return sim.http.get(f"{sim.url}/v3/status/{job_id}", headers={"SmileID-Token": key}, timeout=5)


def test_v3_token(sim):
    head, claims, _ = token(sim, product="enhanced_kyc", user_id="u-7").split(".")
    claims = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert abs(claims["exp"] - time.time() - 900) < 5 and isinstance(claims["policy"], int)
    assert claims["user_id"] == "u-7"
    for headers, status in (({}, 400), ({"smileid-partner-id": "085"}, 400),
                            ({"smileid-partner-id": "85", "smileid-api-key": "x"}, 401),
                            ({"smileid-partner-id": "86", "smileid-api-key": KEY}, 401)):
        answer = sim.http.post(sim.url + "/v3/token", headers=headers, timeout=5)
        assert answer.status_code == status and set(answer.json()) == {"status", "message"}
    good = {"smileid-partner-id": "85", "smileid-api-key": KEY}
    assert sim.post("/v3/token", {"a": 1}, headers=good).status_code == 415


@pytest.mark.parametrize("who,status,reason", [
    (CLEAR, "clear", None),
    (("Rashid Omar", "Dangerfield", "rashid.dangerfield@example.com"), "block", "high_risk"),
    (("Fatima Bello", "Ghostwell", "fatima.ghostwell@example.com"), "block",
     "identifier_not_found"),
    (("Aisha Lawal", "Youngblood", "aisha.youngblood@example.com"), "block",
     "age_requirement_not_met"),
    (("Ngozi Ifeoma", "Downsworth", "ngozi.downsworth@example.com"), "error",
     "service_unavailable"),
    (("Joe", "Leo", "joe@example.com"), "block", "identifier_not_found")])
def test_v3_people(sim, who, status, reason):
    # Longer than a busy machine needs for the one question that must come before it.
    sim.settings(callback_delay_ms=1000)
    key = token(sim)
    answer = v3_submit(sim, key, v3_parts(sim, who))
    accepted = answer.json()
    assert answer.status_code == 202 and accepted["status"] == "accepted"
    assert v3_status(sim, key, accepted["job_id"]).status_code == 202
    (body,) = sim.receiver.wait(1)
    headers = {name.lower(): value for name, value in sim.receiver.seen[0][1].items()}
    assert (body["status"], body["reason"]) == (status, reason)
    assert body["partner_params"]["ref"].startswith("ours-")
    assert (body["id_fields"] is not None) == (status == "clear")
    assert headers["response-signature"] == signature(headers["response-timestamp"], "85")
    assert headers["job-id"] == accepted["job_id"] and headers["user-id"] == accepted["user_id"]
    polled = v3_status(sim, key, accepted["job_id"])
    assert polled.status_code == 200 and polled.json()["status"] == status
    assert "reason" not in polled.json()


def test_v3_sync(sim):
    key = token(sim)
    answer = v3_submit(sim, key, v3_parts(sim, callback_url=None), sync=True)
    assert answer.status_code == 200 and answer.json()["status"] == "clear"
    assert answer.headers["Response-Signature"] == signature(
        answer.headers["Response-Timestamp"], "85")
    who = ("Ngozi Ifeoma", "Downsworth", "ngozi.downsworth@example.com")
    answer = v3_submit(sim, key, v3_parts(sim, who), sync=True)
    assert answer.status_code == 424
    assert v3_status(sim, key, answer.headers["SmileID-Job-ID"]).json()["status"] == "error"
    assert sim.receiver.seen == []


@pytest.mark.parametrize("change,text", [
    ({"country": None}, "'country'"), ({"country": "SN"}, "'country'"),
    ({"id_type": "X"}, "'id_type'"), ({"id_number": "1"}, "Invalid ID number format"),
    ({"user_details": '{"given_names":"A","last_name":"B"}'}, "Either email or phone_number"),
    ({"user_details": '{"given_names":"A","last_name":"B","phone_number":"077"}'}, "phone_number"),
    ({"user_details": '{"given_names":"A","last_name":"B","dob":"2000-01-01","email":"a@b.c"}'},
     "user_details"),
    ({"consent": None}, "consent is required"),
    ({"consent": None, "consent[granted]": "true"}, "consent is required"),
    ({"consent": json.dumps({**CONSENT, "granted": False})}, "consent.granted"),
    ({"consent": json.dumps({**CONSENT, "granted_at": "2999-01-01T00:00:00Z"})}, "granted_at"),
    ({"consent": json.dumps({**CONSENT, "notice_language": "en"})}, "notice_language"),
    ({"partner_params": '{"a":1}'}, "partner_params"), ({"metadata": '{"a":1}'}, "metadata"),
    ({"callback_url": None}, "valid callback_url"),
    ({"callback_url": "http://example.org/x"}, "callback_url"), ({"dob": "2000-01-01"}, "'dob'")])
def test_v3_refusals(sim, change, text):
    answer = v3_submit(sim, token(sim), v3_parts(sim, **change))
    assert answer.status_code == 400 and text in answer.json()["message"], answer.text


def test_v3_auth_and_media(sim):
    key = token(sim)
    assert v3_submit(sim, None, v3_parts(sim)).json()["job_id"] is None
    for wrong in ("x", key[:-2] + "xx", "a.b.c"):
        assert v3_submit(sim, wrong, v3_parts(sim)).status_code == 401
    answer = sim.post("/v3/enhanced_kyc", {"country": "NG"}, headers={"SmileID-Token": key})
    assert answer.status_code == 415
    bound = token(sim, user_id="u-7")
    assert v3_submit(sim, bound, v3_parts(sim, user_id="u-8")).status_code == 403
    assert v3_submit(sim, bound, v3_parts(sim)).json()["user_id"] == "u-7"
    sim.settings(clock_offset_s=1000)
    assert v3_submit(sim, key, v3_parts(sim)).status_code == 401


def test_v3_status_replay_and_services(sim):
    key = token(sim)
    assert v3_status(sim, key, "nonsense").status_code == 400
    assert v3_status(sim, key, "job_" + "0" * 26).json()["status"] == "not_found"
    job_id = v3_submit(sim, key, v3_parts(sim)).json()["job_id"]
    replay = f"{sim.url}/v3/replay/{job_id}"
    headers = {"SmileID-Token": key}
    assert sim.http.post(replay, headers=headers, timeout=5).status_code == 409
    sim.receiver.wait(1)
    assert sim.http.post(replay, headers=headers, timeout=5).status_code == 202
    sim.receiver.wait(2)
    other = replay.replace(job_id, "job_" + "0" * 26)
    assert sim.http.post(other, headers=headers, timeout=5).status_code == 404
    types = sim.get("/v3/services/supported_id_types", country="NG")["id_types"]
    assert {one["type"] for one in types} >= {"NIN_V2", "BVN"}
    status = sim.http.get(sim.url + "/v3/services/id_status?country=NG&id_type=BVN",
                          headers=headers, timeout=5)
    assert status.json()["last_known_status"] == "online"


def test_v3_faults(sim):
    key = token(sim)
    sim.faults({"name": "token-expiry"})
    assert v3_submit(sim, key, v3_parts(sim)).status_code == 401
    assert v3_submit(sim, key, v3_parts(sim)).status_code == 401      # that token stays dead
    key = token(sim)
    parts = v3_parts(sim, partner_params='{"ref":"ours","sim":"not-final-first,int-timestamp"}')
    assert v3_submit(sim, key, parts).status_code == 202
    assert [body["status"] for body in sim.receiver.wait(2)] == ["processing", "clear"]
    headers = {name.lower(): value for name, value in sim.receiver.seen[1][1].items()}
    assert headers["response-timestamp"].isdigit()
    (job,) = sim.get("/_sim/jobs", job_id="ours")["jobs"]
    assert job["submitted"] == 1 and job["accepted_count"] == 1
    for name, status in (("activate-1016", 403), ("auth-2205", 401), ("http-500", 500)):
        sim.faults({"name": name, "times": 1})
        assert v3_submit(sim, key, v3_parts(sim)).status_code == status
    answer = v3_submit(sim, key, v3_parts(sim, partner_params='{"sim":"unknown-code"}'), sync=True)
    assert answer.json()["status"] == "mystery"
