# SPDX-License-Identifier: Apache-2.0
"""What a receiver gets: the body, byte for byte, the headers, and signatures that programs of others
find right; and the time in which two secrets sign."""

import base64
import json
import re
import subprocess
import time

import npm
import pytest

from product import TOP, Stack, canned, is_id, is_time
from receiver import (Hooks, Receiver, answer, attempts, batch_at, batch_run, deliveries, id_hex,
                      prove_outbox, signatures, signed_by)

VERIFIER = TOP / "tests/lib/standardwebhooks"
LEGACY = ("x-kayle-delivery-id", "x-kayle-event", "x-kayle-signature", "deepidv-signature")


@pytest.fixture(scope="module")
def stack():
    with Stack("--no-batch", "--set", "egress_allow=127.0.0.0/8") as running:
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


def data_of(body):
    """The bytes of "data" in an event's body, as they stand there."""
    match = re.fullmatch(rb'\{"event":"[a-z.]+","type":"[a-z.]+","data":(\{.*\}),'
                         rb'"timestamp":"[0-9TZ:-]+"\}', body, re.S)
    assert match, body
    return match.group(1)


def shown_by_get(hooks, ver):
    """The bytes of the object in the answer to GET."""
    text = hooks.client.get("/v1/kyc/verifications/" + ver).content
    match = re.fullmatch(rb'\s*\{"data":\s*(\{.*\})\}\s*', text, re.S)
    assert match, text
    return match.group(1)


def one(stack, receiver, path="/"):
    batch_run(stack)
    got = receiver.of(path)
    assert len(got) == 1, [request.path for request in receiver.requests]
    return got[0]


DECLINED = {"id_number": "1000000000001"}
CASES = {
    "approved": {},
    "with a score": {"score_requested": True},
    "declined": DECLINED,
    "error": {"id_number": "1000000000002"},
    "no reference": {"external_ref": ...},
    "quotes, accents, four bytes": {"external_ref": 'é "\\/\u2028 🔑 </script>'},
}


@pytest.mark.parametrize("change", CASES.values(), ids=CASES)
def test_body_is_what_get_shows(stack, hooks, receiver, change):
    hooks.create(receiver.url("/"))
    data = hooks.event(**change)
    request = one(stack, receiver)
    assert data_of(request.body) == shown_by_get(hooks, data["id"])
    event = json.loads(request.body.decode("utf-8"))
    assert list(event) == ["event", "type", "data", "timestamp"]
    word = "verification.completed" if data["status"] == "approved" else "verification.failed"
    assert event["event"] == event["type"] == word
    assert event["data"] == data
    assert is_time(event["timestamp"])
    assert len(request.body) < 20000
    prove_outbox(stack)


def test_body_of_one_that_the_batch_decides(stack, hooks, receiver):
    endpoint = hooks.create(receiver.url("/"))
    ver = stack.live.post("/v1/kyc/verify", canned()).json()["data"]["id"]
    assert not stack.rows("SELECT 1 FROM event")
    data = None
    for _ in range(50):
        batch_run(stack, "--once")
        data = stack.live.get("/v1/kyc/verifications/" + ver).json()["data"]
        if data["status"] != "pending":
            break
        stack.cli("work", "retry", "--lane", "smile_v1")
        time.sleep(0.1)
    assert data["status"] == "approved"
    batch_run(stack)
    request, = receiver.of("/")
    assert data_of(request.body) == shown_by_get(hooks, ver)
    assert signed_by(endpoint.secret, request)
    prove_outbox(stack, [endpoint])


def test_nothing_personal_leaves(stack, hooks, receiver):
    hooks.create(receiver.url("/"))
    hooks.event(first_name="Ghislaine", last_name="Ouattara", date_of_birth="1987-03-21",
                id_number="5556667778889")
    text = one(stack, receiver).body.decode()
    for word in ("Ghislaine", "Ouattara", "1987-03-21", "5556667778889"):
        assert word not in text


def test_headers(stack, hooks, receiver):
    endpoint = hooks.create(receiver.url("/where?a=b"))
    hooks.event()
    before = int(time.time())
    request = one(stack, receiver, "/where?a=b")
    assert request.method == "POST"
    headers = request.headers
    assert headers["content-type"] == "application/json"
    assert int(headers["content-length"]) == len(request.body)
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    assert headers["user-agent"].startswith("Bonafide/")
    assert "expect" not in headers and "authorization" not in headers
    assert is_id("evt", request.id)
    assert id_hex(request.id) == stack.rows("SELECT HEX(id) FROM event")[0][0]
    assert before <= int(headers["webhook-timestamp"]) <= time.time()
    assert [scheme for scheme, _ in signatures(request)] == ["v1"]
    assert signed_by(endpoint.secret, request)
    assert not [name for name in LEGACY if name in headers]


