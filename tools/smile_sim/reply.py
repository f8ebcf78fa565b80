# SPDX-License-Identifier: Apache-2.0
"""An answer, and the refusals of both generations with the provider's own wording (A3, B2)."""

import http
import json


def _header_text(text):
    """A reason may quote the request, which can hold anything at any length."""
    plain = text.encode("ascii", "backslashreplace").decode()[:200]
    return "".join(char if char.isprintable() else "?" for char in plain)


class Reply:
    """reason explains a refusal to the person testing; it travels in a header and the journal, so
    that the body stays what the provider would send."""

    def __init__(self, status, doc, headers=None, code="", reason=""):
        self.status = status
        self.body = json.dumps(doc, separators=(",", ":")).encode()
        self.content_type = "application/json"
        self.headers = dict(headers or {})
        self.code = code
        if reason:
            self.headers["X-Sim-Reason"] = _header_text(reason)
        self.reason = reason


# A3. Texts as documented; 2303 is inferred: no public page says what an unknown job answers.
V1_ERRORS = {
    "2201": "System Error",
    "2203": "Invalid JSON",
    "2204": "A parameter is of the wrong data type",
    "2205": "You are not authorized to do that.",
    "2212": "Invalid job type",
    "2213": "A required parameter is missing",
    "2215": "Job already exists for job_id",
    "2222": "This ID number has been blocked due to multiple submissions. "
            "Please use the designated endpoint to reactivate it.",
    "2303": "Job not found",
}
JOB_NOT_FOUND = "2303"

# B2. The default text of a status; an endpoint may give another.
_V3_TEXTS = {
    401: "Invalid authentication credentials.",
    403: "You are not authorized to do that.",
    404: "Job not found",
    415: "Unsupported Media Type. Required Content-Type is multipart/form-data",
    429: "Rate limit exceeded. Please try again later.",
    500: "An unexpected error occurred. Please try again or contact support.",
}


def refuse_v1(code, reason="", status=None):
    """The A3 shape. Every code answers 400 except 2222, the only one whose status is documented."""
    status = status or (429 if code == "2222" else 400)
    return Reply(status, {"code": code, "error": V1_ERRORS[code]}, code=code, reason=reason)


def refuse_v3(status, message=None, reason="", headers=None):
    """The B2 shape: the HTTP phrase and a sentence."""
    message = message or _V3_TEXTS[status]
    return Reply(status, {"status": http.HTTPStatus(status).phrase, "message": message},
                 headers, code=f"http-{status}", reason=reason)
