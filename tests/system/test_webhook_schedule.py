# SPDX-License-Identifier: Apache-2.0
"""When a delivery is tried again and when it is given up, by batches whose clock is set forward: the
75 hours and 35 minutes of the schedule pass in seconds."""

import email.utils
import gzip
import socket
import time

import pytest

from product import Stack
from receiver import (Hooks, Receiver, answer, attempts, batch_at, batch_run, deliveries, hang_up,
                      later, moment_of, ms_of, prove_outbox, raw, reset)

WAITS_S = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
DAY_MS = 86400_000
TOLD = ["verification.completed", "verification.failed", "webhook.disabled"]


@pytest.fixture(scope="module")
def stack():
    with Stack("--no-batch", "--set", "egress_allow=127.0.0.0/8", "--set",
               "webhook_timeout_s=3") as running:
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


def now_ms():
    return time.time() * 1000


def only(stack, endpoint=None):
    row, = deliveries(stack, endpoint)
    return row


def state(stack, endpoint):
    return stack.rows("SELECT disabled, failing_since FROM webhook_endpoint "
                      f"WHERE id = X'{endpoint.hex}'")[0]


# ---- the schedule ------------------------------------------------------------------------------------------

def test_the_whole_schedule(stack, hooks, receiver):
    """Ten attempts, each at its time and not a moment earlier, and then no more."""
    endpoint = hooks.create(receiver.url("/"))
    receiver.rule("/", answer(500, b"not today"))
    hooks.event()
    began = now_ms()
    batch_run(stack)
    for made, wait_s in enumerate(WAITS_S, 1):
        row = only(stack)
        assert (row.status, row.attempt_count, row.attempts_total) == ("pending", made, made)
        assert len(receiver.of("/")) == made
        due, settled = ms_of(row.next_attempt_at), ms_of(row.updated_at)
        assert wait_s * 1000 <= due - settled <= wait_s * 1100, (made, due - settled)
        assert stack.rows("SELECT due_at FROM work") == ((row.next_attempt_at,),)
        batch_at(stack, due - 400)
        assert len(receiver.of("/")) == made, "an attempt before its time"
        batch_at(stack, due + 1)
    row = only(stack)
    assert (row.status, row.attempt_count, row.next_attempt_at) == ("failed", 10, None)
    assert row.last_status_code == 500
    assert stack.rows("SELECT COUNT(*) FROM work") == ((0,),)
    made = attempts(stack)
    assert [one.number for one in made] == list(range(1, 11))
    assert {(one.status_code, one.error, one.excerpt) for one in made} == {
        (500, "status", b"not today")}
    passed_s = (ms_of(made[-1].started_at) - began) / 1000
    assert sum(WAITS_S) == 75 * 3600 + 35 * 60 + 5
    assert sum(WAITS_S) <= passed_s <= sum(WAITS_S) * 1.1 + 10
    batch_at(stack, began + 30 * DAY_MS)
    assert len(receiver.of("/")) == 10
    assert state(stack, endpoint)[0] is None, "75 hours are not five days"
    prove_outbox(stack, [endpoint])


def test_jitter_adds_and_differs(stack, hooks, receiver):
    """Sixty deliveries of one moment do not come back in one moment."""
    hooks.create(receiver.url("/"))
    receiver.rule("/", answer(500))
    for _ in range(60):
        hooks.event()
    batch_run(stack)
    waits = [ms_of(row.next_attempt_at) - ms_of(row.updated_at) for row in deliveries(stack)]
    assert len(waits) == 60 and 5000 <= min(waits) and max(waits) <= 5500, (min(waits), max(waits))
    assert len(set(waits)) > 30
    assert max(waits) - min(waits) > 250


def test_a_success_ends_it(stack, hooks, receiver):
    endpoint = hooks.create(receiver.url("/"))
    receiver.rule("/", answer(503))
    hooks.event()
    began = now_ms()
    batch_run(stack)
    assert state(stack, endpoint)[1] is not None
    receiver.rule("/", answer(201, b"thanks"))
    batch_at(stack, began + 6000)
    row = only(stack)
    assert (row.status, row.attempt_count, row.last_status_code) == ("succeeded", 2, 201)
    assert row.next_attempt_at is None
    assert state(stack, endpoint) == (None, None), "what failed before a success does not count"
    made = attempts(stack)
    assert [(one.status_code, one.error, one.excerpt) for one in made] == [
        (503, "status", None), (201, "none", b"thanks")]


