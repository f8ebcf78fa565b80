# SPDX-License-Identifier: Apache-2.0
"""Mail: what is sent, to servers of every temper, and what becomes of it. The clock of a batch is set
forward where waits and days have to pass."""

import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from mail import CLOSE, HANG, Kept, Script, certificates, conf_with, free_port, mails
from product import TOP, Stack, canned, settled
from receiver import batch_end, batch_run, batch_start

DAY_MS = 86400_000
TOP_MAIL = TOP / "app" / "mail"
TEMPLATES = ["verification_code", "already_registered", "invitation", "test"]


@pytest.fixture(scope="module")
def stack():
    with Stack("--no-batch", "--set", "smtp_timeout_s=5") as running:
        yield running


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("certs"))


@pytest.fixture(autouse=True)
def empty(stack):
    for table in ("mail", "work", "lane"):
        stack.rows(f"DELETE FROM {table}")


def tool(stack, conf, *args, status=0):
    program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide")
    done = subprocess.run([program, "-c", str(conf or stack.conf), *args], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == status, (args, done.stdout, done.stderr)
    return json.loads(done.stdout) if "--json" in args and status == 0 else done.stderr


def run_batch(stack, **more):
    return batch_run(stack, "--once", **more)


def queue(stack, to="somebody@example.org", *more, conf=None):
    return tool(stack, conf, "mail", "test", to, "--queue", "--json", *more)["id"]


def shown(stack, mail):
    return stack.cli("mail", "show", mail, "--json")


def stands(stack, mail):
    row = shown(stack, mail)
    return row["status"], row["last_error"], row["last_code"], row["attempts"]


def lane(stack):
    rows = stack.rows("SELECT reason FROM lane WHERE name = 'mail' AND paused_until > UTC_TIMESTAMP(3)")
    return rows[0][0] if rows else None


# ---- what is sent ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_messages(stack, template, language):
    to = f"{template}.{language}@example.org"
    said = tool(stack, None, "mail", "test", to, "--template", template, "--language", language,
                "--json")
    assert said["sent"] is True and said["server"].startswith("250 ")
    mail, = mails(stack, to)
    assert not mail.defects and mail["X-Sink-From"] == "no-reply@bonafide.example"
    assert str(mail["From"]) == "Bonafide <no-reply@bonafide.example>" and mail["To"] == to
    assert mail["Message-ID"] == f"<{said['message_id']}>"
    assert re.fullmatch(r"mail_[0-9a-z]{26}@bonafide\.example", said["message_id"])
    assert abs(mail["Date"].datetime.timestamp() - time.time()) < 60
    assert mail["Date"].datetime.utcoffset() == datetime.timedelta(0)
    assert mail["Auto-Submitted"] == "auto-generated" and mail["MIME-Version"] == "1.0"
    assert mail["Content-Language"] == language
    assert mail["Content-Type"] == 'text/plain; charset="utf-8"' and not mail.is_multipart()
    assert mail["Content-Transfer-Encoding"] == ("7bit" if language == "en" else "quoted-printable")
    # As it is on the wire: ASCII, CR LF, short lines.
    sent = mail.raw.partition(b"\r\nDate:")[2]
    assert sent.isascii() and b"\n" not in sent.replace(b"\r\n", b"") and sent.endswith(b"\r\n")
    assert max(map(len, sent.split(b"\r\n"))) <= 76
    # What the reader sees is the file, filled in.
    subject, _, text = (TOP_MAIL / f"{template}.{language}.txt").read_text().partition("\n\n")
    places = {"{code}": "K7Q2ZD", "{minutes}": "10", "{organization}": "Example Ltd",
              "{role}": "member", "{url}": stack.url}
    for place, value in places.items():
        subject, text = subject.replace(place, value), text.replace(place, value)
    assert "Subject: " + mail["Subject"] == subject
    assert mail.get_content().replace("\r\n", "\n") == text


def test_queued_mail_is_sent_and_forgotten(stack):
    mail = queue(stack, "secret.person@example.org", "--template", "verification_code")
    row, = stack.rows("SELECT content, seal_key FROM mail")
    assert row[1] == 1 and b"person" not in row[0] and b"K7Q2ZD" not in row[0]
    run = run_batch(stack)
    assert run.line["mailed"] == 1 and "person" not in run.text and "K7Q2ZD" not in run.text
    assert len(mails(stack, "secret.person@example.org")) == 1
    assert stands(stack, mail) == ("sent", "none", 250, 1)
    assert stack.rows("SELECT content, seal_key FROM mail") == ((None, None),)
    assert stack.rows("SELECT COUNT(*) FROM work") == ((0,),)
    for words in (["list"], ["show", mail], ["list", "--status", "sent"]):
        assert "person" not in tool(stack, None, "mail", *words)
    assert "it was sent" in tool(stack, None, "mail", "retry", mail, status=1)
    assert run_batch(stack).line["mailed"] == 0
    run_batch(stack, offset_ms=8 * DAY_MS)
    assert stack.rows("SELECT COUNT(*) FROM mail") == ((0,),)


@pytest.mark.parametrize("address", [
    "nobody", "a@b@c", "a b@c.example", "a@c..example", "<a@c.example>", "a@c.example\r\nRCPT TO:x",
    "a\n@c.example", "@c.example", "a@", "a@-c.example", "a@c_d.example", ".a@c.example", "a,b@c.example",
    "\"a\"@c.example", "a@[127.0.0.1]", "a@büro.example", "x" * 65 + "@c.example", "a\u0085b@c.example"])
def test_addresses_that_are_none(stack, address):
    for more in ([], ["--queue"]):
        said = tool(stack, None, "mail", "test", address, *more, status=2)
        assert "ADDRESS" in said, said
    assert stack.rows("SELECT COUNT(*) FROM mail") == ((0,),)


def test_letters_outside_ascii(stack, tmp_path):
    """A local part with other letters goes to a server that has SMTPUTF8, and to no other."""
    with Kept(tmp_path / "new") as new, Kept(tmp_path / "old", utf8=False) as old:
        tool(stack, conf_with(stack, smtp_port=new.port), "mail", "test", "zoé@example.org")
        assert new.mails[0].raw.count("zoé@example.org".encode()) == 2
        conf = conf_with(stack, smtp_port=old.port)
        assert "SMTPUTF8" in tool(stack, conf, "mail", "test", "zoé@example.org", status=1)
        mail = queue(stack, "zoé@example.org")
        run = run_batch(stack, conf=conf)
        assert stands(stack, mail)[:2] == ("failed", "utf8") and "zo" not in run.text
        tool(stack, conf, "mail", "test", "zoe@example.org")
        assert len(old.mails) == 1


# ---- TLS and logins --------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_tls(stack, certs, tmp_path, tls):
    with Kept(tmp_path / "right", tls=tls, context=certs["right"]) as right, \
            Kept(tmp_path / "wrong", tls=tls, context=certs["wrong"]) as wrong:
        trusting = {"smtp_host": "localhost", "smtp_tls": tls, "smtp_ca_file": certs["ca"]}
        tool(stack, conf_with(stack, smtp_port=right.port, **trusting), "mail", "test", "a@example.org")
        assert len(right.mails) == 1
        # The certificate of another host, the right one under another name, and one nobody vouches for.
        for changed in ({"smtp_port": wrong.port}, {"smtp_port": right.port, "smtp_host": "127.0.0.1"},
                        {"smtp_port": right.port, "smtp_ca_file": None}):
            conf = conf_with(stack, **{**trusting, **changed})
            assert "TLS" in tool(stack, conf, "mail", "test", "a@example.org", status=1)
        assert len(right.mails) == 1 and not wrong.mails
        # Not the mail's fault: it waits, all mail waits, and the operator is told.
        mail = queue(stack)
        run = run_batch(stack, conf=conf)
        assert stands(stack, mail)[:2] == ("pending", "tls") and "no TLS that we can trust" in run.text
        assert "TLS" in lane(stack)


def test_starttls_is_never_left_out(stack):
    with Script() as plain, Script(EHLO="250-script\r\n250 STARTTLS", STARTTLS="454 not today") as busy:
        for server, said in ((plain, "no TLS"), (busy, "454")):
            conf = conf_with(stack, smtp_port=server.port, smtp_tls="starttls")
            assert said in tool(stack, conf, "mail", "test", "a@example.org", status=1)
            assert not any(line.startswith("MAIL") for line in server.commands), server.commands


def test_login(stack, certs, tmp_path):
    password = tmp_path / "password"
    password.write_text("right one\n")
    password.chmod(0o600)
    with Kept(tmp_path / "in", tls="starttls", context=certs["right"],
              login=("me@example.org", "right one")) as server:
        settings = {"smtp_host": "localhost", "smtp_port": server.port, "smtp_tls": "starttls",
                    "smtp_ca_file": certs["ca"]}
        conf = conf_with(stack, smtp_user="me@example.org", smtp_password_file=password, **settings)
        password.write_text("wrong one\n")
        mail = queue(stack)
        run = run_batch(stack, conf=conf)
        assert stands(stack, mail) == ("pending", "login", 535, 1) and "wrong one" not in run.text
        assert "refuses our login" in lane(stack) and "refuses our login" in run.text
        assert "login was refused" in tool(stack, conf, "mail", "test", "a@example.org", status=1)
        assert run_batch(stack, conf=conf).line["claimed"] == 0
        # Nobody at all: 530, which is about the login whatever command it answers.
        said = tool(stack, conf_with(stack, **settings), "mail", "test", "a@example.org", status=1)
        assert "530" in said, said
        # Mended: the test goes through, and so does what waited, without its wait.
        password.write_text("right one\n")
        tool(stack, conf, "mail", "test", "a@example.org")
        assert lane(stack) is None
        tool(stack, conf, "mail", "retry", mail)
        run_batch(stack, conf=conf)
        assert stands(stack, mail) == ("sent", "none", 250, 2) and len(server.mails) == 2


def test_settings_that_do_not_fit(stack, tmp_path):
    secret = tmp_path / "secret"
    for changed, said in (
            ({"smtp_user": "x"}, "smtp_password_file is not"), ({"mail_from": None}, "mail_from is not"),
            ({"mail_from": "Nobody"}, "mail_from must be an address"),
            ({"mail_from": "a@b.example>"}, "mail_from must be an address"),
            ({"public_url": None}, "public_url is not"), ({"smtp_host": "a/b"}, "smtp_host must be"),
            ({"smtp_user": "x", "smtp_password_file": secret, "smtp_host": "mail.example"}, "in clear")):
        assert said in tool(stack, conf_with(stack, **changed), "mail", "list", status=1), changed


# ---- servers that fail -----------------------------------------------------------------------------------


def test_passing_refusals(stack):
    """4xx at the recipient, then at the end of the message; then it is taken, as the same message."""
    with Script(RCPT=["450 not now", "250 ok"], end=["451 later", "250 taken"]) as server:
        conf = conf_with(stack, smtp_port=server.port)
        mail = queue(stack)
        for offset_s, stood in ((0, ("pending", "recipient", 450, 1)), (3, ("pending", "recipient", 450, 1)),
                                (10, ("pending", "message", 451, 2)), (30, ("sent", "none", 250, 3))):
            run_batch(stack, conf=conf, offset_ms=offset_s * 1000)
            assert stands(stack, mail) == stood, offset_s
        first, second = server.messages
        assert first.raw == second.raw and first["Message-ID"] == f"<{mail}@bonafide.example>"
        assert lane(stack) is None


@pytest.mark.parametrize("command,error", [("RCPT", "recipient"), ("DATA", "message"), ("end", "message")])
def test_refused_for_good(stack, command, error):
    with Script(**{command: "550 5.1.1 <somebody@example.org>: no such person"}) as server:
        mail = queue(stack)
        run = run_batch(stack, conf=conf_with(stack, smtp_port=server.port))
        assert stands(stack, mail) == ("failed", error, 550, 1) and shown(stack, mail)["content_kept"]
        assert mail in run.text and "failed for good" in run.text and run.line["unmailed"] == 1
        assert "somebody" not in run.text and "person" not in run.text
        kept = [value for row in stack.rows("SELECT * FROM mail") for value in row]
        assert not any(b"somebody" in value for value in kept if isinstance(value, bytes))
        assert lane(stack) is None and stack.rows("SELECT COUNT(*) FROM work") == ((0,),)
        said = tool(stack, conf_with(stack, smtp_port=server.port), "mail", "test",
                    "somebody@example.org", status=1)
        assert "refused" in said and "550" in said and "no such person" in said
    # By hand it is tried again.
    assert shown(stack, mail)["finished_at"] is not None
    assert stack.cli("mail", "retry", mail, "--json")["status"] == "pending"
    before = len(mails(stack))
    run_batch(stack)
    assert stands(stack, mail) == ("sent", "none", 250, 2) and len(mails(stack)) == before + 1


@pytest.mark.parametrize("rule,error,code", [
    ({"greeting": "554 go away"}, "server", 554), ({"MAIL": "550 not you"}, "sender", 550),
    ({"MAIL": "530 log in first"}, "login", 530), ({"RCPT": "530 log in first"}, "login", 530)])
def test_trouble_with_us_stops_all_mail(stack, rule, error, code):
    with Script(**rule) as server:
        mail = queue(stack)
        run = run_batch(stack, conf=conf_with(stack, smtp_port=server.port))
        assert stands(stack, mail) == ("pending", error, code, 1)
        assert lane(stack) and mail in run.text
        assert lane(stack) in tool(stack, None, "mail", "retry", mail)


@pytest.mark.parametrize("rule,error", [
    ({"greeting": "HTTP/1.1 400 Bad Request"}, "timeout"), ({"greeting": CLOSE}, "read"),
    ({"EHLO": CLOSE, "HELO": CLOSE}, "read"), ({"RCPT": CLOSE}, "read"), ({"body": "x"}, "read"),
    ({"end": CLOSE}, "read"), ({"greeting": "421 too busy"}, "server"), ({"greeting": HANG}, "timeout"),
    ({"end": HANG}, "timeout")])
def test_servers_that_break(stack, rule, error):
    with Script(**rule) as server:
        mail = queue(stack)
        run = run_batch(stack, conf=conf_with(stack, smtp_port=server.port, smtp_timeout_s=1))
        assert stands(stack, mail)[:2] == ("pending", error) and lane(stack) is None
        assert run.line["later"] == 1 and "failed" not in run.text.split("run: ")[0]


def test_accepted_is_accepted(stack):
    """Whatever a server does at QUIT, what it took is sent, once."""
    for rule in (HANG, CLOSE, "500 what"):
        with Script(QUIT=rule) as server:
            mail = queue(stack)
            run_batch(stack, conf=conf_with(stack, smtp_port=server.port, smtp_timeout_s=1))
            assert stands(stack, mail) == ("sent", "none", 250, 1) and len(server.messages) == 1


def test_away_and_back(stack):
    port = free_port()
    conf = conf_with(stack, smtp_port=port)
    mail = queue(stack)
    run_batch(stack, conf=conf)
    assert stands(stack, mail) == ("pending", "connect", None, 1)
    with Script(port=port) as server:
        run_batch(stack, conf=conf, offset_ms=10_000)
        assert stands(stack, mail) == ("sent", "none", 250, 2) and len(server.messages) == 1


def test_dead_letters(stack):
    """What could not be sent in a day has failed, with the last word known of it."""
    conf = conf_with(stack, smtp_port=free_port())
    tried = queue(stack, "late.person@example.org")
    run_batch(stack, conf=conf)
    run_batch(stack, conf=conf, offset_ms=DAY_MS - 60_000)
    assert stands(stack, tried) == ("pending", "connect", None, 2)
    fresh = queue(stack)
    run = run_batch(stack, conf=conf, offset_ms=DAY_MS + 60_000)
    assert stands(stack, tried) == ("failed", "connect", None, 2)
    assert stands(stack, fresh) == ("failed", "expired", None, 0)
    assert run.line["unmailed"] == 2 and tried in run.text and "person" not in run.text
    assert stack.rows("SELECT COUNT(*) FROM work") == ((0,),)


def test_a_server_that_hangs_holds_up_nothing_else(stack):
    """While mail waits for an answer that does not come, verifications are decided. Killed then, the
    next process sends it again under the same Message-ID."""
    with Script(end=[HANG, "250 taken"]) as server:
        conf = conf_with(stack, smtp_port=server.port, smtp_timeout_s=40, lease_s=60)
        mail = queue(stack)
        batch = batch_start(stack, "--linger", "50", conf=conf)
        try:
            assert server.hanging.wait(10)
            made = stack.live.post("/v1/kyc/verify", canned()).json()["data"]["id"]
            assert settled(stack.live, made, 10)["status"] == "approved"
            assert stands(stack, mail)[0] == "pending" and batch.poll() is None
        finally:
            batch.send_signal(signal.SIGKILL)
            batch_end(batch, status=-signal.SIGKILL)
        # In a lease: of nobody's any more, but for so long nobody else's either.
        assert "in hand" in tool(stack, None, "mail", "retry", mail, status=1)
        assert run_batch(stack, conf=conf).line["mailed"] == 0
        run_batch(stack, conf=conf, offset_ms=70_000)
        assert stands(stack, mail)[0] == "sent"
        first, second = server.messages
        assert first["Message-ID"] == second["Message-ID"] == f"<{mail}@bonafide.example>"


def test_told_to_stop_it_finishes(stack):
    with Script(end=HANG) as server:
        conf = conf_with(stack, smtp_port=server.port, smtp_timeout_s=2)
        mail = queue(stack)
        batch = batch_start(stack, "--linger", "50", conf=conf)
        assert server.hanging.wait(10)
        batch.terminate()
        batch_end(batch)
        assert stands(stack, mail) == ("pending", "timeout", 354, 1)


# ---- settings and texts ------------------------------------------------------------------------------------


def test_not_configured(stack):
    conf = conf_with(stack, smtp_host=None)
    first, second = queue(stack), queue(stack)
    run = run_batch(stack, conf=conf)
    assert run.text.count("smtp_host is empty") == 1 and run.line["mailed"] == 0
    assert {stands(stack, mail)[0] for mail in (first, second)} == {"pending"}
    check = stack.cli("check", "--json", check=False)
    assert "not configured" not in check.stdout
    program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide")
    said = subprocess.run([program, "-c", str(conf), "check"], capture_output=True, text=True).stdout
    assert re.search(r"^warn +mail +mail is not configured: smtp_host is empty", said, re.M), said
    assert "smtp_host is empty" in tool(stack, conf, "mail", "test", "a@example.org", status=1)
    run = run_batch(stack, offset_ms=61_000)
    assert run.line["mailed"] == 2, run.text


@pytest.mark.parametrize("change,said", [
    (lambda path: path.unlink(), "No such file"),
    (lambda path: path.write_text("Subject: x\n\nHello {name}\n{code}\n"), "the place {name}"),
    (lambda path: path.write_text("Subject: x\n\nHello { there }\n{code}\n"), "a { or }"),
    (lambda path: path.write_text("Hello {code}\n"), "must begin with a line"),
    (lambda path: path.write_text("Subject: x\n\nHello\n"), "leaves out"),
    (lambda path: path.write_bytes(b"Subject: x\n\n\xff{code}\n"), "UTF-8"),
    (lambda path: path.write_text("Subject: {code}\n\n" + "x" * 20000), "longer")])
def test_texts_that_cannot_be_used(stack, tmp_path, change, said):
    texts = tmp_path / "mail"
    shutil.copytree(TOP_MAIL, texts)
    change(texts / "verification_code.en.txt")
    conf = conf_with(stack, mail_dir=texts)
    program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide")
    lines = subprocess.run([program, "-c", str(conf), "check"], capture_output=True,
                           text=True).stdout.splitlines()
    fault = [line for line in lines if line.startswith("FAIL")][0]
    assert "verification_code.en.txt" in fault and said in fault
    mail = queue(stack, "a@example.org", "--template", "verification_code")
    other = queue(stack, "b@example.org")
    run = run_batch(stack, conf=conf)
    assert stands(stack, mail) == ("pending", "text", None, 0) and said in run.text
    assert stands(stack, other)[0] == "sent"
    assert "verification_code.en.txt" in tool(stack, conf, "mail", "test", "a@example.org",
                                              "--template", "verification_code", status=1)
    assert run_batch(stack, offset_ms=10_000).line["mailed"] == 1


def test_sealed_anew(stack):
    mail = queue(stack, "kept.person@example.org")
    number = stack.cli("seal", "add", "--json")["number"]
    stack.cli("seal", "rotate")
    assert stack.rows("SELECT seal_key FROM mail") == ((number,),)
    counts = {row["number"]: row["rows"] for row in stack.cli("seal", "list", "--json")}
    assert counts[number] >= 1
    run_batch(stack)
    assert stands(stack, mail)[0] == "sent" and len(mails(stack, "kept.person@example.org")) == 1


def test_many(stack):
    """More than there are connections, each once."""
    ids = {queue(stack, f"many{i}@example.org") for i in range(12)}
    run = run_batch(stack)
    assert run.line["mailed"] == 12
    got = [mail["Message-ID"] for mail in mails(stack) if "many" in mail["To"]]
    assert sorted(got) == sorted(f"<{mail}@bonafide.example>" for mail in ids)
    rows = stack.cli("mail", "list", "--json")
    assert {row["id"] for row in rows} == ids and {row["status"] for row in rows} == {"sent"}
