# SPDX-License-Identifier: Apache-2.0
"""Many batches and many receivers beside each other: nothing is sent twice, no endpoint gets more
connections or a faster pace than it should, and none waits for another that hangs."""

import os
import signal
import time

import pytest

from product import LONG, Stack, wait_for
from receiver import (Events, Hooks, Receiver, answer, attempts, batch_end, batch_run, batch_start,
                      deliveries, hang, prove_outbox, signed_by, wait_quiet)

CAP = 4
FAST = ("--once", "--only", "delivery")
EGRESS = ("--set", "egress_allow=127.0.0.0/8")


@pytest.fixture(scope="module")
def stack():
    with Stack("--no-batch", *EGRESS, "--set", "max_requests=0") as running:
        yield running


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture()
def hooks(stack, receiver):
    hooks = Hooks(stack)
    hooks.forget()
    receiver.clear()
    receiver.rules.clear()
    return hooks


def together(stack, count, timeout=60, **more):
    """So many batches at once, until nothing is left to do."""
    started = [batch_start(stack, "--linger", "3600", "--only", "delivery", **more)
               for _ in range(count)]
    try:
        wait_quiet(stack, timeout)
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        runs = [batch_end(process) for process in started]
    return runs


# ---- once --------------------------------------------------------------------------------------------------

def test_four_batches_send_nothing_twice(stack, hooks, receiver):
    paths, events = (50, 2000) if LONG else (10, 200)
    endpoints = {f"/{n}": hooks.create(receiver.url(f"/{n}")) for n in range(paths)}
    key = stack.env["BONAFIDE_LIVE_KEY"]
    load = Events(stack, events, key=key).run()
    runs = together(stack, 4, timeout=1200)
    assert len(load.acknowledged) == events
    seen = [(request.path, request.id) for request in receiver.requests]
    assert len(seen) == len(set(seen)) == paths * events, (len(seen), len(set(seen)))
    assert all(signed_by(endpoints[request.path].secret, request) for request in receiver.requests)
    assert sum(run.line["delivered"] for run in runs) == paths * events
    assert sum(run.line["stale"] for run in runs) == 0
    assert sum(run.line["delivered"] > 0 for run in runs) > 1, "they did not share the work"
    assert {(row.status, row.attempts_total) for row in deliveries(stack)} == {("succeeded", 1)}
    prove_outbox(stack, endpoints.values())


def test_a_batch_that_slept_past_its_lease():
    """Stopped with an answer under way, continued after another has taken over: its late end is
    refused, and there is one attempt."""
    with Stack("--no-batch", *EGRESS, "--set", "lease_s=2", "--set",
               "webhook_timeout_s=1") as stack, Receiver() as receiver:
        hooks = Hooks(stack)
        for n in range(3):
            hooks.create(receiver.url(f"/{n}"))
            receiver.rule(f"/{n}", answer(200, after_s=0.6))
        hooks.event()
        slow = batch_start(stack, *FAST)
        assert wait_for(lambda: len(receiver.requests) == 3, 10, 0.01)
        os.kill(slow.pid, signal.SIGSTOP)
        try:
            early = batch_run(stack)
            assert early.line["claimed"] == 0, "taken over before the lease was over"
            time.sleep(2.1)
            other = batch_run(stack)
        finally:
            os.kill(slow.pid, signal.SIGCONT)
        late = batch_end(slow)
        assert other.line["delivered"] == 3 and late.line["delivered"] == 0
        assert late.line["stale"] == 3 and late.text.count("the lease was lost") == 3
        assert len(receiver.requests) == 6 and len({one.id for one in receiver.requests}) == 1
        assert {(row.status, row.attempts_total) for row in deliveries(stack)} == {
            ("succeeded", 1)}
        assert len(attempts(stack)) == 3
        prove_outbox(stack)


