# SPDX-License-Identifier: Apache-2.0
"""Age estimators that mean harm or are broken: what is no answer decides nothing, nothing is followed,
the batch ends in time and in memory, and after so many tries a reviewer looks."""

import time
import zlib

import pytest

from mail import certificates
from media import UPLOADS, png
from product import Stack
from receiver import (Receiver, answer, batch_run, drip, flood, hang, hang_up, id_hex, later, raw,
                      reset)

TIMEOUT_S = 1
GOOD = b'{"age":30,"samples":5}'
CHUNK = bytes(65536)


def over(status, *headers, body=GOOD):
    return answer(status, body, headers=headers)


# name: how the estimator behaves when it is asked
HOSTILE = {
    "elsewhere": over(302, "Location: /elsewhere"),
    "elsewhere for good": over(308, "Location: /elsewhere"),
    "created": over(201), "partial": over(206), "refused": over(403), "broken": over(500),
    "nothing": answer(204), "empty": over(200, body=b""), "a page": over(200, body=b"<html>"),
    "text": over(200, body=b"30"), "no number": over(200, body=b'{"age":NaN,"samples":5}'),
    "two answers": over(200, body=GOOD + GOOD), "too many members":
        over(200, body=b'{"age":30,"samples":5,"status":"approved"}'),
    "two ages": over(200, body=b'{"age":9,"age":30,"samples":5}'),
    "packed": over(200, "Content-Encoding: gzip", body=zlib.compress(GOOD, 9, 31)),
    "oversize": over(200, body=GOOD + b" " * 5000),
    "without end": flood(b"HTTP/1.1 200 OK\r\n\r\n" + GOOD, CHUNK, 1 << 14),
    "cut short": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + GOOD),
    "slow": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n", b"{", 0.3),
    "slow headers": drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a", 0.3),
    "silent": hang, "reset": reset, "gone": hang_up, "no HTTP": raw(b"30\r\n\r\n"),
}


@pytest.fixture(scope="module")
def estimator():
    """Behaves as the picture it is sent says: each person of a test has one of its own."""
    with Receiver() as running:
        running.ways = {}
        running.rule("/estimate", later(lambda request: running.ways.get(request.body, answer(200, GOOD))))
        yield running


@pytest.fixture(scope="module")
def stack(estimator):
    with Stack("--no-batch", "--set", f"age_estimator_url={estimator.url('/estimate')}", "--set",
               f"age_estimator_timeout_s={TIMEOUT_S}") as running:
        yield running


class Tenant:
    def __init__(self, stack):
        self.app, self.org = stack.tenant("Age")
        pair = stack.key(self.app, scopes=None, kind="secret")
        self.secret = stack.client(pair["key"], "X-API-Key")
        self.public = stack.client(pair["publishable_key"], "X-API-Key")

    def submit(self, person, picture):
        made = self.public.call("POST", UPLOADS, data=picture, headers={"Content-Type": "image/png"})
        answer = self.public.post("/v1/verify/submit", {
            "externalId": person, "level": "age_only", "consent": True,
            "uploads": {"selfie": made.json()["data"]["uploadId"]}})
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]["verificationId"]

    def status(self, person):
        return self.secret.get(f"/v1/verify/{person}/status").json()["data"]


@pytest.fixture(scope="module")
def tenant(stack):
    return Tenant(stack)


def run(stack, **more):
    return batch_run(stack, "--once", "--only", "age", **more)


def waiting(stack):
    """How often each has failed, and in how many seconds it is due, by id."""
    return {row[0]: (row[1], row[2]) for row in stack.rows(
        "SELECT HEX(subject_id), failures, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(3), due_at) "
        "FROM work WHERE kind = 'age_estimate'")}


def make_due(stack, failures=None):
    stack.rows("UPDATE work SET due_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND"
               + (f", failures = {failures}" if failures is not None else ""))


