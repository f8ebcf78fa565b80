# SPDX-License-Identifier: Apache-2.0
"""wrk, and what it says."""

import re
import subprocess

CONNECTIONS = 16
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}

POST = """
local n = {first}
request = function()
  n = n + 1
  return wrk.format("POST", "{prefix}/v1/kyc/verify",
    {{["Authorization"] = "Bearer {key}", ["Content-Type"] = "application/json"}},
    string.format('{{"id_type":"nin","country":"NG","id_number":"%011d","first_name":"Joe",' ..
      '"last_name":"Leo","date_of_birth":"2000-09-20","external_ref":"bench"}}', n))
end
local counter = 0
setup = function(thread) thread:set("id", counter) counter = counter + 1 end
init = function(args) n = n + id * 1000000 end
"""


class Result:
    def __init__(self, text):
        self.text = text
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
        self.p50, self.p99 = (self._latency(text, share) for share in ("50", "99"))
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        broken = re.search(r"Socket errors: (.*)", text)
        self.bad = int(bad.group(1)) if bad else 0
        self.broken = broken.group(1) if broken else ""

    @staticmethod
    def _latency(text, share):
        number, unit = re.search(rf"\s{share}%\s+([\d.]+)(us|ms|s|m)\b", text).groups()
        return float(number) * UNITS[unit]


def wrk(url, seconds, headers=(), script=None):
    command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency", "--timeout", "10"]
    for header in headers:
        command += ["-H", header]
    if script:
        command += ["-s", str(script)]
    done = subprocess.run([*command, url], capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode != 0:
        raise SystemExit(f"bench: wrk: {done.stdout}{done.stderr}")
    result = Result(done.stdout)
    if result.bad or result.broken:
        raise SystemExit(f"bench: {url}: {result.bad} bad answers, {result.broken}")
    return result
