# SPDX-License-Identifier: Apache-2.0
"""Members of organisations: inviting, joining, roles, leaving, and the owner that stays
(contract/accounts.md)."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts import account_login, letters, new_address
from organizations import (NO_MEMBER, NO_ORGANIZATION, NOBODYS, NOT_YOUR_ROLE, UUID, Company, Person,
                           audit_of, join, new_key)
from product import is_time, wait_for

LAST_OWNER = {"detail": "An organisation must have an owner: make somebody else one first."}
ITEM = ["uuid", "email", "role", "status", "created_at", "joined_at"]


@pytest.fixture(scope="module")
def company(stack):
    return Company(stack)


@pytest.fixture(scope="module")
def owner(company):
    return company.owner


@pytest.fixture(scope="module")
def newcomer(stack):
    """Somebody with an account who is a member of nothing else."""
    return Person(stack)


def invite(who, email, role="member", path=None, **more):
    return who.post(path or who.members, {"email": email, "role": role}, **more)


def invitations(stack, email):
    """Mails to this very spelling of an address that invite."""
    return [letter for letter in letters(stack, email) if "invited" in letter["Subject"]]


def plain(item):
    assert list(item) == ITEM and re.fullmatch(UUID, item["uuid"]) and is_time(item["created_at"])
    assert item["joined_at"] is None or is_time(item["joined_at"])
    return {**item, "uuid": "<uuid>", "created_at": "<time>",
            "joined_at": item["joined_at"] and "<time>"}


def test_the_list(company):
    expected = [{"uuid": company.memberships[role], "email": company.people[role].email,
                 "role": role, "status": "active"} for role in ("reviewer", "member", "admin", "owner")]
    for who in company.people.values():
        listed = who.get(company.owner.members).json()
        rows = [row for row in listed if row["uuid"] in company.memberships.values()]
        assert [list(row) for row in rows] == [ITEM] * 4
        assert [{**row, "created_at": 0, "joined_at": 0} for row in rows] == [
            {**row, "created_at": 0, "joined_at": 0} for row in expected]
        assert all(is_time(row["joined_at"]) for row in rows)


def test_an_invitation(stack, owner, newcomer):
    """The same whether or not there is an account, until the person comes."""
    stranger = new_address()
    answers = [invite(owner, email, "reviewer") for email in (newcomer.email, stranger)]
    for email, answer in zip((newcomer.email, stranger), answers):
        assert answer.status_code == 201
        assert plain(answer.json()) == {"uuid": "<uuid>", "email": email, "role": "reviewer",
                                        "status": "invited", "created_at": "<time>",
                                        "joined_at": None}
        sent = wait_for(lambda: invitations(stack, email), 30)
        assert sent[0]["Subject"] == f"You are invited to {owner.organization['name']}"
        assert 'in the role "reviewer"' in sent[0].get_content()
    uuids = [answer.json()["uuid"] for answer in answers]
    # Not a member yet.
    assert newcomer.get(owner.members).json() == NO_ORGANIZATION
    # Once more: the new role, and another mail.
    again = invite(owner, stranger.upper(), "admin")
    assert again.status_code == 200
    assert again.json() == {**answers[1].json(), "role": "admin"}
    sent = wait_for(lambda: invitations(stack, stranger.upper()), 30)
    assert 'in the role "admin"' in sent[0].get_content()
    # With the next login, or the address once it is proven.
    account_login(stack, newcomer.email)
    assert newcomer.get(owner.members).status_code == 200
    joined = Person(stack, stranger)
    assert joined.get(owner.applications).status_code == 200
    rows = {row["uuid"]: row for row in owner.get(owner.members).json()}
    assert [rows[uuid]["status"] for uuid in uuids] == ["active", "active"]
    assert [rows[uuid]["role"] for uuid in uuids] == ["reviewer", "admin"]
    # They have an organisation of their own besides.
    assert joined.organization["uuid"] != owner.organization["uuid"]
    answer = invite(owner, newcomer.email, "admin")
    assert answer.status_code == 400 and answer.json() == {"email": ["is a member already"]}
    assert [row[:2] for row in audit_of(stack, uuids[1])] == [
        ("member.invited", "account"), ("member.invited", "account"), ("member.joined", "account")]
    for uuid in uuids:
        assert owner.delete(owner.members + uuid + "/").status_code == 204


@pytest.mark.parametrize("body,faults", [
    ({}, {"email": ["is required"], "role": ["is required"]}),
    ({"email": "nobody", "role": "member"}, {"email": ["must be a mail address"]}),
    ({"email": "", "role": "member"}, {"email": ["must not be empty"]}),
    ({"email": "a@b.example\r\nBcc: c@d.example", "role": "member"},
     {"email": ["must not contain control characters"]}),
    ({"email": "a" * 250 + "@b.example", "role": "member"},
     {"email": ["must have at most 254 characters"]}),
    ({"email": "a@b.example", "role": "boss"},
     {"role": ["must be one of owner, admin, member, reviewer"]}),
    ({"email": "a@b.example", "role": ""},
     {"role": ["must be one of owner, admin, member, reviewer"]}),
    ({"email": ["a@b.example"], "role": "member"}, {"email": ["must be a string"]}),
    ({"email": "a@b.example", "role": "member", "name": "A"}, {"name": ["is not a known field"]}),
])
def test_what_is_refused(owner, body, faults):
    count = len(owner.get(owner.members).json())
    answer = owner.post(owner.members, body)
    assert answer.status_code == 400 and answer.json() == faults
    assert len(owner.get(owner.members).json()) == count


def test_an_invitation_once(owner):
    key, email = new_key(), new_address()
    first, again = (invite(owner, email, headers=key) for _ in range(2))
    assert first.status_code == again.status_code == 201 and first.text == again.text
    assert again.headers["Idempotent-Replayed"] == "true"
    path = owner.members + first.json()["uuid"] + "/"
    assert owner.delete(path).status_code == 204
    answer = owner.delete(path)
    assert answer.status_code == 404 and answer.json() == NO_MEMBER


def test_the_same_address_at_once(stack, owner):
    email = new_address()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(
            lambda _: stack.client(owner.token).post(
                owner.members, {"email": email, "role": "member"}), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    rows = [row for row in owner.get(owner.members).json() if row["email"] == email]
    assert len(rows) == 1
    assert owner.delete(owner.members + rows[0]["uuid"] + "/").status_code == 204


def test_roles(stack, company, owner, newcomer):
    item = join(stack, owner, newcomer, "member")
    path = owner.members + item["uuid"] + "/"
    assert newcomer.get(owner.applications).json() == NOT_YOUR_ROLE
    changed = owner.patch(path, {"role": "admin"})
    assert changed.status_code == 200
    assert plain(changed.json()) == {**plain(item), "role": "admin", "status": "active",
                                     "joined_at": "<time>"}
    # With the next request.
    assert newcomer.get(owner.applications).status_code == 200
    assert company.people["admin"].patch(path, {"role": "reviewer"}).status_code == 200
    assert newcomer.get(owner.applications).json() == NOT_YOUR_ROLE
    for body, faults in (({}, {"role": ["is required"]}),
                         ({"role": "boss"}, {"role": ["must be one of owner, admin, member, "
                                                      "reviewer"]})):
        answer = owner.patch(path, body)
        assert answer.status_code == 400 and answer.json() == faults
    assert [row[0] for row in audit_of(stack, item["uuid"])] == [
        "member.invited", "member.joined", "member.role_changed", "member.role_changed"]
    assert newcomer.delete(path).status_code == 204
    assert newcomer.get(owner.members).json() == NO_ORGANIZATION


def test_an_admin_leaves_owners_alone(company, owner):
    admin = company.people["admin"]
    path = owner.members + company.memberships["owner"] + "/"
    waiting = invite(owner, new_address(), "owner").json()["uuid"]
    theirs = owner.members + waiting + "/"
    mine = owner.members + company.memberships["member"] + "/"
    for answer in (admin.patch(path, {"role": "admin"}), admin.delete(path),
                   admin.patch(theirs, {"role": "admin"}), admin.delete(theirs),
                   admin.patch(mine, {"role": "owner"}),
                   invite(admin, new_address(), "owner", owner.members)):
        assert answer.status_code == 403 and answer.json() == NOT_YOUR_ROLE
    assert owner.delete(theirs).status_code == 204
    # Who may not manage removes nobody else, either.
    for role in ("member", "reviewer"):
        other = owner.members + company.memberships["admin"] + "/"
        answer = company.people[role].delete(other)
        assert answer.status_code == 403 and answer.json() == NOT_YOUR_ROLE


def test_the_last_owner_stays(stack, newcomer):
    alone = Person(stack)
    path = alone.members + alone.get(alone.members).json()[0]["uuid"] + "/"
    for answer in (alone.delete(path), alone.patch(path, {"role": "admin"})):
        assert answer.status_code == 409 and answer.json() == LAST_OWNER
        assert "Retry-After" not in answer.headers
    invite(alone, newcomer.email, "owner")
    assert alone.delete(path).json() == LAST_OWNER
    account_login(stack, newcomer.email)
    assert alone.delete(path).status_code == 204
    assert alone.get(alone.members).json() == NO_ORGANIZATION
    assert newcomer.get(alone.members).status_code == 200


def test_two_owners_remove_each_other(stack):
    one, two = Person(stack), Person(stack)
    second = join(stack, one, two, "owner")["uuid"]
    rows = one.get(one.members).json()
    first = next(row["uuid"] for row in rows if row["uuid"] != second)
    jobs = [(one.token, second), (two.token, first), (one.token, first), (two.token, second)] * 5
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(
            lambda job: stack.client(job[0]).delete(one.members + job[1] + "/"), jobs))
    assert sorted({answer.status_code for answer in answers}) in ([204, 404, 409], [204, 409],
                                                                  [204, 404])
    assert sum(answer.status_code == 204 for answer in answers) == 1
    for answer in answers:
        if answer.status_code == 404:
            assert answer.json() in (NO_MEMBER, NO_ORGANIZATION)
        elif answer.status_code == 409:
            assert answer.json() == LAST_OWNER
    left = [who for who in (one, two) if who.get(one.members).status_code == 200]
    assert len(left) == 1
    assert [row["email"] for row in left[0].get(one.members).json()] == [left[0].email]


def test_two_owners_meet_in_the_middle(stack):
    """Both are at it when neither has changed anything yet: the one waits for the other."""
    one, two = Person(stack), Person(stack)
    second = join(stack, one, two, "owner")["uuid"]
    first = next(row["uuid"] for row in one.get(one.members).json() if row["uuid"] != second)
    holder = stack.database()
    holder.begin()
    with holder.cursor() as cursor:
        cursor.execute("SELECT id FROM membership WHERE organization_id = "
                       "UNHEX(REPLACE(%s, '-', '')) FOR UPDATE", one.organization["uuid"])
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(who.delete, one.members + member + "/")
                   for who, member in ((one, second), (two, first))]
        assert wait_for(lambda: stack.rows(
            "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        )[0][0] >= 2, 10)
        holder.rollback()
        statuses = sorted(answer.result().status_code for answer in answers)
    holder.close()
    assert statuses == [204, 404]


def test_members_of_another_organisation(company, owner):
    stranger = company.stranger
    for uuid in (company.memberships["member"], NOBODYS, "x"):
        path = stranger.members + uuid + "/"
        for answer in (stranger.patch(path, {"role": "admin"}), stranger.delete(path)):
            assert answer.status_code == 404 and answer.json() == NO_MEMBER
    assert company.people["member"].get(owner.members).status_code == 200
