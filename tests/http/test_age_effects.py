# SPDX-License-Identifier: Apache-2.0
"""What age verifications leave behind: one submission of ten at once, events once each, links to pictures
and who looked, records under many hands, and what erasing takes away."""

import json
import os
import pwd
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from media import png, upload
from product import Client, wait_for
from receiver import id_hex
from test_age import (FOUND, PASSPORT, SUBMIT, Age, body_of, decided, may, performer, refused, review,
                      shown, submit)

SHOWN = {"externalId", "status", "level", "isVerified", "expiresAt", "createdAt", "updatedAt"}


@pytest.fixture(scope="module")
def age(stack):
    return Age(stack)


def raw(text):
    return bytes.fromhex(id_hex(text))


def at_once(calls):
    with ThreadPoolExecutor(len(calls)) as pool:
        return [done.result() for done in [pool.submit(call) for call in calls]]


# ---- one of ten -------------------------------------------------------------------------------------

@pytest.mark.parametrize("level, document", [("age_only", None), ("full_age", FOUND), ("full_kyc", PASSPORT)])
def test_one_person_is_submitted_once(stack, level, document):
    age = Age(stack)
    bodies = [body_of(age, "many", level, document) for _ in range(10)]
    answers = at_once([lambda body=body: age.public.post(SUBMIT, body) for body in bodies])
    assert sorted(answer.status_code for answer in answers) == [201] + [403] * 9
    for answer in answers:
        if answer.status_code == 403:
            refused(answer, 403)
    for table in ("age_verification", "usage_event"):
        assert stack.rows(f"SELECT COUNT(*) FROM {table} WHERE application_id = %s",
                          raw(age.app)) == ((1,),), table
    history = stack.cli("tokens", "history", age.org, "--json")
    assert len([row for row in history if row["kind"] == "age"]) == 1


def test_one_upload_is_used_once(stack):
    """By ten persons at once; and ten times the same key is one submission."""
    age = Age(stack)
    body = body_of(age, "x", "age_only")
    answers = at_once([lambda n=n: age.public.post(SUBMIT, {**body, "externalId": f"of-many-{n}"})
                       for n in range(10)])
    assert sorted(answer.status_code for answer in answers) == [201] + [404] * 9
    body = body_of(age, "same", "age_only")
    keyed = {"Idempotency-Key": "ten-at-once"}
    answers = at_once([lambda: age.public.post(SUBMIT, body, headers=keyed) for _ in range(10)])
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.text for answer in answers if answer.status_code == 201}) == 1


# ---- events -----------------------------------------------------------------------------------------

def test_events(stack, receiver):
    """Each once, to the very shape; what is personal is in none of them."""
    age = Age(stack)
    client = stack.client(stack.key(age.app)["key"])
    made = client.post("/v1/webhooks", {"url": receiver.url("/age"),
                                        "events": ["age.completed", "age.review"]})
    assert made.status_code == 201, made.text
    found = submit(age, "found", "full_age")
    decided(age, "found")
    seen = performer(age, "seen")
    refused_one = submit(age, "refused", "age_only")
    stack.cli("review", "claim", refused_one)
    stack.rows("UPDATE age_verification SET created_at = '2026-02-06 10:30:00', "
               "updated_at = '2026-02-06 11:15:00' WHERE external_id = 'refused'")
    stack.cli("review", "reject", refused_one)

    def events():
        stack.batch("--once", "--only", "delivery")
        return len(receiver.of("/age")) >= 5 and receiver.of("/age")
    assert wait_for(events, 30)
    told = sorted(((json.loads(one.body)) for one in receiver.of("/age")),
                  key=lambda body: (body["data"]["externalId"], body["event"]))
    assert [(body["data"]["externalId"], body["event"], body["data"]["status"]) for body in told] == [
        ("found", "age.completed", "approved"), ("refused", "age.completed", "rejected"),
        ("refused", "age.review", "pending"), ("seen", "age.completed", "approved"),
        ("seen", "age.review", "pending")]
    for body in told:
        assert list(body) == ["event", "type", "data", "timestamp"] and body["type"] == body["event"]
        data = body["data"]
        assert list(data) == ["verificationId", "externalId", "status", "level", "isVerified",
                              "expiresAt", "createdAt", "updatedAt"]
        assert data["isVerified"] == (data["status"] == "approved")
        assert not any(word in json.dumps(body) for word in ("2000", "Leo", "00000000000", "NG"))
    by_person = {body["data"]["externalId"]: body["data"] for body in told
                 if body["event"] == "age.completed"}
    for person, data in by_person.items():
        now = shown(age, person)
        assert {name: data[name] for name in SHOWN} == {name: now[name] for name in SHOWN}
    assert [by_person[person]["verificationId"] for person in ("found", "refused", "seen")] == [
        found, refused_one, seen]
    assert by_person["refused"]["createdAt"] == "2026-02-06T10:30:00Z"
    assert by_person["refused"]["updatedAt"] > "2026-02-06T11:15:00Z"
    assert by_person["seen"]["expiresAt"] is None and by_person["found"]["expiresAt"]


