# SPDX-License-Identifier: Apache-2.0
"""Members and applications by the operator's tool, and what people see of it."""

import re

import pytest

from accounts import new_address
from organizations import BASE, NO_ORGANIZATION, UUID, Person
from product import is_id

NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"


def run(stack, *args):
    return stack.cli(*args, check=False)


def fails(stack, status, words, *args):
    done = run(stack, *args)
    assert done.returncode == status and words in done.stderr, done.stderr
    assert done.stdout == ""


@pytest.fixture()
def org(stack):
    return stack.cli("org", "create", "Acme", "--json")["id"]


@pytest.fixture()
def app(stack, org):
    return stack.cli("app", "create", "--org", org, "Shop", "--json")["id"]


def test_the_first_owner(stack, org):
    email = new_address()
    done = run(stack, "member", "add", "--org", org, "--role", "owner", email)
    assert done.returncode == 0 and "An invitation was queued" in done.stderr
    again = run(stack, "member", "add", "--org", org, "--role", "owner", email)
    assert again.returncode == 0 and "Another invitation was queued" in again.stderr
    listed = stack.cli("member", "list", "--org", org, "--json")
    assert [list(row) for row in listed] == [
        ["id", "role", "status", "account_id", "created_at", "joined_at"]]
    assert re.fullmatch(UUID, listed[0]["id"]) and listed[0]["account_id"] is None
    assert (listed[0]["role"], listed[0]["status"]) == ("owner", "invited")
    assert email not in run(stack, "member", "list", "--org", org).stdout
    with_address = stack.cli("member", "list", "--org", org, "--addresses", "--json")
    assert with_address == [{**listed[0], "email": email}]
    # The person comes, and manages what the operator made.
    who = Person(stack, email)
    mine = next(row for row in who.get(BASE).json() if row["name"] == "Acme")
    assert mine["contact_email"] == email
    assert who.get(f"{BASE}{mine['uuid']}/applications/").json() == []
    shown = stack.cli("org", "show", mine["uuid"], "--json")
    assert shown["id"] == org and [row["status"] for row in shown["members"]] == ["active"]
    fails(stack, 1, "is a member already", "member", "add", "--org", org, "--role", "admin", email)


def test_another_name(stack, org):
    assert stack.cli("org", "rename", org, "Café Ω", "--json")["name"] == "Café Ω"
    assert stack.cli("org", "show", org, "--json")["name"] == "Café Ω"
    fails(stack, 1, "there is no organisation", "org", "rename", NOBODY, "x")
    for name in ("a\nb", "x" * 121):
        fails(stack, 2, "", "org", "rename", org, name)
    assert stack.rows("SELECT action, actor_kind FROM audit WHERE action = 'organization.renamed'"
                      ) == (("organization.renamed", "operator"),)


def test_roles_and_removal(stack, org):
    one, two = Person(stack), Person(stack)
    org = one.organization["uuid"]
    first = stack.cli("member", "list", "--org", org, "--json")[0]["id"]
    for command in (["role", first, "admin"], ["remove", first]):
        fails(stack, 1, "this is the last owner", "member", *command)
    added = stack.cli("member", "add", "--org", org, "--role", "member", two.email, "--json")
    changed = stack.cli("member", "role", added["id"], "owner", "--json")
    assert (changed["role"], changed["status"]) == ("owner", "invited")
    removed = stack.cli("member", "remove", added["id"], "--json")
    assert removed["removed"] is True and is_id("org", removed["organization_id"])
    assert two.get(one.members).json() == NO_ORGANIZATION
    for command in (["role", added["id"], "admin"], ["remove", NOBODY]):
        fails(stack, 1, "there is no such member", "member", *command)
    actions = stack.rows("SELECT action, actor_kind FROM audit WHERE subject_id = "
                         "UNHEX(REPLACE(%s, '-', '')) ORDER BY id", added["id"])
    assert actions == (("member.invited", "operator"), ("member.role_changed", "operator"),
                       ("member.removed", "operator"))


