# SPDX-License-Identifier: Apache-2.0
"""The EC2 provider against moto's server, over HTTP."""

from __future__ import annotations

import base64
import threading
import uuid
from typing import Any

import boto3
import pytest

from nova_spillway import providers
from nova_spillway.providers import api

pytestmark = pytest.mark.usefixtures("aws_credentials")

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0vW0a9S1n1Ue9v3i8eU1nF5nYtqXv2rVb7nq0V2q3x"


@pytest.fixture(scope="module")
def ec2(moto_url: str) -> Any:
    """The account's own view."""
    return boto3.client(
        "ec2",
        endpoint_url=moto_url,
        region_name="us-east-1",
        aws_access_key_id="owner",
        aws_secret_access_key="owner",
    )


def _instances(client: Any, **more: Any) -> list[dict[str, Any]]:
    pages = client.get_paginator("describe_instances").paginate(**more)
    return [i for page in pages for r in page["Reservations"] for i in r["Instances"]]


@pytest.fixture(scope="module")
def options(ec2: Any, moto_url: str) -> dict[str, object]:
    return {
        "region": "us-east-1",
        "endpoint_url": moto_url,
        "subnet_id": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        "security_group_ids": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
    }


@pytest.fixture
def provider(options: dict[str, object]) -> api.Provider:
    """A burst host of its own for every test, since moto's server remembers."""
    return providers.open_provider("ec2", options, api.Owner("demo", f"host-{uuid.uuid4()}"))


