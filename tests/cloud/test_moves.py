# SPDX-License-Identifier: Apache-2.0
"""A move of a private server never reaches the burst host, and a burst server never leaves it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from openstack.exceptions import BadRequestException

from tests.cloud import waiting
from tests.cloud.client import SETTLED_SECS, Cloud


def migrate(cloud: Cloud, server: Any) -> None:
    """Ask for a cold migration."""
    cloud.demo.compute.migrate_server(server)


def live_migrate(cloud: Cloud, server: Any) -> None:
    """Ask for a live migration to any host."""
    cloud.demo.compute.live_migrate_server(server, host=None, block_migration="auto")


def resize(cloud: Cloud, server: Any) -> None:
    """Ask for a larger flavor."""
    cloud.demo.compute.resize_server(server, cloud.demo.compute.find_flavor("m1.small").id)


MOVES = [migrate, live_migrate, resize]


def ask_in_vain(cloud: Cloud, server: Any, move: Callable[[Cloud, Any], None]) -> None:
    """Ask for a move that has no valid host: Nova's API says so at once, or only later."""
    try:
        move(cloud, server)
    except BadRequestException as refused:
        assert "No valid host was found" in str(refused)


def moved_outcome(cloud: Cloud, server_id: str) -> dict[str, Any]:
    """Return the outcome of the decision about a move, when there is one."""

    def outcome() -> dict[str, Any] | None:
        decisions = cloud.journal.decisions(server_id)
        moves = [
            decision
            for decision in decisions
            if decision["inputs"]["request"]["operation"].startswith("move_")
        ]
        outcomes = {line["decision"]: line for line in cloud.journal.lines("outcome")}
        return outcomes.get(moves[-1]["id"]) if moves else None

    return waiting.until(outcome, f"a move of {server_id} is decided", SETTLED_SECS)


def at_rest(cloud: Cloud, server_id: str, host: str | None = None) -> Any:
    """Return a server when nothing is being done to it, and it is on ``host`` if that is given.

    Nova may clear the task for a moment before it names the new host.
    """

    def resting() -> Any:
        server = cloud.server(server_id)
        is_there = host is None or server.compute_host == host
        return server if is_there and not server.task_state else None

    return waiting.until(resting, f"{server_id} is at rest on {host or 'its host'}", SETTLED_SECS)


@pytest.mark.parametrize("move", MOVES)
def test_a_private_server_moves_to_a_private_host(
    cloud: Cloud, move: Callable[[Cloud, Any], None]
) -> None:
    server = cloud.place()
    cloud.open_gate()
    move(cloud, server)
    outcome = moved_outcome(cloud, server.id)
    assert outcome["result"] == "placed"
    assert outcome["path"] == "filter"
    moved = at_rest(cloud, server.id, outcome["hosts"][server.id])
    assert moved.status in ("ACTIVE", "VERIFY_RESIZE"), moved.fault
    assert cloud.is_private(moved)
    if move is not resize:
        assert moved.compute_host != server.compute_host
    assert not cloud.machines(server.id)


@pytest.mark.parametrize("move", MOVES)
def test_a_private_server_stays_when_no_private_host_has_room(
    cloud: Cloud, move: Callable[[Cloud, Any], None]
) -> None:
    cloud.fill(room=1)
    server = cloud.place()
    assert cloud.is_private(server)
    cloud.open_gate()
    ask_in_vain(cloud, server, move)
    assert moved_outcome(cloud, server.id)["result"] == "no_valid_host"
    stayed = at_rest(cloud, server.id)
    assert stayed.compute_host == server.compute_host
    assert not cloud.machines(server.id)


@pytest.mark.parametrize("room", [1, 0], ids=["with-room", "without-room"])
def test_an_evacuation_goes_to_a_private_host_or_nowhere(cloud: Cloud, room: int) -> None:
    server = cloud.place(availability_zone="nova:private1")
    cloud.fill_host("private2", room=room)
    cloud.open_gate()
    cloud.stop_compute("private1")
    cloud.demo.compute.evacuate_server(server)
    outcome = moved_outcome(cloud, server.id)
    assert outcome["result"] == ("placed" if room else "no_valid_host")
    evacuated = at_rest(cloud, server.id, outcome["hosts"].get(server.id))
    assert evacuated.compute_host == ("private2" if room else "private1")
    assert not cloud.machines(server.id)


@pytest.mark.parametrize("move", MOVES)
def test_a_burst_server_never_moves_to_a_private_host(
    cloud: Cloud, move: Callable[[Cloud, Any], None]
) -> None:
    cloud.open_gate()
    server = cloud.place()
    assert cloud.is_burst(server)
    cloud.open_gate("closed")
    ask_in_vain(cloud, server, move)
    outcome = moved_outcome(cloud, server.id)
    assert outcome["result"] == "no_valid_host"
    stayed = at_rest(cloud, server.id)
    assert cloud.is_burst(stayed)
    assert len(cloud.live_machines(server.id)) == 1
