# SPDX-License-Identifier: Apache-2.0
"""One request in, one answer out: reads it whole, applies faults, sends, and keeps the journal.

An endpoint is a coroutine that takes a Call and returns a Reply. It sees neither the connection
nor the faults of the wire, so each fault works on every endpoint alike.
"""

import asyncio
import json
import time

from aiohttp import web

from . import faults, state, v3_check
from .reply import Reply, refuse_v1, refuse_v3

_HTML = (b"<!DOCTYPE html>\n<html><head><title>Please wait</title></head>"
         b"<body><h1>The service is temporarily unavailable</h1></body></html>\n")

_SUBMITS = ("/v1/id_verification", "/v1/async_id_verification", "/v2/verify", "/v2/verify_async",
            "/v3/enhanced_kyc", "/v3/enhanced_kyc/sync")


def _page(status, headers=None):
    reply = Reply(status, None, headers, code=f"http-{status}")
    reply.body, reply.content_type = _HTML, "text/html; charset=utf-8"
    return reply


def _no_twins(pairs):
    """A repeated key in an object is read differently by different parsers: refuse it."""
    doc = dict(pairs)
    if len(doc) != len(pairs):
        raise ValueError("a key appears twice")
    return doc


class Call:
    """A request as read, and what is learnt about it on the way."""

    def __init__(self, request, raw, world):
        self.request = request
        self.raw = raw
        self.world = world
        self.path = request.path
        self.headers = request.headers
        self.media = request.content_type if "Content-Type" in request.headers else ""
        self.doc = None              # the JSON body
        self.doc_error = "the body is not JSON"
        self.parts = None            # the multipart body, {name: text}
        self.facts = {"path": (self.path,)}
        self.own = []                # faults asked for in partner_params.sim
        self.own_error = False
        self.is_submit = self.path in _SUBMITS
        self.job = None
        self.fault_names = []
        if self.path.startswith("/v3/"):
            self._read_v3()
        elif raw:
            self._read_legacy()

    def _note(self, key, value):
        if isinstance(value, str) and value:
            self.facts[key] = (value,)

    def _read_legacy(self):
        try:
            self.doc = json.loads(self.raw, object_pairs_hook=_no_twins)
        except (ValueError, RecursionError) as error:
            self.doc_error = str(error)
            return
        if not isinstance(self.doc, dict):
            return
        params = self.doc.get("partner_params")
        params = params if isinstance(params, dict) else self.doc    # job_status has them on top
        self._note("job_id", params.get("job_id"))
        self._note("user_id", params.get("user_id"))
        for key in ("id_number", "country", "id_type"):
            self._note(key, self.doc.get(key))
        self._read_own(params.get("sim"))
        if self.path == "/v1/job_status":
            self.note_job(self.world.jobs.get(params.get("job_id"))
                          if isinstance(params.get("job_id"), str) else None)

    def _read_v3(self):
        if "SmileID-Token" in self.headers:
            self.facts["token"] = (self.headers["SmileID-Token"],)
        last = self.path.rsplit("/", 1)[-1]
        if last in self.world.jobs:
            self.note_job(self.world.jobs[last])
        if self.media != "multipart/form-data":
            return
        self.parts = v3_check.read_multipart(self.headers["Content-Type"], self.raw)
        if self.parts is None:
            return
        for key in ("user_id", "id_number", "country", "id_type"):
            self._note(key, self.parts.get(key))
        params = v3_check.read_object(self.parts.get("partner_params", "{}")) or {}
        texts = tuple(value for key, value in params.items()
                      if key != "sim" and isinstance(value, str))
        if texts:
            self.facts["job_id"] = texts
        self._read_own(params.get("sim"))

    def _read_own(self, text):
        if isinstance(text, str) and self.is_submit:
            own = faults.read_sim(text)
            self.own, self.own_error = own or [], own is None

    def note_job(self, job):
        """Lets rules that match a number or our own id find a poll for that job too."""
        if job is not None:
            self.facts["job_id"] = job.names()
            self._note("id_number", job.id_number)
            self._note("country", job.country)
            self._note("id_type", job.id_type)

    def take(self, stage):
        taken = self.world.faults.take(stage, self.facts, self.own)
        self.fault_names.extend(taken)
        return taken

    def job_ids(self):
        if self.job is not None:
            return tuple(self.job.names())
        return self.facts.get("job_id", ())


