# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document judged by a program that is not ours: Redocly's linter, with every rule it
recommends. Nothing is sent anywhere: its telemetry and its look for updates are off."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import npm
import pytest

TOP = Path(__file__).resolve().parents[2]
JUDGE = TOP / "tests/lib/redocly"


@pytest.fixture(scope="module")
def document():
    """What `bonafide openapi` prints; tests/http hold it against GET /openapi."""
    places = [os.environ.get("BONAFIDE_BUILD"), TOP / ".build", TOP]
    program = next((Path(place) / "bonafide" for place in places
                    if place and (Path(place) / "bonafide").exists()), shutil.which("bonafide"))
    assert program, "there is no build: configure first, or name one in BONAFIDE_BUILD"
    done = subprocess.run([program, "openapi"], capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    place = npm.installed(JUDGE, tmp_path_factory.mktemp("redocly"))

    def problems(document):
        (place / "openapi.json").write_text(json.dumps(document))
        done = subprocess.run(
            ["node_modules/.bin/redocly", "lint", "--config", "redocly.yaml", "--format", "json",
             "openapi.json"], cwd=place, capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "REDOCLY_TELEMETRY": "off",
                 "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "HOME": str(place)})
        assert done.stdout.startswith("{"), done.stderr
        return [f"{row['severity']} {row['ruleId']}: {row['message']} at "
                f"{row['location'][0]['pointer']}" for row in json.loads(done.stdout)["problems"]]
    return problems


def test_redocly_finds_nothing(judge, document):
    assert judge(document) == []


def without_summary(document):
    del document["paths"]["/v1/keys"]["get"]["summary"]


def with_wrong_example(document):
    document["paths"]["/v1/keys"]["post"]["requestBody"]["content"]["application/json"][
        "example"]["name"] = 7


def with_unknown_part(document):
    document["paths"]["/v1/keys"]["get"]["responses"]["401"] = {
        "$ref": "#/components/responses/Nothing"}


@pytest.mark.parametrize("spoil, rule", [
    (without_summary, "operation-summary"), (with_unknown_part, "no-unresolved-refs"),
    (with_wrong_example, "no-invalid-media-type-examples")])
def test_redocly_can_say_no(judge, document, spoil, rule):
    spoiled = json.loads(json.dumps(document))
    spoil(spoiled)
    assert any(rule in problem for problem in judge(spoiled))


def test_lock_file_names_no_host():
    assert npm.names_no_host(JUDGE, "@redocly/cli")
