#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/smile-sim against the provider's published rules: the command line, the legacy endpoints,
every fault, the control API, and load. V3 has its own file."""

import datetime
import http.client
import json
import signal
import socket
import subprocess
import time

import pytest
import requests

from smile_sim_harness import (  # noqa: F401 (server and sim are fixtures)
    ASYNC, KEY, SYNC, TOOL, is_signed, iso, refused, server, signature, sim)


# The command line.

def test_vectors_agree():
    done = subprocess.run([TOOL, "--vectors"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0 and done.stdout.count(" ok\n") == 5


@pytest.mark.parametrize("options", [
    ["--listen", "0.0.0.0:0"], ["--listen", "10.0.0.1:80"], ["--listen", "localhost"],
    ["--partner-id", "x"], ["--api-key-file", "/nonexistent"], ["--accept-sn-ma"]])
def test_wrong_options_are_usage_errors(options):
    key = [] if "--api-key-file" in options else ["--api-key", KEY]
    done = subprocess.run([TOOL, *key, *options], capture_output=True, timeout=10)
    assert done.returncode == 2 and done.stderr


def test_help_names_every_fault(sim):
    text = subprocess.run([TOOL, "--help"], capture_output=True, text=True, timeout=10).stdout
    for name in sim.get("/_sim/faults")["names"]:
        assert f"  {name} " in text


def test_key_file_journal_and_log(tmp_path):
    (tmp_path / "key").write_text(KEY + "\n")
    command = [TOOL, "--api-key-file", tmp_path / "key", "--journal", tmp_path / "j",
               "--log", tmp_path / "l"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().split()[-1]
    requests.get(url + "/v1/services", timeout=5)
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 0
    assert json.loads((tmp_path / "j").read_text().splitlines()[0])["path"] == "/v1/services"
    assert "GET /v1/services 200" in (tmp_path / "l").read_text()


# Legacy: the checks, in their order.

@pytest.mark.parametrize("change,code", [
    ({"id_number": 5}, "2204"), ({"country": 1}, "2204"), ({"id_info": {}}, "2204"),
    ({"partner_params": "x"}, "2204"), ({"params": {"job_id": 7}}, "2204"),
    ({"params": {"job_type": "5"}}, "2204"), ({"params": {"mine": 1}}, "2204"),
    ({"timestamp": "2026-11-21 12:00:00 +0000"}, "2204"), ({"dob": "2000-02-30"}, "2204"),
    ({"gender": "Male"}, "2204"), ({"callback_url": "not a url"}, "2204"),
    ({"params": {"sim": "no-such-fault"}}, "2204"),
    ({"source_sdk": None}, "2213"), ({"source_sdk_version": None}, "2213"),
    ({"signature": None}, "2213"), ({"partner_params": {}}, "2213"), ({"country": ""}, "2213"),
    ({"params": {"job_id": None}}, "2213"), ({"params": {"user_id": None}}, "2213"),
    ({"callback_url": None}, "2213"), ({"id_number": None}, "2213"),
    ({"signature": "x"}, "2205"), ({"partner_id": "85"}, "2205"), ({"partner_id": "999"}, "2205"),
    ({"params": {"job_type": 1}}, "2212"),
    ({"country": "SN", "id_type": "NATIONAL_ID"}, "2204"),
    ({"country": "MA", "id_type": "NATIONAL_ID"}, "2204"),
    ({"country": "ng"}, "2204"), ({"id_type": "LIBRARY_CARD"}, "2204"),
    ({"country": "GH", "id_type": "GHANA_CARD", "id_number": "GHA-000000000-0"}, "2213"),
    ({"id_type": "BANK_ACCOUNT", "id_number": "0000000000"}, "2213"),
    ({"id_type": "BVN_MFA"}, "2213"),
    # Earlier checks win.
    ({"id_number": 5, "source_sdk": None, "signature": "x"}, "2204"),
    ({"source_sdk": None, "signature": "x"}, "2213"),
    ({"signature": "x", "params": {"job_type": 1}}, "2205"),
])
def test_refusals(sim, change, code):
    answer = sim.post(ASYNC, sim.body(**change))
    refused(answer, code)
    assert answer.headers["X-Sim-Reason"]
    assert sim.get("/_sim/stats").get("accepted", 0) == 0


@pytest.mark.parametrize("text", ["x" * 9000, "a\r\nb: c", "\u00e9\ud800"])
def test_reasons_are_safe_to_quote(sim, text):
    refused(sim.post(ASYNC, sim.body(country=text)), "2204")
    refused(sim.post(ASYNC, sim.body(**{text: "x"})), "2204")


def test_body_must_be_json(sim):
    doc = json.dumps(sim.body())
    for media, data in (("text/plain", doc), ("application/json", doc[:-1]), (None, doc),
                        ("application/json", '{"a":1,"a":2}'), ("application/json", "")):
        headers = {"Content-Type": media} if media else {}
        refused(sim.http.post(sim.url + ASYNC, data=data, headers=headers, timeout=5), "2203")
    refused(sim.post(ASYNC, [1]), "2204")


@pytest.mark.parametrize("offset_s,good", [(-800, True), (800, True), (-1000, False),
                                           (1000, False)])
def test_skew(sim, offset_s, good):
    stamp = iso(offset_s)
    answer = sim.post(ASYNC, sim.body(timestamp=stamp, signature=signature(stamp)))
    if good:
        assert answer.json() == {"success": True}
    else:
        refused(answer, "2205")


def test_clock_setting_moves_the_skew(sim):
    sim.settings(clock_offset_s=3600)
    refused(sim.post(ASYNC, sim.body()), "2205")


def test_duplicate_job_id(sim):
    doc = sim.body()
    assert sim.post(ASYNC, doc).status_code == 200
    refused(sim.post(ASYNC, doc), "2215")
    refused(sim.post(SYNC, sim.body(params={**doc["partner_params"], "user_id": "other"})), "2215")
    job = sim.job(doc)
    assert (job["submitted"], job["accepted_count"], job["refused"]) == (3, 1, {"2215": 2})


def test_number_limit_and_reset(sim):
    sim.settings(number_limit=2)
    for _ in range(2):
        assert sim.post(SYNC, sim.body()).status_code == 200
    refused(sim.post(SYNC, sim.body()), "2222", 429)
    assert sim.post(SYNC, sim.body("00000000010")).status_code == 200
    reset = {**sim.auth(), "id_type": "NIN_V2", "id_number": "00000000000"}
    answer = sim.post("/v1/id_number_rate_limit_reset", reset)
    assert answer.json() == {"message": "Rate limit reset successful", "success": "true"}
    assert sim.post(SYNC, sim.body()).status_code == 200
    refused(sim.post("/v1/id_number_rate_limit_reset", {**reset, "signature": "x"}), "2205")


def test_number_window_is_three_days(sim):
    sim.settings(number_limit=1)
    sim.post(SYNC, sim.body())
    sim.settings(clock_offset_s=3 * 86400 + 60, skew_s=4 * 86400)
    assert sim.post(SYNC, sim.body()).status_code == 200


# Legacy: outcomes.

@pytest.mark.parametrize("digit,code,verify", [
    ("0", "1012", "Verified"), ("1", "1013", "Not Verified"), ("2", "1014", "Not Done"),
    ("3", "1015", "Issuer Unavailable"), ("7", "1013", "Not Verified")])
def test_last_digit(sim, digit, code, verify):
    result = sim.post(SYNC, sim.body("0000000000" + digit, callback_url=None)).json()
    assert result["ResultCode"] == code and result["IsFinalResult"] == "true"
    assert result["Actions"]["Verify_ID_Number"] == verify and is_signed(result)
    assert result["SmileJobID"].isdigit() and len(result["SmileJobID"]) == 10
    found = code == "1012"
    assert result["FullName"] == ("Leo Doe Joe" if found else "Not Available")
    assert result["DOB"] == ("2000-09-20" if found else "Not Available")


def test_digit_four_returns_custom_data(sim):
    doc = sim.body("00000000004", params={"FullName": "Nelson Mandela", "DOB": "1918-07-18"})
    result = sim.post(SYNC, doc).json()
    assert (result["ResultCode"], result["FullName"], result["DOB"]) == (
        "1012", "Nelson Mandela", "1918-07-18")
    assert result["PartnerParams"] == doc["partner_params"]


def test_malformed_number(sim):
    assert sim.post(SYNC, sim.body("123")).json()["ResultCode"] == "1014"
    sim.settings(regex_mismatch="2204")
    refused(sim.post(SYNC, sim.body("123")), "2204")


def test_unavailable_until(sim):
    sim.settings(unavailable_times=2)
    codes = [sim.post(SYNC, sim.body("00000000003")).json()["ResultCode"] for _ in range(3)]
    assert codes == ["1015", "1015", "1012"]
    assert sim.post(SYNC, sim.body("00000000013")).json()["ResultCode"] == "1015"


def test_sandbox_result(sim):
    for wanted, code, final in (("0", "1012", "true"), ("1", "1013", "true"),
                                ("2", "0812", "false")):
        doc = sim.body("00000000003", params={"sandbox_result": wanted})
        result = sim.post(SYNC, doc).json()
        assert (result["ResultCode"], result["IsFinalResult"]) == (code, final)
    assert sim.poll(doc).json()["job_complete"] is False


def test_zimbabwe_has_more(sim):
    result = sim.post(SYNC, sim.body("000000000A00", country="ZW",
                                     id_type="NATIONAL_ID_NO_PHOTO")).json()
    assert result["IsAlive"] is True and result["FirstName"] == "Joe"


@pytest.mark.parametrize("change,code,names,dob", [
    ({}, "1020", "Exact Match", "Exact Match"),
    ({"first_name": "JOE", "last_name": "leo"}, "1020", "Exact Match", "Exact Match"),
    ({"dob": None}, "1020", "Exact Match", "Not Provided"),
    ({"first_name": "Leo", "last_name": "Joe"}, "1021", "Transposed", "Exact Match"),
    ({"first_name": "Jane"}, "1021", "Partial Match", "Exact Match"),
    ({"dob": "1999-01-01"}, "1021", "Exact Match", "No Match"),
    ({"gender": "F"}, "1021", "Exact Match", "Exact Match"),
    ({"first_name": "A", "middle_name": "B", "last_name": "C", "dob": "1999-01-01",
      "gender": "M"}, "1022", "No Match", "No Match")])
def test_basic_compares(sim, change, code, names, dob):
    result = sim.post("/v2/verify", sim.basic(**change)).json()
    assert result["ResultCode"] == code
    assert (result["Actions"]["Names"], result["Actions"]["DOB"]) == (names, dob)
    assert "FullName" not in result and is_signed(result)


def test_basic_needs_names_and_type_extras(sim):
    refused(sim.post("/v2/verify", sim.basic(last_name=None)), "2213")
    uganda = {"country": "UG", "id_type": "NATIONAL_ID_NO_PHOTO", "number": "00000000000000"}
    refused(sim.post("/v2/verify", sim.basic(**uganda)), "2213")
    good = sim.basic(**uganda, secondary_id_number="1")
    assert sim.post("/v2/verify", good).json()["ResultCode"] == "1020"


def test_services(sim):
    doc = sim.get("/v1/services")
    assert set(doc["id_types"]) == {"CI", "GH", "KE", "NG", "UG", "ZA", "ZM", "ZW"}
    nin = doc["hosted_web"]["enhanced_kyc"]["NG"]["id_types"]["NIN_V2"]
    assert nin["id_number_regex"] == "^[0-9]{11}$" and nin["test_data"] == "00000000000"
    assert "test_data" not in doc["hosted_web"]["basic_kyc"]["NG"]["id_types"]["BANK_ACCOUNT"]


def test_every_type_takes_its_test_number(sim):
    """Through both generations' listings, so that table, pattern and test number agree."""
    doc = sim.get("/v1/services")["hosted_web"]["enhanced_kyc"]
    for country, entry in doc.items():
        for id_type, kind in entry["id_types"].items():
            if id_type == "GHANA_CARD" or "test_data" not in kind:
                continue
            number = kind["test_data"]
            result = sim.post(SYNC, sim.body(
                number, country=country, id_type=id_type, first_name="Joe", last_name="Leo",
                dob="2000-09-20", session_id="s" if id_type == "BVN_MFA" else None)).json()
            assert result.get("ResultCode") == "1012", (country, id_type, result)


