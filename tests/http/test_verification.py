# SPDX-License-Identifier: Apache-2.0
"""The verify, show, list and erase routes: whole bodies against the seed's examples."""

import datetime

import pytest

from product import CANNED, SEED, canned, is_id, person, plain, settled, wait_for

APPROVED = {"data": {
    "id": "<ver>", "status": "approved", "country": "SN", "id_type": "national_id",
    "external_ref": "user_001", "created_at": "<time>", "completed_at": "<time>", "score": None}}
PENDING = {"data": {**APPROVED["data"], "status": "pending", "completed_at": None}}


def verify(client, path="/v1/kyc/sandbox/verify", status=200, **change):
    answer = client.post(path, person(**change))
    assert answer.status_code == status, answer.text
    return answer.json()["data"]


# ---- POST /v1/kyc/sandbox/verify ------------------------------------------------------------------


def test_sandbox_answers_the_seeds_example(sandbox):
    answer = sandbox.post("/v1/kyc/sandbox/verify", SEED)
    assert answer.status_code == 200
    assert plain(answer.json()) == APPROVED
    assert list(answer.json()["data"]) == list(APPROVED["data"])
    assert answer.json()["data"]["created_at"] == answer.json()["data"]["completed_at"]


@pytest.mark.parametrize("country,id_type,number,status", [
    ("SN", "national_id", "1000000000000", "approved"),
    ("SN", "national_id", "1000000000001", "declined"),
    ("SN", "national_id", "1000000000002", "error"),
    ("SN", "national_id", "1000000000003", "approved"),
    ("SN", "passport", "AA0000001", "approved"),
    ("SN", "voter_id", "SN00000000001", "approved"),
    ("MA", "national_id", "AB000001", "approved"),
    ("MA", "national_id", "AB000002", "declined"),
    ("MA", "passport", "AA0000001", "approved"),
    ("NG", "nin", "12345678901", "approved"),
])
def test_sandbox_outcomes(sandbox, country, id_type, number, status):
    data = verify(sandbox, country=country, id_type=id_type, id_number=number)
    assert data["status"] == status
    assert data["completed_at"] is not None


def test_spaces_and_hyphens_in_the_number_do_not_count(sandbox):
    assert verify(sandbox, id_number="1 000-000 000-001")["status"] == "declined"


def test_a_live_key_makes_sandbox_objects_on_the_sandbox_route(stack, live):
    data = verify(live)
    answer = stack.sandbox.get("/v1/kyc/verifications/" + data["id"])
    assert answer.status_code == 200


def test_absent_external_ref_is_null(sandbox):
    assert verify(sandbox, external_ref=...)["external_ref"] is None
    assert verify(sandbox, external_ref=None)["external_ref"] is None


def test_unicode_comes_back_as_it_was(sandbox):
    ref = "référence-Ωμέγα-\U0001f600"
    data = verify(sandbox, external_ref=ref, first_name="Ñgüyễn", last_name="عائشة")
    assert data["external_ref"] == ref


def test_the_object_never_echoes_the_person(sandbox):
    data = verify(sandbox)
    text = sandbox.get("/v1/kyc/verifications/" + data["id"]).text
    for secret in (SEED["id_number"], SEED["first_name"], SEED["last_name"],
                   SEED["date_of_birth"]):
        assert secret not in text


# ---- POST /v1/kyc/verify ------------------------------------------------------------------------------


def test_live_answers_the_seeds_example_and_is_decided(live):
    answer = live.post("/v1/kyc/verify", {**CANNED, "external_ref": "user_001"})
    assert answer.status_code == 202
    expected = {"data": {**PENDING["data"], "country": "NG", "id_type": "nin"}}
    assert plain(answer.json()) == expected
    data = settled(live, answer.json()["data"]["id"])
    assert data["status"] == "approved" and data["completed_at"] is not None


@pytest.mark.parametrize("last_digit,status", [("0", "approved"), ("1", "declined"),
                                               ("2", "error")])
def test_live_outcomes(live, last_digit, status):
    answer = live.post("/v1/kyc/verify", canned(id_number="0000000010" + last_digit))
    assert answer.status_code == 202, answer.text
    assert settled(live, answer.json()["data"]["id"])["status"] == status


def test_another_person_under_a_valid_number_is_not_approved(live):
    answer = live.post("/v1/kyc/verify", canned(id_number="00000000020", first_name="Amara",
                                                middle_name=..., last_name="Diallo"))
    assert settled(live, answer.json()["data"]["id"])["status"] in ("declined", "error")