@pytest.fixture(scope="module")
def image_id(ec2: Any) -> str:
    """An image with a root disk of 15 GB that outlives its instance."""
    return str(ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"])


def request(provider: api.Provider, image_id: str, **changes: Any) -> api.LaunchRequest:
    values: dict[str, Any] = {
        "instance_uuid": str(uuid.uuid4()),
        "hostname": "web",
        "size": "t3.micro",
        "image": provider.image(image_id),
        "root_gb": 20,
        "claim": api.Claim(1, 512, 20),
        "user_data": b"#!/bin/sh\necho \xff\n",
    }
    return api.LaunchRequest(**{**values, **changes})


def test_what_a_launch_sends(provider: api.Provider, ec2: Any, image_id: str) -> None:
    key_name = provider.import_key(api.PublicKey("p1", ED25519 + " me@home"))
    wanted = request(provider, image_id, key_name=key_name)
    machine = provider.launch(wanted, 3, "token-1")
    (found,) = _instances(ec2, InstanceIds=[machine.id])
    tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
    assert tags == {
        "Name": "web",
        "spillway:deployment": "demo",
        "spillway:burst-host": machine.owner.burst_host,
        "spillway:instance": wanted.instance_uuid,
        "spillway:generation": "3",
        "spillway:claim": "vcpus=1 memory_mb=512 disk_gb=20",
    }
    assert found["ClientToken"] == "token-1"
    assert found["KeyName"] == key_name
    assert found["MetadataOptions"]["HttpTokens"] == "required"
    assert found["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert found["InstanceType"] == "t3.micro"
    (disk,) = found["BlockDeviceMappings"]
    assert disk["DeviceName"] == wanted.image.root_device
    assert disk["Ebs"]["DeleteOnTermination"] is True
    volume = ec2.describe_volumes(VolumeIds=[disk["Ebs"]["VolumeId"]])["Volumes"][0]
    assert volume["Size"] == 20
    assert {"Key": "spillway:deployment", "Value": "demo"} in volume["Tags"]
    sent = ec2.describe_instance_attribute(InstanceId=machine.id, Attribute="userData")
    assert base64.b64decode(sent["UserData"]["Value"]) == wanted.user_data


def test_a_flavor_without_a_root_disk_takes_the_images(
    provider: api.Provider, ec2: Any, image_id: str
) -> None:
    machine = provider.launch(request(provider, image_id, root_gb=0), 1, "token-2")
    (found,) = _instances(ec2, InstanceIds=[machine.id])
    (disk,) = found["BlockDeviceMappings"]
    assert disk["Ebs"]["DeleteOnTermination"] is True


def test_a_root_disk_smaller_than_the_image_is_refused_before_ec2_is_asked(
    provider: api.Provider, ec2: Any, image_id: str
) -> None:
    before = len(_instances(ec2))
    with pytest.raises(api.InvalidRequest, match="needs 15 GB"):
        provider.launch(request(provider, image_id, root_gb=14), 1, "token-3")
    assert len(_instances(ec2)) == before


def test_user_data_that_ec2_does_not_take_is_refused(provider: api.Provider, image_id: str) -> None:
    with pytest.raises(api.InvalidRequest, match="16385 bytes"):
        provider.launch(request(provider, image_id, user_data=b"x" * 16385), 1, "token-4")


def test_a_life(provider: api.Provider, image_id: str) -> None:
    machine = provider.launch(request(provider, image_id), 1, "token-5")
    assert machine.state in (api.MachineState.PENDING, api.MachineState.RUNNING)

    def state() -> api.MachineState:
        (found,) = provider.describe_all()
        return found.state

    assert state() is api.MachineState.RUNNING
    provider.stop(machine.id)
    assert state() is api.MachineState.STOPPED
    provider.start(machine.id)
    assert state() is api.MachineState.RUNNING
    provider.reboot(machine.id)
    provider.stop(machine.id, force=True)
    provider.start(machine.id)
    assert isinstance(provider.console_output(machine.id), bytes)
    provider.terminate(machine.id)
    assert state() is api.MachineState.TERMINATED
    provider.terminate(machine.id)


def test_what_is_described(provider: api.Provider, image_id: str) -> None:
    wanted = request(provider, image_id, claim=api.Claim(2, 1024, 40))
    launched = provider.launch(wanted, 2, "token-6")
    (found,) = provider.describe_instance(wanted.instance_uuid)
    assert (found.id, found.instance_uuid) == (launched.id, wanted.instance_uuid)
    assert (found.generation, found.client_token) == (2, "token-6")
    assert found.claim == wanted.claim
    assert found.private_address and found.public_address
    assert provider.describe_instance(str(uuid.uuid4())) == []


def test_other_peoples_machines_are_never_listed(
    provider: api.Provider, options: dict[str, object], ec2: Any, image_id: str
) -> None:
    other = providers.open_provider("ec2", options, api.Owner("demo", f"host-{uuid.uuid4()}"))
    other.launch(request(other, image_id), 1, "token-7")
    ec2.run_instances(ImageId=image_id, MinCount=1, MaxCount=1, SubnetId=options["subnet_id"])
    assert provider.describe_all() == []
    assert len(other.describe_all()) == 1


def test_a_key_is_imported_once_per_project_and_content(provider: api.Provider, ec2: Any) -> None:
    names = {
        provider.import_key(api.PublicKey("p1", ED25519 + " one")),
        provider.import_key(api.PublicKey("p1", ED25519 + " two comments")),
        provider.import_key(api.PublicKey("p2", ED25519)),
    }
    assert len(names) == 2
    known = {pair["KeyName"] for pair in ec2.describe_key_pairs()["KeyPairs"]}
    assert names <= known


def test_another_key_under_our_name_is_refused(
    provider: api.Provider, options: dict[str, object], ec2: Any
) -> None:
    project = str(uuid.uuid4())
    name = provider.import_key(api.PublicKey(project, ED25519))
    ec2.delete_key_pair(KeyName=name)
    ec2.import_key_pair(KeyName=name, PublicKeyMaterial=ED25519.replace("J0vW0", "J0vW1"))
    fresh = providers.open_provider("ec2", options, api.Owner("demo", "another-process"))
    with pytest.raises(api.InvalidRequest, match="another key"):
        fresh.import_key(api.PublicKey(project, ED25519))


@pytest.mark.parametrize("kind", ["ecdsa-sha2-nistp256 AAAA", "-----BEGIN", ""])
def test_a_key_of_another_kind_is_refused_with_advice(provider: api.Provider, kind: str) -> None:
    with pytest.raises(api.InvalidRequest, match="boot with another key pair"):
        provider.import_key(api.PublicKey("p1", kind))


def test_an_image_that_is_not_there(provider: api.Provider) -> None:
    with pytest.raises(api.InvalidRequest, match="ami-0000"):
        provider.image("ami-0000")


def test_a_machine_that_is_not_there(provider: api.Provider) -> None:
    for call in (provider.start, provider.stop, provider.reboot, provider.terminate):
        with pytest.raises(api.Gone):
            call("i-0123456789abcdef0")


def test_one_provider_serves_many_threads(provider: api.Provider, image_id: str) -> None:
    image = provider.image(image_id)
    errors: list[Exception] = []

    def launch(number: int) -> None:
        try:
            wanted = api.LaunchRequest(
                str(uuid.uuid4()), "web", "t3.micro", image, 20, api.Claim(1, 512, 20)
            )
            machine = provider.launch(wanted, 1, f"threads-{number}")
            provider.describe_instance(wanted.instance_uuid)
            provider.terminate(machine.id)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=launch, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(provider.describe_all()) == 12
