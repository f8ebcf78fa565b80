# SPDX-License-Identifier: Apache-2.0
"""Receivers that mean harm or are broken: each attempt ends within its deadline, the batch's memory
stays bounded, nothing is dialled that may not be, and others are served meanwhile."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from product import TOP, Stack, wait_for
from receiver import (Hooks, Receiver, answer, attempts, batch_end, batch_run, batch_start,
                      deliveries, drip, flood, hang, prove_outbox, raw, reset)

DEADLINE_S = 3
MEMORY_KIB = 96 * 1024
CHUNK = bytes(65536)
GIB = 1 << 30


@pytest.fixture(scope="module")
def stack():
    with Stack("--no-batch", "--set", "egress_allow=127.0.0.0/8", "--set",
               f"webhook_timeout_s={DEADLINE_S}") as running:
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


def one(stack, endpoint):
    made, = attempts(stack, endpoint)
    return made.status_code, made.error


def gzip_of_zeros(count):
    """A gzip stream of so many zeros, about a thousandth of it long."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    text = b"".join(packer.compress(CHUNK) for _ in range(count // len(CHUNK)))
    return text + packer.flush()


BOMB = gzip_of_zeros(256 << 20)

# name: (behaviour, the status and error its attempt must have)
HOSTILE = {
    "one byte a second in the headers":
        (drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"), (200, "timeout")),
    "a header line a second":
        (drip(b"HTTP/1.1 200 OK\r\n", b"X-Slow: a\r\n"), (200, "timeout")),
    "one byte a second in the body":
        (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"a"), (200, "timeout")),
    "one chunk a second":
        (drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
         (200, "timeout")),
    "100 Continue for ever": (drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01), None),
    "a body of 1 GiB":
        (flood(f"HTTP/1.1 200 OK\r\nContent-Length: {GIB}\r\n\r\n".encode(), CHUNK, GIB >> 16),
         (200, "none")),
    "a body without end":
        (flood(b"HTTP/1.1 500 Oh\r\n\r\n", CHUNK, GIB >> 16), (500, "status")),
    "headers without end":
        (flood(b"HTTP/1.1 200 OK\r\n", b"X-Large: " + b"a" * 8000 + b"\r\n", GIB >> 13), None),
    "one header without end": (flood(b"HTTP/1.1 200 OK\r\nX-Large: ", CHUNK, GIB >> 16), None),
    "a gzip bomb": (answer(200, BOMB, headers=["Content-Encoding: gzip"]), (200, "none")),
    "a gzip bomb in a gzip bomb":
        (answer(200, zlib.compress(BOMB, 9, 31), headers=["Content-Encoding: gzip, gzip"]),
         (200, "none")),
    "a gzip bomb as a transfer coding":
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
             + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BOMB), BOMB)), None),
    "no answer": (hang, (None, "timeout")),
    "a reset": (reset, (None, "read")),
    "a negative length": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), None),
    "two lengths": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\na"),
                    None),
    "binary": (raw(bytes(range(256)) * 40), (None, "read")),
    "a status of 99999": (raw(b"HTTP/1.1 99999 Oh\r\nContent-Length: 0\r\n\r\n"), None),
}


def test_each_ends_in_time_and_memory(stack, hooks, receiver):
    endpoints = {}
    for n, (name, (behaviour, _)) in enumerate(HOSTILE.items()):
        endpoints[name] = hooks.create(receiver.url(f"/{n}"))
        receiver.rule(f"/{n}", behaviour)
    healthy = hooks.create(receiver.url("/healthy"))
    with Receiver(on_connect=hang) as silent, Receiver(on_connect=reset) as closed:
        ends = {"hang after accept": (hooks.create(silent.url()), (None, "timeout")),
                "reset after accept": (hooks.create(closed.url()), None)}
        hooks.event()
        sent = time.time()
        run = batch_run(stack)
    served = receiver.of("/healthy")[0].at - sent
    assert served < 1, f"the healthy one waited {served:.2f} s"
    wrong = {}
    for name, (_, wanted) in HOSTILE.items():
        ends[name] = (endpoints[name], wanted)
    for name, (endpoint, wanted) in ends.items():
        made, = attempts(stack, endpoint)
        if wanted and (made.status_code, made.error) != wanted:
            wrong[name] = ((made.status_code, made.error), wanted)
        if made.error not in ("none", "status", "timeout", "read", "connect", "other"):
            wrong[name] = made.error
        assert made.duration_ms <= DEADLINE_S * 1000 + 500, (name, made.duration_ms)
        assert len(made.excerpt or b"") <= 16384, name
    assert not wrong, wrong
    assert run.line["took_ms"] <= DEADLINE_S * 1000 + 1500, run.line
    assert run.line["rss_kib"] <= MEMORY_KIB, run.line
    # Read and thrown away would be in bounds, too, but it would be somebody's traffic bill.
    assert max(receiver.flooded.values()) < 64 << 20, receiver.flooded
    for name in ("a gzip bomb", "a gzip bomb in a gzip bomb"):
        excerpt = attempts(stack, endpoints[name])[0].excerpt
        assert excerpt[:2] == b"\x1f\x8b", "the answer was unpacked"
    prove_outbox(stack, [healthy, *endpoints.values()])


