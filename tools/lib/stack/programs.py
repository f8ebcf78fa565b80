# SPDX-License-Identifier: Apache-2.0
"""Finding programs: the system's, and Bonafide's own three."""

import os
import shutil
import subprocess

from .layout import TOP
from .trouble import Trouble

# Debian keeps servers where an ordinary user's PATH does not look.
_PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin"

OURS = ("bonafide.fcgi", "bonafide-batch", "bonafide")


def find(*names):
    """The path of the first of these programs that is installed."""
    for name in names:
        path = shutil.which(name, path=_PATH)
        if path:
            return path
    raise Trouble(f"{' or '.join(names)} is not installed",
                  "`tools/deps stack` installs what a stack needs")


def find_build(wanted):
    """The directory of Bonafide's programs: wanted, or the newer of .build/ and the tree itself."""
    if wanted:
        places = [os.path.realpath(wanted)]
    else:
        places = [place for place in (os.path.join(TOP, ".build"), TOP)
                  if not _missing(place)]
        places.sort(key=lambda place: os.path.getmtime(os.path.join(place, OURS[0])), reverse=True)
        if not places:
            raise Trouble("Bonafide's programs are not built yet",
                          "build them: autoreconf -fi && ./configure && make; "
                          "or name a build directory with --build")
    missing = _missing(places[0])
    if missing:
        raise Trouble(f"{places[0]} has no {' and no '.join(missing)}",
                      "build there first (make), or name another directory with --build")
    return places[0]


def _missing(place):
    return [name for name in OURS if not os.access(os.path.join(place, name), os.X_OK)
            or os.path.isdir(os.path.join(place, name))]


def run(argv, what, log=None):
    """Runs a program to its end and returns its output; its failure is Trouble."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=120, check=False)
    except OSError as error:
        raise Trouble(f"{what}: cannot run {argv[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise Trouble(f"{what}: {os.path.basename(argv[0])} did not end within two minutes",
                      log=log) from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise Trouble(f"{what} failed (exit status {done.returncode}):\n    "
                      + "\n    ".join(said[-25:]), log=log)
    return done.stdout
