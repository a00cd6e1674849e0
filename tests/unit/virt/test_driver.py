# SPDX-License-Identifier: Apache-2.0
"""The driver between Nova's own classes and an EC2 endpoint over HTTP."""

from __future__ import annotations

import base64
import json
import logging
import pathlib
import socket
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from nova import conf as nova_conf
from nova import exception, objects
from nova.compute import power_state, provider_tree, task_states
from nova.objects import fields
from nova.objects.instance import Instance as NovaInstance

from nova_spillway.virt import build_errors, driver, intent

pytestmark = pytest.mark.usefixtures("aws_credentials")

POLICY = """
mode = "active"
deployment = "demo"

[[burst_hosts]]
name = "{host}"
provider = "ec2"
max_servers = 3
max_vcpus = 8
max_memory_mb = 8192
max_disk_gb = 200
poll_interval_secs = 3600

[burst_hosts.ec2]
region = "us-east-1"
endpoint_url = "{url}"
subnet_id = "{subnet}"
security_group_ids = ["{group}"]

[[burst_hosts.sizes]]
name = "t3.micro"
vcpus = 2
memory_mb = 1024

[[burst_hosts.images]]
image = "tiny"
provider_image = "{image}"
"""


class Instance(NovaInstance):  # type: ignore[misc]
    """Nova's instance, whose saves are counted instead of sent to a conductor."""

    def save(self, expected_task_state: Any = None) -> None:
        self.saves = [*getattr(self, "saves", []), dict(self.system_metadata)]

    @property
    def image_meta(self) -> Any:
        return objects.ImageMeta(
            id=self.image_ref, name="tiny", properties=objects.ImageMetaProps()
        )


@pytest.fixture(scope="module", autouse=True)
def _nova() -> None:
    objects.register_all()
    nova_conf.CONF([], project="nova", default_config_files=[])


@pytest.fixture(scope="module")
def ec2(moto_url: str) -> Any:
    return boto3.client(
        "ec2",
        endpoint_url=moto_url,
        region_name="us-east-1",
        aws_access_key_id="owner",
        aws_secret_access_key="owner",
    )


@pytest.fixture(scope="module")
def place(ec2: Any, moto_url: str) -> dict[str, str]:
    return {
        "url": moto_url,
        "subnet": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        "group": ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"],
        "image": ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"],
    }


class Nova:
    """What of Nova's database the driver reads."""

    def __init__(self) -> None:
        self.instances: dict[str, Any] = {}

    def get_by_uuid(self, _context: Any, instance_uuid: str, **_more: Any) -> Any:
        if instance_uuid not in self.instances:
            raise exception.InstanceNotFound(instance_id=instance_uuid)
        return self.instances[instance_uuid]

    def get_by_host(self, _context: Any, host: str, **_more: Any) -> Any:
        return [i for i in self.instances.values() if i.host == host]


@pytest.fixture
def nova(monkeypatch: pytest.MonkeyPatch) -> Nova:
    database = Nova()
    monkeypatch.setattr(objects.Instance, "get_by_uuid", database.get_by_uuid)
    monkeypatch.setattr(objects.InstanceList, "get_by_host", database.get_by_host)
    return database


@pytest.fixture
def host() -> str:
    return f"cloud-{uuid.uuid4()}"


@pytest.fixture
def policy_file(tmp_path: pathlib.Path, place: dict[str, str], host: str) -> pathlib.Path:
    path = tmp_path / "spillway.toml"
    path.write_text(POLICY.format(host=host, **place))
    conf = nova_conf.CONF
    driver.conf.register_opts(conf)
    conf.set_override("policy_file", str(path), group="spillway")
    conf.set_override("state_path", str(tmp_path))
    return path


@pytest.fixture
def burst(policy_file: pathlib.Path, nova: Nova, host: str) -> Iterator[driver.SpillwayDriver]:
    """A driver after ``init_host``; its poll is made by the tests."""
    made = driver.SpillwayDriver(None)
    made.init_host(host)
    yield made
    made.cleanup_host(host)