# Legacy: callbacks and polling.

def test_async_callback_and_poll(sim):
    doc = sim.body()
    assert sim.post(ASYNC, doc).content == b'{"success":true}'
    pending = sim.poll(doc).json()
    assert pending["job_complete"] is False and isinstance(pending["result"], str)
    (body,) = sim.receiver.wait(1)
    assert body["ResultCode"] == "1012" and body["PartnerParams"] == doc["partner_params"]
    assert is_signed(body) and abs(time.time() - datetime.datetime.fromisoformat(
        body["timestamp"]).timestamp()) < 5
    done = sim.poll(doc, history=True, image_links="true").json()
    assert done["job_complete"] is True and done["code"] == "2302" and is_signed(done)
    assert done["result"]["ResultCode"] == "1012" and len(done["history"]) == 1
    job = sim.job(doc)
    assert job["polls"] == 2 and [one["ok"] for one in job["callbacks"]] == [True]


def test_poll_refusals(sim):
    doc = sim.body()
    sim.post(ASYNC, doc)
    refused(sim.poll(doc, user_id="other"), "2303")
    refused(sim.poll(doc, job_id="unknown"), "2303")
    refused(sim.poll(doc, signature="x"), "2205")
    refused(sim.poll(doc, job_id=""), "2213")
    refused(sim.poll(doc, history=1), "2204")


