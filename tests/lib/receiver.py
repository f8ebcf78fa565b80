# SPDX-License-Identifier: Apache-2.0
"""Receivers of webhooks, well behaved and hostile, and what tests of deliveries share: endpoints,
events, batches at another time of the clock, and the anti-joins over the outbox."""

import asyncio
import base64
import collections
import contextlib
import hashlib
import hmac
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sysconfig
import tempfile
import threading
import time
import uuid
from datetime import datetime, timezone
from pathlib import Path

import requests

from load import Load
from product import person, wait_for

# ---- what came ---------------------------------------------------------------------------------------


class Request:
    """One request as it came: path, headers by lower-case name, the raw body, when, on which
    connection."""

    def __init__(self, method, path, headers, body, connection):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.connection, self.at, self.answered = connection, time.time(), None

    @property
    def id(self):
        return self.headers.get("webhook-id")

    @property
    def event(self):
        return json.loads(self.body)

    @property
    def about(self):
        """The id of what the event is about, without parsing all of it."""
        match = re.search(rb'"data":\{"id":"([a-z]+_[0-9a-z]+)"', self.body)
        return match.group(1).decode() if match else None


def secret_key(secret):
    assert secret.startswith("whsec_"), secret
    return base64.b64decode(secret[len("whsec_"):], validate=True)


def signatures(request):
    """The values of webhook-signature, each with its scheme: [("v1", bytes)]."""
    pairs = (word.split(",", 1) for word in request.headers["webhook-signature"].split(" "))
    return [(scheme, base64.b64decode(value, validate=True)) for scheme, value in pairs]


def signed_by(secret, request):
    """Whether one of the signatures is this secret's: Standard Webhooks, from its text alone."""
    text = b".".join([request.id.encode(), request.headers["webhook-timestamp"].encode(),
                      request.body])
    wanted = hmac.new(secret_key(secret), text, hashlib.sha256).digest()
    return any(scheme == "v1" and hmac.compare_digest(value, wanted)
               for scheme, value in signatures(request))


# ---- how a receiver behaves ----------------------------------------------------------------------------


def answer(status=200, body=b"", after_s=0.0, headers=()):
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers]
    text = ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    async def behave(receiver, request, writer):
        if after_s:
            await asyncio.sleep(after_s)
        receiver.done(request)
        if status != 204:
            writer.write(text)
        else:
            writer.write(text.replace(b"Content-Length: 0\r\n", b""))
        await writer.drain()
        return True
    return behave


def later(make):
    """A behaviour that is made for each request: make(request) gives it."""
    async def behave(receiver, request, writer):
        return await make(request)(receiver, request, writer)
    return behave


async def hang(_receiver, _request, _writer):
    await asyncio.sleep(3600)


async def reset(_receiver, _request, writer):
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def hang_up(_receiver, _request, _writer):
    return False


def drip(head, piece, every_s=1.0):
    """head at once, then a piece of it again and again for ever."""
    async def behave(_receiver, _request, writer):
        writer.write(head)
        while True:
            await writer.drain()
            await asyncio.sleep(every_s)
            writer.write(piece)
    return behave


def flood(head, piece, count):
    """head and then so many pieces, as fast as they are taken; counts what went out."""
    async def behave(receiver, request, writer):
        writer.write(head)
        for _ in range(count):
            writer.write(piece)
            receiver.flooded[request.path] += len(piece)
            await writer.drain()
    return behave


def raw(text):
    async def behave(_receiver, _request, writer):
        writer.write(text)
        await writer.drain()
        return False
    return behave


# ---- the receiver ----------------------------------------------------------------------------------------