@pytest.fixture
def instance(nova: Nova, host: str) -> Instance:
    """An instance as Nova hands it to ``spawn``."""
    made = Instance(
        uuid=str(uuid.uuid4()),
        host=host,
        project_id="p1",
        hostname="web",
        image_ref=str(uuid.uuid4()),
        key_name=None,
        key_data=None,
        user_data=base64.b64encode(b"user-data-canary").decode(),
        flavor=objects.Flavor(
            name="m1.small",
            vcpus=1,
            memory_mb=512,
            root_gb=20,
            ephemeral_gb=0,
            swap=0,
            extra_specs={},
        ),
        system_metadata={},
        access_ip_v4=None,
        numa_topology=None,
        pci_requests=None,
        trusted_certs=None,
        config_drive="",
        task_state=task_states.SPAWNING,
        vm_state="building",
        launched_at=None,
        power_state=0,
    )
    nova.instances[made.uuid] = made
    return made


def spawn(burst: driver.SpillwayDriver, instance: Instance, **changes: Any) -> None:
    arguments: dict[str, Any] = {
        "context": None,
        "instance": instance,
        "image_meta": instance.image_meta,
        "injected_files": [],
        "admin_password": "password-canary",
        "allocations": {},
        "network_info": [],
        "block_device_info": {"root_device_name": "/dev/vda", "block_device_mapping": []},
    }
    burst.spawn(**{**arguments, **changes})


def machine_states(ec2: Any, instance: Instance) -> list[str]:
    pages = ec2.describe_instances(
        Filters=[{"Name": "tag:spillway:instance", "Values": [instance.uuid]}]
    )
    return [i["State"]["Name"] for r in pages["Reservations"] for i in r["Instances"]]


def test_a_whole_life(burst: driver.SpillwayDriver, ec2: Any, instance: Instance) -> None:
    assert burst.get_num_instances() == 0
    spawn(burst, instance)
    assert machine_states(ec2, instance) == ["running"]
    assert instance.saves[0]["spillway_client_token"]
    assert not instance.saves[0]["spillway_machine"]
    assert instance.system_metadata["spillway_machine"].startswith("i-")
    assert instance.access_ip_v4 is not None
    assert burst.get_info(instance).state == power_state.RUNNING
    assert burst.list_instance_uuids() == [instance.uuid]
    assert burst.instance_exists(instance)

    instance.task_state = task_states.POWERING_OFF
    burst.power_off(instance, timeout=5)
    assert burst.get_info(instance).state == power_state.SHUTDOWN
    burst.power_on(None, instance, [])
    burst.reboot(None, instance, [], "SOFT")
    burst.reboot(None, instance, [], "HARD")
    assert burst.get_info(instance, use_cache=False).state == power_state.RUNNING
    assert isinstance(burst.get_console_output(None, instance), bytes)

    burst.destroy(None, instance, [])
    burst.destroy(None, instance, [])
    assert machine_states(ec2, instance) == ["terminated"]
    assert burst.get_num_instances() == 0
    assert not burst.instance_exists(instance)


def test_terminated_in_ec2_is_shutdown_at_the_next_poll(
    burst: driver.SpillwayDriver, ec2: Any, instance: Instance
) -> None:
    events: list[Any] = []
    spawn(burst, instance)
    burst.register_event_listener(events.append)
    burst._look()
    ec2.terminate_instances(InstanceIds=[instance.system_metadata["spillway_machine"]])
    burst._look()
    assert [(e.uuid, e.get_name()) for e in events] == [(instance.uuid, "Stopped")]
    assert burst.get_info(instance).state == power_state.SHUTDOWN
    instance.task_state = task_states.POWERING_OFF
    burst.power_off(instance)
    with pytest.raises(exception.InstancePowerOnFailure, match="gone"):
        burst.power_on(None, instance, [])


