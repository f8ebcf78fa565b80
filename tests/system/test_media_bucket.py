# SPDX-License-Identifier: Apache-2.0
"""Media in a bucket: carried there by the batch, shown from there, gone from there; and a store that is
away, refuses, answers with nonsense, loses or changes what it has; a batch killed at every step."""

import http.server
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from bucket import Bucket, SECRET, fault, signature
from media import Media, png
from product import LONG, Stack, wait_for
from receiver import id_hex

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
MOST = 15 * 1024 * 1024


@pytest.fixture(scope="module")
def bucket():
    with Bucket() as running:
        yield running


class Estimator(http.server.BaseHTTPRequestHandler):
    """Remembers what it was sent; everybody is thirty."""
    seen = []

    def do_POST(self):
        self.seen.append(self.rfile.read(int(self.headers["Content-Length"])))
        answer = b'{"age":30,"samples":5}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def estimator():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Estimator) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


@pytest.fixture(scope="module")
def stack(bucket, estimator, tmp_path_factory):
    rows = bucket.settings(tmp_path_factory.mktemp("keys")) | {
        "media_store": "s3", "s3_after_s": "0", "s3_timeout_s": "3", "age_estimator_url": estimator}
    words = [word for key, value in rows.items() for word in ("--set", f"{key}={value}")]
    with Stack("--no-batch", *words) as running:
        yield running


@pytest.fixture(scope="module")
def module_media(stack):
    return Media(stack)


@pytest.fixture
def media(stack, bucket, module_media):
    """Nothing is left of the test before."""
    bucket.misbehave = bucket.afterwards = None
    bucket.objects.clear()
    bucket.seen.clear()
    shutil.rmtree(module_media.directory, ignore_errors=True)
    stack.rows("DELETE FROM media")
    again(stack)
    return module_media


def again(stack):
    """Whatever waits need wait no longer."""
    stack.rows("UPDATE media SET leased_until = NULL")
    stack.rows("DELETE FROM lane")


def unpause(stack):
    """The same, when it is the time that goes by."""
    stack.rows("UPDATE media SET leased_until = NULL")
    stack.rows("UPDATE lane SET paused_until = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND")


def sent(media, content):
    answer = media.send("image/png", content)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["uploadId"]


