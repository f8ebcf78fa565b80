# SPDX-License-Identifier: Apache-2.0
"""The rules of a V3 submission (B2) and the multipart bodies it comes in."""

import json
import re
import urllib.parse

from . import idtypes, signing
from .reply import refuse_v3

_PARTS = ("country", "id_type", "id_number", "user_details", "consent", "callback_url", "user_id",
          "bank_code", "operator", "partner_params", "metadata")
_DETAILS = ("given_names", "last_name", "email", "phone_number")
_CONSENT = ("granted", "granted_at", "notice_language", "notice_privacy_policy_url")

_PHONE = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_USER_ID = re.compile(r"[!-~]{1,128}")     # it comes back in headers; the limit is inferred
_LANGUAGE = re.compile(r"[A-Z]{2}")
_DISPOSITION = re.compile(r'form-data;\s*name="([^"]*)"(;\s*filename="[^"]*")?', re.I)
_BOUNDARY = re.compile(r'boundary=("([^"]{1,70})"|([^\s;"]{1,70}))', re.I)

NO_CALLBACK = ("A valid callback_url is required in the request or a default callback URL must be "
               "configured in the portal.")
BLOCKED = ("This ID number has been blocked due to multiple submissions. "
           "Please use the designated endpoint to reactivate it.")


def _part(block):
    """One part's (name, text), or None when it is not a well-formed text part of a form."""
    head, gap, body = block.partition(b"\r\n\r\n")
    if not gap:
        return None
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            found = _DISPOSITION.fullmatch(value.strip())
            break
    else:
        return None
    try:
        return (found[1], body.decode("utf-8")) if found else None
    except UnicodeDecodeError:
        return None


def read_multipart(content_type, raw):
    """RFC 7578 form fields as {name: text}; None for anything malformed or given twice."""
    found = _BOUNDARY.search(content_type)
    if not found:
        return None
    mark = b"--" + (found[2] or found[3]).encode("latin-1")
    blocks = (b"\r\n" + raw).split(b"\r\n" + mark)
    if len(blocks) < 2 or not blocks[-1].startswith(b"--") or blocks[-1].strip(b"\r\n") != b"--":
        return None
    parts = {}
    for block in blocks[1:-1]:
        part = _part(block[2:]) if block.startswith(b"\r\n") else None
        if part is None or part[0] in parts:
            return None
        parts[part[0]] = part[1]
    return parts


def read_object(text):
    """A JSON object from a part, or None."""
    try:
        doc = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return doc if isinstance(doc, dict) else None


class Refused(Exception):
    def __init__(self, status, message, reason=""):
        super().__init__(message)
        self.reply = refuse_v3(status, message, reason)


def _invalid(name):
    return f"Field '{name}' is invalid."


def _missing(name):
    return f"Required field '{name}' is missing or invalid."


def is_callback_url(text):
    """https as B2 wants, or plain http to loopback, the simulator's one relaxation: a test's
    receiver listens there. Other hosts pass here and are never called."""
    try:
        url = urllib.parse.urlsplit(text)
        host = url.hostname or ""
    except ValueError:
        return False
    return bool(host) and (url.scheme == "https" or
                           (url.scheme == "http" and (host.startswith("127.") or
                                                      host in ("localhost", "::1"))))


def _check_details(text):
    details = read_object(text)
    if details is None or set(details) - set(_DETAILS):
        raise Refused(400, _missing("user_details"), "not an object, or with unknown keys")
    for key in ("given_names", "last_name"):
        if not isinstance(details.get(key), str) or not details[key].strip():
            raise Refused(400, _missing(f"user_details.{key}"))
    if not details.get("email") and not details.get("phone_number"):
        raise Refused(400, "Either email or phone_number is required.")
    for key, form in (("email", _EMAIL), ("phone_number", _PHONE)):
        value = details.get(key)
        if value is not None and not (isinstance(value, str) and form.fullmatch(value)):
            raise Refused(400, _invalid(key))
    return details


def _check_consent(parts, now_ms):
    if "consent" not in parts:       # bracket-style parts end here too, as C's list tells
        raise Refused(400, "consent is required")
    consent = read_object(parts["consent"])
    if consent is None or set(consent) - set(_CONSENT):
        raise Refused(400, _missing("consent"), "not an object, or with unknown keys")
    if consent.get("granted") is not True:
        raise Refused(400, _missing("consent.granted"))
    granted_at = consent.get("granted_at")
    granted_ms = signing.parse_iso(granted_at) if isinstance(granted_at, str) else None
    if granted_ms is None or granted_ms > now_ms + 1000:
        raise Refused(400, _missing("consent.granted_at"), "no ISO time with a zone, or to come")
    language = consent.get("notice_language")
    if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
        raise Refused(400, _missing("consent.notice_language"))
    policy = consent.get("notice_privacy_policy_url")
    if not isinstance(policy, str) or not policy.startswith("https://") or len(policy) < 9:
        raise Refused(400, _missing("consent.notice_privacy_policy_url"))


def _check_optional(parts):
    """partner_params (string values only) and metadata; returns the former."""
    params = read_object(parts.get("partner_params", "{}"))
    if params is None or not all(isinstance(value, str) for value in params.values()):
        raise Refused(400, _invalid("partner_params"))
    try:
        metadata = json.loads(parts.get("metadata", "[]"))
        good = isinstance(metadata, list) and all(
            set(item) == {"name", "value"} and len(item["name"]) <= 100
            and len(item["value"]) <= 1000 for item in metadata)
    except (ValueError, TypeError, RecursionError):
        good = False
    if not good:
        raise Refused(400, _invalid("metadata"))
    return params


def check_submission(world, call, sync):
    """B2's rules; returns (row of A8, user details, partner_params, callback URL)."""
    parts = call.parts
    if parts is None:
        raise Refused(400, "The multipart body is malformed.", "bad boundary, part or repetition")
    for name in parts:
        if name not in _PARTS and not name.startswith(("consent[", "user_details[")):
            raise Refused(400, _invalid(name), "not a part of this request")
    for name in ("country", "id_type", "id_number", "user_details"):
        if not parts.get(name):
            raise Refused(400, _missing(name))
    if parts["country"] not in idtypes.COUNTRIES:
        raise Refused(400, _missing("country"), "not on Smile's list")
    user_id = parts.get("user_id", call.headers.get("User-ID"))     # B2: the older place
    if user_id is not None and not _USER_ID.fullmatch(user_id):
        raise Refused(400, _invalid("user_id"))
    row = idtypes.TABLE.get((parts["country"], parts["id_type"]))
    if row is None:
        raise Refused(400, _missing("id_type"), "not on Smile's list for that country")
    if "selfie" in row.extra:
        raise Refused(400, _missing("selfie"), "this ID type cannot be looked up by number alone")
    if "bank_code" in row.extra and not parts.get("bank_code"):
        raise Refused(400, _missing("bank_code"))
    if not row.pattern.fullmatch(parts["id_number"]):
        raise Refused(400, "Invalid ID number format for the specified country and ID type.")
    details = _check_details(parts["user_details"])
    _check_consent(parts, world.now_ms())
    params = _check_optional(parts)
    if call.own_error:
        raise Refused(400, _invalid("partner_params"), "sim names no fault")
    url = parts.get("callback_url", "")
    if url and not is_callback_url(url):
        raise Refused(400, _invalid("callback_url"), "neither https nor loopback")
    url = url or world.settings.portal_callback_url
    if not url and not sync:
        raise Refused(400, NO_CALLBACK)
    if not world.count_number((row.country, row.code, parts["id_number"])):
        raise Refused(429, BLOCKED)
    return row, details, params, url
