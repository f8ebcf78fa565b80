# SPDX-License-Identifier: Apache-2.0
"""Nobody reaches what is not theirs: every operation of the document, with every credential that is
not the owner's, another application of the same organisation included. Which operations there are, what stands in their paths, queries and bodies, and which
scopes they need is read from the document; so a new operation is tested the day it is written, and one
with a new kind of id fails here until MAKERS says how such a thing is made."""

import json
import re
from argparse import Namespace

import pytest

from media import png, upload
from product import SEED, UUID_TAIL, wait_for
from receiver import Receiver, id_hex
from session_family import ALL, add_key, new_jwk
from test_verify_session import Page

NOBODYS = "01h455vb4pex5vsknk084sn02q"
NOBODYS_UUID = "01890a5d-ac96-774b-bcce-b302099a8057"
REQUEST_ID = {"X-Request-Id": "isolation"}
# Not the answer's own: when it was given, and what is left of the connection and of a limit.
PASSING = {"Date", "Keep-Alive", "RateLimit", "RateLimit-Policy"}
# Those of an endpoint that is not there are none (contract/sessions.md): an empty list, not a 404.
EMPTY_WHEN_NOT_THERE = {"listEncryptionKeys"}
# Of somebody unknown these say so (contract/age.md): they are not there, which is no 404.
SAID_OF_NOBODY = {"getAgeVerified", "getAgeEligibility"}
# What a list must be asked for.
ASKED_FOR = {"listSessionAttempts": "?status=failed"}
# What is there to read and is no list of things.
FIGURES = {"getSessionsOverview", "verifyKey", "getEmbedConfig"}


# ---- what the owner has ----------------------------------------------------------------------------

def made(answer):
    assert answer.status_code < 300, answer.text
    return answer.json()["data"]


def make_verification(owner, _):
    return made(owner.post("/v1/kyc/verify", SEED))["id"]


def make_key(owner, _):
    return made(owner.post("/v1/keys", {
        "name": "of the owner", "scopes": ["kyc.read"], "environment": "live"}))["id"]


def make_webhook(owner, url):
    return made(owner.post("/v1/webhooks", {"url": url, "events": ["verification.failed"]}))["id"]


def make_endpoint(owner, url):
    return made(owner.post("/v1/webhooks/endpoints", {"url": url}))["endpoint"]["id"]


def make_encryption_key(owner, url):
    return add_key(owner, {"id": make_endpoint(owner, url)}, new_jwk())["id"]


def make_event(owner, url):
    """A live one: the test of an endpoint that was made with a live key."""
    endpoint = make_endpoint(owner, url)
    made(owner.post(f"/v1/webhooks/endpoints/{endpoint}/test"))
    delivery = made(owner.get(f"/v1/webhooks/deliveries?endpoint_id={endpoint}"))[0]
    return delivery["event_id"]


def make_delivery(owner, url):
    return made(owner.get("/v1/webhooks/events/" + make_event(owner, url)))["deliveries"][0]["id"]


def make_session(owner, _):
    """One whose person has tried in vain: it has an attempt, and stays as it is."""
    session = made(owner.post("/v1/sessions", {"share_fields": {}}))["id"]
    page = Page(Namespace(url=owner.url, contract=owner.contract), session).start()
    answer = page.submit(consent=["kayle_document_id"], id_number="1000000000001")
    assert answer.status_code < 300, answer.text
    assert page.settled()["attempts"][0]["status"] == "failed"
    return session


def make_workflow(owner, _):
    answer = owner.post("/v1/workflows", {"name": "Theirs", "steps": [{"id": "ID_VERIFICATION"}]})
    assert answer.status_code == 201, answer.text
    return answer.json()["workflow"]["id"]


PERSON = "user_" + NOBODYS[:-1] + "r"  # in the form of an id, so that it is looked for in every answer


def make_person(owner, _):
    """One with a performer's record, which also has a status."""
    verification = made(owner.post("/v1/verify/submit", {
        "externalId": PERSON, "level": "full_kyc", "consent": True,
        "uploads": {name: upload(owner, name) for name in ("selfie", "idFront", "video")},
        "document": {"country": "DE", "type": "passport", "number": "1234567890123",
                     "firstName": "Amara", "lastName": "Diallo", "dateOfBirth": "1990-05-15"}}))
    for word in ("claim", "approve"):
        owner.stack.cli("review", word, verification["verificationId"])
    return PERSON


# By the name of the path parameter in the document's components.
MAKERS = {
    "VerificationId": make_verification, "KeyId": make_key, "WebhookId": make_webhook,
    "EndpointId": make_endpoint, "EncryptionKeyId": make_encryption_key,
    "DeliveryId": make_delivery, "EventId": make_event, "SessionId": make_session,
    "WorkflowId": make_workflow, "AgeExternalId": make_person,
    "RecordExternalId": lambda _owner, _url: PERSON,
    # In no path, but in the body of a submission.
    "MediaId": lambda owner, _: upload(owner),
}


