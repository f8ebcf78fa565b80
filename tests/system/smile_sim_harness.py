# SPDX-License-Identifier: Apache-2.0
"""A running tools/smile-sim and a receiver for its callbacks, for the tests beside this file.

One simulator on a free loopback port serves a whole test file; each test finds it empty, with its
first settings, and gets its own receiver."""

import base64
import datetime
import hashlib
import hmac
import http.server
import itertools
import json
import os
import signal
import subprocess
import threading

import pytest
import requests

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "smile-sim")
KEY = "a-test-key"
PARTNER = "085"
ASYNC, SYNC = "/v1/async_id_verification", "/v1/id_verification"
serial = itertools.count(1)


def iso(offset_s=0):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset_s)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def signature(timestamp, partner=PARTNER, key=KEY):
    text = f"{timestamp}{partner}sid_request".encode()
    return base64.b64encode(hmac.new(key.encode(), text, hashlib.sha256).digest()).decode()


def is_signed(doc):
    return doc["signature"] == signature(doc["timestamp"])


class Receiver:
    """Takes callbacks; answers with the next of statuses, then 200."""

    def __init__(self):
        self.seen, self.statuses = [], []
        self.arrived = threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.arrived:
                    status = outer.statuses.pop(0) if outer.statuses else 200
                    outer.seen.append((json.loads(body), dict(self.headers)))
                    outer.arrived.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/cb"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def wait(self, count, timeout_s=5):
        """The bodies, once there are count of them."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.seen) >= count, timeout_s), self.seen
        return [body for body, _ in self.seen]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Sim:
    def __init__(self):
        self.process = subprocess.Popen(
            [TOOL, "--listen", "127.0.0.1:0", "--partner-id", PARTNER, "--api-key", KEY,
             "--callback-delay-ms", "40", "--callback-retry-ms", "30"],
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("smile-sim listening on http://127.0.0.1:"), line
        self.url = line.split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])
        self.http = requests.Session()
        self.preset = self.get("/_sim/settings")
        self.receiver = None

    def clear(self):
        self.settings(**self.preset)
        for what in ("faults", "jobs", "journal"):
            assert self.http.delete(f"{self.url}/_sim/{what}", timeout=5).status_code == 204

    def close(self):
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(5)

    def post(self, path, doc, **more):
        return self.http.post(self.url + path, json=doc, timeout=10, **more)

    def auth(self):
        timestamp = iso()
        return {"partner_id": PARTNER, "timestamp": timestamp, "signature": signature(timestamp)}

    def body(self, number="00000000000", **change):
        """A good submission; a value of None drops its key. params go into partner_params."""
        params = {"job_id": f"job-{next(serial)}", "user_id": "u-1", "job_type": 5}
        params.update(change.pop("params", {}))
        doc = {**self.auth(), "source_sdk": "rest_api", "source_sdk_version": "1.0.0",
               "country": "NG", "id_type": "NIN_V2", "id_number": number,
               "callback_url": self.receiver.url, "partner_params": params, **change}
        if doc["partner_params"] is params:
            doc["partner_params"] = {key: value for key, value in params.items()
                                     if value is not None}
        return {key: value for key, value in doc.items() if value is not None}

    def basic(self, number="00000000000", **change):
        return self.body(number, **{"first_name": "Joe", "middle_name": "Doe", "last_name": "Leo",
                                    "dob": "2000-09-20", **change})

    def poll(self, doc, **change):
        params = doc["partner_params"]
        return self.post("/v1/job_status", {
            **self.auth(), "user_id": params["user_id"], "job_id": params["job_id"],
            "image_links": False, "history": False, **change})

    def faults(self, *wanted):
        answer = self.post("/_sim/faults", {"faults": list(wanted)})
        assert answer.status_code == 200, answer.text

    def settings(self, **wanted):
        assert self.post("/_sim/settings", wanted).status_code == 200

    def get(self, where, **query):
        return self.http.get(self.url + where, params=query, timeout=10).json()

    def job(self, doc):
        (job,) = self.get("/_sim/jobs", job_id=doc["partner_params"]["job_id"])["jobs"]
        return job


@pytest.fixture(scope="module")
def server():
    one = Sim()
    yield one
    assert one.close() == 0


@pytest.fixture
def sim(server):
    server.clear()
    server.receiver = Receiver()
    yield server
    server.receiver.close()


def refused(answer, code, status=400):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert set(answer.json()) == {"code", "error"}
