# SPDX-License-Identifier: Apache-2.0
"""The packages of npm that judge us: installed by their lock file, in a directory of a test's own."""

import json
import shutil
import subprocess

import pytest

NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ETIMEDOUT")


def installed(source, place):
    """A copy of the directory `source` in `place`, with the packages of its lock file. Skips the test
    where node or npm is missing or nothing can be fetched."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.skip(f"{program} is missing; the npm package cannot judge")
    for file in source.iterdir():
        if file.is_file():
            shutil.copy(file, place)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=place,
                          capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0 and any(word in done.stderr for word in NO_NETWORK):
        pytest.skip("the package registry cannot be reached")
    assert done.returncode == 0, done.stderr
    return place


def names_no_host(source, package):
    """Whether the lock file says what the packages are, and not where they came from."""
    lock = json.loads((source / "package-lock.json").read_text())
    packages = {name: row for name, row in lock["packages"].items() if name}
    return "node_modules/" + package in packages and all(
        "resolved" not in row and row["integrity"].startswith("sha512-")
        for row in packages.values())
