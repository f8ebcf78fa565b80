# SPDX-License-Identifier: Apache-2.0
"""Idempotency-Key: one effect, the same answer again."""

import concurrent.futures
import uuid

import pytest

from product import SEED, canned, person


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


@pytest.mark.parametrize("key", ["", "x" * 256, '""'])
def test_bad_keys(live, key):
    answer = post(live, key)
    assert answer.status_code == 400, key
    assert answer.json()["error"]["details"]["errors"][0]["field"] == "Idempotency-Key"


def test_the_longest_key(tenant):
    _, live, _ = tenant
    assert post(live, "x" * 255).status_code == 200


def test_a_hundred_at_once_are_one_effect(stack, tenant):
    app, live, _ = tenant
    key, token = str(uuid.uuid4()), live.session.headers["Authorization"].split()[1]
    with concurrent.futures.ThreadPoolExecutor(32) as crowd:
        answers = list(crowd.map(lambda _: post(stack.client(token), key), range(100)))
    good = [answer for answer in answers if answer.status_code == 200]
    assert good and len({answer.text for answer in good}) == 1
    for answer in answers:
        assert answer.status_code in (200, 409), answer.text
        if answer.status_code == 409:
            assert answer.json()["error"]["code"] == "IDEMPOTENCY_IN_PROGRESS"
            assert answer.headers["Retry-After"] == "1"
    assert live.get("/v1/kyc/verifications").json()["meta"]["total"] == 1
    assert live.get("/v1/usage").json()["meta"]["total"] == 1


def test_stored_replies_are_sealed(stack, tenant):
    _, live, _ = tenant
    body = {"name": "x", "scopes": ["kyc.read"], "environment": "live"}
    made = post(live, "secret", body, "/v1/keys").json()["data"]["key"]
    rows = stack.rows("SELECT sealed_reply FROM idempotency WHERE sealed_reply IS NOT NULL")
    assert rows and all(made.encode() not in row[0] for row in rows)
