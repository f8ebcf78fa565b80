# SPDX-License-Identifier: Apache-2.0
"""Workflows, which of their steps this server can carry out, and what a key is good for
(contract/sessions.md, Family plain)."""

import re

import pytest

from product import Stack, is_time
from test_plain_sessions import NOBODYS, UUID, detail, make, person, typed
from test_sessions import SESSIONS

WORKFLOWS = "/v1/workflows"
VERIFY = "/v1/auth/verify"
OTHER_STEPS = ("FACE_LIVENESS", "AGE_ESTIMATION", "PEP_SANCTIONS", "ADVERSE_MEDIA")
NOT_FOUND = {"detail": "Workflow not found."}
READ, WRITE = "sessions.read", "sessions.write"
ROUTES = [("POST", WORKFLOWS, WRITE), ("GET", WORKFLOWS, READ),
          ("GET", f"{WORKFLOWS}/{NOBODYS}", READ), ("GET", VERIFY, None)]


def steps(*names):
    return [{"id": name} for name in names]


def workflow(client, *names, name="Flow"):
    answer = client.post(WORKFLOWS, {"name": name, "steps": steps(*names)})
    assert answer.status_code == 201, answer.text
    return answer.json()["workflow"]


@pytest.fixture()
def owner(stack):
    app, _ = stack.tenant("Workflows")
    return stack.client(stack.key(app)["key"], "X-API-Key")


def test_a_workflow(owner):
    answer = owner.post(WORKFLOWS, {"name": " Adults only ", "steps": [
        {"id": "ID_VERIFICATION", "config": {"minimum_age": 18}}, {"id": "PEP_SANCTIONS"},
        {"id": "AGE_ESTIMATION", "config": None}, {"id": "FACE_LIVENESS", "config": {}}]})
    assert answer.status_code == 201
    made = answer.json()["workflow"]
    organization = owner.get(VERIFY).json()["organization"]["id"]
    assert re.fullmatch(UUID, made["id"]) and is_time(made["created_at"])
    assert answer.json() == {"workflow": {
        "id": made["id"], "name": "Adults only", "status": "active",
        "organization_id": organization, "created_at": made["created_at"],
        "updated_at": made["created_at"], "steps": [
            {"id": "id-verification", "config": {"minimum_age": 18}},
            {"id": "pep-sanctions", "config": {}}, {"id": "age-estimation", "config": {}},
            {"id": "face-liveness", "config": {}}]}}
    assert owner.get(f"{WORKFLOWS}/{made['id']}").json() == answer.json()
    assert owner.get(WORKFLOWS).json() == {"workflows": [{
        "id": made["id"], "name": "Adults only", "status": "active",
        "steps": ["ID_VERIFICATION", "PEP_SANCTIONS", "AGE_ESTIMATION", "FACE_LIVENESS"],
        "created_at": made["created_at"]}]}
    second = workflow(owner, "ID_VERIFICATION")["id"]
    assert [row["id"] for row in owner.get(WORKFLOWS).json()["workflows"]] == [second, made["id"]]


AGE = "must be a whole number from 1 to 100"


