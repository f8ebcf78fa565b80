# SPDX-License-Identifier: Apache-2.0
"""The audit log as operators make and read it: what the commands leave in it, `bonafide audit`, clients
behind a trusted proxy, and its end."""

import os
import pwd
import re
import shutil
import subprocess

import pytest

from product import SEED, Stack, is_id, is_time
from receiver import batch_run, id_hex

ME = pwd.getpwuid(os.getuid()).pw_name
NOBODYS = "01h455vb4pex5vsknk084sn02q"
KEY = {"name": "x", "scopes": ["kyc.read"], "environment": "live"}


@pytest.fixture(scope="module")
def stack():
    with Stack("--set", "trusted_proxies=127.0.0.0/8", "--set", "egress_allow=127.0.0.0/8",
               "--no-batch") as running:
        yield running


def run(stack, *args):
    return stack.cli(*args, check=False)


def log(stack, *args):
    return stack.cli("audit", *args, "--json")


def told(stack, subject):
    """The newest entry of a subject, without what is the same in all that operators make."""
    row = log(stack, "--subject", subject, "--limit", "1")[0]
    assert (row["actor_kind"], row["actor"]) == ("operator", ME), row
    assert row["address"] is None and row["request_id"] is None, row
    return row


# ---- every command ---------------------------------------------------------------------------------------

def test_organisations_tokens_applications(stack):
    org = stack.cli("org", "create", "Told", "--tokens", "5", "--json")["id"]
    assert [row["action"] for row in log(stack, "--org", org)] == [
        "tokens.added", "organization.created"]
    for words, action, detail in (
            (["suspend", org], "organization.suspended", None),
            (["resume", org], "organization.resumed", None),
            (["limits", org, "--rate", "5"], "organization.limits_changed",
             "rate_per_s 5, burst default, daily_requests default")):
        stack.cli("org", *words)
        row = told(stack, org)
        assert (row["action"], row["detail"], row["organization_id"]) == (action, detail, org)
    stack.cli("org", "limits", org)
    stack.cli("tokens", "add", org, "-3", "--correct", "--note", "Amara Diallo's")
    row = told(stack, org)
    assert (row["action"], row["detail"]) == ("tokens.corrected", "-3")
    app = stack.cli("app", "create", "--org", org, "Told", "--json")
    row = told(stack, app["id"])
    assert row["action"] == "application.created" and row["application_id"] == app["id"]
    row = told(stack, app["key_id"])
    assert (row["action"], row["organization_id"]) == ("key.created", org)
    assert row["detail"].startswith("application live: ")
    new = stack.cli("app", "regenerate-key", app["id"], "--json")
    assert told(stack, new["id"])["action"] == "key.regenerated"
    assert len(log(stack, "--org", org)) == 9


def test_keys(stack):
    app, org = stack.tenant("Keys")
    key = stack.key(app)
    assert told(stack, key["id"])["action"] == "key.created"
    new = stack.cli("key", "rotate", key["id"], "--overlap", "7", "--json")
    row = told(stack, key["id"])
    assert (row["action"], row["detail"]) == (
        "key.rotated", f"new key {new['id']}, overlap 7 s")
    stack.cli("key", "revoke", new["id"])
    row = told(stack, new["id"])
    assert row["action"] == "key.revoked"
    # The command line knows of the application alone; the log knows whose it is.
    assert (row["application_id"], row["organization_id"]) == (app, org)
    assert run(stack, "key", "revoke", new["id"]).returncode == 1
    assert len(log(stack, "--subject", new["id"])) == 1


