# SPDX-License-Identifier: Apache-2.0
"""The command line, and the life of the server from the first socket to a clean end."""

import argparse
import asyncio
import gc
import ipaddress
import re
import resource
import signal
import sys

from aiohttp import web

from . import faults, signing, state
from .admin import Admin
from .courier import Courier
from .estimator import estimate
from .front import Front
from .legacy import Legacy
from .reply import Reply
from .v3 import V3

_BODY_MAX = 10 * 1024 * 1024     # B2
_BACKLOG = 4096

_ABOUT = """A strict local simulator of Smile ID's API: the older signed JSON endpoints (/v1, /v2)
and V3. It answers on loopback only, calls back to loopback only, and knows no real person."""

_ADMIN_HELP = """
sandbox outcomes (legacy), by the last digit of id_number:
  0 the canned person, Joe Doe Leo born 2000-09-20   1, 5-9 not found (1013)   2 bad format (1014)
  3 authority unavailable (1015)   4 as 0, with result keys from partner_params (FullName, DOB, ...)
  Basic KYC compares the request with that person: 1020, 1021 or 1022.
  partner_params.sandbox_result: "0" approve, "1" reject, "2" provisional.

age estimator, no API of the provider's: POST /age/estimate with a picture; the age is the one that
  "age=17.5" in its bytes says, 30 without; "age=none" has no face, and is refused.

control API, on the same port:
  GET|POST|DELETE /_sim/faults   {"faults":[{"name","match":{...},"times":N,"args":{...}}]}
                                 match: path job_id user_id id_number country id_type, * is free
  GET|DELETE /_sim/journal       ?job_id= &path= &kind=request|callback &since=SEQ &limit=
  GET|DELETE /_sim/jobs          ?job_id= &id_number= &limit=; DELETE forgets counters and
                                 callbacks still to be sent, too
  GET|POST   /_sim/settings      {"callback_delay_ms":300, ...}
  GET        /_sim/stats
  POST       /_sim/callback      {"job_id", "url"?, "code"?, "final"?, "result"?,
                                 "signature":"bad"?, "age_s"?, "copies"?, "retries"?}
A submission may name faults itself: partner_params.sim = "drop-after" or "delay:2000,big-photo".
"""


def _listen_address(text):
    host, _, port = text.rpartition(":")
    try:
        good = ipaddress.IPv4Address(host).is_loopback and 0 <= int(port) <= 65535
    except ValueError:
        good = False
    if not good:
        raise argparse.ArgumentTypeError(f"{text} is not a loopback address like 127.0.0.1:8300")
    return host, int(port)