def test_another_schedule():
    """The setting, not a constant, says when: three attempts, at once each."""
    with Stack("--no-batch", "--set", "egress_allow=127.0.0.0/8", "--set",
               "webhook_schedule_s=0,0,1") as stack, Receiver() as receiver:
        hooks = Hooks(stack)
        hooks.create(receiver.url("/"))
        receiver.rule("/", answer(500))
        hooks.event()
        for after_s in (0, 0.2, 5, 10):
            batch_at(stack, now_ms() + after_s * 1000)
        assert len(receiver.of("/")) == 3
        assert only(stack).status == "failed"


# ---- what answers mean ---------------------------------------------------------------------------------------

def retry_after(stack, hooks, receiver, values):
    """The wait after a first attempt that was answered so, in seconds, for each of the headers."""
    endpoints = {}
    for n, (status, value) in enumerate(values):
        endpoints[value] = hooks.create(receiver.url(f"/{n}"))
        receiver.rule(f"/{n}", answer(status, b"", headers=[f"Retry-After: {value}"]))
    hooks.event()
    batch_run(stack)
    waits = {}
    for value, endpoint in endpoints.items():
        row = only(stack, endpoint)
        assert row.status == "pending" and row.attempt_count == 1
        waits[value] = (ms_of(row.next_attempt_at) - ms_of(row.updated_at)) / 1000
    return waits


def test_retry_after_is_a_floor(stack, hooks, receiver):
    dates = {after: email.utils.formatdate(time.time() + after, usegmt=True)
             for after in (600, 10 ** 6, -600)}
    values = [(503, "120"), (429, "7200"), (500, "1"), (400, "0"), (302, "90"), (503, "1000000"),
              (503, "99999999999999999999"), (503, dates[600]), (503, dates[10 ** 6]),
              (503, dates[-600]), (503, "soon"), (503, "-5"), (503, "1.5")]
    waits = retry_after(stack, hooks, receiver, values)
    least = {"120": 120, "7200": 7200, "90": 90, "1000000": 86400, "99999999999999999999": 86400,
             dates[600]: 600, dates[10 ** 6]: 86400}
    for value, wait in waits.items():
        floor = least.get(value, 5)
        # A date has whole seconds, and some of them pass before it is read.
        slack = 3 if value in dates.values() and floor == 600 else 0
        assert floor - slack <= wait <= floor * 1.1, (value, wait)


def test_retry_after_does_not_bring_the_schedule_forward(stack, hooks, receiver):
    hooks.create(receiver.url("/"))
    receiver.rule("/", answer(503, b"", headers=["Retry-After: 1"]))
    hooks.event()
    batch_run(stack)
    batch_at(stack, now_ms() + 6000)
    row = only(stack)
    assert row.attempt_count == 2
    assert 300 <= (ms_of(row.next_attempt_at) - ms_of(row.updated_at)) / 1000 <= 330


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


ANSWERS = {
    "200": (answer(200, b"ok"), "succeeded", 200, "none", b"ok"),
    "204": (answer(204), "succeeded", 204, "none", None),
    "299": (answer(299), "succeeded", 299, "none", None),
    "300": (answer(300), "pending", 300, "redirect", None),
    "301": (answer(301, b"", headers=["Location: /elsewhere"]), "pending", 301, "redirect", None),
    "302": (answer(302, b"", headers=["Location: /elsewhere"]), "pending", 302, "redirect", None),
    "304": (answer(304), "pending", 304, "redirect", None),
    "307": (answer(307, b"", headers=["Location: /elsewhere"]), "pending", 307, "redirect", None),
    "308": (answer(308, b"", headers=["Location: /elsewhere"]), "pending", 308, "redirect", None),
    "400": (answer(400, b"bad"), "pending", 400, "status", b"bad"),
    "401": (answer(401), "pending", 401, "status", None),
    "404": (answer(404), "pending", 404, "status", None),
    "409": (answer(409), "pending", 409, "status", None),
    "429": (answer(429), "pending", 429, "status", None),
    "500": (answer(500, bytes(range(256))), "pending", 500, "status", bytes(range(256))),
    "599": (answer(599), "pending", 599, "status", None),
    "100 and 200": (raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                        b"Connection: close\r\n\r\nok"), "succeeded", 200, "none", b"ok"),
    "cut": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok"), "pending", 200, "read", b"ok"),
    "to the end": (raw(b"HTTP/1.1 200 OK\r\n\r\nuntil closed"), "succeeded", 200, "none",
                   b"until closed"),
    "chunked": (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
                "succeeded", 200, "none", b"ok"),
    "bad chunk": (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n"),
                  "pending", 200, "read", None),
    "no http": (raw(b"220 mail.example.org ESMTP\r\n"), "pending", None, "read", None),
    "reset": (reset, "pending", None, "read", None),
    "closed": (hang_up, "pending", None, "read", None),
    "gzip": (answer(200, gzip.compress(b"zipped"), headers=["Content-Encoding: gzip"]),
             "succeeded", 200, "none", gzip.compress(b"zipped")),
}