def test_webhooks_and_deliveries(stack):
    app, org = stack.tenant("Hooks")
    live = stack.client(stack.key(app)["key"])
    hook = live.post("/v1/webhooks", {
        "url": "https://your-app.com/x", "events": ["verification.completed"]}).json()["data"]["id"]
    ver = live.post("/v1/kyc/sandbox/verify", SEED).json()["data"]["id"]
    stack.cli("webhook", "disable", hook)
    assert told(stack, hook)["detail"] == "disabled"
    stack.cli("webhook", "enable", hook)
    assert told(stack, hook)["detail"] == "enabled"
    stack.cli("webhook", "rotate", hook)
    assert told(stack, hook)["action"] == "webhook.secret_rotated"
    delivery = stack.cli("delivery", "list", "--webhook", hook, "--json")[0]["id"]
    stack.cli("delivery", "retry", delivery)
    assert told(stack, delivery)["action"] == "delivery.retried"
    task = stack.cli("webhook", "recover", "--app", app, "--webhook", hook, "--since",
                     "2026-01-01", "--until", "2100-01-01", "--no-wait", "--json")["task_id"]
    row = told(stack, task)
    assert row["action"] == "recovery.started" and row["organization_id"] == org
    assert row["detail"] == f"of {hook}, from 2026-01-01T00:00:00Z to 2100-01-01T00:00:00Z"
    before = len(log(stack, "--org", org))
    run(stack, "webhook", "recover", "--app", app, "--since", "2026-01-01", "--until", "2100-01-01",
        "--dry-run")
    assert len(log(stack, "--org", org)) == before
    stack.cli("erase", ver, "--app", app, "--yes")
    assert told(stack, ver)["action"] == "verification.erased"


def test_an_erasure_is_whole_or_not(stack):
    """What cannot be told is not done: not the first half of it either."""
    app, _ = stack.tenant("Erased")
    live = stack.client(stack.key(app)["key"])
    ver = live.post("/v1/kyc/sandbox/verify", SEED).json()["data"]["id"]
    stack.rows("RENAME TABLE audit TO audit_away")
    try:
        assert run(stack, "erase", ver, "--app", app, "--yes").returncode == 1
        assert live.delete("/v1/kyc/verifications/" + ver).status_code == 500
        assert live.post("/v1/keys", KEY).status_code == 500
        assert live.post("/v1/kyc/sandbox/verify", SEED).status_code == 200
    finally:
        stack.rows("RENAME TABLE audit_away TO audit")
    assert stack.rows("SELECT COUNT(*) FROM verification WHERE application_id = UNHEX(%s) "
                      "AND (sealed IS NULL OR erased_at IS NOT NULL)", id_hex(app)) == ((0,),)
    assert stack.rows("SELECT COUNT(*) FROM api_key WHERE application_id = UNHEX(%s) "
                      "AND name = 'x'", id_hex(app)) == ((0,),)


def test_seal(stack):
    app, _ = stack.tenant("Seal")
    live = stack.client(stack.key(app)["key"])
    for _ in range(3):
        assert live.post("/v1/kyc/sandbox/verify", SEED).status_code == 200
    number = stack.cli("seal", "add", "--json")["number"]
    row = log(stack, "--action", "seal.added")[0]
    assert (row["detail"], row["actor"], row["organization_id"]) == (f"key {number}", ME, None)
    stack.cli("seal", "rotate")
    stack.cli("seal", "rotate")
    rows = log(stack, "--action", "seal.rotated")
    assert [row["detail"] for row in rows] == [f"to key {number}"]


def test_a_key_is_added_while_the_database_is_away(stack):
    key_file = stack.dir / "master.key"
    copy = stack.dir / "master.copy"
    shutil.copy2(key_file, copy)
    conf = stack.dir / "away.conf"
    conf.write_text(re.sub(r"(?m)^db_socket.*$", "db_socket = /nowhere/db.sock",
                           open(stack.conf).read()))
    conf.chmod(0o600)
    try:
        done = subprocess.run([os.path.join(stack.env["BONAFIDE_BIN"], "bonafide"), "-c", str(conf),
                               "seal", "add", "--json"], capture_output=True, text=True)
        assert done.returncode == 0 and '"number"' in done.stdout
        assert "the audit log does not tell that key" in done.stderr and "database" in done.stderr
        assert key_file.read_bytes() != copy.read_bytes()
    finally:
        key_file.unlink()
        shutil.copy2(copy, key_file)


# ---- from where --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("forwarded,address", [
    ("203.0.113.9", "203.0.113.9"), ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
    ("2001:db8::7", "2001:db8::7"), ("[2001:db8:0::8]:443", "2001:db8::8"),
    ("nonsense", "127.0.0.1"), (None, "127.0.0.1"),
])
def test_behind_a_trusted_proxy(stack, forwarded, address):
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    made = stack.live.post("/v1/keys", KEY, headers=headers).json()["data"]
    assert [row["address"] for row in log(stack, "--subject", made["id"])] == [address]


# ---- reading -----------------------------------------------------------------------------------------------