def test_an_address_that_the_user_gave_stays(
    burst: driver.SpillwayDriver, instance: Instance
) -> None:
    instance.access_ip_v4 = "192.0.2.7"
    spawn(burst, instance)
    assert str(instance.access_ip_v4) == "192.0.2.7"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"injected_files": [("/etc/motd", b"hi")]}, "injected files"),
        ({"block_device_info": {"block_device_mapping": [{"mount_device": "/dev/vdb"}]}}, "volume"),
        ({"block_device_info": {"ephemerals": [{"size": 1}]}}, "ephemeral"),
        ({"accel_info": [{"uuid": "x"}]}, "accelerators"),
    ],
)
def test_what_burst_servers_lack_is_refused_before_anything_is_paid(
    burst: driver.SpillwayDriver, ec2: Any, instance: Instance, changes: dict[str, Any], word: str
) -> None:
    with pytest.raises(build_errors.LaunchRefused, match=word):
        spawn(burst, instance, **changes)
    assert machine_states(ec2, instance) == []


@pytest.mark.parametrize(
    ("attribute", "value", "word"),
    [
        ("config_drive", "True", "config drive"),
        ("image_ref", "", "booting from a volume"),
    ],
)
def test_what_an_instance_asks_for_in_vain(
    burst: driver.SpillwayDriver,
    ec2: Any,
    instance: Instance,
    attribute: str,
    value: str,
    word: str,
) -> None:
    image_meta = instance.image_meta
    setattr(instance, attribute, value)
    with pytest.raises(build_errors.LaunchRefused, match=word):
        spawn(burst, instance, image_meta=image_meta)
    assert machine_states(ec2, instance) == []


def test_a_network_failure_surfaces_before_the_launch(
    burst: driver.SpillwayDriver, ec2: Any, instance: Instance
) -> None:
    class Broken:
        def __len__(self) -> int:
            raise exception.PortBindingFailed(port_id="p")

    with pytest.raises(exception.PortBindingFailed):
        spawn(burst, instance, network_info=Broken())
    assert machine_states(ec2, instance) == []


def test_above_the_caps_nova_tries_the_next_host(
    burst: driver.SpillwayDriver, ec2: Any, instance: Instance
) -> None:
    instance.flavor.vcpus = 1
    instance.flavor.memory_mb = 1024
    instance.flavor.root_gb = 201
    with pytest.raises(exception.ComputeResourcesUnavailable, match="200 GB of disk"):
        spawn(burst, instance)
    assert machine_states(ec2, instance) == []


def test_what_maps_to_nothing_is_tried_elsewhere(
    burst: driver.SpillwayDriver, ec2: Any, instance: Instance
) -> None:
    instance.flavor.memory_mb = 999_999
    with pytest.raises(exception.ComputeResourcesUnavailable):
        spawn(burst, instance)
    assert machine_states(ec2, instance) == []


def test_a_disk_smaller_than_the_image_is_tried_elsewhere(
    burst: driver.SpillwayDriver, ec2: Any, instance: Instance
) -> None:
    instance.flavor.root_gb = 1
    with pytest.raises(exception.ComputeResourcesUnavailable, match="needs 15 GB"):
        spawn(burst, instance)
    burst.destroy(None, instance, [])
    assert not any(key.startswith("spillway_") for key in instance.system_metadata), (
        "wherever it goes now, it is no burst server"
    )


def test_ec2_refuses_and_no_mark_of_the_launch_stays(
    policy_file: pathlib.Path,
    place: dict[str, str],
    nova: Nova,
    host: str,
    ec2: Any,
    instance: Instance,
) -> None:
    policy_file.write_text(POLICY.format(host=host, **{**place, "subnet": "subnet-0123456789"}))
    refused = driver.SpillwayDriver(None)
    refused.init_host(host)
    try:
        with pytest.raises(exception.ComputeResourcesUnavailable, match="InvalidSubnetID"):
            spawn(refused, instance)
        assert instance.saves[0]["spillway_client_token"]
        assert not any(key.startswith("spillway_") for key in instance.system_metadata)
        refused.destroy(None, instance, [])
    finally:
        refused.cleanup_host(host)
    assert machine_states(ec2, instance) == []


