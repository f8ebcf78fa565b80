# SPDX-License-Identifier: Apache-2.0
"""Rate limits, the daily quota and clients' addresses, through the web server.

The stack believes X-Forwarded-For from loopback, so each test is a client of its own."""

import concurrent.futures
import time

import pytest

from product import SEED, Stack
from structured import limits_of

PER_MINUTE = 30  # failed authentications of one address: one more each 2 s


@pytest.fixture(scope="module")
def limited():
    with Stack("--set", f"auth_address_per_min={PER_MINUTE}",
               "--set", "trusted_proxies=127.0.0.0/8", "--set", "key_lease_ms=50",
               workers=8) as running:
        yield running


_last = iter(range(1, 250))


@pytest.fixture()
def address():
    return f"192.0.2.{next(_last)}"


def tenant(stack, **limits):
    """A live client of a new organisation with limits of its own, and the organisation."""
    app, org = stack.tenant("Limits")
    words = [word for name, value in limits.items() for word in (f"--{name}", str(value))]
    if words:
        stack.cli("org", "limits", org, *words)
    return stack.client(stack.key(app)["key"]), org


def crowd(count, ask, threads=16):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(ask, range(count)))


def forwarded(text):
    return {"X-Forwarded-For": text}


def code_of(answer):
    return answer.json()["error"]["code"]


# ---- exactness ---------------------------------------------------------------------------------------

def test_of_a_thousand_failures_exactly_the_limit_are_401(limited, address):
    began = time.monotonic()
    codes = crowd(1000, lambda _: limited.client("dme_live_no").get(
        "/v1/keys", headers=forwarded(address)).status_code)
    more = int((time.monotonic() - began) / (60 / PER_MINUTE))
    assert PER_MINUTE <= codes.count(401) <= PER_MINUTE + more
    assert codes.count(401) + codes.count(429) == 1000


def test_of_a_thousand_requests_exactly_the_burst_pass(limited):
    client, _ = tenant(limited, rate=1, burst=150)
    key = client.session.headers["Authorization"].split()[1]
    began = time.monotonic()
    codes = crowd(1000, lambda _: limited.client(key).get("/v1/keys").status_code)
    more = int(time.monotonic() - began) + 1
    assert 150 <= codes.count(200) <= 150 + more
    assert codes.count(200) + codes.count(429) == 1000


def test_exactly_the_day_s_requests_pass(limited):
    client, org = tenant(limited, daily=700)
    codes = crowd(900, lambda _: limited.client(
        client.session.headers["Authorization"].split()[1]).get("/v1/keys").status_code)
    assert codes.count(200) == 700 and codes.count(429) == 200
    assert limited.cli("org", "show", org, "--json")["limits"]["today"] == 700


# ---- what is said ---------------------------------------------------------------------------------------

def test_every_metered_answer_says_where_its_client_stands(limited):
    client, org = tenant(limited, rate=5, burst=50, daily=1000)
    other, _ = tenant(limited)
    big = "x" * 70000
    made = client.post("/v1/kyc/sandbox/verify", SEED)
    keys = [key for key in limited.cli("key", "list", "--json")
            if key["application_id"] in {app["id"] for app in limited.cli(
                "org", "show", org, "--json")["applications"]}]
    read_only = limited.client(limited.key(keys[0]["application_id"], scopes="kyc.read")["key"])
    asked = [
        (200, made), (200, client.get("/v1/kyc/verifications")),
        (200, client.call("HEAD", "/v1/keys")),
        (400, client.post("/v1/kyc/verify", {})),
        (400, client.get("/v1/kyc/verifications?nothing=1")),
        (404, client.get("/v1/kyc/verifications/ver_01h455vb4pex5vsknk084sn02q")),
        (413, client.call("POST", "/v1/kyc/verify", data=big,
                          headers={"Content-Type": "application/json"})),
        (415, client.call("POST", "/v1/kyc/verify", data="{}",
                          headers={"Content-Type": "text/plain"})),
        (403, read_only.get("/v1/keys")),
        (403, read_only.get("/v1/webhooks/endpoints")),
        (404, client.delete("/v1/webhooks/endpoints/whe_01h455vb4pex5vsknk084sn02q")),
    ]
    for number, (status, answer) in enumerate(asked, 1):
        assert answer.status_code == status, answer.text
        policies, states = limits_of(answer)
        assert policies == {"burst": {"q": 50, "w": 10}, "rate": {"q": 5, "w": 1},
                            "day": {"q": 1000, "w": 86400}}
        assert set(states) == {"burst", "day"}
        # Whatever comes of it, a request of a right key costs one.
        assert states["day"]["r"] == 1000 - number
        assert "Retry-After" not in answer.headers
    assert limits_of(other.get("/v1/keys"))[0]["burst"]["q"] == 100000


