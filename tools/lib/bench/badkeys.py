# SPDX-License-Identifier: Apache-2.0
"""Keys that are none: mistyped and invented ones by the hundred thousand, and what the database is
asked meanwhile."""

import re
import subprocess

from bench.load import CONNECTIONS

COUNTERS = ("Questions", "Com_select", "Com_stmt_execute")

# Each request has another key: invented ones of the kinds with a check, and good ones with one letter
# exchanged.
SCRIPT = """
local letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
local prefixes = {{"dme_live_", "dme_sandbox_", "sk_verify_", "pk_verify_"}}
local good = {{{good}}}
local counter = 0
setup = function(thread) thread:set("id", counter) counter = counter + 1 end
init = function(args) math.randomseed({seed} + id) end
local function letter() local n = math.random(62) return letters:sub(n, n) end
local function invented()
  local text = {{prefixes[math.random(4)]}}
  for i = 1, 48 do text[i + 1] = letter() end
  return table.concat(text)
end
local function mistyped()
  local key = good[math.random(#good)]
  local at = math.random(#key)
  local other = letter()
  while other == key:sub(at, at) do other = letter() end
  return key:sub(1, at - 1) .. other .. key:sub(at + 1)
end
request = function()
  local key = math.random(2) == 1 and invented() or mistyped()
  return wrk.format("GET", "/v1/keys", {{["Authorization"] = "Bearer " .. key}})
end
local refused = 0
local other = 0
response = function(status) if status == 401 or status == 429 then refused = refused + 1 else other = other + 1 end
  wrk.thread:set("refused", refused) wrk.thread:set("other", other) end
local threads = {{}}
local first_setup = setup
setup = function(thread) first_setup(thread) table.insert(threads, thread) end
done = function()
  local sums = {{refused = 0, other = 0}}
  for _, thread in ipairs(threads) do
    sums.refused = sums.refused + (thread:get("refused") or 0)
    sums.other = sums.other + (thread:get("other") or 0)
  end
  print(string.format("refused %d other %d", sums.refused, sums.other))
end
"""


def asked(stack):
    names = ", ".join(f"'{name}'" for name in COUNTERS)
    found = stack.rows(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({names})")
    return {name: int(value) for name, value in found}


def refused_in(stack, script, seconds):
    done = subprocess.run(["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}", "--timeout", "10", "-s",
                           str(script), stack.url], capture_output=True, text=True,
                          timeout=seconds + 60)
    counts = re.search(r"refused (\d+) other (\d+)", done.stdout)
    if done.returncode != 0 or not counts or int(counts.group(2)) or "Socket errors" in done.stdout:
        raise SystemExit(f"bench: wrk: {done.stdout}{done.stderr}")
    return int(counts.group(1))


def badkeys(bench, stack, _peer):
    most = 20_000 if bench.args.quick else 100_000
    bench.say(f"badkeys: {most} keys or more that are mistyped or invented")
    app, _ = stack.tenant("Bad keys")
    pair = stack.key(app, scopes=None, kind="secret")
    good = [stack.key(app)["key"], pair["key"], pair["publishable_key"]]
    before = asked(stack)
    own = {name: value - before[name] for name, value in asked(stack).items()}
    before, refused, rounds = asked(stack), 0, 0
    while refused < most:
        script = stack.dir / "badkeys.lua"
        script.write_text(SCRIPT.format(good=", ".join(f'"{key}"' for key in good),
                                        seed=1000 + 10 * rounds))
        refused, rounds = refused + refused_in(stack, script, bench.seconds), rounds + 1
    after = asked(stack)
    queries = sum(after[name] - before[name] - own[name] for name in COUNTERS)
    bench.say(f"    {refused} refused, {refused / (rounds * bench.seconds):.0f} a second")
    bench.figure(f"badkeys, queries for {refused} keys that are none", queries, "0", queries == 0)