def test_a_sandbox_key_walks_the_asynchronous_path(sandbox):
    answer = sandbox.post("/v1/kyc/verify", SEED)
    assert answer.status_code == 202
    assert plain(answer.json()) == PENDING
    assert settled(sandbox, answer.json()["data"]["id"])["status"] == "approved"


def test_the_ten_second_number_stays_pending_then_approves(sandbox):
    answer = sandbox.post("/v1/kyc/verify", person(id_number="1000000000003"))
    ver = answer.json()["data"]["id"]
    assert wait_for(lambda: sandbox.get("/v1/kyc/verifications/" + ver).json()["data"]["status"]
                    != "pending", seconds=6) is False
    data = settled(sandbox, ver, seconds=20)
    assert data["status"] == "approved"


# ---- GET one --------------------------------------------------------------------------------------------


def test_get_answers_the_seeds_example(sandbox):
    data = verify(sandbox)
    answer = sandbox.get("/v1/kyc/verifications/" + data["id"])
    assert answer.status_code == 200
    assert answer.json() == {"data": data}
    assert plain(answer.json()) == APPROVED


NOT_FOUND = {"error": {"code": "VERIFICATION_NOT_FOUND",
                       "message": "There is no such verification.", "details": {}}}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("ver", ["ver_01h455vb4pex5vsknk084sn02q", "ver_", "x", "key_01h455vb4pe"
                                 "x5vsknk084sn02q", "VER_01H455VB4PEX5VSKNK084SN02Q", "%00",
                                 "ver_81h455vb4pex5vsknk084sn02q"])
def test_unknown_or_malformed_is_not_found(live, method, ver):
    answer = live.call(method, "/v1/kyc/verifications/" + ver)
    assert answer.status_code in ((404,) if ver != "%00" else (400, 404))
    if ver != "%00":
        assert answer.json() == NOT_FOUND


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_tenants_is_not_found(sandbox, stranger, method):
    data = verify(sandbox)
    answer = stranger.call(method, "/v1/kyc/verifications/" + data["id"])
    assert answer.status_code == 404
    assert answer.json() == NOT_FOUND
    assert sandbox.get("/v1/kyc/verifications/" + data["id"]).status_code == 200


def test_a_sandbox_key_does_not_see_live_objects(live, sandbox):
    ver = live.post("/v1/kyc/verify", canned()).json()["data"]["id"]
    assert sandbox.get("/v1/kyc/verifications/" + ver).json() == NOT_FOUND
    assert sandbox.delete("/v1/kyc/verifications/" + ver).json() == NOT_FOUND
    assert ver not in sandbox.get("/v1/kyc/verifications?limit=100").text


# ---- DELETE -----------------------------------------------------------------------------------------------


def test_erase_keeps_the_outcome_and_drops_the_person(stack, sandbox):
    data = verify(sandbox)
    answer = sandbox.delete("/v1/kyc/verifications/" + data["id"])
    assert answer.status_code == 204 and answer.content == b""
    assert sandbox.get("/v1/kyc/verifications/" + data["id"]).json() == {"data": data}
    assert sandbox.delete("/v1/kyc/verifications/" + data["id"]).status_code == 204
    rows = stack.rows("SELECT COUNT(*) FROM verification WHERE erased_at IS NOT NULL "
                      "AND (sealed IS NOT NULL OR id_number_index IS NOT NULL)")
    assert rows == ((0,),)


def test_erasing_a_pending_one_ends_it(stack, tenant):
    _, live, _ = tenant
    stack.fault("no-callback", times=1, id_number="00000000330")
    stack.fault("never-complete", times=1, id_number="00000000330")
    ver = live.post("/v1/kyc/verify", canned(id_number="00000000330")).json()["data"]["id"]
    assert live.delete("/v1/kyc/verifications/" + ver).status_code == 204
    data = live.get("/v1/kyc/verifications/" + ver).json()["data"]
    assert data["status"] in ("error", "approved") and data["completed_at"] is not None


# ---- the list -----------------------------------------------------------------------------------------------


def test_list_answers_the_seeds_example(tenant):
    _, live, _ = tenant
    verify(live)
    answer = live.get("/v1/kyc/verifications")
    assert answer.status_code == 200
    item = {name: value for name, value in APPROVED["data"].items() if name != "score"}
    assert plain(answer.json()) == {"data": [item], "meta": {"next_cursor": None, "total": 1}}
    assert list(answer.json()["data"][0]) == list(item)


