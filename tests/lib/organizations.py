# SPDX-License-Identifier: Apache-2.0
"""An organisation with a person of every role, for tests, and the rows of the document about it."""

import re
import uuid

from accounts import account_login, account_register

BASE = "/auth/v2/organizations/me/"
ROLES = ("owner", "admin", "member", "reviewer")
NOBODYS = "01890a5d-ac96-774b-bcce-b302099a8057"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NO_ORGANIZATION = {"detail": "There is no such organisation."}
NO_APPLICATION = {"detail": "There is no such application."}
NO_MEMBER = {"detail": "There is no such member."}
NOT_YOUR_ROLE = {"detail": "Your role in this organisation does not allow this."}
WRONG_TOKEN = {"detail": "Invalid or expired token."}
SUSPENDED = {"detail": "This organisation is suspended."}


class Person:
    """Somebody who is logged in."""

    def __init__(self, stack, email=None):
        made = account_register(stack, email)
        self.email, self.token = made["email"], made["access_token"]
        self.organization, self.application = made["organization"], made["application"]
        self.client = stack.client(self.token)
        self.get, self.post, self.delete = self.client.get, self.client.post, self.client.delete

    def patch(self, path, body):
        return self.client.call("PATCH", path, json=body)

    @property
    def applications(self):
        return f"{BASE}{self.organization['uuid']}/applications/"

    @property
    def members(self):
        return f"{BASE}{self.organization['uuid']}/members/"


def join(stack, owner, person, role):
    """Makes a person a member of an owner's organisation; the membership."""
    answer = owner.post(owner.members, {"email": person.email, "role": role})
    assert answer.status_code == 201, answer.text
    account_login(stack, person.email)
    return answer.json()


class Company:
    """An organisation with a person of every role, and somebody who is not in it."""

    def __init__(self, stack):
        self.people = {role: Person(stack) for role in ROLES}
        self.owner = self.people["owner"]
        self.memberships = {role: join(stack, self.owner, self.people[role], role)["uuid"]
                            for role in ROLES[1:]}
        self.memberships["owner"] = next(
            row["uuid"] for row in self.owner.get(self.owner.members).json()
            if row["email"] == self.owner.email)
        self.stranger = Person(stack)
        self.id = self.owner.organization["uuid"]


def operations(contract):
    """Those of the document that are about one organisation."""
    return [row for row in contract.operations if row.path.startswith(BASE + "{org_id}")]


def roles_of(operation):
    """Whom an operation says that it is for."""
    words = re.search(r"For members of the organisation( with the role [^.]*)?\.",
                      operation.row["description"])
    assert words, operation.row["description"]
    return set(re.findall("`([a-z]+)`", words.group(1))) if words.group(1) else set(ROLES)


def ask(client, operation, organization, thing=NOBODYS):
    """An operation that changes nothing: its body is refused, or what it is about is not there."""
    path = re.sub(r"\{(?!org_id)\w+\}", thing, operation.path).replace("{org_id}", organization)
    more = {"json": {"no_such_member": 1}} if "requestBody" in operation.row else {}
    return client.call(operation.method.upper(), path, headers={"X-Request-Id": "same"}, **more)


def new_key():
    return {"Idempotency-Key": str(uuid.uuid4())}


def audit_of(stack, subject):
    """(action, kind of actor, whether a request and an address are named), oldest first."""
    return stack.rows("SELECT action, actor_kind, request_id IS NOT NULL, address IS NOT NULL "
                      "FROM audit WHERE subject_id = UNHEX(REPLACE(%s, '-', '')) ORDER BY id", subject)