class Front:
    def __init__(self, world):
        self.world = world

    def endpoint(self, work):
        """Wrap an endpoint as an aiohttp handler."""
        async def handle(request):
            began = time.monotonic()
            call = Call(request, await request.read(), self.world)
            self.world.counts["requests"] += 1
            submitted = call.job_ids() if call.is_submit else ()
            self.world.note_submit(submitted)
            taken = call.take("request")
            delay = taken.pop("delay", None)
            name, args = next(iter(taken.items()), (None, {}))
            if delay is not None and delay.get("when") == "before":
                await asyncio.sleep(delay.get("ms", 5000) / 1000)
                delay = None
            reply = await self._answer(call, work, name, args)
            if call.is_submit:
                self.world.note_verdict(submitted, call.job is not None, reply.code)
            self._journal(call, reply, began)
            if delay is not None:
                await asyncio.sleep(delay.get("ms", 5000) / 1000)
            return await self._send(request, reply, name, args)
        return handle

    async def _answer(self, call, work, name, args):
        """The endpoint's answer, or what a fault puts in its place."""
        if name == "token-expiry":
            self.world.revoked.add(call.facts["token"][0])
        reply = None
        if name is None or faults.is_accepted(name, args):
            reply = await work(call)
        if name in ("drop-before", "drop-after"):
            reply = reply or Reply(0, None)
            reply.status, reply.code = 0, name
        elif name == "http-500":
            reply = (refuse_v3(500) if call.path.startswith("/v3/")
                     else refuse_v1("2201", status=500))
        elif name in ("http-502", "http-503"):
            reply = _page(int(name[-3:]))
        elif name == "http-429":
            reply = refuse_v3(429)
            reply.headers["Retry-After"] = str(args.get("retry_after", 2))
        elif name == "html-200":
            reply = _page(200)
        elif name == "auth-2205":
            reply = (refuse_v3(401) if call.path.startswith("/v3/")
                     else refuse_v1("2205", "a fault rule asked for this"))
        elif name == "huge-body":
            pad = b"x" * max(0, args.get("bytes", 5_000_000) - len(reply.body))
            reply.body = reply.body[:-1] + b',"Padding":"' + pad + b'"}'
        return reply

    def _journal(self, call, reply, began):
        raw = call.raw
        text = raw.decode("utf-8", "replace") if len(raw) <= state.JOURNAL_TEXT_MAX else ""
        self.world.counts[f"status_{reply.status}"] += 1
        self.world.journal.add(
            "request", self.world.now_ms(), method=call.request.method, path=call.path,
            job_ids=call.job_ids(), status=reply.status, code=reply.code, reason=reply.reason,
            faults=call.fault_names, bytes=len(raw), body=text,
            ms=round((time.monotonic() - began) * 1000, 2))
        self.world.log(f"{call.request.method} {call.path} {reply.status} {reply.code} "
                       f"job={','.join(call.job_ids())} faults={','.join(call.fault_names)}")

    async def _send(self, request, reply, name, args):
        if reply.status == 0:
            return _hang_up(request)
        headers = {**reply.headers, "Content-Type": reply.content_type}
        if name == "truncated-json":
            half = reply.body[:len(reply.body) // 2]
            if not args.get("close"):
                return web.Response(status=reply.status, body=half, headers=headers)
            return await _send_slowly(request, reply, headers, half, len(half), 0)
        if name == "slow-body":
            wait = args.get("ms", 1000) / 1000
            return await _send_slowly(request, reply, headers, reply.body, 1, wait)
        return web.Response(status=reply.status, body=reply.body, headers=headers)


def _hang_up(request):
    if request.transport is not None:
        request.transport.close()
    return web.Response()      # goes nowhere: the transport is closing


async def _send_slowly(request, reply, headers, body, step, wait_s):
    """Announce the whole body, send what there is in steps, and hang up if that was not all."""
    response = web.StreamResponse(status=reply.status, headers=headers)
    response.content_length = len(reply.body)
    await response.prepare(request)
    for at in range(0, len(body), step):
        await response.write(body[at:at + step])
        if wait_s:
            await asyncio.sleep(wait_s)
    if len(body) < len(reply.body):
        return _hang_up(request) and response
    await response.write_eof()
    return response
