# SPDX-License-Identifier: Apache-2.0
"""Kinds of keys: how they look, who makes them, pairs, and what each may do on every route."""

import re

import pytest

import test_age
import test_analytics
import test_endpoints
import test_key
import test_plain_sessions
import test_sessions
import test_workflows
from product import plain
from test_key import FORBIDDEN, UNAUTHORIZED, check_tail

NEW = {"name": "A key", "environment": "live"}
SCOPES = ["kyc.read", "keys.read"]
LOOKS = {"server": r"dme_live_[0-9A-Za-z]{48}", "partner": r"kk_[0-9a-z]{32}",
         "secret": r"sk_verify_[0-9A-Za-z]{48}", "publishable": r"pk_verify_[0-9A-Za-z]{48}",
         "application": r"[0-9A-Za-z_-]{43}"}
# Every route that takes a key in either header: (method, path).
ROUTES = [row[:2] for row in test_key.ROUTES + test_endpoints.ROUTES + test_workflows.ROUTES
          + test_analytics.ROUTES] + [
    ("POST", "/v1/webhooks"), ("GET", "/v1/webhooks"), ("DELETE", "/v1/webhooks/wh_x"),
    ("POST", "/v1/webhooks/wh_x/test")]
# Those of paths that two families share, where the header says which is meant.
BY_HEADER = {"Authorization": [row[:2] for row in test_sessions.ROUTES],
             "X-API-Key": [row[:2] for row in test_plain_sessions.ROUTES]}
# Those of the age family, which are for other kinds of keys (test_age.py).
AGE = [row[:2] for row in test_age.ROUTES]
# Any key will do there, but for one that everybody may have.
ANY_KEY = ("GET", test_workflows.VERIFY)


def routes(header):
    return ROUTES + BY_HEADER[header]


def make(client, kind, **change):
    scopes = {} if kind == "secret" else {"scopes": SCOPES}
    answer = client.post("/v1/keys", {**NEW, **scopes, "kind": kind, **change})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def faults(answer):
    assert answer.status_code == 400, answer.text
    return [(f["field"], f["message"]) for f in answer.json()["error"]["details"]["errors"]]


def status_of(stack, key):
    """200: accepted and allowed; 403: accepted, and not allowed."""
    return stack.client(key).get("/v1/kyc/verifications").status_code


@pytest.fixture(scope="module")
def kinds(stack):
    """A key of every kind, of one tenant."""
    org = stack.cli("org", "create", "Kinds", "--json")["id"]
    app = stack.cli("app", "create", "--org", org, "Kinds", "--json")
    pair = stack.key(app["id"], scopes=None, kind="secret")
    return {"server": stack.key(app["id"])["key"],
            "partner": stack.key(app["id"], kind="partner")["key"], "secret": pair["key"],
            "publishable": pair["publishable_key"], "application": app["key"]}


def test_how_they_look(kinds):
    for kind, key in kinds.items():
        assert re.fullmatch(LOOKS[kind], key), (kind, key)
        assert check_tail(key) == (kind in ("server", "secret", "publishable"))


def test_every_route_is_here(stack):
    """The pool says itself which operations it has."""
    page = stack.client().get("/-/metrics").text
    operations = re.findall(r'bonafide_requests_total\{operation="(\w+)"', page)
    open_ones = {"providerCallback", "healthz", "readyz", "status", "metrics", "getOpenApi",
                 "showMedia", "openEmbed"}
    # People come with a token, and no key is good for theirs.
    open_ones |= {row.id for row in stack.contract.operations if row.tag in ("account", "page")}
    shared = sum(len(set(rows)) for rows in BY_HEADER.values())
    assert len(set(operations) - open_ones) == len(set(ROUTES)) + shared + len(set(AGE))
    assert len(set(ROUTES)) == len(ROUTES)


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_either_header_on_every_route(stack, header):
    good, bad = (stack.client(stack.env["BONAFIDE_SANDBOX_KEY"], header),
                 stack.client("dme_live_" + "x" * 48, header))
    for method, path in routes(header):
        # A body of the wrong type is refused behind the credential, and does nothing.
        with_body = {"data": "x", "headers": {"Content-Type": "text/plain"}}
        if method == "DELETE":
            path, with_body = path[:path.rindex("/") + 1] + "x", {}
        assert good.call(method, path, **with_body).status_code in (200, 404, 415), (method, path)
        assert bad.call(method, path, **with_body).status_code == 401, (method, path)


def test_two_headers_must_agree_on_every_route(stack):
    key, other = stack.env["BONAFIDE_LIVE_KEY"], stack.env["BONAFIDE_SANDBOX_KEY"]
    client = stack.client(key)
    assert client.get("/v1/keys", headers={"X-API-Key": key}).status_code == 200
    for method, path in routes("Authorization"):
        answer = client.call(method, path, json={}, headers={"X-API-Key": other})
        assert answer.status_code == 401, (method, path)


@pytest.mark.parametrize("kind", ["secret", "publishable"])
def test_what_is_for_the_age_family_does_nothing_else(stack, kinds, kind):
    for header in ("Authorization", "X-API-Key"):
        client = stack.client(kinds[kind], header)
        for method, path in routes(header):
            answer = client.call(method, path, json={})
            allowed = (method, path) == ANY_KEY and kind == "secret"
            assert answer.status_code == (200 if allowed else 403), (method, path)
    assert stack.client(kinds[kind]).get("/v1/keys").json() == FORBIDDEN


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_an_applications_key_does_everything(stack, kinds, header):
    client = stack.client(kinds["application"], header)
    for method, path in routes(header):
        # As above: let in, and only then refused for what is sent.
        with_body = {"data": "x", "headers": {"Content-Type": "text/plain"}}
        answer = client.call(method, path, **({} if method in ("GET", "DELETE") else with_body))
        assert answer.status_code in (200, 404, 415), (method, path, answer.text)
    assert make(client, "server", scopes=test_key.ALL)["environment"] == "live"
    assert make(client, "secret")["kind"] == "secret"


