# SPDX-License-Identifier: Apache-2.0
"""Verification sessions as the plain family shows them: bodies, lists, decisions by hand, and the same
sessions seen from both families (contract/sessions.md, Family plain)."""

import re

import pytest

import test_verify_session as pages
from accounts import letters, new_address
from product import is_time, wait_for
from test_openapi import check_delivery
from test_sessions import ONE, REDIRECT, SESSIONS, create, scoped, show  # noqa: F401
from test_verify_session import DECLINED, Page

UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NOBODYS = "01890a5d-ac96-774b-bcce-b302099a8057"
PERSON = {"firstName": "Amara", "lastName": "Diallo", "email": "amara@example.org",
          "phone": "+221771234567"}
NOT_FOUND = {"detail": "Session not found."}
NULL = ("user_id", "sender_user_id", "permalink_id", "location", "bank_statement_request_id",
        "deep_sign_id", "face_liveness_session_id", "uploads", "analysis_data")


def person(**change):
    return {name: value for name, value in {**PERSON, **change}.items() if value is not ...}


def make(client, **change):
    answer = client.post(SESSIONS, person(**change))
    assert answer.status_code == 200, answer.text
    return answer.json()


def full(client, session):
    answer = client.get(f"{SESSIONS}/{session}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def record(client, session):
    return full(client, session)["session_record"]


def detail(answer, status=400):
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["detail"]
    return answer.json()["detail"]


def typed(uuid):
    """The same session as the session family spells its id."""
    number, text = int(uuid.replace("-", ""), 16), ""
    for _ in range(26):
        text = "0123456789abcdefghjkmnpqrstvwxyz"[number % 32] + text
        number //= 32
    return "vs_" + text


@pytest.fixture(scope="module")
def by_key(stack):
    app, _ = stack.tenant("Plain")
    return stack.client(stack.key(app)["key"], "X-API-Key")


@pytest.fixture()
def fresh(tenant):
    """Of a tenant of its own: (live, sandbox), by X-API-Key."""
    _, live, sandbox = tenant
    return live.by("X-API-Key"), sandbox.by("X-API-Key")


# ---- making and showing ------------------------------------------------------------------------------

def test_what_is_made(stack, by_key):
    made = make(by_key, externalId="user_001", redirectUrl=REDIRECT)
    url = f"{stack.url}/verify/{typed(made['id'])}"
    assert re.fullmatch(UUID, made["id"]) and is_time(made["expires_at"])
    assert made == {"id": made["id"], "session_url": url, "externalId": "user_001",
                    "expires_at": made["expires_at"], "links": [{"rel": "session", "href": url}]}
    shown = full(by_key, made["id"])
    created, organization = (shown["session_record"][name]
                             for name in ("created_at", "organization_id"))
    assert is_time(created) and re.fullmatch(UUID, organization)
    assert shown == {
        "session_record": {
            "id": made["id"], "organization_id": organization, **dict.fromkeys(NULL),
            "external_id": "user_001", "status": "PENDING", "type": "verification",
            "session_progress": "PENDING", "created_at": created, "updated_at": created,
            "submitted_at": None, "workflow_id": None, "workflow_steps": ["ID_VERIFICATION"],
            "expires_at": made["expires_at"], "redirect_url": REDIRECT, "meta_data": {
                "failureData": None,
                "invitations": {"email": "queued", "phone": "not_configured"}}},
        "resource_links": {}, "user": {
            "id": None, "email": "amara@example.org", "first_name": "Amara", "last_name": "Diallo",
            "phone": "+221771234567", "created_at": created, "updated_at": created},
        "sender_user": None}
    assert by_key.get(f"{SESSIONS}?limit=1").json()["sessions"] == [shown["session_record"]]


def test_the_least_there_is(by_key):
    made = make(by_key, sendEmailInvite=False, sendPhoneInvite=False)
    assert list(made) == ["id", "session_url", "expires_at", "links"]
    shown = record(by_key, made["id"])
    assert shown["external_id"] is None and shown["redirect_url"] is None
    assert shown["meta_data"]["invitations"] == {"email": "not_requested", "phone": "not_requested"}


@pytest.mark.parametrize("language,word", [("en", "Hello"), ("fr", "Bonjour")])
def test_its_invitation(stack, by_key, language, word):
    """Mailed in the session's language, with the link; and none where none was asked for."""
    address, other = new_address(), new_address()
    make(by_key, email=other, sendEmailInvite=False)
    made = make(by_key, email=address, language=language)
    sent = wait_for(lambda: letters(stack, address), 30)
    assert len(sent) == 1
    text = sent[0].get_content()
    assert made["session_url"] in text and "Amara" in text and "Plain" in text
    assert word in text
    assert letters(stack, other) == []


def hours(stack, session):
    return stack.rows("SELECT TIMESTAMPDIFF(SECOND, created_at, expires_at) / 3600 FROM session "
                      "WHERE id = %s", pages.raw_id(typed(session)))[0][0]


def test_how_long_it_is_open(stack, by_key):
    assert hours(stack, make(by_key)["id"]) == 168
    assert hours(stack, make(by_key, expiresInHours=1)["id"]) == 1
    assert hours(stack, make(by_key, expires_in_hours=8760)["id"]) == 8760


def test_both_spellings(by_key):
    made = by_key.post(SESSIONS, {
        "first_name": "Amara", "last_name": "Diallo", "email": "amara@example.org",
        "phone": "+221771234567", "external_id": "snake", "redirect_url": REDIRECT,
        "send_email_invite": False, "send_phone_invite": True}).json()
    shown = full(by_key, made["id"])
    assert made["externalId"] == shown["session_record"]["external_id"] == "snake"
    assert shown["session_record"]["redirect_url"] == REDIRECT
    assert shown["session_record"]["meta_data"]["invitations"] == {
        "email": "not_requested", "phone": "not_configured"}
    assert (shown["user"]["first_name"], shown["user"]["last_name"]) == ("Amara", "Diallo")
    # Where both are given, camelCase is it.
    made = make(by_key, externalId="camel", external_id="snake", first_name="Other",
                expiresInHours=5, expires_in_hours=6)
    assert made["externalId"] == "camel"
    assert full(by_key, made["id"])["user"]["first_name"] == "Amara"


@pytest.mark.parametrize("change,fault", [
    ({"firstName": ...}, "firstName is required"), ({"lastName": ...}, "lastName is required"),
    ({"email": ...}, "email is required"), ({"phone": ...}, "phone is required"),
    ({"firstName": None}, "firstName must be a string"),
    ({"firstName": ""}, "firstName must not be empty"),
    ({"firstName": "  "}, "firstName must not be empty"),
    ({"first_name": "", "firstName": ...}, "firstName must not be empty"),
    ({"firstName": "x" * 101}, "firstName must have at most 100 characters"),
    ({"email": "nobody"}, "email must be a mail address"),
    ({"email": "a@b"}, "email must be a mail address"),
    ({"phone": "0771234567"}, "phone must be a number in E.164 form, such as +221771234567"),
    ({"phone": "+22177123"}, "phone must be a number in E.164 form, such as +221771234567"),
    ({"phone": "+0221771234567"}, "phone must be a number in E.164 form, such as +221771234567"),
    ({"phone": "+1234567890123456"},
     "phone must be a number in E.164 form, such as +221771234567"),
    ({"phone": "+221 77 123 45 67"},
     "phone must be a number in E.164 form, such as +221771234567"),
    ({"workflowId": "wf_x"}, "workflowId is not an id of this kind"),
    ({"expiresInHours": 0}, "expiresInHours must be a whole number from 1 to 8760"),
    ({"expiresInHours": 8761}, "expiresInHours must be a whole number from 1 to 8760"),
    ({"expiresInHours": 1.5}, "expiresInHours must be a whole number"),
    ({"expires_in_hours": "5"}, "expiresInHours must be a string"),
    ({"sendEmailInvite": "no"}, "sendEmailInvite must be true or false"),
    ({"externalId": "x" * 129}, "externalId must have at most 128 characters"),
    ({"language": "de"}, "language must be one of en, fr"),
    ({"firstname": "x"}, 'firstname is not a known field; did you mean "firstName"?'),
])
def test_bodies_that_are_none(by_key, change, fault):
    if change == {"expires_in_hours": "5"}:
        fault = "expiresInHours must be a whole number"
    assert detail(by_key.post(SESSIONS, person(**change))) == f"The request is not valid: {fault}."


def test_all_faults_at_once(by_key):
    assert detail(by_key.post(SESSIONS, {})) == (
        "The request is not valid: firstName is required; lastName is required; email is required; "
        "phone is required.")


@pytest.mark.parametrize("url", ["http://your-app.com/", "https://a:b@your-app.com/", "x"])
def test_redirects_that_are_none(by_key, url):
    assert detail(by_key.post(SESSIONS, person(redirectUrl=url))) == (
        "Redirect URL is not a valid https:// URL.")


def test_it_is_made_once_by_its_idempotency_key(fresh):
    live, _ = fresh
    headers = {"Idempotency-Key": "plain-1"}
    one, other = (live.post(SESSIONS, PERSON, headers=headers) for _ in range(2))
    assert one.json() == other.json() and other.headers["Idempotent-Replayed"] == "true"
    assert detail(live.post(SESSIONS, person(lastName="X"), headers=headers), 422)
    assert len(live.get(SESSIONS).json()["sessions"]) == 1


def test_it_costs_tokens(stack):
    app, org = stack.tenant("Poor", tokens=0)
    live, sandbox = (stack.client(stack.key(app, environment)["key"], "X-API-Key")
                     for environment in ("live", "sandbox"))
    answer = live.post(SESSIONS, PERSON)
    assert detail(answer, 402) == "Insufficient token balance"
    assert live.get(SESSIONS).json() == {"sessions": [], "next_token": None}
    make(sandbox)
    stack.cli("tokens", "add", org, "1")
    make(live)
    assert stack.cli("tokens", "show", org, "--json")["balance"] == 0


# ---- lists -----------------------------------------------------------------------------------------------

def found(answer):
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["sessions"]]


