# SPDX-License-Identifier: Apache-2.0
"""The catalogue of faults (reference D, item 4) and the rules that switch them on.

A rule names a fault, says which requests it is for, and how many times it applies. A submission
may also carry fault names itself, in partner_params.sim.

Each fault belongs to a stage, which says when rules for it are looked at and used up:
  request  any request: what happens to its answer on the wire
  job      a submission that has passed every check: what becomes of the job
  sign     an accepted submission (its synchronous answer and callbacks) or a job_status poll: how
           the legacy result, or the V3 webhook, is signed
Of the faults in one group at most one applies to a request, so that rules queue up behind one
another: a 500 once and then a 503 once hit two requests, not the same one.
"""

import collections
import fnmatch

Fault = collections.namedtuple("Fault", "stage group argument times text")

_R, _J, _S = "request", "job", "sign"

# argument: the one that partner_params.sim may set, as name:value. times: the default of a rule.
FAULTS = {
    "drop-before": Fault(_R, "answer", "", None, "close the connection; no job is made"),
    "drop-after": Fault(_R, "answer", "", None, "make the job, then close without an answer"),
    "delay": Fault(_R, "delay", "ms", None,
                   "hold the answer for ms (5000), when: after (default) or before the work"),
    "http-500": Fault(_R, "answer", "", None, "500; accepted: true makes the job all the same"),
    "http-502": Fault(_R, "answer", "", None, "502, a proxy's HTML page; accepted as above"),
    "http-503": Fault(_R, "answer", "", None, "503, a proxy's HTML page; accepted as above"),
    "http-429": Fault(_R, "answer", "retry_after", None,
                      "429 with Retry-After: retry_after (2); accepted as above"),
    "html-200": Fault(_R, "answer", "", None, "200 with an HTML page; accepted as above"),
    "truncated-json": Fault(_R, "answer", "", None,
                            "do the work, send half the body under a matching length; "
                            "close: true declares the full length and closes early"),
    "huge-body": Fault(_R, "answer", "bytes", None, "do the work, pad the answer to bytes (5 MB)"),
    "slow-body": Fault(_R, "answer", "ms", None, "do the work, send one byte each ms (1000)"),
    "auth-2205": Fault(_R, "answer", "", None, "refuse the credentials: 2205, or 401 on V3"),
    "token-expiry": Fault(_R, "answer", "", 1, "V3: the token shown has just expired (401)"),
    "activate-1016": Fault(_J, "code", "", None,
                           "the product is not activated: 1016, or 403 on V3"),
    "unknown-code": Fault(_J, "code", "code", None,
                          "a ResultCode (9999) or V3 status (mystery) nobody has heard of"),
    "leading-zero-code": Fault(_J, "code", "code", None, "legacy: a ResultCode such as 0810"),
    "int-code": Fault(_J, "int-code", "", None, "ResultCode, or V3 status, as a JSON number"),
    "big-photo": Fault(_J, "big-photo", "bytes", None, "a Photo of bytes (1500000)"),
    "missing-actions": Fault(_J, "missing-actions", "", None, "no Actions; V3: no id_fields"),
    "never-complete": Fault(_J, "never-complete", "", None,
                            "polls say pending for ever and no callback comes"),
    "no-callback": Fault(_J, "no-callback", "", None, "the job completes but no callback comes"),
    "duplicate-callback": Fault(_J, "duplicate-callback", "copies", None,
                                "the callback comes copies (2) times"),
    "out-of-order": Fault(_J, "order", "", None, "the final callback, then a provisional one"),
    "not-final-first": Fault(_J, "order", "", None, "a provisional callback, then the final one"),
    "callback-before-reply": Fault(_J, "callback-before-reply", "", None,
                                   "the callback is delivered before the submission is answered"),
    "callback-unknown-job": Fault(_J, "callback-unknown-job", "", None,
                                  "first a well signed callback for a job nobody submitted"),
    "bad-signature": Fault(_S, "sign", "", None, "signed with another key"),
    "stale-timestamp": Fault(_S, "sign", "age_s", None, "well signed, age_s (86400) ago"),
    "int-timestamp": Fault(_S, "sign", "", None,
                           "timestamp as a JSON number of milliseconds, its digits signed"),
}

