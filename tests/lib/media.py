# SPDX-License-Identifier: Apache-2.0
"""Media for tests: the smallest picture that is whole, and uploading one."""

import os
import struct
import zlib

UPLOADS = "/v1/verify/uploads"


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(shade=128):
    """One grey pixel (PNG specification, third edition, section 5)."""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(bytes((0, shade)))) + chunk(b"IEND", b""))


def padded(filler=0):
    """The same, whole, with so many bytes more of text in it."""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(bytes((0, 128))))
            + (chunk(b"teXt", b"x" * filler) if filler else b"") + chunk(b"IEND", b""))


def upload(client, _name="selfie"):
    """A picture that waits to be submitted: its id."""
    answer = client.call("POST", UPLOADS, data=png(), headers={"Content-Type": "image/png"})
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

    def send(self, media_type, data, **headers):
        return self.public.call("POST", UPLOADS, data=data, headers={"Content-Type": media_type, **headers})

    def files(self):
        return sorted(os.path.join(at, name) for at, _, names in os.walk(self.directory)
                      for name in names)