def test_pages(fresh):
    live, _ = fresh
    made = [make(live)["id"] for _ in range(5)][::-1]
    seen, token = [], ""
    for _ in range(3):
        body = live.get(f"{SESSIONS}?limit=2{token}").json()
        assert list(body) == ["sessions", "next_token"]
        seen.append([row["id"] for row in body["sessions"]])
        token = f"&next_token={body['next_token']}"
    assert seen == [made[:2], made[2:4], made[4:]] and body["next_token"] is None
    assert found(live.get(SESSIONS)) == found(live.get(SESSIONS + "?limit=500")) == made


def test_tokens_of_pages(fresh, by_key):
    """Bound to the list, its filters and its tenant."""
    live, _ = fresh
    for name in ("one", "two", "two"):
        make(live, externalId=name)
    make(by_key)
    token = live.get(SESSIONS + "?limit=1&external_id=two").json()["next_token"]
    assert len(found(live.get(f"{SESSIONS}?limit=5&external_id=two&next_token={token}"))) == 1
    wrong = "The request is not valid: next_token is not a token of this list."
    for query in (f"?next_token={token}", f"?external_id=one&next_token={token}",
                  f"?external_id=two&next_token={token[:-1]}", "?next_token=x",
                  f"?external_id=two&start_date=2026-01-01&next_token={token}"):
        assert detail(live.get(SESSIONS + query)) == wrong, query
    assert detail(by_key.get(f"{SESSIONS}?external_id=two&next_token={token}")) == wrong