def test_once_ends_when_nothing_is_due(stack, hooks, receiver):
    """Not before, though the four that may be under way all end in the same moment."""
    hooks.create(receiver.url("/"))
    receiver.rule("/", answer(200, after_s=0.05))
    for _ in range(20):
        hooks.event()
    run = batch_run(stack)
    assert run.line["delivered"] == len(receiver.of("/")) == 20, run.line


# ---- caps --------------------------------------------------------------------------------------------------

def test_connections_to_one_endpoint(stack, hooks, receiver):
    """Never more than four at once, over two batches; but four."""
    endpoints = [hooks.create(receiver.url(f"/{n}")) for n in range(3)]
    for n in range(3):
        # Long enough that the batch which comes up later finds some, too.
        receiver.rule(f"/{n}", answer(200, after_s=0.2))
    for _ in range(60):
        hooks.event()
    runs = together(stack, 2)
    for n, endpoint in enumerate(endpoints):
        assert len(receiver.of(f"/{n}")) == 60
        assert receiver.peak[f"/{n}"] == CAP, receiver.peak
        assert all(row.status == "succeeded" for row in deliveries(stack, endpoint))
    assert all(run.line["delivered"] > 0 for run in runs), "one had nothing to do"


def test_another_cap(stack, hooks, receiver):
    path = stack.dir / "cap.conf"
    path.write_text(open(stack.conf).read() + "webhook_connections = 2\n")
    path.chmod(0o600)
    hooks.create(receiver.url("/"))
    receiver.rule("/", answer(200, after_s=0.03))
    for _ in range(20):
        hooks.event()
    together(stack, 2, conf=path)
    assert len(receiver.of("/")) == 20 and receiver.peak["/"] == 2


def test_a_pace(stack, hooks, receiver):
    """rate_per_s holds over two batches, and does not hold up the endpoint beside it."""
    paced, free = hooks.create(receiver.url("/paced")), hooks.create(receiver.url("/free"))
    reply = hooks.client.call("PATCH", "/v1/webhooks/endpoints/" + paced.other_id,
                              json={"rate_per_second": 10})
    assert reply.status_code == 200, reply.text
    for _ in range(40):
        hooks.event()
    together(stack, 2)
    times = sorted(request.at for request in receiver.of("/paced"))
    assert len(times) == 40 and len(receiver.of("/free")) == 40
    # A claim of four stands for 0.4 s; a window of a second may begin in the middle of one.
    fullest = max(sum(start <= at < start + 1 for at in times) for start in times)
    assert fullest <= 10 + CAP, fullest
    assert 3.2 <= times[-1] - times[0] <= 6, times[-1] - times[0]
    assert max(request.at for request in receiver.of("/free")) - times[0] < 3
    assert all(row.status == "succeeded" for row in deliveries(stack, free))


# ---- fair --------------------------------------------------------------------------------------------------

def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def waits(hooks, receiver, count, every_s):
    """From the answer to the API until the receiver has it, in seconds."""
    accepted = {}
    for _ in range(count):
        accepted[hooks.event()["id"]] = time.time()
        time.sleep(every_s)
    assert wait_for(lambda: len(receiver.of("/healthy")) >= count, 20)
    return [request.at - accepted[request.about] for request in receiver.of("/healthy")]


