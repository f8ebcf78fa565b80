# SPDX-License-Identifier: Apache-2.0
"""What counting costs: reads through a pool with all limits on, and through one with none, on the
same database, in turn."""

import statistics

from bench.load import wrk
from product import Stack, canned

OFF = ("rate_per_s", "daily_requests", "age_address_per_min", "auth_address_per_min",
       "page_address_per_min")


def limits(bench, stack, _peer):
    bench.say("limits: GET /v1/kyc/verifications/{id}, 16 connections, limiter and quota on and off")
    words = [word for name in OFF for word in ("--set", f"{name}=0")]
    ver = stack.live.post("/v1/kyc/sandbox/verify", canned()).json()["data"]["id"]
    path, header = "/v1/kyc/verifications/" + ver, \
        ["Authorization: Bearer " + stack.env["BONAFIDE_LIVE_KEY"]]
    with Stack("--db-of", str(stack.dir), "--no-batch", *words, workers=stack.workers) as free:
        assert "RateLimit" in stack.live.get(path).headers
        assert "RateLimit" not in free.live.get(path).headers
        urls = {"on": stack.url + path, "off": free.url + path}
        for url in urls.values():  # warm
            wrk(url, 1, header)
        rates = {"on": [], "off": []}
        # Short rounds, many of them, and the first place changes: what disturbs the machine meets both.
        for number in range(4 * bench.rounds):
            for name in (("on", "off"), ("off", "on"))[number % 2]:
                rates[name].append(wrk(urls[name], max(1, bench.seconds // 3), header).rate)
    on, off = (statistics.median(rates[name]) for name in ("on", "off"))
    bench.say(f"    {on:.0f} requests/s with, {off:.0f} without")
    cost = 100 * (1 - on / off)
    bench.figure("limits, cost of a read's throughput", cost, "<= 5", cost <= 5, " %")
