# SPDX-License-Identifier: Apache-2.0
"""The parts of a stack: what each is called, how it is started, ended and seen to be well."""

import http.client
import json
import os
import random
import re
import secrets
import shlex
import signal
import socket
import sys
import time

from . import db, programs, web
from .layout import TOP, Layout, write_private
from .procs import Proc
from .trouble import Trouble

# In the order of starting; ended in the reverse order.
PARTS = ("db", "smile", "mail", "pool", "web", "batch")
# Started on its own (`tools/stack receiver`), ended with the rest.
RECEIVER = "receiver"
NAMES = {"db": "database", "smile": "simulator", "mail": "mail sink", "pool": "pool", "web": "web server",
         "batch": "batch", RECEIVER: "receiver"}

_PARTNER_ID = "085"
_READY_S = 40.0

# Longer than what the part itself allows its work in hand (stop_timeout_s 30).
_PATIENCE_S = {"db": 90.0, "smile": 10.0, "mail": 10.0, "pool": 45.0, "web": 10.0, "batch": 60.0,
               RECEIVER: 10.0}


# A stack is for trying and testing: what it answers should not depend on how often it is asked. The
# limits count all the same; `--set rate_per_s=25` and so on bring the product's own back.
_GENEROUS = {"rate_per_s": "100000", "rate_burst": "100000", "daily_requests": "1000000000",
             "age_address_per_min": "100000", "auth_address_per_min": "100000",
             "page_address_per_min": "100000", "mailing_address_per_h": "1000000"}


