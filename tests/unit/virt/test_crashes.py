# SPDX-License-Identifier: Apache-2.0
"""kill -9 at every outside step of a spawn, and what a restart makes of it."""

from __future__ import annotations

import pytest
from fakes.burst_host import Database, Process, Row, make_server
from fakes.strict_cloud import Killed, StrictCloud

from nova_spillway.providers import api
from nova_spillway.virt.server import Server

STEPS = ["image", "import_key", "describe_all", "launch"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after_the_deed", [False, True])
@pytest.mark.parametrize("looks_until_visible", [0, 4])
def test_a_restart_settles_a_spawn_that_was_killed(
    cloud: StrictCloud,
    database: Database,
    step: str,
    after_the_deed: bool,
    looks_until_visible: int,
) -> None:
    """The instance stays with this host and was never launched: exactly one machine, or none."""
    server = make_server(key=api.PublicKey("p1", "ssh-ed25519 AAAA"))
    row = database.rows.setdefault(server.uuid, Row())
    cloud.looks_until_visible = looks_until_visible
    process = Process(cloud, database)
    process.provider.kill_at(step, after_the_deed)
    with pytest.raises(Killed):
        process.spawn(server, row)
    assert len(cloud.live(server.uuid)) <= 1

    restarted = Process(cloud, database)
    for _ in range(2 + looks_until_visible):
        restarted.poll.run_once()
    assert cloud.live(server.uuid) == []
    # Nova's own answer is ERROR, and the user deletes it.
    restarted.lifecycle.destroy(server.uuid, row.metadata.get("spillway_machine"))
    assert cloud.live(server.uuid) == []


@pytest.mark.parametrize("after_the_deed", [False, True])
def test_a_spawn_that_is_tried_again_after_a_kill_has_one_machine(
    cloud: StrictCloud, database: Database, server: Server, row: Row, after_the_deed: bool
) -> None:
    process = Process(cloud, database)
    process.provider.kill_at("launch", after_the_deed)
    with pytest.raises(Killed):
        process.spawn(server, row)
    restarted = Process(cloud, database)
    restarted.spawn(server, row)
    row.was_launched = True
    for _ in range(4):
        restarted.poll.run_once()
    assert [m.id for m in cloud.live(server.uuid)] == [row.metadata["spillway_machine"]]


def test_a_spawn_that_is_tried_again_while_the_first_machine_is_still_invisible(
    cloud: StrictCloud, database: Database, server: Server, row: Row
) -> None:
    cloud.looks_until_visible = 6
    process = Process(cloud, database)
    process.provider.kill_at("launch", after_the_deed=True)
    with pytest.raises(Killed):
        process.spawn(server, row)
    restarted = Process(cloud, database)
    machine = restarted.spawn(server, row)
    assert [m.id for m in cloud.live()] == [machine.id]


def test_killed_while_waiting_for_the_machine_to_run(
    cloud: StrictCloud, database: Database, server: Server, row: Row
) -> None:
    process = Process(cloud, database)
    process.fleet.refresh()
    cloud.looks_until_running = 10
    cloud.on_launch = lambda _machine_id: process.provider.kill_at("describe_all", False)
    with pytest.raises(Killed):
        process.spawn(server, row)
    assert len(cloud.live()) == 1
    restarted = Process(cloud, database)
    restarted.poll.run_once()
    restarted.poll.run_once()
    assert cloud.live() == []