class Receiver:
    """An HTTP server on loopback, in a thread of its own. Every path answers 200 until rule() says
    otherwise; requests has all that came, complete ones only."""

    def __init__(self, tls=None, on_connect=None):
        self.tls, self.on_connect = tls, on_connect
        self.requests, self.rules = [], {}
        self.under_way, self.peak = collections.Counter(), collections.Counter()
        self.flooded, self.connections = collections.Counter(), 0
        self.port = None
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._tasks = set()

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def url(self, path="/", host="127.0.0.1"):
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def rule(self, path, behaviour):
        self.rules[path] = behaviour

    def of(self, path):
        return [request for request in list(self.requests) if request.path == path]

    def clear(self):
        self.requests = []
        self.peak.clear()

    def done(self, request):
        """Called before the answer goes out, so that the next request is not counted beside it."""
        if request.answered is None:
            request.answered = time.time()
            self.under_way[request.path] -= 1

    def _main(self):
        asyncio.set_event_loop(self._loop)
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._serve())

    async def _serve(self):
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self.tls,
                                            backlog=1024, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self.connections += 1
        try:
            if self.on_connect:
                await self.on_connect(self, None, writer)
                return
            await self._talk(reader, writer, self.connections)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _talk(self, reader, writer, number):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")[:-2]
            method, path, _ = first.split(" ")
            headers = {}
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            request = Request(method, path, headers, body, number)
            self.under_way[path] += 1
            self.peak[path] = max(self.peak[path], self.under_way[path])
            self.requests.append(request)
            if not await self._behave(request, reader, writer):
                return

    async def _behave(self, request, reader, writer):
        """The rule of the path, ended early when the other side goes away."""
        behaviour = self.rules.get(request.path, OK)
        if behaviour is OK:
            return await behaviour(self, request, writer)
        work = asyncio.ensure_future(behaviour(self, request, writer))
        try:
            while not work.done() and not reader.at_eof() and reader.exception() is None:
                await asyncio.wait({work}, timeout=0.1)
            return work.result() if work.done() else False
        finally:
            self.done(request)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


OK = answer()


# ---- the product's side ------------------------------------------------------------------------------------

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def id_hex(text):
    """The sixteen bytes of "ver_…", as HEX() prints them."""
    value = 0
    for letter in text.rpartition("_")[2]:
        value = value * 32 + ALPHABET.index(letter)
    return f"{value:032X}"


KYC_EVENTS = ("verification.completed", "verification.failed")


class Endpoint:
    def __init__(self, hooks, shown):
        self.hooks, self.id, self.secret = hooks, shown["id"], shown["secret"]
        self.hex = id_hex(self.id)

    @property
    def other_id(self):
        """As the session family spells it, whose calls can change an endpoint."""
        return "whe_" + self.id.rpartition("_")[2]


class Hooks:
    """A tenant's endpoints."""

    def __init__(self, stack, key=None):
        self.stack = stack
        self.client = stack.client(key) if key else stack.live

    def create(self, url, events=KYC_EVENTS, description="a test"):
        answer = self.client.post("/v1/webhooks", {"url": url, "events": list(events),
                                                   "description": description})
        assert answer.status_code == 201, answer.text
        return Endpoint(self, answer.json()["data"])

    def delete(self, endpoint):
        answer = self.client.delete("/v1/webhooks/" + endpoint.id)
        assert answer.status_code == 204, answer.text

    def enable(self, endpoint, enabled=True):
        answer = self.client.call("PATCH", "/v1/webhooks/endpoints/" + endpoint.other_id,
                                  json={"enabled": enabled})
        assert answer.status_code == 200, answer.text

    def rotate(self, endpoint, overlap_s):
        path = f"/v1/webhooks/endpoints/{endpoint.other_id}/signing-secret/rotate"
        answer = self.client.post(path, {"overlap_seconds": overlap_s})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["signing_secret"]

    def event(self, **change):
        """One event: a verification that is decided at once. The verification."""
        answer = self.client.post("/v1/kyc/sandbox/verify", person(**change))
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def forget(self):
        """Removes every endpoint, event and delivery: the next test begins with none."""
        for table in ("work", "delivery_attempt", "delivery", "event", "webhook_task", "lane",
                      "webhook_key", "webhook_endpoint"):
            self.stack.rows(f"DELETE FROM {table}")


class Events(Load):
    """A stream of events. acknowledged has the verification of each; some are decided at once, some
    by the batch."""

    def __init__(self, stack, most, threads=4, pace_s=0.0, by_batch=0, key=None):
        super().__init__(stack, threads, most, pace_s=pace_s)
        self.key = key or stack.env["BONAFIDE_SANDBOX_KEY"]
        self.by_batch = by_batch  # each so many-th one; 0: none

    def _body(self, number):
        return person(external_ref=f"load-{number}")

    def _post(self, client, number):
        key, end = str(uuid.uuid4()), time.monotonic() + 60
        queued = self.by_batch and number % self.by_batch == 0
        path = "/v1/kyc/verify" if queued else "/v1/kyc/sandbox/verify"
        while time.monotonic() < end:
            with contextlib.suppress(requests.RequestException):
                reply = client.post(path, self._body(number), timeout=20,
                                    headers={"Idempotency-Key": key})
                if reply.status_code in (200, 202):
                    with self.lock:
                        self.acknowledged[reply.json()["data"]["id"]] = number
                    return
                if reply.status_code not in (409, 502, 503, 504):
                    with self.lock:
                        self.refused.append((reply.status_code, reply.text[:300]))
                    return
            with self.lock:
                self.retried += 1
            time.sleep(0.1)
        with self.lock:
            self.refused.append((0, "no answer in 60 s"))

    def run(self, seconds=120):
        """To the end of the count."""
        with self:
            for thread in self.threads:
                thread.join(seconds)
        assert not self.refused, self.refused[:3]
        return self


