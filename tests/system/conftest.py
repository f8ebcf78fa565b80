# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the system tests: stacks of their own, and the simulator's harness."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from product import Stack  # noqa: E402


@pytest.fixture(scope="module")
def stack():
    """One stack for a module whose tests break nothing for the next. Without an age estimator what waits
    for a reviewer stays so."""
    with Stack("--set", "age_estimator_url=") as running:
        yield running


@pytest.fixture()
def fresh_stack():
    """A stack for a test that breaks things."""
    with Stack() as running:
        yield running
