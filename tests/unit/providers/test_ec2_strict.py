# SPDX-License-Identifier: Apache-2.0
"""The EC2 provider against the strict endpoint, over HTTP."""

from __future__ import annotations

import base64
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from nova_spillway import providers
from nova_spillway.providers import api
from tests.strict_ec2.control import Clock
from tests.strict_ec2.server import Server, running

pytestmark = pytest.mark.usefixtures("aws_credentials")

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0vW0a9S1n1Ue9v3i8eU1nF5nYtqXv2rVb7nq0V2q3x"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Server]:
    """The endpoint; its clock stands still until a test lets time pass."""
    with running(clock=Clock(lambda: 1_700_000_000.0)) as server:
        yield server


@pytest.fixture
def wait(cloud: Server) -> Callable[[], None]:
    """Lets more time pass than any change of state takes."""
    return lambda: cloud.control.clock.advance(10)


@pytest.fixture(scope="module")
def ec2(cloud: Server) -> Any:
    """The account's own view."""
    return boto3.client(
        "ec2",
        endpoint_url=cloud.url,
        region_name="us-east-1",
        aws_access_key_id="owner",
        aws_secret_access_key="owner",
    )


def _instances(client: Any, **more: Any) -> list[dict[str, Any]]:
    pages = client.get_paginator("describe_instances").paginate(**more)
    return [i for page in pages for r in page["Reservations"] for i in r["Instances"]]


@pytest.fixture(scope="module")
def options(ec2: Any, cloud: Server) -> dict[str, object]:
    return {
        "region": "us-east-1",
        "endpoint_url": cloud.url,
        "subnet_id": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        "security_group_ids": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
    }


@pytest.fixture
def provider(options: dict[str, object]) -> api.Provider:
    """A burst host of its own for every test, since the endpoint remembers."""
    return providers.open_provider("ec2", options, api.Owner("demo", f"host-{uuid.uuid4()}"))


@pytest.fixture(scope="module")
def image_id(ec2: Any) -> str:
    """An image with a root disk of 15 GB and another, both of which outlive their instance."""
    named = [{"Name": "name", "Values": ["two-disks-x86_64"]}]
    return str(ec2.describe_images(Owners=["amazon"], Filters=named)["Images"][0]["ImageId"])


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
    disk, other = found["BlockDeviceMappings"]
    assert disk["DeviceName"] == wanted.image.root_device
    assert disk["Ebs"]["DeleteOnTermination"] is other["Ebs"]["DeleteOnTermination"] is True
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
    assert all(disk["Ebs"]["DeleteOnTermination"] for disk in found["BlockDeviceMappings"])
    disks = [disk["Ebs"]["VolumeId"] for disk in found["BlockDeviceMappings"]]
    volumes = ec2.describe_volumes(VolumeIds=disks)["Volumes"]
    assert [volume["Size"] for volume in volumes] == [15, 10]


def test_nothing_is_left_to_pay_for(
    provider: api.Provider, ec2: Any, image_id: str, wait: Callable[[], None]
) -> None:
    before = {volume["VolumeId"] for volume in ec2.describe_volumes()["Volumes"]}
    machine = provider.launch(request(provider, image_id), 1, "token-8")
    provider.terminate(machine.id)
    wait()
    assert {volume["VolumeId"] for volume in ec2.describe_volumes()["Volumes"]} <= before


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


def test_a_life(provider: api.Provider, image_id: str, wait: Callable[[], None]) -> None:
    machine = provider.launch(request(provider, image_id), 1, "token-5")
    assert machine.state is api.MachineState.PENDING

    def state() -> api.MachineState:
        (found,) = provider.describe_all()
        return found.state

    def becomes(on_the_way: api.MachineState, at_last: api.MachineState) -> None:
        assert state() is on_the_way
        wait()
        assert state() is at_last

    with pytest.raises(api.WrongState):
        provider.stop(machine.id)
    becomes(api.MachineState.PENDING, api.MachineState.RUNNING)
    provider.stop(machine.id)
    with pytest.raises(api.WrongState):
        provider.start(machine.id)
    becomes(api.MachineState.STOPPING, api.MachineState.STOPPED)
    with pytest.raises(api.WrongState):
        provider.reboot(machine.id)
    provider.start(machine.id)
    becomes(api.MachineState.PENDING, api.MachineState.RUNNING)
    provider.reboot(machine.id)
    provider.stop(machine.id, force=True)
    wait()
    provider.start(machine.id)
    wait()
    assert machine.id.encode() in provider.console_output(machine.id)
    provider.terminate(machine.id)
    becomes(api.MachineState.TERMINATING, api.MachineState.TERMINATED)
    provider.terminate(machine.id)


