# SPDX-License-Identifier: Apache-2.0
"""The signature both generations use, its golden vectors, and the timestamps it is made over.

Reference A1: base64 of HMAC-SHA256, keyed with the API key as the text shown in the portal, over
timestamp, partner id and a fixed word, with nothing between them. It covers no part of a body.
"""

import base64
import datetime
import hashlib
import hmac
import re

SALT = "sid_request"

# A1 lists what the libraries send, and asks a new client for exactly this form.
STRICT_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)

_KEY_B = "0f2d9d2e-1c5b-4d7e-9c1a-3f0b6a7d8e9f"
# name, API key, timestamp, partner id, signature: the vectors of A1.
VECTORS = (
    ("A", "test-api-key", "2026-07-22T10:00:00.000Z", "2423",
     "1TzKvsGTilgKK6eODGzBG/b/h3cTp0NvSPcRWggYfGc="),
    ("B", _KEY_B, "2026-11-21T12:00:00.000Z", "085",
     "OG/mymLvGpY93eWOHThjntCqdtIlM+C9IYeCIjzgOw8="),
    ("C", _KEY_B, "2026-11-21T12:00:00.000Z", "85",
     "gl6jf00pEU/W+/iRHmu8wi7ouM64eVwul6QWL0EENGU="),
    ("D", _KEY_B, "1570612182124", "085", "HXXonJ6LDkRXzWJeNUNLbIHVqm+hahFPR7xk71Cu4LI="),
    ("E", _KEY_B, "2021-08-12T17:57:00.614879", "085",
     "HtgEoRbctwmd+mMT+orWEZGClhRqJJOO1DoMOpIouU0="),
)


def sign(api_key, timestamp, partner_id):
    """The 44-character signature. timestamp is signed as the text it will be sent as."""
    text = f"{timestamp}{partner_id}{SALT}".encode()
    return base64.b64encode(hmac.new(api_key.encode(), text, hashlib.sha256).digest()).decode()


def same(a, b):
    """Compare in constant time; a lone surrogate from JSON is odd but must not be an exception."""
    return hmac.compare_digest(a.encode(errors="surrogatepass"), b.encode(errors="surrogatepass"))


def format_time(ms):
    """Milliseconds since 1970 as YYYY-MM-DDTHH:MM:SS.mmmZ."""
    when = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def parse_strict(text):
    """The strict form as milliseconds, or None when it is not that form or no real time."""
    if not STRICT_TIME.fullmatch(text):
        return None
    return parse_iso(text)


def parse_iso(text):
    """Any ISO 8601 time that carries a zone, as milliseconds, or None."""
    try:
        when = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        return None
    return int(when.timestamp() * 1000)


def print_vectors(out):
    """Recompute the golden vectors, one line each; True when every one agrees."""
    good = True
    for name, key, timestamp, partner, want in VECTORS:
        got = sign(key, timestamp, partner)
        good = good and got == want
        verdict = "ok" if got == want else f"WRONG, expected {want}"
        print(f"{name} key={key} timestamp={timestamp} partner={partner} {got} {verdict}", file=out)
    return good