def test_columns(stack):
    made = stack.live.post("/v1/keys", KEY).json()["data"]
    row = log(stack, "--subject", made["id"])[0]
    assert list(row) == ["id", "created_at", "action", "actor_kind", "actor", "subject_id",
                         "address", "detail", "organization_id", "application_id", "request_id"]
    assert is_time(row["created_at"]) and is_id("key", row["actor"]) and is_id("req", row["request_id"])
    assert is_id("org", row["organization_id"]) and row["subject_id"] == made["id"]
    table = run(stack, "audit", "--subject", made["id"]).stdout
    head = table.splitlines()[0]
    for word in ("CREATED AT", "ACTION", "ACTOR KIND", "ACTOR", "SUBJECT ID", "ADDRESS", "DETAIL"):
        assert word in head
    assert "REQUEST ID" not in head and "key.created" in table and row["actor"] in table


def test_filters(stack):
    app, org = stack.tenant("Filters")
    key = stack.key(app)
    live = stack.client(key["key"])
    made = [live.post("/v1/keys", KEY).json()["data"]["id"] for _ in range(3)]
    live.delete("/v1/keys/" + made[0])
    assert [row["subject_id"] for row in log(stack, "--actor", key["id"])] == [
        made[0], made[2], made[1], made[0]]
    assert [row["action"] for row in log(stack, "--subject", made[0])] == [
        "key.revoked", "key.created"]
    assert len(log(stack, "--actor", key["id"], "--action", "key.revoked")) == 1
    assert {row["actor"] for row in log(stack, "--actor", ME, "--org", org)} == {ME}
    assert len(log(stack, "--org", org)) == len(log(stack, "--org", org, "--actor", ME)) + 4
    assert log(stack, "--actor", "nobody-of-this-name") == []
    assert len(log(stack, "--org", org, "--limit", "2")) == 2
    assert log(stack, "--org", org, "--until", "2020-01-01") == []
    assert len(log(stack, "--org", org, "--since", "2020-01-01")) == len(log(stack, "--org", org))
    assert log(stack, "--since", "2100-01-01") == []
    done = run(stack, "audit", "--org", org, "--until", "2020-01-01")
    assert done.returncode == 0 and "no such entries" in done.stdout


@pytest.mark.parametrize("words,said", [
    (["--org", "org_x"], "--org takes the id of an organisation"),
    (["--subject", "key_x"], "--subject takes an id"), (["--subject", "alice"], "--subject takes an id"),
    (["--actor", "key_x"], "is no id"), (["--action", "key.eaten"], "--action takes"),
    (["--since", "yesterday"], "a UTC date or time"), (["--limit", "0"], "a number from 1"),
    (["--since", "2026-01-02", "--until", "2026-01-01"], "--since must not be later than --until"),
    (["x"], "nothing is expected"), (["--operator", "x"], "there is no option"),
])
def test_misuse(stack, words, said):
    done = run(stack, "audit", *words)
    assert done.returncode == 2 and said in done.stderr and done.stdout == "", done.stderr


def test_an_organisation_that_is_not_there(stack):
    done = run(stack, "audit", "--org", "org_" + NOBODYS)
    assert done.returncode == 1 and f"there is no organisation org_{NOBODYS}" in done.stderr


def test_help_lists_the_actions(stack):
    text = run(stack, "audit", "--help").stdout
    assert "usage: bonafide audit" in text and "[--action ACTION]" in text
    for word in ("key.created", "webhook.secret_revealed", "member.joined", "login.failed"):
        assert f" {word}\n" in text


# ---- the end -----------------------------------------------------------------------------------------------

def test_purge(stack):
    """By the batch, a piece at a time; what is younger than audit_keep_days stays."""
    stack.rows("INSERT INTO audit (id, created_at, actor_kind, action) SELECT UNHEX(CONCAT("
               "LPAD(HEX(UNIX_TIMESTAMP(NOW() - INTERVAL 800 DAY) * 1000 + seq), 12, '0'), "
               "'7000', '8', LPAD(HEX(seq), 15, '0'))), NOW() - INTERVAL 800 DAY, 'nobody', "
               "'login.failed' FROM seq_1_to_2500")
    younger = stack.rows("SELECT COUNT(*) FROM audit WHERE created_at > NOW() - INTERVAL 700 DAY")
    batch_run(stack, "--only", "expire")
    assert stack.rows("SELECT COUNT(*) FROM audit") == younger
    assert younger[0][0] > 0
