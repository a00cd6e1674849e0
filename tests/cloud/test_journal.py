# SPDX-License-Identifier: Apache-2.0
"""The journal explains every decision of the run, and each can be made again. Runs last."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.cloud.client import Cloud
from tests.cloud.explanations import decide_again


@pytest.fixture(scope="module")
def lines(running_cloud: Cloud) -> list[dict[str, Any]]:
    """The journal, with at least one decision of this very run."""
    cloud = running_cloud
    cloud.open_gate()
    server = cloud.place()
    cloud.delete([server.id])
    assert cloud.journal.decision(server.id)
    return cloud.journal.lines()


def test_every_decision_has_one_line_and_one_outcome(lines: list[dict[str, Any]]) -> None:
    decisions = Counter(line["id"] for line in lines if line["kind"] == "decision")
    outcomes = Counter(line["decision"] for line in lines if line["kind"] == "outcome")
    assert set(decisions.values()) == {1}
    assert outcomes == decisions


def test_every_decision_has_its_policy_and_reasons(lines: list[dict[str, Any]]) -> None:
    policies = {line["digest"] for line in lines if line["kind"] == "policy"}
    for line in lines:
        if line["kind"] == "decision":
            assert line["policy"] in policies
            assert line["decision"]["reasons"]
            assert line["decision"]["attempts"]


def test_recorded_inputs_give_the_recorded_decision(
    running_cloud: Cloud, lines: list[dict[str, Any]]
) -> None:
    policies = {line["digest"]: line["toml"] for line in lines if line["kind"] == "policy"}
    decisions = [line for line in lines if line["kind"] == "decision"]
    cases = [{"toml": policies[line["policy"]], "inputs": line["inputs"]} for line in decisions]
    again = decide_again(running_cloud.layout, cases)
    assert len(again) == len(decisions)
    for line, decided in zip(decisions, again, strict=True):
        assert decided == line["decision"], line["id"]
