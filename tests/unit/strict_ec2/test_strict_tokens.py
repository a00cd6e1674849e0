# SPDX-License-Identifier: Apache-2.0
"""Client tokens."""

from __future__ import annotations

from typing import Any

from refusals import refused


def test_the_same_token_and_parameters_return_the_same_machine(
    ec2: Any, launch: Any, wait: Any
) -> None:
    first = launch(ClientToken="t")
    wait(7200)
    assert launch(ClientToken="t") == first
    (found,) = ec2.describe_instances()["Reservations"]
    assert found["Instances"][0]["State"]["Name"] == "running"


def test_other_parameters_are_a_mismatch(launch: Any) -> None:
    launch(ClientToken="t")
    for change in ({"InstanceType": "t3.small"}, {"UserData": "x"}, {"MaxCount": 2}):
        with refused("IdempotentParameterMismatch"):
            launch(ClientToken="t", **change)


def test_the_token_of_a_terminated_machine_is_spent_for_ever(
    ec2: Any, launch: Any, wait: Any
) -> None:
    machine_id = launch(ClientToken="t")
    ec2.terminate_instances(InstanceIds=[machine_id])
    for passed in (0, 5, 100_000):
        wait(passed)
        with refused("IdempotentInstanceTerminated"):
            launch(ClientToken="t")


def test_a_token_is_per_zone_when_the_request_names_one(launch: Any) -> None:
    here = launch(ClientToken="t", SubnetId="subnet-0a000000000000001")
    there = launch(ClientToken="t", SubnetId="subnet-0a000000000000002")
    assert here != there
    assert launch(ClientToken="t", SubnetId="subnet-0a000000000000002") == there


def test_a_token_that_is_too_long(launch: Any) -> None:
    with refused("InvalidParameterValue"):
        launch(ClientToken="t" * 65)


def test_a_refused_launch_spends_no_token(launch: Any, order: Any) -> None:
    order("capacity", left=0)
    with refused("InsufficientInstanceCapacity", 500):
        launch(ClientToken="t")
    order("capacity", "DELETE")
    launch(ClientToken="t", InstanceType="t3.small")
