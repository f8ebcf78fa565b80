# SPDX-License-Identifier: Apache-2.0
"""Age verifications by HTTP (contract/age.md): the seed's bodies byte for byte, what each kind of key
may do, every error in the family's own words, limits, and what is not logged."""

import json

import pytest

from media import UPLOADS, upload
from product import Stack, is_id, is_time, wait_for
from structured import limits_of

UPLOAD = "med_01h455vb4pex5vsknk084sn02q"
DOCUMENT = {"country": "SN", "type": "national_id", "number": "1234567890123",
            "firstName": "Amara", "lastName": "Diallo", "dateOfBirth": "1990-05-15"}
BODY = {"externalId": "user_abc123", "level": "full_age", "consent": True,
        "uploads": {"selfie": UPLOAD, "idFront": UPLOAD, "idBack": UPLOAD}, "document": DOCUMENT}
SUBMIT = "/v1/verify/submit"
# (method, path, whether a publishable key is enough)
ROUTES = [("POST", SUBMIT, True), ("POST", UPLOADS, True),
          ("GET", "/v1/verify/embed-config", True), ("GET", "/v1/verify/user_abc123/status", False),
          ("GET", "/v1/verify/user_abc123/verified", False),
          ("GET", "/v1/verify/user_abc123/can-submit", False),
          ("GET", "/v1/records/creator_42", False),
          ("POST", "/v1/records/creator_42/aliases", False),
          ("POST", "/v1/records/creator_42/deactivate", False)]
TEXTS = {400: "Bad Request", 401: "Unauthorized", 402: "Forbidden", 403: "Forbidden",
         404: "Not Found", 405: "Bad Request", 409: "Bad Request", 413: "Bad Request", 415: "Bad Request",
         422: "Bad Request", 429: "Too Many Requests"}


def refused(answer, status):
    """The family's error, byte for byte."""
    assert answer.status_code == status, answer.text
    assert answer.text == json.dumps(
        {"error": TEXTS[status], "correlationId": answer.headers["X-Request-Id"]},
        separators=(",", ":"))
    return answer


class Age:
    """A tenant with a pair of keys."""

    def __init__(self, stack, environment="live", tokens=1_000_000_000):
        self.stack = stack
        self.app, self.org = stack.tenant("Age", tokens)
        pair = stack.key(self.app, environment=environment, scopes=None, kind="secret")
        self.secret = stack.client(pair["key"], "X-API-Key")
        self.public = stack.client(pair["publishable_key"], "X-API-Key")
        self.keys = {"secret": pair["key"], "publishable": pair["publishable_key"]}

    def ask(self, person, what, **more):
        return self.secret.get(f"/v1/verify/{person}/{what}", **more)


@pytest.fixture(scope="module")
def age(stack):
    return Age(stack)


# ---- who may -------------------------------------------------------------------------------------

@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_what_each_kind_of_key_may_do(stack, age, header):
    others = {"server": stack.key(age.app)["key"],
              "partner": stack.key(age.app, kind="partner")["key"]}
    for method, path, public in ROUTES:
        def call(key):
            # A body of the wrong type is refused behind the credential, and does nothing.
            more = {"data": "x", "headers": {"Content-Type": "text/plain"}}
            return stack.client(key, header).call(method, path, **(more if method == "POST" else {}))
        assert call(age.keys["secret"]).status_code in (200, 404, 415), path
        if public:
            assert call(age.keys["publishable"]).status_code == (415 if method == "POST" else 200)
        else:
            refused(call(age.keys["publishable"]), 403)
        for key in others.values():
            refused(call(key), 403)
        refused(call(age.keys["secret"][:-1] + "x"), 401)
        refused(call(None), 401)


def test_an_applications_key_may_all(stack, age):
    made = stack.cli("app", "create", "--org", age.org, "Own", "--json")
    client = stack.client(made["key"], "X-API-Key")
    for method, path, _ in ROUTES:
        answer = client.call(method, path, data="x", headers={"Content-Type": "text/plain"}) \
            if method == "POST" else client.get(path)
        assert answer.status_code in (200, 404, 415), path


def test_two_headers_must_agree(stack, age):
    client = stack.client(age.keys["secret"])
    for key, status in ((age.keys["secret"], 200), (age.keys["publishable"], 401)):
        assert client.get("/v1/verify/nobody/verified",
                          headers={"X-API-Key": key}).status_code == status


