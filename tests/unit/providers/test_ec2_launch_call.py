# SPDX-License-Identifier: Apache-2.0
"""The arguments of RunInstances that no fake looks at."""

from __future__ import annotations

import dataclasses

from nova_spillway.providers import api
from nova_spillway.providers.ec2 import tags
from nova_spillway.providers.ec2.launch_call import run_instances_arguments
from nova_spillway.providers.ec2.options import Ec2Options

OPTIONS = Ec2Options("eu-west-1", "subnet-1", ("sg-1",), availability_zone="eu-west-1a")
OWNER = api.Owner("demo", "cloud1")
REQUEST = api.LaunchRequest(
    "11111111-2222-3333-4444-555555555555",
    "web",
    "t3.micro",
    api.Image("ami-1", "/dev/sda1", 8, other_disks=(("/dev/sdb", 2),)),
    20,
    api.Claim(1, 512, 20),
)


def test_one_machine_with_one_token_in_our_place() -> None:
    arguments = run_instances_arguments(OPTIONS, OWNER, REQUEST, 1, "token")
    assert (arguments["MinCount"], arguments["MaxCount"]) == (1, 1)
    assert arguments["ClientToken"] == "token"
    assert arguments["SubnetId"] == "subnet-1"
    assert arguments["SecurityGroupIds"] == ["sg-1"]
    assert arguments["Placement"] == {"AvailabilityZone": "eu-west-1a"}
    assert arguments["InstanceInitiatedShutdownBehavior"] == "stop"
    assert "KeyName" not in arguments and "UserData" not in arguments


def test_no_disk_of_the_image_outlives_its_machine() -> None:
    disks = run_instances_arguments(OPTIONS, OWNER, REQUEST, 1, "token")["BlockDeviceMappings"]
    assert disks == [
        {"DeviceName": "/dev/sda1", "Ebs": {"DeleteOnTermination": True, "VolumeSize": 20}},
        {"DeviceName": "/dev/sdb", "Ebs": {"DeleteOnTermination": True, "VolumeSize": 2}},
    ]


def test_everything_that_is_made_carries_our_tags() -> None:
    specifications = run_instances_arguments(OPTIONS, OWNER, REQUEST, 7, "t")["TagSpecifications"]
    assert [s["ResourceType"] for s in specifications] == [
        "instance",
        "volume",
        "network-interface",
    ]
    for specification in specifications:
        found = tags.from_ec2(specification["Tags"])
        assert found["spillway:deployment"] == "demo"
        assert found["spillway:burst-host"] == "cloud1"
        assert found["spillway:generation"] == "7"


def test_a_long_hostname_is_cut_to_what_a_tag_takes() -> None:
    request = dataclasses.replace(REQUEST, hostname="h" * 300)
    arguments = run_instances_arguments(OPTIONS, OWNER, request, 1, "token")
    assert tags.from_ec2(arguments["TagSpecifications"][0]["Tags"])["Name"] == "h" * 256


def test_tags_that_somebody_changed_are_read_without_harm() -> None:
    assert tags.parse_claim("vcpus=1 memory_mb=512 disk_gb=20") == api.Claim(1, 512, 20)
    assert tags.parse_claim("lots") is None
    assert tags.parse_generation("12") == 12
    assert tags.parse_generation("\u00b2") == 0
    assert tags.parse_generation("") == 0