# ---- looking ----------------------------------------------------------------------------------------

def looks(stack, age):
    return len([row for row in stack.cli("audit", "--org", age.org, "--action", "media.read", "--json")])


def test_a_look_at_a_picture(stack, age):
    verification = submit(age, "looked", "age_only")
    case = stack.cli("review", "show", verification, "--json")
    medium, = case["media"]
    path = re.sub("^https?://[^/]*", "", medium["link"])
    before = looks(stack, age)
    anybody = stack.client()
    for _ in range(2):
        answer = anybody.get(path)
        assert (answer.status_code, answer.content) == (200, png())
        assert answer.headers["Cache-Control"] == "no-store"
    assert looks(stack, age) == before + 2
    row = stack.cli("audit", "--org", age.org, "--action", "media.read", "--json")[0]
    assert row["detail"] == "operator " + pwd.getpwuid(os.geteuid()).pw_name
    # Nothing else opens it, and nobody is noted as having looked.
    other = submit(age, "looked-2", "age_only")
    theirs, = stack.cli("review", "show", other, "--json")["media"]
    their_path = re.sub("^https?://[^/]*", "", theirs["link"])
    address, _, query = path.partition("?")
    their_address, _, their_query = their_path.partition("?")
    exp, by, sig = re.fullmatch(r"exp=(\d+)(&by=[0-9a-f]+)&sig=([0-9a-f]{64})", query).groups()
    assert 590 <= int(exp) - time.time() <= 600
    for wrong in (f"{address}?{their_query}", f"{their_address}?{query}", address,
                  f"{address}?exp={int(exp) + 1}{by}&sig={sig}", f"{address}?exp=0{exp}{by}&sig={sig}",
                  f"{address}?exp={exp}{by}", f"{address}?exp={exp}&sig={sig}", f"{address}?sig={sig}",
                  f"{address}?exp={exp}&by=6f&sig={sig}", f"{address}?exp={exp}{by}&sig={'0' * 64}",
                  f"{address.replace('med_', 'ver_')}?{query}", f"{address[:-1]}?{query}"):
        assert anybody.get(wrong).status_code == 404, wrong
    for bad in (f"{path}&x=1", f"{address}?exp={exp}{by}&sig={sig.upper()}", f"{address}?exp=x{by}&sig={sig}",
                f"{path}&exp={exp}"):
        refused(anybody.get(bad), 400)
    for method in ("POST", "DELETE"):
        refused(Client(stack.url).call(method, path), 405)
    assert looks(stack, age) == before + 2
    # A key is no link, and what is erased is gone for whoever has one.
    refused(age.secret.get(address), 404)
    stack.cli("erase", verification, "--app", age.app, "--yes")
    refused(anybody.get(path), 404)
    assert looks(stack, age) == before + 2


# ---- erasing ----------------------------------------------------------------------------------------