def test_a_suspended_organisation(stack):
    age = Age(stack)
    stack.cli("org", "suspend", age.org)
    refused(age.ask("nobody", "status"), 403)


def test_no_page_of_another_origin_may_read(age):
    """The embed page is of our own origin, so nobody else needs to be let in."""
    origin = {"Origin": "https://acme.example"}
    answer = age.public.call("OPTIONS", SUBMIT, headers={
        **origin, "Access-Control-Request-Method": "POST"})
    assert answer.status_code == 204 and answer.headers["Allow"] == "POST, OPTIONS"
    for reply in (answer, age.ask("nobody", "verified", headers=origin)):
        assert not any(name.lower().startswith("access-control-") for name in reply.headers)


# ---- somebody unknown ------------------------------------------------------------------------------

# The last are names that nobody can have.
UNKNOWN = ["nobody", "No.Body_1:2@3-4", "x" * 128, "x" * 129, "a%20b", "%C3%A9", "a%2Fb"]


@pytest.mark.parametrize("person", UNKNOWN)
def test_somebody_unknown(age, person):
    refused(age.ask(person, "status"), 404)
    for query in ("", "?level=age_only", "?level=full_age", "?level=full_kyc"):
        answer = age.ask(person, "verified" + query)
        assert (answer.status_code, answer.text) == (
            200, '{"data":{"verified":false,"level":null,"expiresAt":null}}')
    answer = age.ask(person, "can-submit")
    if UNKNOWN.index(person) < 3:
        assert (answer.status_code, answer.text) == (
            200, '{"data":{"canSubmit":true,"reason":null,"retryAfter":null}}')
    else:
        refused(answer, 400)
    refused(age.secret.get("/v1/records/" + person), 404)
    refused(age.secret.post(f"/v1/records/{person}/aliases", {"alias": "Stage Name"}), 404)
    refused(age.secret.post(f"/v1/records/{person}/deactivate"), 404)


# ---- what is refused -------------------------------------------------------------------------------

def without(name, of=BODY):
    return {key: value for key, value in of.items() if key != name}


def with_document(**change):
    return {**BODY, "document": {**DOCUMENT, **change}}


