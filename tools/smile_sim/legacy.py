# SPDX-License-Identifier: Apache-2.0
"""The legacy endpoints. Checks run in the order of D item 1, each with its own code, so that a
wrong client learns which rule it broke; X-Sim-Reason says it in words."""

import datetime
import re
import urllib.parse

from . import idtypes, outcome, signing, state
from .reply import JOB_NOT_FOUND, Reply, refuse_v1

_REQUIRED = ("partner_id", "timestamp", "signature", "source_sdk", "source_sdk_version", "country",
             "id_type", "partner_params")
_TEXT = ("partner_id", "timestamp", "signature", "source_sdk", "source_sdk_version", "country",
         "id_type", "id_number", "callback_url", "first_name", "middle_name", "last_name", "dob",
         "gender", "phone_number", "bank_code", "secondary_id_number", "citizenship", "session_id")
_OBJECT = ("partner_params", "consent_information")

_STATUS_TEXT = ("partner_id", "timestamp", "signature", "user_id", "job_id")
_RESET_TEXT = ("partner_id", "timestamp", "signature", "id_type", "id_number")

# No public text names the code for a country or ID type that does not exist: inferred.
_UNSUPPORTED = "2204"

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Refused(Exception):
    def __init__(self, code, reason):
        super().__init__(reason)
        self.code = code
        self.reason = reason


def is_url(text):
    """An absolute http or https URL. The provider wants https; a test listens on plain loopback,
    which is the only place the courier ever calls."""
    try:
        url = urllib.parse.urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and not url.username
    except ValueError:
        return False


def _is_date(text):
    try:
        return bool(_DATE.fullmatch(text)) and bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def _check_body(call):
    """2203: a JSON object under a JSON content type."""
    if call.media != "application/json":
        raise Refused("2203", f"the content type is {call.media or 'missing'}")
    if call.doc is None:
        raise Refused("2203", call.doc_error)
    if not isinstance(call.doc, dict):
        raise Refused("2204", "the body is not an object")
    return call.doc


def _check_types(doc, texts, objects=(), flags=()):
    """2204: nothing unknown, and everything of its type."""
    for key, value in doc.items():
        if key in texts:
            good = isinstance(value, str)
        elif key in objects:
            good = isinstance(value, dict)
        elif key in flags:
            good = isinstance(value, bool) or value in ("true", "false")
        else:
            raise Refused("2204", f"{key} is not a parameter")
        if not good:
            raise Refused("2204", f"{key} is of the wrong type")


def _check_params(params):
    for key, value in params.items():
        if key == "job_type":
            if type(value) is not int:
                raise Refused("2204", "partner_params.job_type must be a number")
        elif not isinstance(value, str):
            raise Refused("2204", f"partner_params.{key} must be a string")


def _check_formats(doc):
    """The formats A2 gives are part of a parameter's type."""
    if "dob" in doc and not _is_date(doc["dob"]):
        raise Refused("2204", "dob is not a date like 2000-09-20")
    if "gender" in doc and doc["gender"] not in ("M", "F"):
        raise Refused("2204", "gender is neither M nor F")
    if "callback_url" in doc and not is_url(doc["callback_url"]):
        raise Refused("2204", "callback_url is not an absolute http(s) URL")


def _check_present(doc, names, where=""):
    for name in names:
        if doc.get(name) in (None, "", {}):
            raise Refused("2213", f"{where}{name} is missing")


def _check_time_form(doc):
    """A1: a timestamp in another form is documented as a cause of 2204."""
    if "timestamp" in doc and signing.parse_strict(doc["timestamp"]) is None:
        raise Refused("2204", "timestamp is not YYYY-MM-DDTHH:MM:SS.mmmZ")


def _check_auth(world, doc):
    """2205: the partner, the signature over the timestamp as sent, and the clock."""
    if doc["partner_id"] != world.partner_id:
        raise Refused("2205", "partner_id is not this account's, zeros included")
    want = signing.sign(world.api_key, doc["timestamp"], world.partner_id)
    if not signing.same(want, doc["signature"]):
        raise Refused("2205", "the signature does not fit")
    apart_ms = abs(world.now_ms() - signing.parse_strict(doc["timestamp"]))
    if apart_ms > world.settings.skew_s * 1000:
        raise Refused("2205", f"timestamp is {apart_ms // 1000} s from the server's clock")


def _check_id_type(doc, basic):
    """The row of A8, with what that kind of ID needs beyond the common fields."""
    row = idtypes.TABLE.get((doc["country"], doc["id_type"]))
    if row is None:
        raise Refused(_UNSUPPORTED, f"{doc['country']} {doc['id_type']} is not on Smile's list")
    _check_present(doc, (("id_number",) if row.number else ()) + row.extra
                   + (row.basic_extra if basic else ()))
    return row


