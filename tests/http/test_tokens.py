# SPDX-License-Identifier: Apache-2.0
"""What an organisation has to spend: paying, 402, usage, and being told of a low balance."""

import concurrent.futures
import itertools
import uuid

import pytest

from product import canned, person, plain, settled, wait_for
from receiver import signed_by

NO_TOKENS = {"error": {"code": "INSUFFICIENT_TOKENS", "message": "The token balance is too low.",
                       "details": {}}}
LOW = 100  # the setting's default
numbers = itertools.count(7_000_000)


class Tenant:
    """An application, its organisation and its clients, with so many tokens."""

    def __init__(self, stack, tokens):
        self.stack = stack
        self.app, self.org = stack.tenant("Spender", tokens=tokens)
        self.key = stack.key(self.app)["key"]
        self.live = stack.client(self.key)
        self.sandbox = stack.client(stack.key(self.app, environment="sandbox")["key"])

    @property
    def balance(self):
        return self.stack.cli("tokens", "show", self.org, "--json")["balance"]

    def add(self, tokens, *more):
        self.stack.cli("tokens", "add", self.org, str(tokens), *more)

    def history(self):
        """Oldest first; it must chain up to the balance."""
        rows = self.stack.cli("tokens", "history", self.org, "--limit", "10000", "--json")[::-1]
        last = 0
        for row in rows:
            assert row["balance"] == last + row["delta"] >= 0
            last = row["balance"]
        assert last == self.balance
        return rows

    def traces(self):
        """How many rows there are of all that a paid request makes."""
        application = "(SELECT id FROM application WHERE organization_id = (SELECT organization_id " \
                      "FROM application ORDER BY id DESC LIMIT 1))"
        counts = [self.stack.rows(f"SELECT COUNT(*) FROM {table} WHERE application_id IN {application}")
                  for table in ("verification", "usage_event", "score", "event", "idempotency",
                                "token_entry")]
        counts.append(self.stack.rows("SELECT COALESCE(SUM(n), 0) FROM counter "
                                      f"WHERE application_id IN {application}"))
        counts.append(self.stack.rows("SELECT COUNT(*) FROM work w JOIN verification v "
                                      f"ON v.id = w.subject_id WHERE v.application_id IN {application}"))
        return [int(rows[0][0]) for rows in counts]


@pytest.fixture()
def spender(stack):
    return lambda tokens: Tenant(stack, tokens)


def verify(client, key=None, **change):
    """Of a number of its own, because the provider blocks one that is asked too often."""
    change.setdefault("id_number", f"{next(numbers):010d}0")
    return client.post("/v1/kyc/verify", canned(**change),
                       headers={"Idempotency-Key": key} if key else {})


def usage(client):
    return [(item["event_type"], item["tokens"]) for item in client.get("/v1/usage").json()["data"]]


def test_each_verification_and_score_is_paid(spender):
    tenant = spender(10)
    first = verify(tenant.live, score_requested=True).json()["data"]["id"]
    second = verify(tenant.live).json()["data"]["id"]
    settled(tenant.live, first), settled(tenant.live, second)
    for _ in range(2):  # a score that is kept costs nothing more
        for ver in (first, second):
            assert tenant.live.post("/v1/score/get", {"verificationId": ver}).status_code == 200
    assert tenant.balance == 6
    assert sorted(usage(tenant.live)) == [("kyc.score", 1), ("kyc.score", 1),
                                          ("kyc.verification", 1), ("kyc.verification", 1)]
    paid = [(row["kind"], row["delta"], row["subject_id"]) for row in tenant.history()]
    assert paid == [("topup", 10, None), ("verification", -1, first), ("score", -1, first),
                    ("verification", -1, second), ("score", -1, second)]


def test_the_sandbox_is_free(spender):
    tenant = spender(0)
    for client in (tenant.live, tenant.sandbox):
        ver = client.post("/v1/kyc/sandbox/verify", person()).json()["data"]["id"]
        assert client.post("/v1/score/get", {"verificationId": ver}).status_code == 200
    ver = tenant.sandbox.post("/v1/kyc/verify", person(score_requested=True))
    assert ver.status_code == 202
    settled(tenant.sandbox, ver.json()["data"]["id"])
    assert {tokens for _, tokens in usage(tenant.live)} == {0}
    assert tenant.history() == []


def test_too_low_makes_nothing(spender):
    tenant = spender(1)
    for body in ({"score_requested": True}, {}):
        if not body:
            assert verify(tenant.live).status_code == 202
            settled(tenant.live, tenant.live.get("/v1/kyc/verifications").json()["data"][0]["id"])
        before = tenant.traces()
        for _ in range(2):
            answer = verify(tenant.live, key="k" + str(body), id_number="10000000000", **body)
            assert answer.status_code == 402
            assert answer.json() == NO_TOKENS
            assert "Idempotent-Replayed" not in answer.headers
        assert tenant.traces() == before
    assert tenant.balance == 0


def test_topping_up_makes_the_same_key_good(spender):
    tenant = spender(0)
    same = {"key": "k", "id_number": "10000000000"}
    assert verify(tenant.live, **same).status_code == 402
    tenant.add(1)
    good = verify(tenant.live, **same)
    assert good.status_code == 202 and "Idempotent-Replayed" not in good.headers
    again = verify(tenant.live, **same)
    assert again.text == good.text and again.headers["Idempotent-Replayed"] == "true"
    assert tenant.balance == 0 and len(tenant.history()) == 2


