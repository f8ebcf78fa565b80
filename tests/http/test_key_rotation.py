# SPDX-License-Identifier: Apache-2.0
"""Replacing a key: both work for the overlap, and then only the new one."""

import concurrent.futures
import datetime

import pytest

from product import plain, wait_for
from test_key import CREATE, FORBIDDEN, NO_KEY, make
from test_key_kinds import make as make_kind
from test_key_kinds import status_of

UNKNOWN = "key_01h455vb4pex5vsknk084sn02q"


def rotate(client, key, **body):
    answer = client.post(f"/v1/keys/{key['id']}/rotate", body or None)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def end_of(stack, key):
    """(when the key ends, whether it is revoked), by its text's last letters."""
    return stack.rows("SELECT expires_at, revoked_at IS NOT NULL FROM api_key WHERE last4 = %s "
                      "ORDER BY id DESC LIMIT 1", key["key"][-4:])[0]


def test_answers_as_a_create_does(stack, tenant):
    _, live, _ = tenant
    old = make(live, name="Über", expires_at="2099-01-01T00:00:00Z")
    answer = live.post(f"/v1/keys/{old['id']}/rotate")
    assert answer.status_code == 201
    new = answer.json()["data"]
    assert plain(answer.json()) == {"data": plain(old)}
    assert new["id"] != old["id"] and new["key"] != old["key"]
    assert end_of(stack, new)[0] == datetime.datetime(2099, 1, 1)
    # A day, when nothing is said.
    left = end_of(stack, old)[0] - datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    assert datetime.timedelta(hours=23, minutes=59) < left <= datetime.timedelta(days=1)
    assert status_of(stack, old["key"]) == status_of(stack, new["key"]) == 200
    ids = {item["id"] for item in live.get("/v1/keys").json()["data"]}
    assert {old["id"], new["id"]} <= ids


def test_the_overlap_ends(stack, tenant):
    _, live, _ = tenant
    old = make(live)
    new = rotate(live, old, overlap_seconds=2)
    assert status_of(stack, old["key"]) == 200
    assert wait_for(lambda: status_of(stack, old["key"]) == 401, 5)
    assert status_of(stack, new["key"]) == 200
    assert live.post(f"/v1/keys/{old['id']}/rotate").json() == NO_KEY


def test_without_an_overlap_it_has_ended_when_answered(stack, tenant):
    _, live, _ = tenant
    for _ in range(3):
        old = make(live)
        with concurrent.futures.ThreadPoolExecutor(8) as crowd:
            assert set(crowd.map(lambda _, key=old["key"]: status_of(stack, key),
                                 range(16))) == {200}
            new = rotate(live, old, overlap_seconds=0)
            codes = list(crowd.map(lambda _, key=old["key"]: status_of(stack, key), range(50)))
        assert set(codes) == {401}
        assert status_of(stack, new["key"]) == 200
        assert end_of(stack, old)[1] == 1


def test_never_longer_than_it_had(stack, tenant):
    _, live, _ = tenant
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=5)
    text = soon.strftime("%Y-%m-%dT%H:%M:%SZ")
    old = make(live, expires_at=text)
    new = rotate(live, old, overlap_seconds=3600)
    assert end_of(stack, old)[0] == end_of(stack, new)[0] == soon.replace(
        microsecond=0, tzinfo=None)


def test_a_key_rotates_itself(stack, tenant):
    app, _, _ = tenant
    old = stack.key(app)
    new = rotate(stack.client(old["key"]), old, overlap_seconds=0)
    assert status_of(stack, old["key"]) == 401 and status_of(stack, new["key"]) == 200


