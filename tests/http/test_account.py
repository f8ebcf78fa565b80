# SPDX-License-Identifier: Apache-2.0
"""How people come in (contract/accounts.md): registering, codes, logging in and out, refresh tokens."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts import (BASE, PASSWORD, account_login, account_register, codes, letters, login,
                      new_address, register, verify)
from product import wait_for

REGISTERED = "Registration successful. Check your email for the verification code."
AGAIN = "A new verification code has been sent to your email."
WRONG_CODE = {"code": ["Invalid or expired code."]}
WRONG_LOGIN = {"detail": "Invalid credentials."}
WRONG_TOKEN = {"detail": "Invalid or expired token."}
LOCKED = {"detail": "Too many failed attempts. Please try again later."}
OTHER = "An0ther!Password"
# Not the answer's own.
PASSING = {"Date", "Keep-Alive", "X-Request-Id", "RateLimit", "RateLimit-Policy"}
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def refresh(stack, token):
    return stack.client().post(BASE + "/refresh/", {"refresh_token": token})


def resend(stack, address, **more):
    return stack.client().post(BASE + "/resend-otp/", {"email": address, **more})


def logout(stack, token):
    return stack.client(token).post(BASE + "/logout/")


def is_alive(stack, access_token):
    return stack.client(access_token).get("/auth/v2/organizations/me/").status_code == 200


def operations(stack):
    """Passwords that were hashed or checked so far."""
    page = stack.client().get("/-/metrics").text
    return int(re.search(r"^bonafide_password_operations_total (\d+)", page, re.M).group(1))


def cost(stack, call):
    """What a call answered, and how many password operations it took."""
    before = operations(stack)
    answer = call()
    return answer, operations(stack) - before


def seen(answer):
    """All that a client can tell answers apart by."""
    return (answer.status_code, answer.text,
            {name: value for name, value in answer.headers.items() if name not in PASSING})


def rest(stack, address):
    """Lets a minute pass for an address: when it was last asked for a code, and told of its account."""
    stack.rows("UPDATE address_guard SET resent_at = NULL, told_at = NULL")


@pytest.fixture(scope="module")
def person(stack):
    return account_register(stack)


# ---- the way in ------------------------------------------------------------------------------------

def test_the_whole_way(stack):
    address = new_address()
    answer = register(stack, address)
    assert answer.status_code == 201
    assert answer.json() == {"message": REGISTERED, "email": address}
    code = codes(stack, address)[-1]
    answer = verify(stack, address, code)
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["access_token", "refresh_token", "expires_in", "token_type",
                          "organization", "application"]
    assert body["expires_in"] == 86400 and body["token_type"] == "Bearer"
    assert re.fullmatch("[A-Za-z0-9_-]{43}", body["refresh_token"])
    assert list(body["organization"]) == ["uuid", "name"]
    assert re.fullmatch(UUID, body["organization"]["uuid"])
    assert body["organization"]["name"] == address.split("@")[0]
    assert list(body["application"]) == ["uuid", "name", "client_id", "api_key"]
    assert re.fullmatch(UUID, body["application"]["uuid"])
    assert re.fullmatch("[A-Za-z0-9_-]{22}", body["application"]["client_id"])
    # Its key is good for the other families, its token for this one.
    client = stack.client(body["application"]["api_key"], "X-API-Key")
    assert client.get("/v1/kyc/verifications").json()["data"] == []
    assert is_alive(stack, body["access_token"])
    assert stack.client(body["access_token"]).get("/v1/keys").status_code == 401
    # Once.
    answer = verify(stack, address, code)
    assert answer.status_code == 400 and answer.json() == WRONG_CODE

    answer = login(stack, address)
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["access_token", "refresh_token", "expires_in", "token_type", "message"]
    assert body["message"] == "Login successful" and body["expires_in"] == 86400

    answer = refresh(stack, body["refresh_token"])
    assert answer.status_code == 200
    fresh = answer.json()
    assert list(fresh) == ["access_token", "refresh_token", "expires_in", "token_type"]
    assert fresh["refresh_token"] != body["refresh_token"]

    answer = logout(stack, fresh["access_token"])
    assert answer.status_code == 204 and answer.content == b""
    for token in (body["access_token"], fresh["access_token"]):
        assert not is_alive(stack, token)
    answer = refresh(stack, fresh["refresh_token"])
    assert answer.status_code == 401 and answer.json() == WRONG_TOKEN


def test_the_same_address_whatever_its_case(stack, person):
    shouted = person["email"].upper()
    assert login(stack, shouted).status_code == 200
    assert verify(stack, shouted, "A3K9F2").json() == WRONG_CODE


def test_the_code_as_people_type_it(stack):
    address = new_address()
    register(stack, address)
    assert verify(stack, address, f"  {codes(stack, address)[-1].lower()} ").status_code == 200


def test_mails_speak_the_language_that_was_asked_for(stack):
    said = {}
    for language in ("en", "fr"):
        address = new_address()
        assert register(stack, address, language=language).status_code == 201
        codes(stack, address)
        said[language] = letters(stack, address)[-1]
    assert said["en"]["Subject"] != said["fr"]["Subject"]
    assert said["fr"]["Content-Language"] == "fr"


# ---- registering -----------------------------------------------------------------------------------

@pytest.mark.parametrize("password,says", [
    ("", "at least 8 characters"), ("aA1!", "at least 8 characters"),
    ("lower1!x", "upper-case"), ("UPPER1!X", "lower-case"), ("NoDigits!", "digit"),
    ("N0Special", "special character"), ("N0 Special", "special character"),
    # The first that is broken, alone.
    ("aaaaaaaaaa", "upper-case"), ("AAAAAAAAAA", "lower-case"), ("AaAaAaAa", "digit"),
    ("Aa1!" + "x" * 125, "128 characters"),
])
def test_password_rules(stack, password, says):
    answer = register(stack, new_address(), password)
    assert answer.status_code == 400
    assert list(answer.json()) == ["password"] and len(answer.json()["password"]) == 1
    assert says in answer.json()["password"][0]


@pytest.mark.parametrize("password", ["Aa1!" + "x" * 124, "Pass w0rd!", "Pässw0rd!", "Aa1?\"'\\x"])
def test_passwords_that_are_good(stack, password):
    address = new_address()
    assert register(stack, address, password).status_code == 201
    assert verify(stack, address, codes(stack, address)[-1]).status_code == 200
    assert login(stack, address, password).status_code == 200


@pytest.mark.parametrize("address", ["", "you", "you@company", "you@@company.com", "a b@company.com",
                                     "you@company.com\nBcc: x@y.z", "<you@company.com>",
                                     "x" * 250 + "@company.com"])
def test_addresses_that_are_none(stack, address):
    for path in ("/register/", "/login/", "/resend-otp/"):
        answer = stack.client().post(BASE + path, {"email": address, "password": PASSWORD})
        assert answer.status_code == 400, path
        assert list(answer.json()) == ["email"], path


def test_the_same_again_is_a_new_code(stack):
    address = new_address()
    assert register(stack, address).status_code == 201
    old = codes(stack, address)[-1]
    answer = register(stack, address)
    assert answer.status_code == 200
    assert answer.json() == {"message": AGAIN, "email": address}
    new = codes(stack, address, 2)[-1]
    if new != old:
        assert verify(stack, address, old).json() == WRONG_CODE
    assert verify(stack, address, new).status_code == 200


def test_each_code_proves_its_own_password(stack):
    address = new_address()
    assert register(stack, address, PASSWORD).status_code == 201
    mine = codes(stack, address, 1)[-1]
    answer = register(stack, address, OTHER)
    assert answer.status_code == 201 and answer.json() == {"message": REGISTERED, "email": address}
    theirs = codes(stack, address, 2)[-1]
    assert verify(stack, address, mine).status_code == 200
    assert login(stack, address, OTHER).status_code == 401
    assert login(stack, address, PASSWORD).status_code == 200
    # What was asked for beside it has ended.
    assert verify(stack, address, theirs).json() == WRONG_CODE


def test_an_address_has_three_registrations(stack):
    address = new_address()
    for n in range(4):
        assert register(stack, address, PASSWORD + str(n)).status_code == 201
        codes(stack, address, n + 1)
    sent = codes(stack, address, 4)
    assert verify(stack, address, sent[0]).json() == WRONG_CODE
    assert verify(stack, address, sent[1]).status_code == 200
    assert login(stack, address, PASSWORD + "1").status_code == 200


def test_registering_tells_nothing(stack, person):
    """An address that has an account is answered as any other, the second time too."""
    rest(stack, person["email"])
    before = len(letters(stack, person["email"]))
    unknown = new_address()
    for password in (OTHER, OTHER, PASSWORD):
        answers = []
        for address in (unknown, person["email"]):
            answer, took = cost(stack, lambda: register(stack, address, password))
            assert took == 2
            answers.append((answer.status_code, answer.text.replace(address, ""), took,
                            {**seen(answer)[2], "Content-Length": ""}))
        assert answers[0] == answers[1]
    # Its owner is told, once a minute at most, and there is no code in it.
    assert wait_for(lambda: len(letters(stack, person["email"])) == before + 1, 20)
    told = letters(stack, person["email"])[-1]
    assert told["Subject"] != letters(stack, person["email"])[0]["Subject"]
    assert not re.search(r"^\s*[A-Z0-9]{6}\s*$", told.get_content(), re.M)
    codes(stack, unknown, 3)
    assert len(letters(stack, person["email"])) == before + 1
    # Nothing came of it.
    assert login(stack, person["email"], OTHER).status_code == 401
    assert login(stack, person["email"], PASSWORD).status_code == 200


def test_one_password_operation_more_or_less_would_show(stack):
    """The measure of the tests above: a request that is refused before any work costs none."""
    assert cost(stack, lambda: register(stack, new_address(), "weak"))[1] == 0


# ---- codes -----------------------------------------------------------------------------------------

def test_five_wrong_codes_and_it_is_dead(stack):
    address = new_address()
    register(stack, address)
    code = codes(stack, address)[-1]
    wrong = "AAAAAA" if code != "AAAAAA" else "BBBBBB"
    for _ in range(5):
        answer = verify(stack, address, wrong)
        assert answer.status_code == 400 and answer.json() == WRONG_CODE
    assert verify(stack, address, code).json() == WRONG_CODE
    # The registration is still there for another code.
    assert resend(stack, address).json() == {}
    assert verify(stack, address, codes(stack, address, 2)[-1]).status_code == 200


def test_four_wrong_codes_and_it_is_not(stack):
    address = new_address()
    register(stack, address)
    code = codes(stack, address)[-1]
    for n in range(4):
        assert verify(stack, address, f"WRONG{n}").json() == WRONG_CODE
    assert verify(stack, address, code).status_code == 200


def test_tries_at_once_are_all_counted(stack):
    address = new_address()
    register(stack, address)
    code = codes(stack, address)[-1]
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda n: verify(stack, address, f"WRON{n:02}").status_code,
                                range(16)))
    assert set(answers) == {400}
    tries = stack.rows("SELECT MAX(code_tries) FROM registration r JOIN address_guard g "
                       "ON g.email_index = r.email_index ORDER BY r.id DESC")
    assert tries[0][0] >= 16
    assert verify(stack, address, code).json() == WRONG_CODE


def test_a_code_expires(stack):
    address = new_address()
    register(stack, address)
    code = codes(stack, address)[-1]
    left = stack.rows("SELECT TIMESTAMPDIFF(SECOND, code_sent_at, code_expires_at) "
                      "FROM registration ORDER BY id DESC LIMIT 1")
    assert left[0][0] == 600
    stack.rows("UPDATE registration SET code_expires_at = UTC_TIMESTAMP(3) ORDER BY id DESC LIMIT 1")
    assert verify(stack, address, code).json() == WRONG_CODE


@pytest.mark.parametrize("code", ["", "A3K9F", "A3K9F22", "A3K9F!", "Å3K9F2"])
def test_what_is_no_code(stack, code):
    answer = verify(stack, new_address(), code)
    assert answer.status_code == 400 and answer.json() == WRONG_CODE


def test_codes_and_tokens_are_not_stored(stack):
    address = new_address()
    register(stack, address)
    code = codes(stack, address)[-1]
    row = stack.rows("SELECT * FROM registration ORDER BY id DESC LIMIT 1")[0]
    for secret in (code.encode(), PASSWORD.encode(), address.encode()):
        assert not any(secret in value for value in row if isinstance(value, bytes))
        assert not any(secret.decode() in value for value in row if isinstance(value, str))
    body = verify(stack, address, code).json()
    for row in stack.rows("SELECT hash FROM refresh_token"):
        assert body["refresh_token"].encode() not in row[0]


# ---- another code ----------------------------------------------------------------------------------

def test_resend(stack):
    address = new_address()
    register(stack, address)
    old = codes(stack, address)[-1]
    answer = resend(stack, address)
    assert answer.status_code == 200 and answer.json() == {}
    new = codes(stack, address, 2)[-1]
    answer = resend(stack, address)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.json() == {"detail": "Too many requests."}
    if new != old:
        assert verify(stack, address, old).json() == WRONG_CODE
    assert verify(stack, address, new).status_code == 200


def test_resend_tells_nothing(stack, person):
    known = new_address()
    register(stack, known)
    codes(stack, known)
    for more, took in (({}, 0), ({"password": OTHER}, 1), ({"password": PASSWORD}, 1)):
        rest(stack, known)
        calls = [cost(stack, lambda: resend(stack, address, **more))
                 for address in (new_address(), known, person["email"])]
        assert [row[1] for row in calls] == [took] * 3
        assert {str(seen(row[0])) for row in calls} == {str(seen(calls[0][0]))}
        # The second time too.
        assert resend(stack, known, **more).status_code == 429
    address = new_address()
    assert resend(stack, address).status_code == 200
    assert resend(stack, address).status_code == 429
    # The wrong password had nothing sent: the first code, and two more.
    assert len(codes(stack, known, 3)) == 3


def test_resend_among_several_needs_the_password(stack):
    """Somebody else may have registered the address: whose code is it to be?"""
    address = new_address()
    register(stack, address, PASSWORD)
    register(stack, address, OTHER)
    sent = codes(stack, address, 2)
    assert resend(stack, address).json() == {}
    rest(stack, address)
    assert resend(stack, address, password=OTHER).json() == {}
    sent = codes(stack, address, 3)
    assert len(sent) == 3
    assert verify(stack, address, sent[-1]).status_code == 200
    assert login(stack, address, OTHER).status_code == 200


# ---- logging in ------------------------------------------------------------------------------------

def test_every_refusal_of_a_login_is_the_same(stack, person):
    disabled, unproven = account_register(stack), new_address()
    stack.cli("account", "disable", disabled["email"])
    register(stack, unproven)
    failed = "SELECT COUNT(*) FROM audit WHERE action = 'login.failed'"
    before, answers = stack.rows(failed)[0][0], []
    for address, password in ((person["email"], OTHER), (new_address(), PASSWORD),
                              (unproven, PASSWORD), (disabled["email"], PASSWORD)):
        answer, took = cost(stack, lambda: login(stack, address, password))
        assert answer.status_code == 401 and answer.json() == WRONG_LOGIN
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        answers.append((str(seen(answer)), took))
    assert set(answers) == {(answers[0][0], 1)}
    assert stack.rows(failed)[0][0] == before + 4
    stack.cli("account", "enable", disabled["email"])
    assert login(stack, disabled["email"]).status_code == 200
    login(stack, person["email"])


def end_lock(stack, address):
    """As if the time of the lock had passed."""
    stack.rows("UPDATE address_guard SET locked_until = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND "
               "WHERE locked_until IS NOT NULL")


def locked_for(stack, address, password=OTHER):
    answer = login(stack, address, password)
    assert answer.status_code == 429 and answer.json() == LOCKED
    return int(answer.headers["Retry-After"])


@pytest.mark.parametrize("known", [True, False], ids=["an account", "nobody"])
def test_lockout(stack, known):
    address = account_register(stack)["email"] if known else new_address()
    failures = 0
    for until, seconds in ((5, 900), (10, 3600), (20, 86400), (25, 86400)):
        while failures < until:
            assert login(stack, address, OTHER).status_code == 401, failures
            failures += 1
        for password in (OTHER, PASSWORD):
            answer, took = cost(stack, lambda: login(stack, address, password))
            assert answer.status_code == 429 and took == 0
            assert answer.json() == LOCKED
            assert seconds - 30 <= int(answer.headers["Retry-After"]) <= seconds
        end_lock(stack, address)
    if known:
        assert login(stack, address, PASSWORD).status_code == 200
        # From the beginning again.
        for _ in range(4):
            assert login(stack, address, OTHER).status_code == 401
        assert login(stack, address, PASSWORD).status_code == 200


def test_attempts_at_once_get_no_more_guesses(stack):
    address = account_register(stack)["email"]
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda _: login(stack, address, OTHER).status_code, range(40)))
    # Who found no place to check a password in was not counted, and may come again.
    while answers.count(429) == 0:
        answers.append(login(stack, address, OTHER).status_code)
    assert answers.count(401) == 5
    assert set(answers) <= {401, 429, 503}
    assert locked_for(stack, address, PASSWORD) > 800


def test_one_address_is_no_others(stack, person):
    address = new_address()
    for _ in range(5):
        login(stack, address, OTHER)
    assert locked_for(stack, address) > 800
    assert login(stack, person["email"]).status_code == 200


# ---- tokens ----------------------------------------------------------------------------------------

def test_a_spent_refresh_token_ends_the_session(stack, person):
    other = account_login(stack, person["email"])
    first = account_login(stack, person["email"])
    second = refresh(stack, first["refresh_token"]).json()
    assert is_alive(stack, second["access_token"])
    answer = refresh(stack, first["refresh_token"])
    assert answer.status_code == 401 and answer.json() == WRONG_TOKEN
    # At once, and for all of the family; no other session.
    for tokens in (first, second):
        assert not is_alive(stack, tokens["access_token"])
        assert refresh(stack, tokens["refresh_token"]).status_code == 401
    assert is_alive(stack, other["access_token"])
    assert refresh(stack, other["refresh_token"]).status_code == 200
    assert stack.rows("SELECT COUNT(*) FROM audit WHERE action = 'session.reuse_detected'")[0][0] > 0


def test_two_at_once_are_a_reuse(stack, person):
    for _ in range(4):
        token = account_login(stack, person["email"])["refresh_token"]
        with ThreadPoolExecutor(4) as many:
            answers = list(many.map(lambda _: refresh(stack, token), range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
        winner = next(answer for answer in answers if answer.status_code == 200).json()
        assert not is_alive(stack, winner["access_token"])
        assert refresh(stack, winner["refresh_token"]).status_code == 401


def test_a_refresh_token_expires(stack, person):
    token = account_login(stack, person["email"])["refresh_token"]
    days = stack.rows("SELECT TIMESTAMPDIFF(DAY, created_at, expires_at) FROM refresh_token "
                      "ORDER BY created_at DESC LIMIT 1")
    assert days[0][0] == 30
    stack.rows("UPDATE refresh_token SET expires_at = UTC_TIMESTAMP(3) "
               "ORDER BY created_at DESC LIMIT 1")
    answer = refresh(stack, token)
    assert answer.status_code == 401 and answer.json() == WRONG_TOKEN


@pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 64, "a" * 42 + "!"])
def test_what_is_no_refresh_token(stack, token):
    answer = refresh(stack, token)
    assert answer.status_code == 401 and answer.json() == WRONG_TOKEN


def test_logout_needs_a_token_of_a_person(stack, live):
    for client in (stack.client(), live, stack.client("x" * 40),
                   stack.client(stack.env["BONAFIDE_LIVE_KEY"], "X-API-Key")):
        answer = client.post(BASE + "/logout/")
        assert answer.status_code == 401 and answer.json() == WRONG_TOKEN


# ---- the protocol ----------------------------------------------------------------------------------

PATHS = ["/register/", "/resend-otp/", "/verify-email/", "/login/", "/refresh/", "/logout/"]
WITH_BODY = PATHS[:-1]


@pytest.mark.parametrize("path", PATHS)
def test_without_its_slash_an_address_is_elsewhere(stack, path):
    answer = stack.client().post(BASE + path[:-1], {}, allow_redirects=False)
    assert answer.status_code == 308 and answer.headers["Location"] == BASE + path
    assert answer.reason == "Permanent Redirect"


@pytest.mark.parametrize("path", PATHS)
def test_methods(stack, path):
    anybody = stack.client()
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
        answer = anybody.call(method, BASE + path)
        assert answer.status_code == 405 and answer.headers["Allow"] == "POST, OPTIONS"
    answer = anybody.call("OPTIONS", BASE + path)
    assert answer.status_code == 204 and answer.headers["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("path", WITH_BODY)
def test_bodies_that_are_none(stack, path):
    anybody = stack.client()

    def send(data, media="application/json"):
        return anybody.call("POST", BASE + path, data=data, headers={"Content-Type": media})
    answer = send("email=x", "application/x-www-form-urlencoded")
    assert answer.status_code == 415
    assert answer.json() == {"detail": "The body must be sent as application/json."}
    assert send('{"email": "' + "x" * 70000 + '"}').status_code == 413
    for broken in ("", "{", "[]", "null", '"x"', '{"email": "\xff"}'.encode("latin-1")):
        answer = send(broken)
        assert answer.status_code == 400 and list(answer.json()) == ["detail"], broken
        assert isinstance(answer.json()["detail"], str)
    assert send("{]").json() == {
        "detail": "The request is not valid: body is not valid JSON (line 1, column 2)."}
    answer = send('{"nothing": 1}')
    assert answer.status_code == 400 and "nothing" in answer.json()
    assert all(isinstance(faults, list) for faults in answer.json().values())


@pytest.mark.parametrize("path,members", [
    ("/register/", ["email", "password"]), ("/resend-otp/", ["email"]),
    ("/verify-email/", ["email", "code"]), ("/login/", ["email", "password"]),
    ("/refresh/", ["refresh_token"])])
def test_members(stack, path, members):
    anybody = stack.client()
    answer = anybody.post(BASE + path, {})
    assert answer.status_code == 400
    assert answer.json() == {name: ["is required"] for name in members}
    for wrong in (1, None, ["x"], {}):
        answer = anybody.post(BASE + path, {name: wrong for name in members})
        assert answer.status_code == 400 and list(answer.json()) == members, wrong


def test_nothing_personal_is_logged(stack):
    address = new_address()
    somebody = account_register(stack, address)
    login(stack, address, OTHER)
    tokens = account_login(stack, address)
    refresh(stack, tokens["refresh_token"])
    logs = "".join(path.read_text(errors="replace") for path in (stack.dir / "log").iterdir()
                   if path.is_file() and path.name.startswith(("pool", "batch")))
    for secret in (address, PASSWORD, OTHER, tokens["refresh_token"], tokens["access_token"],
                   somebody["application"]["api_key"], *codes(stack, address)):
        assert secret not in logs


def test_audit(stack):
    address = new_address()
    somebody = account_register(stack, address)
    login(stack, address, OTHER)
    logout(stack, account_login(stack, address)["access_token"])
    rows = stack.rows("SELECT action, actor_kind, address, request_id FROM audit ORDER BY id DESC "
                      "LIMIT 12")
    actions = [row[0] for row in rows][::-1]
    assert [word for word in actions if word.split(".")[0] in ("account", "login", "logout")][-5:] == [
        "account.registered", "account.verified", "login.failed", "login.succeeded", "logout"]
    assert {row[2] for row in rows} == {"127.0.0.1"}
    assert all(row[3].startswith("req_") for row in rows)
    assert dict((row[0], row[1]) for row in rows)["logout"] == "account"
    assert somebody["organization"]["uuid"]


# ---- the operator ----------------------------------------------------------------------------------

def account(stack, *words, check=True, **more):
    return stack.cli("account", *words, "--json", check=check, **more)


def test_operator_shows_and_lists(stack, person):
    shown = account(stack, "show", person["email"])
    assert shown["email"] == person["email"] and re.fullmatch(UUID, shown["id"])
    assert shown == account(stack, "show", shown["id"])
    assert shown["failures"] == 0 and shown["locked_until"] is None
    assert [row["role"] for row in shown["organizations"]] == ["owner"]
    listed = stack.cli("account", "list", "--limit", "10000", "--json")
    assert shown["id"] in [row["id"] for row in listed]
    assert "email" not in listed[0] and person["email"] not in str(listed)
    listed = stack.cli("account", "list", "--addresses", "--limit", "10000", "--json")
    assert {row["id"]: row["email"] for row in listed}[shown["id"]] == person["email"]


def test_operator_unlocks(stack):
    somebody = account_register(stack)
    for _ in range(5):
        login(stack, somebody["email"], OTHER)
    assert locked_for(stack, somebody["email"], PASSWORD) > 800
    assert account(stack, "show", somebody["email"])["failures"] == 5
    assert account(stack, "unlock", somebody["email"])["locked_until"] is None
    assert login(stack, somebody["email"]).status_code == 200


def test_operator_disables_and_ends_sessions(stack):
    somebody = account_register(stack)
    assert is_alive(stack, somebody["access_token"])
    assert account(stack, "disable", somebody["email"])["disabled_at"]
    assert not is_alive(stack, somebody["access_token"])
    assert refresh(stack, somebody["refresh_token"]).status_code == 401
    assert account(stack, "enable", somebody["email"])["disabled_at"] is None
    assert not is_alive(stack, somebody["access_token"])
    tokens = account_login(stack, somebody["email"])
    account(stack, "logout", somebody["email"])
    assert not is_alive(stack, tokens["access_token"])


def set_password(stack, address, text):
    command = [stack.env["BONAFIDE_BIN"] + "/bonafide", "-c", stack.conf, "account", "password",
               address]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)


def test_operator_sets_a_password(stack):
    somebody = account_register(stack)
    for weak, says in (("short\n", "at least 8"), ("\n", "at least 8"), ("", "no password")):
        done = set_password(stack, somebody["email"], weak)
        assert done.returncode == 1 and says in done.stderr, done.stderr
    assert is_alive(stack, somebody["access_token"])
    done = set_password(stack, somebody["email"], OTHER + "\n")
    assert done.returncode == 0 and OTHER not in done.stdout + done.stderr
    assert not is_alive(stack, somebody["access_token"])
    assert login(stack, somebody["email"], PASSWORD).status_code == 401
    assert login(stack, somebody["email"], OTHER).status_code == 200


def test_operator_names_nobody(stack):
    for verb in ("show", "unlock", "disable", "enable", "password", "logout"):
        done = account(stack, verb, "nobody@company.example", check=False)
        assert done.returncode == 1 and "there is no account" in done.stderr, verb
        done = account(stack, verb, "nobody", check=False)
        assert done.returncode == 2 and "neither an id nor a mail address" in done.stderr, verb


# ---- what is left behind ---------------------------------------------------------------------------

def test_what_is_past_its_time_goes(stack):
    somebody = account_register(stack)
    register(stack, new_address())
    stack.rows("UPDATE registration SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND")
    stack.rows("UPDATE account_session SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND "
               "ORDER BY id DESC LIMIT 1")
    stack.rows("UPDATE refresh_token SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND "
               "ORDER BY created_at DESC LIMIT 1")
    stack.rows("UPDATE address_guard SET locked_until = NULL, "
               "updated_at = UTC_TIMESTAMP(3) - INTERVAL 49 HOUR")
    stack.rows("UPDATE address_guard SET locked_until = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR "
               "ORDER BY email_index LIMIT 1")
    assert not is_alive(stack, somebody["access_token"])

    def left():
        return [stack.rows(f"SELECT COUNT(*) FROM {where}")[0][0] for where in (
            "registration", "account_session WHERE expires_at < UTC_TIMESTAMP(3)",
            "refresh_token WHERE expires_at < UTC_TIMESTAMP(3)", "address_guard")]
    stack.batch("--once")
    assert left() == [0, 0, 0, 1]
    stack.rows("DELETE FROM address_guard")


def test_addresses_are_sealed_anew(stack):
    somebody = account_register(stack)
    register(stack, new_address())
    stack.cli("seal", "add")
    stack.cli("seal", "rotate")
    newest = max(row["number"] for row in stack.cli("seal", "list", "--json"))
    for table in ("account", "registration", "membership"):
        keys = {row[0] for row in stack.rows(f"SELECT DISTINCT seal_key FROM {table}")}
        assert keys == {newest}, table
    assert account(stack, "show", somebody["email"])["email"] == somebody["email"]
