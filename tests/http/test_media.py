# SPDX-License-Identifier: Apache-2.0
"""Uploads by HTTP (contract/age.md): what is taken, what is refused, and what is on the disk then."""

import hmac
import os
import socket
import struct
import time
from urllib.parse import urlsplit

import pytest
import requests

from media import UPLOADS as PATH, Media, chunk, padded as png
from product import is_id, is_time, wait_for

MOST = 15 * 1024 * 1024


def segment(marker, data):
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def jpeg():
    return (b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
            + segment(0xC0, b"\x08\0\2\0\2\1\1\x11\0") + segment(0xDA, b"\1\1\0\0\x3f\0")
            + b"\x12\xff\x00\x34\xff\xd0\x56" + b"\xff\xd9")


def element(number, data, size=None):
    return bytes.fromhex(number) + (size or bytes((0x80 | len(data),))) + data


UNKNOWN = b"\x01" + b"\xff" * 7


def webm(doctype=b"webm", size=None, extra=b""):
    head = element("1a45dfa3", element("4286", b"\1") + element("4282", doctype))
    body = (element("1549a966", b"info") + element("1654ae6b", b"tracks")
            + element("1f43b675", element("e7", b"\0") + element("a3", b"frame"), UNKNOWN) + extra)
    return head + element("18538067", body, size)


GOOD = {"png": ("image/png", png()), "jpeg": ("image/jpeg", jpeg()),
        "webm": ("video/webm", webm()), "webm as it is recorded": ("video/webm", webm(size=UNKNOWN))}
BAD = {
    "nothing": ("image/png", b""),
    "another type": ("image/png", jpeg()),
    "a page behind a picture": ("image/png", png() + b"<script>alert(1)</script>"),
    "an archive behind a photo": ("image/jpeg", jpeg() + b"PK\3\4" + b"\0" * 30),
    "something before": ("image/png", b"GIF89a" + png()),
    "a cut picture": ("image/png", png()[:-5]),
    "a picture without its content": ("image/png", png()[:33] + chunk(b"IEND", b"")),
    "a cut photo": ("image/jpeg", jpeg()[:-1]),
    "a photo that ends at once": ("image/jpeg", b"\xff\xd8\xff\xd9"),
    "a page": ("image/jpeg", b"<html></html>"),
    "any matroska": ("video/webm", webm(b"mkv4")),
    "a cut video": ("video/webm", webm(size=UNKNOWN)[:-2]),
    "a video longer than it says": ("video/webm", webm() + b"\xec\x80"),
    "a file in a video": ("video/webm", webm(size=UNKNOWN, extra=element("1941a469", b"MZ"))),
}


@pytest.fixture(scope="module")
def media(stack):
    return Media(stack)


@pytest.mark.parametrize("name", GOOD)
def test_what_is_taken(media, name):
    before = media.files()
    answer = media.send(*GOOD[name])
    assert answer.status_code == 201, answer.text
    data = answer.json()["data"]
    assert list(data) == ["uploadId", "expiresAt"]
    assert is_id("med", data["uploadId"]) and is_time(data["expiresAt"])
    (path,) = set(media.files()) - set(before)
    # Two levels of directories and the id's digits: nothing of it is the client's.
    assert os.path.relpath(path, media.directory).count("/") == 2
    assert os.stat(path).st_mode & 0o7777 == 0o600 and os.stat(path).st_nlink == 1
    stored = open(path, "rb").read()
    assert stored.startswith(b"BFSF\1") and GOOD[name][1][-12:] not in stored


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(media, name):
    before = media.files()
    answer = media.send(*BAD[name])
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "Bad Request"
    assert media.files() == before


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "image/gif", "../etc/passwd",
                                        "image/png; x=../../../etc/passwd"])
def test_other_types(media, media_type):
    before = media.files()
    assert media.send(media_type, png()).status_code == 415
    assert media.files() == before


def test_how_much(media):
    before = media.files()
    room = MOST - len(png(1)) + 1
    assert media.send("image/png", png(room)).status_code == 201
    assert len(media.files()) == len(before) + 1
    for body in (png(room + 1), (part for part in [png(room), b"x"])):  # announced, and in chunks
        assert media.send("image/png", body).status_code == 413
    assert len(media.files()) == len(before) + 1


def test_who_may(stack, media):
    assert stack.client("", "X-API-Key").call("POST", PATH, data=png()).status_code == 401
    assert media.secret.call("POST", PATH, data=png(),
                             headers={"Content-Type": "image/png"}).status_code == 201


def test_a_client_that_leaves(media):
    before = media.files()
    at = urlsplit(media.stack.url)
    with socket.create_connection((at.hostname, at.port)) as line:
        line.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-API-Key: {media.key}\r\n"
                     f"Content-Type: image/png\r\nContent-Length: 1000000\r\n\r\n".encode())
        line.sendall(png(300000)[:200000])
        wait_for(lambda: media.files() != before)
    wait_for(lambda: media.files() == before)


def link(media, upload_id, ttl_s=60):
    """The address that media_link() makes: HMAC-SHA256 under the pepper's sub-key (HKDF, RFC 5869)."""
    with open(os.path.join(media.stack.dir, "pepper"), encoding="ascii") as file:
        pepper = bytes.fromhex(next(line for line in file if not line.startswith("#")).strip())
    extracted = hmac.digest(bytes(32), pepper, "sha256")
    key = hmac.digest(extracted, b"bonafide pepper media\1", "sha256")
    exp = str(int(time.time()) + ttl_s)
    sig = hmac.digest(key, f"{upload_id} {exp}".encode(), "sha256").hex()
    return {"exp": exp, "sig": sig}


def show(media, upload_id, params):
    return media.stack.client().call("GET", f"/media/{upload_id}", params=params)


def test_a_link(media):
    content = png(3_000_000)
    made = media.send("image/png", content).json()["data"]["uploadId"]
    other = media.send("image/png", png()).json()["data"]["uploadId"]
    params = link(media, made)
    answer = show(media, made, params)
    assert answer.status_code == 200 and answer.content == content
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
        "sandbox allow-same-origin")
    assert answer.headers["Content-Disposition"] == "inline"
    (row,) = media.stack.rows("SELECT COUNT(*) FROM audit WHERE action = 'media.read'")
    assert row[0] >= 1
    for name, wrong in ((made, {}), (other, params), (made, link(media, made, -1)),
                        (made, params | {"exp": str(int(params["exp"]) + 1)}),
                        (made, params | {"sig": "0" * 64}), ("med_x", params),
                        ("med_..%2fpepper", params)):
        assert show(media, name, wrong).status_code == 404, (name, wrong)


def test_a_path_that_climbs(media):
    """The web server itself refuses it: no family's words."""
    assert requests.get(f"{media.stack.url}/media/..%2f..%2fpepper", timeout=10).status_code in (
        400, 404)


def test_memory_stays(media):
    """However much is sent and shown, no worker holds it. What other tests' passwords took does not
    count: the peaks begin anew (proc(5), clear_refs)."""
    content = png(MOST - len(png(1)) + 1)
    parent = media.stack.pid("pool")
    children = open(f"/proc/{parent}/task/{parent}/children", encoding="ascii").read().split()
    for child in children:
        with open(f"/proc/{child}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    made = media.send("image/png", content).json()["data"]["uploadId"]
    assert show(media, made, link(media, made)).content == content
    peaks = [int(line.split()[1]) for child in children
             for line in open(f"/proc/{child}/status", encoding="ascii")
             if line.startswith("VmHWM")]
    assert peaks and max(peaks) < 16 * 1024, peaks