def test_answers_that_cost_nothing_say_nothing(limited, live):
    client, _ = tenant(limited, daily=10)
    for answer in (client.get("/-/healthz"), client.get("/nothing"), client.call("PUT", "/v1/keys"),
                   client.call("OPTIONS", "/v1/keys"), client.get("/-/status"),
                   client.call("POST", "/v1/providers/smile_v1/callback/x", data="{}")):
        assert limits_of(answer) == ({}, {})
    assert limits_of(client.get("/v1/keys"))[1]["day"]["r"] == 9
    free, _ = tenant(limited, rate=0, daily=0)
    answer = free.get("/v1/keys")
    assert answer.status_code == 200 and limits_of(answer) == ({}, {})


@pytest.mark.parametrize("path", ["/v1/keys", "/v1/webhooks/endpoints"])
def test_429_in_the_shape_of_the_family(limited, path):
    client, _ = tenant(limited, rate=1, burst=1)
    answers = [client.get(path) for _ in range(3)]
    assert [answer.status_code for answer in answers][-1] == 429
    answer = answers[-1]
    body = answer.json()
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["X-Request-Id"]
    assert code_of(answer) == "RATE_LIMIT_EXCEEDED"
    if path == "/v1/keys":
        assert body == {"error": {"code": "RATE_LIMIT_EXCEEDED", "message": "Too many requests.",
                                  "details": {}}}
    else:
        assert body["data"] is None and set(body) == {"data", "error", "pagination"}
        assert "Retry-After" in body["error"]["hint"]
    policies, states = limits_of(answer)
    assert states["burst"] == {"r": 0, "t": 1}
    # The refused one did not count against the day.
    assert policies["day"]["q"] - states["day"]["r"] == sum(
        answer.status_code == 200 for answer in answers)


@pytest.mark.parametrize("rate,burst", [(1, 3), (3, 1), (7, 20)])
def test_who_waits_as_told_passes(limited, rate, burst):
    client, _ = tenant(limited, rate=rate, burst=burst)
    for _ in range(10 * burst):
        answer = client.get("/v1/keys")
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    wait = int(answer.headers["Retry-After"])
    assert wait >= limits_of(answer)[1]["burst"]["t"]
    time.sleep(wait)
    assert client.get("/v1/keys").status_code == 200


def test_a_day_that_is_used_up(limited):
    client, _ = tenant(limited, daily=2)
    assert [client.get("/v1/keys").status_code for _ in range(2)] == [200, 200]
    answer = client.get("/v1/keys")
    assert answer.status_code == 429 and code_of(answer) == "RATE_LIMIT_EXCEEDED"
    assert "today" in answer.json()["error"]["message"]
    midnight = 86400 - time.time() % 86400
    assert midnight - 2 <= int(answer.headers["Retry-After"]) <= midnight + 3
    assert limits_of(answer)[1]["day"] == {"r": 0, "t": int(answer.headers["Retry-After"])}


# ---- who pays --------------------------------------------------------------------------------------------

def test_failures_cost_the_address_and_nobody_else(limited, address):
    client, org = tenant(limited, daily=100)
    right = client.session.headers["Authorization"]
    wrong = [{"Authorization": "Bearer dme_live_x"}, {}, {"X-API-Key": "nonsense"},
             {"Authorization": right[:-1] + ("a" if right[-1] != "a" else "b")},
             {"Authorization": "Basic abc"}, {"Authorization": right, "X-API-Key": "another"}]
    answers = []
    for number in range(PER_MINUTE + 2):
        answers.append(limited.client().get(
            "/v1/keys", headers={**wrong[number % len(wrong)], **forwarded(address)}))
    assert [answer.status_code for answer in answers[:PER_MINUTE]] == [401] * PER_MINUTE
    policies, states = limits_of(answers[0])
    assert policies == {"auth": {"q": PER_MINUTE, "w": 60}}
    assert states["auth"]["r"] == PER_MINUTE - 1 and "Retry-After" not in answers[0].headers
    assert answers[-1].status_code == 429 and code_of(answers[-1]) == "RATE_LIMIT_EXCEEDED"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 2
    # The right key from the same address works, and its organisation has paid for itself alone.
    answer = client.get("/v1/keys", headers=forwarded(address))
    assert answer.status_code == 200
    assert limits_of(answer)[1]["day"]["r"] == 99
    assert limited.cli("org", "show", org, "--json")["limits"]["today"] <= 2
    time.sleep(int(answers[-1].headers["Retry-After"]))
    assert limited.client().get("/v1/keys", headers=forwarded(address)).status_code == 401


def test_a_suspended_organisation_is_limited_too(limited):
    client, org = tenant(limited, rate=1, burst=2)
    limited.cli("org", "suspend", org)
    codes = [client.get("/v1/keys").status_code for _ in range(5)]
    assert codes[:2] == [403, 403] and 429 in codes[2:]