class Stack:
    """One stack: its layout, its memory (state) and its parts."""

    def __init__(self, directory):
        self.layout = Layout(directory)
        self.state = self.layout.read_state()
        self.procs = {part: Proc(self.layout, part) for part in PARTS + (RECEIVER,)}

    # ---- what it is --------------------------------------------------------------------------

    def owner(self):
        """The layout whose database, keys and simulator this stack uses: its own, mostly."""
        other = self.state.get("db_of")
        return Layout(other) if other else self.layout

    def url(self):
        return f"http://127.0.0.1:{self.state['port']}"

    def smile_url(self):
        return f"http://127.0.0.1:{self.state['smile_port']}"

    def parts(self):
        """The parts that this stack runs."""
        borrowed = ("db", "smile", "mail") if self.state.get("db_of") else ()
        idle = () if self.state.get("batch", True) else ("batch",)
        return [part for part in PARTS if part not in borrowed + idle]

    def program(self, name):
        return os.path.join(self.state["build"], name)

    def save(self):
        self.layout.write_state(self.state)

    # ---- files -------------------------------------------------------------------------------

    def settings(self, db_user, db_password):
        own, owner = self.layout, self.owner()
        values = {
            "listen": own.socket("fcgi.sock"),
            "listen_mode": "0660",
            "listen_group": web.group(),
            "log": "stderr",
            "status_file": own.path("run", "status"),
            "db_socket": owner.socket("db.sock"),
            "db_name": db.NAME,
            "db_user": db_user,
            "db_password_file": db_password,
            "schema_dir": os.path.join(TOP, "sql", "schema"),
            "master_key_file": owner.master_key,
            "pepper_file": owner.pepper,
            "public_url": self.url(),
            "smile_url": self.smile_url(),
            "smile_partner_id": _PARTNER_ID,
            "smile_api_key_file": owner.smile_key,
            "age_estimator_url": self.smile_url() + "/age/estimate",
            "egress_allow": "127.0.0.0/8, ::1/128",
            "smtp_host": "127.0.0.1",
            "smtp_port": str(self.state["mail_port"]),
            "smtp_tls": "none",
            "mail_from": "Bonafide <no-reply@bonafide.example>",
            "media_dir": owner.media_dir,
            "mail_dir": os.path.join(TOP, "app", "mail"),
            **_GENEROUS,
        }
        if self.state.get("workers"):
            values["workers"] = str(self.state["workers"])
        values.update(self.state.get("set", {}))
        return {key: value for key, value in values.items() if value != ""}

    def write_files(self):
        layout, owner = self.layout, self.owner()
        head = "# Made by tools/stack; a change here is lost at the next start. Use --set key=value.\n"
        for path, user, password in (
                (layout.conf, db.APP_USER, owner.db_password),
                (layout.migrate_conf, db.MIGRATE_USER, owner.migrate_password)):
            rows = self.settings(user, password)
            write_private(path, head + "".join(f"{key} = {rows[key]}\n" for key in rows))
        for path, size in ((owner.smile_key, 24),):
            if owner is layout and not os.path.exists(path):
                write_private(path, secrets.token_hex(size) + "\n")
        web.write(layout, self.state["web"], self.state["port"], self.state["build"])

    def write_env(self):
        layout, owner, keys = self.layout, self.owner(), self.state["keys"]
        values = {
            "BONAFIDE_URL": self.url(),
            "BONAFIDE_LIVE_KEY": keys["live"]["key"],
            "BONAFIDE_SANDBOX_KEY": keys["sandbox"]["key"],
            "BONAFIDE_SECRET_KEY": keys["secret"]["key"],
            "BONAFIDE_PUBLISHABLE_KEY": keys["secret"]["publishable_key"],
            "BONAFIDE_ORG": self.state["org"],
            "BONAFIDE_APP": self.state["app"],
            "BONAFIDE_DIR": layout.dir,
            "BONAFIDE_BIN": self.state["build"],
            "BONAFIDE_CONF": layout.conf,
            "BONAFIDE_MIGRATE_CONF": layout.migrate_conf,
            "BONAFIDE_DB_SOCKET": owner.socket("db.sock"),
            "BONAFIDE_DB_ADMIN": db.admin(),
            "BONAFIDE_SMILE_URL": self.smile_url(),
            "BONAFIDE_MAIL_DIR": owner.mail_dir,
            "BONAFIDE_WEB": self.state["web"],
        }
        write_private(layout.env,
                      "".join(f"{key}={shlex.quote(value)}\n" for key, value in values.items()))

    # ---- starting ----------------------------------------------------------------------------

    def start(self, part):
        """Starts one part and waits until it can be used, as far as it can say so by itself."""
        proc, log = self.procs[part], self.layout.log(part)
        if part == "db":
            db.create(self.layout)
            proc.spawn(db.argv(self.layout), log)
            db.wait(self.layout, proc)
        elif part == "smile":
            proc.spawn([sys.executable, os.path.join(TOP, "tools", "smile-sim"),
                        "--listen", f"127.0.0.1:{self.state['smile_port']}",
                        "--partner-id", _PARTNER_ID, "--api-key-file", self.layout.smile_key,
                        "--journal", self.layout.path("log", "smile.journal")], log)
            self._wait_port(proc, self.state["smile_port"], "the provider simulator", log)
        elif part == "mail":
            sink = os.path.join(os.path.dirname(os.path.realpath(__file__)), "mailsink.py")
            proc.spawn([sys.executable, sink, "--port", str(self.state["mail_port"]),
                        "--dir", self.layout.mail_dir], log)
            self._wait_port(proc, self.state["mail_port"], "the mail sink", log)
        elif part == "pool":
            proc.spawn([self.program("bonafide.fcgi"), "-c", self.layout.conf], log)
            self._wait_socket(proc, log)
        elif part == "web":
            programs.run(web.check_argv(self.layout, self.state["web"]),
                         f"checking {self.state['web']}'s configuration", log)
            proc.spawn(web.argv(self.layout, self.state["web"]), log)
            self._wait_port(proc, self.state["port"], "the web server", log)
        elif part == "batch":
            loop = os.path.join(os.path.dirname(os.path.realpath(__file__)), "batchloop.py")
            proc.spawn([sys.executable, loop, self.layout.pid_file("batch-run"),
                        self.program("bonafide-batch"), "-c", self.layout.conf,
                        "--linger", "55"], log)

    def start_receiver(self, port, secret_file, fail):
        """A webhook receiver that verifies what it gets and prints a JSON line for each."""
        proc, log = self.procs[RECEIVER], self.layout.log(RECEIVER)
        proc.spawn([self.program("bonafide"), "webhook", "listen", "--json", "--port", str(port),
                    "--secret-file", secret_file, "--fail", str(fail)], log)
        self._wait_port(proc, port, "the receiver", log)

    def stop(self, part):
        # SIGQUIT lets nginx end the answers under way; apache2's SIGWINCH would do so for as long
        # as an idle client likes, and a stack has nobody to be kind to.
        number = signal.SIGQUIT if part == "web" and self.state.get("web") == "nginx" \
            else signal.SIGTERM
        return self.procs[part].stop(number, _PATIENCE_S[part])

    def _wait_port(self, proc, port, what, log):
        until = time.monotonic() + _READY_S
        while True:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            self._still_alive(proc, what, log, until)

    def _wait_socket(self, proc, log):
        until = time.monotonic() + _READY_S
        while True:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.settimeout(1)
                try:
                    probe.connect(self.layout.socket("fcgi.sock"))
                    return
                except OSError:
                    self._still_alive(proc, "the pool", log, until)

    @staticmethod
    def _still_alive(proc, what, log, until):
        if not proc.running():
            status = proc.exit_status()
            how = f" (exit status {status})" if status is not None else ""
            raise Trouble(f"{what} did not start{how}", log=log)
        if time.monotonic() > until:
            raise Trouble(f"{what} does not accept connections after {_READY_S:.0f} s", log=log)
        time.sleep(0.03)

    def wait_ready(self):
        """Waits until the whole chain web server, pool, database answers /-/readyz."""
        until = time.monotonic() + _READY_S
        answer = "nothing"
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.state["port"], timeout=5)
                connection.request("GET", "/-/readyz")
                reply = connection.getresponse()
                if reply.status == 200:
                    return
                answer = f"{reply.status} {reply.read(300).decode('utf-8', 'replace').strip()}"
            except (OSError, http.client.HTTPException) as error:
                answer = f"nothing ({error})"
            for part in ("web", "pool"):
                if not self.procs[part].running():
                    raise Trouble(f"the {NAMES[part]} ended while the stack was starting",
                                  log=self.layout.log(part))
            if time.monotonic() > until:
                raise Trouble(f"{self.url()}/-/readyz answers {answer} after {_READY_S:.0f} s",
                              log=self.layout.log("pool"))
            time.sleep(0.05)

    # ---- contents ----------------------------------------------------------------------------

    def operator(self, *words, conf=None, what):
        """Runs the operator's tool and returns its JSON, or its text when it is not JSON."""
        out = programs.run([self.program("bonafide"), "-c", conf or self.layout.conf, "--json",
                            *words], what)
        try:
            return json.loads(out)
        except ValueError:
            return out

    def secrets_ready(self):
        if not os.path.exists(self.layout.master_key):
            self.operator("seal", "init", what="making the master key and the pepper")

    def contents_ready(self):
        """Schema, catalogue, a signing key, an organisation, an application and its keys; made once."""
        self.operator("migrate", conf=self.layout.migrate_conf, what="making the tables")
        self.operator("catalogue", "load", os.path.join(TOP, "conf", "id-types.csv"),
                      what="loading the catalogue of documents")
        if not any(key["signs"] for key in self.operator("jwt", "list", what="`bonafide jwt list`")):
            self.operator("jwt", "rotate", what="making the key that signs access tokens")
        if "org" not in self.state:
            self.state["org"] = self._made("org", "create", "Example Ltd",
                                              "--tokens", "1000000000")
            self.save()
        if "app" not in self.state:
            self.state["app"] = self._made("app", "create", "--org", self.state["org"], "example")
            self.save()
        keys = self.state.setdefault("keys", {})
        for environment in ("live", "sandbox"):
            if environment not in keys:
                keys[environment] = self._made(
                    "key", "create", "--app", self.state["app"], "--name", f"stack {environment}",
                    "--environment", environment, "--scopes", "all", whole=True)
                self.save()
        if "secret" not in keys:
            keys["secret"] = self._made(
                "key", "create", "--app", self.state["app"], "--name", "stack age", "--environment",
                "live", "--kind", "secret", whole=True)
            self.save()

    def _made(self, *words, whole=False):
        made = self.operator(*words, what=f"`bonafide {' '.join(words)}`")
        if not isinstance(made, dict) or not made.get("id") or (whole and not made.get("key")):
            raise Trouble(f"`bonafide --json {' '.join(words)}` did not print the object that it "
                          f"made; it printed: {made!r}")
        kept = ("id", "key", "publishable_key")
        return {name: made[name] for name in kept if made.get(name)} if whole else made["id"]


def port_is_free(port):
    """Whether a server could listen there now. Needs no guess about who else does."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(taken=()):
    """A port that nobody listens on, below the range from which the kernel takes the ports of
    outgoing connections."""
    for _ in range(500):
        port = random.SystemRandom().randrange(18000, 30000)
        if port not in taken and port_is_free(port):
            return port
    raise Trouble("no free port was found between 18000 and 30000")


def check_setting(text):
    """key=value of --set."""
    match = re.fullmatch(r"([a-z][a-z0-9_]*)=([^\n]*)", text)
    if not match:
        raise ValueError(text)
    return match.group(1), match.group(2).strip()
