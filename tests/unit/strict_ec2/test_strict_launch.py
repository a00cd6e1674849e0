# SPDX-License-Identifier: Apache-2.0
"""What RunInstances takes and refuses."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from refusals import refused

TINY_SUBNET = "subnet-0a000000000000005"


def test_tags_of_a_launch_are_there_at_once(ec2: Any, launch: Any) -> None:
    tags = [{"Key": "k", "Value": "v"}]
    kinds = ("instance", "volume", "network-interface")
    machine_id = launch(TagSpecifications=[{"ResourceType": k, "Tags": tags} for k in kinds])
    (found,) = ec2.describe_instances(Filters=[{"Name": "tag:k", "Values": ["v"]}])["Reservations"]
    assert found["Instances"][0]["InstanceId"] == machine_id
    rows = ec2.describe_tags()["Tags"]
    assert sorted(row["ResourceType"] for row in rows) == sorted(kinds)


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([{"Key": "aws:x", "Value": ""}], "InvalidParameterValue"),
        ([{"Key": "k", "Value": "v" * 257}], "InvalidParameterValue"),
        ([{"Key": "k" * 129, "Value": ""}], "InvalidParameterValue"),
        ([{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}], "InvalidParameterValue"),
        ([{"Key": str(n), "Value": ""} for n in range(51)], "TagLimitExceeded"),
    ],
)
def test_tags_that_ec2_does_not_take(launch: Any, tags: Any, code: str) -> None:
    with refused(code):
        launch(TagSpecifications=[{"ResourceType": "instance", "Tags": tags}])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ImageId": "ami-1"}, "InvalidAMIID.Malformed"),
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"InstanceType": "t3.gigantic"}, "InvalidParameterValue"),
        ({"InstanceType": "t4g.micro"}, "InvalidParameterValue"),
        ({"ImageId": "ami-0a000000000000003"}, "InvalidParameterCombination"),
        ({"KeyName": "nobody's"}, "InvalidKeyPair.NotFound"),
        ({"SubnetId": "subnet-1"}, "InvalidSubnetID.NotFound"),
        ({"SecurityGroupIds": ["sg-1"]}, "InvalidGroup.NotFound"),
        ({"SecurityGroupIds": ["sg-0a000000000000002"]}, "InvalidParameter"),
        ({"MinCount": 2}, "InvalidParameterValue"),
        ({"MinCount": 0}, "InvalidParameterValue"),
        ({"Placement": {"AvailabilityZone": "us-east-1z"}}, "InvalidParameterValue"),
        ({"MetadataOptions": {"HttpPutResponseHopLimit": 65}}, "InvalidParameterValue"),
        ({"UserData": "x" * 16385}, "InvalidParameterValue"),
        (
            {"SubnetId": TINY_SUBNET, "Placement": {"AvailabilityZone": "us-east-1a"}},
            "InvalidParameterValue",
        ),
        (
            {
                "SubnetId": "subnet-0a000000000000001",
                "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-0a000000000000001"}],
            },
            "InvalidParameterCombination",
        ),
    ],
)
def test_what_ec2_refuses(ec2: Any, launch: Any, changes: dict[str, Any], code: str) -> None:
    with refused(code):
        launch(**changes)
    assert ec2.describe_instances()["Reservations"] == []


def test_a_type_that_the_zone_does_not_offer(launch: Any) -> None:
    with refused("Unsupported"):
        launch(InstanceType="g4dn.xlarge", SubnetId="subnet-0a000000000000002")


def test_user_data_is_kept_as_it_was_sent(ec2: Any, launch: Any) -> None:
    machine_id = launch(UserData=b"\x00\xff" * 8192)
    sent = ec2.describe_instance_attribute(InstanceId=machine_id, Attribute="userData")
    assert base64.b64decode(sent["UserData"]["Value"]) == b"\x00\xff" * 8192


@pytest.mark.parametrize(
    ("ebs", "code"),
    [
        ({"VolumeSize": 7}, "InvalidBlockDeviceMapping"),
        ({"VolumeSize": 16385}, "InvalidParameterValue"),
    ],
)
def test_a_root_disk_of_a_wrong_size(launch: Any, ebs: dict[str, Any], code: str) -> None:
    with refused(code):
        launch(BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": ebs}])


def test_a_disk_that_outlives_its_machine_is_still_paid_for(
    ec2: Any, launch: Any, wait: Any
) -> None:
    machine_id = launch(
        ImageId="ami-0a000000000000004",
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sda1", "Ebs": {"DeleteOnTermination": True, "VolumeSize": 20}}
        ],
    )
    ec2.terminate_instances(InstanceIds=[machine_id])
    wait(5)
    (left,) = ec2.describe_volumes()["Volumes"]
    assert (left["Size"], left["State"]) == (10, "available")


def test_dry_run_makes_nothing(ec2: Any, launch: Any) -> None:
    with refused("DryRunOperation", 412):
        launch(DryRun=True)
    assert ec2.describe_instances()["Reservations"] == []


def test_a_parameter_that_the_endpoint_does_not_know_is_refused(launch: Any) -> None:
    with refused("UnsupportedOperation", 501):
        launch(LaunchTemplate={"LaunchTemplateName": "x"})


def test_the_lowest_free_address_is_taken_and_given_back(ec2: Any, launch: Any, wait: Any) -> None:
    def address(machine_id: str) -> str:
        (found,) = ec2.describe_instances(InstanceIds=[machine_id])["Reservations"]
        return str(found["Instances"][0]["PrivateIpAddress"])

    first, second = (launch(SubnetId=TINY_SUBNET) for _ in range(2))
    assert [address(first), address(second)] == ["10.0.128.4", "10.0.128.5"]
    ec2.terminate_instances(InstanceIds=[first])
    with refused("InvalidIPAddress.InUse"):
        launch(SubnetId=TINY_SUBNET, PrivateIpAddress="10.0.128.4")
    wait(5)
    assert address(launch(SubnetId=TINY_SUBNET, PrivateIpAddress="10.0.128.4")) == "10.0.128.4"


@pytest.mark.parametrize(
    "address", [f"10.0.128.{n}" for n in (0, 1, 2, 3, 15, 16)] + ["10.0.127.9", "x"]
)
def test_addresses_reserved_outside_and_senseless(launch: Any, address: str) -> None:
    with refused("InvalidParameterValue"):
        launch(SubnetId=TINY_SUBNET, PrivateIpAddress=address)


def test_one_address_is_not_for_two_machines(launch: Any) -> None:
    with refused("InvalidParameterCombination"):
        launch(SubnetId=TINY_SUBNET, PrivateIpAddress="10.0.128.9", MaxCount=2)


def test_a_subnet_has_an_end(launch: Any) -> None:
    launch(SubnetId=TINY_SUBNET, MinCount=11, MaxCount=11)
    with refused("InsufficientFreeAddressesInSubnet"):
        launch(SubnetId=TINY_SUBNET)