def test_a_hundred_floods_at_once(stack, hooks, receiver):
    """Memory is bounded by what is under way, not by what receivers send."""
    for n in range(25):
        hooks.create(receiver.url(f"/{n}"))
        receiver.rule(f"/{n}", flood(b"HTTP/1.1 500 Oh\r\n\r\n", CHUNK, GIB >> 16))
    for _ in range(8):
        hooks.event()
    run = batch_run(stack)
    assert run.line["later"] == 200 and run.line["rss_kib"] <= MEMORY_KIB, run.line


# ---- where it must not go ------------------------------------------------------------------------------------

class Witness:
    """A listener that must not be connected to."""

    def __init__(self, host="127.0.0.1"):
        self.socket = socket.socket()
        self.socket.bind((host, 0))
        self.socket.listen()
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def was_met(self):
        try:
            self.socket.accept()[0].close()
            return True
        except TimeoutError:
            return False


def test_the_witness_sees(stack, hooks):
    """That the witness of the tests below can say yes."""
    with Witness() as witness:
        hooks.create(f"http://127.0.0.1:{witness.port}/")
        hooks.event()
        batch_run(stack)
        assert witness.was_met()


def test_a_redirect_to_a_private_address(stack, hooks, receiver):
    with Witness() as witness:
        places = [f"http://127.0.0.1:{witness.port}/", f"//127.0.0.1:{witness.port}/",
                  f"http://localhost:{witness.port}/", "http://169.254.169.254/latest/meta-data/",
                  f"https://[::1]:{witness.port}/", f"gopher://127.0.0.1:{witness.port}/x",
                  "file:///etc/passwd"]
        endpoints = []
        for n, place in enumerate(places):
            endpoints.append(hooks.create(receiver.url(f"/{n}")))
            receiver.rule(f"/{n}", answer((301, 302, 303, 307, 308)[n % 5], b"",
                                          headers=[f"Location: {place}"]))
        hooks.event()
        run = batch_run(stack)
        assert not witness.was_met()
    assert {one(stack, endpoint)[1] for endpoint in endpoints} == {"redirect"}
    assert run.line["took_ms"] < 2000
    assert len(receiver.requests) == len(places)


def without(stack, key, more=""):
    """A settings file beside the stack's that lacks one setting."""
    path = stack.dir / f"without-{key}.conf"
    lines = [line for line in Path(stack.conf).read_text().splitlines()
             if not line.startswith(key + " ")]
    path.write_text("\n".join([*lines, more, ""]))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("allow", ["", "10.0.0.0/8", "127.0.0.2/32", "::1/128"])
def test_plain_http_that_is_not_allowed(stack, hooks, receiver, allow):
    """Registered while it was allowed; the setting of the moment counts."""
    with Witness() as witness:
        refused = hooks.create(f"http://127.0.0.1:{witness.port}/")
        hooks.event()
        run = batch_run(stack, conf=without(stack, "egress_allow",
                                            f"egress_allow = {allow}" if allow else ""))
        assert not witness.was_met()
    assert one(stack, refused) == (None, "refused")
    row, = deliveries(stack)
    assert row.status == "pending", "an operator's mistake must not lose it at once"
    assert run.line["later"] == 1


def test_plain_http_cannot_be_registered(hooks, stack):
    for url in ("http://example.com/", "http://10.0.0.1/", "https://169.254.169.254/",
                "https://[fd00::1]/", "ftp://127.0.0.1/", "https://user:pw@example.com/"):
        reply = stack.live.post("/v1/webhooks", {"url": url, "events": ["verification.failed"]})
        assert reply.status_code == 400, (url, reply.text)
    assert stack.rows("SELECT COUNT(*) FROM webhook_endpoint") == ((0,),)


# ---- TLS -----------------------------------------------------------------------------------------------------

def openssl(*words, directory):
    done = subprocess.run(["openssl", *words], cwd=directory, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """An issuer, and certificates of it: for 127.0.0.1, for another name, and one that is over."""
    place = tmp_path_factory.mktemp("certificates")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "30", "-subj", "/CN=test issuer", "-addext",
            "basicConstraints=critical,CA:TRUE", directory=place)
    for name, names, days in [("right", "IP:127.0.0.1", "30"), ("wrong", "DNS:example.org", "30"),
                              ("over", "IP:127.0.0.1", "-1")]:
        (place / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.csr", "-subj", "/CN=test", directory=place)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-days", days, "-extfile", f"{name}.ext",
                directory=place)
    return place