def test_a_score_that_cannot_be_paid(spender):
    tenant = spender(1)
    ver = verify(tenant.live).json()["data"]["id"]
    settled(tenant.live, ver)
    before = tenant.traces()
    answer = tenant.live.post("/v1/score/get", {"verificationId": ver},
                              headers={"Idempotency-Key": "s"})
    assert (answer.status_code, answer.json()) == (402, NO_TOKENS)
    assert tenant.traces() == before
    assert tenant.live.get("/v1/kyc/verifications/" + ver).json()["data"]["score"] is None
    tenant.add(1)
    assert tenant.live.post("/v1/score/get", {"verificationId": ver},
                            headers={"Idempotency-Key": "s"}).status_code == 200
    assert tenant.balance == 0


def test_another_organisation_does_not_pay(spender):
    poor, rich = spender(0), spender(5)
    assert verify(poor.live).status_code == 402
    assert verify(rich.live).status_code == 202
    assert (poor.balance, rich.balance) == (0, 4)


def test_applications_share_a_balance(stack, spender):
    tenant = spender(1)
    app = stack.cli("app", "create", "--org", tenant.org, "second", "--json")["id"]
    second = stack.client(stack.key(app)["key"])
    assert verify(second).status_code == 202
    assert verify(tenant.live).status_code == 402
    assert tenant.history()[-1]["application_id"] == app


def crowd(stack, key, count, post):
    """So many at once, each on a connection of its own."""
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        return list(pool.map(lambda number: post(stack.client(key), number), range(count)))


def test_the_last_tokens_are_spent_once(stack, spender):
    tenant = spender(37)
    answers = crowd(stack, tenant.key, 100, lambda client, _: verify(client))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(202) == 37 and statuses.count(402) == 63
    assert tenant.balance == 0 and len(tenant.history()) == 38
    assert tenant.live.get("/v1/kyc/verifications").json()["meta"]["total"] == 37
    assert tenant.live.get("/v1/usage").json()["meta"]["total"] == 37


def test_refused_at_once_under_one_key(stack, spender):
    """However many they are, each is told the reason, and the key stays good. One that met others
    in a deadlock four times in a row is asked to try later (design section 5)."""
    tenant = spender(0)
    answers = crowd(stack, tenant.key, 60,
                    lambda client, _: verify(client, key="k", id_number="10000000010"))
    assert {answer.status_code for answer in answers} <= {402, 409, 503}
    assert sum(answer.status_code == 503 for answer in answers) <= 1
    tenant.add(5)
    answers = crowd(stack, tenant.key, 60,
                    lambda client, _: verify(client, key="k", id_number="10000000010"))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert tenant.balance == 4


def hook(client, url, **more):
    reply = client.post("/v1/webhooks", {"url": url, "events": ["billing.low_balance"], **more})
    assert reply.status_code == 201, reply.text
    return reply.json()["data"]


def test_a_hundred_across_the_line_are_one_crossing(stack, spender, receiver):
    tenant = spender(LOW + 50)
    made = hook(tenant.live, receiver.url("/low"))
    answers = crowd(stack, tenant.key, 100, lambda client, _: verify(client))
    assert {answer.status_code for answer in answers} == {202}
    assert tenant.balance == LOW - 50 and len(tenant.history()) == 101
    assert wait_for(lambda: receiver.of("/low"), 20)
    request = receiver.of("/low")[0]
    assert signed_by(made["secret"], request)
    assert list(request.event) == ["event", "type", "data", "timestamp"]
    assert plain(request.event) == {
        "event": "billing.low_balance", "type": "billing.low_balance", "timestamp": "<time>",
        "data": {"organization_id": "<org>", "balance": LOW - 1, "threshold": LOW}}
    assert request.event["data"]["organization_id"] == tenant.org
    # Topping up and coming down again is told again, and now twice is all there is.
    tenant.add(50)
    assert verify(tenant.live).status_code == 202
    assert wait_for(lambda: len(receiver.of("/low")) == 2, 20)
    events = tenant.live.get("/v1/webhooks/events?type=billing.low_balance").json()["data"]
    assert len(events) == 2
    assert {(event["trigger_type"], event["trigger_id"]) for event in events} == \
        {("organization", tenant.org)}
    assert len({request.id for request in receiver.of("/low")}) == 2


def test_corrections_are_told_of_and_each_application(stack, spender, receiver):
    tenant = spender(LOW)
    app = stack.cli("app", "create", "--org", tenant.org, "second", "--json")["id"]
    hook(tenant.live, receiver.url("/one"))
    hook(stack.client(stack.key(app)["key"]), receiver.url("/two"))
    hook(tenant.sandbox, receiver.url("/sandbox"))
    tenant.add(-1, "--correct", "--note", "a mistake")
    assert wait_for(lambda: receiver.of("/one") and receiver.of("/two"), 20)
    assert not receiver.of("/sandbox")
    assert tenant.history()[-1]["note"] == "a mistake"


def test_a_payment_does_not_tie_tenants_together(stack, spender):
    """While one organisation's balance is locked, others go on."""
    held, free = spender(5), spender(5)
    connection = stack.database()
    try:
        connection.begin()
        with connection.cursor() as cursor:
            cursor.execute("SELECT balance FROM token_balance WHERE organization_id = (SELECT "
                           "organization_id FROM application ORDER BY id DESC LIMIT 1 OFFSET 1) "
                           "FOR UPDATE")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(verify, stack.client(held.key), str(uuid.uuid4()))
            assert verify(free.live).status_code == 202
            assert not waiting.done()
            connection.rollback()
            assert waiting.result(30).status_code == 202
    finally:
        connection.close()
