# SPDX-License-Identifier: Apache-2.0
"""The control API under /_sim/: faults, settings, the journal, jobs, and callbacks on demand.

It has no counterpart at the provider. Wrong input is refused with 400 and {"error": ...}."""

import dataclasses
import json
import time

from aiohttp import web

from . import faults, state

_LIMIT = 10_000


def _json(doc, status=200):
    return web.json_response(doc, status=status)


def _number(query, key, default):
    text = query.get(key, "")
    return int(text) if text.isdigit() else default


async def _object(request):
    try:
        doc = json.loads(await request.read())
    except ValueError:
        return None
    return doc if isinstance(doc, dict) else None


def _refuse(text):
    return _json({"error": text}, 400)


class Admin:
    def __init__(self, world, courier):
        self.world = world
        self.courier = courier

    def routes(self):
        return [
            web.get("/_sim/faults", self.list_faults),
            web.post("/_sim/faults", self.add_faults),
            web.delete("/_sim/faults", self.clear_faults),
            web.get("/_sim/journal", self.read_journal),
            web.delete("/_sim/journal", self.clear_journal),
            web.get("/_sim/jobs", self.list_jobs),
            web.delete("/_sim/jobs", self.forget_jobs),
            web.get("/_sim/settings", self.read_settings),
            web.post("/_sim/settings", self.change_settings),
            web.get("/_sim/stats", self.stats),
            web.post("/_sim/callback", self.callback),
        ]

    async def list_faults(self, request):
        return _json({"faults": [rule.describe() for rule in self.world.faults.rules],
                      "names": {name: fault.text for name, fault in faults.FAULTS.items()}})

    async def add_faults(self, request):
        doc = await _object(request)
        if doc is None or set(doc) != {"faults"}:
            return _refuse("expected {\"faults\": [...]}")
        complaint = self.world.faults.add(doc["faults"])
        return _refuse(complaint) if complaint else await self.list_faults(request)

    async def clear_faults(self, request):
        self.world.faults.clear()
        return web.Response(status=204)

    async def read_journal(self, request):
        """?since= is the highest seq already seen; bodies within JOURNAL_TEXT_MAX are included."""
        query = request.query
        found = self.world.journal.find(
            _number(query, "since", 0), min(_number(query, "limit", _LIMIT), _LIMIT),
            query.get("job_id"), query.get("path"), query.get("kind"))
        return _json({"entries": found, "last": self.world.journal.seq})

    async def clear_journal(self, request):
        self.world.journal.clear()
        return web.Response(status=204)

    def _describe(self, job_id, job):
        entry = {"job_id": job_id, "submitted": 0, "accepted_count": 0, "refused": {}}
        names = job.names() if job else (job_id,)
        for name in names:       # V3: submissions are tallied under our own id
            tally = self.world.tally.get(name)
            if tally:
                entry.update(submitted=tally["submitted"], accepted_count=tally["accepted"],
                             refused=tally["refused"])
        if job is not None:
            entry.update(
                generation=job.generation, user_id=job.user_id, path=job.path,
                country=job.country, id_type=job.id_type, id_number=job.id_number,
                callback_url=job.callback_url, partner_params=job.partner_params,
                outcome=job.outcome, complete=self.world.is_complete(job),
                accepted_ms=job.accepted_ms, polls=job.polls, faults=sorted(job.faults),
                callbacks=[{key: value for key, value in one.items() if key != "body"}
                           for one in job.callbacks])
        return entry

    async def list_jobs(self, request):
        """Every job, and every job_id that was only ever refused. ?job_id= finds V3 jobs by any of
        their partner_params too."""
        wanted, number = request.query.get("job_id"), request.query.get("id_number")
        found, claimed = [], set()
        for job_id, job in self.world.jobs.items():
            claimed.update(job.names())
            if (wanted and wanted not in job.names()) or (number and number != job.id_number):
                continue
            found.append(self._describe(job_id, job))
        if number is None:
            found.extend(self._describe(job_id, None) for job_id in self.world.tally
                         if job_id not in claimed and wanted in (None, job_id))
        limit = _number(request.query, "limit", _LIMIT)
        return _json({"jobs": found[:limit], "total": len(found)})

    async def forget_jobs(self, request):
        await self.courier.forget()
        self.world.reset()
        return web.Response(status=204)

    async def read_settings(self, request):
        return _json(dataclasses.asdict(self.world.settings))

    async def change_settings(self, request):
        doc = await _object(request)
        complaint = ("expected an object" if doc is None else self.world.settings.change(doc))
        return _refuse(complaint) if complaint else await self.read_settings(request)

    async def stats(self, request):
        world = self.world
        return _json({**world.counts, "jobs": len(world.jobs),
                      "journal": len(world.journal.entries),
                      "callbacks_in_flight": len(self.courier.tasks),
                      "connections": len(world.server.connections),
                      "uptime_s": round(time.monotonic() - world.started, 3)})

    async def callback(self, request):
        """Send a callback now, and wait for what becomes of it.

        job_id names a known job, or with url an unknown one (which gets a legacy body). code is the
        ResultCode, or the V3 status; final false makes it provisional; result overrides keys of the
        body after signing; signature "bad" or age_s bend the signing; copies and retries."""
        doc = await _object(request)
        known = {"job_id", "url", "code", "final", "result", "signature", "age_s", "copies",
                 "retries"}
        if doc is None or set(doc) - known or not isinstance(doc.get("job_id"), str):
            return _refuse(f"expected an object with job_id and some of {', '.join(sorted(known))}")
        if not all(type(doc.get(key, 1)) is int for key in ("age_s", "copies", "retries")):
            return _refuse("age_s, copies and retries must be whole numbers")
        job = next((job for job in self.world.jobs.values() if doc["job_id"] in job.names()), None)
        url = doc.get("url") or (job.callback_url if job else "")
        if not url:
            return _refuse("an unknown job needs a url")
        change = dict(doc.get("result") or {})
        if job is None:
            job = _stranger(doc["job_id"], self.world.smile_job_id())
        if "code" in doc:
            change["ResultCode" if job.generation == "v1" else "status"] = doc["code"]
        bent = {}
        if doc.get("signature") == "bad":
            bent["bad-signature"] = {}
        if "age_s" in doc:
            bent["stale-timestamp"] = {"age_s": doc["age_s"]}
        label = "provisional" if doc.get("final") is False else "on-demand"
        message = self.courier.message(job, label, change, bent)
        sent = [await self.courier.deliver(job, url, message, doc.get("retries", 0))
                for _ in range(max(1, doc.get("copies", 1)))]
        return _json({"delivered": all(one["ok"] for one in sent), "status": sent[-1]["status"],
                      "attempts": [{key: value for key, value in one.items() if key != "body"}
                                   for one in sent]})


def _stranger(job_id, smile_job_id):
    """A job nobody submitted, with a plausible approval."""
    job = state.Job("v1", job_id, "unknown", "", "NG", "NIN_V2", "00000000000", "",
                    {"job_id": job_id, "user_id": "unknown", "job_type": 5}, False)
    job.result = {
        "JSONVersion": "1.0.0", "SmileJobID": smile_job_id, "PartnerParams": job.partner_params,
        "ResultType": "ID Verification", "ResultText": "ID Number Validated", "ResultCode": "1012",
        "IsFinalResult": "true", "Actions": {"Verify_ID_Number": "Verified",
                                             "Return_Personal_Info": "Returned"},
        "Country": "NG", "IDType": "NIN_V2", "IDNumber": "00000000000", "FullName": "Leo Doe Joe",
        "DOB": "2000-09-20", "Source": "ID API"}
    return job