BAD = [
    None, [], {}, *(without(name) for name in ("externalId", "level", "consent", "uploads")),
    {**BODY, "externalId": ""}, {**BODY, "externalId": "x" * 129}, {**BODY, "externalId": "a b"},
    {**BODY, "externalId": "a/b"}, {**BODY, "externalId": "\u00e9"}, {**BODY, "externalId": 7},
    {**BODY, "level": "full"}, {**BODY, "level": ""}, {**BODY, "level": None},
    {**BODY, "consent": False}, {**BODY, "consent": None}, {**BODY, "consent": "true"},
    {**BODY, "uploads": []}, {**BODY, "uploads": {}}, {**BODY, "uploads": None},
    {**BODY, "uploads": {"selfie": "x"}}, {**BODY, "uploads": {"selfie": "ver_" + UPLOAD[4:]}},
    {**BODY, "uploads": {**BODY["uploads"], "passport": UPLOAD}},
    without("document"), {**BODY, "document": None}, {**BODY, "document": "x"},
    {**BODY, "document": {}},
    *({**BODY, "document": without(name, DOCUMENT)} for name in DOCUMENT),
    with_document(country="sn"), with_document(country="SEN"), with_document(country="ZZ"),
    with_document(type="National ID"), with_document(number=""), with_document(number="x" * 65),
    with_document(firstName="  "), with_document(lastName="x" * 101),
    with_document(dateOfBirth="1990-02-30"), with_document(dateOfBirth="15.5.1990"),
    with_document(dateOfBirth="2999-01-01"), with_document(dateOfBirth="1850-01-01"),
    with_document(middleName="x"), {**BODY, "more": 1},
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_submissions(age, number):
    refused(age.public.post(SUBMIT, BAD[number]), 400)


@pytest.mark.parametrize("text", [
    "", "{", "{}x", '{"externalId":"a","externalId":"b"}', '{"externalId":"\ud800"}'])
def test_malformed_submissions(age, text):
    refused(age.public.call("POST", SUBMIT, data=text.encode("utf-8", "surrogatepass"),
                            headers={"Content-Type": "application/json"}), 400)


def test_other_refusals(age):
    json_type = {"Content-Type": "application/json"}
    refused(age.public.call("POST", SUBMIT, data="{}", headers={"Content-Type": "text/plain"}), 415)
    refused(age.public.call("POST", SUBMIT, data="x" * 70000, headers=json_type), 413)
    for path in (SUBMIT, "/v1/records/creator_42/aliases"):
        answer = refused(age.secret.get(path), 405)
        assert answer.headers["Allow"] == "POST, OPTIONS"
    refused(age.secret.delete("/v1/records/creator_42"), 405)
    refused(age.ask("nobody", "verified?level=adult"), 400)
    refused(age.ask("nobody", "verified?level="), 400)
    refused(age.ask("nobody", "status?level=full_age"), 400)
    refused(age.ask("nobody", "can-submit?x=1"), 400)
    for path in ("/v1/verify", "/v1/verify/nobody", "/v1/verify/nobody/x", "/v1/verify/a/b/status",
                 "/v1/records", "/v1/records/", "/v1/records/a/b", "/v1/verify//status"):
        refused(age.secret.get(path), 404)
    # These are other families' words.
    assert "code" in age.secret.get("/v1/verifyx").json()["error"]
    assert "code" in age.secret.get("/v1/verify-session/x/status").json()["error"]


@pytest.mark.parametrize("body", [
    {}, {"alias": ""}, {"alias": "  "}, {"alias": "x" * 101}, {"alias": 1}, {"alias": None},
    {"alias": "a\u0000b"}, {"aliases": ["x"]}, {"alias": "x", "more": 1}])
def test_bad_aliases(age, body):
    refused(age.secret.post("/v1/records/creator_42/aliases", body), 400)
    refused(age.secret.post("/v1/records/creator_42/deactivate", {"active": False}), 400)


def test_the_request_s_id_is_the_correlation(age):
    answer = age.ask("nobody", "status", headers={"X-Request-Id": "mine-1.2"})
    assert answer.text == '{"error":"Not Found","correlationId":"mine-1.2"}'
    answer = refused(age.ask("nobody", "status", headers={"X-Request-Id": 'a"b'}), 404)
    assert is_id("req", answer.headers["X-Request-Id"])


# ---- limits -------------------------------------------------------------------------------------------

def test_an_address_is_limited():
    """AgeEvidence: so many a minute of one address, whoever asks."""
    with Stack("--set", "age_address_per_min=5", "--set", "trusted_proxies=127.0.0.0/8",
               "--set", "auth_address_per_min=5", "--no-batch", workers=1) as stack:
        age = Age(stack)

        def ask(address, client=age.secret):
            return client.get("/v1/verify/nobody/verified", headers={"X-Forwarded-For": address})
        answers = [ask("192.0.2.1") for _ in range(4)] + [ask("192.0.2.1", age.public)]
        assert [answer.status_code for answer in answers] == [200] * 4 + [403]
        answer = refused(ask("192.0.2.1", Age(stack).secret), 429)
        assert 1 <= int(answer.headers["Retry-After"]) <= 12
        assert limits_of(answer)[0]["address"] == {"q": 5, "w": 60}
        # Of the own organisation's requests none was taken; nor do others of its kind wait.
        assert ask("192.0.2.2").status_code == 200
        assert stack.live.get("/v1/keys", headers={
            "X-Forwarded-For": "192.0.2.1"}).status_code == 200
        # Who has no key pays too.
        answers = [ask("192.0.2.3", stack.client("sk_verify_x", "X-API-Key")) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]


# ---- what is logged ------------------------------------------------------------------------------------

def test_logs_do_not_say_of_whom(stack, age):
    for path in ("/v1/verify/hidden_person/status", "/v1/verify/hidden_person/verified?level=full_kyc",
                 "/v1/verify/hidden_person/can-submit", "/v1/records/hidden_person",
                 "/v1/verify/hidden_person", "/v1/verify/x/hidden_person"):
        age.secret.get(path)
    for word in ("aliases", "deactivate"):
        age.secret.post(f"/v1/records/hidden_person/{word}", {})
    request = {"X-Request-Id": "a-refused-submission"}
    refused(age.public.post(SUBMIT, {**with_document(number="hidden_person" * 9), "level": "x",
                                     "hidden_person": 1}, headers=request), 400)

    def logs():
        return {path.name: path.read_text(errors="replace")
                for path in (stack.dir / "log").glob("*") if path.is_file()}

    # What the answer does not say, the log does, once it is given.
    def said():
        return [line for text in logs().values() for line in text.splitlines()
                if "submitAge refused" in line and "a-refused-submission" in line]
    for words in ("level must be one of", "document.number must have at most 64",
                  "request is not a known field"):
        assert wait_for(lambda: any(words in line for line in said()), 10), words
    for line in ("/v1/verify/-/status", "/v1/verify/-/can-submit", "/v1/records/-",
                 "/v1/records/-/aliases", SUBMIT):
        assert wait_for(lambda: f" {line}\" " in logs()["access.log"], 10), line
    assert [name for name, text in logs().items() if "hidden_person" in text] == []


# ---- submissions -----------------------------------------------------------------------------------------

# Found by the provider under this name and born on this day (product.CANNED).
FOUND = {"country": "NG", "type": "nin", "number": "00000000000", "firstName": "Joe",
         "lastName": "Leo", "dateOfBirth": "2000-09-20"}
# The catalogue does not cover it: a reviewer's.
PASSPORT = {**DOCUMENT, "country": "DE", "type": "passport"}
NEEDS = {"age_only": ["selfie"], "full_age": ["selfie", "idFront", "idBack"],
         "full_kyc": ["selfie", "idFront", "idBack", "video"]}


def body_of(age, person, level, document=FOUND, without=()):
    body = {"externalId": person, "level": level, "consent": True, "uploads": {
        name: upload(age.public, name) for name in NEEDS[level] if name not in without}}
    return body if level == "age_only" else {**body, "document": document}


def submit(age, person, level, document=FOUND, status="pending"):
    answer = age.public.post(SUBMIT, body_of(age, person, level, document))
    assert answer.status_code == 201, answer.text
    made = answer.json()["data"]["verificationId"]
    assert is_id("ver", made)
    assert answer.text == ('{"data":{"verificationId":"%s","externalId":"%s","status":"%s"}}'
                           % (made, person, status))
    return made


def shown(age, person):
    answer = age.ask(person, "status")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def decided(age, person):
    assert wait_for(lambda: shown(age, person)["status"] != "pending", 30)
    return shown(age, person)


def may(age, person, level=None):
    answer = age.ask(person, "can-submit" + (f"?level={level}" if level else ""))
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_the_seed_s_bodies(stack, age):
    submit(age, "user_abc123", "full_age")
    assert decided(age, "user_abc123")["status"] == "approved"
    stack.rows("UPDATE age_verification SET created_at = '2026-02-06 10:30:00', updated_at = "
               "'2026-02-06 11:15:00', expires_at = '2127-02-06 00:00:00' "
               "WHERE external_id = 'user_abc123'")
    assert age.ask("user_abc123", "status").text == (
        '{"data":{"externalId":"user_abc123","status":"approved","level":"full_age",'
        '"isVerified":true,"verifiedDob":"2000-09-20","estimatedAge":null,"documentCountry":"NG",'
        '"expiresAt":"2127-02-06T00:00:00Z","createdAt":"2026-02-06T10:30:00Z",'
        '"updatedAt":"2026-02-06T11:15:00Z"}}')
    yes = '{"data":{"verified":true,"level":"full_age","expiresAt":"2127-02-06T00:00:00Z"}}'
    for query in ("", "?level=full_age", "?level=age_only"):
        assert age.ask("user_abc123", "verified" + query).text == yes
    assert age.ask("user_abc123", "verified?level=full_kyc").json()["data"] == {
        "verified": False, "level": None, "expiresAt": None}
    assert age.ask("user_abc123", "can-submit").text == (
        '{"data":{"canSubmit":false,"reason":"already_verified","retryAfter":null}}')
    assert may(age, "user_abc123", "full_kyc")["canSubmit"] is True
    refused(age.public.post(SUBMIT, body_of(age, "user_abc123", "full_age")), 403)
    refused(age.public.post(SUBMIT, body_of(age, "user_abc123", "age_only")), 403)


def test_it_expires_after_a_year(stack, age):
    submit(age, "ages", "full_age")
    data = decided(age, "ages")
    assert data["isVerified"] and is_time(data["expiresAt"])
    year = int(data["updatedAt"][:4])
    assert data["expiresAt"][:10] in (data["updatedAt"].replace(str(year), str(year + 1))[:10],
                                      f"{year + 1}-03-01")
    stack.rows("UPDATE age_verification SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND "
               "WHERE external_id = 'ages'")
    data = shown(age, "ages")
    assert (data["status"], data["isVerified"]) == ("expired", False)
    assert age.ask("ages", "verified").json()["data"]["verified"] is False
    assert may(age, "ages") == {"canSubmit": True, "reason": None, "retryAfter": None}


@pytest.mark.parametrize("level", NEEDS)
def test_a_reviewer_s(age, level):
    """No estimator, and a document that nobody can look up."""
    person = "review-" + level
    submit(age, person, level, PASSPORT)
    data = shown(age, person)
    assert list(data) == ["externalId", "status", "level", "isVerified", "verifiedDob",
                          "estimatedAge", "documentCountry", "expiresAt", "createdAt", "updatedAt"]
    assert data == {"externalId": person, "status": "pending", "level": level, "isVerified": False,
                    "verifiedDob": None, "estimatedAge": None,
                    "documentCountry": None if level == "age_only" else "DE", "expiresAt": None,
                    "createdAt": data["createdAt"], "updatedAt": data["createdAt"]}
    assert age.ask(person, "verified").json()["data"]["verified"] is False
    assert may(age, person) == {"canSubmit": False, "reason": "in_review", "retryAfter": None}
    refused(age.public.post(SUBMIT, body_of(age, person, level, PASSPORT)), 403)


@pytest.mark.parametrize("level", NEEDS)
def test_what_each_level_requires(age, level):
    for name in NEEDS[level]:
        refused(age.public.post(SUBMIT, body_of(age, "needs", level, without=[name])), 400)
    body = body_of(age, "needs", level)
    if level == "age_only":
        refused(age.public.post(SUBMIT, {**body, "document": FOUND}), 400)
    else:
        del body["document"]
        refused(age.public.post(SUBMIT, body), 400)
    # A passport has no back.
    if level == "full_age":
        answer = age.public.post(SUBMIT, body_of(age, "one-sided", level, PASSPORT, ["idBack"]))
        assert answer.status_code == 201
    refused(age.ask("needs", "status"), 404)


def test_too_many_attempts(stack, age):
    for _ in range(5):
        submit(age, "again", "age_only")
        stack.rows("UPDATE age_verification SET status = 'rejected', waits_for = NULL "
                   "WHERE external_id = 'again'")
    left = may(age, "again")
    assert (left["canSubmit"], left["reason"]) == (False, "too_many_attempts")
    assert 86000 < left["retryAfter"] <= 86400
    refused(age.public.post(SUBMIT, body_of(age, "again", "age_only")), 403)


def test_an_empty_balance(stack):
    age = Age(stack, tokens=0)
    refused(age.public.post(SUBMIT, body_of(age, "poor", "age_only")), 402)
    refused(age.ask("poor", "status"), 404)
    sandbox = Age(stack, environment="sandbox", tokens=0)
    submit(sandbox, "poor", "age_only")


def test_the_same_again(stack, age):
    headers = {"Idempotency-Key": "age-again"}
    body = body_of(age, "once", "age_only")
    answers = [age.public.post(SUBMIT, body, headers=headers) for _ in range(2)]
    assert answers[0].status_code == 201 and answers[0].text == answers[1].text
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert stack.rows("SELECT COUNT(*) FROM age_verification WHERE external_id = 'once'")[0][0] == 1
    refused(age.public.post(SUBMIT, {**body, "externalId": "other"}, headers=headers), 422)
    # What the one key was answered, the other is not told.
    refused(age.secret.post(SUBMIT, body, headers=headers), 422)


def test_people_are_a_tenant_s_own(stack, age):
    """And an environment's: what the sandbox decides proves nothing to a live key."""
    submit(age, "private", "age_only")
    test = stack.key(age.app, environment="sandbox", scopes=None, kind="secret")
    for client in (Age(stack).secret, stack.client(test["key"], "X-API-Key")):
        assert client.get("/v1/verify/private/status").status_code == 404
        assert client.get("/v1/verify/private/verified").json()["data"]["verified"] is False
        assert client.get("/v1/verify/private/can-submit").json()["data"]["canSubmit"] is True
    assert shown(age, "private")["status"] == "pending"


# ---- what reviewers decide, and records --------------------------------------------------------------------

def review(stack, verification, word):
    stack.cli("review", "claim", verification)
    stack.cli("review", word, verification)


def performer(age, person, document=FOUND):
    """One who is verified for a record: found, and confirmed by a reviewer."""
    verification = submit(age, person, "full_kyc", document)
    if document is FOUND:
        assert wait_for(lambda: age.stack.rows(
            "SELECT 1 FROM age_verification WHERE external_id = %s AND waits_for = 'reviewer'",
            person), 30)
    review(age.stack, verification, "approve")
    return verification


@pytest.mark.parametrize("word,status", [("reject", "rejected"), ("resubmit", "resubmit_required")])
def test_what_a_reviewer_says(age, word, status):
    verification = submit(age, word, "age_only")
    age.stack.cli("review", "claim", verification)
    assert shown(age, word)["status"] == "under_review"
    assert may(age, word)["reason"] == "in_review"
    age.stack.cli("review", word, verification)
    data = shown(age, word)
    assert (data["status"], data["isVerified"], data["expiresAt"]) == (status, False, None)
    assert may(age, word)["canSubmit"] is True
    submit(age, word, "age_only")
    assert shown(age, word)["status"] == "pending"


def test_the_best_current_one_is_shown(age):
    """Before the newest; and full_kyc is for good, and enough for all."""
    review(age.stack, submit(age, "best", "age_only"), "approve")
    review(age.stack, submit(age, "best", "full_age", PASSPORT), "reject")
    data = shown(age, "best")
    assert (data["status"], data["level"], data["isVerified"]) == ("approved", "age_only", True)
    performer(age, "best", PASSPORT)
    data = shown(age, "best")
    assert (data["level"], data["expiresAt"], data["verifiedDob"], data["documentCountry"]) == (
        "full_kyc", None, "1990-05-15", "DE")
    for level in NEEDS:
        assert age.ask("best", "verified?level=" + level).text == (
            '{"data":{"verified":true,"level":"full_kyc","expiresAt":null}}')


def test_a_record(stack, age):
    refused(age.secret.get("/v1/records/creator_42"), 404)
    performer(age, "creator_42")
    stack.rows("UPDATE age_record SET verified_at = '2026-02-06 11:15:00', "
               "retain_until = '2133-02-06 11:15:00' WHERE external_id = 'creator_42'")

    def body(aliases, active="true"):
        return ('{"data":{"externalCreatorId":"creator_42","legalName":"Joe Leo",'
                '"dateOfBirth":"2000-09-20","documentType":"nin","documentCountry":"NG",'
                '"documentNumberLast4":"0000","verifiedAt":"2026-02-06T11:15:00Z","aliases":%s,'
                '"active":%s,"retainUntil":"2133-02-06T11:15:00Z"}}' % (aliases, active))
    path = "/v1/records/creator_42"
    answer = age.secret.get(path)
    assert (answer.status_code, answer.text) == (200, body("[]"))
    name = {"alias": ' Stage "Name" \u00e9 '}
    for _ in range(2):
        answer = age.secret.post(path + "/aliases", name, headers={"Idempotency-Key": "alias"})
        assert answer.status_code == 201
        assert json.loads(answer.text) == json.loads(body('["Stage \\"Name\\" \u00e9"]'))
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert age.secret.post(path + "/aliases", {"alias": "Other"}).status_code == 201
    for _ in range(2):
        answer = age.secret.post(path + "/deactivate")
        assert answer.status_code == 200 and answer.json()["data"]["active"] is False
        assert answer.json()["data"]["aliases"] == ['Stage "Name" \u00e9', "Other"]
    refused(age.secret.post(path + "/aliases", {"alias": "Late"}), 409)
    refused(Age(stack).secret.get(path), 404)
    # It is kept: nothing over HTTP deletes it.
    refused(age.secret.delete(path), 405)
    assert age.secret.get(path).json()["data"]["retainUntil"] >= "2033"


def test_every_read_of_a_record_is_audited(stack, age):
    performer(age, "watched", PASSPORT)
    requests_ = [f"watching-{number}" for number in range(3)]
    for request in requests_:
        answer = age.secret.get("/v1/records/watched", headers={"X-Request-Id": request})
        assert answer.status_code == 200
    rows = [row for row in stack.cli("audit", "--org", age.org, "--action", "record.read", "--json")
            if row["request_id"] in requests_]
    assert sorted(row["request_id"] for row in rows) == requests_
    assert {row["actor_kind"] for row in rows} == {"key"}
    assert {row["address"] for row in rows} == {"127.0.0.1"}
    assert not any(word in json.dumps(rows) for word in ("watched", "Amara", "Diallo", "1990"))