def test_addresses_behind_proxies(limited):
    def left(text):
        answer = limited.client().get("/v1/usage", headers=forwarded(text))
        assert answer.status_code == 401
        return limits_of(answer)[1]["auth"]["r"]
    assert left("198.51.100.1") == PER_MINUTE - 1
    assert left("198.51.100.1") == PER_MINUTE - 2
    assert left("203.0.113.9, 198.51.100.1") == PER_MINUTE - 3
    assert left("198.51.100.1, 127.0.0.9") == PER_MINUTE - 4
    assert left("198.51.100.1:4711, 127.0.0.9, 127.0.0.8") == PER_MINUTE - 5
    assert left("::ffff:198.51.100.1") == PER_MINUTE - 6
    assert left("2001:db8:7:7::1") == PER_MINUTE - 1
    assert left("[2001:db8:7:7:ffff::2]:443") == PER_MINUTE - 2
    assert left("2001:db8:7:8::1") == PER_MINUTE - 1
    # Malformed: the peer. So is a header that is longer than any chain of proxies, from its end.
    peer = left("nonsense")
    assert left("198.51.100.1, ???") == peer - 1
    assert left("198.51.100.2, " + "127.0.0.1, " * 300 + "198.51.100.1") == PER_MINUTE - 7


def test_several_lines_of_the_header_are_one(limited):
    """A proxy may add a line instead of an entry: the last of them counts."""
    import http.client
    from urllib.parse import urlsplit
    left = []
    for lines in (["198.51.100.44"], ["203.0.113.3", "198.51.100.44"],
                  ["198.51.100.44", "127.0.0.5"]):
        connection = http.client.HTTPConnection(urlsplit(limited.url).netloc, timeout=30)
        connection.putrequest("GET", "/v1/keys")
        for line in lines:
            connection.putheader("X-Forwarded-For", line)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 401
        left.append(int(answer.headers["RateLimit"].split("r=")[1].split(";")[0]))
        connection.close()
    assert left == [PER_MINUTE - 1, PER_MINUTE - 2, PER_MINUTE - 3]


def test_without_trust_the_header_is_nothing(stack):
    """The suite's own stack trusts nobody; its limit is wide, and one for all its tests."""
    before, after = (limits_of(stack.client().get(
        "/v1/keys", headers=forwarded(f"198.51.100.{n}")))[1]["auth"]["r"] for n in (1, 2))
    assert after <= before


def test_the_pages_for_this_machine_look_at_the_peer(limited):
    """Nobody becomes local, or stops being so, by a header."""
    for text in ("127.0.0.1", "198.51.100.1"):
        assert limited.client().get("/-/status", headers=forwarded(text)).status_code == 200


# ---- operators ---------------------------------------------------------------------------------------------

def test_limits_of_an_organisation_by_the_command_line(limited):
    client, org = tenant(limited)

    def shown(*words):
        return limited.cli("org", "limits", org, *words, "--json")
    assert shown() == {"rate_per_s": 100000, "burst": 100000, "daily_requests": 1000000000,
                       "today": 0, "own": []}
    assert shown("--rate", "9", "--daily", "0")["own"] == ["rate_per_s", "daily_requests"]
    assert limits_of(client.get("/v1/keys"))[0] == {"burst": {"q": 100000, "w": 11112},
                                                    "rate": {"q": 9, "w": 1}}
    assert shown("--burst", "4")["own"] == ["rate_per_s", "burst", "daily_requests"]
    assert limited.cli("org", "show", org, "--json")["limits"]["burst"] == 4
    assert shown("--reset", "--daily", "77")["own"] == ["daily_requests"]
    assert limits_of(client.get("/v1/keys"))[0]["day"]["q"] == 77
    assert shown("--reset")["own"] == []
    for words in (["--burst", "0"], ["--rate", "-1"], ["--daily", "x"], ["--rate", "1000001"]):
        done = limited.cli("org", "limits", org, *words, check=False)
        assert done.returncode == 2 and words[0] in done.stderr
    done = limited.cli("org", "limits", "org_01h455vb4pex5vsknk084sn02q", check=False)
    assert done.returncode == 1 and "there is no organisation" in done.stderr


def test_metrics_count_refusals_by_policy(limited, address):
    def counted():
        text = limited.client().get("/-/metrics").text
        return {line.split('"')[1]: int(line.split()[-1]) for line in text.splitlines()
                if line.startswith("bonafide_rate_limited_total{")}
    before = counted()
    assert set(before) == {"burst", "address", "auth", "mailing", "day"}
    client, _ = tenant(limited, rate=1, burst=1)
    codes = [client.get("/v1/keys").status_code for _ in range(4)]
    daily, _ = tenant(limited, daily=1)
    codes_day = [daily.get("/v1/keys").status_code for _ in range(3)]
    after = counted()
    assert after["burst"] - before["burst"] == codes.count(429) >= 2
    assert after["day"] - before["day"] == codes_day.count(429) == 2
    assert after["address"] == before["address"]
