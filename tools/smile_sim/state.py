# SPDX-License-Identifier: Apache-2.0
"""What the simulator remembers: settings, the journal, jobs, and per-number counters."""

import collections
import dataclasses
import json
import time

from . import faults

JOURNAL_MAX = 100_000
JOURNAL_TEXT_MAX = 8192          # a longer body is journalled by its size alone
NUMBER_WINDOW_MS = 3 * 86_400_000   # A9: a number's counter resets three days after its last use


@dataclasses.dataclass
class Settings:
    """Everything that can be changed while running, through POST /_sim/settings."""
    callback_delay_ms: int = 300
    callback_retry_ms: int = 2000        # the provider's spacing is unknown (B5)
    callback_retries: int = 3            # B5; assumed for legacy too, as A7 advises
    callback_timeout_ms: int = 35_000    # B5: an answer slower than this is a failure
    complete_after_ms: int = -1          # when a poll first sees the result; -1: with the callback
    skew_s: int = 900                    # the provider's tolerance is unknown (A1)
    number_limit: int = 30               # A9; 0 switches the counter off
    unavailable_times: int = 0           # 1015s per number before a new job gets 1012; 0: for ever
    regex_mismatch: str = "1014"         # a malformed number: "1014" is a result, "2204" a refusal
    unknown_identity: str = "block"      # B7: an identity not on the sandbox list (V3)
    portal_callback_url: str = ""        # the account's default, used when a request names none
    v3_pad_partner: bool = False         # B5's open point: sign webhooks over "085" or "85"
    token_ttl_s: int = 900               # B1
    clock_offset_s: int = 0              # moves the simulator's clock

    # Without an annotation, so that it is a constant of the class and not one more setting.
    CHOICES = {"regex_mismatch": ("1014", "2204"), "unknown_identity": ("block", "error")}

    def change(self, wanted):
        """Apply a dict of settings, all or none; returns a complaint or None."""
        kinds = {field.name: field.type for field in dataclasses.fields(self)}
        for name, value in wanted.items():
            if name not in kinds:
                return f"no setting is called {name}"
            if type(value) is not kinds[name]:
                return f"{name} must be of type {kinds[name].__name__}"
            if name in self.CHOICES and value not in self.CHOICES[name]:
                return f"{name} must be one of {', '.join(self.CHOICES[name])}"
            if kinds[name] is int and value < 0 and name not in ("complete_after_ms",
                                                                 "clock_offset_s"):
                return f"{name} must not be negative"
        for name, value in wanted.items():
            setattr(self, name, value)
        return None


@dataclasses.dataclass
class Job:
    generation: str              # "v1" or "v3"
    job_id: str
    user_id: str
    path: str
    country: str
    id_type: str
    id_number: str
    callback_url: str
    partner_params: dict
    sync: bool
    accepted_ms: int = 0
    complete_ms: int | None = None       # None: never
    outcome: str = ""                    # ResultCode, or status and reason for V3
    result: dict = dataclasses.field(default_factory=dict)   # unsigned
    faults: dict = dataclasses.field(default_factory=dict)
    polls: int = 0
    callbacks: list = dataclasses.field(default_factory=list)

    def names(self):
        """Every id a caller may know this job by: V3 mints its own, so ours is a parameter."""
        if self.generation == "v1":
            return (self.job_id,)
        return (self.job_id, *(value for key, value in self.partner_params.items() if key != "sim"))


class Journal:
    """A bounded record of every request and every callback attempt, optionally kept in a file."""

    def __init__(self, path):
        self.entries = collections.deque(maxlen=JOURNAL_MAX)
        self.seq = 0
        self.file = open(path, "a", encoding="utf-8", buffering=1) if path else None

    def add(self, kind, now_ms, **facts):
        self.seq += 1
        entry = {"seq": self.seq, "at_ms": now_ms, "kind": kind, **facts}
        self.entries.append(entry)
        if self.file:
            self.file.write(json.dumps(entry, separators=(",", ":")) + "\n")

    def find(self, since, limit, job_id=None, path=None, kind=None):
        found = []
        for entry in self.entries:
            if (entry["seq"] <= since or (kind and entry["kind"] != kind)
                    or (job_id and job_id not in entry["job_ids"])
                    or (path and entry["path"] != path)):
                continue
            found.append(entry)
            if len(found) == limit:
                break
        return found

    def clear(self):
        self.entries.clear()

    def close(self):
        if self.file:
            self.file.close()


class World:
    """The one object the endpoints share."""

    def __init__(self, partner_id, api_key, settings, journal_path, log_path):
        self.partner_id = partner_id
        self.partner_number = partner_id.lstrip("0")     # V3 writes it without zeros (B1)
        self.api_key = api_key
        self.settings = settings
        self.journal = Journal(journal_path)
        self.log_file = log_path and open(log_path, "a", encoding="utf-8", buffering=1,
                                          errors="backslashreplace")
        self.faults = faults.FaultSet()
        self.server = None           # aiohttp's, for counting connections
        self.started = time.monotonic()
        self.reset()

    def reset(self):
        """Forget jobs, counters and tokens, as a new account would."""
        self.jobs = {}
        self.tally = {}              # job_id -> {"submitted": n, "accepted": n, "refused": {}}
        self.numbers = {}            # (country, id_type, id_number) -> [count, last_ms]
        self.unavailable = collections.Counter()
        self.revoked = set()         # V3 tokens that a fault has ended early
        self.counts = collections.Counter()
        self.next_smile_id = 56_574

    def now_ms(self):
        return int(time.time() * 1000) + self.settings.clock_offset_s * 1000

    def log(self, text):
        if self.log_file:
            self.log_file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")

    def smile_job_id(self):
        """A4: ten digits, padded with zeros."""
        self.next_smile_id += 1
        return f"{self.next_smile_id:010d}"

    def count_number(self, key):
        """A9: False when this ID number has been submitted too often within its window.

        A refused submission neither counts nor extends the window (inferred)."""
        limit = self.settings.number_limit
        if limit == 0:
            return True
        now = self.now_ms()
        count, last = self.numbers.get(key, (0, 0))
        if now - last > NUMBER_WINDOW_MS:
            count = 0
        if count >= limit:
            return False
        self.numbers[key] = (count + 1, now)
        return True

    def note_submit(self, job_ids):
        for job_id in job_ids:
            entry = self.tally.setdefault(job_id, {"submitted": 0, "accepted": 0, "refused": {}})
            entry["submitted"] += 1

    def note_verdict(self, job_ids, accepted, code):
        for job_id in job_ids:
            entry = self.tally.setdefault(job_id, {"submitted": 0, "accepted": 0, "refused": {}})
            if accepted:
                entry["accepted"] += 1
            else:
                entry["refused"][code] = entry["refused"].get(code, 0) + 1

    def start_clock(self, job):
        """Fix when the job's result becomes visible to a poll."""
        wait = self.settings.complete_after_ms
        if wait < 0:
            wait = self.settings.callback_delay_ms
        job.accepted_ms = self.now_ms()
        job.complete_ms = job.accepted_ms + (0 if job.sync else wait)
        if "never-complete" in job.faults:
            job.complete_ms = None

    def is_complete(self, job):
        return job.complete_ms is not None and self.now_ms() >= job.complete_ms