def test_what_an_answer_means(stack, hooks, receiver):
    """Every answer's meaning, one endpoint each, and its attempt as a row."""
    endpoints = {}
    for name, (behaviour, *_) in ANSWERS.items():
        path = "/" + name.replace(" ", "-")
        endpoints[name] = hooks.create(receiver.url(path))
        receiver.rule(path, behaviour)
    nobody = hooks.create(f"http://127.0.0.1:{closed_port()}/")
    hooks.event()
    began = now_ms()
    batch_run(stack)
    wrong = {}
    for name, (_, *wanted) in ANSWERS.items():
        row, (made,) = only(stack, endpoints[name]), attempts(stack, endpoints[name])
        got = [row.status, made.status_code, made.error, made.excerpt or None]
        if name == "bad chunk":  # how much of it libcurl hands on is its own affair
            got[3] = None
        if got != wanted or row.last_status_code != made.status_code:
            wrong[name] = (got, wanted)
        assert began - 5 <= ms_of(made.started_at) <= now_ms() and 0 <= made.duration_ms < 3000
    assert not wrong, wrong
    made, = attempts(stack, nobody)
    assert (made.status_code, made.error, made.excerpt) == (None, "connect", None)
    assert not receiver.of("/elsewhere"), "a redirect was followed"
    assert all(len(receiver.of("/" + name.replace(" ", "-"))) == 1 for name in ANSWERS)
    prove_outbox(stack, list(endpoints.values()))


def test_milliseconds_of_an_attempt(stack, hooks, receiver):
    hooks.create(receiver.url("/"))
    receiver.rule("/", answer(200, after_s=0.7))
    hooks.event()
    batch_run(stack)
    made, = attempts(stack)
    assert 700 <= made.duration_ms < 1500


@pytest.mark.parametrize("size", [16383, 16384, 16385, 100000])
def test_the_excerpt_is_cut(stack, hooks, receiver, size):
    body = bytes(n * 7 & 0xff for n in range(size))
    hooks.create(receiver.url("/"))
    receiver.rule("/", answer(500 if size & 1 else 200, body))
    hooks.event()
    batch_run(stack)
    made, = attempts(stack)
    assert made.excerpt == body[:16384]
    assert (made.status_code, made.error) == ((500, "status") if size & 1 else (200, "none"))


# ---- disabled ------------------------------------------------------------------------------------------------

def test_gone_disables_at_once(stack, hooks, receiver):
    endpoint = hooks.create(receiver.url("/gone"), TOLD)
    other = hooks.create(receiver.url("/other"), TOLD)
    receiver.rule("/gone", answer(410, b"gone"))
    hooks.event()
    batch_run(stack)
    assert state(stack, endpoint)[0] == "gone" and state(stack, other)[0] is None
    made, = attempts(stack, endpoint)
    assert (made.status_code, made.error) == (410, "gone")
    batch_run(stack)
    told = [request.event for request in receiver.of("/other")
            if request.event["type"] == "webhook.disabled"]
    assert len(told) == 1
    assert told[0]["data"]["id"] == endpoint.id and told[0]["data"]["reason"] == "gone"
    assert told[0]["data"]["url"] == receiver.url("/gone")
    hooks.event()
    batch_at(stack, now_ms() + 10 * DAY_MS)
    assert len(receiver.of("/gone")) == 1
    prove_outbox(stack, [endpoint, other])


