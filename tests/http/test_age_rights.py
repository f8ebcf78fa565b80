# SPDX-License-Identifier: Apache-2.0
"""Who may do what in the age family, and in which words everything else is refused: every credential on
every route, keys that have ended, sandbox and live, and every way a request can be wrong."""

import json

import pytest

from accounts import account_register
from media import UPLOADS, png, upload
from product import is_id, wait_for
from test_age import BODY, ROUTES, SUBMIT, Age, body_of, refused, submit

PLAIN = {"data": "x", "headers": {"Content-Type": "text/plain"}}
JSON = {"Content-Type": "application/json"}


def call(client, method, path):
    """One that does nothing: a body of the wrong type is refused behind the credential."""
    return client.call(method, path, **(PLAIN if method == "POST" else {}))


@pytest.fixture(scope="module")
def keys(stack):
    """Credentials by name: (text, what they may do: "all", "submit", or the status of their refusal)."""
    app, org = stack.tenant("Age")
    made = {"a person": (account_register(stack)["access_token"], 401),
            "an application": (stack.cli("app", "create", "--org", org, "Own", "--json")["key"], "all"),
            "a server's": (stack.key(app)["key"], 403),
            "a partner's": (stack.key(app, kind="partner")["key"], 403),
            "nothing": (None, 401), "rubbish": ("sk_verify_x", 401),
            "invented": ("sk_verify_" + "0" * 48, 401)}
    for environment in ("live", "sandbox"):
        pair = stack.key(app, environment=environment, scopes=None, kind="secret")
        made[f"a {environment} secret"] = (pair["key"], "all")
        made[f"a {environment} publishable"] = (pair["publishable_key"], "submit")
        made[f"a {environment} server's"] = (stack.key(app, environment=environment)["key"], 403)
    for how, sql in (("expired", "expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND"), ("revoked", None)):
        pair = stack.key(app, scopes=None, kind="secret")
        if sql:
            stack.rows(f"UPDATE api_key SET {sql} WHERE application_id = (SELECT application_id FROM "
                       "(SELECT application_id FROM api_key WHERE id = %s) AS k) AND id >= %s",
                       raw(pair["id"]), raw(pair["id"]))
        else:
            stack.cli("key", "revoke", pair["id"])
        made[f"an {how} secret"] = (pair["key"], 401)
        if sql:
            made[f"an {how} publishable"] = (pair["publishable_key"], 401)
    other, other_org = stack.tenant("Suspended")
    pair = stack.key(other, scopes=None, kind="secret")
    stack.cli("org", "suspend", other_org)
    made["a suspended secret"] = (pair["key"], 403)
    made["a suspended publishable"] = (pair["publishable_key"], 403)
    return made


def raw(text):
    from receiver import id_hex
    return bytes.fromhex(id_hex(text))


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
@pytest.mark.parametrize("method, path, public", ROUTES)
def test_every_credential_on_every_route(stack, keys, header, method, path, public):
    wrong = {}
    for name, (text, may) in keys.items():
        answer = call(stack.client(text, header), method, path)
        allowed = may == "all" or (may == "submit" and public)
        if allowed:
            # Behind the credential there is nobody of that name, or the body's type.
            if answer.status_code not in (200, 404, 415):
                wrong[name] = answer.status_code
            continue
        status = 403 if may == "submit" else may
        if answer.status_code != status:
            wrong[name] = (answer.status_code, status)
        else:
            refused(answer, status)
    assert not wrong, wrong


def test_a_key_in_the_query_is_none(stack, keys):
    secret = keys["a live secret"][0]
    for name in ("key", "api_key", "x-api-key", "X-API-Key"):
        refused(stack.client().get(f"/v1/verify/nobody/verified?{name}={secret}"), 401)


# ---- the sandbox ----------------------------------------------------------------------------------

