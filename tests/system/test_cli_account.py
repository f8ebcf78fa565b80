# SPDX-License-Identifier: Apache-2.0
"""`bonafide account password` at a terminal: what is typed is not shown, and the terminal is as before."""

import os
import pty
import select
import signal
import termios
import time

import pytest

from accounts import account_register, login

NEW = "An0ther!Password"


class Terminal:
    """The command with a terminal of its own."""

    def __init__(self, stack, address):
        self.output = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            program = stack.env["BONAFIDE_BIN"] + "/bonafide"
            os.execv(program, [program, "-c", stack.conf, "account", "password", address])

    def read(self, until, seconds=20):
        end = time.monotonic() + seconds
        while until not in self.output and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.output += os.read(self.fd, 4096).decode()
                except OSError:
                    break
        assert until in self.output, self.output

    def type(self, text):
        os.write(self.fd, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def end(self):
        try:
            while data := os.read(self.fd, 4096):
                self.output += data.decode()
        except OSError:
            pass
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture(scope="module")
def person(stack):
    return account_register(stack)


def test_typed_twice_and_not_shown(stack, person):
    terminal = Terminal(stack, person["email"])
    terminal.read("New password: ")
    assert not terminal.echoes()
    terminal.type(NEW + "\n")
    terminal.read("Once more: ")
    terminal.type(NEW + "\n")
    assert terminal.end() == 0, terminal.output
    assert NEW not in terminal.output and "the password is changed" in terminal.output
    assert login(stack, person["email"], NEW).status_code == 200


def test_two_that_differ(stack, person):
    terminal = Terminal(stack, person["email"])
    terminal.read("New password: ")
    terminal.type("Str0ng!Enough\n")
    terminal.read("Once more: ")
    terminal.type("Str0ng!Enouhg\n")
    assert terminal.end() == 1
    assert "the two are not the same; nothing was changed" in terminal.output
    assert login(stack, person["email"], NEW).status_code == 200


def test_given_up(stack, person):
    terminal = Terminal(stack, person["email"])
    terminal.read("New password: ")
    terminal.type("\x03")
    terminal.read("no password came; nothing was changed")
    assert terminal.end() == 1
    # Ended from outside, too, it leaves the terminal as it was.
    terminal = Terminal(stack, person["email"])
    terminal.read("New password: ")
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.end() == -signal.SIGTERM
