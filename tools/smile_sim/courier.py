# SPDX-License-Identifier: Apache-2.0
"""Callbacks: what is sent for a job, in which order, how often, and with what result.

A7 and B5: a POST of JSON, acknowledged by any 2xx within 35 seconds, with three retries and then
no more. A retry repeats the same bytes, as a queue would (inferred). The courier calls loopback
addresses only, so that no test can reach a stranger's server whatever URL it submits.
"""

import asyncio
import ipaddress
import json
import time
import urllib.parse
import uuid

import aiohttp

from . import outcome, state

_CONNECTIONS_MAX = 100


def is_loopback(url):
    host = urllib.parse.urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Message:
    """One callback, made when it is first sent so that its timestamp is fresh, then kept."""

    def __init__(self, job_ids, label, make):
        self.job_ids = job_ids
        self.label = label
        self.make = make
        self.made = None

    def bytes_and_headers(self):
        if self.made is None:
            doc, headers = self.make()
            self.made = (json.dumps(doc, separators=(",", ":")).encode(),
                         {"Content-Type": "application/json", **headers})
        return self.made


class Courier:
    def __init__(self, world):
        self.world = world
        self.v3_headers = None       # set by cli: V3.headers, which needs a courier itself
        self.session = None
        self.tasks = set()

    async def open(self):
        # TLS to loopback is a test's self-signed certificate: nothing to check it against.
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS_MAX, ssl=False)
        self.session = aiohttp.ClientSession(connector=connector, auto_decompress=False)

    async def forget(self):
        """Drop every callback still to be sent."""
        for task in tuple(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def close(self):
        await self.forget()
        await self.session.close()

    def _spawn(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def start(self, job):
        """Plan a new job's callbacks. Returns at once, unless a fault wants the first one to be
        delivered before the submission is answered."""
        if "no-callback" in job.faults or "never-complete" in job.faults:
            return
        messages = self._plan(job)
        if "callback-before-reply" in job.faults:
            job.complete_ms = self.world.now_ms()
            await self.deliver(job, job.callback_url, messages.pop(0), 0)
        if messages:
            self._spawn(self._run(job, messages, self.world.settings.callback_delay_ms))

    def replay(self, job, url):
        self._spawn(self.deliver(job, url, self.message(job, "replay"),
                                  self.world.settings.callback_retries))

    def _plan(self, job):
        final = self.message(job, "final")
        copies = 1
        if "duplicate-callback" in job.faults:
            copies = job.faults["duplicate-callback"].get("copies", 2)
        messages = [final] * copies
        if "out-of-order" in job.faults:
            messages.append(self.message(job, "provisional"))
        elif "not-final-first" in job.faults:
            messages.insert(0, self.message(job, "provisional"))
        if "callback-unknown-job" in job.faults:
            messages.insert(0, self.message(job, "unknown-job"))
        return messages

    def message(self, job, label, change=None, faults=None):
        """A callback for a job; change overrides keys of its body."""
        faults = job.faults if faults is None else faults
        stranger = str(uuid.uuid4()) if label == "unknown-job" else None

        def make_v1():
            doc = outcome.provisional(job.result) if label == "provisional" else dict(job.result)
            if stranger:
                doc["PartnerParams"] = {**doc["PartnerParams"], "job_id": stranger}
            return {**outcome.signed(self.world, doc, faults), **(change or {})}, {}

        def make_v3():
            doc = dict(job.result)
            headers = self.v3_headers(job, faults)
            if label == "provisional":
                doc.update(status="processing", reason=None, id_fields=None, kyc_receipt=None,
                           message="Job is still processing", completed_at=None)
            if stranger:
                headers["Job-ID"] = "job_" + "0" * 26
                doc["partner_params"] = {key: stranger for key in doc["partner_params"] or ()}
            doc.update(change or {})
            return doc, headers

        return Message(job.names(), label, make_v1 if job.generation == "v1" else make_v3)

    async def _run(self, job, messages, delay_ms):
        await asyncio.sleep(delay_ms / 1000)
        for message in messages:
            await self.deliver(job, job.callback_url, message,
                                self.world.settings.callback_retries)

    async def deliver(self, job, url, message, retries):
        """Send until acknowledged or out of retries; returns the last attempt's journal facts."""
        for attempt in range(1, retries + 2):
            if attempt > 1:
                await asyncio.sleep(self.world.settings.callback_retry_ms / 1000)
            facts = await self._attempt(url, message)
            facts["attempt"] = attempt
            if job is not None:
                job.callbacks.append({"at_ms": self.world.now_ms(), "label": message.label,
                                      **facts})
            self.world.journal.add("callback", self.world.now_ms(), job_ids=message.job_ids,
                                   path=urllib.parse.urlsplit(url).path, url=url,
                                   label=message.label, **facts)
            self.world.log(f"callback {message.label} attempt={attempt} status={facts['status']} "
                           f"job={','.join(message.job_ids)} {facts['error']}")
            self.world.counts["callbacks_acknowledged" if facts["ok"] else "callbacks_failed"] += 1
            if facts["ok"] or facts["error"] == "not loopback":
                break
        return facts

    async def _attempt(self, url, message):
        body, headers = message.bytes_and_headers()
        facts = {"ok": False, "status": 0, "error": "", "bytes": len(body)}
        if len(body) <= state.JOURNAL_TEXT_MAX:
            facts["body"] = body.decode()
        if not is_loopback(url):
            facts["error"] = "not loopback"
            return facts
        began = time.monotonic()
        timeout = aiohttp.ClientTimeout(total=self.world.settings.callback_timeout_ms / 1000)
        try:
            async with self.session.post(url, data=body, headers=headers, timeout=timeout,
                                         allow_redirects=False) as answer:
                await answer.read()
                facts["status"] = answer.status
                facts["ok"] = 200 <= answer.status < 300
        except asyncio.TimeoutError:
            facts["error"] = "timeout"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            facts["error"] = type(error).__name__
        facts["ms"] = round((time.monotonic() - began) * 1000, 2)
        return facts