def _check_submission(world, call, basic, sync):
    """Every check of D item 1, in its order; returns the row of A8."""
    doc = _check_body(call)
    _check_types(doc, _TEXT, _OBJECT)
    params = doc.get("partner_params", {})
    _check_params(params)
    _check_time_form(doc)
    _check_formats(doc)
    if call.own_error:
        raise Refused("2204", "partner_params.sim names no fault")
    _check_present(doc, _REQUIRED)
    _check_present(params, ("job_id", "user_id"), "partner_params.")
    if not sync and not world.settings.portal_callback_url:
        _check_present(doc, ("callback_url",))
    if basic:
        _check_present(doc, ("first_name", "last_name"))
    _check_auth(world, doc)
    if params.get("job_type", 5) != 5:
        raise Refused("2212", "partner_params.job_type must be 5")
    if params["job_id"] in world.jobs:
        raise Refused("2215", "this job_id was accepted before")
    if not world.count_number((doc["country"], doc["id_type"], doc.get("id_number", ""))):
        raise Refused("2222", "this number was submitted too often")
    return _check_id_type(doc, basic)


class Legacy:
    def __init__(self, world, courier):
        self.world = world
        self.courier = courier

    def submit(self, basic, sync):
        """The endpoint for one product in one mode."""
        async def work(call):
            try:
                row = _check_submission(self.world, call, basic, sync)
            except Refused as refused:
                return refuse_v1(refused.code, refused.reason)
            return await self._accept(call, row, basic, sync)
        return work

    async def _accept(self, call, row, basic, sync):
        world, doc = self.world, call.doc
        params = doc["partner_params"]
        number = doc.get("id_number", "")
        malformed = bool(number) and not row.pattern.fullmatch(number)
        if malformed and world.settings.regex_mismatch == "2204":
            return refuse_v1("2204", "id_number does not fit its type's pattern")
        code = ("1014" if malformed else
                outcome.choose_code(world, (row.country, row.code, number), params))
        job = state.Job(
            "v1", params["job_id"], params["user_id"], call.path, row.country, row.code, number,
            doc.get("callback_url") or world.settings.portal_callback_url, params, sync)
        job.faults = call.take("job")
        signing_faults = call.take("sign")
        job.result = outcome.build(world, doc, code, basic)
        outcome.bend(job.result, job.faults)
        job.outcome = job.result["ResultCode"]
        job.faults.update(signing_faults)
        world.jobs[job.job_id] = call.job = job
        world.counts["accepted"] += 1
        world.counts["billed"] += job.outcome not in ("1015", "1023")
        world.start_clock(job)
        if sync:
            return Reply(200, outcome.signed(world, job.result, job.faults), code=str(job.outcome))
        await self.courier.start(job)
        return Reply(200, {"success": True}, code="accepted")

    async def job_status(self, call):
        """A6: looked up by user and job together."""
        world = self.world
        try:
            doc = _check_body(call)
            _check_types(doc, _STATUS_TEXT, flags=("image_links", "history"))
            _check_time_form(doc)
            _check_present(doc, _STATUS_TEXT)
            _check_auth(world, doc)
        except Refused as refused:
            return refuse_v1(refused.code, refused.reason)
        job = world.jobs.get(doc["job_id"])
        if job is None or job.generation != "v1" or job.user_id != doc["user_id"]:
            return refuse_v1(JOB_NOT_FOUND, "no such user_id and job_id together")
        call.job = job
        job.polls += 1
        faults = call.take("sign")
        answer = {**outcome.stamp(world, faults), "job_complete": False, "job_success": False,
                  "code": "2302", "result": "No result yet"}
        # A provisional result is known but does not complete the job.
        if world.is_complete(job):
            answer["result"] = outcome.signed(world, job.result, faults)
            answer["job_complete"] = answer["job_success"] = (
                job.result["IsFinalResult"] == "true")
        if doc.get("history") in (True, "true"):
            answer["history"] = [answer["result"]] if answer["job_complete"] else []
        if doc.get("image_links") in (True, "true"):
            answer["image_links"] = {}
        return Reply(200, answer, code=str(job.outcome) if answer["job_complete"] else "pending")

    async def services(self, call):
        return Reply(200, idtypes.services_v1())

    async def rate_limit_reset(self, call):
        """A9. It names no country, so every number of that type and text is let go."""
        world = self.world
        try:
            doc = _check_body(call)
            _check_types(doc, _RESET_TEXT)
            _check_time_form(doc)
            _check_present(doc, _RESET_TEXT)
            _check_auth(world, doc)
        except Refused as refused:
            return refuse_v1(refused.code, refused.reason)
        for key in [key for key in world.numbers if key[1:] == (doc["id_type"], doc["id_number"])]:
            del world.numbers[key]
        return Reply(200, {"message": "Rate limit reset successful", "success": "true"})
