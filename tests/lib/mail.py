# SPDX-License-Identifier: Apache-2.0
"""Mail in tests: what a stack's sink has kept, sinks with TLS and logins, a server that does as it is
told, certificates, and settings files that differ from the stack's."""

import contextlib
import email
import email.policy
import socket
import subprocess
import sys
import threading
from pathlib import Path

from product import TOP

sys.path.insert(0, str(TOP / "tools" / "lib"))

from stack.mailsink import Keeper, Sink, tls_context  # noqa: E402


def read_mail(path_or_bytes):
    data = path_or_bytes if isinstance(path_or_bytes, bytes) else Path(path_or_bytes).read_bytes()
    message = email.message_from_bytes(data, policy=email.policy.default)
    message.raw = data
    return message


def mails(stack, to=None):
    """What the stack's sink has, oldest first, parsed; of one recipient, or all."""
    found = [read_mail(path) for path in sorted(Path(stack.env["BONAFIDE_MAIL_DIR"]).glob("*.eml"))]
    return [mail for mail in found if to is None or to in mail.get_all("X-Sink-To")]


def conf_with(stack, **values):
    """A copy of the stack's settings with these instead; None leaves one out."""
    lines = [line for line in Path(stack.conf).read_text().splitlines()
             if line.partition("=")[0].strip() not in values]
    lines += [f"{key} = {value}" for key, value in values.items() if value is not None]
    conf_with.made = getattr(conf_with, "made", 0) + 1
    path = stack.dir / f"mail-{conf_with.made}.conf"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    return path


class Kept:
    """A sink of the test's own."""

    def __init__(self, directory, **how):
        self.dir = Path(directory)
        self.sink = Sink(Keeper(str(directory)), port=free_port(), **how)

    def __enter__(self):
        self.sink.start()
        return self

    def __exit__(self, *_):
        self.sink.stop()

    @property
    def port(self):
        return self.sink.port

    @property
    def mails(self):
        return [read_mail(path) for path in sorted(self.dir.glob("*.eml"))]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


HANG, CLOSE = "hang", "close"


class Script:
    """A mail server that answers as it is told. Each rule is an answer to a command ("greeting",
    "EHLO", "MAIL", …, "end" for the last line of a message), or a list of them, the last of which
    goes on. HANG never answers; CLOSE hangs up; "body" closes within the message."""

    ANSWERS = {"greeting": "220 script ESMTP", "EHLO": "250-script\r\n250 8BITMIME",
               "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", "end": "250 taken",
               "QUIT": "221 bye"}

    def __init__(self, port=0, **rules):
        self.rules = {name: [rule] if isinstance(rule, str) else list(rule)
                      for name, rule in {**self.ANSWERS, **rules}.items()}
        self.commands, self.messages = [], []
        self.over = threading.Event()
        self.hanging = threading.Event()
        self.server = socket.create_server(("127.0.0.1", port))
        self.port = self.server.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()

    def _accept(self):
        while not self.over.is_set():
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _answer(self, file, name):
        rule = self.rules.get(name, ["250 ok"])
        text = rule.pop(0) if len(rule) > 1 else rule[0]
        if text == HANG:
            self.hanging.set()
            self.over.wait(60)
        if text in (HANG, CLOSE):
            raise ConnectionAbortedError
        file.write(text.encode() + b"\r\n")
        return text

    def _message(self, file):
        data = b""
        while not data.endswith(b"\r\n.\r\n"):
            line = file.readline()
            if not line or self.rules.get("body"):
                raise ConnectionAbortedError
            data += line
        self.messages.append(read_mail(data[:-3].replace(b"\r\n..", b"\r\n.")))

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection, connection.makefile("rwb", 0) as file:
            self._answer(file, "greeting")
            while line := file.readline():
                word = line.split()[0].decode().partition(":")[0].upper()
                self.commands.append(line.decode().strip())
                if self._answer(file, word).startswith("354"):
                    self._message(file)
                    self._answer(file, "end")
                if word == "QUIT":
                    return


def certificates(directory):
    """A test authority and two certificates of it: for localhost, and for another host. Their paths."""
    made = {"ca": directory / "ca.pem"}

    def openssl(*args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", directory / "ca.key", "-out", made["ca"], "-days", "30", "-subj", "/CN=Test CA")
    for name, host in (("right", "localhost"), ("wrong", "elsewhere.example")):
        key, cert, request = (directory / f"{name}.{end}" for end in ("key", "pem", "csr"))
        extra = directory / f"{name}.ext"
        extra.write_text(f"subjectAltName=DNS:{host}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", key, "-out", request, "-subj", f"/CN={host}")
        openssl("x509", "-req", "-in", request, "-CA", made["ca"], "-CAkey", directory / "ca.key",
                "-CAcreateserial", "-days", "30", "-extfile", extra, "-out", cert)
        made[name] = tls_context(str(cert), str(key))
    return made
