# SPDX-License-Identifier: Apache-2.0
"""Idempotency-Key: one effect, the same answer again."""

import concurrent.futures
import uuid

import pytest

from creators import KINDS, WITH_ID, Creator, new_key, traces
from product import LONG, SEED, canned, person


def post(client, key, body=None, path="/v1/kyc/sandbox/verify"):
    return client.post(path, SEED if body is None else body, headers={"Idempotency-Key": key})


def test_the_same_again(tenant):
    _, live, _ = tenant
    key = str(uuid.uuid4())
    first, second = post(live, key), post(live, key)
    assert first.status_code == second.status_code == 200
    assert first.text == second.text
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert live.get("/v1/kyc/verifications").json()["meta"]["total"] == 1
    assert live.get("/v1/usage").json()["meta"]["total"] == 1


def test_quoted_and_bare_are_the_same_key(tenant):
    _, live, _ = tenant
    assert post(live, "abc").text == post(live, '"abc"').text


def test_live_path_and_keys(tenant):
    _, live, _ = tenant
    first = post(live, "k", canned(), "/v1/kyc/verify")
    assert first.status_code == 202
    assert post(live, "k", canned(), "/v1/kyc/verify").text == first.text
    body = {"name": "x", "scopes": ["kyc.read"], "environment": "live"}
    made = post(live, "n", body, "/v1/keys")
    again = post(live, "n", body, "/v1/keys")
    assert made.status_code == again.status_code == 201
    assert made.json()["data"]["key"] == again.json()["data"]["key"]


def test_another_request_under_the_same_key(tenant):
    _, live, _ = tenant
    post(live, "k")
    for answer in (post(live, "k", person(external_ref="other")),
                   post(live, "k", SEED, "/v1/kyc/verify")):
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "IDEMPOTENCY_MISMATCH"
    assert live.get("/v1/kyc/verifications").json()["meta"]["total"] == 1


def test_tenants_do_not_share_keys(tenant, stranger):
    _, live, _ = tenant
    key = str(uuid.uuid4())
    assert post(live, key).json()["data"]["id"] != post(stranger, key).json()["data"]["id"]


def test_a_refused_request_does_not_use_the_key_up(tenant):
    _, live, _ = tenant
    assert post(live, "k", person(id_number="1")).status_code == 400
    assert post(live, "k").status_code == 200


@pytest.mark.parametrize("key,fault", [
    ("", "must have 1 to 255 characters"), ('""', "must have 1 to 255 characters"),
    ("x" * 256, "must have 1 to 255 characters"),
    ('"' + "x" * 256 + '"', "must have 1 to 255 characters"),
    ("clé".encode(), "must be printable ASCII characters"),
    ("a\tb", "must be printable ASCII characters"),
])
def test_bad_keys(live, key, fault):
    answer = post(live, key)
    assert answer.status_code == 400, key
    assert answer.json()["error"]["code"] == "VALIDATION_ERROR"
    assert answer.json()["error"]["details"]["errors"] == [
        {"field": "Idempotency-Key", "message": fault}]


def test_the_longest_key(tenant):
    _, live, _ = tenant
    assert post(live, "x" * 255).status_code == 200
    assert post(live, '"' + "x" * 255 + '"').headers["Idempotent-Replayed"] == "true"


# ---- every route that makes something ------------------------------------------------------------------


@pytest.fixture(params=KINDS)
def creator(request, stack, tenant):
    """A route with a tenant of its own to ask it of."""
    app, live, _ = tenant
    creator = Creator(request.param, live)
    # Its own, where the tenant's may not.
    creator.app, creator.token = app, creator.client.session.headers["Authorization"].split()[1]
    return creator


def crowd(stack, creator, key, count):
    """The same request so many times at once, each on a connection of its own."""
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        return list(pool.map(lambda _: creator.post(stack.client(creator.token), key),
                             range(count)))


def test_a_hundred_at_once_are_one_effect(stack, creator):
    key, before = new_key(), traces(stack, creator.app)
    answers = crowd(stack, creator, key, 100 if LONG or creator.kind == "verify" else 40)
    good = [answer for answer in answers if answer.status_code in (200, 201, 202)]
    first = [answer for answer in good if "Idempotent-Replayed" not in answer.headers]
    assert len(first) == 1
    assert {(answer.status_code, answer.text) for answer in good} == \
        {(first[0].status_code, first[0].text)}
    for answer in answers:
        if answer not in good:
            assert answer.status_code == 409, answer.text
            assert answer.headers["Retry-After"] == "1"
    after = traces(stack, creator.app)
    changes = [new - old for new, old in zip(after, before)
               if isinstance(new, int) and new != old]
    assert changes and set(changes) == {1}, (before, after)
    again = creator.post(key=key)
    assert again.text == first[0].text and again.headers["Idempotent-Replayed"] == "true"
    assert traces(stack, creator.app) == after


def test_another_body_is_another_request(stack, creator):
    first = creator.post(key="k")
    after = traces(stack, creator.app)
    answer = creator.post(key="k", body=creator.other_body)
    assert answer.status_code == 422 and "Idempotent-Replayed" not in answer.headers
    assert traces(stack, creator.app) == after
    assert creator.post(key="k").text == first.text
    # Without a key it is done again, and with another key too.
    assert creator.post(key="another", body=creator.other_body).status_code == first.status_code
    assert traces(stack, creator.app) != after


@pytest.mark.parametrize("creator", WITH_ID, indirect=True)
def test_the_same_asked_of_another_endpoint(stack, creator):
    creator.post(key="k")
    after = traces(stack, creator.app)
    assert creator.post(key="k", path=creator.other_path).status_code == 422
    assert traces(stack, creator.app) == after


def test_another_sort_of_credential(stack, tenant):
    """What one key was shown once is not shown to a key that may do less."""
    app, live, sandbox = tenant
    body = {"name": "x", "scopes": ["kyc.read", "keys.write"], "environment": "live"}
    made = post(live, "k", body, "/v1/keys")
    less = stack.client(stack.key(app, scopes="keys.write")["key"])
    same = stack.client(stack.key(app)["key"])
    for client in (sandbox, less):
        answer = post(client, "k", body, "/v1/keys")
        assert answer.status_code == 422, answer.text
        assert made.json()["data"]["key"] not in answer.text
    assert post(same, "k", body, "/v1/keys").text == made.text


def test_refused_at_once_by_all(stack, tenant):
    """Whoever is refused leaves no record; however many they are, each is told the reason."""
    app, live, _ = tenant
    creator = Creator("verify", live)
    creator.token = live.session.headers["Authorization"].split()[1]
    creator.body["country"] = "XX"
    before = traces(stack, app)
    answers = crowd(stack, creator, new_key(), 60)
    assert {answer.status_code for answer in answers} <= {400, 409}
    assert {answer.json()["error"]["code"] for answer in answers} <= \
        {"UNSUPPORTED_ID_TYPE", "IDEMPOTENCY_IN_PROGRESS"}
    assert traces(stack, app) == before


def test_stored_replies_are_sealed(stack, tenant):
    _, live, _ = tenant
    body = {"name": "x", "scopes": ["kyc.read"], "environment": "live"}
    made = post(live, "secret", body, "/v1/keys").json()["data"]["key"]
    rows = stack.rows("SELECT sealed_reply FROM idempotency WHERE sealed_reply IS NOT NULL")
    assert rows and all(made.encode() not in row[0] for row in rows)