def carry(stack, *args, conf=None):
    """One run of the batch's job: what it said."""
    program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide-batch")
    done = subprocess.run([program, "-c", conf or stack.conf, "--only", "media", *args],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def changed(stack, path, **rows):
    """The stack's settings with others in their place, as a file."""
    lines = [line for line in open(stack.conf, encoding="utf-8")
             if line.split(" = ")[0] not in rows]
    path.write_text("".join(lines + [f"{key} = {value}\n" for key, value in rows.items()]))
    path.chmod(0o600)
    return str(path)


def store(stack):
    return [row[0] for row in stack.rows("SELECT store FROM media ORDER BY id")]


def shown(media, upload_id):
    return media.stack.client().call("GET", f"/media/{upload_id}", params=media.link(upload_id))


def overdue(stack):
    stack.rows("UPDATE media SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR")


def test_the_judge():
    """Amazon's published examples: GET Object and PUT Object (AWS, "Examples: Signature Calculations")."""
    get = {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9",
           "x-amz-content-sha256": EMPTY, "x-amz-date": "20130524T000000Z"}
    assert signature(SECRET, "us-east-1", "GET", "/test.txt", "", get, sorted(get),
                     "20130524T000000Z") == (
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    put = {"date": "Fri, 24 May 2013 00:00:00 GMT", "host": "examplebucket.s3.amazonaws.com",
           "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
           "x-amz-date": "20130524T000000Z", "x-amz-storage-class": "REDUCED_REDUNDANCY"}
    assert signature(SECRET, "us-east-1", "PUT", "/test%24file.text", "", put, sorted(put),
                     "20130524T000000Z") == (
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")


def test_carried_shown_removed(stack, bucket, media):
    content = png(300_000)
    made = sent(media, content)
    assert "carried=1" in carry(stack)
    assert media.files() == [] and store(stack) == ["s3"]
    ((name, stored),) = bucket.objects.items()
    assert re.fullmatch(r"media/[0-9a-f]{32}", name)
    assert stored.startswith(b"BFSF\1") and content[-64:-32] not in stored
    # The directories it was in go by and by.
    carry(stack)
    assert sorted(os.listdir(media.directory)) == ["new"]
    answer = shown(media, made)
    assert answer.status_code == 200 and answer.content == content
    seen = list(bucket.seen)
    carry(stack)
    assert bucket.seen == seen
    # Its time is over: the object goes, and then the row.
    overdue(stack)
    stack.batch("--only", "expire")
    assert store(stack) == ["s3"]
    assert "expired=1" in carry(stack)
    assert not bucket.objects and not store(stack)
    assert shown(media, made).status_code == 404


def test_not_before_its_time(stack, bucket, media, tmp_path):
    sent(media, png())
    carry(stack, conf=changed(stack, tmp_path / "conf", s3_after_s=300))
    assert len(media.files()) == 1 and store(stack) == ["dir"] and not bucket.seen
    # Removed before it was carried: the store is not asked.
    overdue(stack)
    stack.batch("--only", "expire")
    carry(stack)
    assert media.files() == [] and not store(stack) and not bucket.seen


def test_what_was_there_before(stack, bucket, media, tmp_path):
    """From dir to s3 and back: nothing is asked of anybody."""
    made = [sent(media, png(number)) for number in range(10)]
    conf = changed(stack, tmp_path / "conf", media_store="dir")
    carry(stack, conf=conf)
    assert len(media.files()) == 10 and not bucket.seen
    carry(stack)
    assert media.files() == [] and len(bucket.objects) == 10
    overdue(stack)
    carry(stack, conf=conf)
    assert not bucket.objects and not store(stack)
    assert shown(media, made[0]).status_code == 404


def head_with(**wrong):
    """What is there, but for this."""
    def misbehave(handler):
        if handler.command != "HEAD":
            return None
        status, headers, body = handler.server.store.answer("HEAD", handler.path, b"")
        return status, headers | {name.replace("_", "-"): value for name, value in wrong.items()}, body
    return misbehave


def on_put(status, headers=None, body=b""):
    return lambda handler: ((status, headers or {}, body) if handler.command == "PUT" else None)


FAULTS = {
    "busy": (on_put(503), "not available"),
    "hangs up": (lambda _: "hang up", "not available"),
    "slow down": (lambda _: fault("SlowDown", 503), "SlowDown"),
    "not allowed": (lambda _: fault("AccessDenied"), "AccessDenied"),
    "no bucket": (lambda _: fault("NoSuchBucket", 404), "NoSuchBucket"),
    "elsewhere": (on_put(307, {"Location": "http://127.0.0.1:1/"}), "answer is none"),
    "no tag": (on_put(200), "answer is none"),
    "somebody's page": (on_put(200, {"Content-Type": "text/html"}, b"<html>hello"), "answer is none"),
    "no end": (on_put(403, {}, b"x" * 300_000), "too long"),
    "not there afterwards": (lambda handler: fault("NoSuchKey", 404)
                             if handler.command == "HEAD" else None, "not there"),
    "another size": (head_with(Content_Length="7"), "answer is none"),
    "another content": (head_with(ETag='"other"'), "answer is none"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_store_that_fails(stack, bucket, media, name):
    content = png(1000)
    made = sent(media, content)
    bucket.misbehave, word = FAULTS[name]
    said = carry(stack)
    assert said.count("cannot be used") == 1 and word in said, said
    assert SECRET not in said and "media/" not in said and "127.0.0.1" not in said
    # The file stays, and is shown; the log has had it.
    assert len(media.files()) == 1 and store(stack) == ["moving"]
    assert shown(media, made).content == content
    unpause(stack)
    assert "cannot be used" not in carry(stack)
    # It works again: that is said, and done.
    unpause(stack)
    bucket.misbehave = None
    assert "can be used again" in carry(stack)
    assert media.files() == [] and len(bucket.objects) == 1 and store(stack) == ["s3"]
    assert shown(media, made).content == content


def test_a_pause_is_everybodys(stack, bucket, media):
    sent(media, png())
    bucket.misbehave = lambda _: fault("AccessDenied")
    carry(stack)
    bucket.misbehave = None
    seen = len(bucket.seen)
    carry(stack)
    assert len(bucket.seen) == seen and len(media.files()) == 1
    (lane,) = stack.rows("SELECT reason FROM lane WHERE name = 'media.s3'")
    assert "AccessDenied" in lane[0]
    # Until somebody says otherwise.
    stack.cli("work", "resume", "media.s3")
    assert "carried=1" in carry(stack) and media.files() == []


def test_a_key_file_of_any_name(stack, bucket, media, tmp_path):
    sent(media, png())
    path = tmp_path / "clé"
    said = carry(stack, conf=changed(stack, tmp_path / "conf", s3_secret_key_file=path))
    assert said.count("cannot be used") == 1 and "s3_secret_key_file" in said and not bucket.seen
    (row,) = stack.rows("SELECT reason FROM lane WHERE name = 'media.s3'")
    assert row[0].startswith("s3_secret_key_file: ") and "??" in row[0]


def test_nobody_listens(stack, bucket, media, tmp_path):
    made = sent(media, png())
    said = carry(stack, conf=changed(stack, tmp_path / "conf", s3_endpoint="http://127.0.0.1:9"))
    assert said.count("cannot be used") == 1
    assert len(media.files()) == 1
    # Nothing was sent, so nothing need be waited for.
    assert stack.rows("SELECT leased_until FROM media") == ((None,),)
    assert shown(media, made).status_code == 200


def test_no_answer_in_time(stack, bucket, media, tmp_path):
    """What was sent may still become an object: until it cannot, nobody removes the medium."""
    sent(media, png())
    done = threading.Event()
    bucket.afterwards = lambda handler: handler.command == "PUT" and done.wait(10)
    said = carry(stack, conf=changed(stack, tmp_path / "conf", s3_timeout_s=1))
    done.set()
    assert said.count("cannot be used") == 1 and "imeout" in said, said
    assert stack.rows("SELECT leased_until > UTC_TIMESTAMP(3) + INTERVAL 50 SECOND FROM media") == ((1,),)
    stack.rows("DELETE FROM lane")
    overdue(stack)
    carry(stack)
    assert store(stack) == ["moving"] and len(bucket.objects) == 1


def test_one_run_sees_all(stack, bucket, media):
    """However many there are that may not be carried now, in front of one that may."""
    sent(media, png())
    now = f"{int(time.time() * 1000):012x}"
    for number in range(250):
        place = os.path.join(media.directory, "00", f"{number:02x}")
        os.makedirs(place, exist_ok=True)
        with open(os.path.join(place, f"{now}7{'0' * 15}{number:02x}00"), "wb"):
            pass
    assert "carried=1" in carry(stack)
    assert len(media.files()) == 250


@pytest.mark.parametrize("wrong", ["AKIAWRONG", "wJalr0", ""])
def test_wrong_keys(stack, bucket, media, wrong):
    made = sent(media, png())
    paths = bucket.key_files(os.path.dirname(re.search(r"s3_secret_key_file = (.*)", open(
        stack.conf, encoding="utf-8").read()).group(1)))
    path = paths[0] if wrong.startswith("AKIA") else paths[1]
    right = open(path, encoding="ascii").read()
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(wrong)
        said = carry(stack)
        assert said.count("cannot be used") == 1, said
        assert SECRET not in said and (not wrong or wrong not in said)
        assert len(media.files()) == 1
    finally:
        with open(path, "w", encoding="ascii") as file:
            file.write(right)
    again(stack)
    carry(stack)
    assert shown(media, made).status_code == 200 and media.files() == []


def test_shown_though_the_store_is_wrong(stack, bucket, media):
    content = png(500_000)
    made = sent(media, content)
    carry(stack)
    ((name, stored),) = bucket.objects.items()
    bucket.misbehave = lambda _: (503, {}, b"")
    answer = shown(media, made)
    assert answer.status_code == 503 and answer.headers["Content-Type"].startswith("application/json")
    bucket.misbehave = lambda _: fault("AccessDenied")
    assert shown(media, made).status_code == 503
    bucket.misbehave = lambda _: fault("NoSuchBucket", 404)
    assert shown(media, made).status_code == 503
    bucket.misbehave = lambda _: (200, {}, b"<html>hello</html>")
    assert shown(media, made).status_code == 500
    bucket.misbehave = None
    flipped = bytearray(stored)
    flipped[1000] ^= 1
    bucket.objects[name] = bytes(flipped)
    assert shown(media, made).status_code == 500
    del bucket.objects[name]
    assert shown(media, made).status_code == 404
    # Past its first piece an answer can only end early.
    flipped[1000] ^= 1
    flipped[-30] ^= 1
    for wrong in (bytes(flipped), stored[:-10], stored[:200_000], stored + b"more"):
        bucket.objects[name] = wrong
        came = shown(media, made).content
        assert len(came) < len(content) and content.startswith(came)
    bucket.objects[name] = stored
    assert shown(media, made).content == content


def kill_at(stack, bucket, command, before):
    """Runs the batch and kills it where the store sees this command, before or after it was done."""
    reached, killed = threading.Event(), threading.Event()

    def stop(handler):
        if handler.command == command and not killed.is_set():
            reached.set()
            killed.wait(30)
            if before:
                return "hang up"
        return None

    if before:
        bucket.misbehave = stop
    else:
        bucket.afterwards = stop
    program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide-batch")
    with subprocess.Popen([program, "-c", stack.conf, "--only", "media"],
                          stderr=subprocess.DEVNULL) as batch:
        assert reached.wait(30)
        batch.send_signal(signal.SIGKILL)
        batch.wait()
    killed.set()
    bucket.misbehave = bucket.afterwards = None


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize("command", ["PUT", "HEAD"])
def test_killed(stack, bucket, media, command, before):
    content = png(2000)
    made = sent(media, content)
    kill_at(stack, bucket, command, before)
    assert len(media.files()) == 1 and store(stack) == ["moving"]
    assert shown(media, made).content == content
    # While the lease lasts nobody else touches it, or removes it.
    seen = len(bucket.seen)
    carry(stack)
    overdue(stack)
    carry(stack)
    stack.batch("--only", "expire")
    assert len(bucket.seen) == seen and store(stack) == ["moving"]
    again(stack)
    stack.rows("UPDATE media SET expires_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR")
    carry(stack)
    assert media.files() == [] and len(bucket.objects) == 1 and store(stack) == ["s3"]
    assert shown(media, made).content == content


def test_killed_and_never_tried_again(stack, bucket, media):
    """An object of which only a dead process knew is found by whoever removes the medium."""
    sent(media, png())
    kill_at(stack, bucket, "PUT", False)
    assert len(bucket.objects) == 1
    overdue(stack)
    again(stack)
    carry(stack)
    assert not bucket.objects and not store(stack) and media.files() == []


def test_marked_and_killed_before_the_file_went(stack, bucket, media):
    sent(media, png())
    (path,) = media.files()
    kept = open(path, "rb").read()
    carry(stack)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(kept)
    seen = len(bucket.seen)
    carry(stack)
    assert media.files() == [] and len(bucket.seen) == seen and len(bucket.objects) == 1


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
def test_killed_while_it_removes(stack, bucket, media, before):
    sent(media, png())
    carry(stack)
    overdue(stack)
    kill_at(stack, bucket, "DELETE", before)
    assert store(stack) == ["s3"]
    carry(stack)
    assert not bucket.objects and not store(stack)


@pytest.mark.parametrize("answer", [fault("AccessDenied"), fault("NoSuchBucket", 404), (404, {}, b""),
                                    (200, {}, b"<html>"), (500, {}, b"")],
                         ids=["denied", "no bucket", "not found", "page", "broken"])
def test_a_removal_that_fails(stack, bucket, media, answer):
    """The row stays until the object has gone."""
    sent(media, png())
    carry(stack)
    overdue(stack)
    bucket.misbehave = lambda _: answer
    assert "cannot be used" in carry(stack)
    assert store(stack) == ["s3"] and len(bucket.objects) == 1
    bucket.misbehave = None
    again(stack)
    carry(stack)
    assert not store(stack) and not bucket.objects


def test_given_up_on_its_way(stack, bucket, media):
    """The row goes while the object is put, against all leases: so does the object."""
    sent(media, png())
    bucket.afterwards = lambda handler: handler.command == "HEAD" and stack.rows("DELETE FROM media")
    carry(stack)
    assert not bucket.objects


def test_a_file_that_is_nobodys(stack, bucket, media):
    sent(media, png())
    stack.rows("DELETE FROM media")
    carry(stack)
    (path,) = media.files()
    digits = os.path.basename(path)
    old = os.path.join(os.path.dirname(path), f"{int(digits[:12], 16) - 90_000_000:012x}{digits[12:]}")
    os.rename(path, old)
    carry(stack)
    assert media.files() == [] and not bucket.seen


def test_another_hosts(stack, bucket, media):
    """With a bucket each host has a media_dir of its own: what is not here yet may come."""
    made = sent(media, png())
    (path,) = media.files()
    os.rename(path, path + ".elsewhere")
    assert shown(media, made).status_code == 503
    os.rename(path + ".elsewhere", path)
    carry(stack)
    assert shown(media, made).status_code == 200


def test_estimated_from_there(stack, bucket, media):
    """The estimator's picture comes from the bucket; while it cannot be had, the estimate waits."""
    content = png(70_000)
    made = sent(media, content)
    carry(stack)
    answer = media.public.post("/v1/verify/submit", {
        "externalId": "far", "level": "age_only", "consent": True, "uploads": {"selfie": made}})
    assert answer.status_code == 201, answer.text

    def status():
        return media.secret.get("/v1/verify/far/status").json()["data"]["status"]

    bucket.misbehave = lambda _: (503, {}, b"")
    stack.batch("--only", "age")
    assert status() == "pending" and not Estimator.seen
    # Known to be away, it is not even asked.
    stack.rows("INSERT INTO lane (name, paused_until, reason) VALUES "
               "('media.s3', UTC_TIMESTAMP(3) + INTERVAL 1 MINUTE, 'away')")
    stack.rows("UPDATE work SET due_at = UTC_TIMESTAMP(3)")
    seen = len(bucket.seen)
    stack.batch("--only", "age")
    assert status() == "pending" and len(bucket.seen) == seen
    bucket.misbehave = None
    unpause(stack)
    stack.rows("UPDATE work SET due_at = UTC_TIMESTAMP(3)")
    stack.batch("--only", "age")
    assert Estimator.seen == [content] and status() == "approved"


def test_named_in_the_host(stack, bucket, media, tmp_path):
    """Every name below localhost is this machine (RFC 6761 section 6.3)."""
    sent(media, png())
    url = bucket.url.replace("127.0.0.1", "localhost")
    said = carry(stack, conf=changed(stack, tmp_path / "conf", s3_endpoint=url, s3_addressing="host",
                                     s3_prefix="a/b-"))
    assert "carried=1" in said, said
    ((command, path), _) = bucket.seen
    assert command == "PUT" and re.fullmatch(r"/a/b-[0-9a-f]{32}", path)
    assert list(bucket.objects) == [path[1:]]


@pytest.mark.skipif(not LONG, reason="BONAFIDE_LONG=1 runs it")
def test_killed_anywhere(stack, bucket, media):
    """Whenever a batch dies, in the end all that is kept is in the bucket, once, and nothing else is
    anywhere."""
    chance = random.Random(7)
    program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide-batch")
    kept = {}
    for number in range(60):
        for size in (1, 200_000):
            content = png(size + number)
            kept[sent(media, content)] = content
        with subprocess.Popen([program, "-c", stack.conf], stderr=subprocess.DEVNULL) as batch:
            time.sleep(chance.uniform(0, 0.12))
            batch.kill()
        # Some are given up, at whatever they are at.
        for name in list(kept):
            if chance.random() < 0.1:
                del kept[name]
                stack.rows("UPDATE media SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR "
                           "WHERE id = UNHEX(%s)", id_hex(name))
        if number % 5 == 0:
            again(stack)
    again(stack)
    stack.batch()
    assert media.files() == [] and store(stack) == ["s3"] * len(kept)
    assert len(bucket.objects) == len(kept)
    for name, content in kept.items():
        assert shown(media, name).content == content


def test_two_at_once(stack, bucket, media):
    made = [sent(media, png(number)) for number in range(30)]
    runs = [threading.Thread(target=carry, args=(stack,)) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert media.files() == [] and store(stack) == ["s3"] * 30
    puts = [path for command, path in bucket.seen if command == "PUT"]
    assert len(puts) == len(set(puts)) == 30
    assert all(shown(media, name).status_code == 200 for name in made[::10])


def test_memory_stays(stack, bucket, media):
    content = png(MOST - len(png(1)) + 1)
    made = sent(media, content)
    said = carry(stack)
    assert int(re.search(r"rss_kib=(\d+)", said).group(1)) < 32 * 1024, said
    assert media.files() == [] and shown(media, made).content == content
    pool = stack.pid("pool")
    children = open(f"/proc/{pool}/task/{pool}/children", encoding="ascii").read().split()
    peaks = [int(line.split()[1]) for child in children
             for line in open(f"/proc/{child}/status", encoding="ascii")
             if line.startswith("VmHWM")]
    assert peaks and max(peaks) < 16 * 1024, peaks


@pytest.mark.parametrize("rows, word", [
    ({"s3_bucket": ""}, "media_store is s3 but s3_bucket is not set"),
    ({"s3_secret_key_file": ""}, "media_store is s3 but s3_secret_key_file is not set"),
    ({"media_store": "dir", "s3_endpoint": ""}, "s3_bucket is set but s3_endpoint is not set"),
    ({"s3_endpoint": "http://example.org"}, "s3_endpoint must be an https address"),
    ({"s3_endpoint": "https://example.org/"}, "s3_endpoint must not end in a slash"),
    ({"s3_bucket": "No"}, "s3_bucket must be"), ({"s3_bucket": "a/../b"}, "s3_bucket must be"),
    ({"s3_timeout_s": 30, "request_timeout_s": 30}, "s3_timeout_s must be less"),
    ({"s3_prefix": "../"}, "s3_prefix must be"), ({"s3_region": "a/b"}, "s3_region must be"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_settings_that_do_not_do(stack, tmp_path, rows, word):
    conf = changed(stack, tmp_path / "conf", **rows)
    program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide-batch")
    done = subprocess.run([program, "-c", conf], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0 and word in done.stderr, done.stderr


def test_what_check_says(stack, bucket, media, tmp_path):
    def said(**rows):
        program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide")
        done = subprocess.run([program, "-c", changed(stack, tmp_path / "conf", **rows), "check"],
                              capture_output=True, text=True, check=False, timeout=60)
        return [line for line in done.stdout.splitlines() if "  bucket " in line]

    (line,) = said()
    assert line.startswith("ok") and "read and deleted" in line and not bucket.objects
    bucket.misbehave = lambda handler: (fault("AccessDenied") if handler.command == "DELETE" else None)
    (line,) = said()
    assert line.startswith("FAIL") and "deleting an object" in line and "AccessDenied" in line
    bucket.misbehave = lambda handler: (200, {}, b"x" * 64) if handler.command == "GET" else None
    (line,) = said()
    assert line.startswith("FAIL") and "came back as another" in line
    bucket.misbehave = lambda handler: (200, {}, b"x" * 65) if handler.command == "GET" else None
    (line,) = said()
    assert line.startswith("FAIL") and "too long" in line
    bucket.misbehave = None
    (line,) = said(s3_region="elsewhere")
    assert line.startswith("FAIL") and "AuthorizationHeaderMalformed" in line
    # Without a bucket there is nothing to say, unless something is in one.
    without = {"media_store": "dir", "s3_bucket": ""}
    assert said(**without) == []
    sent(media, png())
    carry(stack)
    (line,) = said(**without)
    assert line.startswith("FAIL") and "1 media are in a bucket" in line


def certificate(directory):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=store", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    directory / "key", "-out", directory / "cert"], check=True, capture_output=True)
    return str(directory / "cert"), str(directory / "key")


def test_over_tls(stack, media, tmp_path):
    pair = certificate(tmp_path)
    with Bucket(tls=pair) as safe:
        sent(media, png(10_000))
        conf = changed(stack, tmp_path / "conf", s3_endpoint=safe.url)
        said = carry(stack, conf=conf)
        assert said.count("cannot be used") == 1 and "certificate" in said.lower(), said
        assert not safe.seen
        again(stack)
        carry(stack, conf=changed(stack, tmp_path / "conf", s3_endpoint=safe.url, s3_ca_file=pair[0]))
        assert len(safe.objects) == 1 and media.files() == []


def test_lingering(stack, bucket, media):
    """A batch that runs on carries what comes, and ends what it has begun when it is told to stop."""
    program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide-batch")
    with subprocess.Popen([program, "-c", stack.conf, "--linger", "60", "--only", "media"],
                          stderr=subprocess.DEVNULL) as batch:
        sent(media, png())
        wait_for(lambda: store(stack) == ["s3"])
        entered = threading.Event()
        bucket.afterwards = lambda handler: handler.command == "PUT" and (entered.set(), time.sleep(1))
        sent(media, png())
        assert entered.wait(20)
        batch.send_signal(signal.SIGTERM)
        assert batch.wait(20) == 0
    assert store(stack) == ["s3", "s3"] and media.files() == []
