# SPDX-License-Identifier: Apache-2.0
"""The operator's commands for webhooks and deliveries, and the integrator's: listen and verify."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from product import SEED, UUID_TAIL, Stack, wait_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"event":"verification.completed","type":"verification.completed","data":{}}'
NO_WEBHOOK = "wh_01h455vb4pex5vsknk084sn02q"
NO_DELIVERY = "whd_01h455vb4pex5vsknk084sn02q"


# ---- without a stack -----------------------------------------------------------------------------

def program():
    build = os.environ.get("BONAFIDE_BUILD")
    for place in filter(None, (build, Path(__file__).resolve().parents[2] / ".build")):
        if (Path(place) / "bonafide").exists():
            return str(Path(place) / "bonafide")
    pytest.skip("there is no build: name one in BONAFIDE_BUILD")
    return None


def tool(*words, **more):
    """The tool without settings file and database: -c names nothing that is there."""
    return subprocess.run([program(), "-c", "/nowhere/bonafide.conf", *words], capture_output=True,
                          timeout=60, **more)


def signature(secret, ident, timestamp, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{ident}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(mac).decode()


KNOWN = [
    (SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}',
     "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ("whsec_plJ3nmyCDGBKInavdOK15jsl", "msg_loFOjxBNrRLzqYUf", "1731705121",
     b'{"event_type":"ping","data":{"success":true}}',
     "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="),
]


def verify(secret, ident, timestamp, body, signed, *more):
    done = tool("webhook", "verify", "--json", "--secret", secret, "--id", ident, "--timestamp",
                timestamp, "--signature", signed, *more, input=body)
    return done.returncode, json.loads(done.stdout)["verdict"] if done.stdout else done.stderr


@pytest.mark.parametrize("secret,ident,timestamp,body,signed", KNOWN)
def test_verify_known_answers(secret, ident, timestamp, body, signed, tmp_path):
    assert verify(secret, ident, timestamp, body, signed, "--any-time") == (0, "right")
    assert verify(secret, ident, timestamp, body, signed) == (1, "old")
    assert verify(secret, ident, timestamp, body + b" ", signed, "--any-time") == (1, "wrong")
    assert verify(secret, ident + "0", timestamp, body, signed, "--any-time") == (1, "wrong")
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    assert verify(other, ident, timestamp, body, signed, "--any-time") == (1, "wrong")
    both = f"v1,AAAA v1a,xyz {signed}"
    assert verify(secret, ident, timestamp, body, both, "--any-time") == (0, "right")
    path = tmp_path / "body"
    path.write_bytes(body)
    assert verify(secret, ident, timestamp, b"", signed, "--any-time", str(path)) == (0, "right")


def test_verify_tolerance_and_malformed():
    now = int(time.time())

    def at(offset, *more):
        stamp = str(now + offset)
        return verify(SECRET, "evt_1", stamp, BODY, signature(SECRET, "evt_1", stamp, BODY), *more)
    assert at(0) == (0, "right") and at(-250) == (0, "right") and at(250) == (0, "right")
    assert at(-320) == (1, "old") and at(320) == (1, "early")
    assert at(-320, "--tolerance", "1000") == (0, "right")
    assert at(-10, "--tolerance", "5") == (1, "old")
    assert verify(SECRET, "a.b", str(now), BODY, "v1,x") == (1, "malformed")
    assert verify(SECRET, "a", "soon", BODY, "v1,x") == (1, "malformed")


def test_verify_files_and_public_keys(tmp_path):
    secret_file = tmp_path / "secret"
    secret_file.write_text(SECRET + "\n")
    secret_file.chmod(0o600)
    key = ed25519.Ed25519PrivateKey.generate()
    public = "whpk_" + base64.b64encode(key.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw)).decode()
    stamp = str(int(time.time()))
    v1a = "v1a," + base64.b64encode(key.sign(f"evt_1.{stamp}.".encode() + BODY)).decode()
    both = signature(SECRET, "evt_1", stamp, BODY) + " " + v1a
    words = ["webhook", "verify", "--id", "evt_1", "--timestamp", stamp, "--signature"]
    for keys in (["--secret-file", str(secret_file)], ["--public-key", public],
                 ["--secret", SECRET, "--public-key", public]):
        done = tool(*words, both, *keys, input=BODY)
        assert done.returncode == 0, (keys, done.stdout)
    done = tool(*words, v1a, "--secret", SECRET, "--public-key", public, input=BODY)
    assert done.returncode == 1 and b"wrong" in done.stdout
    secret_file.chmod(0o644)
    done = tool(*words, both, "--secret-file", str(secret_file), input=BODY)
    assert done.returncode == 1 and str(secret_file).encode() in done.stderr
    big = tool(*words, both, "--secret", SECRET, input=b"x" * 131073)
    assert big.returncode == 1 and b"131072" in big.stderr and not big.stdout
    gone = tool(*words, both, "--secret", SECRET, "/nowhere/body")
    assert gone.returncode == 1 and b"/nowhere/body" in gone.stderr


@pytest.mark.parametrize("words,said", [
    (["webhook", "verify", "--secret", "x", "--id", "a", "--timestamp", "1", "--signature", "s"],
     "whsec_"),
    (["webhook", "verify", "--public-key", "x", "--id", "a", "--timestamp", "1", "--signature",
      "s"], "whpk_"),
    (["webhook", "verify", "--id", "a", "--timestamp", "1", "--signature", "s"], "--secret"),
    (["webhook", "verify", "--secret", SECRET, "--secret-file", "f", "--id", "a", "--timestamp",
      "1", "--signature", "s"], "--secret-file"),
    (["webhook", "verify", "--secret", SECRET], "--id"),
    (["webhook", "verfy"], '"verify"'), (["webook", "list"], '"webhook"'),
    (["delivery", "shwo", "x"], '"show"'), (["delivery", "list", "--statsu", "x"], "--status"),
    (["delivery", "list", "--status", "sent"], "succeeded"), (["webhook"], "a word more"),
    (["webhook", "listen", "--status", "99"], "200"), (["webhook", "show", "whd_x"], "webhook"),
    (["webhook", "show", NO_DELIVERY], "delivery"), (["delivery", "show", NO_WEBHOOK], "webhook"),
    (["webhook", "recover", "--app", "x", "--since", "y"], "--until"),
    (["webhook", "rotate", NO_WEBHOOK, "--overlap", "-1"], "--overlap"),
])
def test_wrong_lines(words, said):
    done = tool(*words)
    assert done.returncode == 2 and said in done.stderr.decode(), done.stderr
    assert not done.stdout


# ---- listen --------------------------------------------------------------------------------------

class Listener:
    """`webhook listen --json` on a free port."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [program(), "-c", "/nowhere/bonafide.conf", "webhook", "listen", "--port", "0",
             "--json", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        self.port = int(re.search(r"127\.0\.0\.1:(\d+)/", line).group(1))
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def line(self):
        return json.loads(self.process.stdout.readline())

    def end(self, number=signal.SIGTERM):
        """Ends it; what it said since then."""
        if number:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=10)
        assert self.process.returncode == 0, err
        return out


