# SPDX-License-Identifier: Apache-2.0
"""After DELETE /v1/keys/{id} answered 204, that key is 401 everywhere: two pools, one database."""

import concurrent.futures
import threading

import pytest

from load import Load
from product import LONG, Client, Stack


@pytest.fixture(scope="module")
def two_pools():
    with Stack(workers=6) as first:
        with Stack("--db-of", str(first.dir), workers=6) as second:
            yield first, second


@pytest.mark.parametrize("round_", range(20 if LONG else 5))
def test_a_thousand_of_a_thousand_are_refused(two_pools, round_):
    first, second = two_pools
    app, _ = first.tenant("Revoke")
    owner, made = first.key(app), first.key(app)
    stop, seen = threading.Event(), {"before": 0}

    def keep_warm(stack):
        client = stack.client(made["key"])
        while not stop.is_set():
            if client.get("/v1/kyc/verifications?limit=1").status_code == 200:
                seen["before"] += 1
    threads = [threading.Thread(target=keep_warm, args=(stack,))
               for stack in (first, second) for _ in range(3)]
    with Load(first, threads=2, sandbox=True):
        for thread in threads:
            thread.start()
        while seen["before"] < 50:
            pass
        answer = first.client(owner["key"]).delete("/v1/keys/" + made["id"])
        assert answer.status_code == 204
        with concurrent.futures.ThreadPoolExecutor(8) as crowd:
            def ask(number):
                stack = (first, second)[number % 2]
                return Client(stack.url, made["key"]).get(
                    "/v1/kyc/verifications?limit=1").status_code
            codes = list(crowd.map(ask, range(1000)))
        stop.set()
        for thread in threads:
            thread.join()
    assert codes.count(401) == 1000


def test_the_command_line_revokes_everywhere_too(two_pools):
    first, second = two_pools
    app, _ = first.tenant("Revoke by CLI")
    made = first.key(app)
    clients = [stack.client(made["key"]) for stack in (first, second)]
    assert {client.get("/v1/keys").status_code for client in clients for _ in range(20)} == {200}
    first.cli("key", "revoke", made["id"])
    assert {client.get("/v1/keys").status_code for client in clients for _ in range(50)} == {401}