def tls(authority, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / f"{name}.pem", authority / f"{name}.key")
    return context


def test_tls_of_an_unknown_issuer(stack, hooks, authority):
    with Receiver(tls=tls(authority, "right")) as receiver:
        endpoint = hooks.create(receiver.url("/"))
        hooks.event()
        batch_run(stack)
        assert not receiver.requests
        assert receiver.connections <= 1
    assert one(stack, endpoint) == (None, "tls")


def trusting(authority):
    """What runs a program that sees the issuer among the system's: a mount of its own over them."""
    system = Path("/etc/ssl/certs/ca-certificates.crt")
    bundle = authority / "bundle.pem"
    bundle.write_bytes((system.read_bytes() if system.exists() else b"")
                       + (authority / "ca.pem").read_bytes())
    words = ["unshare", "--mount", "sh", "-c",
             'mount --bind "$0" "$1" && shift && exec "$@"', str(bundle), str(system)]
    if not system.exists() or subprocess.run([*words, "true"], capture_output=True,
                                             check=False).returncode != 0:
        pytest.skip("this process may not mount, so the system's issuers cannot be replaced")
    return words


def test_tls_of_a_known_issuer(stack, hooks, authority):
    """The name and the time count as well; and the right one is delivered to."""
    before, made = trusting(authority), {}
    with Receiver(tls=tls(authority, "right")) as right, \
            Receiver(tls=tls(authority, "wrong")) as wrong, \
            Receiver(tls=tls(authority, "over")) as over:
        for name, receiver in (("right", right), ("wrong", wrong), ("over", over)):
            made[name] = hooks.create(receiver.url("/"))
        hooks.event()
        batch_run(stack, before=before)
        assert (len(right.requests), len(wrong.requests), len(over.requests)) == (1, 0, 0)
    assert {name: one(stack, endpoint) for name, endpoint in made.items()} == {
        "right": (200, "none"), "wrong": (None, "tls"), "over": (None, "tls")}


PLAIN = raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def test_tls_with_something_that_has_none(stack, hooks):
    with Receiver(on_connect=PLAIN) as plain:
        endpoint = hooks.create(plain.url("/").replace("http:", "https:"))
        hooks.event()
        batch_run(stack)
        assert plain.connections == 1
    assert one(stack, endpoint) == (None, "tls")


def test_tls_handshake_that_never_ends(stack, hooks):
    with Receiver(on_connect=hang) as silent:
        endpoint = hooks.create(silent.url().replace("http:", "https:"))
        hooks.event()
        run = batch_run(stack)
    assert one(stack, endpoint) == (None, "timeout")
    assert run.line["took_ms"] <= DEADLINE_S * 1000 + 1500


# ---- names ---------------------------------------------------------------------------------------------------

class Names:
    """dns_server.py with a table, for as long as the with block lasts."""

    def __init__(self, table, directory):
        self.log = directory / "names.log"
        self.argv = [sys.executable, "-B", str(TOP / "tests/lib/dns_server.py"), "--log",
                     str(self.log), "--table", json.dumps(table)]

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, text=True)
        word, _, port = self.process.stdout.readline().partition(" ")
        assert word == "port", "the name server did not start"
        self.port = int(port)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()

    def asked(self):
        return {line.split()[1] for line in self.log.read_text().splitlines()}


@pytest.fixture()
def resolving(stack):
    """A batch's settings with a name server of ours; egress_allow opens nothing but 127.0.0.1."""
    def make(names, allow="127.0.0.1/32"):
        return without(stack, "egress_allow",
                       f"dns_servers = 127.0.0.1:{names.port}\negress_allow = {allow}")
    return make


def register(hooks, endpoint_url, url):
    """An endpoint whose name nobody knows here when it is made."""
    endpoint = hooks.create(endpoint_url)
    hooks.stack.rows(f"UPDATE webhook_endpoint SET url = %s WHERE id = X'{endpoint.hex}'", url)
    return endpoint


