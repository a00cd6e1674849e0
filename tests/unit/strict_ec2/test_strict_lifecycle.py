# SPDX-License-Identifier: Apache-2.0
"""States that take time, wrong states, ids that are not there, machines that die."""

from __future__ import annotations

from typing import Any

import pytest
from refusals import refused


def test_a_life_takes_time(ec2: Any, launch: Any, state: Any, wait: Any) -> None:
    machine_id = launch()
    assert state(machine_id) == "pending"
    wait(5)
    assert state(machine_id) == "running"
    ec2.stop_instances(InstanceIds=[machine_id])
    assert state(machine_id) == "stopping"
    wait(5)
    assert state(machine_id) == "stopped"
    ec2.start_instances(InstanceIds=[machine_id])
    assert state(machine_id) == "pending"
    wait(5)
    ec2.reboot_instances(InstanceIds=[machine_id])
    ec2.terminate_instances(InstanceIds=[machine_id])
    assert state(machine_id) == "shutting-down"
    wait(5)
    assert state(machine_id) == "terminated"


def test_a_terminated_machine_shows_for_an_hour_and_has_no_network(
    ec2: Any, launch: Any, state: Any, wait: Any
) -> None:
    machine_id = launch()
    ec2.terminate_instances(InstanceIds=[machine_id])
    wait(3500)
    assert state(machine_id) == "terminated"
    ec2.terminate_instances(InstanceIds=[machine_id])
    (found,) = ec2.describe_instances()["Reservations"][0]["Instances"]
    assert found["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert "PrivateIpAddress" not in found and not found["BlockDeviceMappings"]
    wait(200)
    with refused("InvalidInstanceID.NotFound"):
        ec2.terminate_instances(InstanceIds=[machine_id])


def test_states_in_which_an_action_is_refused(ec2: Any, launch: Any, wait: Any) -> None:
    ids = [launch()]

    def refuses(*actions: str) -> None:
        for action in actions:
            with refused("IncorrectInstanceState"):
                getattr(ec2, f"{action}_instances")(InstanceIds=ids)

    refuses("stop", "reboot")
    wait(5)
    ec2.start_instances(InstanceIds=ids)
    ec2.stop_instances(InstanceIds=ids)
    refuses("start", "reboot")
    ec2.stop_instances(InstanceIds=ids)
    wait(5)
    refuses("reboot")
    ec2.terminate_instances(InstanceIds=ids)
    refuses("stop", "start")
    wait(5)
    refuses("stop", "start")
    ec2.reboot_instances(InstanceIds=ids)


def test_an_instance_store_machine_is_never_stopped(ec2: Any, launch: Any, wait: Any) -> None:
    machine_id = launch(ImageId="ami-0a000000000000003", InstanceType="m3.medium")
    wait(5)
    with refused("UnsupportedOperation"):
        ec2.stop_instances(InstanceIds=[machine_id])


def test_a_one_time_spot_machine_is_never_stopped(ec2: Any, launch: Any, wait: Any) -> None:
    machine_id = launch(InstanceMarketOptions={"MarketType": "spot"})
    persistent = launch(
        InstanceMarketOptions={
            "MarketType": "spot",
            "SpotOptions": {
                "SpotInstanceType": "persistent",
                "InstanceInterruptionBehavior": "stop",
            },
        }
    )
    wait(5)
    with refused("UnsupportedOperation"):
        ec2.stop_instances(InstanceIds=[machine_id])
    ec2.stop_instances(InstanceIds=[persistent])


@pytest.mark.parametrize(
    ("machine_id", "code"),
    [
        ("i-0123456789abcdef0", "InvalidInstanceID.NotFound"),
        ("i-12345", "InvalidInstanceID.Malformed"),
        ("x", "InvalidInstanceID.Malformed"),
    ],
)
def test_ids_that_are_not_there(ec2: Any, machine_id: str, code: str) -> None:
    for action in ("start", "stop", "reboot", "terminate", "describe"):
        with refused(code):
            getattr(ec2, f"{action}_instances")(InstanceIds=[machine_id])


def test_one_wrong_id_and_none_is_terminated(ec2: Any, launch: Any, state: Any) -> None:
    machine_id = launch()
    with refused("InvalidInstanceID.NotFound"):
        ec2.terminate_instances(InstanceIds=[machine_id, "i-0123456789abcdef0"])
    assert state(machine_id) == "pending"


def test_a_protected_machine_saves_those_of_its_zone(ec2: Any, launch: Any, state: Any) -> None:
    here, there = "subnet-0a000000000000001", "subnet-0a000000000000002"
    protected = launch(SubnetId=here, DisableApiTermination=True)
    beside, elsewhere = launch(SubnetId=here), launch(SubnetId=there)
    with refused("OperationNotPermitted"):
        ec2.terminate_instances(InstanceIds=[elsewhere, beside, protected])
    assert [state(one) for one in (protected, beside)] == ["pending", "pending"]
    assert state(elsewhere) == "shutting-down"


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("spot", "Server.SpotInstanceTermination"),
        ("failure", "Server.InternalError"),
        ("capacity", "Server.InsufficientInstanceCapacity"),
    ],
)
def test_a_machine_that_ec2_ends(
    ec2: Any, launch: Any, order: Any, wait: Any, reason: str, code: str
) -> None:
    machine_id = launch()
    order("kill", instance_id=machine_id, reason=reason)
    wait(5)
    (found,) = ec2.describe_instances()["Reservations"][0]["Instances"]
    assert (found["State"]["Name"], found["StateReason"]["Code"]) == ("terminated", code)


@pytest.mark.parametrize(("behavior", "end"), [("stop", "stopped"), ("terminate", "terminated")])
def test_a_shutdown_from_inside(
    launch: Any, order: Any, state: Any, wait: Any, behavior: str, end: str
) -> None:
    machine_id = launch(InstanceInitiatedShutdownBehavior=behavior)
    wait(5)
    order("kill", instance_id=machine_id, reason="shutdown")
    wait(5)
    assert state(machine_id) == end


def test_the_console_says_something_once_the_machine_ran(ec2: Any, launch: Any, wait: Any) -> None:
    machine_id = launch()
    assert not ec2.get_console_output(InstanceId=machine_id).get("Output")
    wait(5)
    assert machine_id in ec2.get_console_output(InstanceId=machine_id)["Output"]
