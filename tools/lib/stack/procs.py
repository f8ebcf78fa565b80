# SPDX-License-Identifier: Apache-2.0
"""Starting processes and ending exactly those: a pid counts only together with its start time."""

import contextlib
import os
import signal
import subprocess
import time

from .layout import write_private

_MARKER = "BONAFIDE_STACK"


def _boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _stat(pid):
    """(state, session, start time in ticks) of a process, None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0].decode(), int(fields[3]), int(fields[19])


class Proc:
    """One part's main process: D/run/PART.pid holds the pid, D/run/PART.start its identity."""

    def __init__(self, layout, part):
        self.layout = layout
        self.part = part
        self.pid = None
        self._start = None
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(self._start_file(), encoding="ascii") as file:
                boot, pid, start = file.read().split()
            if boot == _boot_id():
                self.pid, self._start = int(pid), int(start)

    def _start_file(self):
        return os.path.join(self.layout.run, self.part + ".start")

    def spawn(self, argv, log):
        """Starts argv in a session of its own, its output appended to log."""
        environ = {key: value for key, value in os.environ.items()
                   if key not in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET")}
        environ[_MARKER] = self.layout.dir
        with open(log, "ab") as out:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                     env=environ, cwd=self.layout.dir, start_new_session=True)
        self._child = child
        found = _stat(child.pid)
        self.pid, self._start = child.pid, found[2] if found else 0
        write_private(self.layout.pid_file(self.part), f"{child.pid}\n")
        write_private(self._start_file(), f"{_boot_id()} {child.pid} {self._start}\n")

    def exit_status(self):
        """The status of a child of this very process that ended, None otherwise."""
        child = getattr(self, "_child", None)
        return child.poll() if child else None

    def running(self):
        """Whether the very process that was started lives. A zombie does not."""
        if self.pid is None:
            return False
        self.exit_status()
        found = _stat(self.pid)
        return bool(found) and found[2] == self._start and found[0] not in "ZX"

    def since_s(self):
        """Seconds since the start."""
        with open("/proc/uptime", encoding="ascii") as file:
            return float(file.read().split()[0]) - self._start / os.sysconf("SC_CLK_TCK")

    def send(self, number):
        """Sends a signal through a descriptor that names this process and never a later one."""
        if not self.running():
            return
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(self.pid)
            try:
                if self.running():
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)

    def stop(self, number=signal.SIGTERM, patience_s=40.0):
        """Ends it: politely, after patience_s by force; then whatever it left behind. Returns the
        word for how that went."""
        was = self.running()
        word = "not running"
        if was:
            self.send(number)
            word = "stopped" if self._wait_gone(patience_s) else "killed"
            if word == "killed":
                self.send(signal.SIGKILL)
                self._wait_gone(5.0)
        left = self._leftovers()
        if left:
            self._end_leftovers(left)
            word = word if was else "died earlier, its children ended"
        self.forget()
        return word

    def forget(self):
        for path in (self.layout.pid_file(self.part), self._start_file()):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        self.pid = None

    def _wait_gone(self, patience_s):
        until = time.monotonic() + patience_s
        while self.running():
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def _leftovers(self):
        """Live processes of the session that spawn() made whose leader is gone (workers of a
        master that was killed). The kernel gives a session's number to no new process while the
        session has members, so they are ours, unless a marker says otherwise."""
        if self.pid is None:
            return []
        leader = _stat(self.pid)
        if leader and leader[2] != self._start:
            return []
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            entry = _stat(int(name))
            if entry and entry[1] == self.pid and entry[2] >= self._start and entry[0] not in "ZX" \
                    and self._marked(int(name)):
                found.append((int(name), entry[2]))
        return found

    def _marked(self, pid):
        """False when its environment can be read and names another stack. (nginx overwrites its
        environment with its title, and a process without core dumps hides it: both pass.)"""
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                environ = file.read().split(b"\0")
        except OSError:
            return True
        marks = [value for value in environ if value.startswith(_MARKER.encode() + b"=")]
        return not marks or marks[0] == f"{_MARKER}={self.layout.dir}".encode()

    @staticmethod
    def _end_leftovers(left):
        for number in (signal.SIGTERM, signal.SIGKILL):
            until = time.monotonic() + 3
            while left and time.monotonic() < until:
                for pid, start in left:
                    with contextlib.suppress(ProcessLookupError):
                        entry = _stat(pid)
                        if entry and entry[2] == start:
                            os.kill(pid, number)
                time.sleep(0.1)
                left = [(pid, start) for pid, start in left
                        if (entry := _stat(pid)) and entry[2] == start and entry[0] not in "ZX"]
