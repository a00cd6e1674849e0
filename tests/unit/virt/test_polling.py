# SPDX-License-Identifier: Apache-2.0
"""What Nova is told, and when."""

from __future__ import annotations

import contextlib

import pytest
from fakes.burst_host import Database, Process, Row, make_server
from fakes.strict_cloud import StrictCloud

from nova_spillway.providers import api
from nova_spillway.virt.fleet import Presence, Sighting
from nova_spillway.virt.polling import Power
from nova_spillway.virt.server import Server


@pytest.fixture
def machine(process: Process, server: Server, row: Row) -> api.Machine:
    """A launched machine that Nova holds for running."""
    machine = process.spawn(server, row)
    row.was_launched = True
    process.poll.expect({server.uuid: Power.ON})
    return machine


def test_nothing_changes_nothing_is_told(process: Process, machine: api.Machine) -> None:
    for _ in range(3):
        process.poll.run_once()
    assert process.ear.heard == []


def test_a_machine_terminated_outside_is_off_at_the_next_poll(
    cloud: StrictCloud, process: Process, machine: api.Machine
) -> None:
    cloud.set_state(machine.id, api.MachineState.TERMINATED)
    process.poll.run_once()
    assert process.ear.heard == [(machine.instance_uuid, Power.OFF)]
    process.poll.run_once()
    assert len(process.ear.heard) == 1


def test_a_machine_that_vanished_is_off_within_two_polls(
    cloud: StrictCloud, process: Process, machine: api.Machine
) -> None:
    cloud.forget(machine.id)
    process.poll.run_once()
    assert process.ear.heard == [], "one listing without it may be a wrong one"
    assert process.fleet.seen(machine.instance_uuid).presence is Presence.PRESENT
    process.poll.run_once()
    assert process.ear.heard == [(machine.instance_uuid, Power.OFF)]
    assert process.fleet.seen(machine.instance_uuid).presence is Presence.GONE


def test_a_machine_that_vanished_while_nova_compute_was_down(
    cloud: StrictCloud, database: Database, process: Process, machine: api.Machine
) -> None:
    cloud.forget(machine.id)
    restarted = Process(cloud, database)
    restarted.poll.expect({machine.instance_uuid: Power.ON})
    restarted.poll.run_once()
    assert restarted.fleet.seen(machine.instance_uuid).presence is Presence.UNKNOWN
    restarted.poll.run_once()
    assert restarted.ear.heard == [(machine.instance_uuid, Power.OFF)]


def test_stopped_and_started_at_the_console(
    cloud: StrictCloud, process: Process, machine: api.Machine
) -> None:
    for state in (
        api.MachineState.STOPPING,
        api.MachineState.STOPPED,
        api.MachineState.PENDING,
        api.MachineState.RUNNING,
    ):
        cloud.set_state(machine.id, state)
        process.poll.run_once()
    uuid = machine.instance_uuid
    assert process.ear.heard == [(uuid, Power.OFF), (uuid, Power.ON)]


def test_what_happens_before_nova_listens_is_told_when_it_does(
    cloud: StrictCloud, process: Process, machine: api.Machine
) -> None:
    process.ear.listens = False
    cloud.set_state(machine.id, api.MachineState.STOPPED)
    process.poll.run_once()
    assert process.ear.heard == []
    process.ear.listens = True
    process.poll.run_once()
    assert process.ear.heard == [(machine.instance_uuid, Power.OFF)]


def test_a_failed_listing_tells_nothing_and_is_no_end(
    cloud: StrictCloud, process: Process, machine: api.Machine
) -> None:
    for _ in range(5):
        cloud.fail("describe_all", api.Unavailable("down"))
    for _ in range(5):
        process.poll.run_once()
        assert process.poll.is_blind
    assert process.ear.heard == []
    assert process.fleet.seen(machine.instance_uuid).presence is Presence.PRESENT
    process.poll.run_once()
    assert not process.poll.is_blind


def test_our_own_switching_is_no_event(
    cloud: StrictCloud, process: Process, machine: api.Machine
) -> None:
    process.lifecycle.power_off(machine.instance_uuid, graceful_secs=1)
    process.poll.expect({machine.instance_uuid: Power.OFF})
    process.poll.run_once()
    assert process.ear.heard == []


def test_an_ended_server_is_forgotten(
    cloud: StrictCloud, process: Process, machine: api.Machine
) -> None:
    process.lifecycle.destroy(machine.instance_uuid, machine.id)
    process.poll.forget(machine.instance_uuid)
    process.poll.run_once()
    assert process.ear.heard == []


def test_one_listing_per_poll_whatever_the_number_of_servers(
    cloud: StrictCloud, database: Database, process: Process
) -> None:
    for _ in range(30):
        server = make_server()
        row = database.rows.setdefault(server.uuid, Row())
        process.spawn(server, row)
        row.was_launched = True
    before = sum(cloud.calls.values())
    for _ in range(10):
        process.poll.run_once()
    assert sum(cloud.calls.values()) - before == 10


def test_a_listener_that_fails_does_not_end_the_poll(
    cloud: StrictCloud, process: Process, machine: api.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_instance_uuid: str, _power: Power) -> None:
        raise RuntimeError("no conductor")

    monkeypatch.setattr(process.ear, "power_changed", fail)
    cloud.set_state(machine.id, api.MachineState.STOPPED)
    process.poll.run_once()
    process.poll.run_once()


def test_what_was_seen_in_the_middle_of_our_own_work_is_no_event(
    process: Process, machine: api.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reboot begins after the poll found the server idle."""
    see = process.fleet.seen
    works = contextlib.ExitStack()

    def see_meanwhile(instance_uuid: str) -> Sighting:
        works.enter_context(process.lifecycle.at_work_on(instance_uuid))
        return Sighting(Presence.GONE, see(instance_uuid).machine)

    monkeypatch.setattr(process.fleet, "seen", see_meanwhile)
    process.poll.run_once()
    works.close()
    assert process.ear.heard == []


def test_a_work_that_came_and_went_while_the_poll_looked_is_no_event(
    process: Process, machine: api.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole reboot passes between two lines of the poll."""
    see = process.fleet.seen

    def see_meanwhile(instance_uuid: str) -> Sighting:
        with process.lifecycle.at_work_on(instance_uuid):
            return Sighting(Presence.GONE, see(instance_uuid).machine)

    monkeypatch.setattr(process.fleet, "seen", see_meanwhile)
    process.poll.run_once()
    assert process.ear.heard == []
    monkeypatch.setattr(process.fleet, "seen", see)
    process.poll.run_once()
    assert process.ear.heard == []
