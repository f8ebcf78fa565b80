# SPDX-License-Identifier: Apache-2.0
"""Keys and applications by the operator's tool: kinds, pairs, replacing, and what it refuses."""

import json
import re

import pytest

from product import is_id, wait_for


def run(stack, *args):
    return stack.cli(*args, check=False)


def status_of(stack, key):
    return stack.client(key).get("/v1/kyc/verifications").status_code


def listed(stack, app):
    return {row["id"]: row for row in stack.cli("key", "list", "--app", app, "--json")}


@pytest.fixture()
def app(stack):
    return stack.tenant("By hand")[0]


def test_an_application_comes_with_its_key(stack):
    org = stack.cli("org", "create", "Example", "--json")["id"]
    made = stack.cli("app", "create", "--org", org, "Shop", "--json")
    assert re.fullmatch("[A-Za-z0-9_-]{43}", made["key"]) and is_id("key", made["key_id"])
    assert status_of(stack, made["key"]) == 200
    row = listed(stack, made["id"])[made["key_id"]]
    assert row["kind"] == "application" and row["environment"] == "live" and row["name"] == "Shop"
    done = run(stack, "app", "create", "--org", org, "Other")
    assert "only time its key is shown" in done.stderr and made["key"] not in done.stdout
    assert run(stack, "app", "create", "--org", "org_01h455vb4pex5vsknk084sn02q", "x").returncode == 1


def test_regenerating(stack):
    org = stack.cli("org", "create", "Example", "--json")["id"]
    made = stack.cli("app", "create", "--org", org, "Shop", "--json")
    second = stack.cli("app", "regenerate-key", made["id"], "--json")
    assert status_of(stack, made["key"]) == 401 and status_of(stack, second["key"]) == 200
    third = stack.cli("app", "regenerate-key", made["id"], "--overlap", "2", "--json")
    assert status_of(stack, second["key"]) == status_of(stack, third["key"]) == 200
    assert wait_for(lambda: status_of(stack, second["key"]) == 401, 5)
    assert [row["kind"] for row in listed(stack, made["id"]).values()] == ["application"]
    done = run(stack, "app", "regenerate-key", "app_01h455vb4pex5vsknk084sn02q")
    assert done.returncode == 1 and "no such application" in done.stderr
    assert run(stack, "app", "regenerate-key", made["id"], "--overlap", "604801").returncode == 2


def test_every_kind(stack, app):
    server = stack.key(app)
    partner = stack.key(app, kind="partner", environment="sandbox", scopes="kyc.read")
    secret = stack.key(app, kind="secret", scopes=None)
    assert "publishable_id" not in server and "publishable_key" not in partner
    assert secret["scopes"] == [] and secret["publishable_key"].startswith("pk_verify_")
    rows = listed(stack, app)
    assert {rows[made["id"]]["kind"] for made in (server, partner, secret)} == {
        "server", "partner", "secret"}
    assert rows[secret["publishable_id"]]["kind"] == "publishable"
    assert status_of(stack, partner["key"]) == 200
    assert status_of(stack, secret["key"]) == status_of(stack, secret["publishable_key"]) == 403
    table = run(stack, "key", "list", "--app", app).stdout
    assert "KIND" in table.splitlines()[0] and "publishable" in table
    assert secret["key"] not in table and secret["key"] not in json.dumps(rows)


@pytest.mark.parametrize("words,says", [
    (["--kind", "secret", "--scopes", "all"], "takes no --scopes"), ([], "--scopes is required"),
    (["--kind", "partner"], "--scopes is required"),
    (["--kind", "publishable"], "comes with its secret key"),
    (["--kind", "application", "--scopes", "all"], "belongs to its application"),
    (["--kind", "root", "--scopes", "all"], "server"),
    (["--scopes", "age.read"], "no scope \"age.read\""),
])
def test_refused(stack, app, words, says):
    before = listed(stack, app)
    done = run(stack, "key", "create", "--app", app, "--name", "x", "--environment", "live", *words)
    assert done.returncode == 2 and says in done.stderr and done.stdout == "", done.stderr
    assert listed(stack, app) == before


def test_rotating(stack, app):
    old = stack.key(app, kind="secret", scopes=None, expires="2099-01-01")
    new = stack.cli("key", "rotate", old["id"], "--json")
    assert {status_of(stack, key[name]) for key in (old, new)
            for name in ("key", "publishable_key")} == {403}
    rows = listed(stack, app)
    assert rows[old["id"]]["expires_at"] < rows[new["id"]]["expires_at"] == "2099-01-01T00:00:00Z"
    assert rows[old["publishable_id"]]["expires_at"] == rows[old["id"]]["expires_at"]
    last = stack.cli("key", "rotate", new["id"], "--overlap", "0", "--json")
    assert status_of(stack, new["key"]) == status_of(stack, new["publishable_key"]) == 401
    assert status_of(stack, last["key"]) == 403
    done = run(stack, "key", "rotate", last["id"])
    assert done.returncode == 0 and "sk_verify_" in done.stdout and "the keys are shown" in done.stderr


def test_rotating_what_has_ended(stack, app):
    made = stack.key(app)
    stack.cli("key", "revoke", made["id"])
    done = run(stack, "key", "rotate", made["id"])
    assert done.returncode == 1 and "revoked at" in done.stderr
    stack.rows("UPDATE api_key SET revoked_at = NULL, expires_at = NOW(3) - INTERVAL 1 SECOND "
               "WHERE last4 = %s", made["key"][-4:])
    done = run(stack, "key", "rotate", made["id"])
    assert done.returncode == 1 and "expired" in done.stderr
    done = run(stack, "key", "rotate", "key_01h455vb4pex5vsknk084sn02q")
    assert done.returncode == 1 and "no such key" in done.stderr
    assert run(stack, "key", "rotate", made["id"], "--overlap", "-1").returncode == 2


def test_revoking_a_pair(stack, app):
    one, other = (stack.key(app, kind="secret", scopes=None) for _ in range(2))
    stack.cli("key", "revoke", one["publishable_id"])
    assert status_of(stack, one["publishable_key"]) == 401 and status_of(stack, one["key"]) == 403
    stack.cli("key", "revoke", other["id"])
    assert status_of(stack, other["key"]) == status_of(stack, other["publishable_key"]) == 401
    done = run(stack, "key", "revoke", other["publishable_id"])
    assert done.returncode == 1 and "revoked at" in done.stderr