def test_filters(fresh):
    live, _ = fresh
    workflow = live.post("/v1/workflows", {
        "name": "One step", "steps": [{"id": "ID_VERIFICATION"}]}).json()["workflow"]["id"]
    one = make(live, externalId="A/b ç")["id"]
    two = make(live, workflowId=workflow)["id"]
    assert found(live.get(SESSIONS, params={"external_id": "A/b ç"})) == [one]
    assert found(live.get(SESSIONS, params={"external_id": "a/b ç"})) == []
    assert found(live.get(f"{SESSIONS}?workflow_id={workflow}")) == [two]
    assert found(live.get(f"{SESSIONS}?workflow_id={NOBODYS}")) == []
    assert found(live.get(SESSIONS + "?start_date=2026-01-01")) == [two, one]
    assert found(live.get(SESSIONS + "?end_date=2026-01-01T00:00:00Z")) == []
    shown = record(live, two)
    assert (shown["type"], shown["workflow_id"], shown["workflow_steps"]) == (
        "session", workflow, ["ID_VERIFICATION"])


@pytest.mark.parametrize("query,fault", [
    ("limit=0", "limit must be a whole number from 1 to 500"),
    ("limit=501", "limit must be a whole number from 1 to 500"),
    ("limit=x", "limit must be a whole number"),
    ("start_date=soon", "start_date must be an ISO 8601 date or time"),
    ("start_date=2026-05-02&end_date=2026-05-01", "start_date must not be later than end_date"),
    ("workflow_id=1", "workflow_id is not an id of this kind"),
    ("status=PENDING", "status is not a known field"),
    ("starting_after=vs_x", "starting_after is not a known field"),
])
def test_queries_that_are_none(by_key, query, fault):
    said = detail(by_key.get(f"{SESSIONS}?{query}"))
    assert said.startswith(f"The request is not valid: {fault}")