@contextlib.contextmanager
def listening(*words):
    listener = Listener(*words)
    try:
        yield listener
    finally:
        if listener.process.poll() is None:
            listener.process.kill()
            listener.process.communicate()


def request(ident="evt_1", secret=SECRET, body=BODY, stamp=None, sent=None, extra="", path="/hook"):
    stamp = str(int(time.time()) if stamp is None else stamp)
    head = (f"POST {path} HTTP/1.1\r\nHost: x\r\nwebhook-id: {ident}\r\nWebhook-Timestamp: {stamp}"
            f"\r\nWEBHOOK-SIGNATURE: {signature(secret, ident, stamp, body)}\r\n{extra}"
            f"Content-Length: {len(body)}\r\n\r\n")
    return head.encode() + (body if sent is None else sent)


def answer(connection):
    """The status of the next answer, its body read."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(1)
        if not more:
            return 0
        data += more
    length = re.search(rb"(?i)content-length: (\d+)", data)
    for _ in range(int(length.group(1)) if length else 0):
        data += connection.recv(1)
    return int(data.split()[1])


def ask(connection, data):
    connection.sendall(data)
    return answer(connection)


def test_listen_judges():
    with listening("--secret", SECRET) as listener, listener.connect() as connection:
        assert ask(connection, request()) == 204
        line = listener.line()
        assert (line["webhook_id"], line["event"], line["verdict"], line["status"], line["path"],
                line["duplicate"]) == ("evt_1", "verification.completed", "right", 204, "/hook",
                                       False)
        assert line["body"] == json.loads(BODY)
        # The same again is right, and said to be a duplicate; so is a replay while it is fresh.
        assert ask(connection, request()) == 204 and listener.line()["duplicate"]
        assert ask(connection, request(stamp=int(time.time()) - 400)) == 400
        assert listener.line()["verdict"] == "old"
        assert ask(connection, request(stamp=int(time.time()) + 400)) == 400
        assert listener.line()["verdict"] == "early"
        assert ask(connection, request(sent=BODY.replace(b"com", b"kom"))) == 400
        assert listener.line()["verdict"] == "wrong"
        other = "whsec_" + base64.b64encode(bytes(32)).decode()
        assert ask(connection, request("evt_2", secret=other)) == 400
        assert listener.line()["verdict"] == "wrong"
        # A forged one has not used the id up.
        assert ask(connection, request("evt_2")) == 204 and not listener.line()["duplicate"]
        assert ask(connection, b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}") == 400
        line = listener.line()
        assert line["verdict"] == "missing" and line["webhook_id"] is None
        assert ask(connection, b"GET / HTTP/1.1\r\n\r\n") == 405
        assert ask(connection, request("evt_3", body=b"\x1b[31m\xff\x00")) == 204
        assert "\\x1b[31m\\xff\\x00" in listener.line()["body"]
        assert listener.end() == ""


def test_listen_fails_first_and_counts():
    with listening("--secret", SECRET, "--fail", "2", "--status", "202", "--count", "4",
                   "--quiet") as listener, listener.connect() as connection:
        assert [ask(connection, request()) for _ in range(4)] == [500, 500, 202, 202]
        assert json.loads(listener.end(None)) == {
            "received": 4, "verified": 4, "wrong": 0, "distinct": 1, "duplicates": 1}


def test_listen_without_a_secret_and_by_file(tmp_path):
    with listening("--quiet") as listener, listener.connect() as connection:
        assert ask(connection, request()) == 204
        assert json.loads(listener.end(signal.SIGINT)) == {
            "received": 1, "verified": 0, "wrong": 0, "distinct": 1, "duplicates": 0}
    path = tmp_path / "secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    with listening("--secret-file", str(path)) as listener, listener.connect() as connection:
        assert ask(connection, request()) == 204 and listener.line()["verdict"] == "right"


def test_listen_for_people():
    process = subprocess.Popen(
        [program(), "webhook", "listen", "--port", "0", "--secret", SECRET, "--count", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    port = int(re.search(r":(\d+)/", process.stderr.readline()).group(1))
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        body = b'{"event":"webhook.test","text":"caf\xc3\xa9 \xe2\x80\xae"}'
        assert ask(connection, request(body=body)) == 204
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert re.search(r"webhook\.test  evt_1  right, answered 204\n", out), out
    assert '\n  "text": "café \\xe2\\x80\\xae"\n' in out
    assert "1 received: 1 verified, 0 wrong" in err


def test_listen_refuses_a_port_in_use():
    with listening() as listener:
        done = tool("webhook", "listen", "--port", str(listener.port))
        assert done.returncode == 1 and str(listener.port).encode() in done.stderr


def test_listen_speaks_http():
    with listening("--secret", SECRET, "--quiet") as listener:
        with listener.connect() as connection:
            # One behind the other in one piece, then one byte at a time.
            connection.sendall(b"".join(request(f"evt_{n}") for n in range(50)))
            assert [answer(connection) for _ in range(50)] == [204] * 50
            for byte in request("evt_slow"):
                connection.sendall(bytes([byte]))
            assert answer(connection) == 204
            head, body = request("evt_100", extra="Expect: 100-continue\r\n").split(b"\r\n\r\n", 1)
            assert ask(connection, b"\r\n" + head + b"\r\n\r\n") == 100
            assert ask(connection, body) == 204
            large = b'"' + b"x" * 131070 + b'"'
            assert ask(connection, request("evt_large", body=large)) == 204
            assert ask(connection, request("evt_last", extra="Connection: close\r\n")) == 204
            assert connection.recv(1) == b""
        for sent, status in [
                (b"POST / HTTP/1.1\r\nContent-Length: 131073\r\n\r\n", 413),
                (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
                (b"POST / HTTP/1.1\r\nno colon\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\na: \x00\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\na: b\nc: d\r\n\r\n", 400),
                (b"POST / HTTP/3.0\r\n\r\n", 505), (b"POST x HTTP/1.1\r\n\r\n", 400),
                (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\n" + b"a: b\r\n" * 65 + b"\r\n", 431),
                (b"POST / HTTP/1.1\r\na: " + b"b" * 17000, 431),
                (b"POST / HTTP/1.1\r\nExpect: tea\r\n\r\n", 417)]:
            with listener.connect() as connection:
                assert ask(connection, sent) == status, sent
                assert connection.recv(1) == b"", sent
        assert json.loads(listener.end())["verified"] == 54


def test_listen_is_not_held_up():
    """More connections than it keeps, half of them in the middle of a request."""
    with listening("--secret", SECRET, "--quiet") as listener:
        stuck = [listener.connect() for _ in range(600)]
        for connection in stuck[:300]:
            with contextlib.suppress(OSError):
                connection.sendall(request("evt_stuck")[:40])
        began = time.monotonic()
        with listener.connect() as connection:
            for n in range(100):
                assert ask(connection, request(f"evt_{n}")) == 204
        assert time.monotonic() - began < 2
        for connection in stuck:
            connection.close()
        began = time.monotonic()
        assert json.loads(listener.end())["verified"] == 100
        assert time.monotonic() - began < 2


def test_listen_gives_up_on_slow_requests():
    with listening("--secret", SECRET, "--quiet") as listener, listener.connect() as connection:
        began = time.monotonic()
        connection.sendall(request()[:-1])
        assert answer(connection) == 408
        assert 8 < time.monotonic() - began < 13


# ---- with a stack --------------------------------------------------------------------------------

class Endpoint:
    """A webhook of the stack's live tenant, and a listener that knows its secret."""

    def __init__(self, stack, *words, client=None):
        self.stack = stack
        self.client = client or stack.live
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        made = self.client.post("/v1/webhooks", {
            "url": f"http://127.0.0.1:{self.port}/hook",
            "events": ["verification.completed", "verification.failed"]})
        assert made.status_code == 201, made.text
        self.id, self.secret = made.json()["data"]["id"], made.json()["data"]["secret"]
        self.words, self.process = words, None

    def listen(self, *words):
        self.process = subprocess.Popen(
            [program(), "webhook", "listen", "--port", str(self.port), "--json", "--secret",
             self.secret, *self.words, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True)
        assert wait_for(self.is_open, 10)
        return self

    def is_open(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process is None:
            return []
        self.process.terminate()
        out, _ = self.process.communicate(timeout=10)
        self.process = None
        return [json.loads(line) for line in out.splitlines()]

    def state(self):
        return self.stack.cli("webhook", "show", self.id, "--json")

    def count(self, status, number):
        assert wait_for(lambda: self.state()["deliveries"][status] == number), self.state()

    def remove(self):
        self.stop()
        self.client.delete("/v1/webhooks/" + self.id)


@pytest.fixture()
def endpoint(stack):
    made = Endpoint(stack)
    yield made
    made.remove()


def cause(stack, number=1, client=None):
    """Events: sandbox verifications are decided at once."""
    for _ in range(number):
        done = (client or stack.live).post("/v1/kyc/sandbox/verify", SEED)
        assert done.status_code == 200, done.text


def deliveries(stack, endpoint, *words):
    return stack.cli("delivery", "list", "--webhook", endpoint.id, "--json", *words)


def test_list_and_show(stack, endpoint):
    app = stack.env["BONAFIDE_APP"]
    row = next(row for row in stack.cli("webhook", "list", "--json") if row["id"] == endpoint.id)
    assert (row["application_id"], row["state"], row["environment"], row["surface"]) == (
        app, "enabled", "live", "kyc")
    assert row["events"] == ["verification.completed", "verification.failed"]
    assert endpoint.id in [row["id"] for row in
                           stack.cli("webhook", "list", "--app", app, "--json")]
    other, _ = stack.tenant("Without webhooks")
    assert stack.cli("webhook", "list", "--app", other, "--json") == []
    assert stack.cli("webhook", "list", "--disabled", "--json") == []
    table = stack.cli("webhook", "list").stdout
    assert "STATE" in table.splitlines()[0] and endpoint.id in table
    endpoint.listen("--fail", "1")
    cause(stack, 2)
    endpoint.count("succeeded", 2)
    shown = endpoint.state()
    assert shown["deliveries"] == {"pending": 0, "delivering": 0, "held": 0, "succeeded": 2,
                                   "failed": 0}
    assert [row["status_code"] for row in shown["last_attempts"]].count(500) == 1
    assert len(shown["last_attempts"]) == 3 and shown["failing_since"] is None
    people = stack.cli("webhook", "show", endpoint.id).stdout
    for text in (people, json.dumps(shown), table):
        assert "whsec_" not in text and endpoint.secret[6:] not in text
    assert "LAST ATTEMPTS" in people and "DELIVERIES" in people
    # The other family's spelling is the same endpoint.
    assert stack.cli("webhook", "show", endpoint.id.replace("wh_", "whe_"), "--json")["id"] == \
        endpoint.id


def test_disable_holds_and_enable_releases(stack, endpoint):
    endpoint.listen()
    done = stack.cli("webhook", "disable", endpoint.id, "--json")
    assert (done["id"], done["state"]) == (endpoint.id, "manual") and done["disabled_at"]
    assert stack.cli("webhook", "disable", endpoint.id, "--json") == done
    assert [row["id"] for row in stack.cli("webhook", "list", "--disabled", "--json")] == [
        endpoint.id]
    assert "owner or an operator" in endpoint.state()["why"]
    # As after a long failure: what comes meanwhile is held.
    stack.rows("UPDATE webhook_endpoint SET disabled = 'failing' WHERE disabled = 'manual'")
    cause(stack, 3)
    endpoint.count("held", 3)
    held = deliveries(stack, endpoint)[0]
    assert held["status"] == "pending"
    assert "disabled" in stack.cli("delivery", "show", held["id"], "--json")["held"]
    again = stack.cli("delivery", "retry", held["id"])
    assert "held" in again.stderr
    enabled = stack.cli("webhook", "enable", endpoint.id)
    assert "enabled" in enabled.stdout and "held" in enabled.stderr
    endpoint.count("succeeded", 3)
    assert len({line["webhook_id"] for line in endpoint.stop()}) == 3


def test_rotate(stack, endpoint):
    endpoint.listen("--fail", "0")
    made = stack.cli("webhook", "rotate", endpoint.id, "--overlap", "600", "--json")
    assert made["secret"].startswith("whsec_") and made["secret"] != endpoint.secret
    assert made["old_secret_until"] == endpoint.state()["old_secret_until"]
    cause(stack)
    endpoint.count("succeeded", 1)
    assert [line["verdict"] for line in endpoint.stop()] == ["right"]  # by the old secret
    old, endpoint.secret = endpoint.secret, made["secret"]
    endpoint.listen()
    cause(stack)
    endpoint.count("succeeded", 2)
    assert [line["verdict"] for line in endpoint.stop()] == ["right"]  # by the new one
    done = stack.cli("webhook", "rotate", endpoint.id, "--overlap", "0")
    assert "only time" in done.stderr and done.stdout.count("whsec_") == 1
    assert endpoint.state()["old_secret_until"] is None
    endpoint.secret = old
    endpoint.listen()
    cause(stack)
    assert wait_for(lambda: any(row["last_status_code"] == 400
                                for row in deliveries(stack, endpoint)))
    assert endpoint.stop()[0]["verdict"] == "wrong"
    shown = stack.cli("delivery", "show", deliveries(stack, endpoint)[0]["id"])
    assert "no signature fits" in shown.stdout


def test_deliveries(stack, endpoint):
    endpoint.listen("--fail", "1")
    cause(stack)
    assert wait_for(lambda: [row["last_status_code"] for row in deliveries(stack, endpoint)]
                    == [500])
    row = deliveries(stack, endpoint)[0]
    assert row["status"] == "pending" and row["webhook_id"] == endpoint.id
    assert row["next_attempt_at"] and re.fullmatch("whd_" + UUID_TAIL, row["id"])
    assert deliveries(stack, endpoint, "--status", "pending") == [row]
    assert deliveries(stack, endpoint, "--status", "succeeded") == []
    assert deliveries(stack, endpoint, "--status", "delivering") == []
    by_event = stack.cli("delivery", "list", "--event", row["event_id"], "--json")
    assert row in by_event
    done = stack.cli("delivery", "retry", row["id"], "--json")
    assert (done["id"], done["status"]) == (row["id"], "pending")
    assert wait_for(lambda: deliveries(stack, endpoint, "--status", "succeeded"))
    shown = stack.cli("delivery", "show", row["id"], "--json")
    assert [(attempt["number"], attempt["status_code"], attempt["error"])
            for attempt in shown["attempts_made"]] == [(2, 204, "none"), (1, 500, "status")]
    lines = endpoint.stop()
    assert [line["webhook_id"] for line in lines] == [row["event_id"]] * 2
    people = stack.cli("delivery", "show", row["id"]).stdout
    assert "ATTEMPTS MADE" in people and "EXCERPT" in people
    # Retried when it is through: sent once more.
    endpoint.listen()
    stack.cli("delivery", "retry", row["id"])
    assert wait_for(lambda: len(stack.cli("delivery", "show", row["id"], "--json")
                                ["attempts_made"]) == 3)
    cause(stack, 2)
    endpoint.count("succeeded", 3)
    assert len(deliveries(stack, endpoint, "--limit", "2")) == 2
    assert stack.cli("delivery", "list", "--status", "succeeded", "--limit", "1", "--json")
    assert "TYPE" in stack.cli("delivery", "list").stdout


def test_a_retry_without_an_encryption_key(stack, endpoint):
    """What carries claims goes out encrypted or not at all; the words say what is missing."""
    endpoint.listen()
    cause(stack)
    endpoint.count("succeeded", 1)
    row = deliveries(stack, endpoint)[0]
    event = "UPDATE event SET seal_key = %s WHERE id = (SELECT event_id FROM delivery " \
            "ORDER BY id DESC LIMIT 1)"
    stack.rows(event, 1)
    done = stack.cli("delivery", "retry", row["id"], check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "bonafide: its webhook has no active encryption key\n"
    assert deliveries(stack, endpoint)[0] == row
    assert stack.cli("audit", "--subject", row["id"], "--json") == []
    stack.rows(event, None)
    stack.cli("delivery", "retry", row["id"])


def test_what_a_stranger_answered_is_shown_safely(stack, endpoint):
    endpoint.listen("--status", "503")
    cause(stack)
    assert wait_for(lambda: deliveries(stack, endpoint)[0]["last_status_code"] == 503)
    row = deliveries(stack, endpoint)[0]
    stack.rows("UPDATE delivery_attempt SET excerpt = %s",
               b"\x1b]0;mine\x07\r\nFAKE caf\xc3\xa9 \xff\xc2\x9b" + b"\xc3\xa9" * 5000)
    people = stack.cli("delivery", "show", row["id"]).stdout
    assert "\x1b" not in people and "\x07" not in people and "\r" not in people
    assert r"\x1b]0;mine\x07\r\nFAKE café \xff\xc2\x9bé" in people
    assert all(len(line) < 250 for line in people.splitlines()) and "é..." in people
    whole = stack.cli("delivery", "show", row["id"], "--json")["attempts_made"][0]["excerpt"]
    assert whole.count("é") == 5001 and r"\x1b" in whole


@pytest.mark.parametrize("words", [
    ["webhook", "show", NO_WEBHOOK], ["webhook", "disable", NO_WEBHOOK],
    ["webhook", "enable", NO_WEBHOOK], ["webhook", "rotate", NO_WEBHOOK],
    ["delivery", "show", NO_DELIVERY], ["delivery", "retry", NO_DELIVERY],
    ["delivery", "list", "--webhook", NO_WEBHOOK],
    ["webhook", "recover", "--app", "app_01h455vb4pex5vsknk084sn02q", "--since", "2026-01-01",
     "--until", "2026-01-02"]])
def test_what_is_not_there(stack, words):
    done = stack.cli(*words, check=False)
    assert done.returncode == 1 and "there is no such" in done.stderr and done.stdout == ""


def test_a_deleted_webhook_is_gone(stack):
    made = Endpoint(stack)
    made.remove()
    assert stack.cli("webhook", "show", made.id, check=False).returncode == 1
    assert made.id not in stack.cli("webhook", "list").stdout


def instant(offset=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))


def recover(stack, since, *words, app=None, check=True):
    return stack.cli("webhook", "recover", "--app", app or stack.env["BONAFIDE_APP"], "--since",
                     since, "--until", instant(60), *words, check=check)


def test_recover(stack, endpoint):
    stack.cli("webhook", "disable", endpoint.id)
    time.sleep(1.1)
    since = instant()
    cause(stack, 7)
    time.sleep(1)
    assert deliveries(stack, endpoint) == []
    endpoint.listen()
    stack.cli("webhook", "enable", endpoint.id)
    assert recover(stack, since, "--webhook", endpoint.id, "--dry-run", "--json") == {
        "events": 7, "deliveries": 7}
    assert "nothing was done" in recover(stack, since, "--dry-run").stderr
    assert deliveries(stack, endpoint) == []
    done = recover(stack, since, "--webhook", endpoint.id, "--json")
    assert (done["events"], done["deliveries"]) == (7, 7) and done["finished_at"]
    assert re.fullmatch("tsk_" + UUID_TAIL, done["task_id"])
    endpoint.count("succeeded", 7)
    assert len({line["webhook_id"] for line in endpoint.stop()}) == 7
    # What was delivered is not sent again.
    again = recover(stack, since, "--webhook", endpoint.id)
    assert re.search(r"deliveries +0\n", again.stdout) and "7 of 7 events" in again.stderr


def test_recover_of_another_tenant(stack, endpoint):
    other, _ = stack.tenant("Another")
    done = recover(stack, instant(-60), "--webhook", endpoint.id, app=other, check=False)
    assert done.returncode == 1 and "another application" in done.stderr
    wrong = stack.cli("webhook", "recover", "--app", other, "--since", "2026-01-02", "--until",
                      "2026-01-01", check=False)
    assert wrong.returncode == 2 and "--until" in wrong.stderr


def test_recover_without_a_batch():
    with Stack("--no-batch") as stack:
        endpoint = Endpoint(stack)
        cause(stack, 3)
        began = time.monotonic()
        done = recover(stack, instant(-60), "--timeout", "12", check=False)
        assert 11 < time.monotonic() - began < 20
        assert done.returncode == 1 and "no batch seems to run" in done.stderr
        assert "tsk_" in done.stdout and "goes on with it" in done.stderr
        began = time.monotonic()
        queued = recover(stack, instant(-60), "--no-wait", "--json")
        assert time.monotonic() - began < 3 and queued["finished_at"] is None
        subjects = {row["subject"]: row["kind"] for row in stack.cli("work", "list", "--json")}
        assert subjects[queued["task_id"]] == "webhook_task"
        assert sum(subject.startswith("whd_") for subject in subjects) == 3
        # One that is under way cannot be queued again, and says so.
        stack.rows("UPDATE work SET lease_owner = id, "
                   "lease_until = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR "
                   "WHERE kind = 'webhook_delivery'")
        rows = deliveries(stack, endpoint, "--status", "delivering")
        assert len(rows) == 3 and deliveries(stack, endpoint, "--status", "pending") == []
        assert endpoint.state()["deliveries"] == {"pending": 0, "delivering": 3, "held": 0,
                                                  "succeeded": 0, "failed": 0}
        busy = stack.cli("delivery", "retry", rows[0]["id"], check=False)
        assert busy.returncode == 1 and "in hand" in busy.stderr
        # Both tasks are still there for the batch.
        stack.batch("--once")
        assert not any(row["kind"] == "webhook_task"
                       for row in stack.cli("work", "list", "--json"))
