# SPDX-License-Identifier: Apache-2.0
"""Idempotency-Key through crashes and time: a worker or the database killed just before, in and just
after the commit, and the same request again: one effect, and the answer that it had.

BONAFIDE_LONG=1 kills the database for every route too (tools/check --long)."""

import os
import re
import signal
import threading
from pathlib import Path

import pytest
import requests

from creators import KINDS, Creator, new_key, traces
from db_proxy import CommitProxy
from product import LONG, Stack, person, wait_for
from receiver import batch_end, batch_start

HOUR_MS = 3600 * 1000
BROKEN = (0, 502, 503)  # no connection, and what web servers say of one to the pool


@pytest.fixture(scope="module")
def stack():
    # No daily quota: fetching a block of it is a commit of its own.
    with Stack("--no-batch", "--set", "crash_limit_per_min=500", "--set",
               "daily_requests=0") as running:
        yield running


@pytest.fixture(scope="module")
def proxy(stack):
    """The pool's way to its database, from now on."""
    path = stack.dir / "run" / "commit.sock"
    with CommitProxy(path, stack.env["BONAFIDE_DB_SOCKET"]) as running:
        conf = Path(stack.conf)
        conf.write_text(re.sub("(?m)^db_socket = .*$", f"db_socket = {path}", conf.read_text()))
        stack.tool("restart", "pool")
        yield running
        assert running.failure is None, running.failure


def make(stack, kind):
    app, _ = stack.tenant("Careful")
    creator = Creator(kind, stack.client(stack.key(app)["key"]))
    creator.app = app
    return creator


def is_committed(stack, key):
    return stack.rows("SELECT COUNT(*) FROM idempotency WHERE key_hash = UNHEX(SHA2(%s, 256)) "
                      "AND status <> 0", key)[0][0] == 1


def ask(creator, key):
    """One try. The status, 0 when the connection broke."""
    try:
        return creator.post(key=key, timeout=30).status_code
    except requests.RequestException:
        return 0


def ask_until_answered(creator, key, seconds=20):
    """What the manual tells clients to do."""
    def look():
        try:
            answer = creator.post(key=key, timeout=30)
        except requests.RequestException:
            return None
        return answer if answer.status_code not in (409, 502, 503, 504) else None
    answer = wait_for(look, seconds, 0.2)
    assert answer is not None, "no answer"
    return answer


def prove_one_effect(stack, creator, key, before, answer):
    """Once and no more, with the tokens it cost; and now every answer is the same."""
    assert answer.status_code in (200, 201, 202), answer.text
    after = traces(stack, creator.app)
    changes = [new - old for new, old in zip(after, before) if isinstance(new, int) and new != old]
    assert changes and set(changes) == {1}, (before, after)
    again = creator.post(key=key)
    assert again.text == answer.text and again.headers["Idempotent-Replayed"] == "true"
    assert traces(stack, creator.app) == after
    assert stack.rows("SELECT COUNT(*) FROM token_balance b WHERE b.balance <> (SELECT SUM(e.delta) "
                      "FROM token_entry e WHERE e.organization_id = b.organization_id)") == ((0,),)


def kill_worker(pid):
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_killed_between_effect_and_answer(stack, proxy, kind):
    creator, key = make(stack, kind), new_key()
    before, seen = traces(stack, creator.app), []

    def at_commit(pid, send):
        send()
        seen.append(bool(wait_for(lambda: is_committed(stack, key), 20, 0.01)))
        kill_worker(pid)
    proxy.at_commit = at_commit
    assert ask(creator, key) in BROKEN
    assert seen == [True]
    effect = traces(stack, creator.app)
    answer = ask_until_answered(creator, key)
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert traces(stack, creator.app) == effect
    prove_one_effect(stack, creator, key, before, answer)


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_killed_before_the_commit(stack, proxy, kind):
    creator, key = make(stack, kind), new_key()
    before = traces(stack, creator.app)
    proxy.at_commit = lambda pid, _send: kill_worker(pid)
    assert ask(creator, key) in BROKEN
    assert traces(stack, creator.app) == before
    answer = ask_until_answered(creator, key)
    assert "Idempotent-Replayed" not in answer.headers
    prove_one_effect(stack, creator, key, before, answer)


@pytest.mark.parametrize("kind", KINDS if LONG else ("verify", "key"))
@pytest.mark.parametrize("moment", ["in", "behind"])
def test_the_database_killed_at_the_commit(stack, proxy, kind, moment):
    creator, key = make(stack, kind), new_key()
    before, gone = traces(stack, creator.app), threading.Event()

    def at_commit(_pid, send):
        send()
        if moment == "behind":
            assert wait_for(lambda: is_committed(stack, key), 20, 0.01)
        os.kill(stack.pid("db"), signal.SIGKILL)
        gone.set()
    proxy.at_commit = at_commit
    assert ask(creator, key) in BROKEN
    assert gone.wait(30)
    stack.tool("restart", "db")
    answer = ask_until_answered(creator, key)
    if moment == "behind":
        assert answer.headers["Idempotent-Replayed"] == "true"
    prove_one_effect(stack, creator, key, before, answer)


def test_an_uncertain_commit_is_503(stack, proxy):
    """Told apart from a refusal: the client is asked to try again, which is safe with its key."""
    creator, key = make(stack, "verify"), new_key()
    before = traces(stack, creator.app)

    def at_commit(_pid, send):
        send()
        assert wait_for(lambda: is_committed(stack, key), 20, 0.01)
        raise ConnectionError("the proxy hangs up")
    proxy.at_commit = at_commit
    answer = creator.post(key=key)
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    again = ask_until_answered(creator, key)
    assert again.headers["Idempotent-Replayed"] == "true"
    prove_one_effect(stack, creator, key, before, again)


def restart_pool(stack, offset_ms):
    os.environ["BONAFIDE_CLOCK_OFFSET_MS"] = str(offset_ms)
    try:
        stack.tool("restart", "pool")
    finally:
        del os.environ["BONAFIDE_CLOCK_OFFSET_MS"]


def test_kept_for_a_day_then_forgotten(fresh_stack):
    stack = fresh_stack
    creator, key = make(stack, "sandbox"), new_key()
    first = creator.post(key=key)
    restart_pool(stack, 24 * HOUR_MS - 60_000)
    assert creator.post(key=key).text == first.text
    batch_end(batch_start(stack, "--once", offset_ms=24 * HOUR_MS - 60_000))
    assert is_committed(stack, key)
    # A day on it is another request, whether or not the batch has been there.
    restart_pool(stack, 24 * HOUR_MS + 1000)
    second = creator.post(key=key, body=person(external_ref="next day"))
    assert second.status_code == 200 and second.text != first.text
    assert "Idempotent-Replayed" not in second.headers
    assert creator.post(key=key, body=person(external_ref="next day")).text == second.text
    batch_end(batch_start(stack, "--once", offset_ms=49 * HOUR_MS))
    assert not is_committed(stack, key)


def test_the_time_kept_is_a_setting():
    with Stack("--no-batch", "--set", "idempotency_ttl_h=1") as stack:
        creator, key = make(stack, "sandbox"), new_key()
        first = creator.post(key=key)
        assert creator.post(key=key).text == first.text
        restart_pool(stack, HOUR_MS + 1000)
        assert creator.post(key=key).text != first.text