# ---- decided by hand -----------------------------------------------------------------------------------------

MOVE = "This session cannot take that status now."


def decide(client, session, status):
    return client.patch(f"{SESSIONS}/{session}/update-status", {"new_status": status})


def submitted(stack, client, **facts):
    session = make(client)["id"]
    page = Page(stack, typed(session)).start()
    answer = page.submit(consent=[], **facts)
    assert answer.status_code < 300, answer.text
    return session, page


def settled(client, session, *words):
    shown = wait_for(lambda: next((row for row in [record(client, session)]
                                   if row["status"] in words), None), 20)
    assert shown, record(client, session)
    return shown


def test_verified_and_then_rejected(stack, fresh):
    _, sandbox = fresh
    session, _ = submitted(stack, sandbox)
    shown = settled(sandbox, session, "VERIFIED")
    assert shown["session_progress"] == "COMPLETED" and is_time(shown["submitted_at"])
    answer = decide(sandbox, session, "REJECTED")
    assert answer.status_code == 200 and list(answer.json()) == ["session_record"]
    assert answer.json()["session_record"]["status"] == "REJECTED"
    assert answer.json()["session_record"] == record(sandbox, session)
    # Once more changes nothing; and back.
    for _ in range(2):
        assert decide(sandbox, session, "REJECTED").status_code == 200
    assert decide(sandbox, session, "VERIFIED").json()["session_record"]["status"] == "VERIFIED"
    types = [row["type"] for row in sandbox.get("/v1/events").json()["data"]]
    assert types == ["session.status.verified", "session.status.rejected",
                     "session.status.verified", "session.status.submitted", "session.created"]