def test_names_that_lead_inside(stack, hooks, receiver, resolving, tmp_path):
    """One forbidden address among the answers refuses the name; nobody is dialled."""
    table = {"inside": {"A": ["127.0.0.2"]}, "mixed": {"A": ["127.0.0.1", "10.0.0.1"]},
             "six": {"AAAA": ["::1"]}, "both": {"A": ["127.0.0.1"], "AAAA": ["fd00::1"]},
             "mapped": {"AAAA": ["::ffff:127.0.0.2"]}, "meta": {"A": ["169.254.169.254"]},
             "none": {}, "silent": {"silent": True}, "broken": {"rcode": "SERVFAIL"},
             "alias": {"cname": "inside.example.net"}, "many": {"many": 200}}
    table = {f"{name}.example.net": row for name, row in table.items()}
    wanted = {"inside": "refused", "mixed": "refused", "six": "refused", "mapped": "refused",
              "both": "refused", "alias": "refused", "many": "refused", "meta": "refused",
              "none": "resolve", "unknown": "resolve", "broken": "resolve", "silent": "resolve"}
    with Names(table, tmp_path) as names, Witness("127.0.0.2") as witness:
        made = {name: register(hooks, receiver.url("/"),
                               f"https://{name}.example.net:{witness.port}/") for name in wanted}
        healthy = hooks.create(receiver.url("/healthy"))
        hooks.event()
        sent = time.time()
        run = batch_run(stack, conf=resolving(names))
        assert not witness.was_met()
        assert names.asked() >= set(table)
    got = {name: one(stack, endpoint)[1] for name, endpoint in made.items()}
    assert got.pop("silent") in ("resolve", "timeout")
    wanted.pop("silent")
    assert got == wanted
    assert receiver.of("/healthy")[0].at - sent < 1, "a name server that is silent held it up"
    assert one(stack, healthy) == (200, "none")
    assert run.line["took_ms"] <= DEADLINE_S * 1000 + 1500


def test_names_that_lead_inside_cannot_be_registered(tmp_path):
    """Made or changed; with the one refusal that says nothing of what was found. A name that does
    not resolve just now is accepted: every attempt asks again."""
    table = {"fine": {"A": ["93.184.216.34"]}, "inside": {"A": ["10.1.2.3"]},
             "mixed": {"A": ["93.184.216.34", "10.0.0.1"]},
             "both": {"A": ["93.184.216.34"], "AAAA": ["fd00::1"]},
             "mapped": {"AAAA": ["::ffff:10.0.0.1"]}, "many": {"many": 200},
             "alias": {"cname": "inside.example.net"}, "broken": {"rcode": "SERVFAIL"}}
    table = {f"{name}.example.net": row for name, row in table.items()}
    with Names(table, tmp_path) as names, \
            Stack("--no-batch", "--set", f"dns_servers=127.0.0.1:{names.port}") as stack:
        said = set()
        for name in ("inside", "mixed", "both", "mapped", "many", "alias"):
            reply = stack.live.post("/v1/webhooks", {"url": f"https://{name}.example.net/",
                                                     "events": ["verification.failed"]})
            assert reply.status_code == 400, name
            said.add(reply.text)
        assert len(said) == 1 and "example.net" not in said.pop()
        made = {}
        for name in ("fine", "broken", "unknown"):
            made[name] = stack.live.post("/v1/webhooks/endpoints",
                                         {"url": f"https://{name}.example.net/"})
            assert made[name].status_code == 200, made[name].text
        path = "/v1/webhooks/endpoints/" + made["fine"].json()["data"]["endpoint"]["id"]
        reply = stack.live.call("PATCH", path, json={"url": "https://mixed.example.net/"})
        assert reply.status_code == 400
        assert stack.live.get(path).json()["data"]["url"] == "https://fine.example.net/"
        assert names.asked() >= set(table)


def test_a_name_that_changes_its_mind(stack, hooks, receiver, resolving, tmp_path):
    """Rebinding: a good address first and a bad one then. What was checked is what is dialled."""
    table = {"turn.example.net": {"A": [["127.0.0.1"], ["127.0.0.2"]]}}
    with Names(table, tmp_path) as names, \
            Witness("127.0.0.2") as witness, Receiver(on_connect=PLAIN) as plain:
        endpoint = register(hooks, receiver.url("/"), f"https://turn.example.net:{plain.port}/")
        hooks.event()
        batch_run(stack, conf=resolving(names))
        # It speaks no TLS: to have been dialled is all there is to see.
        assert plain.connections == 1 and one(stack, endpoint) == (None, "tls")
        register(hooks, receiver.url("/other"), f"https://turn.example.net:{witness.port}/")
        hooks.event()
        batch_run(stack, conf=resolving(names))
        assert not witness.was_met()


# ---- the end of a run ----------------------------------------------------------------------------------------

def test_what_is_under_way_when_a_run_ends_is_settled(hooks, stack, receiver):
    """A receiver that takes 12 of its 15 seconds while the batch is told to stop: delivered once,
    and known to be."""
    conf = without(stack, "webhook_timeout_s")
    hooks.create(receiver.url("/"))
    receiver.rule("/", answer(200, after_s=12))
    hooks.event()
    process = batch_start(stack, "--linger", "60", "--only", "delivery", conf=conf)
    assert wait_for(lambda: receiver.of("/"), 10)
    process.send_signal(signal.SIGTERM)
    batch_end(process, 30)
    row, = deliveries(stack)
    assert (row.status, row.attempts_total) == ("succeeded", 1), \
        "the attempt was cut off: the receiver has it and will get it again"
