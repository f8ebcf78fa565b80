# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/stack."""

import argparse
import difflib
import os
import sys

from . import db, programs, web
from .layout import Layout
from .procs import Proc
from .services import NAMES, PARTS, RECEIVER, Stack, check_setting, free_port, port_is_free
from .trouble import Trouble, log_tail

_DEFAULT_DIR = ".stack"
_DEFAULT_PORT = 8080
_LOGS = ("web", "access", "pool", "batch", "db", "smile", "mail", "receiver")

_ABOUT = """A private Bonafide in one directory: MariaDB, the FastCGI pool, nginx or Apache, the
batch, a simulator of the identity provider and a mail server that keeps what is sent. All of it listens on loopback or Unix sockets only."""

_MORE = """
  tools/stack up                      http://127.0.0.1:8080, everything in ./.stack
  tools/stack up --web apache --port 0 --dir /tmp/second
  . .stack/env                        BONAFIDE_URL, BONAFIDE_LIVE_KEY, ... for your shell
  tools/stack down                    stop; the data stays and the next `up` has it again
  rm -r .stack                        (after `down`) forget everything

Rate limits are on and wide; `--set rate_per_s=25 --set rate_burst=35` and so on bring them back.

What `up` was told (port, web server, settings, ...) is remembered for the next `up`."""


class _Parser(argparse.ArgumentParser):
    """argparse, with a suggestion for a mistyped word instead of a list of all."""

    def error(self, message):
        words = [word for action in self._actions if not action.option_strings
                 for word in action.choices or ()]
        hint = ""
        if "invalid choice: '" in message:
            wrong = message.split("invalid choice: '")[1].split("'")[0]
            near = difflib.get_close_matches(wrong, words, 1)
            message = f"there is no `{wrong}`"
            hint = f"did you mean `{near[0]}`? " if near else f"there are: {', '.join(words)}. "
        elif "are required" in message and words:
            message = f"{message.rpartition(' ')[2]} is missing"
            hint = f"there are: {', '.join(words)}. "
        sys.stderr.write(f"stack: {message}\n{hint}`{self.prog} --help` shows all.\n")
        sys.exit(2)


def _port(text):
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"`{text}` is not a port (0 to 65535; 0 finds a free one)")
    return int(text)


def _workers(text):
    if not text.isdigit() or not 1 <= int(text) <= 512:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of workers (1 to 512)")
    return int(text)


def _setting(text):
    try:
        return check_setting(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"`{text}` is not of the form key=value") from error


def build_parser():
    parser = _Parser(prog="tools/stack", description=_ABOUT, epilog=_MORE,
                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--dir", default=_DEFAULT_DIR, metavar="D",
                       help="the stack's directory (default ./%(default)s)")

    def command(name, text):
        return commands.add_parser(name, parents=[where], help=text, description=text)

    up = command("up", "start it, making what is not there yet")
    up.add_argument("--port", type=_port, metavar="P",
                    help=f"of the web server on 127.0.0.1 (default {_DEFAULT_PORT}; 0: a free one)")
    up.add_argument("--web", choices=web.KINDS, help="web server (default nginx)")
    up.add_argument("--workers", type=_workers, metavar="N", help="of the pool")
    up.add_argument("--set", type=_setting, action="append", default=[], metavar="KEY=VALUE",
                    help="a setting of bonafide.conf; may be repeated")
    up.add_argument("--unset", action="append", default=[], metavar="KEY",
                    help="forget an earlier --set")
    up.add_argument("--build", metavar="DIR",
                    help="where the programs are (default: $BONAFIDE_BUILD, .build or the tree)")
    batch = up.add_mutually_exclusive_group()
    batch.add_argument("--no-batch", dest="batch", action="store_const", const=False,
                       help="do not run the batch")
    batch.add_argument("--batch", dest="batch", action="store_const", const=True,
                       help="run it again after an earlier --no-batch")
    up.add_argument("--db-of", metavar="D2", help="a further pool and web server on the database, "
                    "keys and simulator of the stack in D2")

    command("down", "stop it; the data stays")
    command("env", "print what a shell needs to use it")
    command("status", "say which parts run; exit status 3 when one does not")

    logs = command("logs", "print the end of the logs")
    logs.add_argument("part", nargs="?", choices=_LOGS, metavar="PART",
                      help=", ".join(_LOGS) + " (default: all)")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as they grow")
    logs.add_argument("-n", "--lines", type=int, default=None, metavar="N",
                      help="how many lines (default 100; 15 each of all)")

    sql = command("sql", "ask the database, as its administrator")
    sql.add_argument("query", nargs="?", metavar="QUERY",
                     help="one query (default: a prompt, or queries from standard input)")

    receiver = command("receiver", "start a webhook receiver that verifies and notes what it gets "
                       "(log `receiver`); `down` ends it")
    receiver.add_argument("--port", type=_port, default=0, metavar="P",
                          help="on 127.0.0.1 (default: a free one, which is printed)")
    receiver.add_argument("--secret-file", required=True, metavar="F",
                          help="holds the endpoint's whsec_ secret; mode 0600")
    receiver.add_argument("--fail", type=int, default=0, metavar="N",
                          help="answer 500 to the first N")

    restart = command("restart", "stop and start one part, or all")
    restart.add_argument("part", choices=PARTS + ("all",), metavar="PART",
                         help=", ".join(PARTS) + ", all")
    return parser


