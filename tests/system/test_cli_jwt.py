# SPDX-License-Identifier: Apache-2.0
"""The keys that sign access tokens, by the operator's tool: made, replaced, revoked, missing."""

import re
import uuid

from product import wait_for

SIGNS_IN_S = 5


def listed(stack):
    return stack.cli("jwt", "list", "--json")


def published(stack):
    return [key["kid"] for key in stack.client().get("/.well-known/jwks.json").json()["keys"]]


def signing(stack):
    return [key["kid"] for key in listed(stack) if key["signs"]]


def settle(stack):
    """Exactly one key, which signs."""
    for key in listed(stack):
        stack.cli("jwt", "revoke", key["kid"])
    return stack.cli("jwt", "rotate", "--json")["kid"]


def test_a_stack_has_one(stack):
    assert len(listed(stack)) == len(signing(stack)) == len(published(stack)) == 1


def test_rotate(stack):
    first = settle(stack)
    made = stack.cli("jwt", "rotate", "--json")
    assert set(made) == {"kid", "signs", "created_at", "signs_at", "retired_at", "expires_at"}
    assert str(uuid.UUID(made["kid"])) == made["kid"] and not made["signs"]
    assert made["retired_at"] is None and made["expires_at"] is None
    before = {key["kid"]: key for key in listed(stack)}
    assert before[first]["signs"] and before[first]["retired_at"] == made["signs_at"]
    # Published before it signs; the pool reads the table again within a second.
    assert wait_for(lambda: published(stack) == [made["kid"], first], 3)
    assert wait_for(lambda: signing(stack) == [made["kid"]], SIGNS_IN_S + 2)
    assert published(stack) == [made["kid"], first]


def test_the_batch_deletes_what_has_expired(stack):
    settle(stack)
    stack.cli("jwt", "rotate")
    stack.rows("UPDATE jwt_key SET expires_at = '2020-01-01' WHERE retired_at IS NOT NULL")
    stack.batch("--once")
    assert len(listed(stack)) == 1
    assert wait_for(lambda: len(published(stack)) == 1, 3)


def test_revoke(stack):
    first = settle(stack)
    second = stack.cli("jwt", "rotate", "--json")["kid"]
    assert wait_for(lambda: len(published(stack)) == 2, 3)
    assert stack.cli("jwt", "revoke", first, "--json") == {"kid": first, "revoked": True}
    # No worker knows it any more when the command returns; the other one signs without waiting.
    assert [published(stack) for _ in range(8)] == [[second]] * 8
    assert signing(stack) == [second]


def test_revoke_refuses(stack):
    for words in (["jwt", "revoke"], ["jwt", "revoke", "key_01h455vb4pex5vsknk084sn02q"],
                  ["jwt", "revoke", "1"]):
        assert stack.cli(*words, check=False).returncode == 2, words
    done = stack.cli("jwt", "revoke", str(uuid.uuid4()), check=False)
    assert done.returncode == 1 and "there is no such key" in done.stderr


def test_none_is_a_warning(stack):
    kid = settle(stack)
    done = stack.cli("jwt", "revoke", kid)
    assert "nobody can log in" in done.stderr and "bonafide jwt rotate" in done.stderr
    done = stack.cli("jwt", "list")
    assert "nobody can log in" in done.stdout + done.stderr
    check = stack.cli("check", check=False)
    assert check.returncode == 0 and re.search(
        r"^warn +signing .*bonafide jwt rotate", check.stdout, re.M), check.stdout
    answer = stack.client().get("/-/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "warnings": [
        "There is no key to sign access tokens with: run bonafide jwt rotate."]}
    assert published(stack) == []
    stack.cli("jwt", "rotate")
    assert re.search(r"^ok +signing ", stack.cli("check").stdout, re.M)
    assert wait_for(lambda: stack.client().get("/-/readyz").json() == {"status": "ready"}, 3)


def test_both_changes_are_in_the_audit_log(stack):
    kid = settle(stack)
    stack.cli("jwt", "revoke", kid)
    rows = stack.rows("SELECT action FROM audit WHERE subject_id = %s ORDER BY id",
                      uuid.UUID(kid).bytes)
    assert [row[0] for row in rows] == ["jwt.rotated", "jwt.revoked"]
    stack.cli("jwt", "rotate")


def test_sealed_anew_under_a_new_master_key(stack):
    settle(stack)
    before = stack.rows("SELECT seal_key FROM jwt_key")
    stack.cli("seal", "add")
    stack.cli("seal", "rotate")
    assert stack.rows("SELECT seal_key FROM jwt_key")[0][0] == before[0][0] + 1
    rows = stack.cli("seal", "list", "--json")
    assert rows[-1]["rows"] >= 1


def test_help_names_them(stack):
    text = stack.cli("help").stdout
    assert re.search(r"^ *jwt ", text, re.M)
    assert "jwt_ttl_s" in stack.cli("jwt", "rotate", "--help").stdout