def test_failed_and_then_verified(stack, fresh):
    _, sandbox = fresh
    session, page = submitted(stack, sandbox, id_number=DECLINED)
    settled(sandbox, session, "PENDING")
    failures = record(sandbox, session)["meta_data"]["failureData"]
    assert failures["failedAttempts"] == 1 and len(failures["attempts"]) == 1
    assert failures["attempts"][0]["slot"] is None and is_time(failures["attempts"][0]["failedAt"])
    assert failures["attempts"][0]["reason"].startswith("DOCUMENT_")
    for _ in range(2):
        page.settled()
        assert page.submit(consent=[], id_number=DECLINED).status_code < 300
    shown = settled(sandbox, session, "FAILED")
    assert shown["session_progress"] == "COMPLETED"
    assert shown["meta_data"]["failureData"]["failedAttempts"] == 3
    assert sandbox.get("/v1/events").json()["data"][0]["type"] == "session.status.failed"
    assert detail(decide(sandbox, session, "REJECTED"), 409) == MOVE
    assert decide(sandbox, session, "VERIFIED").status_code == 200


def test_moves_that_are_none(stack, fresh):
    live, _ = fresh
    session = make(live)["id"]
    for status in ("VERIFIED", "REJECTED"):
        assert detail(decide(live, session, status), 409) == MOVE
    for column in ("expires_at", "open_until"):
        pages.age(stack, typed(session), column, 9 * 86400)
    assert detail(decide(live, session, "VERIFIED"), 409) == MOVE
    assert record(live, session)["status"] == "EXPIRED"
    session = make(live)["id"]
    assert live.by("Authorization").post(
        f"{SESSIONS}/{typed(session)}/cancel").status_code == 204
    assert record(live, session)["status"] == "VOIDED"
    assert detail(decide(live, session, "VERIFIED"), 409) == MOVE


@pytest.mark.parametrize("body,fault", [
    ({}, "new_status is required"), ({"new_status": "VOIDED"},
                                     "new_status must be one of VERIFIED, REJECTED"),
    ({"new_status": "verified"}, "new_status must be one of VERIFIED, REJECTED"),
    ({"new_status": "VERIFIED", "why": "x"}, "why is not a known field"),
    ({"status": "VERIFIED"}, "new_status is required; status is not a known field"),
])
def test_decisions_that_are_none(by_key, body, fault):
    answer = by_key.patch(f"{SESSIONS}/{NOBODYS}/update-status", body)
    assert detail(answer).startswith(f"The request is not valid: {fault}")


def test_its_events(stack, receiver, fresh):
    """The session_record as GET shows it at that moment, in the plain envelope."""
    _, sandbox = fresh
    events = ["session.created", "session.status.submitted", "session.status.verified",
              "session.status.rejected"]
    answer = sandbox.post("/v1/webhooks", {"url": receiver.url("/"), "events": events})
    assert answer.status_code == 201, answer.text
    session, _ = submitted(stack, sandbox)
    settled(sandbox, session, "VERIFIED")
    decide(sandbox, session, "REJECTED")
    assert wait_for(lambda: len(receiver.of("/")) == 4, 20)
    came = {request.event["type"]: request for request in receiver.of("/")}
    assert set(came) == set(events)
    for event, request in came.items():
        check_delivery(stack.contract, request, event)
        assert list(request.event) == ["event", "type", "data", "timestamp"]
        assert request.event["data"]["id"] == session
    assert came["session.status.rejected"].event["data"] == record(sandbox, session)
    assert [came[event].event["data"]["status"] for event in events] == [
        "PENDING", "SUBMITTED", "VERIFIED", "REJECTED"]


# ---- one core, two families --------------------------------------------------------------------------------------

