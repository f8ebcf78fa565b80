# SPDX-License-Identifier: Apache-2.0
"""What the page of a verification session asks for: its token, what is told to whom, submitting,
cancelling, and where the person goes on (contract/sessions.md, The hosted page)."""

import threading
from urllib.parse import parse_qsl, urlsplit

import pytest

from product import Client, Stack, is_id, is_time, wait_for
from session_family import TAIL, error

FACTS = {"country": "SN", "id_type": "national_id", "id_number": "1234567890123",
         "first_name": "Amara", "last_name": "Diallo", "date_of_birth": "1990-05-15"}
DECLINED = "1000000000001"
SLOW = "1000000000003"
SHARE = {"family_name": {"required": True, "reason": "To know you"},
         "given_names": {"required": False, "reason": "To greet you"}}
DONE = "https://shop.example/done?a=1#end"
EMPTY = {"outcome": None, "attempts_left": None, "next_attempt": None, "attempts": [], "consent": [],
         "steps": [], "applicant": dict.fromkeys((
             "first_name", "middle_name", "last_name", "email", "phone", "country", "id_type",
             "id_number", "date_of_birth", "gender"))}


class Page:
    """The page of one session, as the browser is it."""

    def __init__(self, stack, session, token=None):
        self.stack, self.session = stack, session
        self.client = Client(stack.url, token, contract=stack.contract)
        self.attempt = 0

    def path(self, step):
        return f"/v1/verify-session/{self.session}/{step}"

    def start(self):
        answer = self.client.post(self.path("start"), {})
        assert answer.status_code == 200, answer.text
        return Page(self.stack, self.session, answer.json()["data"]["token"])

    def status(self):
        answer = self.client.get(self.path("status"))
        assert answer.status_code == 200, answer.text
        assert answer.json()["error"] is None
        return answer.json()["data"]

    def submit(self, nonce=None, consent=("kayle_document_id", "family_name"), **change):
        self.attempt += 1
        body = {"nonce": nonce or f"{self.session}-{self.attempt}", "consent": list(consent),
                **FACTS, **change}
        return self.client.post(self.path("submit"),
                                {name: value for name, value in body.items() if value is not None})

    def settled(self):
        """The session once nothing is being checked."""
        def look():
            shown = self.status()
            return shown if shown["status"] != "in_progress" else None
        shown = wait_for(look, 20)
        assert shown, f"{self.session} is still being checked"
        return shown