def test_days_of_failures_disable_and_enabling_releases(stack, hooks, receiver):
    """Held while disabled, each delivered exactly once after enabling; one webhook.disabled."""
    endpoint = hooks.create(receiver.url("/bad"), TOLD)
    other = hooks.create(receiver.url("/other"), TOLD)
    receiver.rule("/bad", answer(500))
    began = now_ms()
    hooks.event()
    batch_run(stack)
    for days in (1, 2, 3, 4, 4.99):
        batch_at(stack, began + days * DAY_MS)
        assert state(stack, endpoint)[0] is None, days
    hooks.event()
    batch_at(stack, began + 4.995 * DAY_MS)
    hooks.event()
    batch_at(stack, began + 5 * DAY_MS + 5000)
    assert state(stack, endpoint)[0] == "failing"
    tried = len(receiver.of("/bad"))
    # Those that wait for their next attempt come to be held, and new ones are from the beginning.
    for _ in range(1200):
        hooks.event()
    batch_at(stack, began + 15 * DAY_MS)
    assert len(receiver.of("/bad")) == tried
    assert stack.rows("SELECT COUNT(*) FROM work") == ((0,),)
    waiting = [row for row in deliveries(stack, endpoint) if row.status == "pending"]
    assert len(waiting) > 1200 and all(row.next_attempt_at is None for row in waiting)
    told = [request.event for request in receiver.of("/other")
            if request.event["type"] == "webhook.disabled"]
    assert len(told) == 1 and told[0]["data"]["reason"] == "failing"
    assert {row.status for row in deliveries(stack, other)} == {"succeeded"}
    enable_and_see_all(stack, hooks, receiver, endpoint, waiting)
    prove_outbox(stack, [endpoint, other])


def enable_and_see_all(stack, hooks, receiver, endpoint, waiting):
    receiver.clear()
    receiver.rule("/bad", answer(200))
    hooks.enable(endpoint)
    batch_at(stack, now_ms() + 15 * DAY_MS, "--once")
    got = [request.id for request in receiver.of("/bad")]
    assert len(got) == len(set(got)) == len(waiting)
    assert {row.status for row in deliveries(stack, endpoint)} == {"succeeded"}
    assert state(stack, endpoint) == (None, None)


def test_a_success_in_between_starts_the_days_anew(stack, hooks, receiver):
    endpoint = hooks.create(receiver.url("/"))
    began = now_ms()
    good = {3.0}

    for days in (0, 2, 3, 4, 6, 7.5, 8.9):
        receiver.rule("/", answer(200 if days in good else 500))
        hooks.event()
        batch_at(stack, began + days * DAY_MS + 1000)
        assert state(stack, endpoint)[0] is None, days
    hooks.event()
    batch_at(stack, began + 9.1 * DAY_MS)
    assert state(stack, endpoint)[0] == "failing"


def test_disabled_by_its_owner_is_not_told(stack, hooks, receiver):
    """What comes while its owner has it disabled is not for it; what was queued waits."""
    endpoint, other = hooks.create(receiver.url("/off")), hooks.create(receiver.url("/on"))
    before = hooks.event()["id"]
    hooks.enable(endpoint, False)
    hooks.event()
    batch_run(stack, "--once")
    assert not receiver.of("/off") and len(receiver.of("/on")) == 2
    hooks.enable(endpoint)
    after = hooks.event()["id"]
    batch_run(stack, "--once")
    assert sorted(request.about for request in receiver.of("/off")) == sorted([before, after])
    prove_outbox(stack, [other])


def test_a_date_is_read_by_the_same_clock(stack, hooks, receiver):
    """Retry-After as a date that is built when the request comes."""
    hooks.create(receiver.url("/"))
    ahead_ms = 3 * DAY_MS

    def busy(_request):
        when = moment_of(time.time() * 1000 + ahead_ms + 1800_000)
        date = email.utils.format_datetime(when.replace(microsecond=0), usegmt=True)
        return answer(503, b"", headers=[f"Retry-After: {date}"])
    receiver.rule("/", later(busy))
    hooks.event()
    batch_at(stack, now_ms() + ahead_ms)
    row = only(stack)
    assert 1795 <= (ms_of(row.next_attempt_at) - ms_of(row.updated_at)) / 1000 <= 1985
