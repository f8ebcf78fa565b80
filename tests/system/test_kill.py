# SPDX-License-Identifier: Apache-2.0
"""kill -9 during load: no acknowledged verification is lost, stuck, or submitted twice.

BONAFIDE_LONG=1 repeats each kill more often (tools/check --long).
"""

import os
import random
import signal
import time

import pytest

from load import Load
from product import LONG, Client, wait_for

ROUNDS = 20 if LONG else 3
PATIENCE_S = 120


@pytest.fixture(scope="module")
def short_lease_stack():
    """Leases of seconds instead of minutes, so that a killed batch's work comes back soon."""
    from product import Stack
    with Stack("--set", "lease_s=5", "--set", "webhook_timeout_s=4") as running:
        yield running


def workers(stack):
    status = Client(stack.url).get("/-/status").json()
    return [row["pid"] for row in status["workers"]]


def kill_worker(stack):
    os.kill(random.choice(workers(stack)), signal.SIGKILL)


def kill_part(part):
    def kill(stack):
        os.kill(stack.pid(part), signal.SIGKILL)
        stack.tool("restart", part)
    return kill


def kill_batch(stack):
    """The running bonafide-batch; the stack's cron starts the next."""
    pid = stack.pid("batch")
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    for child in children or [str(pid)]:
        os.kill(int(child), signal.SIGKILL)
    stack.tool("restart", "batch")


KILLS = {"worker": kill_worker, "master": kill_part("pool"), "batch": kill_batch,
         "database": kill_part("db")}


def pending(stack):
    return stack.rows("SELECT COUNT(*) FROM verification WHERE status = 'pending'")[0][0]


def prove(stack, load):
    """Nothing refused, nothing lost, nothing stuck, nothing asked twice, everything counted."""
    assert not load.refused, load.refused[:3]
    assert load.acknowledged
    assert wait_for(lambda: pending(stack) == 0, PATIENCE_S), \
        f"{pending(stack)} stuck; work: {stack.rows('SELECT kind, COUNT(*) FROM work GROUP BY 1')}"
    known = {row[0]: row[1] for row in stack.rows(
        "SELECT external_ref, COUNT(*) FROM verification WHERE external_ref LIKE 'load-%%' "
        "GROUP BY external_ref")}
    for ver, number in load.acknowledged.items():
        assert known.get(f"load-{number}") == 1, (ver, number, known.get(f"load-{number}"))
    statuses = stack.rows("SELECT status, COUNT(*) FROM verification WHERE external_ref LIKE "
                          "'load-%%' GROUP BY status")
    assert dict(statuses) == {"approved": sum(known.values())}
    prove_asked_once(stack)
    prove_counters(stack)
    prove_tokens(stack)
    assert stack.rows("SELECT COUNT(*) FROM work") == ((0,),)


def prove_asked_once(stack):
    tries = stack.rows("SELECT COUNT(*) FROM provider_job WHERE try > 1")
    assert tries == ((0,),)
    jobs = stack.jobs()
    jobs = jobs["jobs"] if isinstance(jobs, dict) and "jobs" in jobs else jobs
    rows = jobs.values() if isinstance(jobs, dict) else jobs
    paid = [job for job in rows if job["accepted_count"] > 1]
    assert not paid, paid[:2]


def prove_counters(stack):
    """The slotted counters say exactly what counting the rows says."""
    counted = dict(stack.rows("SELECT CONCAT(HEX(application_id), environment, status), COUNT(*) "
                              "FROM verification GROUP BY 1"))
    summed = dict(stack.rows("SELECT CONCAT(HEX(application_id), environment, status), "
                             "CAST(SUM(n) AS SIGNED) FROM counter WHERE name = 'verification' "
                             "GROUP BY 1 HAVING SUM(n) <> 0"))
    assert summed == counted
    events = stack.rows("SELECT COUNT(*) FROM usage_event WHERE event_type = 'kyc.verification'")
    assert events == stack.rows("SELECT COUNT(*) FROM verification")


def prove_tokens(stack):
    """Each live verification was paid once, nothing else was, and the history is the balance."""
    wrong = stack.rows("SELECT COUNT(*) FROM token_balance b WHERE b.balance <> (SELECT "
                       "COALESCE(SUM(e.delta), 0) FROM token_entry e "
                       "WHERE e.organization_id = b.organization_id)")
    assert wrong == ((0,),)
    paid = stack.rows("SELECT COUNT(*), COUNT(DISTINCT subject_id), CAST(-SUM(delta) AS SIGNED) "
                      "FROM token_entry WHERE kind = 'verification' AND id > "
                      "(SELECT COALESCE(MAX(id), '') FROM token_entry WHERE note = 'a round')")[0]
    made = stack.rows("SELECT COUNT(*) FROM verification WHERE environment = 'live'")[0][0]
    spent = stack.rows("SELECT CAST(SUM(tokens) AS SIGNED) FROM usage_event")[0][0]
    assert paid == (made, made, made) and spent == made


@pytest.mark.parametrize("what", list(KILLS))
def test_kill(short_lease_stack, what):
    stack = short_lease_stack
    for _ in range(ROUNDS):
        stack.sim("DELETE", "/_sim/jobs")
        stack.rows("DELETE FROM verification WHERE external_ref LIKE 'nobody'")
        with Load(stack, threads=4, most=400, pace_s=0.01) as load:
            time.sleep(random.uniform(0.2, 1.2))
            KILLS[what](stack)
            time.sleep(random.uniform(0.5, 1.0))
        prove(stack, load)
        clean(stack)


def clean(stack):
    """The next round counts from nothing."""
    for table in ("usage_event", "provider_job", "provider_callback", "score", "counter",
                  "idempotency", "verification"):
        stack.rows(f"DELETE FROM {table}")
    stack.cli("tokens", "add", stack.env["BONAFIDE_ORG"], "1", "--note", "a round")


def test_a_killed_pool_leaves_no_worker_behind(short_lease_stack):
    stack = short_lease_stack
    pids = workers(stack)
    KILLS["master"](stack)
    assert wait_for(lambda: not any(os.path.exists(f"/proc/{pid}/exe") for pid in pids), 10)


def test_two_batches_at_once_ask_once(short_lease_stack):
    stack = short_lease_stack
    stack.sim("DELETE", "/_sim/jobs")
    with Load(stack, threads=4, most=200) as load:
        for thread in load.threads:
            thread.join(60)
        first = stack.batch("--once", check=False)
        second = stack.batch("--once", check=False)
    assert first.returncode == 0 and second.returncode == 0
    prove(stack, load)
    clean(stack)
