# SPDX-License-Identifier: Apache-2.0
"""The figures: each measured, compared with its target, and printed."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.badkeys import badkeys
from bench.limits import limits
from bench.load import POST, wrk
from bench.peer import Peer
from bench.webhooks import webhooks
from product import Stack, canned

WORKERS = 8  # of the pool (its default), and processes of the peer


class Bench:
    def __init__(self, args):
        self.args, self.figures = args, []
        self.seconds, self.rounds = (3, 3) if args.quick else (6, 5)

    def figure(self, name, value, target, reached, unit=""):
        word = "OK" if reached else "MISSED"
        self.figures.append({"name": name, "value": round(value, 3), "unit": unit,
                             "target": target, "reached": bool(reached)})
        print(f"  {word:6}  {name}: {value:.2f}{unit}   (target {target})", flush=True)

    def say(self, text):
        print(text, flush=True)


def median_of(results, what):
    return statistics.median(getattr(result, what) for result in results)


NAMES = ("bonafide", "php-fpm, PDO writes the SQL", "php-fpm, real prepared statements")


def side_by_side(bench, *contestants):
    """Rounds in turn, so that a noisy moment meets all; the results of each."""
    results = [[] for _ in contestants]
    for contestant in contestants:  # warm
        contestant(1)
    for _ in range(bench.rounds):
        for contestant, measured in zip(contestants, results):
            measured.append(contestant(bench.seconds))
    for name, measured in zip(NAMES, results):
        bench.say(f"    {name:34} {median_of(measured, 'rate'):7.0f} requests/s, p50 "
                  f"{median_of(measured, 'p50'):.2f} ms, p99 {median_of(measured, 'p99'):.2f} ms")
    return results


def against_peers(bench, name, results):
    """The product promises twice the peer; both ways to write the peer are shown."""
    mine = median_of(results[0], "rate")
    for peer, measured in zip(NAMES[1:], results[1:]):
        ratio = mine / median_of(measured, "rate")
        bench.figure(f"{name}, times {peer}", ratio, ">= 2", ratio >= 2, "x")


# ---- the figures ------------------------------------------------------------------------------------


def read(bench, stack, peer):
    bench.say("read: GET /v1/kyc/verifications/{id}, 16 connections")
    ver = stack.live.post("/v1/kyc/sandbox/verify", canned()).json()["data"]["id"]
    row = stack.rows("SELECT LOWER(HEX(id)) FROM verification ORDER BY id DESC LIMIT 1")[0][0]
    live = "Authorization: Bearer " + stack.env["BONAFIDE_LIVE_KEY"]
    theirs = ["Authorization: Bearer " + peer.key]
    results = side_by_side(
        bench,
        lambda s: wrk(f"{stack.url}/v1/kyc/verifications/{ver}", s, [live]),
        lambda s: wrk(f"{peer.url}/v1/kyc/verifications/{row}", s, theirs),
        lambda s: wrk(f"{peer.url}/real/v1/kyc/verifications/{row}", s, theirs))
    against_peers(bench, "read", results)
    tail = statistics.median(result.p99 / result.p50 for result in results[0])
    bench.figure("read, p99 over p50", tail, "< 4", tail < 4, "x")


def write(bench, stack, peer):
    bench.say("write: POST /v1/kyc/verify, 16 connections, durable commits")
    scripts, firsts = {}, iter(range(10_000_000, 10**11, 50_000_000))

    def post(url, key, prefix=""):
        def run(seconds):
            path = stack.dir / f"post-{len(scripts)}.lua"
            scripts[path] = True
            path.write_text(POST.format(first=next(firsts), key=key, prefix=prefix))
            return wrk(url, seconds, script=path)
        return run
    results = side_by_side(bench, post(stack.url, stack.env["BONAFIDE_LIVE_KEY"]),
                           post(peer.url, peer.key), post(peer.url, peer.key, "/real"))
    against_peers(bench, "write", results)
    tail = statistics.median(result.p99 / result.p50 for result in results[0])
    bench.say(f"    p99 over p50: {tail:.2f}x")


FILL = """INSERT INTO verification (id, application_id, environment, kind, status, country, id_type,
  provider, score_requested, created_at, completed_at)
SELECT UNHEX(CONCAT(LPAD(HEX(1700000000000 + seq), 12, '0'), '7000', '8000', LPAD(HEX(seq), 12, '0'))),
  UNHEX('{app}'), 'live', 'kyc', 'approved', 'NG', 'nin', 'smile_v1', 0,
  FROM_UNIXTIME(1700000000 + seq / 1000), FROM_UNIXTIME(1700000000 + seq / 1000)