@pytest.mark.parametrize("kind", ["hang", "not accepting"])
def test_fifty_that_hang_do_not_delay_a_healthy_one(stack, hooks, receiver, kind):
    """Another tenant's deliveries are there within two seconds, though fifty endpoints with many
    due deliveries each take all the time they may; and each of those has its turn as well."""
    due, seconds = (1000, 60) if LONG else (40, 6)
    conf = stack.dir / "patient.conf"
    conf.write_text(open(stack.conf).read() + f"webhook_timeout_s = {15 if LONG else 4}\n")
    conf.chmod(0o600)
    with Receiver(on_connect=hang if kind == "not accepting" else None) as hanging:
        for n in range(50):
            hooks.create(hanging.url(f"/{n}"), ["verification.failed"])
            hanging.rule(f"/{n}", hang)
        for _ in range(due):
            hooks.event(id_number="1000000000001")
        app, _ = stack.tenant()
        other = Hooks(stack, stack.key(app)["key"])
        healthy = other.create(receiver.url("/healthy"))
        process = batch_start(stack, "--linger", "3600", "--only", "delivery", conf=conf)
        try:
            if kind == "hang":
                assert wait_for(lambda: len(hanging.requests) >= 50, 10)
            else:
                assert wait_for(lambda: hanging.connections >= 50, 10)
            took = waits(other, receiver, int((seconds - 2) * 20), 0.05)
        finally:
            process.send_signal(signal.SIGTERM)
            run = batch_end(process, 40)
        assert percentile(took, 0.99) <= 2.0, percentile(took, 0.99)
        assert percentile(took, 0.5) <= 0.5, percentile(took, 0.5)
        if kind == "hang":
            met = {request.path for request in hanging.requests}
            assert len(met) == 50, "some were never tried"
            # What was given up is under way here for a moment longer.
            assert max(hanging.peak.values()) <= CAP * 2
        assert run.line["rss_kib"] <= 96 * 1024, run.line
    assert all(row.status == "succeeded" for row in deliveries(stack, healthy))
    assert all(signed_by(healthy.secret, request) for request in receiver.of("/healthy"))


def test_more_that_hang_than_there_are_places(stack, hooks, receiver):
    """Slow ones together get half of the places, also when all of them come free in one moment: so
    however many hang, a healthy one finds a place at once."""
    conf = stack.dir / "narrow.conf"
    conf.write_text(open(stack.conf).read() + "webhook_in_flight = 40\nwebhook_timeout_s = 4\n")
    conf.chmod(0o600)
    healthy = hooks.create(receiver.url("/healthy"), ["verification.completed"])
    for n in range(48):
        hooks.create(receiver.url(f"/{n}"), ["verification.failed"])
        receiver.rule(f"/{n}", hang)
    for _ in range(20):
        hooks.event(id_number="1000000000001")
    process = batch_start(stack, "--linger", "3600", "--only", "delivery", conf=conf)
    try:
        known = lambda: len({one.path for one in receiver.requests}) == 48  # noqa: E731
        assert wait_for(known, 20), "some were never tried"
        time.sleep(4.2)  # the last of them has run out of time: all are known to be slow
        took = waits(hooks, receiver, 60, 0.05)
    finally:
        process.send_signal(signal.SIGTERM)
        batch_end(process, 30)
    assert max(took) < 2, (percentile(took, 0.5), max(took))
    assert all(row.status == "succeeded" for row in deliveries(stack, healthy))


def test_scarce_places_are_shared_before_anybody_is_known(stack, hooks, receiver):
    """Twelve endpoints of which nothing bad is known yet, that hang, and could fill all places with
    four each: each has its first, and a healthy one finds a place beside them."""
    conf = stack.dir / "scarce.conf"
    conf.write_text(open(stack.conf).read() + "webhook_in_flight = 40\nwebhook_timeout_s = 6\n")
    conf.chmod(0o600)
    healthy = hooks.create(receiver.url("/healthy"), ["verification.completed"])
    for n in range(12):
        hooks.create(receiver.url(f"/{n}"), ["verification.failed"])
        receiver.rule(f"/{n}", hang)
    for _ in range(6):
        hooks.event(id_number="1000000000001")
    process = batch_start(stack, "--linger", "3600", "--only", "delivery", conf=conf)
    try:
        all_met = lambda: len({one.path for one in receiver.requests}) == 12  # noqa: E731
        assert wait_for(all_met, 3), "some waited for others to run out of time"
        took = waits(hooks, receiver, 10, 0.05)
    finally:
        process.send_signal(signal.SIGTERM)
        batch_end(process, 30)
    assert max(took) < 2, max(took)
    assert all(row.status == "succeeded" for row in deliveries(stack, healthy))
