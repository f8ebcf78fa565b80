# SPDX-License-Identifier: Apache-2.0
"""Load from threads, bounded in count and time, keeping what was acknowledged."""

import threading
import time
import uuid

import requests

from product import Client, canned, person


class Load:
    """Posts verifications until told to stop; remembers every acknowledged id.

    Each request has an Idempotency-Key and is tried again under it while the answer is a 502, 503,
    504, or the connection breaks: exactly what the manual tells clients to do.
    """

    def __init__(self, stack, threads=4, most=100000, sandbox=False, pace_s=0.0):
        self.stack, self.most, self.pace_s = stack, most, pace_s
        self.key = stack.env["BONAFIDE_SANDBOX_KEY" if sandbox else "BONAFIDE_LIVE_KEY"]
        self.sandbox = sandbox
        self.acknowledged, self.refused, self.retried = {}, [], 0
        self.lock, self.stopped, self.sent = threading.Lock(), threading.Event(), 0
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(timeout=90)

    def _next(self):
        with self.lock:
            self.sent += 1
            return self.sent

    def _body(self, number):
        if self.sandbox:
            return person(external_ref=f"load-{number}")
        # Distinct numbers, last digit 0: found. The provider blocks a number asked too often.
        return canned(id_number=f"{number:010d}0", external_ref=f"load-{number}")

    def _run(self):
        client = Client(self.stack.url, self.key)
        while not self.stopped.is_set():
            number = self._next()
            if number > self.most:
                return
            self._post(client, number)
            if self.pace_s:
                time.sleep(self.pace_s)

    def _post(self, client, number):
        key, end = str(uuid.uuid4()), time.monotonic() + 60
        while time.monotonic() < end:
            try:
                answer = client.post("/v1/kyc/verify", self._body(number),
                                     headers={"Idempotency-Key": key}, timeout=20)
                if answer.status_code == 202:
                    with self.lock:
                        self.acknowledged[answer.json()["data"]["id"]] = number
                    return
                if answer.status_code not in (409, 502, 503, 504):
                    with self.lock:
                        self.refused.append((answer.status_code, answer.text[:300]))
                    return
            except requests.RequestException:
                pass
            with self.lock:
                self.retried += 1
            time.sleep(0.1)
        with self.lock:
            self.refused.append((0, "no answer in 60 s"))