# ---- batches, at any time of the clock -----------------------------------------------------------------------

SHIM = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *now)
{
	long result = syscall(SYS_clock_gettime, id, now);
	const char *text = getenv("BONAFIDE_CLOCK_OFFSET_MS");
	if (result == 0 && id == CLOCK_REALTIME && text != NULL) {
		long long ms = strtoll(text, NULL, 10);
		now->tv_sec += ms / 1000;
		now->tv_nsec += ms % 1000 * 1000000;
		if (now->tv_nsec >= 1000000000) {
			now->tv_sec++;
			now->tv_nsec -= 1000000000;
		}
	}
	return (int)result;
}
"""


def _clock_environment(program, directory):
    """What makes a program take the offset: by itself, or by a clock_gettime() put before libc's."""
    if b"BONAFIDE_CLOCK_OFFSET_MS" in Path(program).read_bytes():
        return {}
    shim = Path(directory) / "clock.so"
    if not shim.exists():
        subprocess.run([*(sysconfig.get_config_var("CC") or "cc").split()[:1], "-shared", "-fPIC",
                        "-O2", "-x", "c", "-", "-o", str(shim)], input=SHIM.encode(), check=True)
    checks = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
    return {"LD_PRELOAD": str(shim), "ASAN_OPTIONS": checks}


