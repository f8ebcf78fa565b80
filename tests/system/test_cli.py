# SPDX-License-Identifier: Apache-2.0
"""The operator's tool, as a person types it and as a script reads it."""

import json
import os
import re
import shutil
import stat
import subprocess

import pytest

from product import SEED, TOP, canned, settled, wait_for


def run(stack, *args):
    return stack.cli(*args, check=False)


def test_check_passes(stack):
    done = run(stack, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    for what in ("settings", "keys", "database", "clock", "tables", "statements", "catalogue",
                 "provider", "age", "media"):
        assert re.search(rf"^(ok|warn) +{what} ", done.stdout, re.M), (what, done.stdout)


def test_check_finds_an_open_key_file(stack):
    path = stack.dir / "master.key"
    mode = stat.S_IMODE(path.stat().st_mode)
    path.chmod(0o644)
    try:
        done = run(stack, "check")
        assert done.returncode == 1 and re.search(r"^FAIL +keys .*master\.key", done.stdout, re.M)
    finally:
        path.chmod(mode)


def test_check_finds_open_pictures_and_no_token(stack):
    """The directory of pictures may be nobody else's, and the estimator's token has to be there."""
    pictures, token = stack.dir / "media", stack.dir / "estimator.token"
    pictures.mkdir(0o700, exist_ok=True)
    conf = stack.dir / "no-token.conf"
    with open(stack.conf, encoding="utf-8") as file:
        conf.write_text(file.read() + "age_estimator_url = http://127.0.0.1:9/\n"
                        f"age_estimator_token_file = {token}\n")
    conf.chmod(0o600)
    pictures.chmod(0o750)
    try:
        done = stack.cli("-c", str(conf), "check", check=False)
        assert done.returncode == 1
        assert re.search(r"^FAIL +media .*media is open to others \(mode 0750\)", done.stdout, re.M)
        assert re.search(r"^FAIL +age .*estimator\.token", done.stdout, re.M), done.stdout
    finally:
        pictures.chmod(0o700)
        conf.unlink()


def test_check_finds_a_statement_that_no_longer_fits(stack):
    stack.rows("ALTER TABLE usage_event CHANGE event_type event_kind VARCHAR(32) "
               "CHARACTER SET ascii COLLATE ascii_bin NOT NULL")
    try:
        done = run(stack, "check")
        assert done.returncode == 1
        assert re.search(r"^FAIL +statements .*usage_put", done.stdout, re.M), done.stdout
    finally:
        stack.rows("ALTER TABLE usage_event CHANGE event_kind event_type VARCHAR(32) "
                   "CHARACTER SET ascii COLLATE ascii_bin NOT NULL")


@pytest.mark.parametrize("words,near", [
    (["kye", "list"], "key"), (["key", "lst"], "list"), (["org", "creat", "x"], "create"),
    (["key", "list", "--ap", "x"], "--app"),
])
def test_a_wrong_word_suggests_the_right_one(stack, words, near):
    done = run(stack, *words)
    assert done.returncode == 2
    assert near in done.stderr and "did you mean" in done.stderr.lower(), done.stderr


@pytest.mark.parametrize("words", [["key", "revoke", "key_x"], ["key", "revoke"],
                                   ["org", "create"], ["key", "create", "--app", "nonsense"],
                                   ["catalogue", "load", "/nowhere"], ["org", "show", "app_x"]])
def test_bad_arguments_are_said_plainly(stack, words):
    done = run(stack, *words)
    assert done.returncode in (1, 2) and done.stderr.startswith("bonafide: "), done.stderr
    assert done.stdout == ""


def test_help_everywhere(stack):
    nouns = re.findall(r"^  ([a-z]+) ", run(stack, "help").stdout, re.M)
    assert {"migrate", "check", "org", "app", "key", "catalogue", "verification", "work", "status",
            "seal", "erase"} <= set(nouns)
    for noun in nouns:
        done = run(stack, noun, "--help")
        assert done.returncode == 0 and noun in done.stdout, noun


def test_organisations_and_keys(stack):
    org = stack.cli("org", "create", "Café Ω", "--json")["id"]
    app = stack.cli("app", "create", "--org", org, "Shop", "--json")["id"]
    made = stack.key(app, scopes="kyc.read kyc:verify")
    assert made["key"].startswith("dme_live_")
    listed = stack.cli("key", "list", "--app", app, "--json")
    assert [row["id"] for row in listed if row["kind"] == "server"] == [made["id"]]
    assert made["key"] not in json.dumps(listed)
    assert stack.client(made["key"]).get("/v1/kyc/verifications").status_code == 200
    table = run(stack, "org", "list").stdout
    assert "Café Ω" in table and "NAME" in table.splitlines()[0]
    stack.cli("key", "revoke", made["id"])
    assert stack.client(made["key"]).get("/v1/kyc/verifications").status_code == 401
    assert stack.cli("org", "show", org, "--json")["status"] == "active"


def test_catalogue(stack):
    rows = stack.cli("catalogue", "list", "--country", "SN", "--json")
    assert {row["id_type"] for row in rows} == {"national_id", "passport", "voter_id"}
    path = stack.dir / "types.csv"
    text = (TOP / "conf/id-types.csv").read_text()
    path.write_text(text + "FR,passport,[0-9,smile_v9,FR,PASSPORT,shoe_size,900\n")
    done = run(stack, "catalogue", "load", str(path))
    assert done.returncode == 1
    line = len(text.splitlines()) + 1
    assert done.stderr.count(f"line {line}") >= 4, done.stderr
    path.write_text(text + 'FR,passport,"[0-9]{2}[A-Z]{2}[0-9]{5}",smile_v1,FR,PASSPORT,,90\n')
    stack.cli("catalogue", "load", str(path))
    french = {**SEED, "country": "FR", "id_type": "passport", "id_number": "12AB34567"}
    assert wait_for(lambda: stack.live.post("/v1/kyc/sandbox/verify", french).status_code == 200,
                    15)
    stack.cli("catalogue", "load", str(TOP / "conf/id-types.csv"))


def test_verification_show_is_not_personal(stack):
    ver = stack.live.post("/v1/kyc/verify", canned()).json()["data"]["id"]
    settled(stack.live, ver)
    for done in (run(stack, "verification", "show", ver),
                 run(stack, "verification", "show", ver, "--json")):
        assert done.returncode == 0 and "approved" in done.stdout
        for secret in ("Joe", "Leo", "2000-09-20", "00000000000"):
            assert secret not in done.stdout
    assert run(stack, "verification", "show", "ver_01h455vb4pex5vsknk084sn02q").returncode == 1


def test_erase(stack):
    ver = stack.live.post("/v1/kyc/sandbox/verify", SEED).json()["data"]["id"]
    app = stack.env["BONAFIDE_APP"]
    other, _ = stack.tenant("Not the owner")
    assert run(stack, "erase", ver, "--app", other, "--yes").returncode == 1
    assert run(stack, "erase", ver, "--app", app, "--yes").returncode == 0
    assert stack.rows("SELECT COUNT(*) FROM verification WHERE erased_at IS NOT NULL")[0][0] == 1


def test_status(stack):
    done = run(stack, "status")
    assert done.returncode == 0 and "idle" in done.stdout
    data = stack.cli("status", "--json")
    assert isinstance(data, dict) and data


def test_seal_rotate(stack):
    vers = [stack.live.post("/v1/kyc/sandbox/verify", SEED).json()["data"]["id"]
            for _ in range(30)]
    before = stack.rows("SELECT MAX(seal_key) FROM verification")[0][0]
    stack.cli("seal", "add")
    done = run(stack, "seal", "rotate")
    assert done.returncode == 0, done.stderr
    assert stack.rows("SELECT DISTINCT seal_key FROM verification WHERE seal_key IS NOT NULL") == (
        (before + 1,),)
    # The running pool reads the file again when it meets the new key.
    assert stack.live.get("/v1/kyc/verifications/" + vers[0]).status_code == 200
    ver = stack.live.post("/v1/kyc/verify", canned(id_number="00000000990")).json()["data"]["id"]
    assert settled(stack.live, ver)["status"] == "approved"
    assert run(stack, "seal", "rotate").returncode == 0


def test_migrate(stack, tmp_path):
    conf = stack.env["BONAFIDE_MIGRATE_CONF"]
    program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide")

    def migrate(*more, schema=None):
        used = conf
        if schema:
            used = tmp_path / "migrate.conf"
            used.write_text("\n".join(line for line in open(conf).read().splitlines()
                                      if not line.startswith("schema_dir")) +
                            f"\nschema_dir = {schema}\n")
            used.chmod(0o600)
        return subprocess.run([program, "-c", str(used), "migrate", *more], capture_output=True,
                              text=True)
    assert migrate().returncode == 0
    schema = tmp_path / "schema"
    shutil.copytree(TOP / "sql/schema", schema)
    last = len(list(schema.iterdir()))
    (schema / f"{last:04d}_probe.sql").write_text("CREATE TABLE probe (a INT);\n")
    dry = migrate("--dry-run", schema=schema)
    assert dry.returncode == 0 and f"{last:04d}_probe.sql" in dry.stdout
    assert not stack.rows("SHOW TABLES LIKE 'probe'")
    assert migrate(schema=schema).returncode == 0 and stack.rows("SHOW TABLES LIKE 'probe'")
    newer = migrate()
    assert newer.returncode == 1 and "newer" in newer.stderr
    (schema / f"{last:04d}_probe.sql").write_text("CREATE TABLE probe (b INT);\n")
    altered = migrate(schema=schema)
    assert altered.returncode == 1 and "altered" in altered.stderr
    (schema / f"{last:04d}_probe.sql").write_text("CREATE TABLE probe (a INT);\n")
    (schema / f"{last + 1:04d}_bad.sql").write_text("CREATE TABLE fine (a INT);\nCREATE BANANA;\n")
    bad = migrate(schema=schema)
    assert bad.returncode == 1 and "statement 2" in bad.stderr, bad.stderr
    again = migrate(schema=schema)
    assert again.returncode == 1 and "interrupted" in again.stderr
    (schema / f"{last + 1:04d}_bad.sql").unlink()
    stack.rows("DELETE FROM schema_migration WHERE version >= %s", last)
    stack.rows("DROP TABLE probe")
    stack.rows("DROP TABLE fine")
    assert migrate().returncode == 0


def test_database_away(stack):
    conf = stack.dir / "away.conf"
    conf.write_text(re.sub(r"(?m)^db_socket.*$", "db_socket = /nowhere/db.sock",
                           open(stack.conf).read()))
    conf.chmod(0o600)
    program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide")
    done = subprocess.run([program, "-c", str(conf), "org", "list"], capture_output=True, text=True)
    assert done.returncode == 1 and "database" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("program", ["bonafide.fcgi", "bonafide-batch", "bonafide"])
def test_programs_refuse_what_they_do_not_know(stack, program, tmp_path):
    path = os.path.join(stack.env["BONAFIDE_BIN"], program)
    assert subprocess.run([path, "--version"], capture_output=True).returncode == 0
    assert subprocess.run([path, "--help"], capture_output=True).returncode == 0
    assert subprocess.run([path, "--bogus"], capture_output=True).returncode == 2
    conf = tmp_path / "bad.conf"
    conf.write_text("wrokers = 3\nworkers = 0\n[section]\n")
    words = ["org", "list"] if program == "bonafide" else []
    done = subprocess.run([path, "-c", str(conf), *words], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    for said in ("bad.conf:1:", "did you mean", "bad.conf:2:", "bad.conf:3:"):
        assert said in done.stderr, done.stderr
