# SPDX-License-Identifier: Apache-2.0
"""What ``spillway explain`` says of the run's decisions holds. Runs after the other tests.

Its counterfactuals are held against the wheel: each change is made to the recorded inputs or the
recorded policy by the test itself, and the decision made again by the extension.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tomllib

from tests.cloud.client import Cloud
from tests.cloud.packages import OPENSTACK, program_file
from tests.cloud.policy import to_toml
from tests.cloud.test_journal import DECIDE_AGAIN

MOST = 40
"""Newest decisions that are explained; every kind of test leaves some among them."""


@pytest.fixture(scope="module")
def decisions(running_cloud: Cloud) -> list[dict[str, Any]]:
    """The newest decisions about servers, with one of this very run among them."""
    running_cloud.open_gate()
    server = running_cloud.place()
    running_cloud.delete([server.id])
    return running_cloud.journal.lines("decision")[-MOST:]


def explain(journal: Path, name: str) -> dict[str, Any]:
    """Return what the command says about a decision, read from the journal alone."""
    command = [program_file(), "explain", name, "--journal", journal, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    explanation: dict[str, Any] = json.loads(done.stdout)
    return explanation


def test_an_explanation_says_what_was_recorded_and_comes_to_the_same(
    running_cloud: Cloud, decisions: list[dict[str, Any]]
) -> None:
    for line in decisions:
        explanation = explain(running_cloud.layout.journal_file, line["id"])
        assert explanation["decision"]["id"] == line["id"]
        assert explanation["decision"]["reasons"] == line["decision"]["reasons"]
        assert explanation["again"]["same"], explanation["again"]


def test_every_counterfactual_changes_what_the_wheel_decides(
    running_cloud: Cloud, decisions: list[dict[str, Any]]
) -> None:
    policies = {line["digest"]: line["toml"] for line in running_cloud.journal.lines("policy")}
    cases, expected = [], []
    for line in decisions:
        explanation = explain(running_cloud.layout.journal_file, line["id"])
        for counterfactual in explanation["counterfactuals"]:
            documents = {
                "policy": tomllib.loads(policies[line["policy"]]),
                "inputs": json.loads(json.dumps(line["inputs"])),
            }
            for edit in counterfactual["edits"]:
                patch(documents[edit["document"]], edit)
            cases.append({"toml": to_toml(documents["policy"]), "inputs": documents["inputs"]})
            expected.append((line, counterfactual))
    assert cases, "no decision of the run could have been another one"
    python = running_cloud.layout.environment_bin(OPENSTACK.name) / "python"
    decided = subprocess.run(
        [python, "-c", DECIDE_AGAIN],
        input="".join(json.dumps(case) + "\n" for case in cases),
        capture_output=True,
        text=True,
        check=True,
        cwd=running_cloud.layout.home,
    ).stdout.splitlines()
    for (line, counterfactual), text in zip(expected, decided, strict=True):
        first = (json.loads(text)["attempts"])[0]
        assert first != line["decision"]["attempts"][0], counterfactual
        said = {key: value for key, value in counterfactual["attempt"].items() if value is not None}
        assert said == {key: value for key, value in first.items() if value is not None}


def patch(document: Any, edit: dict[str, Any]) -> None:
    """Change a document by one operation of JSON Patch (RFC 6902)."""
    *parents, last = [
        step.replace("~1", "/").replace("~0", "~") for step in edit["path"].split("/")[1:]
    ]
    for step in parents:
        document = document[int(step)] if isinstance(document, list) else document[step]
    if isinstance(document, list):
        at = len(document) if last == "-" else int(last)
        if edit["op"] == "add":
            document.insert(at, edit["value"])
        elif edit["op"] == "replace":
            document[at] = edit["value"]
        else:
            del document[at]
    elif edit["op"] == "remove":
        del document[last]
    else:
        document[last] = edit.get("value")
