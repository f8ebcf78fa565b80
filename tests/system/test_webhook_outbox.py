# SPDX-License-Identifier: Apache-2.0
"""The outbox: whatever happens at the same time, no event is without its deliveries, no delivery
without the work that brings it, and no work without its delivery; and kill -9 of any part loses
nothing that was acknowledged.

BONAFIDE_LONG=1 makes more events and more kills (tools/check --long)."""

import collections
import os
import random
import signal
import threading
import time

import pytest

from product import LONG, Client, Stack, wait_for
from receiver import Events, Hooks, Receiver, answer, prove_outbox, signed_by, wait_quiet

EVENTS = 20000 if LONG else 1000
KILLS = 50 if LONG else 6
CAP = 4
SETTINGS = ("--set", "egress_allow=127.0.0.0/8", "--set", "lease_s=3", "--set",
            "webhook_timeout_s=2", "--set", "webhook_schedule_s=0,1,1,2,2,5,5,5,10,10,60,60")


@pytest.fixture(scope="module")
def stack():
    with Stack(*SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture()
def hooks(stack, receiver):
    """Of a tenant of its own, so that nothing of an earlier test is in the way."""
    wait_quiet(stack)
    Hooks(stack).forget()
    receiver.clear()
    receiver.rules.clear()
    app, _ = stack.tenant()
    hooks = Hooks(stack, stack.key(app)["key"])
    hooks.key = stack.key(app, "sandbox")["key"]  # what it queues, the built-in provider decides
    return hooks


def verdicts(stack):
    return dict(stack.rows("SELECT status, COUNT(*) FROM delivery GROUP BY status"))


# ---- at the same time ------------------------------------------------------------------------------------

def test_under_load(stack, hooks, receiver):
    """Events from four sides, decided at once and by the batch, with nobody in the way."""
    endpoints = [hooks.create(receiver.url(f"/{n}")) for n in range(3)]
    load = Events(stack, 300, by_batch=5, key=hooks.key).run()
    wait_quiet(stack)
    prove_outbox(stack, endpoints)
    assert len(load.acknowledged) == 300
    for n in range(3):
        got = collections.Counter(request.about for request in receiver.of(f"/{n}"))
        assert set(got) == set(load.acknowledged) and set(got.values()) == {1}


class Meddler(threading.Thread):
    """Does something again and again until the end of the with block."""

    def __init__(self, work, pause_s=0.01):
        super().__init__(daemon=True)
        self.work, self.pause_s = work, pause_s
        self.stopped, self.failure, self.count = threading.Event(), None, 0

    def run(self):
        try:
            while not self.stopped.is_set():
                self.work()
                self.count += 1
                time.sleep(random.uniform(0, self.pause_s))
        except BaseException as failure:  # pylint: disable=broad-except
            self.failure = failure

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join(30)
        if self.failure:
            raise self.failure


def test_while_endpoints_come_go_and_are_switched(stack, hooks, receiver):
    """Enabled, disabled, made and deleted while events arrive: what was always there gets all, what
    was switched gets each at most once, and nothing is left behind."""
    always = hooks.create(receiver.url("/always"))
    switched = [hooks.create(receiver.url(f"/switched{n}")) for n in range(2)]
    seconds = 60 if LONG else 5

    def switch():
        for enabled in (False, True):
            for endpoint in switched:
                hooks.enable(endpoint, enabled)

    def come_and_go():
        endpoint = hooks.create(receiver.url("/brief"))
        time.sleep(random.uniform(0, 0.05))
        hooks.delete(endpoint)

    with Meddler(switch) as switching, Meddler(come_and_go) as coming, \
            Events(stack, 10 ** 6, threads=3, pace_s=0.005, key=hooks.key) as load:
        time.sleep(seconds)
    assert not load.refused, load.refused[:3]
    assert switching.count > 10 and coming.count > 10 and len(load.acknowledged) > 100
    wait_quiet(stack)
    prove_outbox(stack, [always])
    assert verdicts(stack).keys() == {"succeeded"}, verdicts(stack)
    got = collections.Counter(request.about for request in receiver.of("/always"))
    assert set(got) == set(load.acknowledged) and set(got.values()) == {1}
    for n in range(2):
        seen = [request.id for request in receiver.of(f"/switched{n}")]
        assert 0 < len(seen) == len(set(seen))
    assert stack.rows("SELECT COUNT(*) FROM webhook_endpoint") == ((3,),)
    assert stack.rows("SELECT COUNT(*) FROM lane WHERE name LIKE 'wh\\_%%'") == ((3,),)


def test_while_one_disables_itself(stack, hooks, receiver):
    """It answers 410 now and then and is enabled again each time: everything arrives in the end."""
    always = hooks.create(receiver.url("/always"))
    moody = hooks.create(receiver.url("/moody"))
    refused = collections.Counter()

    async def behave(receiver, request, writer):
        gone = random.random() < 0.05
        refused[request.about] += gone
        return await answer(410 if gone else 200)(receiver, request, writer)
    receiver.rule("/moody", behave)

    def wake():
        if stack.rows(f"SELECT disabled FROM webhook_endpoint WHERE id = X'{moody.hex}' "
                      "AND disabled IS NOT NULL"):
            hooks.enable(moody)

    with Meddler(wake, 0.05), Events(stack, 300, pace_s=0.01, key=hooks.key) as load:
        for thread in load.threads:
            thread.join(60)
        receiver.rule("/moody", answer(200))
        time.sleep(0.5)
    if stack.rows(f"SELECT 1 FROM webhook_endpoint WHERE id = X'{moody.hex}' "
                  "AND disabled IS NOT NULL"):
        hooks.enable(moody)
    wait_quiet(stack)
    prove_outbox(stack, [always, moody])
    assert sum(refused.values()) > 3
    answered = collections.Counter(request.about for request in receiver.of("/moody"))
    assert set(answered) == set(load.acknowledged)
    assert all(answered[one] == 1 + refused[one] for one in answered)
    assert verdicts(stack) == {"succeeded": 600}


def test_an_anti_join_finds_what_is_missing(stack, hooks, receiver):
    """That the proof of the other tests can fail."""
    endpoint = hooks.create(receiver.url("/"))
    hooks.event()
    wait_quiet(stack)
    prove_outbox(stack, [endpoint])
    for harm in ("UPDATE delivery SET status = 'pending'", "DELETE FROM delivery_attempt",
                 "DELETE FROM event", "DELETE FROM delivery", "DELETE FROM webhook_endpoint"):
        saved = {table: stack.rows(f"SELECT * FROM {table}") for table in
                 ("delivery", "delivery_attempt", "event", "webhook_endpoint")}
        stack.rows(harm)
        with pytest.raises(AssertionError):
            prove_outbox(stack, [endpoint])
        for table, rows in saved.items():
            stack.rows(f"DELETE FROM {table}")
            for row in rows:
                stack.rows(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})", *row)
        prove_outbox(stack, [endpoint])