def test_erasing_one(stack, age):
    """By its id, whether a provider was asked or not; again is fine, and is noted once."""
    for person, level in (("gone-1", "age_only"), ("gone-2", "full_age")):
        verification = submit(age, person, level)
        status = "resubmit_required"
        if level == "full_age":
            status = decided(age, person)["status"]
            assert status == "approved"
        for _ in range(2):
            erased = stack.cli("erase", verification, "--app", age.app, "--yes", "--json")
            assert erased["id"] == verification and erased["status"] == status
            assert erased["erased_at"]
        data = shown(age, person)
        assert (data["status"], data["verifiedDob"], data["estimatedAge"]) == (status, None, None)
        assert stack.rows("SELECT sealed, selfie, id_front, id_back, video FROM age_verification "
                          "WHERE external_id = %s", person) == ((None,) * 5,)
        assert stack.rows("SELECT COUNT(*) FROM audit WHERE subject_id = %s "
                          "AND action = 'verification.erased'", raw(verification)) == ((1,),)
    # Another application's is none of ours.
    mine = submit(age, "mine", "age_only")
    failed = stack.cli("erase", mine, "--app", Age(stack).app, "--yes", check=False)
    assert failed.returncode == 1 and "no such verification in this application" in failed.stderr
    assert shown(age, "mine")["status"] == "pending"


def test_erasing_a_person(stack):
    age = Age(stack)
    first = submit(age, "whole", "age_only")
    review(stack, first, "resubmit")
    second = submit(age, "whole", "full_age")
    decided(age, "whole")
    sandbox = Age.__new__(Age)
    sandbox.stack, pair = stack, stack.key(age.app, environment="sandbox", scopes=None, kind="secret")
    sandbox.public = stack.client(pair["publishable_key"], "X-API-Key")
    third = submit(sandbox, "whole", "age_only")
    other = submit(age, "other", "age_only")
    rows = stack.cli("erase", "--person", "whole", "--app", age.app, "--yes", "--json")
    assert [(row["id"], row["environment"], row["status"]) for row in rows] == [
        (first, "live", "resubmit_required"), (second, "live", "approved"),
        (third, "sandbox", "resubmit_required")]
    assert all(row["erased_at"] and row["retain_until"] is None for row in rows)
    assert stack.rows("SELECT external_id FROM age_verification WHERE application_id = %s "
                      "AND selfie IS NOT NULL", raw(age.app)) == (("other",),)
    assert other and shown(age, "other")["status"] == "pending"
    for words, status in ((("--person", "nobody"), 1), ((other, "--person", "other"), 2), ((), 2)):
        failed = stack.cli("erase", *words, "--app", age.app, "--yes", check=False)
        assert failed.returncode == status, failed.stderr
    failed = stack.cli("erase", "--person", "other", "--app", Age(stack).app, "--yes", check=False)
    assert failed.returncode == 1 and shown(age, "other")["status"] == "pending"


# ---- records under many hands -----------------------------------------------------------------------

WIDE = "\U0001F3AD" * 98  # four bytes each


def noted(stack, person):
    return dict(stack.rows("SELECT a.action, COUNT(*) FROM audit a JOIN age_record r ON r.id = a.subject_id "
                           "WHERE r.external_id = %s GROUP BY a.action", person))


def test_names_at_once(stack, age):
    performer(age, "named", PASSPORT)
    path = "/v1/records/named/aliases"
    answers = at_once([lambda: age.secret.post(path, {"alias": "One name"}) for _ in range(8)])
    assert {answer.status_code for answer in answers} == {201}
    assert {tuple(answer.json()["data"]["aliases"]) for answer in answers} == {("One name",)}
    names = [f"Name {number}" for number in range(8)]
    answers = at_once([lambda name=name: age.secret.post(path, {"alias": name}) for name in names])
    assert {answer.status_code for answer in answers} == {201}
    aliases = age.secret.get("/v1/records/named").json()["data"]["aliases"]
    assert aliases[0] == "One name" and sorted(aliases[1:]) == names
    # Every answer that showed it is noted: a name added, or a look.
    assert noted(stack, "named") == {"record.created": 1, "record.alias_added": 9, "record.read": 8}
    answers = at_once([lambda: age.secret.post("/v1/records/named/deactivate") for _ in range(4)])
    assert {answer.status_code for answer in answers} == {200}
    assert noted(stack, "named") == {"record.created": 1, "record.alias_added": 9, "record.read": 11,
                                     "record.deactivated": 1}