def test_media_are_of_one_environment(stack):
    live = Age(stack)
    pair = stack.key(live.app, environment="sandbox", scopes=None, kind="secret")
    sandbox = stack.client(pair["publishable_key"], "X-API-Key")
    for person, mine, others in (("apart-1", live.public, sandbox), ("apart-2", sandbox, live.public)):
        body = {"externalId": person, "level": "age_only", "consent": True,
                "uploads": {"selfie": upload(others)}}
        refused(mine.post(SUBMIT, body), 404)
        refused(Age(stack).public.post(SUBMIT, body), 404)
        assert others.post(SUBMIT, body).status_code == 201
        # And once.
        refused(others.post(SUBMIT, {**body, "externalId": "another"}), 404)


def test_the_sandbox_is_free(stack):
    sandbox = Age(stack, environment="sandbox", tokens=0)
    for level in ("age_only", "full_age", "full_kyc"):
        submit(sandbox, "free-" + level, level)
    assert stack.rows("SELECT DISTINCT tokens FROM usage_event WHERE application_id = %s",
                      raw(sandbox.app)) == ((0,),)


# ---- every way to be wrong ------------------------------------------------------------------------

@pytest.fixture(scope="module")
def age(stack):
    return Age(stack)


ADDRESSES = [*sorted({path for _, path, _ in ROUTES}), "/v1/verify", "/v1/verify/", "/v1/records",
             "/v1/records/", "/v1/verify/a/b/c/d", "/v1/verify/submit/", "/v1/verify/submit/x",
             "/v1/records/a/b", "/v1/records/a/aliases/x", "/v1/verify/uploads/x"]


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"])
def test_every_method_on_every_address(age, stack, method, path):
    """Whatever is asked, what is no success is one of the six; also before anybody said who asks."""
    for client in (age.secret, age.public, stack.client()):
        answer = client.call(method, path, data=b"{", headers=JSON)
        if answer.status_code == 200:
            assert client is not stack.client() and answer.text.startswith('{"data":')
            continue
        refused(answer, answer.status_code)
        assert answer.status_code in (400, 401, 403, 404, 405, 415)
        if answer.status_code == 405:
            assert "OPTIONS" in answer.headers["Allow"]


@pytest.mark.parametrize("method, path, public", [row for row in ROUTES if row[0] == "GET"])
def test_head_is_get_without_the_body(age, method, path, public):
    get, head = age.secret.get(path), age.secret.call("HEAD", path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]


MALFORMED = [b"", b" ", b"{", b"[]", b"null", b"1", b'"x"', b"{}{}", b"\xef\xbb\xbf{}", b"{'a':1}",
             b'{"externalId":"a","externalId":"a"}', b'{"externalId":"\xff"}', b"\xff\xfe{\x00}\x00",
             b'{"externalId":"\\ud800"}', b'{"a":' * 400 + b"1" + b"}" * 400, b'{"level":1e999}',
             json.dumps({**BODY, "consent": 1}).encode(), json.dumps({**BODY, "consent": "yes"}).encode(),
             json.dumps({**BODY, "externalId": None}).encode(),
             json.dumps({**BODY, "uploads": {**BODY["uploads"], "selfie": 7}}).encode(),
             json.dumps({**BODY, "document": {**BODY["document"], "country": 7}}).encode(),
             json.dumps({**BODY, "document": {**BODY["document"], "dateOfBirth": 19900515}}).encode()]


@pytest.mark.parametrize("number", range(len(MALFORMED)))
@pytest.mark.parametrize("path", [SUBMIT, "/v1/records/creator_42/aliases"])
def test_malformed_bodies(age, path, number):
    refused(age.secret.call("POST", path, data=MALFORMED[number], headers=JSON), 400)


@pytest.mark.parametrize("media_type", [
    None, "", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "application/jsonx", "application/json, text/plain", "application/problem+json"])
