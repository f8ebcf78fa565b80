# SPDX-License-Identifier: Apache-2.0
"""Media where things go wrong: a disk without room, and workers that are killed while they take in."""

import os
import signal
import subprocess

import pytest

from media import Media, png
from product import Stack, wait_for


@pytest.fixture(scope="module")
def stack():
    with Stack("--no-batch") as running:
        yield running


@pytest.fixture(scope="module")
def media(stack):
    return Media(stack)


def workers(stack):
    pool = stack.pid("pool")
    with open(f"/proc/{pool}/task/{pool}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def test_a_full_disk(stack, media):
    os.makedirs(media.directory, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", media.directory],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("a file system can be mounted by root alone")
    try:
        answer = media.send("image/png", png(3_000_000))
        assert answer.status_code == 503, answer.text
        assert list(answer.json()) == ["error", "correlationId"]
        assert media.files() == []
        # There is room again: what is small enough is taken.
        assert media.send("image/png", png(1000)).status_code == 201
        assert len(media.files()) == 1
        assert stack.rows("SELECT COUNT(*) FROM media")[0][0] == 1
    finally:
        subprocess.run(["umount", media.directory], check=True)


def test_killed_while_it_takes_in(stack, media):
    before, rows = media.files(), stack.rows("SELECT COUNT(*) FROM media")
    alive = workers(stack)
    with media.begin():
        wait_for(lambda: media.files() != before)
        for worker in alive:
            os.kill(worker, signal.SIGKILL)
        wait_for(lambda: len(workers(stack)) == len(alive)
                 and not set(workers(stack)) & set(alive))
    (left,) = set(media.files()) - set(before)
    assert os.path.dirname(left) == os.path.join(media.directory, "new")
    assert stack.rows("SELECT COUNT(*) FROM media") == rows
    # The next one is taken all the same; the batch removes what was left once it is old.
    assert media.send("image/png", png()).status_code == 201
    digits = os.path.basename(left)
    old = os.path.join(os.path.dirname(left), f"{int(digits[:12], 16) - 4_000_000:012x}{digits[12:]}")
    os.rename(left, old)
    stack.batch("--only", "expire")
    assert not os.path.exists(old)
    assert len(media.files()) == len(before) + 1