@pytest.mark.parametrize("body,fault", [
    ({}, "name is required; steps is required"),
    ({"name": "", "steps": steps("ID_VERIFICATION")}, "name must not be empty"),
    ({"name": "x" * 256, "steps": steps("ID_VERIFICATION")},
     "name must have at most 255 characters"),
    ({"name": "x", "steps": {}}, "steps must be a JSON array"),
    ({"name": "x", "steps": []}, "steps must be an array of 1 to 10 steps"),
    ({"name": "x", "steps": steps(*["ID_VERIFICATION"] * 11)},
     "steps must be an array of 1 to 10 steps"),
    ({"name": "x", "steps": ["ID_VERIFICATION"]}, "steps[0] must be an object"),
    ({"name": "x", "steps": steps("KYB")}, "steps[0].id must be one of ID_VERIFICATION, "
     "FACE_LIVENESS, AGE_ESTIMATION, PEP_SANCTIONS, ADVERSE_MEDIA"),
    ({"name": "x", "steps": steps("ID_VERIFICATION", "ID_VERIFICATION")},
     "steps[1].id is there twice"),
    ({"name": "x", "steps": [{"id": "ID_VERIFICATION", "config": {"minimum_age": 0}}]},
     f"steps[0].config.minimum_age {AGE}"),
    ({"name": "x", "steps": [{"id": "ID_VERIFICATION", "config": {"minimum_age": "18"}}]},
     f"steps[0].config.minimum_age {AGE}"),
    ({"name": "x", "steps": [{"id": "ID_VERIFICATION", "config": {"maximum_age": 50}}]},
     "steps[0].config.maximum_age is not known here"),
    ({"name": "x", "steps": [{"id": "PEP_SANCTIONS", "config": {"minimum_age": 18}}]},
     "steps[0].config.minimum_age is not known here"),
    ({"name": "x", "steps": [{"id": "ID_VERIFICATION", "order": 1}]},
     "steps[0].order is not known here"),
    ({"name": "x", "steps": [{"id": "ID_VERIFICATION", "config": 7}]},
     "steps[0].config must be an object"),
    ({"name": "x", "steps": steps("ID_VERIFICATION"), "more": 1}, "more is not a known field"),
])
def test_workflows_that_are_none(owner, body, fault):
    answer = owner.post(WORKFLOWS, body)
    assert detail(answer).startswith(f"The request is not valid: {fault}")
    assert owner.get(WORKFLOWS).json() == {"workflows": []}


def test_all_faults_of_all_steps(owner):
    answer = owner.post(WORKFLOWS, {"name": "x", "steps": [{"id": "A"}, "B", {"id": "KYB"}]})
    said = detail(answer)
    assert all(f"steps[{number}]" in said for number in range(3)), said


def test_made_once_by_its_idempotency_key(owner):
    body = {"name": "x", "steps": steps("ID_VERIFICATION")}
    one, other = (owner.post(WORKFLOWS, body, headers={"Idempotency-Key": "w"}) for _ in range(2))
    assert one.json() == other.json() and other.headers["Idempotent-Replayed"] == "true"
    assert other.status_code == 201 and len(owner.get(WORKFLOWS).json()["workflows"]) == 1


@pytest.mark.parametrize("step", OTHER_STEPS)
def test_steps_that_nobody_carries_out(owner, step):
    """Never a pretended pass: the workflow can be made, a session with it cannot."""
    made = workflow(owner, "ID_VERIFICATION", step)
    answer = owner.post(SESSIONS, person(workflowId=made["id"]))
    assert detail(answer, 501) == f"The step {step} has no provider configured on this server."
    assert owner.get(SESSIONS).json()["sessions"] == []


def test_a_session_with_a_workflow(owner, stack):
    made = workflow(owner, "ID_VERIFICATION")
    session = make(owner, workflow_id=made["id"])
    assert session["session_url"] == f"{stack.url}/verify/{typed(session['id'])}"


def test_workflows_that_are_not_there(owner, stranger, stack):
    made = workflow(owner, "ID_VERIFICATION")
    theirs = stranger.by("X-API-Key")
    for client, workflow_id in ((theirs, made["id"]), (owner, NOBODYS)):
        answer = client.get(f"{WORKFLOWS}/{workflow_id}")
        assert answer.status_code == 404 and answer.json() == NOT_FOUND
        answer = client.post(SESSIONS, person(workflowId=workflow_id))
        assert answer.status_code == 404 and answer.json() == NOT_FOUND
    assert owner.get(WORKFLOWS + "/x").json() == NOT_FOUND
    assert made["id"] not in theirs.get(WORKFLOWS).text


