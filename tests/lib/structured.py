# SPDX-License-Identifier: Apache-2.0
"""A strict reader of structured field lists (RFC 8941, sections 3.1 and 4.2.1), as far as the
RateLimit fields use them: strings with integer parameters. Whatever else stands there is a fault."""

import re

_STRING = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")
_INTEGER = re.compile(r"-?[0-9]{1,15}(?![0-9.])")


def _take(pattern, text, at):
    match = pattern.match(text, at)
    if not match:
        raise ValueError(f"`{text}` is malformed at {at}: {text[at:at + 20]!r}")
    return match.group(0), match.end()


def strings_with_integers(text):
    """[(string, {parameter: integer})] of a field value."""
    items, at = [], 0
    while True:
        raw, at = _take(_STRING, text, at)
        parameters = {}
        while at < len(text) and text[at] == ";":
            at += 1
            while at < len(text) and text[at] == " ":
                at += 1
            key, at = _take(_KEY, text, at)
            if text[at:at + 1] != "=":
                raise ValueError(f"`{text}`: parameter {key} is no integer")
            number, at = _take(_INTEGER, text, at + 1)
            parameters[key] = int(number)
        items.append((raw[1:-1].replace('\\"', '"').replace("\\\\", "\\"), parameters))
        if at == len(text):
            return items
        _, at = _take(re.compile(r"[ \t]*,[ \t]*"), text, at)


def limits_of(answer):
    """What an answer says: ({policy: {"q", "w"}}, {policy: {"r", "t"}}), checked; ({}, {}) without."""
    if "RateLimit" not in answer.headers:
        assert "RateLimit-Policy" not in answer.headers
        return {}, {}
    lists = [strings_with_integers(answer.headers[name]) for name in ("RateLimit-Policy", "RateLimit")]
    policies, states = map(dict, lists)
    assert len(policies) == len(lists[0]) and len(states) == len(lists[1]), "a policy stands twice"
    for name, values in policies.items():
        assert set(values) == {"q", "w"} and values["q"] > 0 and values["w"] > 0, (name, values)
    for name, values in states.items():
        assert set(values) == {"r", "t"}, (name, values)
        assert 0 <= values["r"] <= policies[name]["q"], (name, values)
        assert 1 <= values["t"] <= policies[name]["w"], (name, values)
    return policies, states
