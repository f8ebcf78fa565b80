# SPDX-License-Identifier: Apache-2.0
"""Media for tests: the smallest picture that is whole, and uploading one."""

import struct
import zlib

UPLOADS = "/v1/verify/uploads"


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(shade=128):
    """One grey pixel (PNG specification, third edition, section 5)."""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(bytes((0, shade)))) + chunk(b"IEND", b""))


def upload(client, _name="selfie"):
    """A picture that waits to be submitted: its id."""
    answer = client.call("POST", UPLOADS, data=png(), headers={"Content-Type": "image/png"})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["uploadId"]
