# SPDX-License-Identifier: Apache-2.0
"""Age verifications from the upload to the decision: by an estimator that may do anything, and by
operators with the command line; the records of performers, and who read them."""

import http.server
import json
import re
import threading

import pytest

from media import png, upload
from product import Stack, is_id, is_time, wait_for

TOKEN = "estimators-own-token"
DOCUMENT = {"country": "FR", "type": "passport", "number": "12AB34567", "firstName": "Amara",
            "lastName": "Diallo", "dateOfBirth": "1990-05-15"}
NOBODY = "ver_01h455vb4pex5vsknk084sn02q"


class Estimator(http.server.BaseHTTPRequestHandler):
    """Answers what the test has put there, and remembers what it was asked."""
    answers, asked = [], []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((dict(self.headers), body))
        status, text = self.answers.pop(0) if self.answers else (200, '{"age":30,"samples":5}')
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Estimator)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    token = tmp_path_factory.mktemp("estimator") / "token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    url = f"http://127.0.0.1:{server.server_address[1]}/estimate"
    with Stack("--set", f"age_estimator_url={url}", "--set",
               f"age_estimator_token_file={token}") as running:
        yield running
    server.shutdown()
    server.server_close()


class Tenant:
    def __init__(self, stack):
        self.app, self.org = stack.tenant("Age")
        pair = stack.key(self.app, scopes=None, kind="secret")
        self.secret = stack.client(pair["key"], "X-API-Key")
        self.public = stack.client(pair["publishable_key"], "X-API-Key")

    def submit(self, person, level="age_only"):
        names = {"age_only": ["selfie"], "full_age": ["selfie", "idFront"],
                 "full_kyc": ["selfie", "idFront", "video"]}[level]
        body = {"externalId": person, "level": level, "consent": True,
                "uploads": {name: upload(self.public, name) for name in names}}
        if level != "age_only":
            body["document"] = DOCUMENT
        answer = self.public.post("/v1/verify/submit", body)
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]["verificationId"]

    def status(self, person):
        return self.secret.get(f"/v1/verify/{person}/status").json()["data"]


@pytest.fixture(scope="module")
def tenant(stack):
    return Tenant(stack)


# ---- the estimator -------------------------------------------------------------------------------

@pytest.mark.parametrize("answer, status, age", [
    ((200, '{"age":25,"samples":3}'), "approved", 25),
    ((200, '{"age":13.99,"samples":3}'), "rejected", 13)])
def test_an_estimate_decides(stack, tenant, answer, status, age):
    Estimator.answers[:] = [answer]
    Estimator.asked.clear()
    person = f"estimated-{status}"
    tenant.submit(person)
    shown = wait_for(lambda: (seen := tenant.status(person))["status"] == status and seen)
    assert shown["estimatedAge"] == age and shown["isVerified"] == (status == "approved")
    assert shown["verifiedDob"] is None and (shown["expiresAt"] is None) == (status == "rejected")
    (headers, body), = Estimator.asked
    assert body == png() and headers["Content-Type"] == "image/png"
    assert headers["Authorization"] == "Bearer " + TOKEN


@pytest.mark.parametrize("answer, cause", [
    ((200, '{"age":24.9,"samples":3}'), "estimate_unsure"), ((422, "{}"), "estimate_unsure")])
def test_an_unsure_estimate_is_reviewed(stack, tenant, answer, cause):
    Estimator.answers[:] = [answer]
    ver = tenant.submit(f"unsure-{answer[0]}")
    row = wait_for(lambda: next(
        (row for row in stack.cli("review", "list", "--app", tenant.app, "--json")
         if row["id"] == ver), None))
    assert row["cause"] == cause and row["status"] == "pending"


@pytest.mark.parametrize("answer", [
    (200, '{"age":99,"samples":9,"status":"approved"}'), (200, '{"age":"99","samples":9}'),
    (200, "x" * 100000), (500, '{"age":99,"samples":9}')])