def _say(text):
    print(f"stack: {text}", flush=True)


def _known(args):
    """The stack of --dir, which must have been made."""
    stack = Stack(args.dir)
    if not stack.layout.exists():
        raise Trouble(f"there is no stack in {args.dir}",
                      "`tools/stack up` makes one; --dir names another directory")
    return stack


# ---- up ----------------------------------------------------------------------------------------

def _merge(stack, args):
    """Writes the options into the stack's memory. True when something changed."""
    old = dict(stack.state)
    state = stack.state
    if args.db_of is not None:
        other = Stack(args.db_of)
        if other.layout.dir == stack.layout.dir:
            raise Trouble("--db-of names this very stack")
        if not other.state.get("keys"):
            raise Trouble(f"there is no stack in {args.db_of} whose database could be used",
                          f"`tools/stack up --dir {args.db_of}` makes one")
        if "org" in state and not state.get("db_of"):
            raise Trouble(f"the stack in {args.dir} has a database of its own",
                          "choose another --dir for the second pool")
        state["db_of"] = other.layout.dir
    if args.web or "web" not in state:
        state["web"] = args.web or "nginx"
    if args.workers:
        state["workers"] = args.workers
    if args.batch is not None or "batch" not in state:
        state["batch"] = args.batch is not False
    settings = dict(state.get("set", {}))
    for key in args.unset:
        if key not in settings:
            raise Trouble(f"--unset {key}: it was not set with --set")
        del settings[key]
    settings.update(args.set)
    state["set"] = settings
    wanted = args.build or os.environ.get("BONAFIDE_BUILD") \
        or (state.get("build") if os.path.isdir(state.get("build", "")) else None)
    state["build"] = programs.find_build(wanted)
    if args.port or ("port" not in state and args.port is None):
        state["port"] = args.port or _DEFAULT_PORT
        state["any_port"] = False
    elif args.port == 0 and not state.get("any_port"):
        state["any_port"] = True
        state["port"] = free_port()
    return old != state


def _choose_ports(stack, running):
    state = stack.state
    if "web" not in running and not port_is_free(state["port"]):
        if not state.get("any_port"):
            raise Trouble(f"port {state['port']} is in use by another program",
                          "choose another with --port N, or --port 0 for any free one")
        state["port"] = free_port()
    if state.get("db_of"):
        base = Stack(state["db_of"])
        if not base.procs["db"].running():
            raise Trouble(f"the database of {state['db_of']} does not run",
                          f"`tools/stack up --dir {state['db_of']}` starts it")
        for key in ("org", "app", "keys", "smile_port", "mail_port"):
            state[key] = base.state[key]
    elif "smile" not in running and not port_is_free(state.get("smile_port", 0)) \
            or not state.get("smile_port"):
        state["smile_port"] = free_port(taken=(state["port"],))
    if not state.get("db_of") and ("mail" not in running and not port_is_free(
            state.get("mail_port", 0)) or not state.get("mail_port")):
        state["mail_port"] = free_port(taken=(state["port"], state["smile_port"]))


def _up(args):
    layout = Layout(args.dir)
    fresh = not layout.exists()
    layout.make()
    try:
        with layout.locked():
            stack = _bring_up(args, fresh)
    finally:
        layout.forget_empty()
    _welcome(stack, args)
    return 0


def _bring_up(args, fresh):
    stack = Stack(args.dir)
    running = [part for part in PARTS if stack.procs[part].running()]
    changed = _merge(stack, args)
    if running and changed and not fresh:
        raise Trouble(f"the stack in {args.dir} is running, and with other options",
                      f"stop it first: tools/stack down --dir {args.dir}")
    for part in PARTS:
        if part not in running:
            stack.procs[part].stop()     # what a killed part left behind
    _choose_ports(stack, running)
    stack.save()
    stack.write_files()
    started = []
    try:
        _start(stack, running, started)
    except BaseException:
        for part in reversed(started):
            stack.stop(part)
        if started:
            _say("what had been started was stopped again; the data is kept")
        raise
    return stack


def _start(stack, running, started):
    for part in stack.parts():
        if part in running:
            _say(f"{NAMES[part]:<10} runs already (pid {stack.procs[part].pid})")
            continue
        if part == "pool" and not stack.state.get("db_of"):
            stack.secrets_ready()
            stack.contents_ready()
        started.append(part)
        stack.start(part)
        if part == "db":
            db.accounts(stack.layout)
        _say(f"{NAMES[part]:<10} started (pid {stack.procs[part].pid}){_about(stack, part)}")
    stack.write_env()
    stack.wait_ready()


def _about(stack, part):
    return {"db": f", socket {stack.layout.socket('db.sock')}",
            "smile": f", {stack.smile_url()}" if part == "smile" else "",
            "mail": f", mails in {stack.layout.mail_dir}",
            "pool": f", programs of {stack.state['build']}",
            "web": f", {stack.state['web']} on {stack.url()}"}.get(part, "")


