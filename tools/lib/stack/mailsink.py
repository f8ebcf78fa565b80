# SPDX-License-Identifier: Apache-2.0
"""A mail server that keeps what it is sent: each message a file, its envelope in headers in front
(X-Sink-From, X-Sink-To). It delivers nothing anywhere.

    mailsink.py --port P --dir D [--tls starttls|tls --cert F --key F] [--user U --password-file F]"""

import argparse
import os
import re
import signal
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


class Keeper:
    """Keeps messages as D/NNNNNN.eml, complete when they have that name."""

    def __init__(self, directory):
        self.dir = directory
        os.makedirs(directory, mode=0o700, exist_ok=True)
        numbers = [int(name[:6]) for name in os.listdir(directory)
                   if re.fullmatch(r"\d{6}\.eml", name)]
        self.next = max(numbers, default=0) + 1

    def keep(self, envelope):
        path = os.path.join(self.dir, f"{self.next:06}.eml")
        self.next += 1
        head = f"X-Sink-From: {envelope.mail_from}\r\n" \
            + "".join(f"X-Sink-To: {to}\r\n" for to in envelope.rcpt_tos)
        with open(path + ".new", "wb") as file:
            file.write(head.encode("utf-8") + envelope.original_content)
        os.rename(path + ".new", path)
        return path

    async def handle_DATA(self, server, session, envelope):
        path = self.keep(envelope)
        print(f"mail-sink: {os.path.basename(path)} to {', '.join(envelope.rcpt_tos)}"
              f"{' over TLS' if session.ssl else ''}"
              f"{' as ' + session.auth_data if session.auth_data else ''}", flush=True)
        return f"250 2.0.0 Ok: kept as {os.path.basename(path)}"


class Server(SMTP):
    """Speaks to one client. `login` is (user, password): then nobody sends without them."""

    def __init__(self, *args, login=None, **more):
        self.login = login
        super().__init__(*args, authenticator=self._check, auth_required=login is not None,
                         auth_require_tls=False, hostname="localhost", **more)

    def _check(self, _server, _session, _envelope, _mechanism, data):
        right = self.login is not None and (data.login.decode(), data.password.decode()) == self.login
        return AuthResult(success=right, handled=False,
                          auth_data=data.login.decode() if right else None)


class Sink(Controller):
    """A Server on 127.0.0.1, in a thread of its own. tls: None, "starttls" or "tls"."""

    def __init__(self, handler, port=0, tls=None, context=None, login=None, utf8=True):
        self.kind = {"login": login, "enable_SMTPUTF8": utf8}
        if tls == "starttls":
            self.kind.update(tls_context=context, require_starttls=True)
        super().__init__(handler, hostname="127.0.0.1", port=port,
                         ssl_context=context if tls == "tls" else None)

    def factory(self):
        return Server(self.handler, **self.kind)


def tls_context(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def main(argv):
    parser = argparse.ArgumentParser(prog="mailsink.py")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--tls", choices=("starttls", "tls"))
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--password-file")
    args = parser.parse_args(argv)
    login = None
    if args.user:
        with open(args.password_file, encoding="utf-8") as file:
            login = (args.user, file.read().rstrip("\n"))
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    sink = Sink(Keeper(args.dir), args.port, args.tls,
                tls_context(args.cert, args.key) if args.tls else None, login)
    sink.start()
    print(f"mail-sink: listens on 127.0.0.1:{args.port}, keeps mails in {args.dir}", flush=True)
    over.wait()
    sink.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
