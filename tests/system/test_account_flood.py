# SPDX-License-Identifier: Apache-2.0
"""Floods of logins: the pool goes on answering, nobody else is locked out, and nothing crashes; and the
settings that say who may come in."""

import os
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts import (BASE, PASSWORD, account_register, codes, letters, login, new_address, register,
                      verify)
from product import LONG, SEED, Stack, wait_for

ATTEMPTS = 1000 if LONG else 60
WRONG = "Wr0ng!Password"


def metric(stack, name):
    page = stack.client().get("/-/metrics").text
    return int(re.search(rf"^{name} (\d+)", page, re.M).group(1))


@pytest.fixture(scope="module")
def stack():
    # A password takes long here, so that a flood is one.
    with Stack("--set", "argon2_passes=12", "--set", "crash_limit_per_min=400",
               workers=8) as running:
        yield running


class Flood:
    """So many clients that try one password after the other."""

    def __init__(self, stack, clients, password=WRONG):
        self.stop = threading.Event()
        self.statuses = []
        self.answers = {}
        self.threads = [threading.Thread(target=self.run, args=(stack, password))
                        for _ in range(clients)]

    def run(self, stack, password):
        client = stack.client()
        while not self.stop.is_set():
            answer = client.post(BASE + "/login/", {"email": new_address(), "password": password})
            self.statuses.append(answer.status_code)
            self.answers[answer.status_code] = answer

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def test_a_flood_of_logins_leaves_the_rest_answering(stack):
    verification = stack.sandbox.post("/v1/kyc/sandbox/verify", SEED).json()["data"]["id"]
    with Flood(stack, 32) as flood:
        assert wait_for(lambda: 503 in flood.statuses and 401 in flood.statuses, 30)
        for _ in range(100):
            answer = stack.sandbox.get("/v1/kyc/verifications/" + verification)
            assert answer.status_code == 200, answer.text
    # Somebody was looked at, and nobody got anything but an answer.
    assert set(flood.statuses) == {401, 503}
    assert flood.answers[503].headers["Retry-After"] == "1"
    assert flood.answers[503].json() == {
        "detail": "Too many people are logging in just now. Please try again."}
    assert metric(stack, "bonafide_worker_crashes_total") == 0
    assert metric(stack, "bonafide_request_timeouts_total") == 0
    # The seats are free again.
    assert login(stack, new_address()).status_code == 401


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def test_a_killed_worker_leaves_its_seat(stack):
    """Every seat there is, and more, by workers that die at it."""
    killed = set()
    with Flood(stack, 8):
        while len(killed) < 8:
            for worker in stack.client().get("/-/status").json()["workers"]:
                if worker["state"] == "busy" and worker["operation"] == "login":
                    kill(worker["pid"])
                    killed.add(worker["pid"])
    assert wait_for(lambda: metric(stack, "bonafide_worker_crashes_total") >= 8, 20)
    with ThreadPoolExecutor(4) as many:
        def one(_):
            return wait_for(lambda: login(stack, new_address()).status_code == 401, 20)
        assert all(many.map(one, range(8)))


def test_wrong_logins_at_one_account_lock_out_no_other(stack):
    victim, other = account_register(stack), account_register(stack)
    crashes = metric(stack, "bonafide_worker_crashes_total")

    def attack(_):
        return login(stack, victim["email"], WRONG).status_code
    with ThreadPoolExecutor(8) as many:
        attempts = [many.submit(attack, n) for n in range(ATTEMPTS)]
        logins = 0
        while logins < 5:
            answer = login(stack, other["email"])
            assert answer.status_code in (200, 503), answer.text
            logins += answer.status_code == 200
        statuses = [attempt.result() for attempt in attempts]
    assert set(statuses) <= {401, 429, 503}
    assert statuses.count(401) <= 5
    while login(stack, victim["email"], WRONG).status_code != 429:
        pass
    assert login(stack, victim["email"]).status_code == 429
    assert login(stack, other["email"]).status_code == 200
    assert metric(stack, "bonafide_worker_crashes_total") == crashes