def _welcome(stack, args):
    where = "" if args.dir == _DEFAULT_DIR else f" --dir {args.dir}"
    env = os.path.join(args.dir, "env")
    env = env if env.startswith(("/", ".")) else "./" + env
    page = f", its API explained at {stack.url()}/reference" if web.page(stack.state["build"]) else ""
    print(f"""
Bonafide is up at {stack.url()}{page}

  . {env}
  curl -sS -H "Authorization: Bearer $BONAFIDE_SANDBOX_KEY" "$BONAFIDE_URL/v1/kyc/verifications"

  tools/stack status{where}     which parts run
  tools/stack logs -f{where}    what they say
  tools/stack down{where}       stop (the data stays)""")


# ---- the others --------------------------------------------------------------------------------

def _down(args):
    layout = Layout(args.dir)
    if not layout.exists() and not os.path.isdir(layout.run):
        _say(f"there is no stack in {args.dir}; nothing to stop")
        return 0
    with layout.locked():
        stack = Stack(args.dir)
        forced = False
        for part in (RECEIVER,) + tuple(reversed(PARTS)):
            word = stack.stop(part)
            if word == "killed":
                forced = True
                word = "did not end by itself and was killed"
            if word != "not running":
                _say(f"{NAMES[part]:<10} {word}")
        layout.forget_sockets()
    _say("down; the data stays in " + args.dir)
    return 1 if forced else 0


def _env(args):
    stack = _known(args)
    try:
        with open(stack.layout.env, encoding="utf-8") as file:
            sys.stdout.write(file.read())
    except FileNotFoundError:
        raise Trouble(f"the stack in {args.dir} never came up",
                      "`tools/stack up` says why") from None
    return 0


def _status(args):
    stack = _known(args)
    wanted, well = stack.parts(), True
    for part in PARTS:
        proc = stack.procs[part]
        if proc.running():
            minutes, seconds = divmod(int(proc.since_s()), 60)
            word = f"runs      pid {proc.pid:<8} since {minutes} min {seconds:02d} s"
        elif part not in wanted:
            other = stack.state.get("db_of") if part in ("db", "smile", "mail") else None
            word = f"that of {other}" if other else "not wanted (--no-batch)"
        else:
            word = "died" if proc.pid else "stopped"
            well = False
        print(f"{NAMES[part]:<11} {word}{_about(stack, part) if proc.running() else ''}")
    return 0 if well else 3


def _logs(args):
    stack = _known(args)
    files = [stack.layout.log(part) for part in ((args.part,) if args.part else _LOGS)]
    files = [path for path in files if os.path.exists(path)]
    if not files:
        raise Trouble(f"the stack in {args.dir} has not written "
                      + (f"a log `{args.part}`" if args.part else "any log"))
    lines = args.lines if args.lines is not None else 100 if args.part else 15
    tail = programs.find("tail")
    os.execv(tail, [tail, "-n", str(max(0, lines))] + (["-F"] if args.follow else []) + files)
    return 1


def _sql(args):
    stack = _known(args)
    owner = stack.owner()
    if not Proc(owner, "db").running():
        raise Trouble("the database does not run", "`tools/stack up` starts it")
    more = [f"--database={db.NAME}"]
    if args.query is not None:
        more += ["-e", args.query] + (["--table"] if sys.stdout.isatty() else ["--batch"])
    argv = db.client_argv(owner, *more)
    os.execv(argv[0], argv)
    return 1


def _restart(args):
    stack = _known(args)
    with stack.layout.locked():
        stack = Stack(args.dir)
        wanted = stack.parts()
        if args.part != "all" and args.part not in wanted:
            raise Trouble(f"this stack does not run the {NAMES[args.part]}",
                          "it was started with --db-of or --no-batch")
        chosen = wanted if args.part == "all" else [args.part]
        for part in reversed(chosen):
            stack.stop(part)
        for part in chosen:
            stack.start(part)
            _say(f"{NAMES[part]:<10} started (pid {stack.procs[part].pid})")
        if stack.procs["web"].running() and stack.procs["pool"].running():
            stack.wait_ready()
    return 0


def _receiver(args):
    stack = _known(args)
    with stack.layout.locked():
        stack = Stack(args.dir)
        stack.stop(RECEIVER)
        port = args.port or free_port()
        stack.start_receiver(port, os.path.abspath(args.secret_file), args.fail)
    print(port)
    return 0


_COMMANDS = {"up": _up, "down": _down, "env": _env, "status": _status, "logs": _logs, "sql": _sql,
             "restart": _restart, "receiver": _receiver}


def main(argv):
    os.umask(0o077)
    args = build_parser().parse_args(argv)
    try:
        return _COMMANDS[args.command](args)
    except Trouble as trouble:
        sys.stdout.flush()
        tail = log_tail(trouble.log) if trouble.log else ""
        if tail:
            print(f"---- the end of {trouble.log}\n{tail}\n----", file=sys.stderr)
        print(f"stack: {trouble.sentence}", file=sys.stderr)
        if trouble.hint:
            print(f"stack: {trouble.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stack: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
