# SPDX-License-Identifier: Apache-2.0
"""Organisations and applications as the people of them see and manage them (contract/accounts.md)."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts import new_address
from organizations import (BASE, NO_APPLICATION, NO_ORGANIZATION, NOBODYS, NOT_YOUR_ROLE, SUSPENDED,
                           UUID, WRONG_TOKEN, Company, Person, ask, audit_of, new_key, operations,
                           roles_of)
from product import canned, is_time, person, wait_for

# The seed's example (seeds/didit.txt), and the members of its record in its order.
SEED = {"name": "Acme Customer App", "website_url": "https://acme.example",
        "redirect_uris": ["https://acme.example/callback"],
        "terms_url": "https://acme.example/terms", "privacy_url": "https://acme.example/privacy"}
RECORD = ["uuid", "name", "client_id", "api_key", "website_url", "redirect_uris", "terms_url",
          "privacy_url", "description", "created_at"]
SHOWN = RECORD[:4] + ["api_key_last4"] + RECORD[4:]
URL = "must be an http or https URL with a host and without a user or password"
NOT_EMPTY = "must not be empty"


@pytest.fixture(scope="module")
def company(stack):
    return Company(stack)


@pytest.fixture(scope="module")
def owner(company):
    return company.owner


def plain(record):
    """A record with what differs each time replaced, once it has been looked at."""
    assert re.fullmatch(UUID, record["uuid"]) and is_time(record["created_at"])
    assert re.fullmatch("[A-Za-z0-9_-]{22}", record["client_id"])
    if record["api_key"] is not None:
        assert re.fullmatch("[A-Za-z0-9_-]{43}", record["api_key"])
    return {**record, "uuid": "<uuid>", "client_id": "<22>", "created_at": "<time>",
            "api_key": record["api_key"] and "<43>"}


def make(who, body=None, **more):
    answer = who.post(who.applications, body, **more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def works(stack, key):
    return stack.client(key, "X-API-Key").get("/v1/keys").status_code


# ---- organisations -------------------------------------------------------------------------------------

def test_your_organisations(company):
    listed = company.owner.get(BASE).json()
    assert [list(row) for row in listed] == [["uuid", "name", "contact_email", "created_at"]]
    assert listed[0].pop("created_at")[-1] == "Z"
    assert listed == [{"uuid": company.id, "name": company.owner.email.split("@")[0],
                       "contact_email": company.owner.email}]
    # Of which one is a member, oldest first; whoever owns it is who to turn to.
    theirs = company.people["reviewer"].get(BASE).json()
    assert [row["contact_email"] for row in theirs] == [
        company.owner.email, company.people["reviewer"].email]
    assert [row["contact_email"] for row in company.stranger.get(BASE).json()] == [
        company.stranger.email]


def test_an_organisation_without_an_owner(stack):
    """One that an operator has made, before its first owner has joined."""
    org = stack.cli("org", "create", "By hand", "--json")["id"]
    email = new_address()
    stack.cli("member", "add", "--org", org, "--role", "member", email, "--json")
    joined = Person(stack, email)
    rows = {row["name"]: row for row in joined.get(BASE).json()}
    assert rows["By hand"]["contact_email"] is None
    assert rows[email.split("@")[0]]["contact_email"] == email


# ---- who may: every row of the document, every role --------------------------------------------------------

def test_every_role_on_every_row(stack, company):
    rows = operations(stack.contract)
    assert len(rows) == 10
    seen = set()
    for operation in rows:
        allowed = roles_of(operation)
        assert {"owner", "admin"} <= allowed
        for role, who in company.people.items():
            answer = ask(who.client, operation, company.id)
            seen.add((operation.id, role, answer.status_code))
            if role in allowed:
                assert answer.status_code in (200, 400, 404), (operation.id, role, answer.text)
                assert answer.json() not in (NOT_YOUR_ROLE, NO_ORGANIZATION)
            else:
                assert answer.status_code == 403 and answer.json() == NOT_YOUR_ROLE, operation.id
    assert len([1 for row in seen if row[2] == 403]) == 2 * 8


def test_what_is_not_yours_is_not_there(stack, company):
    """A stranger sees the same as where there is nothing, on every row."""
    for operation in operations(stack.contract):
        for client in (company.stranger.client, company.owner.client):
            answers = [ask(client, operation, organization)
                       for organization in (NOBODYS, "not-a-uuid", company.id.upper() + "x")]
            if client is company.stranger.client:
                answers.append(ask(client, operation, company.id))
                answers.append(ask(client, operation, company.id,
                                   company.owner.application["uuid"]))
            for answer in answers:
                assert answer.status_code == 404 and answer.json() == NO_ORGANIZATION, operation.id


def test_without_a_good_token(stack, company):
    """Nothing but an access token, and one that is in force."""
    ended = Person(stack)
    assert ended.post("/auth/v2/programmatic/logout/").status_code == 204
    expired = Person(stack)
    stack.rows("UPDATE account_session SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND "
               "WHERE account_id = (SELECT account_id FROM membership WHERE organization_id = "
               "UNHEX(REPLACE(%s, '-', '')))", expired.organization["uuid"])
    good = company.owner.token
    head, body, signature = good.split(".")
    bad = [None, "x", good[:-4] + "AAAA", f"{head}.{body}.", f"{body}.{body}.{signature}",
           company.owner.application["api_key"], stack.env["BONAFIDE_LIVE_KEY"], ended.token,
           expired.token]
    listing = next(row for row in stack.contract.operations if row.path == BASE)
    for operation in [listing] + operations(stack.contract):
        for token in bad:
            answer = ask(stack.client(token), operation, company.id)
            assert answer.status_code == 401, (operation.id, token)
            assert answer.text == '{"detail":"Invalid or expired token."}'
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        # A key's header is no way in.
        answer = ask(stack.client(company.owner.application["api_key"], "X-API-Key"), operation,
                     company.id)
        assert answer.status_code == 401 and answer.json() == WRONG_TOKEN


def test_a_suspended_organisation(stack):
    who = Person(stack)
    stack.cli("org", "suspend", who.organization["uuid"])
    for operation in operations(stack.contract):
        answer = ask(who.client, operation, who.organization["uuid"])
        assert answer.status_code == 403 and answer.json() == SUSPENDED, operation.id
    assert [row["uuid"] for row in who.get(BASE).json()] == [who.organization["uuid"]]
    assert works(stack, who.application["api_key"]) == 403
    stack.cli("org", "resume", who.organization["uuid"])
    assert who.get(who.applications).status_code == 200


def test_addresses_end_in_a_slash(company):
    path = company.owner.applications
    for method in ("GET", "POST"):
        answer = company.owner.client.call(method, path[:-1] + "?x=1", allow_redirects=False)
        assert answer.status_code == 308
        assert answer.headers["Location"].endswith(path + "?x=1")
    assert company.owner.client.call("PUT", path).headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    assert company.owner.client.call("PUT", path + NOBODYS + "/").headers["Allow"] == (
        "GET, HEAD, PATCH, DELETE, OPTIONS")


# ---- applications: making ----------------------------------------------------------------------------------

def test_the_seeds_example(stack, owner):
    made = make(owner, SEED)
    assert list(made) == RECORD
    assert plain(made) == {"uuid": "<uuid>", "client_id": "<22>", "api_key": "<43>", **SEED,
                           "description": None, "created_at": "<time>"}
    shown = owner.get(owner.applications + made["uuid"] + "/").json()
    assert list(shown) == SHOWN
    assert shown == {**made, "api_key": None, "api_key_last4": made["api_key"][-4:]}
    listed = owner.get(owner.applications).json()
    assert listed[0] == shown and len(listed) >= 2
    assert [row["uuid"] for row in listed] == sorted((row["uuid"] for row in listed), reverse=True)
    # Its key is live and does everything in it.
    client = stack.client(made["api_key"], "X-API-Key")
    assert client.post("/v1/kyc/sandbox/verify", person()).json()["data"]["status"] == "approved"
    assert client.get("/v1/kyc/verifications").json()["meta"]["total"] == 1
    assert stack.client(owner.application["api_key"]).get(
        "/v1/kyc/verifications").json()["meta"]["total"] == 0
    rows = [row[:2] for row in audit_of(stack, made["uuid"])]
    assert rows == [("application.created", "account")]


@pytest.mark.parametrize("body", [None, {}, {"website_url": None, "terms_url": None,
                                            "privacy_url": None, "description": None}])
def test_nothing_said(owner, body):
    made = make(owner, body)
    assert plain(made) == {
        "uuid": "<uuid>", "name": owner.organization["name"] + " App", "client_id": "<22>",
        "api_key": "<43>", "website_url": None, "redirect_uris": [], "terms_url": None,
        "privacy_url": None, "description": None, "created_at": "<time>"}


def test_names_that_are_long(stack, owner):
    assert make(owner, {"name": "é" * 120})["name"] == "é" * 120
    who = Person(stack)
    stack.rows("UPDATE organization SET name = %s WHERE id = UNHEX(REPLACE(%s, '-', ''))",
               "ü" * 118, who.organization["uuid"])
    assert make(who)["name"] == "ü" * 118 + " A"


REFUSED = [
    ({"name": ""}, {"name": [NOT_EMPTY]}), ({"name": "  "}, {"name": [NOT_EMPTY]}),
    ({"name": None}, {"name": ["must be a string"]}),
    ({"name": "x" * 121}, {"name": ["must have at most 120 characters"]}),
    ({"name": "a\nb"}, {"name": ["must not contain control characters"]}),
    ({"website_url": "acme.example"}, {"website_url": [URL]}),
    ({"website_url": "ftp://acme.example"}, {"website_url": [URL]}),
    ({"website_url": "https://u:p@acme.example"}, {"website_url": [URL]}),
    ({"terms_url": "https://"}, {"terms_url": [URL]}),
    ({"privacy_url": "javascript:alert(1)"}, {"privacy_url": [URL]}),
    ({"privacy_url": "https://a.example/" + "x" * 2031},
     {"privacy_url": ["must have at most 2048 characters"]}),
    ({"redirect_uris": None}, {"redirect_uris": ["must be an array of 0 to 20 texts"]}),
    ({"redirect_uris": "https://a.example"},
     {"redirect_uris": ["must be an array of 0 to 20 texts"]}),
    ({"redirect_uris": [f"https://a.example/{i}" for i in range(21)]},
     {"redirect_uris": ["must be an array of 0 to 20 texts"]}),
    ({"redirect_uris": ["https://a.example/", "https://a.example/"]},
     {"redirect_uris": ["must not have the same text twice"]}),
    ({"redirect_uris": ["https://a.example/", "myapp://callback"]},
     {"redirect_uris": ["each " + URL]}),
    ({"redirect_uris": ["https://a.example/" + "x" * 2031]},
     {"redirect_uris": ["must be texts of 1 to 2048 characters"]}),
    ({"description": "x" * 1001}, {"description": ["must have at most 1000 characters"]}),
    ({"nmae": "x"}, {"nmae": ['is not a known field; did you mean "name"?']}),
    ({"website_url": 1, "terms_url": "x"},
     {"website_url": ["must be a string"], "terms_url": [URL]}),
]


@pytest.mark.parametrize("body,faults", REFUSED)
def test_what_is_refused(owner, body, faults):
    before = owner.get(owner.applications).json()
    mine = owner.applications + owner.application["uuid"] + "/"
    for answer in (owner.post(owner.applications, body), owner.patch(mine, body)):
        assert answer.status_code == 400 and answer.json() == faults
    assert owner.get(owner.applications).json() == before


def test_the_most_that_can_be_said(owner):
    longest = "https://a.example/" + "x" * 2030
    body = {"name": "x" * 120, "website_url": longest, "terms_url": longest, "privacy_url": longest,
            "redirect_uris": [longest[:-2] + f"{i:02}" for i in range(20)],
            "description": "é" * 1000}
    made = make(owner, body)
    assert {name: made[name] for name in body} == body
    twice = {"redirect_uris": ["https://a.example/b", "https://a.example/A", "https://a.example/a"]}
    assert make(owner, twice)["redirect_uris"] == twice["redirect_uris"]


# ---- applications: changing ----------------------------------------------------------------------------------

def test_changing(stack, owner):
    made = make(owner, {**SEED, "description": "Ours"})
    path = owner.applications + made["uuid"] + "/"
    before = owner.get(path).json()
    assert owner.patch(path, {}).json() == before
    assert owner.patch(path, {"name": " Renamed "}).json() == {**before, "name": "Renamed"}
    cleared = owner.patch(path, {"website_url": None, "terms_url": None, "privacy_url": None,
                                 "description": None, "redirect_uris": []})
    assert cleared.status_code == 200
    assert cleared.json() == {**before, "name": "Renamed", "website_url": None, "terms_url": None,
                              "privacy_url": None, "description": None, "redirect_uris": []}
    assert owner.get(path).json() == cleared.json()
    assert works(stack, made["api_key"]) == 200
    # What changed nothing is not told.
    assert [row[0] for row in audit_of(stack, made["uuid"])] == [
        "application.created", "application.updated", "application.updated"]


def test_of_another_organisation(stack, company, owner):
    """Who has an organisation of their own reaches no application of another through it."""
    path = company.stranger.applications + owner.application["uuid"] + "/"
    stranger = company.stranger
    for answer in (stranger.get(path), stranger.patch(path, {"name": "x"}), stranger.delete(path),
                   stranger.delete(path + "?force=true"), stranger.post(path + "regenerate-key/"),
                   stranger.get(company.stranger.applications + NOBODYS + "/"),
                   stranger.get(company.stranger.applications + "x/")):
        assert answer.status_code == 404 and answer.json() == NO_APPLICATION
    assert owner.get(owner.applications + owner.application["uuid"] + "/").status_code == 200
    assert works(stack, owner.application["api_key"]) == 200


# ---- applications: keys --------------------------------------------------------------------------------------

def test_a_key_anew(stack, owner):
    made = make(owner, SEED)
    path = owner.applications + made["uuid"] + "/"
    # Workers remember it.
    assert {works(stack, made["api_key"]) for _ in range(16)} == {200}
    answer = owner.post(path + "regenerate-key/")
    assert answer.status_code == 200
    # The old one is dead by the time of the answer, whichever worker is asked.
    assert {works(stack, made["api_key"]) for _ in range(8)} == {401}
    second = answer.json()
    assert list(second) == RECORD and second["api_key"] != made["api_key"]
    assert second == {**made, "api_key": second["api_key"]}
    assert works(stack, second["api_key"]) == 200
    third = owner.post(path + "regenerate-key/", {"overlap_seconds": 2}).json()
    assert works(stack, second["api_key"]) == works(stack, third["api_key"]) == 200
    assert owner.get(path).json()["api_key_last4"] == third["api_key"][-4:]
    assert wait_for(lambda: works(stack, second["api_key"]) == 401, 5)
    assert works(stack, third["api_key"]) == 200
    for overlap in (-1, 604801, "1", None):
        answer = owner.post(path + "regenerate-key/", {"overlap_seconds": overlap})
        assert answer.status_code == 400 and list(answer.json()) == ["overlap_seconds"]
    assert works(stack, third["api_key"]) == 200


def test_keys_anew_at_once(stack, company, owner):
    made = make(owner)
    path = owner.applications + made["uuid"] + "/regenerate-key/"
    clients = [stack.client(company.people[role].token) for role in ("owner", "admin")] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda client: client.post(path), clients))
    assert {answer.status_code for answer in answers} == {200}
    keys = [answer.json()["api_key"] for answer in answers]
    assert len(set(keys)) == 8
    alive = [key for key in keys if works(stack, key) == 200]
    assert len(alive) == 1 and works(stack, made["api_key"]) == 401
    shown = owner.get(owner.applications + made["uuid"] + "/").json()
    assert shown["api_key_last4"] == alive[0][-4:]


# ---- applications: the end -----------------------------------------------------------------------------------

def test_the_end(stack, owner, receiver):
    made = make(owner, SEED)
    path = owner.applications + made["uuid"] + "/"
    stack.cli("tokens", "add", owner.organization["uuid"], "1000")
    client = stack.client(made["api_key"])
    other = client.post("/v1/keys", {"name": "x", "scopes": ["kyc.read"],
                                     "environment": "live"}).json()["data"]
    hook = client.post("/v1/webhooks", {"url": receiver.url("/gone"),
                                        "events": ["verification.completed"]})
    assert hook.status_code == 201
    pending = client.post("/v1/kyc/verify", canned()).json()["data"]
    for query in ("", "?force=false"):
        answer = owner.delete(path + query)
        assert answer.status_code == 409 and answer.json() == {
            "detail": "This application had live traffic in the last 24 hours; add ?force=true to "
                      "delete it all the same."}
        assert "Retry-After" not in answer.headers
    assert owner.get(path).status_code == 200 and works(stack, made["api_key"]) == 200
    assert owner.delete(path + "?force=maybe").json() == {"force": ["must be true or false"]}
    gone = owner.delete(path + "?force=true")
    assert gone.status_code == 204 and gone.content == b""
    assert {works(stack, key) for key in [made["api_key"], other["key"]] * 4} == {401}
    for answer in (owner.get(path), owner.patch(path, {"name": "x"}), owner.delete(path),
                   owner.post(path + "regenerate-key/")):
        assert answer.status_code == 404 and answer.json() == NO_APPLICATION
    assert made["uuid"] not in owner.get(owner.applications).text
    assert stack.cli("app", "show", made["uuid"], check=False).returncode == 1
    assert stack.cli("key", "create", "--app", made["uuid"], "--name", "x", "--environment", "live",
                     "--scopes", "all", check=False).returncode == 1
    assert audit_of(stack, made["uuid"])[-1] == ("application.deleted", "account", 1, 1)
    # What it had taken on is carried out, and nobody is told.
    decided = wait_for(lambda: stack.cli("verification", "show", pending["id"], "--json")["status"]
                       != "pending", 30)
    assert decided and receiver.requests == []
    assert stack.rows("SELECT COUNT(*) FROM delivery WHERE application_id = "
                      "UNHEX(REPLACE(%s, '-', ''))", made["uuid"]) == ((0,),)


def test_an_unused_one_needs_no_force(stack, owner):
    made = make(owner)
    stack.client(make(owner)["api_key"]).get("/v1/keys")  # another's traffic
    assert owner.delete(owner.applications + made["uuid"] + "/").status_code == 204
    assert works(stack, made["api_key"]) == 401


# ---- Idempotency-Key -----------------------------------------------------------------------------------------

def test_the_same_again(stack, company, owner):
    key = new_key()
    count = len(owner.get(owner.applications).json())
    first, again = (owner.post(owner.applications, SEED, headers=key) for _ in range(2))
    assert first.status_code == again.status_code == 201 and first.text == again.text
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(owner.get(owner.applications).json()) == count + 1
    assert owner.post(owner.applications, {}, headers=key).status_code == 422
    # Each person's own, and no application's.
    admin = company.people["admin"]
    other = admin.post(owner.applications, SEED, headers=key)
    assert other.status_code == 201 and other.json()["uuid"] != first.json()["uuid"]
    path = owner.applications + first.json()["uuid"] + "/regenerate-key/"
    key = new_key()
    renewed, again = (owner.post(path, headers=key) for _ in range(2))
    assert renewed.text == again.text and works(stack, again.json()["api_key"]) == 200


def test_the_same_at_once(stack, owner):
    key = new_key()
    count = len(owner.get(owner.applications).json())
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: stack.client(owner.token).post(
            owner.applications, SEED, headers=key), range(6)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.text for answer in answers if answer.status_code == 201}) == 1
    assert len(owner.get(owner.applications).json()) == count + 1
