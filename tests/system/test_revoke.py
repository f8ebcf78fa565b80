# SPDX-License-Identifier: Apache-2.0
"""After a key was revoked, or replaced without an overlap, it is 401 everywhere: two pools, one
database."""

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


@pytest.mark.parametrize("kind,names", [("server", ["key"]),
                                        ("secret", ["key", "publishable_key"])])
def test_a_replaced_key_is_refused_everywhere(two_pools, kind, names):
    first, second = two_pools
    app, _ = first.tenant("Rotate")
    owner = first.client(first.key(app)["key"])
    for _ in range(5):
        old = first.key(app, scopes=None if kind == "secret" else "all", kind=kind)
        clients = [stack.client(old[name]) for stack in (first, second) for name in names]
        assert 401 not in {client.get("/v1/keys").status_code
                           for client in clients for _ in range(12)}
        answer = owner.post(f"/v1/keys/{old['id']}/rotate", {"overlap_seconds": 0})
        assert answer.status_code == 201
        with concurrent.futures.ThreadPoolExecutor(8) as crowd:
            codes = list(crowd.map(lambda number, clients=clients: Client(
                clients[number % len(clients)].url, old[names[number % len(names)]]).get(
                    "/v1/keys").status_code, range(60)))
        assert set(codes) == {401}


def test_the_command_line_revokes_everywhere_too(two_pools):
    first, second = two_pools
    app, _ = first.tenant("Revoke by CLI")
    made = first.key(app)
    clients = [stack.client(made["key"]) for stack in (first, second)]
    assert {client.get("/v1/keys").status_code for client in clients for _ in range(20)} == {200}
    first.cli("key", "revoke", made["id"])
    assert {client.get("/v1/keys").status_code for client in clients for _ in range(50)} == {401}


def test_the_command_line_replaces_everywhere_too(two_pools):
    first, second = two_pools
    app, _ = first.tenant("Rotate by CLI")
    made = first.key(app)
    clients = [stack.client(made["key"]) for stack in (first, second)]
    assert {client.get("/v1/keys").status_code for client in clients for _ in range(20)} == {200}
    new = first.cli("key", "rotate", made["id"], "--overlap", "0", "--json")
    assert {client.get("/v1/keys").status_code for client in clients for _ in range(50)} == {401}
    assert {stack.client(new["key"]).get("/v1/keys").status_code
            for stack in (first, second)} == {200}