class World:
    """A tenant with one of everything, and those who must not see it."""

    def __init__(self, stack, url):
        self.stack = stack
        self.contract = stack.contract
        self.url = url
        _, self.org = stack.tenant("Owner")
        own = stack.cli("app", "create", "--org", self.org, "Owner", "--json")
        self.app, self.owner = own["id"], stack.client(own["key"])
        self.owner.stack = stack
        self.operations = [row for row in self.contract.operations
                           if row.row["security"] and row.tag not in ("account", "page")]
        self.things = {}
        for operation in self.operations:
            for kind in self.kinds(operation):
                assert kind in MAKERS, (f"{operation.id} has a {kind} in its path: say in MAKERS "
                                        "how a tenant makes one")
                if kind not in self.things:
                    self.things[kind] = MAKERS[kind](self.owner, url)
        self.things["MediaId"] = MAKERS["MediaId"](self.owner, url)
        self.stranger = self.new_sibling(stack.tenant("Stranger")[1])
        self.sibling = self.new_sibling()
        self.sandbox = stack.client(stack.key(self.app, environment="sandbox")["key"])
        self.sandbox_pair = stack.client(stack.key(self.app, environment="sandbox", scopes=None,
                                                   kind="secret")["key"])
        self.ended = {"expired": self.expired(), "revoked": self.revoked()}
        pair = stack.key(self.app, scopes=None, kind="secret")
        self.secret = stack.client(pair["key"])
        self.publishable = stack.client(pair["publishable_key"])
        self.small = {scope: stack.client(stack.key(self.app, scopes=scope)["key"])
                      for scope in ("kyc.read", "keys.read")}

    def new_sibling(self, org=None):
        """By the key of another application, of the owner's organisation or of the one given: it may do
        all there is."""
        made = self.stack.cli("app", "create", "--org", org or self.org, "Sibling", "--json")
        return self.stack.client(made["key"])

    def spellings(self, thing):
        """What an answer would have in it that shows a thing: its id as either family prints it."""
        if "_" not in thing:
            return [thing]
        raw = id_hex(thing).lower()
        return [thing.split("_")[1],
                "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))]

    def kinds(self, operation):
        """The kinds of things that its path names, in order."""
        return [row["$ref"].rpartition("/")[2] for row in operation.parameters
                if "$ref" in row and self.contract.deref(row)["in"] == "path"]

    def expired(self):
        key = made(self.owner.post("/v1/keys", {
            "name": "expired", "scopes": ALL, "environment": "live"}))
        self.stack.rows("UPDATE api_key SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 DAY "
                        "WHERE name = 'expired' ORDER BY id DESC LIMIT 1")
        return self.stack.client(key["key"])

    def revoked(self):
        key = self.stack.key(self.app)
        assert self.owner.delete("/v1/keys/" + key["id"]).status_code == 204
        return self.stack.client(key["key"])

    def needs(self, operation):
        """The areas of the scopes that a key must have; nothing where any key will do."""
        return {re.split("[.:]", scope)[0] for way in operation.row["security"]
                for scopes in way.values() for scope in scopes}

    def is_public(self, operation):
        """Whether a publishable key is enough."""
        return any(scopes == ["age.submit"] for way in operation.row["security"]
                   for scopes in way.values())

    def of_sandbox(self, operation):
        """The age family's scopes only come with a pair of keys."""
        return self.sandbox_pair if operation.tag == "age" else self.sandbox

    def without_scope(self, operation):
        """A key of the owner's with a scope of another area than the operation is of; None: there is
        none."""
        needed = self.needs(operation)
        return None if not needed else next(client for scope, client in self.small.items()
                    if scope.split(".")[0] not in needed)

    # ---- a request -------------------------------------------------------------------------------

    def thing_like(self, pattern):
        """The owner's thing whose id has the form of this pattern, if it is one of an id."""
        if "_[0-7]" not in (pattern or ""):
            return None
        return next((thing for thing in self.things.values() if re.fullmatch(pattern, thing)), None)

    def ask(self, client, operation, mine):
        """The operation on the owner's things, or on such as nobody has."""
        def spelled(thing):
            if mine:
                return thing
            return thing.split("_")[0] + "_" + NOBODYS if "_" in thing else NOBODYS_UUID

        path = operation.path
        for kind in self.kinds(operation):
            path = re.sub(r"\{\w+\}", spelled(self.things[kind]), path, count=1)
        query = {}
        for row in map(self.contract.deref, operation.parameters):
            thing = self.thing_like(row["schema"].get("pattern"))
            if row["in"] == "query" and thing is not None:
                query[row["name"]] = spelled(thing)
        more, kind = {}, {}
        content = operation.row.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            text = json.dumps(content["application/json"]["example"])
            text = re.sub(r"https://your-app\.com[^\"]*", self.url, text)
            text = re.sub(r"\b([a-z]+)_" + UUID_TAIL, lambda found: spelled(next(
                thing for thing in self.things.values()
                if thing.startswith(found.group(1) + "_"))), text)
            more["json"] = json.loads(text)
        elif content:
            more["data"], kind = png(), {"Content-Type": "image/png"}
        return client.by(operation.header).call(
            operation.method.upper(), path, params=query, headers={**REQUEST_ID, **kind}, **more)

    def names_something(self, operation):
        """Whether the request of this operation says which thing it is about."""
        return (self.kinds(operation) or "_" + NOBODYS in json.dumps(operation.row.get("requestBody"))
                or any(self.thing_like(self.contract.deref(row)["schema"].get("pattern"))
                       for row in operation.parameters))

    def snapshot(self):
        """Everything that the owner can read of what they have, but for when a key was used."""
        return {operation.id: re.sub('"last_used_at":[^,}]*', "",
                                     self.ask(self.owner, operation, True).text)
                for operation in self.operations if operation.method == "get"}


@pytest.fixture(scope="module")
def world(stack):
    with Receiver() as receiver:
        yield World(stack, receiver.url("/isolation"))


def whole(answer):
    return (answer.status_code, answer.content,
            {name: value for name, value in answer.headers.items() if name not in PASSING})


# ---- no key that is good for it: one answer, whatever is asked for -------------------------------------

# (who, their client for an operation, the one status that they get). A key of another kind that may
# not do everything is one more row here.
REFUSED = [
    ("without a key", lambda world, operation: world.stack.client(), 401),
    ("with an expired key", lambda world, operation: world.ended["expired"], 401),
    ("with a revoked key", lambda world, operation: world.ended["revoked"], 401),
    ("with a secret key",
     lambda world, operation: world.secret if world.needs(operation) - {"age"} else None, 403),
    ("with a publishable key",
     lambda world, operation: None if world.is_public(operation) else world.publishable, 403),
    ("without the scope", lambda world, operation: world.without_scope(operation), 403),
]


@pytest.mark.parametrize("client_of,status", [row[1:] for row in REFUSED],
                         ids=[row[0] for row in REFUSED])
def test_refused(world, client_of, status):
    faults, bodies = [], set()
    for operation in world.operations:
        client = client_of(world, operation)
        if client is None:
            continue
        theirs, nobodys = (world.ask(client, operation, mine) for mine in (True, False))
        if whole(theirs) != whole(nobodys):
            faults.append(f"{operation.id}: {theirs.text} is not {nobodys.text}")
        if theirs.status_code != status:
            faults.append(f"{operation.id}: {theirs.status_code}")
        body = theirs.json()
        shape = world.contract.family(operation.path, theirs.request.headers)
        bodies.add((shape, json.dumps(body.get("error", body)).split("#")[0]))
    assert faults == []
    assert len({tag for tag, _ in bodies}) == len(bodies)


# ---- a good key, but not the owner's -----------------------------------------------------------------

STRANGERS = [("of another tenant", lambda world, _: world.stranger),
             ("of a sibling application", lambda world, _: world.sibling),
             ("of the sandbox", lambda world, operation: world.of_sandbox(operation))]


@pytest.mark.parametrize("client_of", [row[1] for row in STRANGERS],
                         ids=[row[0] for row in STRANGERS])
def test_not_yours_is_not_there(world, client_of):
    before, faults, tested = world.snapshot(), [], 0
    for operation in world.operations:
        if not world.names_something(operation):
            continue
        tested += 1
        client = client_of(world, operation)
        theirs, nobodys = (world.ask(client, operation, mine) for mine in (True, False))
        if whole(theirs) != whole(nobodys):
            faults.append(f"{operation.id}: {theirs.text} is not {nobodys.text}")
        if operation.id in SAID_OF_NOBODY:
            assert theirs.status_code == 200, theirs.text
            continue
        listed = operation.id in EMPTY_WHEN_NOT_THERE or not world.kinds(operation)
        if theirs.status_code == 200 and listed:
            if theirs.json()["data"] != []:
                faults.append(f"{operation.id}: {theirs.text}")
        elif theirs.status_code != 404:
            faults.append(f"{operation.id}: {theirs.status_code} {theirs.text}")
    assert faults == []
    assert tested > 15
    assert world.snapshot() == before


@pytest.mark.parametrize("client_of", [row[1] for row in STRANGERS],
                         ids=[row[0] for row in STRANGERS])
def test_lists_show_nothing_of_others(world, client_of):
    lists = 0
    for operation in world.operations:
        if operation.method != "get" or world.kinds(operation):
            continue
        lists += 1
        path = operation.path + ASKED_FOR.get(operation.id, "")
        body = world.owner.by(operation.header).get(path).json()
        if operation.id not in FIGURES:
            assert next(iter(body.values())) != [], operation.id
        shown = client_of(world, operation).by(operation.header).get(path)
        assert shown.status_code == 200
        for thing in world.things.values():
            assert not any(text in shown.text for text in world.spellings(thing)), operation.id
    assert lists > 5


# ---- applications of one organisation: what is each one's own -------------------------------------------

def test_totals_are_each_application_s_own(world):
    sibling = world.new_sibling()
    path = "/v1/kyc/verifications"
    owners = world.owner.get(path).json()["meta"]["total"]
    assert owners > 0 and sibling.get(path).json() == {
        "data": [], "meta": {"next_cursor": None, "total": 0}}
    made(sibling.post("/v1/kyc/sandbox/verify", SEED))
    assert sibling.get(path).json()["meta"]["total"] == 1
    assert sibling.get("/v1/usage").json()["meta"]["total"] == 1
    assert world.owner.get(path).json()["meta"]["total"] == owners


def test_cursors_are_each_application_s_own(world):
    """One that the sibling was given is none of the owner's, and the other way round."""
    sibling = world.new_sibling()
    for client in (world.owner, sibling):
        for _ in range(2):
            made(client.post("/v1/kyc/sandbox/verify", SEED))
    for path in ("/v1/kyc/verifications", "/v1/usage"):
        for one, other in ((world.owner, sibling), (sibling, world.owner)):
            cursor = one.get(path + "?limit=1").json()["meta"]["next_cursor"]
            assert one.get(f"{path}?limit=1&cursor={cursor}").status_code == 200
            assert other.get(f"{path}?limit=1&cursor={cursor}").status_code == 400


def test_idempotency_keys_are_each_application_s_own(world):
    sibling = world.new_sibling()
    headers = {"Idempotency-Key": "of-both"}
    ids = []
    for client, reference in ((world.owner, "one"), (sibling, "another")):
        body = {**SEED, "external_ref": reference}
        answers = [client.post("/v1/kyc/sandbox/verify", body, headers=headers) for _ in range(2)]
        assert [row.headers.get("Idempotent-Replayed") for row in answers] == [None, "true"]
        assert answers[0].json() == answers[1].json()
        ids.append(answers[0].json()["data"]["id"])
    assert ids[0] != ids[1]


def test_events_are_each_application_s_own(world, receiver):
    """An endpoint hears of its own application's verifications, and of no sibling's."""
    sibling = world.new_sibling()
    made(sibling.post("/v1/webhooks", {"url": receiver.url("/sibling"),
                                       "events": ["verification.completed"]}))
    made(world.owner.post("/v1/kyc/sandbox/verify", SEED))
    for path in ("/v1/events", "/v1/webhooks/deliveries"):
        assert sibling.get(path).json()["data"] == []
    ver = made(sibling.post("/v1/kyc/sandbox/verify", SEED))["id"]
    assert [event["trigger_id"] for event in sibling.get("/v1/events").json()["data"]] == [ver]
    assert ver not in world.owner.get("/v1/events").text
    assert wait_for(lambda: receiver.of("/sibling"), 20)
    assert {request.about for request in receiver.of("/sibling")} == {ver}
    assert world.stack.rows("SELECT COUNT(*) FROM delivery d JOIN webhook_endpoint n "
                            "ON n.id = d.endpoint_id WHERE d.application_id <> "
                            "n.application_id") == ((0,),)


def test_tokens_and_the_day_are_the_organisation_s(world):
    """By design (contract/README.md): who pays is the organisation, whichever application spends."""
    sibling = world.new_sibling()
    balance = world.stack.cli("tokens", "show", world.org, "--json")["balance"]
    made(world.owner.post("/v1/kyc/verify", SEED))
    made(sibling.post("/v1/kyc/verify", SEED))
    assert world.stack.cli("tokens", "show", world.org, "--json")["balance"] == balance - 2


# The owner's own may not be ready for it: a verification that is pending still, a delivery under way.
NOT_NOW = {"updateSessionStatus": 409, "getScore": 400, "retryDelivery": 409, "replayEvent": 409, "replayEventAlias": 409}


def test_the_owner_reaches_everything(world):
    """That what is refused above is refused for who asks, not for how it is asked."""
    for operation in sorted(world.operations, key=lambda row: row.method == "delete"):
        answer = world.ask(world.owner, operation, True)
        assert answer.status_code < 300 or answer.status_code == NOT_NOW.get(operation.id), (
            f"{operation.id}: {answer.text}")