def test_an_empty_list(tenant):
    _, live, _ = tenant
    assert live.get("/v1/kyc/verifications").json() == {
        "data": [], "meta": {"next_cursor": None, "total": 0}}


def test_pages_hold_everything_once_newest_first(tenant):
    _, live, _ = tenant
    made = [verify(live, external_ref=str(n))["id"] for n in range(23)]
    seen, cursor = [], None
    while True:
        page = live.get("/v1/kyc/verifications?limit=5" + (f"&cursor={cursor}" if cursor else ""))
        assert page.json()["meta"]["total"] == 23
        seen += [item["id"] for item in page.json()["data"]]
        cursor = page.json()["meta"]["next_cursor"]
        if cursor is None:
            break
        assert len(page.json()["data"]) == 5
    assert seen == made[::-1]


def test_twenty_a_page_by_default(tenant):
    _, live, _ = tenant
    for _ in range(21):
        verify(live)
    body = live.get("/v1/kyc/verifications").json()
    assert len(body["data"]) == 20 and body["meta"]["next_cursor"].startswith("cur_")


def test_filters_and_their_totals(tenant):
    _, live, _ = tenant
    for number in ("1000000000000", "1000000000001", "1000000000001", "1000000000002"):
        verify(live, id_number=number, external_ref="ref-" + number[-1])
    for status, total in (("approved", 1), ("declined", 2), ("error", 1), ("pending", 0)):
        body = live.get("/v1/kyc/verifications?status=" + status).json()
        assert body["meta"]["total"] == total == len(body["data"])
        assert all(item["status"] == status for item in body["data"])
    body = live.get("/v1/kyc/verifications?external_ref=ref-1").json()
    assert body["meta"]["total"] == 2 == len(body["data"])
    body = live.get("/v1/kyc/verifications?external_ref=ref-1&status=approved").json()
    assert body == {"data": [], "meta": {"next_cursor": None, "total": 0}}


def test_filters_by_time(tenant):
    _, live, _ = tenant
    verify(live)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    tomorrow, yesterday = today + datetime.timedelta(1), today - datetime.timedelta(1)
    for query, total in ((f"from={today}", 1), (f"from={today}&to={today}", 1),
                         (f"to={today}", 1), (f"from={tomorrow}", 0), (f"to={yesterday}", 0),
                         (f"from={today}T00:00:00Z&to={today}T23:59:59Z", 1)):
        body = live.get("/v1/kyc/verifications?" + query).json()
        assert (body["meta"]["total"], len(body["data"])) == (total, total), query


def test_totals_follow_the_status(tenant):
    _, live, _ = tenant
    ver = live.post("/v1/kyc/verify", canned(id_number="00000000440")).json()["data"]["id"]
    settled(live, ver)
    for status, total in (("pending", 0), ("approved", 1)):
        body = live.get("/v1/kyc/verifications?status=" + status).json()
        assert body["meta"]["total"] == total == len(body["data"])


@pytest.mark.parametrize("query,field", [
    ("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("limit=", "limit"),
    ("limit=1&limit=2", "limit"), ("status=done", "status"), ("cursor=cur_abc123", "cursor"),
    ("cursor=", "cursor"), ("colour=red", "colour"), ("from=yesterday", "from"),
    ("from=2026-02-30", "from"), ("from=2026-05-02&to=2026-05-01", "from"),
    ("statu=approved", "statu"), ("external_ref=%ff", "query"),
])
def test_bad_parameters_are_named(live, query, field):
    answer = live.get("/v1/kyc/verifications?" + query)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == "VALIDATION_ERROR"
    assert [fault["field"] for fault in error["details"]["errors"]] == [field]


def test_cursors_are_bound_to_list_tenant_and_filters(stack, tenant, stranger):
    _, live, sandbox = tenant
    for _ in range(3):
        verify(live)
    cursor = live.get("/v1/kyc/verifications?limit=1").json()["meta"]["next_cursor"]
    good = live.get("/v1/kyc/verifications?limit=2&cursor=" + cursor)
    assert good.status_code == 200 and len(good.json()["data"]) == 2
    altered = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for client, path in ((live, "/v1/kyc/verifications?status=approved&cursor=" + cursor),
                         (live, "/v1/usage?cursor=" + cursor),
                         (stranger, "/v1/kyc/verifications?cursor=" + cursor),
                         (live, "/v1/kyc/verifications?cursor=" + altered)):
        answer = client.get(path)
        assert answer.status_code == 400, path
        assert answer.json()["error"]["details"]["errors"][0]["field"] == "cursor"