def test_a_token_is_for_one_machine_and_one_request(provider: api.Provider, image_id: str) -> None:
    wanted = request(provider, image_id)
    machine = provider.launch(wanted, 1, "token-9")
    assert provider.launch(wanted, 1, "token-9").id == machine.id
    with pytest.raises(api.TokenSpent):
        provider.launch(wanted, 2, "token-9")
    provider.terminate(machine.id)
    with pytest.raises(api.TokenSpent):
        provider.launch(wanted, 1, "token-9")


def order(cloud: Server, topic: str, method: str = "PUT", **values: Any) -> None:
    assert cloud.control.order(method, topic, values)


@pytest.mark.parametrize(
    ("topic", "values", "meaning"),
    [
        ("capacity", {"left": 0}, api.NoCapacity),
        ("quota", {"vcpus": 0}, api.QuotaExceeded),
        ("zone", {"zone": "us-east-1a"}, api.Unavailable),
        ("faults", {"throttled": 1}, api.Throttled),
        ("faults", {"error_after": 1}, api.Unavailable),
        ("faults", {"lost_before": 1}, api.Unavailable),
        ("faults", {"lost_after": 1}, api.Unavailable),
    ],
)
def test_a_launch_that_fails_is_tried_once_and_means_something(
    provider: api.Provider,
    image_id: str,
    cloud: Server,
    topic: str,
    values: dict[str, Any],
    meaning: type[api.ProviderError],
) -> None:
    wanted = request(provider, image_id)
    seen = cloud.control.state()["seen"].get("RunInstances", 0)
    order(cloud, topic, **values)
    try:
        with pytest.raises(meaning):
            provider.launch(wanted, 1, f"fails-{wanted.instance_uuid}")
        assert cloud.control.state()["seen"]["RunInstances"] == seen + 1
    finally:
        order(cloud, topic, "DELETE")
    # Whatever became of it, the same token ends in one machine.
    machine = provider.launch(wanted, 1, f"fails-{wanted.instance_uuid}")
    assert [found.id for found in provider.describe_all()] == [machine.id]


def test_a_list_is_whole_or_an_error(provider: api.Provider, image_id: str, cloud: Server) -> None:
    provider.launch(request(provider, image_id), 1, f"list-{uuid.uuid4()}")
    order(cloud, "zone", zone="us-east-1c")
    try:
        with pytest.raises(api.Unavailable):
            provider.describe_all()
    finally:
        order(cloud, "zone", "DELETE")
    assert len(provider.describe_all()) == 1


def test_more_machines_than_one_page(
    provider: api.Provider, image_id: str, ec2: Any, options: dict[str, object]
) -> None:
    machine = provider.launch(request(provider, image_id), 1, f"pages-{uuid.uuid4()}")
    (found,) = _instances(ec2, InstanceIds=[machine.id])
    ec2.run_instances(
        ImageId=image_id,
        InstanceType="t3.micro",
        MinCount=600,
        MaxCount=600,
        SubnetId=options["subnet_id"],
        TagSpecifications=[{"ResourceType": "instance", "Tags": found["Tags"]}],
    )
    assert len({machine.id for machine in provider.describe_all()}) == 601


def test_a_machine_that_shows_late(
    provider: api.Provider, image_id: str, cloud: Server, wait: Callable[[], None]
) -> None:
    order(cloud, "faults", visible_after_secs=[5, 5])
    wanted = request(provider, image_id)
    machine = provider.launch(wanted, 1, f"late-{wanted.instance_uuid}")
    order(cloud, "faults", "DELETE")
    assert provider.describe_instance(wanted.instance_uuid) == []
    with pytest.raises(api.Gone):
        provider.terminate(machine.id)
    wait()
    assert [found.id for found in provider.describe_all()] == [machine.id]


@pytest.mark.parametrize(
    ("reason", "meaning"),
    [("spot", api.NoCapacity), ("capacity", api.NoCapacity), ("failure", api.Unavailable)],
)
def test_why_a_machine_died(
    provider: api.Provider,
    image_id: str,
    cloud: Server,
    reason: str,
    meaning: type[api.ProviderError],
) -> None:
    machine = provider.launch(request(provider, image_id), 1, f"dies-{uuid.uuid4()}")
    order(cloud, "kill", instance_id=machine.id, reason=reason)
    (found,) = provider.describe_all()
    assert isinstance(found.failure, meaning)


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
    ec2.run_instances(
        ImageId=image_id,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        SubnetId=options["subnet_id"],
    )
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