def test_a_secret_takes_its_publishable_along(stack, tenant):
    _, live, _ = tenant
    old = make_kind(live, "secret")
    new = rotate(live, old, overlap_seconds=600)
    assert plain(new) == plain(old)
    assert {status_of(stack, key[name]) for key in (old, new)
            for name in ("key", "publishable_key")} == {403}
    last = rotate(live, new, overlap_seconds=0)
    assert status_of(stack, new["key"]) == status_of(stack, new["publishable_key"]) == 401
    assert status_of(stack, last["key"]) == status_of(stack, last["publishable_key"]) == 403
    # The publishable one alone leaves the secret as it is.
    again = rotate(live, {"id": last["publishable_id"]}, overlap_seconds=0)
    assert again["kind"] == "publishable" and "publishable_key" not in again
    assert status_of(stack, last["publishable_key"]) == 401
    assert status_of(stack, last["key"]) == status_of(stack, again["key"]) == 403
    assert live.delete("/v1/keys/" + last["id"]).status_code == 204
    assert status_of(stack, again["key"]) == 401


def test_partner(stack, tenant):
    _, live, _ = tenant
    old = make_kind(live, "partner")
    new = rotate(live, old)
    assert {**plain(new), "key": ""} == {**plain(old), "key": ""}
    assert status_of(stack, new["key"]) == 200


def test_not_yours_is_not_there(tenant, stranger):
    _, live, sandbox = tenant
    made = make(live)
    for client, key in ((stranger, made["id"]), (sandbox, made["id"]), (live, UNKNOWN),
                        (live, "key_"), (live, "ver_01h455vb4pex5vsknk084sn02q")):
        answer = client.post(f"/v1/keys/{key}/rotate")
        assert answer.status_code == 404 and answer.json() == NO_KEY, key
    assert live.delete("/v1/keys/" + made["id"]).status_code == 204
    assert live.post(f"/v1/keys/{made['id']}/rotate").json() == NO_KEY


def test_nobody_gets_more_than_they_have(stack, tenant):
    app, live, _ = tenant
    small = stack.client(stack.key(app, scopes="keys.write")["key"])
    made = make(live)
    assert small.post(f"/v1/keys/{made['id']}/rotate").json() == FORBIDDEN
    own = next(item for item in live.get("/v1/keys").json()["data"]
               if item["kind"] == "application")
    assert live.post(f"/v1/keys/{own['id']}/rotate").json() == FORBIDDEN
    assert status_of(stack, made["key"]) == 200 and end_of(stack, made) == (None, 0)


@pytest.mark.parametrize("body,field", [
    ({"overlap_seconds": -1}, "overlap_seconds"), ({"overlap_seconds": 604801}, "overlap_seconds"),
    ({"overlap_seconds": "60"}, "overlap_seconds"), ({"overlap_seconds": 1.5}, "overlap_seconds"),
    ({"overlap": 60}, "overlap"),
])
def test_bad_rotation(stack, tenant, body, field):
    _, live, _ = tenant
    made = make(live)
    answer = live.post(f"/v1/keys/{made['id']}/rotate", body)
    assert answer.status_code == 400
    assert [f["field"] for f in answer.json()["error"]["details"]["errors"]] == [field]
    assert end_of(stack, made) == (None, 0)


def test_idempotency(stack, tenant):
    _, live, _ = tenant
    old, other = make(live), make(live)
    headers, before = {"Idempotency-Key": "rotate-1"}, len(live.get("/v1/keys").json()["data"])

    def post(key):
        return live.post(f"/v1/keys/{key['id']}/rotate", {"overlap_seconds": 60}, headers=headers)
    made = post(old)
    again = post(old)
    assert made.status_code == again.status_code == 201 and made.text == again.text
    assert again.headers["Idempotent-Replayed"] == "true"
    # The same body to another key is another request.
    assert post(other).status_code == 422
    assert end_of(stack, other) == (None, 0)
    assert len(live.get("/v1/keys").json()["data"]) == before + 1


def test_in_parallel_each_answer_is_a_key(stack, tenant):
    """Each one locks the key, so none is lost and none is made twice."""
    _, live, _ = tenant
    old = make(live)
    with concurrent.futures.ThreadPoolExecutor(6) as crowd:
        answers = list(crowd.map(
            lambda _: live.post(f"/v1/keys/{old['id']}/rotate", {"overlap_seconds": 0}), range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [404] * 5
    new = next(answer for answer in answers if answer.status_code == 201).json()["data"]
    assert status_of(stack, old["key"]) == 401 and status_of(stack, new["key"]) == 200
    assert CREATE["name"] == new["name"]
