# SPDX-License-Identifier: Apache-2.0
"""A running product for tests: a stack from tools/stack, its keys, its tenants, its client."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pymysql
import requests

TOP = Path(__file__).resolve().parents[2]
LONG = os.environ.get("BONAFIDE_LONG") == "1"

UUID_TAIL = "[0-7][0-9a-hjkmnp-tv-z]{25}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


class Client:
    """One key's view of the API. Answers are requests' responses, never raised; with a contract
    (contract.py) each is held against it."""

    def __init__(self, url, key=None, header="Authorization", contract=None):
        self.url = url
        self.key = key
        self.contract = contract
        self.session = requests.Session()
        self.session.trust_env = False
        if key is not None:
            value = "Bearer " + key if header == "Authorization" else key
            self.session.headers[header] = value

    def by(self, header):
        """The same key in this header; None: as it is."""
        if header is None or self.key is None:
            return self
        return Client(self.url, self.key, header, self.contract)

    def call(self, method, path, **more):
        more.setdefault("timeout", 60)
        answer = self.session.request(method, self.url + path, **more)
        if self.contract is not None and not more.get("stream"):
            self.contract.check(answer)
        return answer

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, json=body, **more)

    def patch(self, path, body=None, **more):
        return self.call("PATCH", path, json=body, **more)

    def delete(self, path, **more):
        return self.call("DELETE", path, **more)


class Stack:
    """tools/stack up … down, in a directory of its own."""

    def __init__(self, *args, web=None, directory=None, workers=4):
        self.own = directory is None
        self.dir = Path(directory or tempfile.mkdtemp(
            prefix="bf-", dir=os.environ.get("BONAFIDE_STACKS", "/tmp")))
        self.args = list(args)
        self.web = web or os.environ.get("BONAFIDE_WEB", "nginx")
        self.workers = workers
        self.env = {}
        self.contract = None  # given to every client made from then on

    def tool(self, *args, check=True, timeout=180):
        command = [str(TOP / "tools/stack"), args[0], "--dir", str(self.dir), *args[1:]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.stdout}\n{done.stderr}")
        return done.stdout

    def up(self):
        build = os.environ.get("BONAFIDE_BUILD")
        build_args = ["--build", build] if build else []
        self.tool("up", "--port", "0", "--web", self.web, "--workers", str(self.workers),
                  *build_args, *self.args)
        for line in self.tool("env").splitlines():
            name, _, value = line.partition("=")
            self.env[name] = value.strip().strip("'\"")
        return self

    def down(self):
        self.tool("down", check=False)
        if self.own and "BONAFIDE_KEEP" not in os.environ:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            return self.up()
        except BaseException:
            self.down()
            raise

    def __exit__(self, *_):
        self.down()

    # ---- what a test asks of it ---------------------------------------------------------------

    @property
    def url(self):
        return self.env["BONAFIDE_URL"]

    @property
    def conf(self):
        return self.env["BONAFIDE_CONF"]

    @property
    def live(self):
        return self.client(self.env["BONAFIDE_LIVE_KEY"])

    @property
    def sandbox(self):
        return self.client(self.env["BONAFIDE_SANDBOX_KEY"])

    def client(self, key=None, header="Authorization"):
        return Client(self.url, key, header, self.contract)

    def cli(self, *args, check=True, timeout=120):
        """The operator's tool; its JSON when --json is among the words."""
        program = str(Path(self.env["BONAFIDE_BIN"]) / "bonafide")
        done = subprocess.run([program, "-c", self.conf, *args], capture_output=True, text=True,
                              timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"bonafide {' '.join(args)}: {done.stdout}\n{done.stderr}")
        return json.loads(done.stdout) if "--json" in args and check else done

    def batch(self, *args, check=True, timeout=120):
        program = str(Path(self.env["BONAFIDE_BIN"]) / "bonafide-batch")
        done = subprocess.run([program, "-c", self.conf, *args], capture_output=True, text=True,
                              timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"bonafide-batch {' '.join(args)}: {done.stderr}")
        return done

    def tenant(self, name="Another tenant", tokens=1_000_000_000):
        """A new organisation with an application: (application id, org id)."""
        org = self.cli("org", "create", name, "--tokens", str(tokens), "--json")["id"]
        return self.cli("app", "create", "--org", org, name, "--json")["id"], org

    def key(self, app, environment="live", scopes="all", **more):
        """A key by the operator's tool; scopes None for a kind that takes none."""
        if scopes is not None:
            more["scopes"] = scopes
        extra = [word for name, value in more.items() for word in (f"--{name}", value)]
        return self.cli("key", "create", "--app", app, "--name", "test", "--environment",
                        environment, *extra, "--json")

    def database(self):
        """A connection as the database's administrator, for looking and for faults."""
        return pymysql.connect(unix_socket=self.env["BONAFIDE_DB_SOCKET"], user="root",
                               database="bonafide", autocommit=True)

    def rows(self, query, *args):
        connection = self.database()
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, args)
                return cursor.fetchall()
        finally:
            connection.close()

    def pid(self, part):
        return int((self.dir / "run" / f"{part}.pid").read_text().split()[0])

    # ---- the provider simulator -----------------------------------------------------------------

    def sim(self, method, path, body=None):
        answer = requests.request(method, self.env["BONAFIDE_SMILE_URL"] + path, json=body,
                                  timeout=30)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def fault(self, name, times=1, **match_and_args):
        args = match_and_args.pop("args", {})
        self.sim("POST", "/_sim/faults",
                 {"faults": [{"name": name, "times": times, "match": match_and_args,
                              "args": args}]})

    def jobs(self):
        return self.sim("GET", "/_sim/jobs?limit=100000")