def test_who_is_told(stack, hooks, receiver):
    """Each endpoint that is subscribed, once, signed with its own secret; nobody else."""
    both = [hooks.create(receiver.url(f"/both{n}")) for n in range(2)]
    failed = hooks.create(receiver.url("/failed"), ["verification.failed"])
    completed = hooks.create(receiver.url("/completed"), ["verification.completed"])
    app, _ = stack.tenant()
    stranger = Hooks(stack, stack.key(app)["key"])
    theirs = stranger.create(receiver.url("/stranger"))
    hooks.event()
    hooks.event(**DECLINED)
    batch_run(stack)
    for endpoint, path, count in [(both[0], "/both0", 2), (both[1], "/both1", 2),
                                  (failed, "/failed", 1), (completed, "/completed", 1),
                                  (theirs, "/stranger", 0)]:
        got = receiver.of(path)
        assert len(got) == count, (path, len(got))
        assert all(signed_by(endpoint.secret, request) for request in got)
    assert not signed_by(both[1].secret, receiver.of("/both0")[0])
    ids = {request.id for request in receiver.requests}
    assert len(ids) == 2, "an event has one id, wherever it goes"
    prove_outbox(stack, both)


def test_every_attempt_has_the_same_id_and_body_and_its_own_time(stack, hooks, receiver):
    endpoint = hooks.create(receiver.url("/"))
    receiver.rule("/", answer(500))
    hooks.event()
    now = time.time() * 1000
    for after_s in (0, 7, 400):
        batch_at(stack, now + after_s * 1000)
    got = receiver.of("/")
    assert len(got) == 3
    assert len({request.id for request in got}) == len({request.body for request in got}) == 1
    times = [int(request.headers["webhook-timestamp"]) for request in got]
    assert 6 <= times[1] - times[0] <= 9 and 392 <= times[2] - times[1] <= 395, times
    assert all(signed_by(endpoint.secret, request) for request in got)
    assert [row.number for row in attempts(stack)] == [1, 2, 3]


def test_deliveries_of_a_deleted_endpoint_stop(stack, hooks, receiver):
    gone, kept = hooks.create(receiver.url("/gone")), hooks.create(receiver.url("/kept"))
    hooks.event()
    hooks.delete(gone)
    hooks.event()
    batch_run(stack, "--once")
    assert len(receiver.of("/gone")) == 0 and len(receiver.of("/kept")) == 2
    assert len(deliveries(stack)) == 2
    assert stack.rows("SELECT COUNT(*) FROM webhook_endpoint") == ((1,),)
    assert stack.rows("SELECT COUNT(*) FROM lane") == ((1,),)
    prove_outbox(stack, [kept])


# ---- rotation ------------------------------------------------------------------------------------------

def test_both_secrets_sign_while_they_overlap(stack, hooks, receiver):
    endpoint = hooks.create(receiver.url("/"))
    old, fresh = endpoint.secret, hooks.rotate(endpoint, 3600)
    assert old != fresh and fresh.startswith("whsec_") and len(fresh) == 50
    now = time.time() * 1000
    for after_s, schemes in [(0, 2), (3590, 2), (3610, 1), (90000, 1)]:
        receiver.clear()
        hooks.event()
        batch_at(stack, now + after_s * 1000)
        request, = receiver.of("/")
        assert [scheme for scheme, _ in signatures(request)] == ["v1"] * schemes
        assert signed_by(fresh, request)
        assert signed_by(old, request) == (schemes == 2)


def test_without_overlap_the_old_secret_is_gone_at_once(stack, hooks, receiver):
    endpoint = hooks.create(receiver.url("/"))
    fresh = hooks.rotate(endpoint, 0)
    hooks.event()
    request = one(stack, receiver)
    assert len(signatures(request)) == 1
    assert signed_by(fresh, request) and not signed_by(endpoint.secret, request)


# ---- judged by others --------------------------------------------------------------------------------------

JUDGE = """
const { Webhook } = require("standardwebhooks");
const lines = require("fs").readFileSync(0, "utf8").trim().split("\\n").map(JSON.parse);
let right = 0, wrong = 0;
for (const line of lines) {
  const body = Buffer.from(line.body, "base64");
  const headers = { "webhook-id": line.id, "webhook-timestamp": line.timestamp,
                    "webhook-signature": line.signature };
  for (const secret of line.secrets) {
    new Webhook(secret).verify(body, headers);
    right++;
  }
  try {
    new Webhook(line.secrets[0]).verify(Buffer.concat([body, Buffer.from(" ")]), headers);
  } catch (problem) {
    wrong++;
  }
}
console.log(JSON.stringify({ right, wrong }));
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A directory with the npm package: the one that is installed, or a fresh installation."""
    if (VERIFIER / "node_modules/standardwebhooks").exists():
        return VERIFIER
    return npm.installed(VERIFIER, tmp_path_factory.mktemp("standardwebhooks"))


def test_npm_package_accepts_what_was_delivered(stack, hooks, receiver, packages):
    endpoint = hooks.create(receiver.url("/"))
    for n in range(20):
        hooks.event(external_ref=f"é-{n}-🔑")
    batch_run(stack)
    secrets = {request.id: [endpoint.secret] for request in receiver.of("/")}
    fresh = hooks.rotate(endpoint, 3600)
    for n in range(20):
        hooks.event(external_ref=f"rotated-{n}")
    batch_run(stack)
    got = receiver.of("/")
    assert len(got) == 40
    lines = [json.dumps({
        "id": request.id, "timestamp": request.headers["webhook-timestamp"],
        "signature": request.headers["webhook-signature"],
        "body": base64.b64encode(request.body).decode(),
        "secrets": secrets.get(request.id, [fresh, endpoint.secret])}) for request in got]
    done = subprocess.run(["node", "-e", JUDGE], input="\n".join(lines), cwd=packages, text=True,
                          capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"right": 60, "wrong": 40}
