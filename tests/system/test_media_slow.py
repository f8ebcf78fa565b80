# SPDX-License-Identifier: Apache-2.0
"""Uploads by slow clients, and many of them: the others are answered, and whoever does not come on is
dropped; whoever is only slow is not, however long it takes."""

import os
import signal
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from media import Media, png, upload
from product import LONG, SEED, Stack, wait_for

PLACES, STALL_S, LEAST = 2, 2, 40_000
# That many places by themselves, and by the setting.
POOLS = {"nginx": (4, "upload_workers=0"), "apache": (6, f"upload_workers={PLACES}")}


@pytest.fixture(scope="module", params=("nginx", "apache"))
def stack(request):
    workers, places = POOLS[request.param]
    # The pool's own patience is less than an upload may take.
    with Stack("--no-batch", "--set", f"upload_stall_s={STALL_S}", "--set",
               f"upload_min_bytes_s={LEAST}", "--set", "request_timeout_s=5", "--set",
               "trusted_proxies=127.0.0.1", "--set", places, web=request.param,
               workers=workers) as running:
        yield running


@pytest.fixture(scope="module")
def media(stack):
    return Media(stack)


def busy(stack, operation="uploadMedia"):
    """Workers at it."""
    return [row["pid"] for row in stack.client().get("/-/status").json()["workers"]
            if row["operation"] == operation]


class Slow:
    """An upload that comes in pieces of so many bytes, so many seconds apart."""

    def __init__(self, media, body, sent, piece, pause_s, address="127.0.0.1"):
        self.line = media.begin(body, sent, address)
        self.rest, self.piece, self.pause_s = body[sent:], piece, pause_s
        self.answer = b""
        self.began = time.monotonic()
        self.took = None
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.send), threading.Thread(target=self.read)]
        for thread in self.threads:
            thread.start()

    def send(self):
        try:
            for at in range(0, len(self.rest), self.piece):
                if self.stop.wait(self.pause_s):
                    return
                self.line.sendall(self.rest[at:at + self.piece])
        except OSError:
            pass  # nobody listens any more

    def read(self):
        try:
            while b"}" not in self.answer and (more := self.line.recv(65536)):
                self.answer += more
        except OSError:
            pass
        self.took = time.monotonic() - self.began
        self.stop.set()

    def status(self):
        for thread in self.threads:
            thread.join(60)
        self.line.close()
        return int(self.answer.split()[1]) if self.answer else None

    def give_up(self):
        self.stop.set()
        self.line.shutdown(socket.SHUT_RDWR)
        self.status()


def fill(stack, media, *addresses):
    """As many places taken by clients that send slowly, but enough."""
    slow = [Slow(media, png(10_000_000), 1000, LEAST, 0.5, address) for address in addresses]
    assert wait_for(lambda: len(busy(stack)) == len(slow), 10)
    return slow


def test_no_place(stack, media):
    before = media.files()
    slow = fill(stack, media, "192.0.2.1", "192.0.2.2")
    try:
        for _ in range(10):
            began = time.monotonic()
            refused = media.send("image/png", png(3_000_000))
            assert refused.status_code == 503, refused.text
            assert refused.headers["Retry-After"] == "1"
            # What was sent of it is no beginning of the next request.
            assert stack.web == "apache" or refused.headers["Connection"] == "close"
            assert list(refused.json()) == ["error", "correlationId"]
            assert time.monotonic() - began < 2
        # Everything else is answered, for all that the uploads go on.
        for _ in range(10):
            assert stack.sandbox.post("/v1/kyc/sandbox/verify", SEED).status_code == 200
            assert stack.sandbox.get("/v1/kyc/verifications").status_code == 200
            assert media.secret.get("/v1/verify/nobody/status").status_code == 404
        assert len(busy(stack)) == PLACES
    finally:
        for one in slow:
            one.give_up()
    # Somebody who leaves leaves a place, and no file.
    assert wait_for(lambda: not busy(stack), 10)
    assert wait_for(lambda: media.files() == before, 10)
    upload(media.public)


def test_a_killed_worker_leaves_its_place(stack, media):
    slow = fill(stack, media, "192.0.2.1", "192.0.2.2")
    for pid in busy(stack):
        os.kill(pid, signal.SIGKILL)
    for one in slow:
        one.give_up()
    assert wait_for(lambda: media.send("image/png", png()).status_code == 201, 10)


def test_the_last_place_is_for_others(stack, media):
    slow = fill(stack, media, "192.0.2.1")
    try:
        with media.begin(png(), 1_000, "192.0.2.1") as line:
            assert b" 503 " in line.recv(4096).split(b"\r\n")[0]
        with media.begin(png(), 1_000, "192.0.2.2") as line:
            assert b" 201 " in line.recv(4096).split(b"\r\n")[0]
    finally:
        slow[0].give_up()
    assert wait_for(lambda: not busy(stack), 10)


@pytest.mark.parametrize("sent, piece, pause_s", [
    pytest.param(30_000, 1, 600, id="stalled"),
    pytest.param(1000, 1, 0.2, id="dribbling"),
    pytest.param(60_000, 1, 0.2, id="quick at first")])
def test_too_slow(stack, media, sent, piece, pause_s):
    """What came at once pays for a while, and no longer."""
    if stack.web == "apache" and sent > 30_000 and not LONG:
        pytest.skip("as behind nginx")
    before = media.files()
    began = time.monotonic()
    slow = Slow(media, png(1_000_000), sent, piece, pause_s)
    assert wait_for(lambda: len(busy(stack)) == 1, 5)
    assert wait_for(lambda: not busy(stack), 20)
    # libfcgi waits two seconds more for a web server that has not seen that it is over.
    assert STALL_S <= time.monotonic() - began < STALL_S + sent / LEAST + 4
    assert media.files() == before
    assert "request came too slowly" in (stack.dir / "log/pool.log").read_text()
    if pause_s > 1 and stack.web == "apache":
        # Apache looks whether there is an answer only when something comes: its own 408, later.
        slow.give_up()
    else:
        assert slow.status() == 400
        assert b'{"error":"Bad Request","correlationId":"req_' in slow.answer
    upload(media.public)


def test_slow_but_coming(stack, media):
    """Longer than request_timeout_s and upload_stall_s: taken, and no worker was replaced for it."""
    if stack.web == "apache" and not LONG:
        pytest.skip("as behind nginx")
    slow = Slow(media, png(6 * LEAST), LEAST // 2, LEAST // 2, 0.45)
    assert slow.status() == 201, slow.answer
    assert slow.took > 5.2
    assert stack.client().get("/-/status").json()["timeouts"] == 0


def test_nobody_takes_it(stack, media):
    """A medium that is asked for and not read holds its worker no longer than an upload that stalls."""
    made = media.send("image/png", png(14_000_000)).json()["data"]["uploadId"]
    query = "&".join(f"{name}={value}" for name, value in media.link(made).items())
    at = urlsplit(stack.url)
    with socket.create_connection((at.hostname, at.port)) as line:
        began = time.monotonic()
        line.sendall(f"GET /media/{made}?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert wait_for(lambda: busy(stack, "showMedia"), 5)
        assert wait_for(lambda: not busy(stack, "showMedia"), 20)
        # Once for the content, once for its end, and libfcgi's two seconds.
        took = time.monotonic() - began
        assert STALL_S <= took < 2 * STALL_S + 12, took
    assert stack.client().get("/-/status").json()["timeouts"] == 0