def test_a_hash_of_another_cost_is_made_anew(stack):
    """When its password is next at hand, and not before."""
    somebody = account_register(stack)

    def hashed():
        return stack.rows("SELECT password FROM account ORDER BY id DESC LIMIT 1")[0][0]
    assert ",t=12," in hashed()
    conf = open(stack.conf).read()
    with open(stack.conf, "w") as out:
        out.write("\n".join([line for line in conf.splitlines()
                             if not line.startswith("argon2_passes")] + ["argon2_passes = 3", ""]))
    os.kill(stack.pid("pool"), signal.SIGHUP)

    def reloaded():
        status = stack.client().get("/-/status").json()
        return {row["generation"] for row in status["workers"]} == {status["generation"]} != {1}
    assert wait_for(reloaded, 20)
    assert login(stack, somebody["email"], WRONG).status_code == 401
    assert ",t=12," in hashed()
    assert login(stack, somebody["email"]).status_code == 200
    assert ",t=3," in hashed()
    assert login(stack, somebody["email"]).status_code == 200


# ---- who may come in -------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """With the limits that the product has by itself."""
    leaked = tmp_path_factory.mktemp("leaked") / "passwords"
    leaked.write_bytes(b"\n".join(sorted([b"Passw0rd!", PASSWORD.encode() + b"2", b"a", b"zz"]
                                         + [b"x%d" % n for n in range(500)])) + b"\n")
    leaked.chmod(0o644)
    leaked.parent.chmod(0o755)
    with Stack("--set", "registration=invited", "--set", f"password_leaked_file={leaked}",
               "--set", "mailing_address_per_h=12", "--set", "auth_address_per_min=40") as running:
        running.leaked = leaked
        yield running


def test_a_leaked_password_is_refused(closed):
    for password in ("Passw0rd!", PASSWORD + "2"):
        answer = register(closed, new_address(), password)
        assert answer.status_code == 400
        assert answer.json() == {"password": [
            "is in a list of passwords that have been leaked; choose another"]}
    assert register(closed, new_address(), "Passw0rd!!").status_code == 201


def test_check_looks_at_the_list(closed):
    report = closed.cli("check", "--json", check=False)
    assert f"{closed.leaked}: 504 leaked passwords, in order" in report.stdout
    whole = closed.leaked.read_bytes()
    closed.leaked.write_bytes(b"b\na\n")
    report = closed.cli("check", "--json", check=False)
    assert report.returncode == 1 and "line 2 is not in its place" in report.stdout
    closed.leaked.unlink()
    # What cannot be looked up is not let through.
    assert register(closed, new_address()).status_code == 503
    closed.leaked.write_bytes(whole)
    closed.leaked.chmod(0o644)
    assert register(closed, new_address()).status_code == 201


def test_only_the_invited_get_a_code(closed):
    org = closed.cli("org", "create", "Hosts", "--json")["id"]
    invited, stranger = new_address(), new_address()
    closed.cli("member", "add", "--org", org, "--role", "admin", invited)
    for address in (invited, stranger):
        answer = register(closed, address)
        assert answer.status_code == 201
        assert answer.json()["email"] == address
    answer = verify(closed, invited, codes(closed, invited)[-1])
    assert answer.status_code == 200, answer.text
    assert letters(closed, stranger) == []
    # An organisation of their own, and the one they were invited to.
    mine = closed.client(answer.json()["access_token"]).get("/auth/v2/organizations/me/").json()
    assert [row["name"] for row in mine] == ["Hosts", invited.split("@")[0]]


def test_limits_of_an_address(closed):
    statuses = []
    while 429 not in statuses:
        answer = register(closed, new_address(), "weak")
        statuses.append(answer.status_code)
    assert set(statuses) == {400, 429} and len(statuses) <= 13
    assert answer.json() == {"detail": "Too many requests."}
    assert int(answer.headers["Retry-After"]) > 60
    # Logging in is another matter.
    assert login(closed, new_address()).status_code == 401
    assert closed.client().post(BASE + "/resend-otp/", {"email": "x"}).status_code == 429