def test_callback_is_retried_three_times(sim):
    sim.receiver.statuses = [500, 302, 404, 500, 200]
    doc = sim.body()
    sim.post(ASYNC, doc)
    bodies = sim.receiver.wait(4)
    time.sleep(0.2)
    assert len(sim.receiver.seen) == 4 and all(body == bodies[0] for body in bodies)
    journal = sim.get("/_sim/journal", kind="callback", job_id=doc["partner_params"]["job_id"])
    assert [entry["status"] for entry in journal["entries"]] == [500, 302, 404, 500]


def test_slow_receiver_counts_as_failure(sim):
    sim.settings(callback_timeout_ms=50, callback_retries=0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        doc = sim.body(callback_url=f"http://127.0.0.1:{mute.getsockname()[1]}/cb")
        sim.post(ASYNC, doc)
        time.sleep(0.5)
        (attempt,) = sim.job(doc)["callbacks"]
    assert attempt["ok"] is False and attempt["error"] == "timeout"


def test_never_calls_beyond_loopback(sim):
    doc = sim.body(callback_url="https://kyc.example.org/cb")
    sim.post(ASYNC, doc)
    time.sleep(0.3)
    (attempt,) = sim.job(doc)["callbacks"]
    assert attempt["error"] == "not loopback"


def test_callbacks_on_demand(sim):
    doc = sim.body()
    sim.post(ASYNC, doc)
    sim.receiver.wait(1)
    job_id = doc["partner_params"]["job_id"]
    for wanted in ({"code": "9998", "copies": 2}, {"final": False}, {"signature": "bad"},
                   {"age_s": 5000}, {"result": {"FullName": "Someone Else"}}):
        answer = sim.post("/_sim/callback", {"job_id": job_id, **wanted}).json()
        assert answer["delivered"] and answer["status"] == 200
    bodies = sim.receiver.wait(7)[1:]
    codes = [body["ResultCode"] for body in bodies]
    assert codes == ["9998", "9998", "0812", "1012", "1012", "1012"]
    assert [is_signed(body) for body in bodies] == [True, True, True, False, True, True]
    assert bodies[5]["FullName"] == "Someone Else"
    answer = sim.post("/_sim/callback", {"job_id": "stranger", "url": sim.receiver.url}).json()
    assert answer["delivered"] and sim.receiver.seen[-1][0]["PartnerParams"]["job_id"] == "stranger"
    assert sim.post("/_sim/callback", {"job_id": "stranger"}).status_code == 400


# Faults on the wire.

def hangs_up(sim, doc):
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.post(sim.url + ASYNC, json=doc, timeout=5)


def test_drop_before_and_after(sim):
    submits = {"path": ASYNC}
    sim.faults({"name": "drop-before", "times": 1, "match": submits},
               {"name": "drop-after", "times": 1, "match": submits})
    doc = sim.body()
    hangs_up(sim, doc)
    refused(sim.poll(doc), "2303")
    assert sim.job(doc)["accepted_count"] == 0
    hangs_up(sim, doc)
    assert sim.job(doc)["accepted_count"] == 1
    refused(sim.post(ASYNC, doc), "2215")
    assert sim.receiver.wait(1)[0]["ResultCode"] == "1012"


@pytest.mark.parametrize("name,status", [("http-500", 500), ("http-502", 502), ("http-503", 503),
                                         ("http-429", 429), ("html-200", 200)])
def test_spoilt_answers(sim, name, status):
    sim.faults({"name": name, "times": 1, "match": {"id_number": "*00"}, "args": {}},
               {"name": name, "times": 1, "args": {"accepted": True}})
    doc = sim.body()
    answer = sim.post(ASYNC, doc)
    assert answer.status_code == status and sim.job(doc)["accepted_count"] == 0
    if name == "http-429":
        assert answer.headers["Retry-After"] == "2"
    if name == "html-200":
        assert answer.headers["Content-Type"].startswith("text/html")
        assert b"<html>" in answer.content
    assert sim.post(ASYNC, doc).status_code == status
    assert sim.job(doc)["accepted_count"] == 1


def test_rules_queue_match_and_run_out(sim):
    sim.faults({"name": "http-500", "times": 1}, {"name": "http-503", "times": 1},
               {"name": "http-502", "match": {"path": "/v1/job_status", "id_number": "*10"}})
    doc, other = sim.body("00000000010"), sim.body()
    assert [sim.post(ASYNC, doc).status_code for _ in range(3)] == [500, 503, 200]
    assert sim.post(ASYNC, other).status_code == 200
    assert sim.poll(doc).status_code == 502 and sim.poll(other).status_code == 200
    rules = sim.get("/_sim/faults")["faults"]
    assert [(rule["left"], rule["hits"]) for rule in rules] == [(0, 1), (0, 1), (None, 1)]
    assert sim.http.delete(sim.url + "/_sim/faults").status_code == 204
    assert sim.poll(doc).status_code == 200
    entry = sim.get("/_sim/journal", path=ASYNC)["entries"][0]
    assert entry["status"] == 500 and entry["faults"] == ["http-500"]


@pytest.mark.parametrize("wrong", [
    {"name": "explode"}, {"name": "delay", "times": 0}, {"name": "delay", "args": {"ms": "x"}},
    {"name": "delay", "match": {"colour": "red"}}, {"name": "delay", "extra": 1}, "delay"])
def test_wrong_rules_are_refused(sim, wrong):
    answer = sim.post("/_sim/faults", {"faults": [{"name": "http-500"}, wrong]})
    assert answer.status_code == 400 and answer.json()["error"]
    assert sim.get("/_sim/faults")["faults"] == []


def test_delay(sim):
    sim.faults({"name": "delay", "times": 1, "args": {"ms": 300}})
    began = time.monotonic()
    assert sim.post(ASYNC, sim.body()).status_code == 200
    assert time.monotonic() - began >= 0.3
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.post(sim.url + ASYNC, json=sim.body(params={"sim": "delay:5000"}), timeout=0.2)
    assert sim.get("/_sim/stats")["accepted"] == 2


def test_truncated_json(sim):
    doc = sim.body(params={"sim": "truncated-json"})
    answer = sim.post(ASYNC, doc)
    assert answer.status_code == 200 and answer.content == b'{"succes'
    assert sim.job(doc)["accepted_count"] == 1
    sim.faults({"name": "truncated-json", "times": 1, "args": {"close": True}})
    with socket.create_connection(("127.0.0.1", sim.port), 5) as line:
        line.sendall(b"GET /v1/services HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = http.client.HTTPResponse(line)
        answer.begin()
        with pytest.raises(http.client.IncompleteRead):
            answer.read()


def test_huge_and_slow_bodies(sim):
    answer = sim.post(SYNC, sim.body(params={"sim": "huge-body"}))
    assert len(answer.content) > 4 * 1024 * 1024 and answer.json()["ResultCode"] == "1012"
    began = time.monotonic()
    answer = sim.post(ASYNC, sim.body(params={"sim": "slow-body:20"}))
    assert answer.json() == {"success": True} and time.monotonic() - began > 0.25


def test_credentials_refused(sim):
    sim.faults({"name": "auth-2205", "times": 1})
    doc = sim.body()
    refused(sim.post(ASYNC, doc), "2205")
    assert sim.post(ASYNC, doc).status_code == 200


# Faults in results.

@pytest.mark.parametrize("name,check", [
    ("unknown-code", lambda r: r["ResultCode"] == "9999" and r["FullName"] == "Not Available"),
    ("unknown-code:4711", lambda r: r["ResultCode"] == "4711"),
    ("leading-zero-code", lambda r: r["ResultCode"] == "0810"),
    ("activate-1016", lambda r: r["ResultCode"] == "1016"),
    ("int-code", lambda r: r["ResultCode"] == 1012),
    ("missing-actions", lambda r: "Actions" not in r),
    ("big-photo", lambda r: len(r["Photo"]) == 1_500_000)])
def test_result_faults_are_the_same_everywhere(sim, name, check):
    doc = sim.body(params={"sim": name})
    assert sim.post(ASYNC, doc).json() == {"success": True}
    (body,) = sim.receiver.wait(1)
    assert check(body) and is_signed(body)
    assert check(sim.poll(doc).json()["result"])
    assert check(sim.post(SYNC, sim.body(params={"sim": name})).json())


def test_signing_faults(sim):
    for name in ("bad-signature", "stale-timestamp", "int-timestamp"):
        sim.post(ASYNC, sim.body(params={"sim": name}))
        sim.receiver.wait(1)
        body = sim.receiver.seen.pop()[0]
        assert is_signed(body) == (name != "bad-signature")
        assert isinstance(body["timestamp"], int) == (name == "int-timestamp")
        if name == "stale-timestamp":
            assert body["timestamp"] < iso(-80_000)
    doc = sim.body()
    sim.post(ASYNC, doc)
    sim.faults({"name": "bad-signature", "match": {"path": "/v1/job_status"}, "times": 1})
    assert [is_signed(sim.poll(doc).json()) for _ in range(2)] == [False, True]
    assert is_signed(sim.receiver.wait(1)[0])


@pytest.mark.parametrize("sim_text,codes", [
    ("duplicate-callback:3", ["1012", "1012", "1012"]), ("out-of-order", ["1012", "0812"]),
    ("not-final-first", ["0812", "1012"]), ("callback-unknown-job", ["1012", "1012"])])
def test_callback_sequences(sim, sim_text, codes):
    doc = sim.body(params={"sim": sim_text})
    sim.post(ASYNC, doc)
    bodies = sim.receiver.wait(len(codes))
    time.sleep(0.1)
    assert [body["ResultCode"] for body in sim.receiver.wait(len(codes))] == codes
    finals = [body["IsFinalResult"] for body in bodies]
    assert finals == ["false" if code == "0812" else "true" for code in codes]
    strangers = [body for body in bodies
                 if body["PartnerParams"]["job_id"] != doc["partner_params"]["job_id"]]
    assert len(strangers) == (1 if sim_text == "callback-unknown-job" else 0)


def test_callback_before_reply(sim):
    doc = sim.body(params={"sim": "callback-before-reply"})
    sim.settings(callback_delay_ms=60_000)
    assert sim.post(ASYNC, doc).json() == {"success": True}
    assert len(sim.receiver.seen) == 1 and sim.poll(doc).json()["job_complete"] is True


def test_no_callback_and_never_complete(sim):
    silent, stuck = (sim.body(params={"sim": name}) for name in ("no-callback", "never-complete"))
    for doc in (silent, stuck):
        assert sim.post(ASYNC, doc).json() == {"success": True}
    time.sleep(0.3)
    assert sim.receiver.seen == []
    assert sim.poll(silent).json()["job_complete"] is True
    assert sim.poll(stuck).json()["job_complete"] is False


# The control API.

def test_journal_settings_and_reset(sim):
    sim.post(ASYNC, sim.body())
    first = sim.get("/_sim/journal")
    doc = sim.body()
    sim.post(ASYNC, doc)
    fresh = sim.get("/_sim/journal", since=first["last"], kind="request")["entries"]
    assert [json.loads(entry["body"]) for entry in fresh] == [doc]
    assert fresh[0]["job_ids"] == [doc["partner_params"]["job_id"]]
    for wrong in ({"no_such": 1}, {"skew_s": "1"}, {"skew_s": -1}, {"unknown_identity": "maybe"},
                  []):
        assert sim.post("/_sim/settings", wrong).status_code == 400
    assert sim.http.delete(sim.url + "/_sim/journal").status_code == 204
    assert sim.get("/_sim/journal")["entries"] == []
    assert sim.http.delete(sim.url + "/_sim/jobs").status_code == 204
    assert sim.get("/_sim/jobs") == {"jobs": [], "total": 0}
    assert sim.post(ASYNC, doc).status_code == 200


# The age estimator.

@pytest.mark.parametrize("says, status, answer", [
    (b"", 200, {"age": 30.0, "samples": 5}), (b"age=17.5", 200, {"age": 17.5, "samples": 5}),
    (b"age=none", 422, {"error": "there is no face in the picture"})])
def test_age_estimator(sim, says, status, answer):
    reply = sim.http.post(sim.url + "/age/estimate", b"\xff\xd8\xff" + says, timeout=5,
                          headers={"Content-Type": "image/jpeg"})
    assert (reply.status_code, reply.json()) == (status, answer)


def test_age_estimator_refuses_what_is_no_picture(sim):
    for media, status in (("image/png", 400), ("video/webm", 415)):
        assert sim.http.post(sim.url + "/age/estimate", b"\xff\xd8\xff", timeout=5,
                             headers={"Content-Type": media}).status_code == status


# Load.

def test_a_thousand_submissions(sim):
    """One connection with many requests waiting on it, and a thousand idle ones beside."""
    idle = [socket.create_connection(("127.0.0.1", sim.port)) for _ in range(900)]
    bodies = [json.dumps(sim.body(f"{n:010d}0")).encode() for n in range(1000)]
    began = time.monotonic()
    line = http.client.HTTPConnection("127.0.0.1", sim.port)
    for body in bodies:
        line.request("POST", ASYNC, body, {"Content-Type": "application/json"})
        assert line.getresponse().read() == b'{"success":true}'
    submitted_s = time.monotonic() - began
    sim.receiver.wait(1000, 20)
    assert submitted_s < 10
    stats = sim.get("/_sim/stats")
    assert stats["accepted"] == 1000 and stats["connections"] >= 900
    line.close()
    for one in idle:
        one.close()