def test_as_many_names_as_it_can_have(stack, age):
    """Also where each is as long as it can be, and the answer is kept for its key."""
    performer(age, "famous", PASSPORT)
    path = "/v1/records/famous/aliases"
    for number in range(64):
        answer = age.secret.post(path, {"alias": f"{WIDE}{number:02}"},
                                 headers={"Idempotency-Key": f"famous-{number}"})
        assert answer.status_code == 201, (number, answer.text)
    assert len(answer.json()["data"]["aliases"]) == 64
    again = age.secret.post(path, {"alias": f"{WIDE}63"}, headers={"Idempotency-Key": "famous-63"})
    assert (again.text, again.headers["Idempotent-Replayed"]) == (answer.text, "true")
    # It was shown once more, and that is noted.
    assert noted(stack, "famous") == {"record.created": 1, "record.alias_added": 64, "record.read": 1}
    refused(age.secret.post(path, {"alias": "One more"}), 409)
    assert age.secret.post(path, {"alias": f"{WIDE}00"}).status_code == 201
    shown_by = stack.cli("record", "list", "--app", age.app, "--json")
    assert len([row for row in shown_by]) >= 2


@pytest.mark.parametrize("name", ["Zo\u00e9 \u00c9toile", "\u5f35\u5049", "\u0645\u0631\u064a\u0645", "O'Neil \"X\" \\",
                                  "e\u0301", "<script>", "\U0001F3AD"])
def test_names_of_everywhere(stack, age, name):
    record = stack.rows("SELECT COUNT(*) FROM age_record WHERE external_id = 'worldly'")
    if record == ((0,),):
        performer(age, "worldly", PASSPORT)
    answer = age.secret.post("/v1/records/worldly/aliases", {"alias": f"  {name} "})
    assert answer.status_code == 201 and answer.json()["data"]["aliases"][-1] == name
    assert name in age.secret.get("/v1/records/worldly").json()["data"]["aliases"]


def test_names_from_the_command_line(stack, age):
    performer(age, "spoken", PASSPORT)
    record = [row["id"] for row in stack.cli("record", "list", "--app", age.app, "--json")][0]
    for wrong in ("", "   ", "a\tb", "a\nb", "x" * 101):
        failed = stack.cli("record", "alias", record, wrong, check=False)
        assert failed.returncode == 2 and "NAME" in failed.stderr, wrong
    for _ in range(2):
        names = stack.cli("record", "alias", record, "  Zo\u00e9 ", "--json")["aliases"]
        assert [row["name"] for row in names] == ["Zo\u00e9"]
    stack.cli("record", "show", record)
    for _ in range(2):
        stack.cli("record", "deactivate", record)
    assert noted(stack, "spoken") == {"record.created": 1, "record.alias_added": 1, "record.read": 3,
                                      "record.deactivated": 1}


def test_a_second_approval_keeps_the_record(stack, age):
    """What is there was kept for a reason; only until when it is kept moves on."""
    performer(age, "twice", PASSPORT)
    stack.rows("UPDATE age_record SET retain_until = '2030-01-01' WHERE external_id = 'twice'")
    stack.rows("UPDATE age_verification SET status = 'rejected' WHERE external_id = 'twice'")
    first = age.secret.get("/v1/records/twice").json()["data"]
    performer(age, "twice", {**PASSPORT, "number": "99999999", "lastName": "Other"})
    second = age.secret.get("/v1/records/twice").json()["data"]
    assert second["retainUntil"] > first["retainUntil"] == "2030-01-01T00:00:00Z"
    assert {**second, "retainUntil": None} == {**first, "retainUntil": None}
    assert stack.rows("SELECT COUNT(*) FROM age_record WHERE external_id = 'twice'") == ((1,),)


def test_no_pictures_of_another(stack, age):
    """Each place takes an upload once: one picture is not face and document."""
    one = upload(age.public)
    body = body_of(age, "single", "full_age")
    refused(age.public.post(SUBMIT, {**body, "uploads": {"selfie": one, "idFront": one, "idBack": one}}), 400)
    refused(age.ask("single", "status"), 404)