@pytest.mark.parametrize("args,words", [
    (["add", "--role", "owner", "a@b.example"], "--org"),
    (["add", "--org", "ORG", "a@b.example"], "--role"),
    (["add", "--org", "ORG", "--role", "boss", "a@b.example"], "owner, admin, member or reviewer"),
    (["add", "--org", "ORG", "--role", "owner", "nobody"], "must be a mail address"),
    (["role", "x", "owner"], "a UUID such as"), (["role", NOBODY, "boss"], "owner, admin, member"),
    (["list"], "--org"), (["remove"], "MEMBER"), (["evict", NOBODY], "remove"),
])
def test_misuse(stack, org, args, words):
    fails(stack, 2, words, "member", *[org if word == "ORG" else word for word in args])


def test_no_such_organisation(stack):
    for args in (["list", "--org", NOBODY], ["add", "--org", NOBODY, "--role", "owner", "a@b.cd"]):
        fails(stack, 1, "there is no such organisation", "member", *args)


def test_an_application_by_hand(stack, org, app):
    shown = stack.cli("app", "show", app, "--json")
    assert list(shown) == ["id", "uuid", "organization_id", "organization_name", "name", "client_id",
                           "key_last4", "website_url", "redirect_uris", "terms_url", "privacy_url",
                           "description", "created_at", "updated_at"]
    assert (shown["id"], shown["organization_id"], shown["name"]) == (app, org, "Shop")
    assert len(shown["client_id"]) == 22 and shown["updated_at"] is None
    assert stack.cli("app", "show", shown["uuid"], "--json") == shown
    uris = ["https://a.example/2", "https://a.example/1"]
    changed = stack.cli("app", "update", app, "--name", "Café", "--website-url", "https://a.example",
                        "--redirect-uris", " ".join(uris), "--terms-url", "https://a.example/t",
                        "--privacy-url", "https://a.example/p", "--description", "x", "--json")
    assert changed == {**shown, "name": "Café", "website_url": "https://a.example",
                       "redirect_uris": uris, "terms_url": "https://a.example/t",
                       "privacy_url": "https://a.example/p", "description": "x",
                       "updated_at": changed["updated_at"]}
    cleared = stack.cli("app", "update", app, "--clear",
                        "website_url redirect_uris terms_url privacy_url description", "--json")
    assert cleared == {**shown, "name": "Café", "updated_at": cleared["updated_at"]}


@pytest.mark.parametrize("args,words", [
    ([], "say what to change"), (["--website-url", "ftp://x"], "--website-url must be"),
    (["--terms-url", "x"], "--terms-url must be"), (["--privacy-url", "x"], "--privacy-url must be"),
    (["--redirect-uris", "https://a.example x"], "--redirect-uris must be"),
    (["--redirect-uris", "https://a.example https://a.example"], "no two alike"),
    (["--name", "x" * 121], "--name"), (["--name", "a\nb"], "on one line"),
    (["--clear", "name"], '--clear takes website_url, redirect_uris, terms_url, privacy_url and '
                          'description, not "name"'),
    (["--clear", "website_url", "--website-url", "https://a.example"], "both given and taken away"),
])
def test_what_cannot_be_said(stack, app, args, words):
    fails(stack, 2, words, "app", "update", app, *args)


def test_the_end_of_an_application(stack, org, app):
    key = stack.cli("app", "regenerate-key", app, "--json")["key"]
    assert stack.client(key).get("/v1/keys").status_code == 200
    stack.rows("UPDATE api_key SET last_used_at = UTC_TIMESTAMP(3) WHERE application_id = "
               "UNHEX(REPLACE(%s, '-', ''))", stack.cli("app", "show", app, "--json")["uuid"])
    fails(stack, 1, "--force deletes it", "app", "delete", app)
    assert stack.client(key).get("/v1/keys").status_code == 200
    deleted = stack.cli("app", "delete", app, "--force", "--json")
    assert deleted == {"id": app, "organization_id": org, "name": "Shop", "deleted": True}
    assert {stack.client(key).get("/v1/keys").status_code for _ in range(8)} == {401}
    assert stack.cli("app", "list", "--org", org, "--json") == []
    assert stack.cli("org", "show", org, "--json")["applications"] == []
    for command in (["show", app], ["delete", app], ["update", app, "--name", "x"],
                    ["regenerate-key", app]):
        fails(stack, 1, "there is no such application", "app", *command)