def test_ec2_away_is_not_mass_loss(
    policy_file: pathlib.Path, place: dict[str, str], nova: Nova, host: str, instance: Instance
) -> None:
    policy_file.write_text(POLICY.format(host=host, **{**place, "url": "http://127.0.0.1:9"}))
    away = driver.SpillwayDriver(None)
    away.init_host(host)
    try:
        with pytest.raises(exception.VirtDriverNotReady):
            away.get_num_instances()
        with pytest.raises(exception.VirtDriverNotReady):
            away.list_instance_uuids()
        assert away.get_info(instance).state == power_state.NOSTATE
        with pytest.raises(exception.ComputeResourcesUnavailable, match="does not answer"):
            spawn(away, instance)
        # Nova cleans up after the failed spawn, and reschedules only if that succeeds.
        away.destroy(None, instance, [])
    finally:
        away.cleanup_host(host)


def test_a_bad_policy_file_names_the_place(
    policy_file: pathlib.Path, nova: Nova, host: str
) -> None:
    policy_file.write_text('mode = "activ"\n')
    with pytest.raises(exception.InvalidConfiguration, match=r"spillway\.toml"):
        driver.SpillwayDriver(None).init_host(host)


def test_a_host_that_the_policy_does_not_know(policy_file: pathlib.Path, nova: Nova) -> None:
    with pytest.raises(exception.InvalidConfiguration, match=r"has no .*'stranger'"):
        driver.SpillwayDriver(None).init_host("stranger")


