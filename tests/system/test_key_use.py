# SPDX-License-Identifier: Apache-2.0
"""What keys cost the database: nothing when they are none, one note a minute when they are used;
and ends that no worker's memory outlives, with a memory that is long on purpose."""

import binascii
import concurrent.futures
import random
import string
import time

import pytest

from product import LONG, Client, Stack, wait_for

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
WORKERS = 8
LEASE_S = 2
NOTE = "UPDATE api_key SET last_used_at%"


@pytest.fixture(scope="module")
def stack():
    with Stack("--no-batch", "--set", f"key_lease_ms={LEASE_S * 1000}", workers=WORKERS) as running:
        yield running


# ---- keys that are none ----------------------------------------------------------------------------


def tail_of(text):
    number, tail = binascii.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        tail = BASE62[digit] + tail
    return tail


def mistyped(key):
    """One letter wrong, two exchanged, one missing, one too many: as people do."""
    at = random.randrange(len(key) - 1)
    other = random.choice([c for c in BASE62 if c != key[at]])
    return random.choice([key[:at] + other + key[at + 1:], key[:at] + key[at + 1:],
                          key[:at] + key[at] + key[at:], key + other])


def invented(prefix):
    return prefix + "".join(random.choices(BASE62, k=48))


def ask_with(stack, keys):
    def ask(chunk):
        client = Client(stack.url)
        return {client.get("/v1/keys", headers={"Authorization": "Bearer " + key}).status_code
                for key in chunk}
    with concurrent.futures.ThreadPoolExecutor(4) as crowd:
        return set().union(*crowd.map(ask, (keys[part::4] for part in range(4))))


def asked(stack):
    """What the server has been asked by everybody but us."""
    status = dict(stack.rows("SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', "
                             "'Com_select', 'Com_stmt_execute', 'Com_stmt_prepare')"))
    return {name: int(value) for name, value in status.items()}


def test_keys_that_are_none_cost_no_query(stack):
    app, _ = stack.tenant("Mistyped")
    pair = stack.key(app, scopes=None, kind="secret")
    good = [stack.key(app)["key"], stack.key(app, environment="sandbox")["key"], pair["key"],
            pair["publishable_key"]]
    prefixes = [key[:key.rindex("_") + 1] for key in good]
    count = 100_000 if LONG else 3_000
    keys = [mistyped(random.choice(good)) if number % 2 else invented(random.choice(prefixes))
            for number in range(count)]
    before = asked(stack)
    between = asked(stack)
    assert ask_with(stack, keys) == {401}
    after = asked(stack)
    for name in before:  # asking costs something itself
        assert after[name] - between[name] == between[name] - before[name], name


def test_a_key_that_might_be_one_is_asked_for(stack):
    """The counters above do count."""
    text = invented("dme_live_")[:-6]
    before = asked(stack)
    assert ask_with(stack, [text + tail_of(text)]) == {401}
    assert asked(stack)["Com_stmt_execute"] > before["Com_stmt_execute"]


# ---- last use ----------------------------------------------------------------------------------------


@pytest.fixture()
def notes(stack):
    """How often last_used_at was written since, by any connection."""
    stack.rows("SET GLOBAL log_output = 'TABLE'")
    stack.rows("TRUNCATE mysql.general_log")
    stack.rows("SET GLOBAL general_log = ON")
    yield lambda: stack.rows("SELECT COUNT(*) FROM mysql.general_log WHERE argument LIKE %s "
                             "AND command_type IN ('Execute', 'Query')", NOTE)[0][0]
    stack.rows("SET GLOBAL general_log = OFF")


def use(stack, keys, seconds):
    """All keys from all sides at once, so that every worker sees every key; all were accepted."""
    end = time.monotonic() + seconds

    def ask(number):
        clients = [stack.client(key) for key in keys]
        codes = set()
        while time.monotonic() < end:
            random.shuffle(clients)
            codes |= {client.get("/v1/kyc/verifications?limit=1").status_code
                      for client in clients}
        return codes
    with concurrent.futures.ThreadPoolExecutor(2 * WORKERS) as crowd:
        assert set().union(*crowd.map(ask, range(2 * WORKERS))) == {200}


def test_eight_workers_note_a_use_once(stack, notes):
    app, _ = stack.tenant("Used")
    made = [stack.key(app) for _ in range(10)]
    use(stack, [key["key"] for key in made], LEASE_S + 2)
    assert wait_for(lambda: notes() >= len(made), 5)
    assert notes() == len(made)
    assert stack.rows("SELECT COUNT(*) FROM api_key k JOIN application a ON a.id = k.application_id "
                      "WHERE a.name = 'Used' AND k.last_used_at > NOW(3) - INTERVAL 60 SECOND "
                      "AND kind = 'server'")[0][0] == len(made)


@pytest.mark.skipif(not LONG, reason="takes minutes: BONAFIDE_LONG=1")
def test_a_note_a_minute_and_never_further_behind(stack, notes):
    app, _ = stack.tenant("Used for long")
    made = stack.key(app)
    began, worst = time.monotonic(), 0.0
    while time.monotonic() - began < 190:
        use(stack, [made["key"]], 2)
        used = stack.client(made["key"]).get("/v1/keys").status_code
        behind = stack.rows("SELECT TIMESTAMPDIFF(MICROSECOND, last_used_at, NOW(6)) FROM api_key "
                            "ORDER BY id DESC LIMIT 1")[0][0] / 1e6
        worst = max(worst, behind)
        assert used == 200
    assert notes() == 4, notes()  # at 0, 60, 120 and 180 s
    assert worst < 60 + LEASE_S + 1


# ---- ends ------------------------------------------------------------------------------------------------


def warm(stack, key):
    """Every worker remembers it, for LEASE_S."""
    with concurrent.futures.ThreadPoolExecutor(2 * WORKERS) as crowd:
        assert set(crowd.map(lambda _: stack.client(key).get("/v1/keys").status_code,
                             range(8 * WORKERS))) == {200}


def test_an_expired_key_is_refused_though_remembered(stack):
    app, _ = stack.tenant("Expiring")
    end = int(time.time()) + 3
    made = stack.key(app, expires=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end)))
    while time.time() < end - 1:
        warm(stack, made["key"])
    time.sleep(max(0, end - time.time()))
    with concurrent.futures.ThreadPoolExecutor(2 * WORKERS) as crowd:
        codes = list(crowd.map(lambda _: stack.client(made["key"]).get("/v1/keys").status_code,
                               range(4 * WORKERS)))
    assert set(codes) == {401}


def test_a_shorter_end_is_known_when_the_rotation_is_answered(stack):
    app, _ = stack.tenant("Shortened")
    owner, made = stack.client(stack.key(app)["key"]), stack.key(app)
    warm(stack, made["key"])
    answer = owner.post(f"/v1/keys/{made['id']}/rotate", {"overlap_seconds": 1})
    assert answer.status_code == 201
    # The overlap is over by now, and so is what a worker may have remembered.
    with concurrent.futures.ThreadPoolExecutor(2 * WORKERS) as crowd:
        codes = list(crowd.map(lambda _: stack.client(made["key"]).get("/v1/keys").status_code,
                               range(4 * WORKERS)))
    assert set(codes) == {401}
