# SPDX-License-Identifier: Apache-2.0
"""Webhooks judged by programs that are not ours: the npm package standardwebhooks checks what we
sign, node:crypto the v1a signatures, and jwcrypto opens what we encrypt. The webhooks are made by
tests/lib/webhook_maker.c out of the product's own code. BONAFIDE_WEBHOOK_MAKER names a maker that
is already built."""

import base64
import json
import os
import subprocess
from pathlib import Path

import npm
import pytest
from jwcrypto import jwe, jwk

TOP = Path(__file__).resolve().parents[2]
VERIFIER = TOP / "tests/lib/standardwebhooks"
MESSAGES = 10000


def run(*argv, **more):
    return subprocess.run([str(word) for word in argv], capture_output=True, check=False,
                          timeout=300, **more)


@pytest.fixture(scope="module")
def maker():
    """The program that makes webhooks, built when it is missing or older than its sources."""
    if "BONAFIDE_WEBHOOK_MAKER" in os.environ:
        return Path(os.environ["BONAFIDE_WEBHOOK_MAKER"])
    places = [os.environ.get("BONAFIDE_BUILD"), TOP / ".build", TOP]
    build = next((Path(place) for place in places if place and (Path(place) / "Makefile").exists()),
                 None)
    assert build, "there is no build: configure first, or name one in BONAFIDE_BUILD"
    done = run("make", "-C", build, "webhook_maker")
    assert done.returncode == 0, done.stderr.decode()
    return build / "webhook_maker"


# ---- signatures ------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def verifier(tmp_path_factory):
    """verify.js with the packages of its lock file, in a directory of its own."""
    return npm.installed(VERIFIER, tmp_path_factory.mktemp("standardwebhooks")) / "verify.js"


def judge(verifier, lines):
    done = run("node", verifier, input=lines)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_npm_package_verifies_all(maker, verifier):
    made = run(maker, "sign", MESSAGES)
    assert made.returncode == 0, made.stderr.decode()
    assert judge(verifier, made.stdout) == {
        "messages": MESSAGES, "current": MESSAGES, "previous": MESSAGES // 2,
        "v1a": (MESSAGES + 2) // 3, "tampered": MESSAGES, "refused": []}


def without_secret(line):
    line["secret"] = "whsec_" + base64.b64encode(bytes(32)).decode()


def with_other_id(line):
    line["id"] += "0"


def with_other_time(line):
    line["timestamp"] = str(int(line["timestamp"]) - 1)


def with_other_v1a(line):
    head, _, v1a = line["signature"].rpartition(" v1a,")
    line["signature"] = f"{head} v1a,{'B' if v1a[0] == 'A' else 'A'}{v1a[1:]}"


@pytest.mark.parametrize("change, said", [
    (without_secret, "No matching signature found"), (with_other_id, "No matching signature found"),
    (with_other_time, "No matching signature found"), (with_other_v1a, "v1a does not fit")])
def test_verifier_refuses_changes(maker, verifier, change, said):
    """That the judge can say no: message 0 has every kind of signature."""
    line = json.loads(run(maker, "sign", 1).stdout)
    change(line)
    assert judge(verifier, json.dumps(line).encode() + b"\n")["refused"] == [f"{line['id']}: {said}"]


def test_lock_file_names_no_host():
    assert npm.names_no_host(VERIFIER, "standardwebhooks")


# ---- encryption ------------------------------------------------------------------------------------

HEADER = '{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":%s}'


def unpadded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encrypted(maker, key, kid, count):
    made = run(maker, "jwe", count, kid, key.export_public())
    assert made.returncode == 0, made.stderr.decode()
    lines = [json.loads(line) for line in made.stdout.splitlines()]
    assert len(lines) == count
    return lines


@pytest.fixture(scope="module")
def private():
    return jwk.JWK.generate(kty="RSA", size=2048)


@pytest.mark.parametrize("bits, count", [(2048, 200), (3072, 20), (4096, 20)])
def test_jwcrypto_opens_all(maker, bits, count):
    key = jwk.JWK.generate(kty="RSA", size=bits)
    seen = set()
    for line in encrypted(maker, key, "key-1", count):
        parts = line["jwe"].split(".")
        assert len(parts) == 5
        assert unpadded(parts[0]).decode() == HEADER % '"key-1"'
        assert [len(unpadded(part)) for part in parts[1:]] == [
            bits // 8, 12, len(base64.b64decode(line["plain_base64"])), 16]
        token = jwe.JWE()
        token.deserialize(line["jwe"], key=key)
        assert token.payload == base64.b64decode(line["plain_base64"])
        seen.update(parts[1:3])
    assert len(seen) == 2 * count


def test_jwcrypto_refuses_changes(maker, private):
    """Every part counts: one changed character is enough."""
    parts = encrypted(maker, private, "k", 1)[0]["jwe"].split(".")
    for index, part in enumerate(parts):
        other = ("B" if part[0] == "A" else "A") + part[1:]
        token = jwe.JWE()
        with pytest.raises(Exception):
            token.deserialize(".".join([*parts[:index], other, *parts[index + 1:]]), key=private)
    with pytest.raises(jwe.InvalidJWEData):
        jwe.JWE().deserialize(".".join(parts), key=jwk.JWK.generate(kty="RSA", size=2048))


@pytest.mark.parametrize("kid", ["a", "clé 1", 'a"b\\c', "🔑" * 128],
                         ids=["plain", "accent", "quoted", "longest"])
def test_jwcrypto_reads_the_kid(maker, private, kid):
    token = jwe.JWE()
    token.deserialize(encrypted(maker, private, kid, 1)[0]["jwe"], key=private)
    assert json.loads(token.objects["protected"]) == {
        "alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": kid}


def test_key_is_reduced(maker, private):
    public = json.loads(private.export_public())
    kept = encrypted(maker, private, "k", 1)[0]["jwk"]
    assert list(kept.items()) == [("alg", "RSA-OAEP-256"), ("e", public["e"]),
                                  ("key_ops", ["encrypt"]), ("kty", "RSA"), ("n", public["n"])]


def test_private_and_small_keys_are_refused(maker, private):
    small = jwk.JWK.generate(kty="RSA", size=1024)
    elliptic = jwk.JWK.generate(kty="EC", crv="P-256")
    for text, said in [(private.export_private(), "no private key"),
                       (small.export_public(), "at least 2048 bits"),
                       (elliptic.export_public(), "kty must be")]:
        made = run(maker, "jwe", 1, "k", text)
        assert made.returncode == 1 and not made.stdout
        assert said in made.stderr.decode()