def test_metrics_are_served_from_start_to_stop_and_the_spend_is_kept(
    policy_file: pathlib.Path, nova: Nova, host: str, instance: Instance, tmp_path: pathlib.Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        policy_file.write_text(
            policy_file.read_text().replace(
                "poll_interval_secs", f'metrics_listen = "{listen}"\npoll_interval_secs'
            )
        )
        made = driver.SpillwayDriver(None)
        made.init_host(host)
    try:
        spawn(made, instance)
        # The port was taken at the start, and is free by now.
        made._look()
        with urllib.request.urlopen(f"http://{listen}/metrics", timeout=10) as answer:
            page = answer.read().decode()
        assert f'spillway_burst_host_servers{{burst_host="{host}",state="running"}} 1.0' in page
        assert f'spillway_burst_host_used{{burst_host="{host}",resource="memory_mb"}} 512.0' in page
        ec2_says = (
            f'spillway_burst_host_info{{burst_host="{host}",provider="ec2",region="us-east-1"'
        )
        assert ec2_says in page
        assert "canary" not in page
    finally:
        made.cleanup_host(host)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://{listen}/metrics", timeout=10)
    kept = json.loads((tmp_path / f"spillway-spend-{host}.json").read_text())
    [machine] = kept["machines"].values()
    assert machine["project_id"] == "p1", "by the tag that the launch carried"


def test_the_driver_polls_by_itself(
    policy_file: pathlib.Path, nova: Nova, host: str, ec2: Any, instance: Instance
) -> None:
    policy_file.write_text(
        policy_file.read_text().replace("poll_interval_secs = 3600", "poll_interval_secs = 1")
    )
    polling = driver.SpillwayDriver(None)
    told = threading.Event()
    polling.init_host(host)
    polling.register_event_listener(lambda _event: told.set())
    try:
        spawn(polling, instance)
        ec2.terminate_instances(InstanceIds=[instance.system_metadata["spillway_machine"]])
        assert told.wait(30)
    finally:
        polling.cleanup_host(host)


def test_a_poll_that_breaks_is_followed_by_the_next(
    burst: driver.SpillwayDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(burst._poll, "run_once", fail)
    assert burst._look() == 3600


def test_changed_caps_are_taken_and_a_bad_file_is_not(
    burst: driver.SpillwayDriver, policy_file: pathlib.Path
) -> None:
    good = policy_file.read_text()
    policy_file.write_text(good.replace("max_vcpus = 8", "max_vcpus = 9"))
    burst._look()
    assert burst.get_available_resource("n")["vcpus"] == 9
    policy_file.write_text("nonsense =")
    burst._look()
    assert burst.get_available_resource("n")["vcpus"] == 9


def test_the_node(burst: driver.SpillwayDriver, host: str, instance: Instance) -> None:
    spawn(burst, instance)
    assert burst.get_available_nodes() == [host]
    resource = burst.get_available_resource(host)
    assert burst.get_nodenames_by_uuid() == {resource["uuid"]: host}
    assert resource["hypervisor_type"] == "spillway"
    assert (resource["vcpus"], resource["vcpus_used"]) == (8, 1)
    node = objects.ComputeNode()
    node.update_from_virt_driver(resource)
    (supported,) = node.supported_hv_specs
    assert supported.arch == fields.Architecture.X86_64
    assert supported.hv_type in fields.HVType.ALL


def test_the_provider_tree(burst: driver.SpillwayDriver, host: str) -> None:
    tree = provider_tree.ProviderTree()
    tree.new_root(host, str(uuid.uuid4()), generation=1)
    tree.add_traits(host, "CUSTOM_OF_AN_OPERATOR")
    burst.update_provider_tree(tree, host)
    data = tree.data(host)
    assert data.traits == {"CUSTOM_OF_AN_OPERATOR", "CUSTOM_SPILLWAY_BURST"}
    assert {name: record["total"] for name, record in data.inventory.items()} == {
        "VCPU": 8,
        "MEMORY_MB": 8192,
        "DISK_GB": 200,
    }
    assert all(record["allocation_ratio"] == 1.0 for record in data.inventory.values())


def test_ports_stay_neutrons(burst: driver.SpillwayDriver, instance: Instance) -> None:
    assert burst.network_binding_host_id(None, instance) is None
    assert burst.manages_network_binding_host_id() is True


@pytest.mark.parametrize("task_state", [task_states.RESCUING, task_states.SHELVING])
def test_a_refused_operation_does_not_stop_the_server_first(
    burst: driver.SpillwayDriver, ec2: Any, instance: Instance, task_state: str
) -> None:
    spawn(burst, instance)
    instance.task_state = task_state
    with pytest.raises(NotImplementedError):
        burst.power_off(instance)
    assert machine_states(ec2, instance) == ["running"]


def test_a_rebuild_to_an_image_without_a_twin_is_refused_first(
    burst: driver.SpillwayDriver, ec2: Any, instance: Instance
) -> None:
    spawn(burst, instance)
    other = objects.ImageMeta(
        id=str(uuid.uuid4()), name="unmapped", properties=objects.ImageMetaProps()
    )
    with pytest.raises(exception.InstanceFaultRollback):
        burst.rebuild(None, instance, other, [], "", {}, [], None, None)
    with pytest.raises(NotImplementedError):
        burst.rebuild(None, instance, instance.image_meta, [], "", {}, [], None, None)
    assert machine_states(ec2, instance) == ["running"]


def test_no_secret_is_logged(
    burst: driver.SpillwayDriver, instance: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    instance.key_data = (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0vW0a9S1n1Ue9v3i8eU1nF5nYtqXv2rVb7nq0V2q3x"
    )
    spawn(burst, instance)
    burst._look()
    burst.destroy(None, instance, [])
    assert "launched i-" in caplog.text
    for secret in ("user-data-canary", "password-canary", "secret-canary", "AAAAC3Nza"):
        assert secret not in caplog.text
    assert base64.b64encode(b"user-data-canary").decode() not in caplog.text
    assert "user-data-canary" not in str(instance.system_metadata)
    assert instance.system_metadata[intent.GENERATION] == "1"