def test_hostile_estimators(stack, tenant, estimator):
    people = {}
    for number, (name, way) in enumerate(HOSTILE.items()):
        picture = png(number)
        estimator.ways[picture] = way
        people[name] = tenant.submit(f"hostile-{number}", picture)
    began = time.monotonic()
    done = run(stack)
    assert time.monotonic() - began < 4 * TIMEOUT_S + 8
    assert done.line["rss_kib"] <= 128 * 1024, done.line
    assert (done.line["decided"], done.line["later"]) == (0, len(people)), done.line
    # Each has a line for the operator, in which nothing is of the answer.
    for name, made in people.items():
        assert f"{made}: the age estimator" in done.text, name
    assert "samples" not in done.text and "html" not in done.text
    assert not estimator.of("/elsewhere")
    assert max(estimator.flooded.values()) < 16 << 20
    asked = waiting(stack)
    wrong = {name: asked.get(id_hex(made)) for name, made in people.items()
             if asked.get(id_hex(made), (0, 0))[0] != 1}
    assert not wrong, wrong
    for number in range(len(HOSTILE)):
        data = tenant.status(f"hostile-{number}")
        assert (data["status"], data["estimatedAge"]) == ("pending", None), data
    # The last try: then each is a reviewer's, and none is lost.
    make_due(stack, failures=5)
    assert run(stack).line["decided"] == len(people)
    assert waiting(stack) == {}
    rows = stack.cli("review", "list", "--app", tenant.app, "--json")
    assert {row["id"] for row in rows} == set(people.values())
    assert {row["cause"] for row in rows} == {"estimator_failed"}
    told = stack.rows("SELECT COUNT(*), COUNT(DISTINCT trigger_id) FROM event WHERE type = 'age.review'")
    assert told[0] == (len(people), len(people))


def test_it_says_when_to_come_again(stack, tenant, estimator):
    estimator.ways[png(200)] = over(429, "Retry-After: 400")
    estimator.ways[png(201)] = over(503, "Retry-After: 99999999")
    soon, late = tenant.submit("soon", png(200)), tenant.submit("late", png(201))
    run(stack)
    asked = waiting(stack)
    assert asked[id_hex(soon)][0] == 1 and 390 <= asked[id_hex(soon)][1] <= 441
    assert asked[id_hex(late)][0] == 1 and 890 <= asked[id_hex(late)][1] <= 991
    # And once it answers it is believed.
    estimator.ways.clear()
    make_due(stack)
    run(stack)
    for person in ("soon", "late"):
        data = tenant.status(person)
        assert (data["status"], data["estimatedAge"]) == ("approved", 30)


def other_settings(stack, tmp_path, **change):
    """The stack's settings file with some lines otherwise."""
    lines = [line for line in open(stack.conf, encoding="utf-8").read().splitlines()
             if line.partition("=")[0].strip() not in change]
    path = tmp_path / "other.conf"
    path.write_text("\n".join(lines + [f"{name} = {value}" for name, value in change.items()]) + "\n")
    path.chmod(0o600)
    return path


def test_nobody_else_is_told(stack, tenant, estimator, tmp_path):
    """A picture goes only to whom the certificate names, and a token only when it can be read."""
    made = tenant.submit("careful", png(202))
    with Receiver(tls=certificates(tmp_path)["right"]) as stranger:
        url = stranger.url("/estimate").replace("127.0.0.1", "localhost")
        run(stack, conf=other_settings(stack, tmp_path, age_estimator_url=url))
        assert not stranger.requests
    assert waiting(stack)[id_hex(made)][0] == 1
    estimator.clear()
    make_due(stack)
    run(stack, conf=other_settings(stack, tmp_path,
                                   age_estimator_token_file=str(tmp_path / "missing")))
    assert not estimator.requests and waiting(stack)[id_hex(made)][0] == 2
    make_due(stack)
    run(stack)
    assert tenant.status("careful")["status"] == "approved"