def test_environments(tenant):
    """What a sandbox key makes a live one sees too, and not the other way round."""
    _, live, sandbox = (row.by("X-API-Key") if hasattr(row, "by") else row for row in tenant)
    one, other = workflow(live, "ID_VERIFICATION")["id"], workflow(sandbox, "ID_VERIFICATION")["id"]
    assert [row["id"] for row in live.get(WORKFLOWS).json()["workflows"]] == [other, one]
    assert [row["id"] for row in sandbox.get(WORKFLOWS).json()["workflows"]] == [other]
    assert sandbox.get(f"{WORKFLOWS}/{one}").json() == NOT_FOUND


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_either_header(owner, header):
    """Only under /v1/sessions it says more than who asks."""
    client = owner.by(header)
    assert client.get(WORKFLOWS).json() == {"workflows": []}
    assert client.get(VERIFY).json()["valid"] is True
    bad = client.get(WORKFLOWS, headers={header: "x"})
    assert bad.status_code == 401 and bad.json() == {"detail": "Invalid or missing API key"}


@pytest.mark.parametrize("method,path,scope", [row for row in ROUTES if row[2]])
def test_scopes(stack, method, path, scope):
    app, _ = stack.tenant("Scoped")
    body = {"data": "x", "headers": {"Content-Type": "text/plain"}} if method == "POST" else {}
    with_it, without = (stack.client(stack.key(app, scopes=scopes)["key"]) for scopes in (
        scope, READ if scope == WRITE else "analytics.read"))
    assert detail(without.call(method, path, **body), 403) == "This API key may not do this."
    assert with_it.call(method, path, **body).status_code not in (401, 403)


# ---- what a key is good for ------------------------------------------------------------------------------

def test_a_good_key(stack):
    app, _ = stack.tenant("Owner & Sons")
    answer = stack.client(stack.key(app, scopes="kyc.read")["key"], "X-API-Key").get(VERIFY)
    assert answer.status_code == 200
    organization = answer.json()["organization"]
    assert re.fullmatch(UUID, organization["id"])
    assert answer.json() == {"valid": True, "organization": {
        "id": organization["id"], "name": "Owner & Sons", "status": "active"}}


def test_keys_of_every_kind(stack):
    app, _ = stack.tenant("Kinds")
    pair = stack.key(app, scopes=None, kind="secret")
    assert stack.client(pair["key"]).get(VERIFY).status_code == 200
    # In browsers: it may submit, and learns nothing (contract/README.md, Credentials).
    answer = stack.client(pair["publishable_key"]).get(VERIFY)
    assert detail(answer, 403) == "This API key may not do this."
    sandbox = stack.key(app, environment="sandbox", scopes="score.get")["key"]
    assert stack.client(sandbox).get(VERIFY).json()["valid"] is True


def test_a_key_that_is_none(stack):
    for client in (stack.client(), stack.client("x", "X-API-Key"), stack.client("x")):
        answer = client.get(VERIFY)
        assert answer.status_code == 401
        assert answer.json() == {"detail": "Invalid or missing API key"}


def test_a_suspended_organisation(stack):
    app, org = stack.tenant("Suspended")
    client = stack.client(stack.key(app)["key"], "X-API-Key")
    stack.cli("org", "suspend", org)
    answer = client.get(VERIFY)
    for _ in range(20):
        if answer.status_code != 403:
            answer = client.get(VERIFY)
    assert detail(answer, 403) == "This organisation is suspended."


def test_what_is_not_there(owner):
    for method, path, status in (("GET", WORKFLOWS + "/x/y", 404), ("PUT", WORKFLOWS, 405),
                                 ("POST", VERIFY, 405), ("GET", VERIFY + "/x", 404)):
        assert detail(owner.call(method, path), status)


# ---- a server that does not know its own address ----------------------------------------------------------

def test_without_a_public_url():
    """A link that begins nowhere would be worse than none: both families say which setting is missing."""
    with Stack("--set", "public_url=", "--set", "smtp_host=") as lost:
        key = lost.env["BONAFIDE_LIVE_KEY"]
        answer = lost.client(key, "X-API-Key").post(SESSIONS, person())
        said = detail(answer, 501)
        assert "public_url" in said
        answer = lost.client(key).post(SESSIONS)
        assert answer.status_code == 501
        assert answer.json()["error"]["code"] == "NOT_CONFIGURED"
        assert answer.json()["error"]["message"] == said
        assert lost.client(key).get(SESSIONS).json()["data"] == []