def test_each_family_sees_what_the_other_made(fresh):
    by_header, _ = fresh
    bearer = by_header.by("Authorization")
    one = create(bearer, {"redirect_url": REDIRECT})["id"]
    two = make(by_header)["id"]
    theirs = [row["id"] for row in bearer.get(SESSIONS).json()["data"]]
    assert theirs == [typed(two), one]
    assert [typed(session) for session in found(by_header.get(SESSIONS))] == theirs
    # Members that a session does not have are null.
    shown = full(by_header, one)
    assert shown["user"] is None and shown["session_record"]["external_id"] is None
    assert shown["session_record"]["redirect_url"] == REDIRECT
    assert shown["session_record"]["meta_data"]["invitations"] == {
        "email": "not_requested", "phone": "not_requested"}
    assert show(bearer, two)["redirect_url"] is None
    assert "cancel_token" not in show(bearer, one)
    # And the person is nowhere where they are not asked for.
    assert "Amara" not in bearer.get(SESSIONS).text + by_header.get(SESSIONS).text


# ---- who may, and what is not there ---------------------------------------------------------------------------------

READ, WRITE = "sessions.read", "sessions.write"
BY_ID = ONE.replace("vs_01h455vb4pex5vsknk084sn02q", NOBODYS)
ROUTES = [
    ("POST", SESSIONS, WRITE), ("GET", SESSIONS, READ), ("GET", BY_ID, READ),
    ("PATCH", BY_ID + "/update-status", WRITE),
]


@pytest.mark.parametrize("method,path,scope", ROUTES)
def test_scopes(scoped, method, path, scope):
    other = READ if scope == WRITE else "webhooks.write"
    body = {"data": "x", "headers": {"Content-Type": "text/plain"}} if method != "GET" else {}
    assert detail(scoped(other, "X-API-Key").call(method, path, **body),
                  403) == "This API key may not do this."
    for good in (scope, WRITE):
        answer = scoped(good, "X-API-Key").call(method, path, **body)
        assert answer.status_code not in (401, 403)


@pytest.mark.parametrize("session", [NOBODYS, "x", NOBODYS.upper(), NOBODYS[:-1],
                                     "vs_01h455vb4pex5vsknk084sn02q", "attempts"])
def test_what_is_not_there(by_key, session):
    answer = by_key.get(f"{SESSIONS}/{session}")
    assert answer.status_code == 404 and answer.json() == NOT_FOUND
    assert decide(by_key, session, "VERIFIED").json() == NOT_FOUND


def test_of_another_tenant(by_key, stranger):
    session = make(by_key)["id"]
    theirs = stranger.by("X-API-Key")
    assert theirs.get(f"{SESSIONS}/{session}").json() == NOT_FOUND
    assert decide(theirs, session, "REJECTED").json() == NOT_FOUND
    assert session not in theirs.get(SESSIONS).text


def test_without_a_key_that_is_good(stack):
    for key in ("x", "dme_live_" + "x" * 48, ""):
        for path in (SESSIONS, BY_ID):
            answer = stack.client(key, "X-API-Key").get(path)
            assert answer.status_code == 401
            assert answer.json() == {"detail": "Invalid or missing API key"}


@pytest.mark.parametrize("method,path,status,said", [
    ("POST", BY_ID + "/cancel", 404, "There is nothing at this address."),
    ("DELETE", BY_ID, 405, "This address does not answer that method."),
    ("POST", BY_ID + "/update-status", 405, "This address does not answer that method."),
])
def test_what_this_family_does_not_have(by_key, method, path, status, said):
    assert detail(by_key.call(method, path), status) == said


def test_bodies_in_the_familys_shape(by_key):
    answer = by_key.call("POST", SESSIONS, data="{}", headers={"Content-Type": "text/plain"})
    assert detail(answer, 415) == "The body must be sent as application/json."
    json_type = {"Content-Type": "application/json"}
    answer = by_key.call("POST", SESSIONS, data=b'{"x":"' + b"x" * 70000 + b'"}', headers=json_type)
    assert detail(answer, 413) == "The request body is too large."
    answer = by_key.call("POST", SESSIONS, data=b'{"email":', headers=json_type)
    assert detail(answer).startswith("The request is not valid: body")
    assert detail(by_key.post(SESSIONS, PERSON, headers={"Idempotency-Key": "x" * 256}))
