# SPDX-License-Identifier: Apache-2.0
"""What ``spillway explain`` says of the run's decisions holds. Runs after the other tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud import explanations
from tests.cloud.client import Cloud
from tests.cloud.journal import reason_codes

MOST_OF_A_KIND = 3
"""Decisions of one kind that are explained, the newest; a run has hundreds of some."""


@pytest.fixture(scope="module")
def decisions(running_cloud: Cloud) -> list[dict[str, Any]]:
    """The newest decisions of every kind that the run has, with one of this very run among them."""
    running_cloud.open_gate()
    server = running_cloud.place()
    running_cloud.delete([server.id])
    kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in running_cloud.journal.lines("decision"):
        kind = (reason_codes(line)[0], line["decision"]["attempts"][0]["kind"])
        kinds.setdefault(kind, []).append(line)
    return [line for lines in kinds.values() for line in lines[-MOST_OF_A_KIND:]]


def test_every_kind_of_decision_is_explained_and_its_counterfactuals_hold(
    running_cloud: Cloud, decisions: list[dict[str, Any]]
) -> None:
    n_counterfactuals = 0
    for line in decisions:
        explanation = explanations.explain(running_cloud.layout, line["id"])
        n_counterfactuals += explanations.check(running_cloud, line, explanation)
    assert n_counterfactuals, "no decision of the run could have been another one"