FROM seq_{first}_to_{last}"""


def fill(bench, stack, rows):
    """An application with so many verifications, and counters that say so."""
    app, _ = stack.tenant(f"Bench {rows}")
    key = stack.key(app)["key"]
    raw = stack.rows("SELECT HEX(id) FROM application ORDER BY id DESC LIMIT 1")[0][0]
    bench.say(f"    filling {rows} rows ...")
    offset = 0 if rows < 100000 else 100_000_000
    for first in range(1, rows + 1, 100000):
        stack.rows(FILL.format(app=raw, first=offset + first,
                               last=offset + min(first + 99999, rows)))
    for slot in range(8):  # as many workers would have written them
        share = rows // 8 + (rows % 8 if slot == 0 else 0)
        stack.rows("INSERT INTO counter VALUES (UNHEX(%s), 'verification', 'live', 'approved', %s, %s)",
                   raw, slot, share)
    return key


def listing(bench, stack, _peer):
    small, large = 10_000, 200_000 if bench.args.quick else 1_000_000
    bench.say(f"list: 20 with total, at {small} and at {large} rows")
    keys = [fill(bench, stack, rows) for rows in (small, large)]
    for key, rows in zip(keys, (small, large)):
        body = stack.client(key).get("/v1/kyc/verifications").json()
        assert body["meta"]["total"] == rows and len(body["data"]) == 20, body["meta"]

    def of(key):
        header = ["Authorization: Bearer " + key]
        return lambda seconds: wrk(f"{stack.url}/v1/kyc/verifications", seconds, header)
    few, many = of(keys[0]), of(keys[1])
    few(1), many(1)
    rates = ([], [])
    for _ in range(bench.rounds):
        rates[0].append(few(bench.seconds).rate)
        rates[1].append(many(bench.seconds).rate)
    ratio = statistics.median(rates[0]) / statistics.median(rates[1])
    bench.say(f"    {statistics.median(rates[0]):.0f} and {statistics.median(rates[1]):.0f} requests/s")
    bench.figure(f"list, time at {large} over time at {small} rows", ratio, "<= 1.3", ratio <= 1.3,
                 "x")


def batch(bench, stack, _peer):
    count = 300 if bench.args.quick else 1000
    bench.say(f"batch: {count} queued verifications, submitted and settled")
    stack.rows("DELETE FROM work")
    stack.rows("UPDATE verification SET status = 'error' WHERE status = 'pending'")
    stack.sim("POST", "/_sim/settings", {"number_limit": 0})
    live = stack.live
    for n in range(count):
        answer = live.post("/v1/kyc/verify", canned(id_number=f"{5_000_000 + n:010d}0"))
        assert answer.status_code == 202, answer.text
    program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide-batch")
    began, peak = time.monotonic(), 0
    process = subprocess.Popen([program, "-c", stack.conf, "--linger", "60"],
                               stderr=open(stack.dir / "log/bench-batch.log", "wb"))
    try:
        while stack.rows("SELECT COUNT(*) FROM verification WHERE status = 'pending'")[0][0] > 0:
            peak = max(peak, high_water_kib(process.pid))
            if time.monotonic() - began > 90:
                raise SystemExit("bench: the batch did not settle everything in 90 s")
            time.sleep(0.1)
        took = time.monotonic() - began
        peak = max(peak, high_water_kib(process.pid))
    finally:
        process.terminate()
        process.wait(20)
    decided = stack.rows("SELECT COUNT(*) FROM verification WHERE status = 'approved' "
                         "AND provider = 'smile_v1' AND external_ref IS NULL AND id_type = 'nin' "
                         "AND sealed IS NOT NULL")[0][0]
    assert decided >= count, decided
    bench.figure(f"batch, seconds for {count}", took, f"< {20 * count // 1000}",
                 took < 20 * count / 1000, " s")
    bench.figure("batch, peak memory", peak / 1024, "<= 64", peak <= 64 * 1024, " MiB")


def high_water_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def memory(bench, _stack, _peer):
    most = 20_000 if bench.args.quick else 100_000
    bench.say(f"memory: a worker after {most} requests")
    with Stack("--set", "max_requests=0", "--no-batch", workers=1) as stack:
        ver = stack.live.post("/v1/kyc/sandbox/verify", canned()).json()["data"]["id"]
        live = "Authorization: Bearer " + stack.env["BONAFIDE_LIVE_KEY"]
        urls = [f"{stack.url}/v1/kyc/verifications/{ver}", f"{stack.url}/v1/kyc/verifications",
                f"{stack.url}/v1/keys", f"{stack.url}/v1/usage"]
        sizes, done = [], 0
        while done < most:
            for url in urls:
                wrk(url, 1, [live])
            row = stack.client().get("/-/status").json()["workers"][0]
            done = row["requests"]
            sizes.append(rss_kib(row["pid"]))
        bench.say(f"    {done} requests, first {sizes[0] / 1024:.1f} MiB, last {sizes[-1] / 1024:.1f} MiB")
        bench.figure("worker, resident memory", sizes[-1] / 1024, "< 16", sizes[-1] < 16 * 1024,
                     " MiB")
        growth = sizes[-1] - sizes[0]
        bench.figure("worker, growth since the first round", growth / 1024, "< 0.5",
                     growth < 512, " MiB")


def rss_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


BENCHES = {"read": read, "write": write, "list": listing, "batch": batch, "memory": memory,
           "limits": limits, "webhooks": webhooks, "badkeys": badkeys}


def options(words):
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__)
    parser.add_argument("--only", choices=BENCHES, action="append", help="one figure's bench")
    parser.add_argument("--quick", action="store_true", help="shorter rounds, smaller loads")
    parser.add_argument("--build", metavar="DIR", help="the build to measure (default: the tree's)")
    parser.add_argument("--json", metavar="FILE", help="also write the figures as JSON")
    return parser.parse_args(words)


def main(words):
    args = options(words)
    if args.build:
        os.environ["BONAFIDE_BUILD"] = os.path.abspath(args.build)
    os.environ.setdefault("BONAFIDE_WEB", "nginx")
    bench = Bench(args)
    chosen = args.only or list(BENCHES)
    print(f"bench: {os.cpu_count()} processors, {WORKERS} workers; medians of {bench.rounds} rounds "
          f"of {bench.seconds} s", flush=True)
    with Stack("--no-batch", workers=WORKERS) as stack, Peer(stack, WORKERS) as peer:
        for name in chosen:
            BENCHES[name](bench, stack, peer)
    missed = sum(not figure["reached"] for figure in bench.figures)
    if args.json:
        Path(args.json).write_text(json.dumps(bench.figures, indent=1) + "\n")
    print(f"bench: {len(bench.figures)} figures, {len(bench.figures) - missed} reached, "
          f"{missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
