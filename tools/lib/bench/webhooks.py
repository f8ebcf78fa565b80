# SPDX-License-Identifier: Apache-2.0
"""Webhook delivery: how many a second, how soon, beside how many that hang, in how much memory, and
with how much history. Receivers are tests/lib/receiver.c; what it wrote down is judged afterwards,
every signature of it."""

import collections
import os
import re
import signal
import statistics
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from product import TOP, Client, Stack, person, wait_for
from receiver import Hooks, Request, signed_by

SETTINGS = ("--no-batch", "--set", "egress_allow=127.0.0.0/8")
PER_APP = 50  # endpoints of one application: its limit
EVENT = "verification.completed"


# ---- the receiver ------------------------------------------------------------------------------------------


class FastReceiver:
    """tests/lib/receiver.c, built when it is needed. requests() once the with block is left."""

    def __init__(self, directory):
        self.file = Path(tempfile.mkstemp(prefix="received-", dir=directory)[1])
        self.program = Path(directory) / "receiver"
        if not self.program.exists():
            subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", str(self.program),
                            str(TOP / "tests/lib/receiver.c")], check=True)

    def __enter__(self):
        self.process = subprocess.Popen([str(self.program), str(self.file)],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def requests(self):
        data, at, found = self.file.read_bytes(), 0, []
        while at < len(data):
            at_us, *lengths = struct.unpack_from("=Q5I", data, at)
            at += 28
            texts = []
            for length in lengths:
                texts.append(data[at:at + length])
                at += length
            path, *values = (text.decode() for text in texts[:4])
            names = ("webhook-id", "webhook-timestamp", "webhook-signature")
            request = Request("POST", path, dict(zip(names, values)), texts[4], 0)
            request.at = at_us / 1e6
            found.append(request)
        return found


# ---- deliveries that are due, by SQL -------------------------------------------------------------------------

# {ms} the time of all of them, {run} apart from other fills. Sixteen bytes as UUIDv7 has them.
UUID = ("UNHEX(CONCAT(LPAD(HEX({ms}), 12, '0'), '7{kind}', '8{run:03x}', "
        "LPAD(HEX({number}), 12, '0')))")
FILL_EVENTS = """INSERT INTO event (id, application_id, environment, type, trigger_type, trigger_id,
  body, created_at)
SELECT {event}, UNHEX('{app}'), 'live', 'verification.completed', 'verification', {event},
  CONCAT('{{"event":"verification.completed","type":"verification.completed","data":{{"id":"ver_',
    LPAD(seq, 26, '0'), '","status":"approved","country":"SN","id_type":"national_id",',
    '"external_ref":"bench","created_at":"2026-05-01T10:30:00Z","completed_at":',
    '"2026-05-01T10:30:00Z","score":null}},"timestamp":"2026-05-01T10:30:00Z"}}'), UTC_TIMESTAMP(3)
FROM seq_{first}_to_{last}"""
FILL_DELIVERIES = """INSERT INTO delivery (id, application_id, event_id, endpoint_id, status, once,
  attempt_count, attempts_total, next_attempt_at, last_status_code, created_at, updated_at)
SELECT {delivery}, UNHEX('{app}'), {event}, UNHEX('{endpoint}'), '{status}', 0, {attempts},
  {attempts}, {due}, {code}, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) FROM seq_{first}_to_{last}"""
FILL_WORK = """INSERT INTO work (id, kind, subject_id, lane, due_at, attempt, failures, created_at)
SELECT {work}, 'webhook_delivery', {delivery}, '{lane}', UTC_TIMESTAMP(3), 0, 0, UTC_TIMESTAMP(3)
FROM seq_{first}_to_{last}"""
FILL_ATTEMPTS = """INSERT INTO delivery_attempt (delivery_id, number, id, endpoint_id, started_at,
  duration_ms, status_code, error)
SELECT {delivery}, 1, {work}, UNHEX('{endpoint}'), UTC_TIMESTAMP(3), 12, 200, 'none'
FROM seq_{first}_to_{last}"""


class Tenant:
    """An application with endpoints, and fills of deliveries for them."""

    runs = iter(range(1, 4096))

    def __init__(self, stack, name):
        self.stack = stack
        app, _ = stack.tenant(name)
        self.hooks = Hooks(stack, stack.key(app)["key"])
        self.app = stack.rows("SELECT HEX(id) FROM application ORDER BY id DESC LIMIT 1")[0][0]
        self.endpoints = {}

    def endpoint(self, receiver, path):
        self.endpoints[path] = self.hooks.create(receiver.url(path))
        return self.endpoints[path]

    def fill(self, events, done=False):
        """So many events, each with a delivery for every endpoint: due, or done long ago."""
        run = next(self.runs)
        stack, per = self.stack, max(1, 20000 // len(self.endpoints))
        ms = int(time.time() * 1000) - (86400_000 if done else 0)

        def uid(kind, number):
            return UUID.format(ms=ms, kind=f"{kind:03x}", run=run, number=number)
        for first in range(1, events + 1, per):
            span = {"app": self.app, "first": first, "last": min(first + per - 1, events),
                    "event": uid(0, "seq")}
            stack.rows(FILL_EVENTS.format(**span))
            for n, endpoint in enumerate(self.endpoints.values()):
                rest = {**span, "endpoint": endpoint.hex, "lane": endpoint.id,
                        "delivery": uid(1, f"seq * 1000 + {n}"),
                        "work": uid(2, f"seq * 1000 + {n}"), "attempts": int(done),
                        "status": "succeeded" if done else "pending", "code": 200 if done else
                        "NULL", "due": "NULL" if done else "UTC_TIMESTAMP(3)"}
                for text in (FILL_DELIVERIES, FILL_ATTEMPTS if done else FILL_WORK):
                    stack.rows(text.format(**rest))
        return events * len(self.endpoints)


def clear(stack):
    """Nothing is due, and nobody is told of anything any more."""
    for table in ("work", "delivery_attempt", "delivery", "event", "webhook_task"):
        stack.rows(f"TRUNCATE TABLE {table}")
    stack.rows("UPDATE webhook_endpoint SET deleted_at = UTC_TIMESTAMP(3)")


# ---- batches --------------------------------------------------------------------------------------------------

class Batches:
    """So many lingering batches while the with block lasts; peak_kib() of the largest."""

    def __init__(self, stack, count=1, only="delivery"):
        self.stack, self.count, self.only, self.processes = stack, count, only, []

    def __enter__(self):
        program = os.path.join(self.stack.env["BONAFIDE_BIN"], "bonafide-batch")
        words = [program, "-c", self.stack.conf, "--linger", "3600"]
        words += ["--only", self.only] if self.only else []
        self.log = open(self.stack.dir / "log/bench-webhooks.log", "ab")
        for _ in range(self.count):
            self.processes.append(subprocess.Popen(words, stderr=self.log))
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(60)
        self.log.close()

    def peak_kib(self):
        def of(pid):
            text = Path(f"/proc/{pid}/status").read_text()
            return int(re.search(r"VmHWM:\s+(\d+)", text).group(1))
        return max(of(process.pid) for process in self.processes)


def judge(tenants, requests):
    """Every request signed by its endpoint's secret, and none twice."""
    endpoints = {path: one for tenant in tenants for path, one in tenant.endpoints.items()}
    wrong = [one for one in requests if not signed_by(endpoints[one.path].secret, one)]
    twice = len(requests) - len({(one.path, one.id) for one in requests})
    if wrong or twice:
        raise SystemExit(f"bench: {len(wrong)} badly signed, {twice} received twice")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


# ---- the figures ------------------------------------------------------------------------------------------------


def sustained(bench, stack, count, endpoints, events, seconds):
    """Deliveries a second in a window of so many seconds, with so many batches; the tenants and
    what was received."""
    clear(stack)
    with FastReceiver(stack.dir) as receiver:
        tenants = []
        for first in range(0, endpoints, PER_APP):
            tenant = Tenant(stack, f"Sustained {first}")
            for n in range(first, min(first + PER_APP, endpoints)):
                tenant.endpoint(receiver, f"/{n}")
            tenants.append(tenant)
        due = sum(tenant.fill(events) for tenant in tenants)
        with Batches(stack, count):
            time.sleep(seconds + 2)
        left = stack.rows("SELECT COUNT(*) FROM work")[0][0]
    got = receiver.requests()
    judge(tenants, got)
    known = stack.rows("SELECT COUNT(*) FROM delivery WHERE status = 'succeeded'")[0][0]
    if known != len(got):
        raise SystemExit(f"bench: {len(got)} received, {known} known to be")
    start = got[0].at + 0.5
    in_window = [one.at for one in got if start <= one.at < start + seconds]
    if left == 0:
        seconds = min(seconds, got[-1].at - start)
        bench.say(f"    all {due} were delivered before the time was over: {seconds:.1f} s")
    return len(in_window) / seconds


def throughput(bench, stack):
    seconds = 10 if bench.args.quick else 60
    bench.say(f"webhooks: deliveries for {seconds} s, 100 endpoints, durable commits, all verified")
    guess = sustained(bench, stack, 1, 100, 60, 2)
    rates = [sustained(bench, stack, count, 100, int(guess * factor * (seconds + 4) / 100), seconds)
             for count, factor in ((1, 1.3), (2, 3.5))]
    bench.say(f"    one batch {rates[0]:.0f}/s, two batches {rates[1]:.0f}/s")
    bench.figure("webhooks, deliveries a second", max(rates), ">= 2000", max(rates) >= 2000, "/s")
    one = sustained(bench, stack, 1, 1, 3000 if bench.args.quick else 10000, 5)
    bench.say(f"    to a single endpoint over its four connections: {one:.0f}/s")


def stream(stack, tenant, rate, seconds, threads=4):
    """Events at a steady rate; when each was acknowledged, by the verification's id."""
    accepted, lock, began = {}, threading.Lock(), time.monotonic()
    key = tenant.hooks.client.session.headers["Authorization"].split()[1]

    def run(number):
        client = Client(stack.url, key)
        for n in range(number, int(rate * seconds), threads):
            time.sleep(max(0.0, began + n / rate - time.monotonic()))
            reply = client.post("/v1/kyc/sandbox/verify", person())
            at = time.time()
            if reply.status_code != 200:
                raise SystemExit(f"bench: {reply.status_code} {reply.text}")
            with lock:
                accepted[reply.json()["data"]["id"]] = at
    workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    achieved = len(accepted) / (time.monotonic() - began)
    return accepted, achieved


def waits_of(accepted, requests):
    """Seconds from acceptance to receipt; what was received before it was acknowledged took none."""
    at = {one.about: one.at for one in requests}
    lost = set(accepted) - set(at)
    if lost:
        raise SystemExit(f"bench: {len(lost)} of {len(accepted)} were not received")
    return [max(0.0, at[ver] - when) for ver, when in accepted.items()]


def latency(bench, stack):
    seconds = 10 if bench.args.quick else 30
    bench.say(f"webhooks: 200 events a second for {seconds} s, one lingering batch with all its jobs")
    clear(stack)
    with FastReceiver(stack.dir) as receiver:
        tenant = Tenant(stack, "Latency")
        tenant.endpoint(receiver, "/soon")
        with Batches(stack, only=None):
            stream(stack, tenant, 200, 1)
            accepted, achieved = stream(stack, tenant, 200, seconds)
            time.sleep(2)
    got = receiver.requests()
    judge([tenant], got)
    took = waits_of(accepted, got)
    bench.say(f"    {achieved:.0f} events/s; p50 {percentile(took, .5) * 1000:.1f} ms, p99 "
              f"{percentile(took, .99) * 1000:.1f} ms, worst {max(took) * 1000:.1f} ms")
    p95 = percentile(took, 0.95) * 1000
    bench.figure("webhooks, accepted to received at 200/s, p95", p95, "<= 100", p95 <= 100, " ms")


def fairness(bench, stack):
    events = 100 if bench.args.quick else 1000
    seconds = 20 if bench.args.quick else 45
    bench.say(f"webhooks: 50 endpoints that hang with {50 * events} due deliveries, for {seconds} s")
    clear(stack)
    with FastReceiver(stack.dir) as receiver:
        hanging, healthy = Tenant(stack, "Hanging"), Tenant(stack, "Healthy")
        for n in range(PER_APP):
            hanging.endpoint(receiver, f"/hang/{n}")
        healthy.endpoint(receiver, "/healthy")
        hanging.fill(events)
        with Batches(stack):
            accepted, _ = stream(stack, healthy, 20, seconds)
            time.sleep(3)
    got = receiver.requests()
    judge([healthy], [one for one in got if one.path == "/healthy"])
    tried = collections.Counter(one.path for one in got if one.path != "/healthy")
    took = waits_of(accepted, [one for one in got if one.path == "/healthy"])
    bench.say(f"    healthy: p50 {percentile(took, .5) * 1000:.1f} ms, worst {max(took):.2f} s; "
              f"hanging: {len(tried)} endpoints tried, {min(tried.values(), default=0)} to "
              f"{max(tried.values(), default=0)} times")
    p99 = percentile(took, 0.99)
    bench.figure("webhooks, another tenant beside 50 that hang, p99", p99, "<= 2", p99 <= 2, " s")


def in_flight_memory(bench, stack):
    bench.say("webhooks: memory with 500 deliveries under way")
    clear(stack)
    with FastReceiver(stack.dir) as receiver:
        tenants = [Tenant(stack, f"Memory {n}") for n in range(8)]
        for number, tenant in enumerate(tenants):
            for n in range(PER_APP):
                tenant.endpoint(receiver, f"/hang/{number}/{n}")
            tenant.fill(4)
        leased = "SELECT COUNT(*) FROM work WHERE lease_until > UTC_TIMESTAMP(3)"
        with Batches(stack) as batches:
            wait_for(lambda: stack.rows(leased)[0][0] >= 500, 10)
            time.sleep(1)
            count = stack.rows(leased)[0][0]
            peak = batches.peak_kib() / 1024
    bench.say(f"    {count} under way, {len(receiver.requests())} sent")
    bench.figure("webhooks, batch memory at 500 in flight", peak, "<= 96",
                 peak <= 96 and count >= 500, " MiB")


def statement(name, values):
    """The text of a statement of the table, ready for pymysql, and its arguments by their names."""
    text = (TOP / "sql/stmt/work.def").read_text()
    names, columns = re.search(rf"STMT_\w+\({name},\s*ARGS\(((?:\w+\(\w+\)[,\s]*)+)\),(.*?)\"\)\n",
                               text, re.S).groups()
    sql = "".join(re.findall(r'"([^"]*)', columns)[::2])
    return sql.replace("?", "%s"), [values[one] for one in re.findall(r"\((\w+)\)", names)]


def reads(stack, name, values):
    """Rows that the storage engine read for a statement, and its plan."""
    sql, args = statement(name, values)
    connection = stack.database()
    try:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + sql, args)
            plan = [dict(zip([column[0] for column in cursor.description], row))
                    for row in cursor.fetchall()]
            cursor.execute("FLUSH STATUS")
            cursor.execute(sql, args)
            cursor.fetchall()
            cursor.execute("SHOW SESSION STATUS LIKE 'Handler\\_read%'")
            return sum(int(row[1]) for row in cursor.fetchall()), plan
    finally:
        connection.close()


def due_scan(stack, tenant):
    later = "2100-01-01"
    values = {"kind": "webhook_delivery", "now": later, "same_now": later, "limit": 4,
              "lane": next(iter(tenant.endpoints.values())).id}
    return {"work_lanes": reads(stack, "work_lanes", {**values, "limit": 10000}),
            "work_leased": reads(stack, "work_leased", values),
            "work_claim": reads(stack, "work_claim", values)}


def drain(bench, stack, tenant, events):
    """Seconds to deliver what is due, median of three."""
    times = []
    for _ in range(3):
        tenant.fill(events)
        stack.rows("ANALYZE TABLE work, delivery, event")
        began = time.monotonic()
        with Batches(stack):
            if not wait_for(lambda: stack.rows("SELECT COUNT(*) FROM work") == ((0,),), 120, 0.02):
                raise SystemExit("bench: what was due was not delivered in 120 s")
            times.append(time.monotonic() - began)
    bench.say("    " + ", ".join(f"{one:.2f}" for one in times) + " s")
    return statistics.median(times)


def history(bench, stack):
    rows = 50_000 if bench.args.quick else 1_000_000
    bench.say(f"webhooks: what is due beside {rows} finished deliveries")
    clear(stack)
    with FastReceiver(stack.dir) as receiver:
        tenant = Tenant(stack, "History")
        for n in range(PER_APP):
            tenant.endpoint(receiver, f"/{n}")
        tenant.fill(10)
        without = due_scan(stack, tenant)
        stack.rows("TRUNCATE TABLE work")
        before = drain(bench, stack, tenant, 200)
        bench.say(f"    filling {rows} rows ...")
        tenant.fill(rows // PER_APP, done=True)
        after = drain(bench, stack, tenant, 200)
        tenant.fill(10)
        beside = due_scan(stack, tenant)
    for name, (count, plan) in beside.items():
        for row in plan:
            bench.say(f"    {name}: {row['select_type']} {row['table']} {row['type']} "
                      f"key={row['key']} rows={row['rows']} {row['Extra'] or ''}")
        bench.say(f"    {name}: {without[name][0]} rows read without the history, {count} with it")
    worst = max(beside[name][0] / max(1, without[name][0]) for name in beside)
    bench.figure(f"webhooks, rows the due scan reads with {rows} finished, over without", worst,
                 "<= 1", worst <= 1, "x")
    bench.figure(f"webhooks, time for 10000 due with {rows} finished, over without",
                 after / before, "<= 1.3", after / before <= 1.3, "x")


def webhooks(bench, _stack, _peer):
    with Stack(*SETTINGS, workers=4) as stack:
        for part in (throughput, latency, fairness, in_flight_memory, history):
            part(bench, stack)
