# SPDX-License-Identifier: Apache-2.0
"""Capacity, quotas and throttling."""

from __future__ import annotations

from typing import Any

import pytest
from refusals import refused

from tests.strict_ec2.buckets import Bucket


def test_capacity_is_per_type_and_zone(ec2: Any, launch: Any, order: Any, wait: Any) -> None:
    order("capacity", instance_type="t3.micro", zone="us-east-1a", left=1)
    machine_id = launch()
    with refused("InsufficientInstanceCapacity", 500):
        launch()
    launch(InstanceType="t3.small")
    launch(SubnetId="subnet-0a000000000000002")
    ec2.terminate_instances(InstanceIds=[machine_id])
    with refused("InsufficientInstanceCapacity", 500):
        launch()
    wait(5)
    launch()


def test_as_many_as_fit_are_launched_but_not_less_than_asked(ec2: Any, order: Any) -> None:
    order("capacity", instance_type="m5.*", left=3)
    many = {"ImageId": "ami-0a000000000000001", "InstanceType": "m5.large"}
    with refused("InsufficientInstanceCapacity", 500):
        ec2.run_instances(MinCount=4, MaxCount=9, **many)
    assert len(ec2.run_instances(MinCount=2, MaxCount=9, **many)["Instances"]) == 3


def test_a_stopped_machine_gives_its_room_back(
    ec2: Any, launch: Any, order: Any, wait: Any
) -> None:
    order("capacity", instance_type="t3.micro", left=1)
    order("quota", vcpus=4)
    machine_id = launch()
    wait(5)
    ec2.stop_instances(InstanceIds=[machine_id])
    wait(5)
    launch()
    with refused("InsufficientInstanceCapacity", 500):
        ec2.start_instances(InstanceIds=[machine_id])
    order("capacity", "DELETE")
    ec2.start_instances(InstanceIds=[machine_id])


def test_quotas_count_vcpus_by_family_and_market(launch: Any, order: Any) -> None:
    order("quota", vcpus=5)
    order("quota", market="spot", vcpus=0)
    launch(InstanceType="m5.xlarge")
    with refused("VcpuLimitExceeded"):
        launch()
    launch(InstanceType="g4dn.xlarge")
    with refused("MaxSpotInstanceCountExceeded"):
        launch(InstanceMarketOptions={"MarketType": "spot"})


def test_a_spot_price_that_is_too_low(launch: Any) -> None:
    with refused("SpotMaxPriceTooLow"):
        launch(InstanceMarketOptions={"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.0001"}})


def test_a_bucket_empties_and_fills() -> None:
    bucket = Bucket(5, 2, 5, 100)
    assert [bucket.take(1, 100) for _ in range(6)] == [True] * 5 + [False]
    assert [bucket.take(1, 100.5) for _ in range(2)] == [True, False]
    assert bucket.take(5, 1000) and not bucket.take(1, 1000)


def test_every_action_has_its_bucket(ec2: Any, launch: Any, order: Any, wait: Any) -> None:
    order("throttle")
    for _ in range(5):
        launch()
    with refused("RequestLimitExceeded", 503):
        launch()
    ec2.describe_instances()
    wait(0.5)
    launch()
    with refused("RequestLimitExceeded", 503):
        launch()


def test_launched_machines_have_a_bucket_of_their_own(launch: Any, order: Any) -> None:
    order("throttle", limits={"machines of RunInstances": [3, 1]})
    launch(MinCount=3, MaxCount=3)
    with refused("RequestLimitExceeded", 503):
        launch()


def test_listing_everything_has_less(ec2: Any, order: Any) -> None:
    order("throttle")
    for _ in range(50):
        ec2.describe_vpcs()
    with refused("RequestLimitExceeded", 503):
        ec2.describe_vpcs()
    ec2.describe_vpcs(MaxResults=5)


@pytest.mark.parametrize("order_", [{"left": "x"}, {}, {"left": []}])
def test_orders_that_make_no_sense_change_nothing(
    order: Any, launch: Any, order_: dict[str, Any]
) -> None:
    import urllib.error

    with pytest.raises(urllib.error.HTTPError):
        order("capacity", **order_)
    launch()