def batch_start(stack, *args, offset_ms=0, conf=None, before=()):
    """A batch process of the test's own. Its log is read by batch_end()."""
    program = str(Path(stack.env["BONAFIDE_BIN"]) / "bonafide-batch")
    environment = dict(os.environ)
    if offset_ms:
        environment["BONAFIDE_CLOCK_OFFSET_MS"] = str(int(offset_ms))
        environment.update(_clock_environment(program, stack.dir))
    log = tempfile.TemporaryFile("w+")
    process = subprocess.Popen([*before, program, "-c", str(conf or stack.conf), *args],
                               env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    process.log = log
    return process


class Run:
    """What a batch said: its log, and the numbers of its last line."""

    def __init__(self, text, status):
        self.text, self.status = text, status
        last = [line for line in text.splitlines() if "run: " in line]
        self.line = {name: int(value) for name, value in
                     re.findall(r"(\w+)=(\d+)", last[-1])} if last else {}


def batch_end(process, timeout=120, status=0):
    with contextlib.ExitStack() as ending:
        ending.callback(process.log.close)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
            process.log.seek(0)
            raise AssertionError(f"the batch did not end in {timeout} s: "
                                 f"{process.log.read()[-2000:]}") from None
        process.log.seek(0)
        run = Run(process.log.read(), process.returncode)
    assert status is None or run.status == status, (run.status, run.text[-2000:])
    return run


def batch_run(stack, *args, timeout=120, status=0, **more):
    return batch_end(batch_start(stack, *(args or ("--once", "--only", "delivery")), **more),
                     timeout, status)


def batch_at(stack, when_ms, *args, **more):
    """A run at that time of the clock."""
    return batch_run(stack, *args, offset_ms=when_ms - time.time() * 1000, **more)


def ms_of(moment):
    """A DATETIME(3) of the database in milliseconds since 1970."""
    return int(moment.replace(tzinfo=timezone.utc).timestamp() * 1000 + 0.5)


def moment_of(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc)


# ---- the outbox ------------------------------------------------------------------------------------------------


def deliveries(stack, endpoint=None):
    """Rows of deliveries, oldest first, as objects with the names of their columns."""
    names = ("id", "event_id", "endpoint_id", "status", "attempt_count", "attempts_total",
             "next_attempt_at", "last_status_code", "updated_at")
    where = f"WHERE endpoint_id = X'{endpoint.hex}'" if endpoint else ""
    rows = stack.rows(f"SELECT {', '.join(names)} FROM delivery {where} ORDER BY id")
    return [collections.namedtuple("Delivery", names)(*row) for row in rows]


def attempts(stack, endpoint=None):
    names = ("delivery_id", "number", "started_at", "duration_ms", "status_code", "error",
             "excerpt")
    where = f"WHERE endpoint_id = X'{endpoint.hex}'" if endpoint else ""
    rows = stack.rows(f"SELECT {', '.join(names)} FROM delivery_attempt {where} "
                      "ORDER BY delivery_id, number")
    return [collections.namedtuple("Attempt", names)(*row) for row in rows]


ANTI_JOINS = {
    "a decided verification without its event":
        "SELECT HEX(v.id) FROM verification v LEFT JOIN event e ON e.trigger_id = v.id "
        "AND e.type IN ('verification.completed', 'verification.failed') "
        "WHERE v.status <> 'pending' AND e.id IS NULL AND v.created_at >= "
        "(SELECT MIN(created_at) FROM webhook_endpoint)",
    "a verification with two events":
        "SELECT HEX(trigger_id) FROM event WHERE trigger_type = 'verification' "
        "GROUP BY trigger_id HAVING COUNT(*) > 1",
    "a pending delivery of an enabled endpoint without work":
        "SELECT HEX(d.id) FROM delivery d JOIN webhook_endpoint n ON n.id = d.endpoint_id "
        "LEFT JOIN work w ON w.subject_id = d.id AND w.kind = 'webhook_delivery' "
        "WHERE d.status = 'pending' AND n.disabled IS NULL AND n.deleted_at IS NULL "
        "AND w.id IS NULL",
    "work without its delivery":
        "SELECT HEX(w.id) FROM work w LEFT JOIN delivery d ON d.id = w.subject_id "
        "WHERE w.kind = 'webhook_delivery' AND d.id IS NULL",
    "work for a delivery that is settled":
        "SELECT HEX(w.id) FROM work w JOIN delivery d ON d.id = w.subject_id "
        "WHERE w.kind = 'webhook_delivery' AND d.status <> 'pending'",
    "work in a lane that does not exist":
        "SELECT HEX(w.id) FROM work w LEFT JOIN lane l ON l.name = w.lane "
        "WHERE w.kind = 'webhook_delivery' AND l.name IS NULL",
    "a delivery without its event or endpoint":
        "SELECT HEX(d.id) FROM delivery d LEFT JOIN event e ON e.id = d.event_id "
        "LEFT JOIN webhook_endpoint n ON n.id = d.endpoint_id "
        "WHERE e.id IS NULL OR n.id IS NULL",
    "a delivery whose attempts do not add up":
        "SELECT HEX(d.id) FROM delivery d LEFT JOIN delivery_attempt a ON a.delivery_id = d.id "
        "GROUP BY d.id, d.attempts_total HAVING COUNT(a.number) <> d.attempts_total",
    "an attempt without its delivery":
        "SELECT HEX(a.delivery_id) FROM delivery_attempt a LEFT JOIN delivery d "
        "ON d.id = a.delivery_id WHERE d.id IS NULL",
}


def prove_outbox(stack, always=()):
    """Nothing is found by any anti-join; and every event has a delivery for those that were enabled
    and subscribed from the beginning to the end."""
    found = {name: rows for name, query in ANTI_JOINS.items() if (rows := stack.rows(query))}
    assert not found, {name: (len(rows), rows[:3]) for name, rows in found.items()}
    for endpoint in always:
        missing = stack.rows(
            "SELECT HEX(e.id) FROM event e LEFT JOIN delivery d ON d.event_id = e.id "
            f"AND d.endpoint_id = X'{endpoint.hex}' WHERE e.type LIKE 'verification.%%' "
            "AND d.id IS NULL")
        assert not missing, (len(missing), missing[:3])


def count_work(stack):
    return stack.rows("SELECT COUNT(*) FROM work")[0][0]


def wait_quiet(stack, seconds=60):
    """Until nothing is left to do."""
    left = wait_for(lambda: count_work(stack) == 0, seconds)
    assert left, stack.rows("SELECT kind, lane, COUNT(*), MIN(due_at), MAX(failures), "
                            "MAX(lease_until), UTC_TIMESTAMP(3) FROM work GROUP BY 1, 2")
