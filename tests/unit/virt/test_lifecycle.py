# SPDX-License-Identifier: Apache-2.0
"""Launching, ending and switching machines, against a cloud with strict tokens."""

from __future__ import annotations

import threading

import pytest
from fakes.burst_host import Database, Process, Row, make_server
from fakes.strict_cloud import StrictCloud

from nova_spillway.providers import api
from nova_spillway.virt.admission import Caps, Full
from nova_spillway.virt.server import Server


def test_a_spawn_saves_its_intent_before_the_launch(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    saved_at_launch: list[dict[str, str]] = []
    cloud.on_launch = lambda _machine_id: saved_at_launch.append(dict(row.metadata))
    machine = process.spawn(server, row)
    (before,) = saved_at_launch
    assert before["spillway_generation"] == "1"
    assert before["spillway_client_token"] == machine.client_token
    assert before["spillway_size"] == "t3.micro"
    assert before["spillway_image"] == "ami-1"
    assert before["spillway_machine"] == ""
    assert row.metadata["spillway_machine"] == machine.id
    assert machine.state is api.MachineState.RUNNING


def test_a_lost_answer_makes_no_second_machine(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    cloud.fail("launch", api.Unavailable("timed out"), after_the_deed=True)
    cloud.fail("launch", api.Unavailable("timed out"), after_the_deed=True)
    process.spawn(server, row)
    assert cloud.ever() == 1
    assert len(set(cloud.tokens_seen)) == 1


def test_throttling_is_asked_again_with_the_same_token(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    cloud.fail("launch", api.Throttled("slow down"))
    process.spawn(server, row)
    assert cloud.calls["launch"] == 2
    assert len(set(cloud.tokens_seen)) == 1


@pytest.mark.parametrize("error", [api.NoCapacity("none"), api.QuotaExceeded("used up")])
def test_no_room_is_not_asked_for_again(
    cloud: StrictCloud, process: Process, server: Server, row: Row, error: api.ProviderError
) -> None:
    cloud.fail("launch", error)
    with pytest.raises(type(error)):
        process.spawn(server, row)
    assert cloud.calls["launch"] == 1
    # Nothing was launched, so there is nothing to look for, also when Nova cleans up.
    process.lifecycle.destroy(server.uuid, None)
    assert cloud.calls["describe_instance"] == 0


@pytest.mark.parametrize(
    "error",
    [
        api.NoCapacity("none"),
        api.QuotaExceeded("used up"),
        api.AccessRefused("no"),
        api.Throttled("slow down"),
        api.InvalidRequest("never"),
        api.Unavailable("timed out"),
        api.TokenSpent("spent"),
    ],
)
@pytest.mark.parametrize("after_the_deed", [False, True])
def test_a_failed_launch_leaves_nothing_running(
    cloud: StrictCloud,
    process: Process,
    server: Server,
    row: Row,
    error: api.ProviderError,
    after_the_deed: bool,
) -> None:
    if after_the_deed and not isinstance(error, (api.Unavailable, api.TokenSpent)):
        # Such an answer means that nothing was done.
        after_the_deed = False
    for _ in range(3):
        cloud.fail("launch", error, after_the_deed)
    with pytest.raises(api.ProviderError):
        process.spawn(server, row)
    assert cloud.live() == []
    assert process.admission.usage().servers == 0
    assert not process.lifecycle.is_busy(server.uuid)


def test_a_machine_that_the_provider_ends_is_the_providers_reason(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    cloud.on_launch = lambda machine_id: cloud.set_state(
        machine_id, api.MachineState.TERMINATED, api.NoCapacity("no room after all")
    )
    with pytest.raises(api.NoCapacity):
        process.spawn(server, row)
    assert cloud.live() == []


def test_a_machine_that_does_not_run_in_time_is_given_back(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    cloud.looks_until_running = 10**9
    with pytest.raises(api.Unavailable, match="did not run within"):
        process.spawn(server, row)
    assert cloud.live() == []


@pytest.mark.parametrize("save_number", [1, 2])
def test_a_save_that_fails_leaves_nothing_running(
    cloud: StrictCloud, process: Process, server: Server, row: Row, save_number: int
) -> None:
    row.fail_save_number = save_number
    with pytest.raises(RuntimeError):
        process.spawn(server, row)
    assert cloud.live() == []
    assert cloud.ever() == save_number - 1


def test_a_late_machine_is_waited_for(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    cloud.looks_until_visible = 5
    assert process.spawn(server, row).state is api.MachineState.RUNNING


def test_spawning_again_adopts_what_the_same_launch_made(
    cloud: StrictCloud, database: Database, process: Process, server: Server, row: Row
) -> None:
    first = process.spawn(server, row)
    again = Process(cloud, database).spawn(server, row)
    assert again.id == first.id
    assert cloud.ever() == 1


def test_spawning_with_another_size_replaces_the_machine(
    cloud: StrictCloud, database: Database, process: Process, server: Server, row: Row
) -> None:
    first = process.spawn(server, row)
    second = Process(cloud, database).spawn(server, row, size="t3.large")
    assert second.id != first.id
    assert second.generation == 2
    assert [machine.id for machine in cloud.live()] == [second.id]


def test_a_spent_token_makes_a_new_generation(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    process.spawn(server, row)
    process.lifecycle.destroy(server.uuid, row.metadata["spillway_machine"])
    machine = process.spawn(server, row)
    assert machine.generation == 2
    assert row.metadata["spillway_generation"] == "2"
    assert len(cloud.live()) == 1


def test_destroy_is_idempotent(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    machine = process.spawn(server, row)
    process.lifecycle.destroy(server.uuid, machine.id)
    process.lifecycle.destroy(server.uuid, machine.id)
    process.lifecycle.destroy(server.uuid, None)
    assert cloud.live() == []


def test_destroy_asks_again_and_then_says_so(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    machine = process.spawn(server, row)
    cloud.fail("terminate", api.Throttled("slow down"))
    process.lifecycle.destroy(server.uuid, machine.id)
    assert cloud.live() == []

    other, other_row = make_server(), Row()
    machine = process.spawn(other, other_row)
    for _ in range(3):
        cloud.fail("describe_instance", api.Unavailable("down"))
    with pytest.raises(api.Unavailable):
        process.lifecycle.destroy(other.uuid, machine.id)
    assert [m.id for m in cloud.live()] == [machine.id]


def test_cleaning_up_a_failed_spawn_never_fails(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    """Nova reschedules only when the clean-up succeeds; the settlement ends what is left."""
    for _ in range(3):
        cloud.fail("launch", api.Unavailable("timed out"), after_the_deed=True)
    for _ in range(2):
        cloud.fail("describe_instance", api.Unavailable("down"))
    with pytest.raises(api.Unavailable):
        process.spawn(server, row)
    process.lifecycle.destroy(server.uuid, None)
    assert len(cloud.live()) == 1


def test_a_stranger_with_our_tags_of_another_host_is_left_alone(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    process.spawn(server, row)
    stranger = cloud.handle(api.Owner("demo", "cloud2"))
    request = api.LaunchRequest(
        server.uuid, "web", "t3.micro", api.Image("ami-1", "/dev/sda1", 8), 20, server.claim
    )
    theirs = stranger.launch(request, 1, "their-token")
    process.lifecycle.destroy(server.uuid, None)
    process.lifecycle.end_leftover(theirs)
    assert [machine.id for machine in cloud.live()] == [theirs.id]


def test_concurrent_spawns_stay_under_the_caps_and_share_listings(
    cloud: StrictCloud, database: Database
) -> None:
    process = Process(cloud, database, Caps(servers=7, vcpus=100, memory_mb=10**6, disk_gb=10**4))
    refused: list[Exception] = []

    def spawn() -> None:
        try:
            process.spawn(make_server(), Row())
        except Full as error:
            refused.append(error)

    threads = [threading.Thread(target=spawn) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cloud.live()) == 7
    assert len(refused) == 13
    assert process.admission.usage().vcpus == 7


def test_a_blind_host_launches_nothing(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    cloud.fail("describe_all", api.Unavailable("down"))
    with pytest.raises(api.Unavailable):
        process.spawn(server, row)
    assert cloud.ever() == 0


def test_off_and_on(cloud: StrictCloud, process: Process, server: Server, row: Row) -> None:
    machine = process.spawn(server, row)
    process.lifecycle.power_off(server.uuid, graceful_secs=1)
    assert cloud.state(machine.id) is api.MachineState.STOPPED
    assert cloud.calls["stop_force"] == 0
    assert process.lifecycle.power_on(server.uuid).state is api.MachineState.RUNNING
    process.lifecycle.power_off(server.uuid, graceful_secs=0)
    assert cloud.calls["stop_force"] == 1


def test_a_machine_between_two_states_is_waited_for(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    process.spawn(server, row)
    process.lifecycle.power_off(server.uuid, graceful_secs=1)
    cloud.fail("start", api.WrongState("stopping"))
    assert process.lifecycle.power_on(server.uuid).state is api.MachineState.RUNNING


def test_what_is_gone_is_off_and_cannot_go_on(
    cloud: StrictCloud, process: Process, server: Server, row: Row
) -> None:
    machine = process.spawn(server, row)
    cloud.forget(machine.id)
    process.fleet.refresh()
    process.fleet.refresh()
    process.lifecycle.power_off(server.uuid, graceful_secs=1)
    with pytest.raises(api.Gone):
        process.lifecycle.power_on(server.uuid)
    with pytest.raises(api.Gone):
        process.lifecycle.reboot(server.uuid, hard=True)
    with pytest.raises(api.Gone):
        process.lifecycle.console_output(server.uuid)


def test_reboots(cloud: StrictCloud, process: Process, server: Server, row: Row) -> None:
    process.spawn(server, row)
    process.lifecycle.reboot(server.uuid, hard=False)
    assert (cloud.calls["reboot"], cloud.calls["stop_force"]) == (1, 0)
    process.lifecycle.reboot(server.uuid, hard=True)
    assert (cloud.calls["reboot"], cloud.calls["stop_force"], cloud.calls["start"]) == (1, 1, 1)


def test_power_is_unknown_while_nothing_was_ever_listed(
    cloud: StrictCloud, process: Process, server: Server
) -> None:
    cloud.fail("describe_all", api.Unavailable("down"))
    with pytest.raises(api.Unavailable):
        process.lifecycle.power_off(server.uuid, graceful_secs=1)