def test_wrong_types_of_bodies(age, media_type):
    headers = {} if media_type is None else {"Content-Type": media_type}
    for path in (SUBMIT, "/v1/records/creator_42/aliases"):
        refused(age.secret.call("POST", path, data=json.dumps(BODY).encode(), headers=headers), 415)


@pytest.mark.parametrize("query", [
    "level=", "level=full", "level=FULL_KYC", "level=full_kyc%20", "level=full_kyc&level=full_kyc",
    "level=age_only&level=full_kyc", "level[]=full_kyc", "Level=full_kyc", "lvl=x", "level=%ff",
    "level=full_kyc&x=1"])
def test_wrong_levels(age, query):
    for what in ("verified", "can-submit"):
        refused(age.ask("nobody", f"{what}?{query}"), 400)
    refused(age.ask("nobody", "status?" + query), 400)


@pytest.mark.parametrize("path", ["/v1/verify/" + "x" * 2100 + "/status", "/v1/records/" + "x" * 2100,
                                  "/v1/verify/nobody/verified?level=" + "x" * 2100],
                         ids=["person", "record", "query"])
def test_addresses_that_are_too_long(age, path):
    refused(age.secret.get(path), 400)


def test_headers_that_are_too_long(stack, age):
    """Also where they stand before what says which address it is."""
    for name in ("X-API-Key", "Authorization", "Idempotency-Key", "X-Request-Id", "Content-Type"):
        answer = stack.client().call("POST", SUBMIT, data=b"{}", headers={
            **JSON, "X-API-Key": age.keys["publishable"], name: "x" * 6000})
        refused(answer, 400)


def test_broken_idempotency_keys(age):
    body = body_of(age, "keyed", "age_only")
    for key in ("x" * 256, "a\u00e9".encode(), '""'):
        refused(age.public.post(SUBMIT, body, headers={"Idempotency-Key": key}), 400)
    refused(age.ask("keyed", "status"), 404)
    answer = age.public.post(SUBMIT, body, headers={"Idempotency-Key": '"quoted"'})
    assert answer.status_code == 201 and is_id("ver", answer.json()["data"]["verificationId"])
    again = age.public.post(SUBMIT, body, headers={"Idempotency-Key": "quoted"})
    assert (again.text, again.headers["Idempotent-Replayed"]) == (answer.text, "true")
    # A refusal is not kept: the next try is a new one.
    refusal = {"Idempotency-Key": "refused-first"}
    refused(age.public.post(SUBMIT, {**body, "consent": False}, headers=refusal), 400)
    made = body_of(age, "keyed-2", "age_only")
    assert age.public.post(SUBMIT, made, headers=refusal).status_code == 201


def test_uploads_are_refused_alike(age):
    for media_type, data, status in (
            ("image/png", b"", 400), ("image/png", b"<html>", 400), ("image/jpeg", png(), 400),
            ("image/gif", b"GIF89a", 415), ("application/json", b"{}", 415), ("", png(), 415)):
        refused(age.public.call("POST", UPLOADS, data=data, headers={"Content-Type": media_type}), status)


def test_the_log_says_what_the_answer_does_not(stack, age):
    """Also what only the rules of a level find."""
    body = body_of(age, "logged", "full_age", without=["idBack"])
    refused(age.public.post(SUBMIT, body, headers={"X-Request-Id": "a-faulty-level"}), 400)
    # The name of a member is anybody's, so it is not said.
    body["document"] = {**body["document"], "NobodysName": 1}
    refused(age.public.post(SUBMIT, body, headers={"X-Request-Id": "a-faulty-level"}), 400)

    def said():
        return [line for path in (stack.dir / "log").glob("*") if path.is_file()
                for line in path.read_text(errors="replace").splitlines()
                if "a-faulty-level" in line and "submitAge refused" in line]
    for words in ("uploads.idBack is required for this level", "document is not a known field"):
        assert wait_for(lambda: any(words in line for line in said()), 10), (words, said())
    assert not any("NobodysName" in line for line in said())
