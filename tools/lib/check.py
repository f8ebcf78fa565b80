# SPDX-License-Identifier: Apache-2.0
"""Runs the suites of checks, one after the other, and says what came of them.

Builds are made from a copy of the sources in .build/check/source, so that a build of your own in
the tree is neither used nor disturbed. A second run uses the builds of the first again."""

import argparse
import ast
import contextlib
import fcntl
import filecmp
import os
import re
import shutil
import signal
import subprocess
import sys
import time

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
WORK = os.path.join(TOP, ".build", "check")
SOURCE = os.path.join(WORK, "source")
STACKS = os.path.join(WORK, "stacks")
LIMIT_S = 1800
LONG_LIMIT_S = 14400
JOBS = f"-j{os.cpu_count()}"

# Made in the copy by autoreconf: not in the tree, and kept all the same.
_AUTOTOOLS = re.compile(r"(configure~?|aclocal\.m4|Makefile\.in|autom4te\.cache/.*"
                        r"|tools/build-aux/.*|app/base/config\.h\.in~?)$")
_MADE_IN_TREE = re.compile(r"(\.build|\.stack[^/]*|\.git|autom4te\.cache)/|(.*/)?__pycache__/"
                           r"|.*\.(o|a|log|trs)$|(config\.status|Makefile|app/base/config\.h"
                           r"|app/base/stamp-h1|bonafide(\.fcgi|-batch)?)$")


# ---- suites: each is a list of (command, directory, environment) or a function that does it ---------

def _build(name, compiler, *options):
    place = os.path.join(WORK, name)

    def run(log):
        os.makedirs(place, exist_ok=True)
        # A release tarball brings a configure of its own; a clone makes one.
        if not os.path.exists(os.path.join(SOURCE, "Makefile.in")):
            status = log.run(["autoreconf", "-fi"], SOURCE)
            if status:
                return status
        if not os.path.exists(os.path.join(place, "config.status")):
            status = log.run([os.path.join(SOURCE, "configure"), f"CC={compiler}", "CFLAGS=-O2 -g",
                              "--enable-werror", *options], place)
            if status:
                return status
        return log.run(["make", JOBS], place)
    return run


def _make(name, target, *more, **environ):
    return lambda log: log.run(["make", JOBS, target, *more], os.path.join(WORK, name), environ)


def _clang(log):
    return _build("clang", "clang")(log) or _make("clang", "check", "TESTS=")(log)


