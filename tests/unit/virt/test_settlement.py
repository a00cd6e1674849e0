# SPDX-License-Identifier: Apache-2.0
"""Which machines are ended for being nobody's, and which never."""

from __future__ import annotations

import pytest
from fakes.burst_host import OWNER, Database, Process, Row, make_server
from fakes.strict_cloud import StrictCloud

from nova_spillway.providers import api
from nova_spillway.virt.server import Server
from nova_spillway.virt.settlement import UNKNOWN_GRACE_SECS


@pytest.fixture
def machine(process: Process, server: Server, row: Row) -> api.Machine:
    """A machine whose launch was finished."""
    machine = process.spawn(server, row)
    row.was_launched = True
    return machine


def passes(process: Process, number: int) -> None:
    for _ in range(number):
        process.poll.run_once()


def test_a_machine_that_its_server_stands_for_is_kept(
    cloud: StrictCloud, process: Process, machine: api.Machine
) -> None:
    passes(process, 5)
    assert [m.id for m in cloud.live()] == [machine.id]


def test_it_is_asked_about_once_in_a_while_only(
    cloud: StrictCloud, process: Process, row: Row, machine: api.Machine
) -> None:
    passes(process, 2)
    row.host = "private1"
    process.now += 599
    passes(process, 5)
    assert len(cloud.live()) == 1
    process.now += 2
    passes(process, 2)
    assert cloud.live() == []


def test_a_server_on_another_host_gives_its_machine_up(
    cloud: StrictCloud, process: Process, row: Row, machine: api.Machine
) -> None:
    row.host = "private1"
    passes(process, 1)
    assert len(cloud.live()) == 1, "never on first sight"
    passes(process, 1)
    assert cloud.live() == []


def test_a_server_without_a_host_gives_its_machine_up(
    cloud: StrictCloud, process: Process, row: Row, machine: api.Machine
) -> None:
    """A save that failed after the launch leaves this: Nova sets ERROR and clears the host."""
    row.host = None
    passes(process, 2)
    assert cloud.live() == []


def test_a_machine_that_nova_does_not_know_has_a_grace_time(
    cloud: StrictCloud, database: Database, process: Process, machine: api.Machine
) -> None:
    del database.rows[machine.instance_uuid]
    passes(process, 1)
    process.now += UNKNOWN_GRACE_SECS - 1
    passes(process, 4)
    assert len(cloud.live()) == 1
    process.now += 2
    passes(process, 1)
    assert cloud.live() == []


def test_a_spawn_that_nova_has_not_recorded_yet_is_left_alone(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    process.spawn(server, row)
    passes(process, 4)
    assert len(cloud.live()) == 1


def test_a_spawn_under_way_is_left_alone(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    cloud.on_launch = lambda _machine_id: passes(process, 4)
    process.spawn(server, row)
    assert len(cloud.live()) == 1


def test_the_second_machine_of_a_server_is_ended(
    cloud: StrictCloud, process: Process, server: Server, machine: api.Machine
) -> None:
    request = api.LaunchRequest(
        server.uuid, "web", "t3.micro", api.Image("ami-1", "/dev/sda1", 8), 20, server.claim
    )
    cloud.handle(OWNER).launch(request, 1, "a-token-of-before")
    passes(process, 2)
    assert [m.id for m in cloud.live()] == [machine.id]


def test_nothing_is_ended_while_nova_cannot_be_read(
    cloud: StrictCloud, database: Database, process: Process, row: Row, machine: api.Machine
) -> None:
    row.host = "private1"
    database.is_down = True
    passes(process, 5)
    assert len(cloud.live()) == 1


def test_nothing_is_ended_while_the_provider_cannot_be_listed(
    cloud: StrictCloud, process: Process, row: Row, machine: api.Machine
) -> None:
    row.host = "private1"
    passes(process, 1)
    for _ in range(5):
        cloud.fail("describe_all", api.Unavailable("one zone is impaired"))
    passes(process, 5)
    assert len(cloud.live()) == 1


def test_a_suspect_that_is_cleared_starts_anew(
    cloud: StrictCloud, process: Process, row: Row, machine: api.Machine
) -> None:
    row.host = None
    passes(process, 1)
    row.host = OWNER.burst_host
    passes(process, 1)
    row.host = None
    process.now += 601
    passes(process, 1)
    assert len(cloud.live()) == 1


def test_many_at_once_are_ended_a_few_at_a_time(
    cloud: StrictCloud, database: Database, process: Process
) -> None:
    for _ in range(10):
        process.spawn(make_server(), Row())
    passes(process, 1)
    process.now += UNKNOWN_GRACE_SECS
    passes(process, 1)
    assert len(cloud.live()) == 7
    passes(process, 1)
    assert len(cloud.live()) == 4


def test_ending_that_fails_is_tried_again(
    cloud: StrictCloud, process: Process, row: Row, machine: api.Machine
) -> None:
    row.host = None
    cloud.fail("terminate", api.Throttled("slow down"))
    passes(process, 2)
    assert len(cloud.live()) == 1
    passes(process, 1)
    assert cloud.live() == []


def test_a_machine_that_was_too_new_to_be_ended_is_ended_when_it_shows(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    """EC2 answers "no such instance" for a machine that it launched a moment ago."""
    process.fleet.refresh()
    cloud.looks_until_visible = 3
    row.fail_save_number = 2
    with pytest.raises(RuntimeError):
        process.spawn(server, row)
    process.lifecycle.destroy(server.uuid, None)
    assert len(cloud.live()) == 1
    row.host = None
    passes(process, 5)
    assert cloud.live() == []
