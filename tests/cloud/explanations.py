# SPDX-License-Identifier: Apache-2.0
"""``spillway explain``, held against the journal and against what the wheel decides.

The command verifies its counterfactuals by deciding again itself. Here each change is made to the
recorded inputs or the recorded policy by hand, and the decision made again by the extension in the
cloud's own Python.
"""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterable
from typing import Any

import tomllib

from tests.cloud.client import Cloud
from tests.cloud.layout import Layout
from tests.cloud.packages import OPENSTACK, program_file
from tests.cloud.policy import to_toml

_DECIDE_AGAIN = """
import json, sys
from nova_spillway import _native
for line in sys.stdin:
    case = json.loads(line)
    print(_native.decide_recorded(case["toml"], json.dumps(case["inputs"])))
"""
"""Run by the cloud's own Python, so that it is the installed wheel that decides again."""


def decide_again(layout: Layout, cases: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the wheel decides.

    :param cases: ``toml``, a policy, and ``inputs``, as a journal line records them.
    """
    python = layout.environment_bin(OPENSTACK.name) / "python"
    decided = subprocess.run(
        [python, "-c", _DECIDE_AGAIN],
        input="".join(json.dumps(case) + "\n" for case in cases),
        capture_output=True,
        text=True,
        check=True,
        cwd=layout.home,
    ).stdout
    return [json.loads(line) for line in decided.splitlines()]


def explain(layout: Layout, name: str) -> dict[str, Any]:
    """Return what the command says of a decision, read from the journal alone."""
    journal = layout.journal_file
    command = [program_file(), "explain", name, "--journal", journal, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    explanation: dict[str, Any] = json.loads(done.stdout)
    return explanation


def check(cloud: Cloud, line: dict[str, Any], explanation: dict[str, Any]) -> int:
    """Hold an explanation against its decision's line of the journal.

    :returns: the number of counterfactuals, each of which the wheel decides as it is said to.
    :raises AssertionError: something in it does not hold.
    """
    assert explanation["decision"]["id"] == line["id"]
    assert explanation["decision"]["reasons"] == line["decision"]["reasons"]
    assert explanation["again"]["same"], explanation["again"]
    policies = {entry["digest"]: entry["toml"] for entry in cloud.journal.lines("policy")}
    policy = tomllib.loads(policies[line["policy"]])
    counterfactuals = explanation["counterfactuals"]
    cases = []
    for counterfactual in counterfactuals:
        documents = {
            "policy": copy.deepcopy(policy),
            "inputs": copy.deepcopy(line["inputs"]),
        }
        for edit in counterfactual["edits"]:
            _patch(documents[edit["document"]], edit)
        cases.append({"toml": to_toml(documents["policy"]), "inputs": documents["inputs"]})
    decided = decide_again(cloud.layout, cases)
    for counterfactual, decision in zip(counterfactuals, decided, strict=True):
        said = (counterfactual["attempt"], counterfactual["shadow_attempt"])
        decided_first = _first_attempts(decision)
        assert decided_first != _first_attempts(line["decision"]), counterfactual
        assert tuple(map(_stated, said)) == decided_first, counterfactual
    return len(counterfactuals)


def _first_attempts(decision: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return the first attempt that is made, and in shadow mode the one that would have been."""
    shadow = decision.get("shadow_attempts") or [None]
    return _stated(decision["attempts"][0]), _stated(shadow[0])


def _stated(attempt: dict[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (attempt or {}).items() if value is not None}


def _patch(document: Any, edit: dict[str, Any]) -> None:
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
