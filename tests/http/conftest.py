# SPDX-License-Identifier: Apache-2.0
"""One stack for all HTTP tests, behind the web server that BONAFIDE_WEB names."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from contract import Contract  # noqa: E402
from product import Stack  # noqa: E402
from receiver import Receiver  # noqa: E402


@pytest.fixture(scope="session")
def stack():
    """Customers' URLs may point at loopback, where the tests' receiver is. Without an age estimator a
    reviewer's cases stay. Every answer that a client of it gets is held against the document the stack
    serves (contract.py)."""
    with Stack("--set", "egress_allow=127.0.0.0/8", "--set", "age_estimator_url=") as running:
        running.contract = Contract(running.client().get("/openapi").json())
        yield running


@pytest.fixture()
def receiver():
    """Of each test its own: what an earlier one left behind is tried again at another port."""
    with Receiver() as running:
        yield running


@pytest.fixture(scope="session")
def live(stack):
    return stack.live


@pytest.fixture(scope="session")
def sandbox(stack):
    return stack.sandbox


@pytest.fixture(scope="session")
def stranger(stack):
    """A live key of another tenant, with all scopes."""
    app, _ = stack.tenant("Stranger")
    return stack.client(stack.key(app)["key"])


@pytest.fixture()
def tenant(stack):
    """A fresh tenant: (application id, live client, sandbox client)."""
    app, _ = stack.tenant("Fresh")
    return (app, stack.client(stack.key(app)["key"]),
            stack.client(stack.key(app, environment="sandbox")["key"]))
