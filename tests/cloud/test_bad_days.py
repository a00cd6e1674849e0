# SPDX-License-Identifier: Apache-2.0
"""Bad input and bad days: servers end as Nova alone would end them or better; nothing leaks."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.cloud import services, waiting
from tests.cloud.client import SETTLED_SECS, Cloud
from tests.cloud.journal import reason_codes
from tests.cloud.waiting import http_answers

OPEN_GATE = {"scope": "cloud", "state": "open", "since_ms": 0, "forced": None, "signals": []}


def snapshot(**changes: Any) -> str:
    """Return a snapshot that would open the gate if it could be believed."""
    content = {
        "format": 1,
        "writer": "tests/cloud",
        "written_at_ms": int(time.time() * 1000),
        "mode": None,
        "paused": False,
        "gates": [OPEN_GATE],
        **changes,
    }
    return json.dumps(content)


def hour_old() -> str:
    """Return a snapshot that was written an hour ago."""
    return snapshot(written_at_ms=int((time.time() - 3600) * 1000))


BAD_SNAPSHOTS = {
    "missing": (lambda: None, "snapshot_missing"),
    "stale": (hour_old, "snapshot_stale"),
    "truncated": (lambda: snapshot()[:-20], "snapshot_unreadable"),
    "newer": (lambda: snapshot(format=2), "snapshot_newer_format"),
    "nan": (lambda: snapshot(spend={"hourly_usd": float("nan")}), "snapshot_unreadable"),
    "empty": (lambda: "", "snapshot_unreadable"),
}


@pytest.mark.parametrize("kind", BAD_SNAPSHOTS)
def test_a_bad_snapshot_leaves_plain_scheduling_and_overflow(cloud: Cloud, kind: str) -> None:
    make, code = BAD_SNAPSHOTS[kind]
    text = make()
    if text is None:
        cloud.remove_snapshot()
    else:
        cloud.write_snapshot_text(text)
    with_room = cloud.place()
    assert cloud.is_private(with_room)
    assert code in reason_codes(cloud.journal.decision(with_room.id))
    cloud.delete([with_room.id])
    cloud.fill(room=0)
    without_room = cloud.place()
    assert without_room.status == "ACTIVE", without_room.fault
    assert cloud.is_burst(without_room)
    assert code in reason_codes(cloud.journal.decision(without_room.id))


def test_a_bad_policy_leaves_the_last_good_one(cloud: Cloud) -> None:
    before = cloud.place()
    digest = cloud.journal.decision(before.id)["policy"]
    logged = cloud.scheduler_log()
    cloud.use_policy_text("mode = [\n")
    cloud.open_gate()
    # More requests than workers, so that each of them meets the bad file.
    servers = [cloud.place() for _ in range(2 * cloud.layout.sizes.scheduler_workers)]
    for server in servers:
        assert server.status == "ACTIVE", server.fault
        assert cloud.is_burst(server)
        assert cloud.journal.decision(server.id)["policy"] == digest
    complaints = [line for line in cloud.scheduler_log()[len(logged) :] if "spillway.toml" in line]
    assert 1 <= len(complaints) <= cloud.layout.sizes.scheduler_workers, complaints


def test_a_journal_that_cannot_be_written_stops_no_boot(cloud: Cloud) -> None:
    # A folder that is a file: refused to root too, unlike a folder without permissions.
    blocked = cloud.layout.spillway / "blocked"
    blocked.write_text("not a folder\n")
    logged = cloud.scheduler_log()
    journal = {"path": str(blocked / "journal.jsonl")}
    cloud.use_policy(lambda policy: policy.update(journal=journal))
    cloud.open_gate()
    for _ in range(2 * cloud.layout.sizes.scheduler_workers):
        server = cloud.place()
        assert server.status == "ACTIVE", server.fault
        assert cloud.is_burst(server)
    complaints = [
        line
        for line in cloud.scheduler_log()[len(logged) :]
        if "journal cannot be written" in line.lower()
    ]
    assert 1 <= len(complaints) <= cloud.layout.sizes.scheduler_workers, complaints


REFUSALS = {
    "InsufficientInstanceCapacity": (500, "no room for this size"),
    "VcpuLimitExceeded": (400, "quota"),
    "AuthFailure": (401, "credentials"),
    "RequestLimitExceeded": (503, "throttles"),
}
"""EC2's code to its HTTP status and a word of the advice in the message."""


@pytest.mark.parametrize("code", REFUSALS)
def test_what_ec2_refuses_goes_to_a_private_host(cloud: Cloud, code: str) -> None:
    status, _ = REFUSALS[code]
    cloud.refuse(code, "refused by the test", status)
    cloud.open_gate()
    server = cloud.place()
    assert server.status == "ACTIVE", server.fault
    assert cloud.is_private(server)
    assert not cloud.machines(server.id)


def test_what_a_burst_host_lacks_goes_to_a_private_host(cloud: Cloud) -> None:
    """The scheduler cannot see a config drive in the request, the burst host can."""
    cloud.open_gate()
    server = cloud.place(config_drive=True)
    assert server.status == "ACTIVE", server.fault
    assert cloud.is_private(server)
    assert not cloud.machines(server.id)
    assert any("config drive" in details for details in cloud.refusals(server.id))


@pytest.mark.parametrize("code", REFUSALS)
def test_what_ec2_refuses_with_private_hosts_full_fails_and_says_what_to_do(
    cloud: Cloud, code: str
) -> None:
    status, advice = REFUSALS[code]
    host = cloud.layout.burst_host
    logged = len(cloud.compute_log(host))
    cloud.fill(room=0)
    cloud.refuse(code, "refused by the test", status)
    server = cloud.place()
    assert server.status == "ERROR"
    assert not cloud.machines(server.id)
    assert cloud.allocated_hosts(server.id) == []
    # The fault has Nova's own words, whatever a driver says: no host of its list was left to try.
    assert "Exhausted all hosts" in server.fault["message"]
    events = cloud.boot_events(server.id)
    assert any(advice in event for event in events), events
    said = [line for line in cloud.compute_log(host)[logged:] if server.id in line]
    assert any(code in line and advice in line for line in said), said


def test_a_burst_host_that_is_down_is_as_none(cloud: Cloud) -> None:
    cloud.stop_compute(cloud.layout.burst_host)
    cloud.open_gate()
    with_room = cloud.place()
    assert with_room.status == "ACTIVE", with_room.fault
    assert cloud.is_private(with_room)
    cloud.delete([with_room.id])
    cloud.fill(room=0)
    without_room = cloud.place()
    assert without_room.status == "ERROR"
    assert "No valid host was found" in without_room.fault["message"]


def test_with_placement_down_a_boot_fails_as_novas_own(cloud: Cloud) -> None:
    placement = services.placement(cloud.layout)
    cloud.open_gate()
    cloud.supervisor.stop([placement.name])
    try:
        (server,) = cloud.settle(cloud.boot())
    finally:
        cloud.supervisor.start(placement)
        url = cloud.layout.url("placement")
        waiting.until(lambda: http_answers(url), "Placement answers", SETTLED_SECS)
    assert server.status == "ERROR"
    assert not cloud.machines(server.id)
    again = cloud.place()
    assert again.status == "ACTIVE", again.fault
    assert cloud.is_burst(again)