# ---- kill -9 -----------------------------------------------------------------------------------------------

def kill_worker(stack):
    rows = Client(stack.url).get("/-/status").json()["workers"]
    os.kill(random.choice(rows)["pid"], signal.SIGKILL)


def kill_pool(stack):
    os.kill(stack.pid("pool"), signal.SIGKILL)
    stack.tool("restart", "pool")


def kill_database(stack):
    os.kill(stack.pid("db"), signal.SIGKILL)
    stack.tool("restart", "db")


def kill_batch(stack):
    """The running bonafide-batch; the stack's loop starts the next."""
    pid = stack.pid("batch-run")
    os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: stack.pid("batch-run") != pid, 10)


KINDS = (kill_batch, kill_database, kill_batch, kill_pool, kill_worker, kill_database)


def test_kills(stack, hooks, receiver):
    """Acknowledged and never received: none. Received twice: no more than were under way at a kill,
    under the same webhook-id each time."""
    endpoints = [hooks.create(receiver.url(f"/{n}")) for n in range(2)]
    for n in range(2):
        receiver.rule(f"/{n}", answer(200, after_s=0.005))
    kinds = (list(KINDS) * KILLS)[:KILLS]
    random.shuffle(kinds)
    pace_s = 0.02 if LONG else 0.04  # so that the stream lasts longer than the kills
    with Events(stack, EVENTS, threads=4, pace_s=pace_s, by_batch=10, key=hooks.key) as load:
        for kill in kinds:
            time.sleep(random.uniform(0.2, 1.0))
            kill(stack)
        for thread in load.threads:
            thread.join(600)
    assert not load.refused, load.refused[:3]
    assert len(load.acknowledged) == EVENTS
    wait_quiet(stack, 120)
    prove_outbox(stack, endpoints)
    prove_received(load, receiver, endpoints, len(kinds))
    assert verdicts(stack) == {"succeeded": 2 * count_events(stack)}


def count_events(stack):
    return stack.rows("SELECT COUNT(*) FROM event")[0][0]


def prove_received(load, receiver, endpoints, kills):
    twice = 0
    for n, endpoint in enumerate(endpoints):
        ids = collections.defaultdict(set)
        got = receiver.of(f"/{n}")
        for request in got:
            ids[request.about].add(request.id)
            assert signed_by(endpoint.secret, request)
        lost = set(load.acknowledged) - set(ids)
        assert not lost, (len(lost), sorted(lost)[:3])
        assert all(len(one) == 1 for one in ids.values()), "one event under two ids"
        twice += len(got) - len(ids)
    assert twice <= kills * CAP * len(endpoints), (twice, kills)