def _partner_id(text):
    if not re.fullmatch(r"[0-9]*[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError("a partner id is a number, written with its zeros")
    return text


def _natural(text):
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number")
    return int(text)


def build_parser():
    preset = state.Settings()
    parser = argparse.ArgumentParser(
        prog="smile-sim", description=_ABOUT, epilog=_ADMIN_HELP + "\n" + faults.describe(),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--vectors", action="store_true", help="recompute the golden signatures and exit")
    add("--listen", type=_listen_address, default=("127.0.0.1", 0), metavar="127.0.0.1:PORT",
        help="port 0, the default, picks a free one")
    add("--partner-id", type=_partner_id, default="085", metavar="ID", help="default 085")
    key = parser.add_mutually_exclusive_group()
    key.add_argument("--api-key-file", metavar="FILE", help="a file whose first line is the key")
    key.add_argument("--api-key", metavar="KEY")
    add("--journal", metavar="FILE", help="append the journal to FILE too, one JSON object a line")
    add("--log", metavar="FILE", help="append one line per request and callback to FILE")
    for name, text in (
            ("callback-delay-ms", "from acceptance to the callback"),
            ("callback-retry-ms", "between attempts of a callback"),
            ("callback-retries", "attempts after the first"),
            ("callback-timeout-ms", "a slower acknowledgement is a failure"),
            ("skew-s", "how far a request's timestamp may be off"),
            ("number-limit", "submissions of one ID number before 2222; 0 for no limit"),
            ("unavailable-times", "1015 for a number this often, then 1012; 0 for ever")):
        add(f"--{name}", type=_natural, metavar="N",
            default=getattr(preset, name.replace("-", "_")), help=f"{text} (%(default)s)")
    add("--unknown-identity", choices=preset.CHOICES["unknown_identity"],
        default=preset.unknown_identity, help="V3: what an unlisted person gets (%(default)s)")
    return parser


def _read_key(parser, args):
    if args.api_key_file:
        try:
            with open(args.api_key_file, encoding="ascii") as file:
                key = file.readline().rstrip("\r\n")
        except (OSError, ValueError) as error:
            parser.error(f"cannot read the API key: {error}")
    else:
        key = args.api_key or ""
    if not key or not key.isascii():
        parser.error("an API key is needed: --api-key-file or --api-key")
    return key


async def _no_such_path(call):
    return Reply(404, {"error": f"there is no {call.request.method} {call.path}"}, code="http-404")


def build_app(world):
    """The application and the courier that it needs opened."""
    courier = Courier(world)
    front = Front(world)
    legacy, v3 = Legacy(world, courier), V3(world, courier)
    courier.v3_headers = v3.headers
    app = web.Application(client_max_size=_BODY_MAX)
    app.add_routes(Admin(world, courier).routes())
    app.add_routes([
        web.post("/v1/id_verification", front.endpoint(legacy.submit(basic=False, sync=True))),
        web.post("/v1/async_id_verification", front.endpoint(legacy.submit(False, False))),
        web.post("/v2/verify", front.endpoint(legacy.submit(basic=True, sync=True))),
        web.post("/v2/verify_async", front.endpoint(legacy.submit(True, False))),
        web.post("/v1/job_status", front.endpoint(legacy.job_status)),
        web.get("/v1/services", front.endpoint(legacy.services)),
        web.post("/v1/id_number_rate_limit_reset", front.endpoint(legacy.rate_limit_reset)),
        web.post("/v3/token", front.endpoint(v3.token)),
        web.post("/v3/enhanced_kyc", front.endpoint(v3.submit(sync=False))),
        web.post("/v3/enhanced_kyc/sync", front.endpoint(v3.submit(sync=True))),
        web.get("/v3/status/{job_id}", front.endpoint(v3.status)),
        web.post("/v3/replay/{job_id}", front.endpoint(v3.replay)),
        web.get("/v3/services/supported_id_types", front.endpoint(v3.supported_id_types)),
        web.get("/v3/services/bank_codes", front.endpoint(v3.bank_codes)),
        web.get("/v3/services/supported_documents", front.endpoint(v3.supported_documents)),
        web.get("/v3/services/id_status", front.endpoint(v3.id_status)),
        web.post("/age/estimate", front.endpoint(estimate)),
        # Last, so that a wrong path or method is journalled like any other request.
        web.route("*", "/{anything:.*}", front.endpoint(_no_such_path)),
    ])
    return app, courier


async def _serve(world, host, port):
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app, courier = build_app(world)
    await courier.open()
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=75)
    await runner.setup()
    world.server = runner.server
    try:
        site = web.TCPSite(runner, host, port, backlog=_BACKLOG, shutdown_timeout=0.2)
        await site.start()
        port = runner.addresses[0][1]
        print(f"smile-sim listening on http://{host}:{port}", flush=True)
        world.log(f"listening on {host}:{port}")
        await stop.wait()
    finally:
        await courier.close()
        await runner.cleanup()
        world.log("stopped")
        world.journal.close()


def main(argv):
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.vectors:
        return 0 if signing.print_vectors(sys.stdout) else 1
    key = _read_key(parser, args)
    settings = state.Settings()
    settings.change({name: getattr(args, name) for name in (
        "callback_delay_ms", "callback_retry_ms", "callback_retries", "callback_timeout_ms",
        "skew_s", "number_limit", "unavailable_times", "unknown_identity")})
    # Thousands of connections may be open at once.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        world = state.World(args.partner_id, key, settings, args.journal, args.log)
        # Long-lived records dominate the heap; collecting them often only costs time under load.
        gc.set_threshold(50_000, 20, 20)
        asyncio.run(_serve(world, *args.listen))
    except OSError as error:
        print(f"smile-sim: {error}", file=sys.stderr)
        return 1
    return 0
