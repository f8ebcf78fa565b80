# SPDX-License-Identifier: Apache-2.0
"""The operator's tool: verification sessions of any tenant, never the person in them."""

import json
import re

import pytest
import requests

from accounts import letters, new_address
from product import is_id, is_time, wait_for

NOBODY = "vs_01h455vb4pex5vsknk084sn02q"
MEMBERS = ["id", "application_id", "environment", "family", "status", "steps", "workflow_id",
           "attempt_count", "failed_count", "invite_email", "invite_phone", "seal_key", "created_at",
           "started_at", "submitted_at", "expires_at", "completed_at", "attempts"]


@pytest.fixture()
def app(stack):
    return stack.tenant("Business")[0]


def create(stack, app, **change):
    answer = requests.post(stack.url + "/v1/sessions", timeout=10, json={
        "firstName": "Amara", "lastName": "Diallo", "email": "amara@example.org",
        "phone": "+221771234567", "externalId": "Amara's order",
        "redirectUrl": "https://shop.example/amara", **change},
        headers={"X-API-Key": stack.key(app, environment="sandbox")["key"]})
    assert answer.status_code == 200, answer.text
    return answer.json()["session_url"]


@pytest.fixture()
def made(stack, app):
    """A session of a person whom nobody but the business may see."""
    return re.search(r"/verify/(vs_\w{26})$", create(stack, app)).group(1)


def test_list_and_show(stack, app, made):
    rows = stack.cli("session", "list", "--app", app, "--json")
    assert [row["id"] for row in rows] == [made]
    assert rows[0]["status"] == "pending" and rows[0]["family"] == "plain"
    assert stack.cli("session", "list", "--app", app, "--status", "voided", "--json") == []
    assert made in [row["id"] for row in stack.cli("session", "--limit", "1", "--json")]
    shown = stack.cli("session", "show", made, "--json")
    assert list(shown) == MEMBERS
    assert is_id("app", shown["application_id"]) and is_time(shown["expires_at"])
    assert shown["steps"] == ["ID_VERIFICATION"] and shown["attempts"] == []
    assert shown["invite_phone"] == "not_configured"
    people = stack.cli("session", "show", made, check=False).stdout
    assert "has not submitted anything" in people
    for text in (json.dumps(shown), json.dumps(rows), people):
        assert not re.search("amara|diallo|221771234567", text, re.I)


def test_cancel(stack, app, made):
    assert stack.cli("session", "cancel", made, "--json")["status"] == "voided"
    again = stack.cli("session", "cancel", made, check=False)
    assert again.returncode == 0 and "had ended already" in again.stderr
    assert stack.cli("session", "list", "--app", app, "--status", "voided", "--json")
    told = stack.cli("audit", "--subject", made, "--json")
    assert [row["action"] for row in told] == ["verification_session.cancelled"]


@pytest.mark.parametrize("verb", ["show", "cancel"])
def test_unknown(stack, verb):
    done = stack.cli("session", verb, NOBODY, check=False)
    assert done.returncode == 1 and "there is no such session" in done.stderr
    done = stack.cli("session", verb, "ver_01h455vb4pex5vsknk084sn02q", check=False)
    assert done.returncode == 2


def test_invitation(stack, app):
    """The link goes out by mail, to the person alone."""
    address = new_address()
    url = create(stack, app, email=address)
    letter = wait_for(lambda: letters(stack, address), 30)[0]
    assert letter["Subject"] == "Business asks you to confirm who you are"
    lines = letter.get_content().splitlines()
    assert f"    {url}" in lines and "Hello Amara," in lines
    shown = stack.cli("session", "show", url.rsplit("/", 1)[1], "--json")
    assert shown["invite_email"] == "queued"
    silent = new_address()
    url = create(stack, app, email=silent, sendEmailInvite=False)
    shown = stack.cli("session", "show", url.rsplit("/", 1)[1], "--json")
    assert shown["invite_email"] == "not_requested" and letters(stack, silent) == []
