# SPDX-License-Identifier: Apache-2.0
"""A fault is worth one line until it is settled."""

from __future__ import annotations

import logging

import pytest

from nova_spillway.scheduler.complaints import Complaints


def test_a_standing_fault_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints(logging.getLogger("test"))
    for _ in range(3):
        complaints.once("journal", "cannot write %s", "journal.jsonl")
    complaints.once("trait", "no trait")
    assert caplog.messages == ["cannot write journal.jsonl", "no trait"]


def test_a_settled_fault_is_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints(logging.getLogger("test"))
    complaints.settled("journal")
    for _ in range(2):
        complaints.once("journal", "no")
        complaints.settled("journal")
    assert caplog.messages == ["no", "no"]
