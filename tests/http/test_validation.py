# SPDX-License-Identifier: Apache-2.0
"""Bodies that are not right: every fault named, all at once, nothing made."""

import json

import pytest

from product import SEED, person

PATHS = ["/v1/kyc/verify", "/v1/kyc/sandbox/verify"]


def faults(answer):
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == "VALIDATION_ERROR"
    assert set(error) == {"code", "message", "details"}
    for fault in error["details"]["errors"]:
        assert set(fault) == {"field", "message"} and fault["message"]
    return [fault["field"] for fault in error["details"]["errors"]]


@pytest.mark.parametrize("path", PATHS)
def test_all_faults_at_once(live, path):
    answer = live.post(path, {"country": "sn", "id_type": 7, "last_name": "", "colour": "red",
                              "date_of_birth": "1990-02-30", "score_requested": "yes"})
    assert set(faults(answer)) == {"country", "id_type", "id_number", "first_name", "last_name",
                                   "date_of_birth", "colour", "score_requested"}


@pytest.mark.parametrize("field", ["id_type", "country", "id_number", "first_name", "last_name",
                                   "date_of_birth"])
def test_required(live, field):
    assert faults(live.post("/v1/kyc/verify", person(**{field: ...}))) == [field]
    assert faults(live.post("/v1/kyc/verify", person(**{field: None}))) == [field]
    assert faults(live.post("/v1/kyc/verify", person(**{field: 5}))) == [field]
    assert faults(live.post("/v1/kyc/verify", person(**{field: {}}))) == [field]


@pytest.mark.parametrize("change", [
    {"date_of_birth": "1990-5-15"}, {"date_of_birth": "1990-02-29"}, {"date_of_birth": "15/05/1990"},
    {"date_of_birth": "2999-01-01"}, {"date_of_birth": "1890-01-01"},
    {"date_of_birth": "1990-05-15T00:00:00Z"},
    {"id_number": "123"}, {"id_number": "- -"}, {"id_number": "123456789012X"},
    {"id_number": "1" * 65}, {"external_ref": "x" * 129}, {"external_ref": ""},
    {"first_name": "x" * 101}, {"first_name": "a\nb"}, {"country": "Senegal"},
    {"phone": "call me"}, {"gender": "x"},
])
def test_one_fault(live, change):
    assert faults(live.post("/v1/kyc/verify", person(**change))) == list(change)


def test_bounds_are_in_characters_not_bytes(live):
    answer = live.post("/v1/kyc/sandbox/verify", person(external_ref="é" * 128))
    assert answer.status_code == 200


def test_yesterday_is_in_the_past_and_today_is_not(live):
    import datetime
    today = datetime.datetime.now(datetime.timezone.utc).date()
    assert faults(live.post("/v1/kyc/sandbox/verify", person(date_of_birth=str(
        today + datetime.timedelta(1))))) == ["date_of_birth"]
    answer = live.post("/v1/kyc/sandbox/verify",
                       person(date_of_birth=str(today - datetime.timedelta(1))))
    assert answer.status_code == 200


@pytest.mark.parametrize("change", [{"country": "FR"}, {"id_type": "bvn"}, {"country": "MA",
                                    "id_type": "voter_id"}])
def test_unsupported_document(live, change):
    answer = live.post("/v1/kyc/verify", person(**change))
    assert answer.status_code == 400
    assert answer.json() == {"error": {
        "code": "UNSUPPORTED_ID_TYPE",
        "message": "This kind of document is not supported for this country.", "details": {}}}


RAW = {"Content-Type": "application/json"}


@pytest.mark.parametrize("body,field", [
    (b"", "body"), (b"{", "body"), (b"[]", "body"), (b"null", "body"), (b'"x"', "body"),
    (b"{} {}", "body"), (b'{"country":"SN","country":"MA"}', "country"),
    (b'{"country":"\xff"}', "body"), (b'{"country":"\\ud800"}', "body"),
    (b'{"country":"a\\u0000b"}', "body"), (b"{'country':1}", "body"), (b"\xef\xbb\xbf{}", "body"),
    (b'{"a":' * 40 + b"1" + b"}" * 40, "body"), (b"[" * 5000, "body"), (b"NaN", "body"),
])
def test_malformed_json(live, body, field):
    answer = live.call("POST", "/v1/kyc/verify", data=body, headers=RAW)
    assert field in faults(answer)


def test_a_value_is_never_quoted_back(live):
    secret = "S3CR3T-NUMBER"
    for body in (json.dumps(person(id_number=secret)), '{"id_number":"%s",' % secret,
                 json.dumps({"id_number": [secret]})):
        answer = live.call("POST", "/v1/kyc/verify", data=body, headers=RAW)
        assert answer.status_code == 400 and secret not in answer.text


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded",
                                        "application/jsonx", "application/json; charset=latin-1"])
def test_media_type(live, media_type):
    headers = {} if media_type is None else {"Content-Type": media_type}
    answer = live.call("POST", "/v1/kyc/verify", data=json.dumps(SEED).encode(), headers=headers)
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("media_type", ["application/json", "application/json;charset=utf-8",
                                        "Application/JSON; charset=UTF-8"])
def test_media_type_accepted(live, media_type):
    answer = live.call("POST", "/v1/kyc/sandbox/verify", data=json.dumps(SEED),
                       headers={"Content-Type": media_type})
    assert answer.status_code == 200


def test_too_large(live):
    answer = live.post("/v1/kyc/verify", person(external_ref="x" * 70000))
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"


def test_unknown_member_suggests_the_known_one(live):
    answer = live.post("/v1/kyc/verify", {**person(), "frist_name": "x"})
    fault = answer.json()["error"]["details"]["errors"][0]
    assert fault["field"] == "frist_name" and "first_name" in fault["message"]


def test_nothing_is_made_by_a_bad_request(tenant):
    _, live, _ = tenant
    live.post("/v1/kyc/verify", person(id_number="1"))
    assert live.get("/v1/kyc/verifications").json()["meta"]["total"] == 0
    assert live.get("/v1/usage").json()["meta"]["total"] == 0
