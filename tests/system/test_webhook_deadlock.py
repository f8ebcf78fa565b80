# SPDX-License-Identifier: Apache-2.0
"""Transactions over endpoints that InnoDB ends as the victim of a deadlock: done again at once, as a
whole, and unseen by the client. The other side of each deadlock is a session of the test's own, made
heavy so that InnoDB spares it."""

import contextlib
import threading
import time

import pytest

from product import Stack, person
from receiver import Hooks, batch_run, prove_outbox


@pytest.fixture(scope="module")
def stack():
    """One worker, so that what follows goes over the connection that was the victim."""
    with Stack("--no-batch", "--set", "egress_allow=127.0.0.0/8", workers=1) as running:
        running.rows("CREATE TABLE ballast (n INT) ENGINE=InnoDB")
        yield running


@pytest.fixture()
def hooks(stack):
    hooks = Hooks(stack)
    hooks.forget()
    hooks.pair = [hooks.create("http://127.0.0.1:9999/") for _ in range(2)]
    for _ in range(2):  # every statement is prepared, as in a worker that has been up for long
        hooks.enable(hooks.pair[0], False)
        hooks.enable(hooks.pair[0])
        hooks.event()
    stack.rows("DELETE FROM webhook_task")
    stack.rows("DELETE FROM work WHERE kind = 'webhook_task'")
    return hooks


def in_a_deadlock(stack, first, then, call):
    """What call() answers, and in how many seconds, when the rows of first are locked before it and
    those of then while it waits for them."""
    with contextlib.closing(stack.database()) as connection, connection.cursor() as cursor:
        connection.begin()
        cursor.execute("INSERT INTO ballast SELECT seq FROM seq_1_to_2000")
        cursor.execute(first)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(call()), daemon=True)
        began = time.monotonic()
        thread.start()
        waiting = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        time.sleep(0.25)  # the table is as it was when somebody read it 0.1 s ago
        while stack.rows(waiting) == ((0,),):
            assert time.monotonic() < began + 5, "it did not wait for the locked row"
            time.sleep(0.25)
        victims = "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'"
        before = int(stack.rows(victims)[0][1])
        cursor.execute(then)
        assert int(stack.rows(victims)[0][1]) == before + 1, "there was no deadlock"
        connection.commit()
        thread.join(40)
    assert answers, "no answer in 40 s"
    return answers[0], time.monotonic() - began


def locked(endpoint):
    return f"SELECT 1 FROM webhook_endpoint WHERE id = X'{endpoint.hex}' FOR UPDATE"


def touched(endpoint):
    return f"UPDATE webhook_endpoint SET description = 'y' WHERE id = X'{endpoint.hex}'"


def test_an_event(stack, hooks):
    """The list of subscribers, which locks, breaks off between its first row and its second."""
    first, second = hooks.pair
    answer, seconds = in_a_deadlock(
        stack, locked(second), touched(first),
        lambda: hooks.client.post("/v1/kyc/sandbox/verify", person()))
    assert answer.status_code == 200, answer.text
    assert seconds < 3, f"{seconds:.1f} s: it waited for an answer that does not come"
    assert hooks.event()["status"] == "approved"
    prove_outbox(stack, hooks.pair)


def test_an_endpoint_that_is_made(stack, hooks):
    first, second = hooks.pair
    answer, seconds = in_a_deadlock(
        stack, locked(second), touched(first),
        lambda: hooks.client.post("/v1/webhooks", {"url": "https://127.0.0.1:9999/",
                                                   "events": ["verification.failed"]}))
    assert answer.status_code == 201, answer.text
    assert seconds < 3
    assert stack.rows("SELECT COUNT(*) FROM webhook_endpoint") == ((3,),)


def test_nothing_behind_it_is_committed(stack, hooks):
    """Statements that were sent behind the victim before it was known: none of them stays."""
    first, _ = hooks.pair
    hooks.enable(first, False)
    path = "/v1/webhooks/endpoints/" + first.other_id
    answer, _ = in_a_deadlock(
        stack, f"SELECT 1 FROM lane WHERE name = '{first.id}' FOR UPDATE", touched(first),
        lambda: hooks.client.call("PATCH", path, json={"enabled": True}))
    assert answer.status_code == 200, answer.text
    assert stack.rows("SELECT kind, COUNT(*) FROM webhook_task GROUP BY kind") == (
        ("release", 1),), "enabled once, released twice: a part of the first try was committed"


def test_a_batch_that_settles(stack, hooks):
    """The victim is the batch, between its attempt and its delivery."""
    first, _ = hooks.pair
    for table in ("work", "delivery_attempt", "delivery", "event", "verification"):
        stack.rows(f"DELETE FROM {table}")
    hooks.event()
    work = f"SELECT 1 FROM work WHERE lane = '{first.id}' FOR UPDATE"
    delivery = f"SELECT 1 FROM delivery WHERE endpoint_id = X'{first.hex}' FOR UPDATE"
    run, seconds = in_a_deadlock(stack, delivery, work, lambda: batch_run(stack))
    assert run.line["later"] == 2 and seconds < 5, run.text
    prove_outbox(stack, hooks.pair)
    assert stack.rows("SELECT attempt_count, attempts_total FROM delivery") == ((1, 1), (1, 1))


