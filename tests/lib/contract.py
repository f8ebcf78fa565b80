# SPDX-License-Identifier: Apache-2.0
"""Holds answers against the OpenAPI document that the product itself serves. What the document does
not allow is a fault of the one or the other, and fails the test that got the answer."""

import json
import re
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator, FormatChecker, RefResolver

from product import TIME

METHODS = ("get", "put", "post", "delete", "patch")
# What the web server may say by itself, before the product sees the request.
WEB_SERVER = (400, 413, 414, 431, 502, 504)

formats = FormatChecker(formats=())


def is_format(name, pattern):
    """A format speaks of strings only."""
    formats.checks(name)(lambda value: not isinstance(value, str)
                         or re.fullmatch(pattern, value) is not None)


is_format("date-time", TIME)
is_format("date", r"\d{4}-\d\d-\d\d")
is_format("uuid", "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Outside(AssertionError):
    """An answer, or an accepted request, that the document does not allow."""


# Where two families share a path, the header that the key comes in says which is meant, and these are
# the titles of what belongs to one of them.
TITLES = {"session": "With Authorization", "plain": "With X-API-Key"}


def families_share(row):
    return len(row["tags"]) > 1


def of_family(schema, tag):
    """What a schema says to one family; None: it is not for that one."""
    for choice in (schema.get("anyOf", []), schema.get("oneOf", [])):
        if choice and all(option.get("title") in TITLES.values() for option in choice):
            return next((option for option in choice if option["title"] == TITLES[tag]), None)
    if schema.get("title") in TITLES.values() and schema["title"] != TITLES[tag]:
        return None
    return schema


def body_of_family(body, tag):
    """A request body or an answer, as one family has it; None: it has none."""
    if "content" not in body:
        return body
    media = body["content"]["application/json"]
    schema = of_family(media["schema"], tag)
    if schema is None:
        return None
    changed = {**media, "schema": schema}
    examples = {name: row for name, row in media.get("examples", {}).items()
                if name.split(".")[0] == tag}
    if tag in examples:
        changed = {"schema": schema, "example": examples[tag]["value"]}
    elif examples:
        changed["examples"] = examples
    return {**body, "content": {"application/json": changed}}


def row_of_family(row, tag):
    """One of the two operations that the document has as one."""
    changed = {**row, "tags": [tag]}
    way = "apiKey" if tag == "plain" else "bearer"
    changed["security"] = [option for option in row["security"] if way in option]
    changed["parameters"] = [
        one if "$ref" in one else {**one, "schema": of_family(one["schema"], tag)}
        for one in row.get("parameters", [])
        if "$ref" in one or of_family(one["schema"], tag) is not None]
    if "requestBody" in row:
        changed["requestBody"] = body_of_family(row["requestBody"], tag)
    answers = {status: body_of_family(answer, tag) for status, answer in row["responses"].items()}
    changed["responses"] = {status: answer for status, answer in answers.items() if answer}
    return changed


def is_by_key(headers):
    """Whether a request's key comes as X-API-Key, and as nothing else."""
    return "X-API-Key" in headers and "Authorization" not in headers


def is_nobodys(headers):
    return "X-API-Key" not in headers and "Authorization" not in headers


class Operation:
    def __init__(self, path, method, item, row, tag):
        self.path = path
        self.method = method
        self.row = row_of_family(row, tag) if families_share(row) else row
        self.tag = tag
        self.id = row["operationId"] + (":plain" if families_share(row) and tag == "plain" else "")
        self.parts = path.split("/")[1:]
        self.parameters = item.get("parameters", []) + self.row.get("parameters", [])

    def fits(self, parts):
        return len(parts) == len(self.parts) and all(
            want == have or (want.startswith("{") and have != "")
            for want, have in zip(self.parts, parts))

    @property
    def literals(self):
        return sum(not part.startswith("{") for part in self.parts)

    @property
    def header(self):
        """The header that the key must come in; None: either does."""
        ways = {way for option in self.row["security"] for way in option}
        return {"bearer": "Authorization", "apiKey": "X-API-Key"}.get(
            next(iter(ways))) if len(ways) == 1 else None

    @property
    def prefix(self):
        return self.path.split("/{")[0]


class Contract:
    def __init__(self, document):
        self.document = document
        self.resolver = RefResolver("", document)
        self.validators = {}
        self.operations = [
            Operation(path, method, item, item[method], tag)
            for path, item in document["paths"].items() for method in METHODS if method in item
            for tag in item[method]["tags"]]
        self.shared = {path for path, item in document["paths"].items() for method in METHODS
                       if method in item and families_share(item[method]) and "{" not in path}
        self.seen = set()  # (operation, status) that some answer had

    # ---- looking things up -----------------------------------------------------------------------

    def deref(self, node):
        while "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def of_path(self, path, headers=()):
        """All operations of the path that fits best. A family's words are no other's {id}."""
        parts = [unquote(part) for part in path.split("/")[1:]]
        family = self.family(path, headers)
        tags = {family}
        if self.is_shared(path) and is_nobodys(headers):
            tags = {"session", "plain"}
        found = [operation for operation in self.operations
                 if operation.fits(parts) and (family is None or operation.tag in tags)]
        best = max((operation.literals for operation in found), default=0)
        return [operation for operation in found if operation.literals == best]

    def is_shared(self, path):
        return any((path + "/").startswith(beginning + "/") for beginning in self.shared)

    def family(self, path, headers=()):
        """Whose shapes hold at a path, by its longest known beginning, and by the key's header where
        two families share it; None: it has none."""
        if self.is_shared(path):
            return "plain" if is_by_key(headers) else "session"
        known = [(len(operation.prefix), operation.tag) for operation in self.operations
                 if (path + "/").startswith(operation.prefix + "/")]
        return max(known)[1] if known else None

    def faults(self, schema, value):
        """What is wrong with a value, in words; nothing when nothing is."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            self.validators[key] = Draft202012Validator(schema, resolver=self.resolver,
                                                        format_checker=formats)
        return [f"{'/'.join(map(str, error.absolute_path)) or 'body'}: {error.message[:300]}"
                for error in self.validators[key].iter_errors(value)]

    # ---- an answer -------------------------------------------------------------------------------

    def check(self, answer):
        """Raises Outside when the answer, or the request that it accepts, is not in the document."""
        path = urlsplit(answer.request.url).path
        method = answer.request.method.lower()
        early = answer.status_code in WEB_SERVER or "%00" in path
        if early and "X-Request-Id" not in answer.headers:
            return
        headers = getattr(answer.request, "headers", {})
        self.check_undecided(answer, method, path, headers)
        operations = self.of_path(path, headers)
        wanted = "get" if method == "head" else method
        operation = next((row for row in operations if row.method == wanted), None)
        if operation is None:
            self.check_stranger(answer, method, path, operations)
            return
        if answer.status_code < 300:
            self.check_request(operation, answer.request)
        self.check_answer(operation, answer, method == "head")

    def check_undecided(self, answer, method, path, headers):
        """Who says by no header which family is meant is answered in the words of both."""
        if method in ("head", "options") or not self.is_shared(path):
            return
        if is_by_key(headers) or not answer.content:
            return
        if ("detail" in answer.json()) != is_nobodys(headers):
            raise Outside(f"{method.upper()} {path}: `detail` is for nobody known: {answer.text}")

    def check_answer(self, operation, answer, bare):
        def fault(reason):
            raise Outside(f"{operation.id} answered {answer.status_code}: {reason}")

        response = operation.row["responses"].get(str(answer.status_code))
        if response is None:
            fault(f"the document does not list this status: {answer.text[:300]}")
        response = self.deref(response)
        self.seen.add((operation.id, answer.status_code))
        for name, header in response.get("headers", {}).items():
            header = self.deref(header)
            if name not in answer.headers:
                if header.get("required"):
                    fault(f"the header {name} is missing")
            elif header["schema"]["type"] == "integer" and not answer.headers[name].isdigit():
                fault(f"the header {name} is no whole number: {answer.headers[name]}")
        if "content" not in response:
            if answer.content:
                fault(f"there is a body: {answer.text[:300]}")
            return
        if bare:
            return
        for reason in self.body_faults(response["content"], answer):
            fault(reason)

    def body_faults(self, content, answer):
        media = answer.headers.get("Content-Type", "")
        if media in content and content[media] == {}:
            return []
        if media not in ("application/json; charset=utf-8",):
            return [f"the media type is {media!r}"]
        return self.faults(content["application/json"]["schema"], answer.json())

    def check_stranger(self, answer, method, path, operations):
        """Paths and methods that the document does not know."""
        def fault(reason):
            raise Outside(f"{method.upper()} {path} answered {answer.status_code}: {reason}")

        if path.startswith("/-/") and answer.status_code != 404:
            return
        if method == "options" and answer.status_code == 204:
            if answer.content or "Allow" not in answer.headers:
                fault("there is a body, or no Allow header")
            return
        if answer.status_code == 308 and not operations and self.of_path(path + "/"):
            if answer.content or urlsplit(answer.headers["Location"]).path != path + "/":
                fault("there is a body, or it is not the same address with a slash")
            return
        if answer.status_code != (405 if operations else 404):
            fault("what is not in the document must be refused")
        if operations and "Allow" not in answer.headers:
            fault("the Allow header is missing")
        if "X-Request-Id" not in answer.headers:
            fault("the header X-Request-Id is missing")
        if method == "head":
            return
        tag = operations[0].tag if operations else self.family(
            path, getattr(answer.request, "headers", {}))
        names = {"kyc": ["KycError"], "session": ["SessionError"], "page": ["SessionError"],
                 "plain": ["PlainError"], "age": ["AgeError"],
                 "account": ["AccountError"]}.get(tag, ["KycError", "SessionError"])
        content = {"application/json": {"schema": {
            "anyOf": [{"$ref": "#/components/schemas/" + name} for name in names]}}}
        for reason in self.body_faults(content, answer):
            fault(reason)

    # ---- a request that was accepted ---------------------------------------------------------------

    def check_request(self, operation, request):
        def fault(reason):
            raise Outside(f"{operation.id} accepted a request that the document does not: {reason}")

        parameters = {(row["in"], row["name"]): row["schema"]
                      for row in map(self.deref, operation.parameters)}
        for name, text in parse_qsl(urlsplit(request.url).query, keep_blank_values=True):
            if ("query", name) not in parameters:
                fault(f"there is no parameter {name}")
            schema = parameters["query", name]
            for reason in self.faults(schema, of_type(schema, text)):
                fault(f"{name}: {reason}")
        content = self.deref(operation.row.get("requestBody", {})).get("content", {})
        if request.body and "application/json" in content:
            for reason in self.faults(content["application/json"]["schema"],
                                      json.loads(request.body)):
                fault(reason)


def of_type(schema, text):
    """A parameter's text as the value its schema speaks of."""
    if "type" not in schema:
        return text
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "integer" in types and re.fullmatch("-?[0-9]+", text):
        return int(text)
    if "boolean" in types and text in ("true", "false"):
        return text == "true"
    return text
