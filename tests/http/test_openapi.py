# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document as it is served, its own examples, what it says of webhooks, and the judge
that holds every answer of these tests against it (tests/lib/contract.py)."""

import copy
import json

import pytest
from jsonschema import Draft202012Validator
from requests.structures import CaseInsensitiveDict

from contract import METHODS, Contract, Outside
from product import SEED, canned, wait_for
from receiver import answer
from session_family import ENDPOINTS, make

ID = "ver_01h455vb4pex5vsknk084sn02q"


@pytest.fixture(scope="module")
def contract(stack):
    return Contract(stack.contract.document)


# ---- how it is served --------------------------------------------------------------------------------

def test_it_needs_no_key_and_is_always_the_same(stack, live):
    texts = set()
    for client in (stack.client(), live):
        for _ in range(10):
            reply = client.get("/openapi")
            assert reply.status_code == 200
            assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
            assert reply.headers["Cache-Control"] == "no-store"
            texts.add(reply.content)
    assert len(texts) == 1
    assert stack.client().call("HEAD", "/openapi").content == b""
    assert stack.client().call("POST", "/openapi").headers["Allow"] == "GET, HEAD, OPTIONS"
    assert stack.client().get("/openapi?pretty=1").status_code == 400


def test_the_tool_prints_the_same_bytes(stack):
    served = stack.client().get("/openapi").text
    assert stack.cli("openapi").stdout == served
    pretty = stack.cli("openapi", "--pretty").stdout
    assert pretty != served and json.loads(pretty) == json.loads(served)
    assert pretty.startswith('{\n  "openapi": "3.1.0",\n')


def test_it_names_nothing_of_ours_alone(contract):
    document = contract.document
    assert document["info"]["license"]["identifier"] == "Apache-2.0"
    assert document["servers"][0]["url"] == "/"
    assert not any(path.startswith("/-/") for path in document["paths"])
    listed = {operation.tag for operation in contract.operations}
    assert listed == {tag["name"] for tag in document["tags"]} - {"webhooks"}


def test_what_is_no_customer_s_business_stands_apart(contract):
    apart = {row.id for row in contract.operations if row.tag == "service"}
    assert {"providerCallback", "getOpenApi"} <= apart
    assert not any(row.row["security"] for row in contract.operations if row.tag == "service")


# ---- it agrees with itself ------------------------------------------------------------------------------

def examples_of(media):
    return [media["example"]] if "example" in media else [
        row["value"] for row in media.get("examples", {}).values()]


def media_of(contract):
    """(where, media type object) of every body there is."""
    for kind in ("paths", "webhooks"):
        for item in contract.document[kind].values():
            for row in (item[method] for method in METHODS if method in item):
                bodies = [("body", row.get("requestBody", {})), *row["responses"].items()]
                for name, body in bodies:
                    for media in contract.deref(body).get("content", {}).values():
                        yield f"{row['operationId']} {name}", media


def test_every_example_fits_its_schema(contract):
    count, faults = 0, []
    for where, media in media_of(contract):
        for example in examples_of(media):
            count += 1
            faults += [f"{where}: {fault}" for fault in contract.faults(media["schema"], example)]
    parts = contract.document["components"]
    for name, row in {**parts["parameters"], **parts["headers"]}.items():
        examples = row["schema"].get("examples", []) + ([row["example"]] if "example" in row else [])
        count += len(examples)
        faults += [f"{name}: {fault}" for example in examples
                   for fault in contract.faults(row["schema"], example)]
    assert faults == []
    assert count > 300


def test_every_body_has_an_example(contract):
    """But for those of another specification, for media, and for what is only encrypted."""
    bare = [where for where, media in media_of(contract)
            if not examples_of(media) and media.get("schema", {}).get("type") != "string"]
    assert sorted(bare) == (["getOpenApi 200", "providerCallback body"] + ["showMedia 200"] * 3
                            + ["uploadMedia body"] * 3)


def schemas_in(node):
    """Every schema that says what an object is made of."""
    if isinstance(node, dict):
        if "properties" in node and node.get("type") in ("object", ["object", "null"]):
            yield node
        for value in node.values():
            yield from schemas_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from schemas_in(value)


def test_schemas_are_schemas_and_closed(contract):
    for name, schema in contract.document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        for part in schemas_in(schema):
            # The members of this one are the names of fields.
            assert part["additionalProperties"] is False or name == "AccountError", name
            assert set(part.get("required", [])) <= set(part["properties"]), name


def test_examples_in_schemas_fit(contract):
    for name, schema in contract.document["components"]["schemas"].items():
        for part in schemas_in(schema):
            for member, row in part["properties"].items():
                for example in row.get("examples", []):
                    assert contract.faults(row, example) == [], f"{name}.{member}"


def test_a_providers_callback_is_in_it(stack, live):
    """The one operation that no customer calls: the judge sees its answers too."""
    assert live.post("/v1/kyc/verify", canned()).status_code == 202
    url = wait_for(lambda: [job["callback_url"] for job in stack.jobs()["jobs"]
                            if job.get("callback_url")], 20)[0]
    path = "/v1/providers/" + url.partition("/v1/providers/")[2]
    answer = stack.client().call("POST", path, data=b"anything at all")
    assert answer.status_code == 200 and answer.text == '{"received":true}'
    for other in (path + "x", path.replace("smile", "smole")):
        assert stack.client().call("POST", other, data=b"{}").status_code == 404


# ---- what it says of webhooks ------------------------------------------------------------------------------

def check_delivery(contract, request, event):
    row = contract.document["webhooks"][event]["post"]
    schema = row["requestBody"]["content"]["application/json"]["schema"]
    assert request.headers["content-type"].split(";")[0] == "application/json"
    assert contract.faults(schema, json.loads(request.body)) == []
    for header in map(contract.deref, row["parameters"]):
        assert header["in"] == "header"
        assert not header["required"] or header["name"].lower() in request.headers


@pytest.mark.parametrize("surface", ["kyc", "session"])
def test_deliveries_fit_it(contract, stack, receiver, surface):
    app, _ = stack.tenant("On the line", tokens=100)
    live = stack.client(stack.key(app)["key"])
    events = ["verification.completed", "verification.failed", "webhook.disabled"]
    if surface == "kyc":
        events.append("billing.low_balance")
        made = live.post("/v1/webhooks", {"url": receiver.url("/"), "events": events})
        place = "/v1/webhooks/" + made.json()["data"]["id"]
    else:
        place = f"{ENDPOINTS}/{make(live, receiver.url('/'), subscribed_event_types=events)['id']}"
    receiver.rule("/gone", answer(410))
    make(live, receiver.url("/gone"), subscribed_event_types=events[:1])
    for number in ("1234567890123", "1000000000001"):
        assert live.post("/v1/kyc/sandbox/verify",
                         {**SEED, "id_number": number, "score_requested": True}).status_code == 200
    assert live.post(place + "/test").json()["data"]["delivered"]
    assert live.post("/v1/kyc/verify", SEED).status_code == 202
    wanted = {*events, "webhook.test"}

    def came():
        return {request.event["type"]: request for request in receiver.of("/")}
    assert wait_for(lambda: set(came()) == wanted, 20), set(came())
    for event, request in came().items():
        check_delivery(contract, request, event)
    assert wanted | {"billing.low_balance"} < set(contract.document["webhooks"])
    assert set(contract.document["webhooks"]) == set(
        contract.document["components"]["schemas"]["Event"]["properties"]["type"]["enum"])


# ---- the judge can say no ------------------------------------------------------------------------------------

class Fake:
    """An answer as requests has it; good but for what a test changes."""

    class Request:
        method, body = "GET", None

        def __init__(self, url):
            self.url = url

    def __init__(self, contract):
        path = f"/v1/kyc/verifications/{ID}"
        row = contract.document["paths"]["/v1/kyc/verifications/{id}"]["get"]
        self.request = self.Request("http://x" + path)
        self.status_code = 200
        self.headers = CaseInsensitiveDict({
            "X-Request-Id": "r", "Content-Type": "application/json; charset=utf-8"})
        self.body = copy.deepcopy(row["responses"]["200"]["content"]["application/json"]["example"])

    @property
    def content(self):
        return json.dumps(self.body).encode()

    @property
    def text(self):
        return self.content.decode()

    def json(self):
        return self.body


def refusal(text, **error):
    def change(fake):
        fake.status_code = error.pop("status", 404)
        fake.headers.update(error.pop("headers", {}))
        fake.body = {"error": {"code": "VERIFICATION_NOT_FOUND", "message": text, "details": {},
                               **error}}
    return change


def member(**members):
    def change(fake):
        fake.body["data"].update(members)
    return change


def test_a_good_answer_passes(contract):
    contract.check(Fake(contract))
    fake = Fake(contract)
    refusal("There is no such verification.")(fake)
    contract.check(fake)


@pytest.mark.parametrize("change,said", [
    (lambda fake: setattr(fake, "status_code", 418), "does not list this status"),
    (lambda fake: fake.headers.pop("X-Request-Id"), "the header X-Request-Id is missing"),
    (lambda fake: fake.headers.update({"Content-Type": "text/html"}), "the media type"),
    (lambda fake: fake.body.pop("data"), "'data' is a required property"),
    (lambda fake: fake.body["data"].pop("score"), "'score' is a required property"),
    (member(id_number="123"), "id_number"), (member(status="unsure"), "'unsure' is not one of"),
    (member(id=ID.replace("ver", "key")), "does not match"), (member(score=1001), "maximum"),
    (member(created_at="2026-05-01 10:30"), "is not a 'date-time'"),
    (refusal("Other", code="KEY_NOT_FOUND"), "'KEY_NOT_FOUND' is not one of"),
    (refusal("Open", details={"cause": "x"}), "cause"),
    (refusal("Later", status=503, code="UNAVAILABLE"), "the header Retry-After is missing"),
    (refusal("Later", status=503, code="UNAVAILABLE", headers={"Retry-After": "soon"}),
     "is no whole number"),
    (lambda fake: setattr(fake.request, "method", "DELETE"), "does not list this status"),
    (lambda fake: setattr(fake.request, "method", "PUT"), "must be refused"),
    (lambda fake: setattr(fake.request, "url", "http://x/v1/nothing"), "must be refused"),
    (lambda fake: setattr(fake.request, "url", fake.request.url + "?all=1"), "no parameter all"),
])
def test_the_judge_says_no(contract, change, said):
    fake = Fake(contract)
    change(fake)
    with pytest.raises(Outside) as problem:
        contract.check(fake)
    assert said in str(problem.value)
    if fake.request.method == "GET" and "nothing" not in fake.request.url:
        assert str(problem.value).startswith("getVerification ")


def test_a_body_that_the_document_does_not_allow(contract):
    fake = Fake(contract)
    fake.request.url, fake.request.method = "http://x/v1/kyc/sandbox/verify", "POST"
    for body, said in (({**SEED}, None), ({**SEED, "more": 1}, "'more' was unexpected"),
                       ({**SEED, "country": "Senegal"}, "is too long")):
        fake.request.body = json.dumps(body).encode()
        if said is None:
            contract.check(fake)
            continue
        with pytest.raises(Outside, match=said):
            contract.check(fake)