_NUMBERS = ("ms", "bytes", "retry_after", "age_s", "copies")    # arguments that must be numbers
MATCH_KEYS = ("path", "job_id", "user_id", "id_number", "country", "id_type")

# Faults of the request stage whose work is done although the answer goes wrong.
_ALWAYS_ACCEPTED = ("drop-after", "truncated-json", "huge-body", "slow-body", "token-expiry")


def is_accepted(name, args):
    """Does the work get done although this fault spoils the answer?"""
    return name in _ALWAYS_ACCEPTED or bool(args.get("accepted"))


def _args_are_good(args):
    return all(type(value) is int and value >= 0
               for key, value in args.items() if key in _NUMBERS)


class Rule:
    """One switch. match maps a key to a pattern, in which * stands for anything."""

    def __init__(self, name, match, times, args):
        self.name = name
        self.fault = FAULTS[name]
        self.match = match
        self.left = self.fault.times if times is None else times
        self.args = args
        self.hits = 0

    def applies(self, facts):
        for key, pattern in self.match.items():
            if not any(fnmatch.fnmatchcase(value, pattern) for value in facts.get(key, ())):
                return False
        # token-expiry means nothing to a request that shows no token.
        return self.name != "token-expiry" or "token" in facts

    def use(self):
        self.hits += 1
        if self.left is not None:
            self.left -= 1

    def describe(self):
        return {"name": self.name, "match": self.match, "left": self.left, "hits": self.hits,
                "args": self.args}


def read_rule(wanted):
    """A rule from the admin API's JSON; returns (rule, complaint), one of them None."""
    if not isinstance(wanted, dict):
        return None, "a fault must be an object"
    unknown = set(wanted) - {"name", "match", "times", "args"}
    if unknown:
        return None, f"unknown key {sorted(unknown)[0]}"
    name = wanted.get("name")
    if name not in FAULTS:
        return None, f"no fault is called {name}; there are {', '.join(FAULTS)}"
    match, args, times = wanted.get("match", {}), wanted.get("args", {}), wanted.get("times")
    if not isinstance(match, dict) or not isinstance(args, dict):
        return None, "match and args must be objects"
    if not _args_are_good(args):
        return None, f"{', '.join(_NUMBERS)} must be whole numbers"
    for key, value in match.items():
        if key not in MATCH_KEYS or not isinstance(value, str):
            return None, f"match takes strings under {', '.join(MATCH_KEYS)}"
    if times is not None and (type(times) is not int or times < 1):
        return None, "times must be a positive number"
    return Rule(name, match, times, args), None


def read_sim(text):
    """partner_params.sim: "name" or "name:value", joined by commas, as rules; None if wrong."""
    rules = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, value = part.partition(":")
        if name not in FAULTS or (value and not FAULTS[name].argument):
            return None
        key = FAULTS[name].argument
        args = {}
        if value:
            args[key] = int(value) if key in _NUMBERS and value.isdecimal() else value
        if not _args_are_good(args):
            return None
        rules.append(Rule(name, {}, 1, args))
    return rules


class FaultSet:
    def __init__(self):
        self.rules = []

    def add(self, wanted):
        """Append the rules of a list, all or none; returns a complaint or None."""
        if not isinstance(wanted, list):
            return "faults must be a list"
        rules = []
        for one in wanted:
            rule, complaint = read_rule(one)
            if complaint:
                return complaint
            rules.append(rule)
        self.rules.extend(rules)
        return None

    def clear(self):
        self.rules.clear()

    def take(self, stage, facts, own=()):
        """Use up the rules of a stage that apply, the request's own first: {name: args}."""
        taken, groups = {}, set()
        for rule in (*own, *self.rules):
            fault = rule.fault
            if (fault.stage != stage or fault.group in groups or rule.left == 0
                    or not rule.applies(facts)):
                continue
            rule.use()
            groups.add(fault.group)
            taken[rule.name] = rule.args
        return taken


def describe():
    """The list for --help."""
    lines = ["faults:"]
    for name, fault in FAULTS.items():
        lines.append(f"  {name:22} {fault.text}")
    return "\n".join(lines)
