# SPDX-License-Identifier: Apache-2.0
"""Media for tests: the smallest pictures and videos that are whole, and uploading them."""

import hmac
import os
import socket
import struct
import time
import zlib
from urllib.parse import urlsplit

UPLOADS = "/v1/verify/uploads"


# ---- PNG (PNG specification, third edition, section 5) -----------------------------------------------

def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(filler=0):
    """One grey pixel, and so many bytes more of text."""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(bytes((0, 128))))
            + (chunk(b"teXt", b"x" * filler) if filler else b"") + chunk(b"IEND", b""))


# ---- JPEG (ITU-T T.81 annex B) -----------------------------------------------------------------------

def segment(marker, data):
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def jpeg():
    return (b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
            + segment(0xC0, b"\x08\0\2\0\2\1\1\x11\0") + segment(0xDA, b"\1\1\0\0\x3f\0")
            + b"\x12\xff\x00\x34\xff\xd0\x56" + b"\xff\xd9")


# ---- WebM (RFC 8794, RFC 9559) -----------------------------------------------------------------------

UNKNOWN = b"\x01" + b"\xff" * 7  # a size that is not said


def element(number, data, size=None):
    return bytes.fromhex(number) + (size or bytes((0x80 | len(data),))) + data


def webm(doctype=b"webm", size=None, extra=b""):
    head = element("1a45dfa3", element("4286", b"\1") + element("4282", doctype))
    body = (element("1549a966", b"info") + element("1654ae6b", b"tracks")
            + element("1f43b675", element("e7", b"\0") + element("a3", b"frame"), UNKNOWN) + extra)
    return head + element("18538067", body, size)


# ---- uploading ---------------------------------------------------------------------------------------

# What goes in each place of a submission.
PICTURE, VIDEO = ("image/png", png()), ("video/webm", webm())
PLACES = {"selfie": PICTURE, "idFront": PICTURE, "idBack": PICTURE, "video": VIDEO}


def send(client, media_type, data):
    return client.call("POST", UPLOADS, data=data, headers={"Content-Type": media_type})


def upload(client, place="selfie"):
    """What goes in that place, waiting to be submitted: its id."""
    answer = send(client, *PLACES[place])
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["uploadId"]


class Media:
    """A tenant that uploads, and the files that there are then."""

    def __init__(self, stack):
        self.stack = stack
        self.app, _ = stack.tenant("Media")
        pair = stack.key(self.app, scopes=None, kind="secret")
        self.secret = stack.client(pair["key"], "X-API-Key")
        self.public = stack.client(pair["publishable_key"], "X-API-Key")
        self.key = pair["publishable_key"]
        self.directory = os.path.join(stack.dir, "media")

    def send(self, media_type, data):
        return send(self.public, media_type, data)

    def files(self):
        return sorted(os.path.join(at, name) for at, _, names in os.walk(self.directory)
                      for name in names)

    def link(self, upload_id, ttl_s=60):
        """The address that media_link() makes for nobody: HMAC-SHA256 under the pepper's sub-key (HKDF,
        RFC 5869)."""
        with open(os.path.join(self.stack.dir, "pepper"), encoding="ascii") as file:
            pepper = bytes.fromhex(next(line for line in file if not line.startswith("#")).strip())
        extracted = hmac.digest(bytes(32), pepper, "sha256")
        key = hmac.digest(extracted, b"bonafide pepper media\1", "sha256")
        exp = str(int(time.time()) + ttl_s)
        sig = hmac.digest(key, f"{upload_id} {exp} ".encode(), "sha256").hex()
        return {"exp": exp, "sig": sig}

    def begin(self, body=None, sent=1_000_000, address="127.0.0.1"):
        """A connection on which so many bytes of a picture have been sent, as by a trusted proxy."""
        body = png(3_000_000) if body is None else body
        at = urlsplit(self.stack.url)
        line = socket.create_connection((at.hostname, at.port), timeout=60)
        line.sendall(f"POST {UPLOADS} HTTP/1.1\r\nHost: x\r\nX-API-Key: {self.key}\r\n"
                     f"X-Forwarded-For: {address}\r\nContent-Type: image/png\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        line.sendall(body[:sent])
        return line
