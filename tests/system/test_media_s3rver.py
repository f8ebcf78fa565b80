# SPDX-License-Identifier: Apache-2.0
"""Media in a store that other people wrote (the npm package s3rver): what it answers is what we expect of
a store. It does not look at signatures; tests/lib/bucket.py does."""

import subprocess
from pathlib import Path

import pytest

import npm
from media import Media, png
from product import LONG, Stack

SOURCE = Path(__file__).resolve().parents[1] / "lib" / "s3rver"
BUCKET = "pictures"

pytestmark = pytest.mark.skipif(not LONG, reason="BONAFIDE_LONG=1 runs it")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return npm.installed(SOURCE, tmp_path_factory.mktemp("s3rver"))


@pytest.fixture(scope="module")
def store(place):
    (place / "data").mkdir()
    with subprocess.Popen(["node", "store.js", place / "data", BUCKET], cwd=place,
                          stdout=subprocess.PIPE, text=True) as running:
        yield f"http://127.0.0.1:{running.stdout.readline().strip()}"
        running.terminate()


@pytest.fixture(scope="module")
def stack(store, tmp_path_factory):
    keys = tmp_path_factory.mktemp("keys") / "key"
    keys.write_text("S3RVER\n")
    keys.chmod(0o600)
    rows = {"media_store": "s3", "s3_after_s": 0, "s3_endpoint": store, "s3_bucket": BUCKET,
            "s3_access_key_file": keys, "s3_secret_key_file": keys}
    words = [word for key, value in rows.items() for word in ("--set", f"{key}={value}")]
    with Stack("--no-batch", *words) as running:
        yield running


def test_lock_names_no_host():
    assert npm.names_no_host(SOURCE, "s3rver")


def test_from_the_upload_to_the_end(stack, place):
    media = Media(stack)
    least = len(png(1)) - 1
    contents = [png(size) for size in (0, 65536 - least, 3_000_000, 15 * 1024 * 1024 - least)]
    made = [media.send("image/png", content).json()["data"]["uploadId"] for content in contents]
    assert "carried=4" in stack.batch("--only", "media").stderr
    assert media.files() == []
    assert len(list((place / "data" / BUCKET).rglob("*_object"))) == 4
    for name, content in zip(made, contents):
        assert stack.client().call("GET", f"/media/{name}", params=media.link(name)).content == content
    stack.rows("UPDATE media SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR")
    assert "expired=4" in stack.batch("--only", "media").stderr
    assert stack.rows("SELECT COUNT(*) FROM media") == ((0,),)
    assert not list((place / "data" / BUCKET).rglob("*_object"))


def test_what_check_says(stack):
    lines = [row for row in stack.cli("check", "--json")["checks"] if row["check"] == "bucket"]
    assert [row["result"] for row in lines] == ["ok"]


def test_no_such_bucket(stack, tmp_path):
    conf = tmp_path / "conf"
    conf.write_text(Path(stack.conf).read_text().replace(f"s3_bucket = {BUCKET}",
                                                         "s3_bucket = another"))
    conf.chmod(0o600)
    program = Path(stack.env["BONAFIDE_BIN"]) / "bonafide"
    done = subprocess.run([program, "-c", conf, "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "NoSuchBucket" in done.stdout, done.stdout