def make(client, **body):
    answer = client.post("/v1/sessions", {"share_fields": SHARE, "redirect_url": DONE, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.fixture(scope="module")
def plain(stack):
    return stack.client(stack.env["BONAFIDE_SANDBOX_KEY"], "X-API-Key")


def make_plain(plain, **body):
    answer = plain.post("/v1/sessions", {
        "firstName": "Amara", "lastName": "Diallo", "email": "amara@example.com",
        "phone": "+221771234567", "redirectUrl": DONE, "sendEmailInvite": False,
        "sendPhoneInvite": False, **body})
    assert answer.status_code == 200, answer.text
    made = answer.json()
    return made["id"], "vs_" + urlsplit(made["session_url"]).path.split("vs_")[1]


@pytest.fixture()
def page(stack, sandbox):
    """A session's page before it is opened."""
    return Page(stack, make(sandbox)["id"])


def age(stack, session, column, seconds):
    """Moves a time of the session back."""
    stack.rows(f"UPDATE session SET {column} = {column} - INTERVAL %s SECOND WHERE id = %s", seconds,
               raw_id(session))


def raw_id(text):
    """The UUID inside a TypeID: 26 characters of Crockford's base32."""
    number = 0
    for letter in text.split("_")[1]:
        number = number * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(letter)
    return number.to_bytes(16, "big")


def expire(stack, session):
    age(stack, session, "expires_at", 7200)
    age(stack, session, "open_until", 7200)


def refusal(answer):
    return answer.status_code, answer.json()["error"]["code"]


# ---- who is told what --------------------------------------------------------------------------------

def test_without_the_token_little_is_told(stack, page):
    shown = page.status()
    assert is_time(shown.pop("expires_at"))
    assert shown == {
        "session_id": page.session, "status": "created", "is_terminal": False, "completed_at": None,
        "redirect_url": None, "language": None,
        "organization_name": shown["organization_name"], **EMPTY}
    assert shown["organization_name"]


def test_with_the_token_all_of_it(stack, sandbox, page):
    entered = page.start()
    shown = entered.status()
    assert {name: shown[name] for name in ("status", "is_terminal", "outcome", "attempts_left",
                                           "next_attempt", "attempts", "steps")} == {
        "status": "created", "is_terminal": False, "outcome": None, "attempts_left": 3,
        "next_attempt": 1, "attempts": [], "steps": ["ID_VERIFICATION"]}
    by_claim = {item.pop("claim"): item for item in shown["consent"]}
    document = by_claim.pop("kayle_document_id")
    assert document == {"required": True, "reason": None}
    assert by_claim == {"family_name": {"required": True, "reason": "To know you"},
                        "given_names": {"required": False, "reason": "To greet you"}}
    assert shown["applicant"] == EMPTY["applicant"]


def test_what_the_business_sent_is_told_to_the_token_alone(stack, plain):
    _, session = make_plain(plain)
    page = Page(stack, session)
    assert page.status()["applicant"] == EMPTY["applicant"]
    for word in ("Amara", "Diallo", "amara@example.com", "771234567"):
        assert word not in page.client.get(page.path("status")).text
    assert page.start().status()["applicant"] == {
        **EMPTY["applicant"], "first_name": "Amara", "last_name": "Diallo",
        "email": "amara@example.com", "phone": "+221771234567"}
    assert page.start().status()["consent"] == []


def test_options_are_the_catalogue(page):
    assert page.client.get(page.path("options")).status_code == 401
    entered = page.start()
    rows = entered.client.get(entered.path("options")).json()["data"]["id_types"]
    by_name = {(row["country"], row["id_type"]): row for row in rows}
    assert len(by_name) == len(rows) > 20
    assert by_name["SN", "national_id"] == {
        "country": "SN", "id_type": "national_id", "pattern": "[0-9]{13,14}", "extra_fields": []}
    assert by_name["NG", "bank_account"]["extra_fields"] == ["bank_code"]


# ---- the token ---------------------------------------------------------------------------------------

def test_token_is_opaque_and_good_for_a_while(page):
    answer = page.client.post(page.path("start"), {}).json()["data"]
    assert len(answer["token"]) == 43
    assert is_time(answer["expires_at"])
    assert page.client.post(page.path("start")).status_code == 200


@pytest.mark.parametrize("token", ["x", "x" * 43, "A" * 43, "x" * 5000, "'; DROP TABLE session; --"])
def test_forged_token(stack, page, token):
    page.start()
    forged = Page(stack, page.session, token)
    for method, step in (("GET", "status"), ("GET", "options"), ("POST", "submit"), ("POST", "cancel")):
        answer = forged.client.call(method, forged.path(step), json=None if method == "GET" else {})
        assert answer.status_code in (401, 400), (step, answer.text)
        assert answer.status_code == 401 or len(token) > 500
    assert page.status()["status"] == "created"


def test_keys_and_other_tokens_open_nothing(stack, sandbox, page):
    entered = page.start()
    other = Page(stack, make(sandbox)["id"]).start()
    for token in (stack.env["BONAFIDE_SANDBOX_KEY"], stack.env["BONAFIDE_LIVE_KEY"],
                  other.client.session.headers["Authorization"][7:]):
        stranger = Page(stack, page.session, token)
        answer = stranger.client.get(stranger.path("status"))
        assert answer.json() == error(
            "UNAUTHORIZED", "Invalid or expired token.",
            "POST …/start gives a new token; the page may be open elsewhere.", "getPageStatus")
        assert answer.status_code == 401
    assert entered.status()["status"] == "created"
    # Nor does the page's token open anything else.
    for path in ("/v1/sessions", "/v1/sessions/" + page.session, "/v1/keys"):
        assert entered.client.get(path).status_code == 401


def test_who_opens_the_page_last_goes_on_there(stack, page):
    first, second = page.start(), page.start()
    assert first.client.get(first.path("status")).status_code == 401
    assert first.submit().status_code == 401
    assert second.status()["next_attempt"] == 1


def test_token_ends_and_slides(stack, page):
    entered = page.start()
    until = "SELECT page_until FROM session WHERE id = %s"
    age(stack, page.session, "page_until", 1700)
    before = stack.rows(until, raw_id(page.session))[0][0]
    assert entered.status()["status"] == "created"
    assert (stack.rows(until, raw_id(page.session))[0][0] - before).total_seconds() > 1600
    age(stack, page.session, "page_until", 1900)
    assert entered.client.get(entered.path("status")).status_code == 401


# ---- ids ---------------------------------------------------------------------------------------------

STEPS = (("POST", "start", "startPage"), ("GET", "status", "getPageStatus"),
         ("GET", "options", "getPageOptions"), ("POST", "submit", "submitPage"),
         ("POST", "cancel", "cancelPage"))
SUBMISSION = {"nonce": "n" * 16, **FACTS}


@pytest.mark.parametrize("method, step, operation", STEPS)
def test_malformed_and_unknown_ids(stack, method, step, operation):
    token = "x" * 43
    for session, answer in (
            ("x", (400, "INVALID_SESSION_ID")), ("va_" + TAIL, (400, "INVALID_SESSION_ID")),
            ("vs_" + TAIL[:-1], (400, "INVALID_SESSION_ID")), ("vs_" + TAIL, (404, "SESSION_NOT_FOUND"))):
        page = Page(stack, session, token)
        body = {"submit": SUBMISSION}.get(step, {}) if method == "POST" else None
        got = page.client.call(method, page.path(step), json=body)
        assert refusal(got) == answer, got.text
        assert got.json()["error"]["docs"] == "/reference#" + operation


def test_session_of_a_suspended_organisation_is_not_there(stack):
    app, org = stack.tenant("Suspended later")
    client = stack.client(stack.key(app, environment="sandbox")["key"])
    page = Page(stack, make(client)["id"]).start()
    stack.cli("org", "suspend", org)
    assert refusal(page.client.get(page.path("status"))) == (404, "SESSION_NOT_FOUND")


# ---- submitting --------------------------------------------------------------------------------------

def test_a_submission_is_checked_and_the_session_done(stack, page):
    entered = page.start()
    answer = entered.submit()
    assert answer.status_code == 200, answer.text
    shown = answer.json()["data"]
    assert (shown["status"], shown["attempts"][0]["status"]) == ("in_progress", "in_progress")
    shown = entered.settled()
    assert (shown["status"], shown["outcome"], shown["is_terminal"]) == ("completed", "succeeded", True)
    [attempt] = shown["attempts"]
    assert is_id("va", attempt["id"])
    assert (attempt["status"], attempt["failure_code"]) == ("succeeded", None)
    assert is_time(attempt["completed_at"]) and is_time(shown["completed_at"])
    assert shown["redirect_url"] == f"https://shop.example/done?a=1&session_id={page.session}#end"
    # Without the token: where to go on, and not how it ended.
    assert (page.status()["outcome"], page.status()["redirect_url"]) == (None, shown["redirect_url"])
    assert refusal(entered.submit()) == (409, "SESSION_NOT_ACTIVE")
    assert refusal(page.client.post(page.path("start"))) == (409, "SESSION_NOT_ACTIVE")


def test_sent_twice_it_is_one_attempt(stack, page):
    entered = page.start()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        Page(stack, page.session, entered.client.session.headers["Authorization"][7:]).submit(
            nonce="the-same-attempt-1", id_number=SLOW))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 6, [a.text for a in answers]
    assert len(entered.status()["attempts"]) == 1
    assert refusal(entered.submit(nonce="another-attempt-2")) == (409, "SESSION_NOT_ACTIVE")
    assert stack.rows("SELECT COUNT(*) FROM session_attempt WHERE session_id = %s",
                      raw_id(page.session)) == ((1,),)


def test_three_failures_end_it(stack, plain):
    uuid, session = make_plain(plain)
    entered = Page(stack, session).start()
    for left in (2, 1, 0):
        assert entered.submit(consent=(), id_number=DECLINED).status_code == 200
        shown = entered.settled()
        assert (shown["attempts_left"], len(shown["attempts"])) == (left, 3 - left)
        assert shown["attempts"][-1]["failure_code"].startswith("document_")
        assert shown["status"] == ("created" if left else "completed")
    assert shown["outcome"] == "failed"
    assert dict(parse_qsl(urlsplit(shown["redirect_url"]).query)) == {
        "a": "1", "session_id": uuid, "status": "failed", "reason": "document_unreadable"}


@pytest.mark.parametrize("change, fault", (
    ({"id_number": "12"}, "id_number"), ({"country": "senegal"}, "country"),
    ({"date_of_birth": "1990-02-30"}, "date_of_birth"), ({"date_of_birth": "2990-01-01"}, "date_of_birth"),
    ({"first_name": " "}, "first_name"), ({"last_name": None}, "last_name"), ({"nonce": "short"}, "nonce"),
    ({"nonce": "no spaces in it, please"}, "nonce"), ({"surprise": 1}, "surprise"),
    ({"consent": ("document_number",)}, "consent"), ({"consent": ()}, "consent"),
    ({"consent": ("family_name", "family_name", "kayle_document_id")}, "consent"),
    ({"country": "NG", "id_type": "bank_account", "id_number": "1234567890"}, "bank_code")))
def test_faults_are_told_by_their_member(page, change, fault):
    entered = page.start()
    answer = entered.submit(**change)
    assert refusal(answer) == (400, "BAD_REQUEST"), answer.text
    assert [word.split(" ")[0] for word in answer.json()["error"]["hint"].split("; ")] == [fault]
    shown = entered.status()
    assert (shown["status"], shown["next_attempt"]) == ("created", 1)


def test_unsupported_document(page):
    assert refusal(page.start().submit(country="FR")) == (400, "UNSUPPORTED_ID_TYPE")


def test_consent_must_have_what_is_required(page):
    entered = page.start()
    for consent in (("kayle_document_id",), ("family_name",), ("given_names", "kayle_document_id")):
        assert refusal(entered.submit(consent=consent)) == (400, "BAD_REQUEST")
    assert entered.submit(consent=("kayle_document_id", "family_name", "given_names")).status_code == 200


# ---- endings -----------------------------------------------------------------------------------------

def test_cancelled_with_the_page_token(stack, plain):
    uuid, session = make_plain(plain)
    entered = Page(stack, session).start()
    for _ in range(2):
        answer = entered.client.post(entered.path("cancel"))
        assert (answer.status_code, answer.content) == (204, b"")
    shown = entered.status()
    assert (shown["status"], shown["is_terminal"], shown["outcome"]) == ("cancelled", True, None)
    assert dict(parse_qsl(urlsplit(shown["redirect_url"]).query)) == {
        "a": "1", "session_id": uuid, "status": "abandoned", "reason": "user_cancelled"}


def test_cancelled_with_the_cancel_token(stack, sandbox):
    made = make(sandbox)
    page = Page(stack, made["id"])
    for body in ({}, {"cancel_token": "a" * 48}, {"cancel_token": made["cancel_token"][:-1]}):
        assert refusal(page.client.post(page.path("cancel"), body)) == (401, "CANCEL_TOKEN_INVALID")
    other = make(sandbox)
    assert refusal(page.client.post(page.path("cancel"), {"cancel_token": other["cancel_token"]})) \
        == (401, "CANCEL_TOKEN_INVALID")
    for _ in range(2):
        answer = page.client.post(page.path("cancel"), {"cancel_token": made["cancel_token"]})
        assert answer.status_code == 204, answer.text
    assert page.status()["status"] == "cancelled"
    assert sandbox.get("/v1/sessions/" + made["id"]).json()["data"]["status"] == "cancelled"


def test_expired(stack, sandbox, plain):
    page = Page(stack, make(sandbox)["id"])
    entered = page.start()
    expire(stack, page.session)
    # Whoever comes first finds it so, and it stays so although he is refused.
    assert refusal(entered.submit()) == (410, "SESSION_EXPIRED")
    assert page.status()["status"] == "expired"
    assert refusal(page.client.post(page.path("start"))) in ((410, "SESSION_EXPIRED"),)
    uuid, session = make_plain(plain)
    expire(stack, session)
    shown = Page(stack, session).status()
    assert (shown["status"], shown["is_terminal"]) == ("expired", True)
    assert dict(parse_qsl(urlsplit(shown["redirect_url"]).query)) == {
        "a": "1", "session_id": uuid, "status": "abandoned", "reason": "session_expired"}


# ---- limits ------------------------------------------------------------------------------------------

def test_address_is_limited():
    with Stack("--set", "page_address_per_min=3", "--no-batch", workers=1) as stack:
        page = Page(stack, "vs_" + TAIL)
        answers = [page.client.get(page.path("status")) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [404] * 3 + [429]
        assert answers[3].json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
        assert answers[3].headers["Retry-After"].isdigit()
        assert '"page";q=3;w=60' in answers[3].headers["RateLimit-Policy"]
        # Others are not: an API key asks as before.
        assert stack.live.get("/v1/keys").status_code == 200


def test_addresses_in_logs_do_not_name_the_session(stack, page):
    page.status()
    stack.client().get("/verify/" + page.session)
    lines = (stack.dir / "log/access.log").read_text()
    assert "/v1/verify-session/-/status" in lines
    assert page.session not in lines.replace("/v1/sessions/" + page.session, "")