def test_a_hostile_answer_changes_nothing(stack, tenant, answer):
    Estimator.answers[:] = [answer]
    person = f"hostile-{len(answer[1])}-{answer[0]}"
    ver = tenant.submit(person)
    row = wait_for(lambda: next(
        (row for row in stack.cli("work", "list", "--kind", "age_estimate", "--json")
         if row["subject"] == ver and row["failures"] == 1), None))
    assert tenant.status(person)["status"] == "pending"
    # It is tried again, and then believed.
    stack.cli("work", "retry", row["id"])
    wait_for(lambda: tenant.status(person)["status"] == "approved")


# ---- reviewing -----------------------------------------------------------------------------------

def test_a_review_and_the_record(stack, tenant):
    ver = tenant.submit("star", "full_kyc")
    assert tenant.status("star")["status"] == "pending"
    refused = stack.cli("review", "approve", ver, check=False)
    assert refused.returncode == 1 and "Claim this verification" in refused.stderr
    shown = stack.cli("review", "claim", ver, "--json")
    assert shown["last_name"] == "Diallo" and shown["cause"] == "document_not_covered"
    assert [row["what"] for row in shown["media"]] == ["selfie", "idFront", "video"]
    assert tenant.status("star")["status"] == "under_review"
    # The link shows the picture, and nothing else does.
    path = re.sub("^https?://[^/]*", "", shown["media"][0]["link"])
    picture = stack.client().get(path)
    assert picture.status_code == 200 and picture.content == png()
    assert stack.client().get(path[:-1] + ("0" if path[-1] != "0" else "1")).status_code == 404
    done = stack.cli("review", "approve", ver, "--note", "same face", "--json")
    assert done["status"] == "approved" and done["reviewer"].startswith("operator ")
    seen = tenant.status("star")
    assert (seen["isVerified"], seen["verifiedDob"], seen["expiresAt"]) == (True, "1990-05-15", None)
    again = stack.cli("review", "reject", ver, check=False)
    assert again.returncode == 1 and "does not wait for a reviewer" in again.stderr

    record, = stack.cli("record", "list", "--app", tenant.app, "--json")
    assert is_id("rec", record["id"]) and is_time(record["retain_until"])
    assert "Diallo" not in json.dumps(record)
    shown = stack.cli("record", "alias", record["id"], "Zoé Étoile", "--json")
    assert [row["name"] for row in shown["aliases"]] == ["Zoé Étoile"]
    shown = stack.cli("record", "show", record["id"], "--json")
    assert shown["legal_name"] == "Amara Diallo" and shown["document_number_last4"] == "4567"
    assert stack.cli("record", "deactivate", record["id"], "--json")["active"] is False
    late = stack.cli("record", "alias", record["id"], "Other", check=False)
    assert late.returncode == 1 and "deactivated" in late.stderr
    # Nobody erases it.
    erased = tenant.secret.delete(f"/v1/kyc/verifications/{ver}")
    assert erased.status_code in (403, 404)
    assert stack.cli("record", "show", record["id"], "--json")["legal_name"] == "Amara Diallo"
    audit = stack.cli("audit", "--org", tenant.org, "--json")
    actions = [row["action"] for row in audit]
    for action in ("review.claimed", "review.approved", "record.created", "record.alias_added",
                   "record.read", "record.deactivated"):
        assert action in actions, action
    assert "Diallo" not in json.dumps(audit) and "Zo" not in json.dumps(audit)


def test_strangers(stack):
    for words in (("show",), ("claim",), ("approve",), ("reject",), ("resubmit",)):
        answer = stack.cli("review", *words, NOBODY, check=False)
        assert answer.returncode == 1 and "no such age verification" in answer.stderr
    answer = stack.cli("record", "show", "rec_01h455vb4pex5vsknk084sn02q", check=False)
    assert answer.returncode == 1 and "no such record" in answer.stderr
