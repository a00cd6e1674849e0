# SPDX-License-Identifier: Apache-2.0
"""The extension decides the recorded cases as the core does, and a journal explains itself."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from nova_spillway import _native

DATA = Path(__file__).parents[2] / "data"
CASES = sorted((DATA / "decisions").glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_recorded_case_is_decided_as_it_was_written_down(path: Path) -> None:
    case = json.loads(path.read_text())
    policy = "\n".join(case["policy"])
    decided = _native.decide_recorded(policy, json.dumps(case["inputs"]))
    assert json.loads(decided) == case["decision"]


def test_there_are_cases() -> None:
    assert len(CASES) >= 30


def request(**changes: Any) -> _native.Request:
    values: dict[str, Any] = {
        "operation": "boot",
        "instance_uuids": ["u1"],
        "project_id": "p1",
        "flavor_name": "m1.small",
        "vcpus": 1,
        "memory_mb": 512,
        "root_gb": 1,
        "image_id": "image",
        "image_name": "tiny",
        "request_id": "req-1",
    }
    return _native.Request(**{**values, **changes})


def policy_text(folder: Path, **changes: str) -> str:
    text = _native.policy_example()
    text = text.replace("/var/lib/spillway", str(folder)).replace("/var/log/spillway", str(folder))
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


@pytest.fixture
def engine(tmp_path: Path) -> _native.Engine:
    policy = tmp_path / "spillway.toml"
    policy.write_text(policy_text(tmp_path))
    engine = _native.Engine(str(policy))
    assert "taken" in (engine.refresh(time.time()) or "")
    return engine


def journal(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def test_the_journal_alone_is_enough_to_decide_again(
    engine: _native.Engine, tmp_path: Path
) -> None:
    now = time.time()
    decisions = [
        engine.decide(request(), None, now),
        engine.decide(request(instance_uuids=["a", "b", "c"]), 2, now),
        engine.decide(request(operation="move_private"), None, now),
        engine.decide(request(obstacles=["numa"]), -1, now),
    ]
    for decision in decisions:
        assert engine.record_decision(decision, now)
        assert engine.record_outcome(
            decision,
            result="placed",
            path="filter",
            hosts={"u1": "priv1"},
            elapsed_ms=1.5,
            detail="",
            now=now,
        )
    lines = journal(tmp_path)
    policies = {line["digest"]: line["toml"] for line in lines if line["kind"] == "policy"}
    recorded = [line for line in lines if line["kind"] == "decision"]
    assert [line["id"] for line in recorded] == [decision.id for decision in decisions]
    for line in recorded:
        again = _native.decide_recorded(policies[line["policy"]], json.dumps(line["inputs"]))
        assert json.loads(again) == line["decision"]
    outcomes = [line["decision"] for line in lines if line["kind"] == "outcome"]
    assert outcomes == [decision.id for decision in decisions]


def test_a_bad_change_leaves_the_last_good_policy(engine: _native.Engine, tmp_path: Path) -> None:
    digest = engine.policy_digest
    (tmp_path / "spillway.toml").write_text('mode = "activ"\n')
    line = engine.refresh(time.time() + 2)
    assert line is not None and "spillway.toml:1:8" in line and '"active"' in line
    assert engine.policy_digest == digest
    assert engine.decide(request(), None, time.time()).reasons
    assert engine.refresh(time.time() + 4) is None, "one line, not one a second"


def test_a_journal_that_cannot_be_written_is_counted_and_stops_nothing(tmp_path: Path) -> None:
    policy = tmp_path / "spillway.toml"
    policy.write_text(policy_text(tmp_path).replace("journal.jsonl", "no-such-folder/journal"))
    engine = _native.Engine(str(policy))
    engine.refresh(time.time())
    decision = engine.decide(request(), None, time.time())
    assert engine.record_decision(decision, time.time()) is False
    assert engine.journal_failures == 2, "the policy line and the decision line"
    assert "no-such-folder" in (engine.journal_error or "")


def test_an_engine_touches_no_file_before_it_is_asked(tmp_path: Path) -> None:
    engine = _native.Engine(str(tmp_path / "absent.toml"))
    assert not engine.has_policy
    with pytest.raises(_native.PolicyError):
        engine.decide(request(), None, 0.0)
    assert "absent.toml" in (engine.refresh(0.0) or "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"operation": "fly"}, "operation"),
        ({"obstacles": ["mud"]}, "obstacle"),
        ({"instance_uuids": []}, "at least one"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        request(**change)


@pytest.mark.parametrize("now", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_time_that_is_none_breaks_nothing(engine: _native.Engine, now: float) -> None:
    assert engine.decide(request(), None, now).attempts
