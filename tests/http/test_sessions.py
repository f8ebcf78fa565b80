# SPDX-License-Identifier: Apache-2.0
"""Verification sessions as the session family shows them: whole bodies, the share contract with each of
its errors, lists, attempts, cancelling, and what a key may do (contract/sessions.md)."""

import re
import threading

import pytest

import test_verify_session as pages
from product import is_id, is_time, plain as redacted, wait_for
from session_family import NO_PAGE, TAIL, error, no_session, refused
from test_verify_session import DECLINED, Page, expire

SESSIONS = "/v1/sessions"
REDIRECT = "https://your-app.com/welcome?from=kyc"
STATIC = ["date_of_birth", "document_expiry_date", "document_number", "document_photo",
          "document_type_code", "family_name", "given_names", "issuing_country_code",
          "kayle_document_id", "kayle_human_id", "mrz_optional_data", "nationality_code", "sex_marker"]
ASKED = {"age_over_18": {"required": True, "reason": "  You must be\n an   adult. "},
         "nationality_code": {"required": False, "reason": "Statistics"}}


def create(client, body=None, **more):
    answer = client.post(SESSIONS, body, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def show(client, session, query=""):
    answer = client.get(f"{SESSIONS}/{session}{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


# ---- making and showing ------------------------------------------------------------------------------

def test_what_is_made(stack, tenant):
    _, live, _ = tenant
    answer = live.post(SESSIONS, {"share_fields": ASKED, "redirect_url": REDIRECT})
    assert answer.status_code == 200
    body = answer.json()
    made = body["data"]
    token, session = made["cancel_token"], made["id"]
    assert body["error"] is None and set(body) == {"data", "error"}
    assert is_id("vs", session) and re.fullmatch("[a-z0-9]{48}", token)
    assert list(made) == ["id", "status", "contract_version", "share_fields", "redirect_url",
                          "verification_url", "expires_at", "completed_at", "created_at",
                          "updated_at", "cancel_token"]
    assert redacted(made) == {
        "id": "<vs>", "status": "created", "contract_version": 1, "share_fields": {
            "age_over_18": {"required": True, "reason": "You must be an adult.", "source": "rc"},
            "kayle_document_id": {"required": True, "reason": 'Sharing "Kayle Document ID"',
                                  "source": "default"},
            "nationality_code": {"required": False, "reason": "Statistics", "source": "rc"}},
        "redirect_url": REDIRECT, "completed_at": None, "created_at": "<time>",
        "updated_at": "<time>", "expires_at": "<time>", "cancel_token": token,
        "verification_url": f"{stack.url}/verify/{session}?cancel_token={token}"}
    assert list(made["share_fields"]) == sorted(made["share_fields"])
    seconds = stack.rows("SELECT TIMESTAMPDIFF(SECOND, created_at, expires_at) FROM session "
                         "WHERE id = %s", pages.raw_id(session))[0][0]
    assert seconds == 3600

    # Shown again: the same without the token, which is nowhere.
    del made["cancel_token"]
    made["verification_url"] = f"{stack.url}/verify/{session}"
    assert live.get(f"{SESSIONS}/{session}").json() == {"data": made, "error": None}
    assert live.get(SESSIONS).json() == {"data": [made], "error": None,
                                         "pagination": {**NO_PAGE, "limit": 10}}
    assert token not in live.get(SESSIONS + "?include_attempts=true").text
    assert show(live, session, "?include_attempts=true") == {**made, "attempts": []}
    assert show(live, session, "?include_attempts=false") == made


@pytest.mark.parametrize("body", [None, {}], ids=["no body", "empty body"])
def test_all_claims_where_none_is_named(sandbox, body):
    shared = create(sandbox, body)["share_fields"]
    assert sorted(shared) == STATIC
    assert shared["family_name"] == {"required": False, "reason": 'Sharing "Family Name"',
                                     "source": "default"}
    assert [name for name, row in shared.items() if row["required"]] == ["kayle_document_id"]


def test_the_document_id_alone_where_nothing_is_asked(sandbox):
    assert list(create(sandbox, {"share_fields": {}})["share_fields"]) == ["kayle_document_id"]


def test_the_document_id_by_its_neutral_name(sandbox):
    shared = create(sandbox, {"share_fields": {
        "document_id": {"required": False, "reason": "To know you again"}}})["share_fields"]
    assert {row["required"] for row in shared.values()} == {True}
    assert "To know you again" in [row["reason"] for row in shared.values()]


def test_environments(tenant):
    """A sandbox key sees and makes sandbox sessions only; a live key sees both."""
    _, live, sandbox = tenant
    one, other = create(live)["id"], create(sandbox)["id"]
    assert ids(live.get(SESSIONS)) == [other, one]
    assert ids(sandbox.get(SESSIONS)) == [other]
    assert show(live, other)["id"] == other
    assert sandbox.get(f"{SESSIONS}/{one}").json() == no_session("getSession")


# ---- the share contract: every error (reference/kayle.md section 4.3) --------------------------------

def asked(**claims):
    return {name: {"required": True, "reason": "Because"} if row is None else row
            for name, row in claims.items()}


INVALID = ("INVALID_SHARE_FIELDS", "Invalid share_fields payload.",
           "share_fields must be an object map of claim keys.")
UNKNOWN = ("UNKNOWN_CLAIM_KEY", "Unknown claim key.",
           "Use a supported claim key from the share contract allowlist.")
AGE = ("INVALID_AGE_GATE_KEY", "Invalid age gate claim key.",
       "Use `age_over_<integer>` with a valid threshold, for example `age_over_18`.")
AGES = ("MULTIPLE_AGE_GATES_NOT_ALLOWED", "Multiple age gate claims are not allowed.",
        "Only one age_over_X claim can be provided per session.")
REASON = ("REASON_REQUIRED", "Each share field requires a reason.",
          "Provide a non-empty reason for every requested claim.")
LONG_REASON = ("REASON_TOO_LONG", "Reason is too long.", "Reason must be 200 characters or fewer.")
MANY = ("TOO_MANY_SHARE_FIELDS", "Too many share fields requested.",
        "The maximum number of share fields is 32.")
REDIRECTION = ("INVALID_REDIRECT_URL", "Redirect URL is not a valid https:// URL.",
               "Must be an https:// URL with no embedded credentials.")


@pytest.mark.parametrize("fields,said", [
    ([], INVALID), ("all", INVALID), (None, INVALID), (7, INVALID),
    ({"family_name": "yes"}, INVALID), ({"family_name": None}, INVALID),
    ({"family_name": {"reason": "Because"}}, INVALID),
    ({"family_name": {"required": "yes", "reason": "Because"}}, INVALID),
    (asked(shoe_size=None), UNKNOWN), (asked(AGE_OVER_18=None), UNKNOWN),
    (asked(age_over_11=None), AGE), (asked(age_over_131=None), AGE),
    (asked(age_over_abc=None), AGE), (asked(age_over_=None), AGE),
    (asked(age_over_18=None, age_over_21=None), AGES),
    ({"family_name": {"required": True}}, REASON),
    ({"family_name": {"required": True, "reason": 5}}, REASON),
    ({"family_name": {"required": True, "reason": " \n "}}, REASON),
    ({"family_name": {"required": True, "reason": "x" * 201}}, LONG_REASON),
    ({f"claim_{number}": {"required": True, "reason": "x"} for number in range(33)}, MANY),
])
def test_share_errors(tenant, fields, said):
    _, live, _ = tenant
    answer = live.post(SESSIONS, {"share_fields": fields})
    assert answer.status_code == 400
    assert answer.json() == error(*said, "createSession")
    assert ids(live.get(SESSIONS)) == []


@pytest.mark.parametrize("fields", [
    asked(age_over_12=None), asked(age_over_130=None), asked(date_of_birth=None, age_over_18=None),
    {"family_name": {"required": True, "reason": "x" * 200}},
    {"family_name": {"required": True, "reason": "é" * 200}},
])
def test_share_bounds(sandbox, fields):
    assert set(fields) < set(create(sandbox, {"share_fields": fields})["share_fields"])


@pytest.mark.parametrize("url", [
    "http://your-app.com/", "https://user:secret@your-app.com/", "ftp://your-app.com/",
    "your-app.com", "https://", "javascript:alert(1)", "https://your app.com/", "https:/x"])
def test_redirects_that_are_none(sandbox, url):
    answer = sandbox.post(SESSIONS, {"redirect_url": url})
    assert answer.status_code == 400
    assert answer.json() == error(*REDIRECTION, "createSession")


@pytest.mark.parametrize("body,fault", [
    ({"redirect_url": ""}, "redirect_url must not be empty"),
    ({"redirect_url": "https://x.example/" + "a" * 2048},
     "redirect_url must have at most 2048 characters"),
    ({"redirect_url": 1}, "redirect_url must be a string"),
    ({"language": "xx"}, "language must be one of en, fr"),
    ({"redirect_uri": REDIRECT},
     'redirect_uri is not a known field; did you mean "redirect_url"?'),
    ([], "body must be a JSON object"),
])
def test_bodies_that_are_none(sandbox, body, fault):
    answer = sandbox.post(SESSIONS, body)
    assert answer.status_code == 400
    assert answer.json() == refused("createSession", fault)


def test_it_is_told_once_by_its_idempotency_key(tenant):
    _, live, _ = tenant
    headers = {"Idempotency-Key": "session-1"}
    one, other = (live.post(SESSIONS, {}, headers=headers) for _ in range(2))
    assert one.json() == other.json() and other.headers["Idempotent-Replayed"] == "true"
    assert len(ids(live.get(SESSIONS))) == 1
    assert live.post(SESSIONS, {"share_fields": {}}, headers=headers).status_code == 422


# ---- what it costs -------------------------------------------------------------------------------------

def test_it_costs_tokens(stack):
    """A session has a price of its own (the setting token_price_session); nothing is made without."""
    app, org = stack.tenant("Poor", tokens=1)
    live, sandbox = (stack.client(stack.key(app, environment)["key"])
                     for environment in ("live", "sandbox"))
    create(live)
    assert stack.cli("tokens", "show", org, "--json")["balance"] == 0
    answer = live.post(SESSIONS)
    assert answer.status_code == 402
    assert answer.json() == error(
        "INSUFFICIENT_TOKENS", "The token balance is too low.",
        "Top up the balance, then send the request again.", "createSession")
    assert len(ids(live.get(SESSIONS))) == 1
    create(sandbox)
    used = [(row["event_type"], row["environment"], row["tokens"])
            for row in live.get("/v1/usage").json()["data"]]
    assert used == [("session", "sandbox", 0), ("session", "live", 1)]


# ---- lists -----------------------------------------------------------------------------------------------

def test_pages(tenant):
    _, live, _ = tenant
    made = [create(live)["id"] for _ in range(5)][::-1]
    seen, after = [], ""
    for _ in range(3):
        body = live.get(f"{SESSIONS}?limit=2{after}").json()
        seen.append([row["id"] for row in body["data"]])
        last = body["data"][-1]["id"] if body["pagination"]["has_more"] else None
        assert body["pagination"] == {"limit": 2, "has_more": last is not None, "next_cursor": last}
        after = f"&starting_after={last}"
    assert seen == [made[:2], made[2:4], made[4:]]
    assert ids(live.get(f"{SESSIONS}?starting_after={made[-1]}")) == []


@pytest.mark.parametrize("query,fault", [
    ("limit=0", "limit must be a whole number from 1 to 100"),
    ("limit=101", "limit must be a whole number from 1 to 100"),
    ("status=pending",
     "status must be one of created, in_progress, completed, expired, cancelled"),
    ("starting_after=va_" + TAIL, "starting_after is not the id of a session"),
    ("include_attempts=yes", "include_attempts must be true or false"),
    ("created_from=yesterday", "created_from must be an ISO 8601 date or time"),
    ("created_from=2026-05-02&created_to=2026-05-01",
     "created_from must not be later than created_to"),
    ("workflow_id=x", "workflow_id is not a known field"),
])
def test_queries_that_are_none(sandbox, query, fault):
    answer = sandbox.get(f"{SESSIONS}?{query}")
    limit = 10
    if match := re.match("limit=([0-9]+)", query):
        limit = answer.json()["pagination"]["limit"]
        assert limit in (10, int(match[1]))
    assert answer.status_code == 400
    assert answer.json() == refused("listSessions", fault, page={**NO_PAGE, "limit": limit})


def test_filters(stack, tenant):
    _, live, _ = tenant
    one, cancelled, late = (create(live)["id"] for _ in range(3))
    assert live.post(f"{SESSIONS}/{cancelled}/cancel").status_code == 204
    expire(stack, late)
    wanted = {"created": [one], "cancelled": [cancelled], "expired": [late], "in_progress": [],
              "completed": []}
    assert show(live, late)["status"] == "expired"
    for status, found in wanted.items():
        assert ids(live.get(f"{SESSIONS}?status={status}")) == found, status
    assert ids(live.get(SESSIONS + "?created_from=2026-01-01")) == [late, cancelled, one]
    assert ids(live.get(SESSIONS + "?created_to=2026-01-01")) == []
    assert ids(live.get(SESSIONS + "?created_from=2099-01-01")) == []


# ---- how it ends -------------------------------------------------------------------------------------------

def test_cancelling(stack, tenant):
    _, live, _ = tenant
    session = create(live)["id"]
    for _ in range(3):
        answer = live.post(f"{SESSIONS}/{session}/cancel")
        assert answer.status_code == 204 and answer.content == b""
    shown = show(live, session)
    assert shown["status"] == "cancelled" and is_time(shown["completed_at"])
    events = live.get("/v1/events").json()["data"]
    assert [(row["type"], row["trigger_id"]) for row in events] == [
        ("verification.session.cancelled", session)]


def test_cancelled_by_many_at_once(stack, tenant):
    """A hundred callers, one event."""
    app, live, _ = tenant
    session = create(live)["id"]
    key, statuses = live.key, []

    def cancel():
        client = stack.client(key)
        statuses.extend(client.post(f"{SESSIONS}/{session}/cancel").status_code
                        for _ in range(10))
    stack.cli("org", "limits", live_org(stack, app), "--rate", "0")
    threads = [threading.Thread(target=cancel) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [204] * 100
    assert len(live.get("/v1/events").json()["data"]) == 1


def live_org(stack, app):
    return stack.cli("app", "show", app, "--json")["organization_id"]


def test_expiring(stack, tenant):
    """Whoever looks first finds it expired, and there is one event of it."""
    _, live, _ = tenant
    session = create(live)["id"]
    expire(stack, session)
    shown = show(live, session)
    assert shown["status"] == "expired" and is_time(shown["completed_at"])
    assert live.post(f"{SESSIONS}/{session}/cancel").status_code == 204
    assert show(live, session)["status"] == "expired"
    assert [row["type"] for row in live.get("/v1/events").json()["data"]] == [
        "verification.session.expired"]


@pytest.fixture(scope="module")
def tried(stack):
    """A session with a failed attempt and a good one behind it: (client, session, attempts)."""
    app, _ = stack.tenant("Tried")
    client = stack.client(stack.key(app, environment="sandbox")["key"])
    session = create(client, {"share_fields": {}})["id"]
    page = Page(stack, session).start()
    for facts in ({"id_number": DECLINED}, {}):
        assert page.submit(consent=["kayle_document_id"], **facts).status_code < 300
        page.settled()
    return client, session, show(client, session, "?include_attempts=true")["attempts"]


def test_attempts(tried):
    client, session, attempts = tried
    assert [redacted(row) for row in attempts] == [
        {"id": "<va>", "session_id": "<vs>", "status": "failed",
         "failure_code": attempts[0]["failure_code"], "risk_score": attempts[0]["risk_score"],
         "completed_at": "<time>", "created_at": "<time>", "updated_at": "<time>"},
        {"id": "<va>", "session_id": "<vs>", "status": "succeeded", "failure_code": None,
         "risk_score": attempts[1]["risk_score"], "completed_at": "<time>",
         "created_at": "<time>", "updated_at": "<time>"}]
    assert attempts[0]["failure_code"].startswith("document_")
    assert {row["session_id"] for row in attempts} == {session}
    assert show(client, session)["status"] == "completed"
    listed = client.get(SESSIONS + "?include_attempts=true&status=completed").json()["data"]
    assert [row["attempts"] for row in listed] == [attempts]


def test_lists_of_attempts(tried):
    client, session, attempts = tried
    newest_first = attempts[::-1]
    assert client.get(f"{SESSIONS}/attempts?session_id={session}").json() == {
        "data": newest_first, "error": None, "pagination": NO_PAGE}
    assert client.get(f"{SESSIONS}/attempts?status=failed").json()["data"] == attempts[:1]
    assert client.get(f"{SESSIONS}/attempts?status=succeeded&session_id={session}").json()[
        "data"] == attempts[1:]
    assert client.get(f"{SESSIONS}/attempts?status=cancelled").json()["data"] == []
    assert client.get(f"{SESSIONS}/attempts?session_id=vs_{TAIL}").json()["data"] == []
    page = client.get(f"{SESSIONS}/attempts?session_id={session}&limit=1").json()
    assert page["data"] == newest_first[:1] and page["pagination"] == {
        "limit": 1, "has_more": True, "next_cursor": newest_first[0]["id"]}
    page = client.get(f"{SESSIONS}/attempts?session_id={session}&limit=1"
                      f"&starting_after={newest_first[0]['id']}").json()
    assert page["data"] == newest_first[1:] and not page["pagination"]["has_more"]


@pytest.mark.parametrize("query,fault", [
    ("", "query must have session_id or status"), ("limit=5", "query must have session_id or status"),
    ("status=done", "status must be one of in_progress, succeeded, failed, cancelled"),
    ("session_id=va_" + TAIL, "session_id is not the id of a session"),
    ("status=failed&starting_after=vs_" + TAIL, "starting_after is not the id of an attempt"),
])
def test_lists_of_attempts_that_are_none(sandbox, query, fault):
    answer = sandbox.get(f"{SESSIONS}/attempts?{query}")
    assert answer.status_code == 400
    limit = 5 if query == "limit=5" else 10
    assert answer.json() == refused("listSessionAttempts", fault, page={**NO_PAGE, "limit": limit})


# ---- who may, and what is not there ---------------------------------------------------------------------------

READ, WRITE = "sessions.read", "sessions.write"
ONE = f"{SESSIONS}/vs_{TAIL}"
# (method, path, the header the key must come in, scope, operation): what both families have is here twice.
ROUTES = [
    ("POST", SESSIONS, "Authorization", WRITE, "createSession"),
    ("GET", SESSIONS, "Authorization", READ, "listSessions"),
    ("GET", SESSIONS + "/attempts?status=failed", "Authorization", READ, "listSessionAttempts"),
    ("GET", ONE, "Authorization", READ, "getSession"),
    ("POST", ONE + "/cancel", "Authorization", WRITE, "cancelSession"),
]


@pytest.fixture(scope="module")
def scoped(stack):
    app, _ = stack.tenant("Scoped sessions")
    keys = {}

    def client(scope, header="Authorization"):
        if scope not in keys:
            keys[scope] = stack.key(app, scopes=scope)["key"]
        return stack.client(keys[scope], header)
    return client


@pytest.mark.parametrize("method,path,header,scope,operation", ROUTES)
def test_scopes(scoped, method, path, header, scope, operation):
    other = READ if scope == WRITE else "webhooks.write"
    body = {"data": "x", "headers": {"Content-Type": "text/plain"}} if method == "POST" else {}
    answer = scoped(other, header).call(method, path, **body)
    page = NO_PAGE if operation.startswith("list") else None
    assert answer.status_code == 403
    assert answer.json() == error("FORBIDDEN", "This API key may not do this.",
                                  "Use a key that has the scope of this operation.", operation, page)
    # To write implies to read.
    for good in (scope, WRITE):
        assert scoped(good, header).call(method, path, **body).status_code not in (401, 403)


@pytest.mark.parametrize("session", ["vs_" + TAIL, "va_" + TAIL, "x", "vs_" + TAIL.upper(),
                                     "01890a5d-ac96-774b-bcce-b302099a8057"])
def test_what_is_not_there(live, session):
    assert live.get(f"{SESSIONS}/{session}").json() == no_session("getSession")
    answer = live.post(f"{SESSIONS}/{session}/cancel")
    assert answer.status_code == 404 and answer.json() == no_session("cancelSession")


def test_of_another_tenant(live, stranger):
    session = create(live)["id"]
    assert stranger.get(f"{SESSIONS}/{session}").json() == no_session("getSession")
    assert stranger.post(f"{SESSIONS}/{session}/cancel").json() == no_session("cancelSession")
    assert show(live, session)["status"] == "created"


def test_in_either_spelling_of_its_id(live):
    session = create(live)["id"]
    raw = pages.raw_id(session).hex()
    text = "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))
    assert show(live, text) == show(live, session)


# ---- which family it is ----------------------------------------------------------------------------------------

NO_KEY = error("UNAUTHORIZED", "Missing or invalid API key.",
               "Send a valid key: Authorization: Bearer <your API key>.")


@pytest.mark.parametrize("method,path,operation", [
    ("GET", SESSIONS, "listSessions"), ("POST", SESSIONS, "createSession"),
    ("GET", ONE, "getSession"), ("POST", ONE + "/cancel", "cancelSession"),
    ("PATCH", ONE + "/update-status", "updateSessionStatus")])
def test_without_a_key_both_are_told(stack, method, path, operation):
    answer = stack.client().call(method, path)
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    body = answer.json()
    assert body.pop("detail") == "Invalid or missing API key"
    page = NO_PAGE if operation == "listSessions" else None
    assert body == error(*[NO_KEY["error"][name] for name in ("code", "message", "hint")],
                         operation, page)


def test_the_header_chooses(stack, live):
    key = live.key
    by_key = live.by("X-API-Key")
    wrong = stack.client(key[:-1] + ("A" if key[-1] != "A" else "B"))
    assert "data" in live.get(SESSIONS).json() and "sessions" in by_key.get(SESSIONS).json()
    assert "error" in wrong.get(SESSIONS).json() and "detail" not in wrong.get(SESSIONS).json()
    assert wrong.by("X-API-Key").get(SESSIONS).json() == {"detail": "Invalid or missing API key"}
    # Both, and they agree: as with Authorization alone. Both, and they do not: nobody's.
    assert "data" in live.get(SESSIONS, headers={"X-API-Key": key}).json()
    assert live.get(SESSIONS, headers={"X-API-Key": "x"}).status_code == 401
    assert by_key.get(SESSIONS, headers={"Authorization": "Basic eDp4"}).json()["error"][
        "code"] == "UNAUTHORIZED"


@pytest.mark.parametrize("method,path,status,code", [
    ("GET", ONE + "/update-status", 404, "NOT_FOUND"),
    ("PATCH", ONE + "/update-status", 404, "NOT_FOUND"),
    ("DELETE", ONE, 405, "METHOD_NOT_ALLOWED"), ("PUT", SESSIONS, 405, "METHOD_NOT_ALLOWED"),
    ("GET", ONE + "/x", 404, "NOT_FOUND"),
])
def test_what_this_family_does_not_have(live, method, path, status, code):
    answer = live.call(method, path)
    assert answer.status_code == status and answer.json()["error"]["code"] == code


def test_bodies_in_the_familys_shape(live):
    answer = live.call("POST", SESSIONS, data="{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "UNSUPPORTED_MEDIA_TYPE"
    answer = live.call("POST", SESSIONS, data=b'{"x":"' + b"x" * 70000 + b'"}',
                       headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"


def test_events_of_a_session(stack, tenant):
    """In the sandbox too: of each attempt one, and of nothing that the plain family tells."""
    _, _, sandbox = tenant
    session = create(sandbox, {"share_fields": {}})["id"]
    page = Page(stack, session).start()
    page.submit(consent=["kayle_document_id"], id_number=DECLINED)
    page.settled()
    page.submit(consent=["kayle_document_id"])
    page.settled()
    assert wait_for(lambda: show(sandbox, session)["status"] == "completed", 20)
    events = sandbox.get("/v1/events").json()["data"]
    assert [row["type"] for row in events] == [
        "verification.attempt.succeeded", "verification.attempt.failed"]
    assert all(row["trigger_type"] == "verification_attempt" for row in events)
