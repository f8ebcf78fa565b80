# SPDX-License-Identifier: Apache-2.0
"""The operator's tool: balances and their history."""

import pytest

from product import is_id, is_time

NOBODY = "org_01h455vb4pex5vsknk084sn02q"


def run(stack, *args):
    return stack.cli(*args, check=False)


@pytest.fixture()
def org(stack):
    return stack.cli("org", "create", "Payer", "--json")["id"]


def test_add_show_history(stack, org):
    shown = stack.cli("tokens", "show", org, "--json")
    assert is_time(shown.pop("updated_at"))
    assert shown == {"organization_id": org, "name": "Payer", "balance": 0}
    assert stack.cli("tokens", "history", org, "--json") == []
    assert "no such changes" in run(stack, "tokens", "history", org).stdout
    shown = stack.cli("tokens", "add", org, "500", "--note", "Invoice 7 – thanks", "--json")
    assert is_time(shown.pop("updated_at"))
    assert shown == {"organization_id": org, "name": "Payer", "balance": 500}
    stack.cli("tokens", "add", org, "-20", "--correct")
    rows = stack.cli("tokens", "history", org, "--json")
    assert [(row["kind"], row["delta"], row["balance"], row["note"]) for row in rows] == [
        ("correction", -20, 480, None), ("topup", 500, 500, "Invoice 7 – thanks")]
    assert list(rows[0]) == ["created_at", "kind", "delta", "balance", "subject_id",
                             "application_id", "key_id", "note"]
    table = run(stack, "tokens", "history", org).stdout
    assert "DELTA" in table and "Invoice 7 – thanks" in table and "topup" in table
    assert "KEY ID" not in table


def test_org_create_and_show(stack):
    org = stack.cli("org", "create", "Rich", "--tokens", "77", "--json")
    assert list(org) == ["id", "name"] and is_id("org", org["id"])
    shown = stack.cli("org", "show", org["id"], "--json")
    assert shown["tokens"] == {"balance": 77} and shown["applications"] == []
    assert "77" in run(stack, "org", "show", org["id"]).stdout
    assert run(stack, "org", "create", "x", "--tokens", "-1").returncode == 2


@pytest.mark.parametrize("words,said", [
    (["0"], "0 tokens change nothing"), (["-5"], "--correct"),
    (["x"], "a number from"), (["1000000000001"], "a number from"), ([], "N is missing"),
    (["5", "--note", "x" * 201], "200"), (["5", "--note", "two\nlines"], "one line"),
])
def test_misuse_changes_nothing(stack, org, words, said):
    done = run(stack, "tokens", "add", org, *words)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert stack.cli("tokens", "history", org, "--json") == []


def test_bounds(stack, org):
    stack.cli("tokens", "add", org, "10")
    done = run(stack, "tokens", "add", org, "-11", "--correct")
    assert done.returncode == 1
    assert "the balance is 10 and cannot come below 0; nothing was changed" in done.stderr
    stack.cli("tokens", "add", org, "999999999990")
    done = run(stack, "tokens", "add", org, "1")
    assert done.returncode == 1 and "cannot pass 1000000000000" in done.stderr
    assert stack.cli("tokens", "show", org, "--json")["balance"] == 10**12


def test_unknown_organisation(stack):
    for words in (("add", NOBODY, "5"), ("show", NOBODY), ("history", NOBODY)):
        done = run(stack, "tokens", *words)
        assert done.returncode == 1 and f"there is no organisation {NOBODY}" in done.stderr
    assert stack.rows("SELECT COUNT(*) FROM token_balance b LEFT JOIN organization o "
                      "ON o.id = b.organization_id WHERE o.id IS NULL") == ((0,),)


def test_history_of_a_time(stack, org):
    stack.cli("tokens", "add", org, "5")
    stack.cli("tokens", "add", org, "6")
    for words, count in ((["--from", "2020-01-01"], 2), (["--to", "2020-01-01"], 0),
                         (["--from", "2020-01-01", "--to", "2100-01-01"], 2),
                         (["--limit", "1"], 1)):
        assert len(stack.cli("tokens", "history", org, *words, "--json")) == count, words
    done = run(stack, "tokens", "history", org, "--from", "2026-01-02", "--to", "2026-01-01")
    assert done.returncode == 2 and "--from must not be later than --to" in done.stderr