def test_partner(stack, tenant):
    _, live, sandbox = tenant
    made = make(live, "partner")
    assert re.fullmatch(LOOKS["partner"], made["key"])
    assert plain({**made, "key": ""}) == {
        "id": "<key>", "name": "A key", "key": "", "scopes": SCOPES, "environment": "live",
        "created_at": "<time>", "last_used_at": None, "kind": "partner"}
    assert status_of(stack, made["key"]) == 200
    # It carries the environment that it was made with.
    other = make(sandbox, "partner", environment="sandbox")
    environments = {item["environment"]
                    for item in stack.client(other["key"]).get("/v1/keys").json()["data"]}
    assert environments == {"sandbox"}
    assert live.delete("/v1/keys/" + made["id"]).status_code == 204
    assert status_of(stack, made["key"]) == 401


def test_a_pair(stack, tenant):
    _, live, _ = tenant
    answer = live.post("/v1/keys", {**NEW, "kind": "secret"})
    assert plain(answer.json()) == {"data": {
        "id": "<key>", "name": "A key", "key": "sk_verify_<key>", "scopes": [],
        "environment": "live", "created_at": "<time>", "last_used_at": None, "kind": "secret",
        "publishable_id": "<key>", "publishable_key": "pk_verify_<key>"}}
    made = answer.json()["data"]
    assert {status_of(stack, made[name]) for name in ("key", "publishable_key")} == {403}
    kinds = {item["id"]: item["kind"] for item in live.get("/v1/keys").json()["data"]}
    assert kinds[made["id"]] == "secret" and kinds[made["publishable_id"]] == "publishable"
    for shown in (made["key"], made["publishable_key"]):
        assert shown not in live.get("/v1/keys").text


def test_a_pair_ends_with_its_secret(stack, tenant):
    _, live, _ = tenant
    one, other = make(live, "secret"), make(live, "secret")
    assert live.delete("/v1/keys/" + one["publishable_id"]).status_code == 204
    assert status_of(stack, one["publishable_key"]) == 401
    assert status_of(stack, one["key"]) == 403
    assert live.delete("/v1/keys/" + other["id"]).status_code == 204
    assert status_of(stack, other["key"]) == status_of(stack, other["publishable_key"]) == 401
    assert status_of(stack, one["key"]) == 403


def test_a_pair_expires_together(stack, tenant):
    _, live, _ = tenant
    made = make(live, "secret", expires_at="2099-01-01T00:00:00Z")
    ends = stack.rows("SELECT expires_at FROM api_key WHERE kind IN ('secret', 'publishable') "
                      "ORDER BY id DESC LIMIT 2")
    assert str(ends[0][0]) == str(ends[1][0]) == "2099-01-01 00:00:00"
    assert status_of(stack, made["key"]) == 403


@pytest.mark.parametrize("change,field,says", [
    ({"kind": "server"}, "scopes", "is required"), ({"kind": "partner"}, "scopes", "is required"),
    ({}, "scopes", "is required"),
    ({"kind": "secret", "scopes": SCOPES}, "scopes", "must be absent"),
    ({"kind": "publishable"}, "kind", "comes with its secret"),
    ({"kind": "publishable", "scopes": SCOPES}, "kind", "comes with its secret"),
    ({"kind": "application"}, "kind", "belongs to its application"),
    ({"kind": "server", "scopes": ["age.read"]}, "scopes", "must"),
    ({"kind": "root", "scopes": SCOPES}, "kind", "must be one of"),
])
def test_refused(live, change, field, says):
    found = faults(live.post("/v1/keys", {**NEW, **change}))
    assert len(found) == 1 and found[0][0] == field and says in found[0][1], found


def test_who_makes_a_pair(stack, tenant):
    """keys.write, in one's own environment: the age family is another purse (key.h)."""
    app, _, sandbox = tenant
    with_it = stack.client(stack.key(app, scopes="keys.write")["key"])
    without = stack.client(stack.key(app, scopes="kyc.read keys.read")["key"])
    assert make(with_it, "secret")["kind"] == "secret"
    assert without.post("/v1/keys", {**NEW, "kind": "secret"}).json() == FORBIDDEN
    assert sandbox.post("/v1/keys", {**NEW, "kind": "secret"}).json() == FORBIDDEN
    assert make(sandbox, "secret", environment="sandbox")["environment"] == "sandbox"


def test_a_partner_gives_no_more_than_it_has(stack, tenant):
    app, _, _ = tenant
    partner = stack.client(stack.key(app, scopes="keys.write kyc.read", kind="partner")["key"])
    assert partner.post("/v1/keys", {**NEW, "scopes": SCOPES}).json() == FORBIDDEN
    assert partner.post("/v1/keys", {**NEW, "scopes": ["kyc.read"]}).status_code == 201


def test_mistyped_keys_of_every_kind(stack, kinds):
    for key in kinds.values():
        for wrong in (key[:-1], key + "0", key[:-1] + ("A" if key[-1] != "A" else "E"),
                      key[:20] + ("b" if key[20] != "b" else "c") + key[21:]):
            answer = stack.client(wrong).get("/v1/keys")
            assert answer.status_code == 401 and answer.json() == UNAUTHORIZED, wrong
