# SPDX-License-Identifier: Apache-2.0
"""A browser that tests drive, through tests/lib/verify/drive.mjs: tabs as a person has them."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from npm import installed

SOURCE = Path(__file__).resolve().parent / "verify"


class Tab:
    """One tab. Every operation of drive.mjs is a method: tab.click(selector="#go"), tab.pass_(seconds=1)."""

    def __init__(self, browser, name, **more):
        self.browser, self.name = browser, name
        browser.order(tab=name, does="open", **more)

    def __getattr__(self, does):
        return lambda **more: self.browser.order(tab=self.name, does=does.rstrip("_"), **more)


class Frame:
    """A frame of a tab, by its name: all that concerns what is in it."""

    def __init__(self, tab, name):
        self.tab, self.name = tab, name

    def __getattr__(self, does):
        return lambda **more: getattr(self.tab, does)(frame=self.name, **more)


class Popup:
    """The window that a tab opened last."""

    def __init__(self, tab):
        self.tab = tab

    def __getattr__(self, does):
        return lambda **more: getattr(self.tab, does)(popup=True, **more)


class Browser:
    def __init__(self, place, camera=False):
        """place: a directory for the npm packages; camera: there is one. Skips the test where something
        is missing."""
        chromium = shutil.which("chromium")
        if not chromium:
            pytest.skip("chromium is missing; nobody can look at the page")
        installed(SOURCE, place)
        told = json.dumps({"chromium": chromium, "root": os.geteuid() == 0, "camera": camera})
        self.process = subprocess.Popen(["node", str(place / "drive.mjs"), told], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.tabs, self.closed = 0, 0

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the browser has ended"
        answer = json.loads(line)
        assert "failed" not in answer, f"{order}: {answer['failed']}"
        return answer["is"]

    def tab(self, beside=None, **more):
        """A tab in a browser of its own, or beside another one."""
        self.tabs += 1
        if beside is not None:
            more["with"] = beside.name
        return Tab(self, str(self.tabs), **more)

    def close_tabs(self):
        """All there are; their storage too."""
        while self.closed < self.tabs:
            self.closed += 1
            self.order(tab=str(self.closed), does="close")

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)
