# SPDX-License-Identifier: Apache-2.0
"""Where everything of a stack is, and what it remembers between `up`s (stack.json)."""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat

from .trouble import Trouble

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../.."))

# sun_path holds 108 bytes with its NUL; mariadbd and libfcgi refuse longer ones in odd words.
_SOCKET_PATH_MAX = 107
_LONGEST_SOCKET = "fcgi.sock"


class Layout:
    """The directory D of one stack. Reading attributes creates nothing."""

    def __init__(self, directory):
        self.dir = os.path.realpath(directory)
        if not re.fullmatch(r"[^\s\"'`\\;#${}|%*?<>]+", self.dir):
            raise Trouble(f"the path {self.dir} holds a space or a sign that configuration files "
                          "cannot", "choose another directory with --dir")
        self.run = self.path("run")
        self.log_dir = self.path("log")
        self.db_data = self.path("db")
        self.conf = self.path("bonafide.conf")
        self.migrate_conf = self.path("migrate.conf")
        self.master_key = self.path("master.key")
        self.pepper = self.path("pepper")
        self.db_password = self.path("db.password")
        self.migrate_password = self.path("migrate.password")
        self.smile_key = self.path("smile.key")
        self.mail_dir = self.path("mail")
        self.media_dir = self.path("media")
        self.env = self.path("env")
        self.state_file = self.path("stack.json")
        self.sockets = self._sockets()

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def log(self, part):
        return os.path.join(self.log_dir, part + ".log")

    def socket(self, name):
        return os.path.join(self.sockets, name)

    def pid_file(self, part):
        return os.path.join(self.run, part + ".pid")

    def _sockets(self):
        """D/run; but a short directory under /tmp when that is too long for a Unix socket, or
        when (as root) the web server's unprivileged workers could not reach it."""
        if len(os.path.join(self.run, _LONGEST_SOCKET).encode()) <= _SOCKET_PATH_MAX \
                and (os.geteuid() != 0 or all_may_enter(self.dir)):
            return self.run
        name = hashlib.sha256(self.dir.encode()).hexdigest()[:12]
        return f"/tmp/bonafide-{os.geteuid()}-{name}"

    def exists(self):
        return os.path.exists(self.state_file)

    def make(self):
        """Makes the directories. D holds secrets in files of mode 0600; the directories let the
        web server's workers through to the socket and nowhere else."""
        try:
            for path in (self.dir, self.run, self.log_dir):
                os.makedirs(path, mode=0o711, exist_ok=True)
                if os.stat(path).st_uid == os.geteuid():
                    os.chmod(path, 0o711)
        except OSError as error:
            raise Trouble(f"cannot make {error.filename}: {error.strerror}",
                          "choose another directory with --dir") from error
        self.sockets = self._sockets()  # directories that did not exist before do now
        if self.sockets != self.run:
            _make_private(self.sockets)

    def forget_sockets(self):
        """Removes the short socket directory, if there is one."""
        if self.sockets != self.run and os.path.isdir(self.sockets) \
                and os.lstat(self.sockets).st_uid == os.geteuid():
            shutil.rmtree(self.sockets, ignore_errors=True)

    def forget_empty(self):
        """Removes the directories of a stack that never came to be."""
        if not self.exists():
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self.run, "lock"))
                for path in (self.run, self.log_dir, self.dir):
                    os.rmdir(path)
            self.forget_sockets()

    def read_state(self):
        try:
            with open(self.state_file, encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise Trouble(f"cannot read {self.state_file}: {error}",
                          "remove the directory to begin anew") from error

    def write_state(self, state):
        write_private(self.state_file, json.dumps(state, indent=1) + "\n")

    @contextlib.contextmanager
    def locked(self):
        """One `up`, `down` or `restart` of a stack at a time."""
        with open(os.path.join(self.run, "lock"), "w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def write_private(path, text):
    """Writes a file of mode 0600 by rename, so that a reader sees the old or the new one."""
    fresh = path + ".new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(fresh, path)


def all_may_enter(path):
    """Whether every directory down to path (as far as it exists; path itself left out) can be passed
    by anybody. The stack's own directories will be mode 0711."""
    at = os.path.dirname(path)
    while True:
        if os.path.isdir(at) and not os.stat(at).st_mode & 0o001:
            return False
        if at == "/":
            return True
        at = os.path.dirname(at)


def _make_private(path):
    """A directory under /tmp that is ours: an existing one of another user or a link is refused."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o711)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Trouble(f"{path}, which this stack needs for its sockets, belongs to somebody else",
                      "choose a shorter --dir, so that the sockets fit into it")
    os.chmod(path, 0o711)