# ---- the person everybody asks about -------------------------------------------------------------

SEED = {
    "id_type": "national_id", "country": "SN", "id_number": "1234567890123",
    "first_name": "Amara", "last_name": "Diallo", "date_of_birth": "1990-05-15",
    "external_ref": "user_001", "score_requested": False,
}

# The provider's sandbox person (reference: last digit 0 is found under this name).
CANNED = {
    "id_type": "nin", "country": "NG", "id_number": "00000000000", "first_name": "Joe",
    "middle_name": "Doe", "last_name": "Leo", "date_of_birth": "2000-09-20",
}


def person(**change):
    return {name: value for name, value in {**SEED, **change}.items() if value is not ...}


def canned(**change):
    return {name: value for name, value in {**CANNED, **change}.items() if value is not ...}


def is_id(prefix, text):
    return re.fullmatch(f"{prefix}_{UUID_TAIL}", text) is not None


def is_time(text):
    return re.fullmatch(TIME, text) is not None


def plain(value):
    """A body with ids and times replaced, for comparison with the seed's examples as a whole."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        match = re.fullmatch(f"([a-z]+)_{UUID_TAIL}", value)
        if match:
            return f"<{match.group(1)}>"
        if is_time(value):
            return "<time>"
        if re.fullmatch("(dme_live|dme_sandbox|[sp]k_verify)_[0-9A-Za-z]{48}", value):
            return value[:value.rindex("_") + 1] + "<key>"
        if re.fullmatch("cur_[A-Za-z0-9_-]+", value):
            return "<cursor>"
    return value


def wait_for(what, seconds=30.0, every=0.1):
    """The first true answer of what(), or its last answer after that many seconds."""
    end = time.monotonic() + seconds
    while True:
        answer = what()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(every)


def settled(client, verification, seconds=30.0):
    """The verification once it is decided."""
    def look():
        data = client.get("/v1/kyc/verifications/" + verification).json()["data"]
        return data if data["status"] != "pending" else None
    data = wait_for(look, seconds)
    assert data, f"{verification} is still pending after {seconds} s"
    return data