def _sanitizers(log):
    return _build("asan", "gcc", "--enable-asan", "--enable-ubsan")(log) or _make(
        "asan", "check", ASAN_OPTIONS="abort_on_error=1:detect_leaks=1",
        UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")(log)


def _fuzz(log):
    seconds = "600" if os.environ.get("BONAFIDE_LONG") else "10"
    return log.run([os.path.join(TOP, "tools/fuzz"), seconds], TOP,
                   {"FUZZ_SOURCE": SOURCE, "FUZZ_BUILD": os.path.join(WORK, "fuzz")})


def _pytest(directory, **environ):
    return lambda log: log.run(
        ["/usr/bin/python3", "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q", "-ra", directory],
        TOP, {"BONAFIDE_BUILD": os.path.join(WORK, "gcc"), **environ})


def _scripts(log):
    """Shell, Python and systemd files."""
    bad = 0
    for path in _sources():
        full = os.path.join(TOP, path)
        with open(full, "rb") as file:
            text = file.read()
        first = text.split(b"\n", 1)[0]
        if re.match(rb"#!.*\b(bash|sh)\b", first):
            bad |= log.run(["shellcheck", "--severity=warning", path], TOP)
        elif path.endswith(".py") or re.match(rb"#!.*python3", first):
            try:
                ast.parse(text, path)
            except SyntaxError as error:
                log.say(f"{path}: {error}")
                bad = 1
    return bad | _units(log)


def _units(log):
    """systemd-analyze, where there is one. It looks whether the program of a unit exists; ours need
    not be installed for its unit to be read."""
    if not shutil.which("systemd-analyze"):
        return 0
    place = os.path.join(WORK, "units")
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    names = ("bonafide.service", "bonafide.socket")
    for name in names:
        with open(os.path.join(TOP, "conf", name), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(place, name), "w", encoding="utf-8") as file:
            file.write(text.replace("ExecStart=/usr/sbin/bonafide.fcgi", "ExecStart=/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", *names], cwd=place, text=True,
                          capture_output=True, check=False)
    ours = [line for line in (done.stdout + done.stderr).splitlines()
            if "bonafide" in line and "Command 'man" not in line]
    for line in ours:
        log.say(line)
    return 1 if ours else 0


SUITES = {
    "scripts": ("shell, Python and systemd files are well formed", None, _scripts),
    "gcc": ("the build with gcc, warnings are errors", None, _build("gcc", "gcc")),
    "unit": ("make check: unit tests and the rules of the tree", "gcc", _make("gcc", "check")),
    "www": ("make www: the page /reference, from npm", "gcc", _make("gcc", "www")),
    "clang": ("the build with clang, tests too, warnings are errors", None, _clang),
    "sanitizers": ("make check under AddressSanitizer and UndefinedBehaviorSanitizer", None,
                   _sanitizers),
    "distcheck": ("make distcheck: the tarball builds, checks, installs, uninstalls", "gcc",
                  _make("gcc", "distcheck", "DISTCHECK_CONFIGURE_FLAGS=--enable-werror")),
    "docs": ("the manuals and the README", "gcc", lambda log: log.run(
        [os.path.join(TOP, "tools/check-docs"), os.path.join(WORK, "gcc")], TOP)),
    "fuzz": ("the fuzzers, ten seconds each", "gcc", _fuzz),
    "http-nginx": ("tests/http through nginx", "gcc", _pytest("tests/http", BONAFIDE_WEB="nginx")),
    "http-apache": ("tests/http through Apache", "gcc",
                    _pytest("tests/http", BONAFIDE_WEB="apache")),
    "system": ("tests/system", "gcc", _pytest("tests/system")),
}


class Log:
    """One suite's log file, and the process that writes it now."""

    child = None

    def __init__(self, name, deadline):
        self.path = os.path.join(WORK, name + ".log")
        self.deadline = deadline
        self.late = False
        self.file = open(self.path, "wb")

    def say(self, text):
        self.file.write(text.encode() + b"\n")
        self.file.flush()

    def run(self, argv, directory, environ=None):
        """Runs a command in a session of its own, so that one that hangs is ended with all that it
        started. Returns its exit status."""
        self.say("$ " + " ".join(argv))
        try:
            child = subprocess.Popen(argv, cwd=directory, stdin=subprocess.DEVNULL, stdout=self.file,
                                     stderr=self.file, start_new_session=True,
                                     env={**os.environ, **(environ or {})})
        except OSError as error:
            self.say(f"cannot run {argv[0]}: {error.strerror}")
            return 127
        Log.child = child
        try:
            return child.wait(max(1.0, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.late = True
            end_child()
            return 124
        finally:
            Log.child = None


def end_child():
    """Ends the command that is running, with its session: politely first, for its own tidying up."""
    child = Log.child
    if child and child.poll() is None:
        for number, patience_s in ((signal.SIGINT, 30), (signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(child.pid, number)
                child.wait(patience_s)
                break


# ---- the copy of the sources -----------------------------------------------------------------------

def _sources():
    """The files of the tree that are sources, as relative paths: what would be committed; without
    git, what a release tarball holds."""
    git = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         cwd=TOP, capture_output=True, check=False) if shutil.which("git") else None
    if git and git.returncode == 0:
        names = [os.fsdecode(name) for name in git.stdout.split(b"\0") if name]
    else:
        names = [os.path.relpath(os.path.join(at, name), TOP)
                 for at, _, files in os.walk(TOP) for name in files]
        names = [name for name in names if not _MADE_IN_TREE.match(name)]
    return sorted({name for name in names if os.path.isfile(os.path.join(TOP, name))})


def copy_sources():
    """Brings the copy up to date. What did not change keeps its time, so that make does not build
    it again."""
    names = set(_sources())
    for at, _, files in os.walk(SOURCE):
        for file in files:
            name = os.path.relpath(os.path.join(at, file), SOURCE)
            if name not in names and not _AUTOTOOLS.match(name):
                os.unlink(os.path.join(SOURCE, name))
    for name in sorted(names):
        old, new = os.path.join(TOP, name), os.path.join(SOURCE, name)
        if not (os.path.isfile(new) and filecmp.cmp(old, new, shallow=False)):
            os.makedirs(os.path.dirname(new), exist_ok=True)
            shutil.copyfile(old, new)
        shutil.copymode(old, new)


# ---- running and counting --------------------------------------------------------------------------

def count(log, status):
    """(passed, failed, skipped, closing words) out of a log. automake closes each round of tests
    with "# PASS:  12", pytest ends with "12 passed, 1 failed in 3.4s"; a suite that counts nothing
    is one check."""
    with open(log.path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    passed = failed = skipped = 0
    closing = ""
    summary = re.findall(r"^(?:=+ )?((?:\d+ \w+,? ?)+ in [0-9.]+s.*?|no tests ran in .*?)(?: =+)?$",
                         text, re.M)
    if summary:
        closing = summary[-1]
        numbers = {word.rstrip("s"): int(n) for n, word in re.findall(r"(\d+) (\w+)", closing)}
        passed = numbers.get("passed", 0)
        failed = numbers.get("failed", 0) + numbers.get("error", 0)
        skipped = numbers.get("skipped", 0)
    else:
        for n, word in ((n, word) for word, n in re.findall(r"^# ([A-Z]+): +(\d+)$", text, re.M)):
            passed += int(n) if word in ("PASS", "XFAIL") else 0
            failed += int(n) if word in ("FAIL", "XPASS", "ERROR") else 0
            skipped += int(n) if word == "SKIP" else 0
        if passed + failed + skipped:
            closing = f"{passed} passed, {failed} failed, {skipped} skipped"
        else:
            closing = "well" if status == 0 else f"ended with status {status}"
            passed = int(status == 0)
    if log.late:
        closing = "took too long and was ended"
    if status and not failed:
        failed = 1      # a suite that failed without naming a test has failed all the same
    return passed, failed, skipped, closing


class Run:
    """One run of tools/check: what was asked for and what came of it."""

    def __init__(self, limit_s):
        self.limit_s = limit_s
        self.rows = {}      # name -> (passed, failed, skipped, seconds)

    def suite(self, name):
        """Runs a suite after what it needs, once."""
        if name in self.rows:
            return
        text, need, function = SUITES[name]
        if need:
            self.suite(need)
            if self.rows[need][1]:
                print(f"check: {name}: not run, because {need} failed", flush=True)
                self.rows[name] = (0, 1, 0, 0)
                return
        print(f"check: {name}: {text} ...", flush=True)
        began = time.monotonic()
        log = Log(name, began + self.limit_s)
        with log.file:
            status = function(log)
        passed, failed, skipped, closing = count(log, status)
        seconds = time.monotonic() - began
        if failed:
            with open(log.path, encoding="utf-8", errors="replace") as file:
                tail = file.read().splitlines()[-60:]
            print(f"---- the end of {log.path}", *tail, "----", sep="\n")
        print(f"check: {name}: {closing} ({seconds:.0f} s)", flush=True)
        self.rows[name] = (passed, failed, skipped, seconds)

    def table(self):
        """Prints the table and the verdict; returns the exit status."""
        print(f"\n{'suite':<13}{'verdict':<9}{'passed':>7}{'failed':>8}{'skipped':>9}{'time':>9}")
        for name, (passed, failed, skipped, seconds) in self.rows.items():
            verdict = "FAILED" if failed else "passed"
            print(f"{name:<13}{verdict:<9}{passed:>7}{failed:>8}{skipped:>9}{seconds:>7.0f} s")
        passed, failed, skipped = (sum(row[at] for row in self.rows.values()) for at in range(3))
        more = f", {skipped} skipped" if skipped else ""
        minutes, seconds = divmod(int(sum(row[3] for row in self.rows.values())), 60)
        print(f"\n{passed} passed, {failed} failed{more} in {minutes} min {seconds:02d} s")
        print("check: FAILED" if failed else "check: PASSED")
        return 1 if failed else 0


def end_stacks():
    """Ends the stacks that a test run which was killed left below .build/check/stacks, where tests
    are asked to put theirs."""
    for name in os.listdir(STACKS) if os.path.isdir(STACKS) else ():
        if os.path.exists(os.path.join(STACKS, name, "stack.json")):
            subprocess.run([os.path.join(TOP, "tools", "stack"), "down", "--dir",
                            os.path.join(STACKS, name)], stdin=subprocess.DEVNULL,
                           capture_output=True, check=False)
    shutil.rmtree(STACKS, ignore_errors=True)


def _arguments():
    parser = argparse.ArgumentParser(
        prog="tools/check", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Everything that must hold before a change is taken.",
        epilog="suites:\n" + "".join(f"  {name:<12} {row[0]}\n" for name, row in SUITES.items())
        + "\nLogs are in .build/check/*.log. Exit status 0 when nothing failed.")
    parser.add_argument("--long", action="store_true",
                        help="the same tests with bigger numbers (BONAFIDE_LONG=1)")
    parser.add_argument("--only", choices=SUITES, metavar="SUITE", action="append",
                        help="this suite, and the build that it needs; may be repeated")
    parser.add_argument("--list", action="store_true", help="name the suites")
    parser.add_argument("--clean", action="store_true", help="remove earlier builds first")
    return parser.parse_args()


def _interrupt(_number, _frame):
    raise KeyboardInterrupt


def main():
    args = _arguments()
    if args.list:
        print("".join(f"{name:<12} {row[0]}\n" for name, row in SUITES.items()), end="")
        return 0
    os.makedirs(WORK, exist_ok=True)
    lock = open(os.path.join(WORK, "lock"), "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print("check: another tools/check is running in this tree", file=sys.stderr)
        return 1
    if args.clean:
        for name in os.listdir(WORK):
            if os.path.isdir(os.path.join(WORK, name)):
                subprocess.run(["chmod", "-R", "u+w", os.path.join(WORK, name)], check=False)
                shutil.rmtree(os.path.join(WORK, name))
    os.environ["BONAFIDE_STACKS"] = STACKS
    os.environ.pop("BONAFIDE_BUILD", None)
    if args.long:
        os.environ["BONAFIDE_LONG"] = "1"
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        end_stacks()
        os.makedirs(STACKS)
        copy_sources()
        run = Run(LONG_LIMIT_S if args.long else LIMIT_S)
        for name in args.only or SUITES:
            run.suite(name)
        return run.table()
    except KeyboardInterrupt:
        end_child()
        print("\ncheck: FAILED: interrupted")
        return 130
    finally:
        end_stacks()


if __name__ == "__main__":
    sys.exit(main())
