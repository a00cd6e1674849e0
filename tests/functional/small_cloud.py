# SPDX-License-Identifier: Apache-2.0
"""A small cloud inside one process: Nova's services, a real Placement, fake hypervisors.

Nova's API, conductor, scheduler and compute code run for real, over an in-memory message bus and
SQLite; only the hypervisors are Nova's fakes. A burst host is a fake with the trait.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time
from typing import Any

import fixtures
import os_resource_classes as orc
import tomllib
from nova import exception
from nova.tests.functional import integrated_helpers
from nova.virt import fake

from nova_spillway import conf as spillway_conf
from nova_spillway import import_hook
from nova_spillway.scheduler.burst_trait import TRAIT
from nova_spillway.scheduler.manager import MultiScheduler

IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
OTHER_IMAGE = "76fa36fc-c930-4bf3-8c8a-ea2a2420deb6"
TINY, SMALL = "1", "2"
"""Ids of m1.tiny and m1.small, both with one vCPU."""

POLICY = """
mode = "{mode}"
deployment = "test"

[snapshot]
path = "{folder}/snapshot.json"

[journal]
path = "{folder}/journal.jsonl"

[[rules]]
name = "everything bursts"
projects = ["*"]
{rule}

[[burst_hosts]]
name = "cloud1"
provider = "ec2"
availability_zones = [{zones}]
max_servers = 100
max_vcpus = 1000
max_memory_mb = 1000000
max_disk_gb = 100000

[burst_hosts.ec2]
region = "us-east-1"
subnet_id = "subnet-1"
security_group_ids = ["sg-1"]

[[burst_hosts.sizes]]
name = "t3.micro"
vcpus = 2
memory_mb = 4096
price_usd_per_hour = 0.01

[[burst_hosts.images]]
provider_image = "ami-12345678"
"""

SECOND_BURST_HOST = """
[[burst_hosts]]
name = "cloud2"
provider = "ec2"
availability_zones = ["nova"]
max_servers = 100
max_vcpus = 1000
max_memory_mb = 1000000
max_disk_gb = 100000

[burst_hosts.ec2]
region = "us-west-1"
subnet_id = "subnet-2"
security_group_ids = ["sg-2"]

[[burst_hosts.sizes]]
name = "m5.large"
vcpus = 2
memory_mb = 8192
price_usd_per_hour = 0.02

[[burst_hosts.images]]
provider_image = "ami-22222222"
"""


class FakePrivateDriver(fake.FakeDriver):
    """A private host with room for two servers of one vCPU."""

    vcpus = 2
    memory_mb = 8192
    local_gb = 1028


class FakeBurstDriver(fake.FakeDriver):
    """A burst host as the scheduler sees it: plenty of room, and the trait."""

    vcpus = 1000
    memory_mb = 800000
    local_gb = 600000
    refuses = False
    """Whether every launch is refused, as by a provider without capacity."""

    def update_provider_tree(self, provider_tree: Any, nodename: str, allocations: Any = None):
        super().update_provider_tree(provider_tree, nodename, allocations)
        provider_tree.add_traits(nodename, TRAIT)

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        resources = super().get_available_resource(nodename)
        resources["hypervisor_type"] = "spillway"
        return resources

    def spawn(self, *args: Any, **kwargs: Any) -> None:
        if type(self).refuses:
            raise exception.ComputeResourcesUnavailable(reason="InsufficientInstanceCapacity")
        super().spawn(*args, **kwargs)


# Nova loads drivers from inside nova.virt only.
fake.FakePrivateDriver = FakePrivateDriver
fake.FakeBurstDriver = FakeBurstDriver


class SmallCloud(integrated_helpers.ProviderUsageBaseTestCase):
    """Private hosts host1 and host2 with two vCPUs each, and the burst host cloud1."""

    compute_driver = "fake.FakePrivateDriver"
    private_hosts = ("host1", "host2")
    burst_hosts = ("cloud1",)
    scheduler_driver: str | None = "spillway"
    mode = "active"
    rule = ""
    zones = '"nova"'
    more_policy = ""

    def setUp(self) -> None:
        import_hook.install()
        spillway_conf.register_opts(integrated_helpers.CONF)
        self.flags(
            api_paste_config=str(pathlib.Path(sys.prefix, "etc/nova/api-paste.ini")), group="wsgi"
        )
        self.flags(scheduler_driver=self.scheduler_driver)
        self.flags(
            initial_cpu_allocation_ratio=1.0,
            initial_ram_allocation_ratio=1.0,
            initial_disk_allocation_ratio=1.0,
        )
        self.flags(allow_resize_to_same_host=False)
        FakeBurstDriver.refuses = False
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.policy_file = self.folder / "spillway.toml"
        self.write_policy()
        self.flags(policy_file=str(self.policy_file), group="spillway")
        super().setUp()
        self.computes: dict[str, Any] = {}
        for host in self.private_hosts:
            self.start_compute_host(host, self.compute_driver)
        for host in self.burst_hosts:
            self.start_compute_host(host, "fake.FakeBurstDriver")

    @property
    def scheduler(self) -> MultiScheduler:
        """The manager that nova-scheduler runs."""
        return self.scheduler_service.manager

    def start_compute_host(self, name: str, driver: str) -> None:
        self.flags(compute_driver=driver)
        self.computes[name] = self.start_service("compute", host=name)

    def stop_compute_host(self, name: str) -> None:
        """Stop a nova-compute and tell Nova that it is down, as before an evacuation."""
        [service] = self.admin_api.get_services(host=name, binary="nova-compute")
        self.computes[name].stop()
        self.admin_api.put_service(service["id"], {"forced_down": True})

    def write_policy(self, text: str | None = None) -> None:
        if text is None:
            text = POLICY.format(
                mode=self.mode, folder=self.folder, rule=self.rule, zones=self.zones
            )
            text += self.more_policy
            tomllib.loads(text)
        self.policy_file.write_text(text)

    def write_snapshot(self, *, gate: str = "open", **more: Any) -> None:
        """Write what the sidecar would: a gate of the whole cloud."""
        now_ms = int(time.time() * 1000)
        snapshot = {
            "format": 1,
            "writer": "test",
            "written_at_ms": now_ms,
            "mode": None,
            "paused": False,
            "gates": [
                {
                    "scope": "cloud",
                    "state": gate,
                    "since_ms": now_ms,
                    "forced": None,
                    "signals": [],
                }
            ],
            **more,
        }
        whole = self.folder / "snapshot.json.new"
        whole.write_text(json.dumps(snapshot))
        whole.replace(self.folder / "snapshot.json")

    def journal(self, kind: str) -> list[dict[str, Any]]:
        """Return the journal's lines of one kind."""
        path = self.folder / "journal.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [entry for entry in map(json.loads, lines) if entry["kind"] == kind]

    def boot(self, **kwargs: Any) -> dict[str, Any]:
        """Boot a server of one vCPU and wait until it is ACTIVE, or ``expected_state``."""
        return self._create_server(
            **{"image_uuid": IMAGE, "flavor_id": TINY, "networks": "none", **kwargs}
        )

    def boot_many(self, count: int, expected_state: str = "ACTIVE", **more: Any) -> list[Any]:
        """Boot several servers in one request. :returns: them, once in ``expected_state``."""
        server = self._build_server(image_uuid=IMAGE, flavor_id=TINY, networks="none")
        server.update(min_count=count, max_count=count)
        self.api.post_server({"server": server, **more})
        servers = self.api.get_servers(search_opts={"name": server["name"]})
        found = [s for s in self.api.get_servers() if s["name"].startswith(server["name"])]
        self.assertEqual(count, len(found), servers)
        return [self._wait_for_state_change(s, expected_state) for s in found]

    def fill_private_hosts(self) -> list[dict[str, Any]]:
        """Boot a server per private vCPU, each on a private host whatever the policy says."""
        return [
            self.boot(host=host)
            for host in self.private_hosts
            for _ in range(FakePrivateDriver.vcpus)
        ]

    def fill_burst_host(self, host: str) -> None:
        """Leave no room on a burst host in Placement."""
        provider = self._get_provider_uuid_by_host(host)
        inventories = self._get_provider_inventory(provider)
        inventories[orc.VCPU]["reserved"] = inventories[orc.VCPU]["total"]
        generation = self._get_resource_provider_by_uuid(provider)["generation"]
        answer = self.placement.put(
            f"/resource_providers/{provider}/inventories",
            {"resource_provider_generation": generation, "inventories": inventories},
            version="1.26",
        )
        self.assertEqual(200, answer.status, answer.body)

    def host_of(self, server: dict[str, Any]) -> str | None:
        return self.admin_api.get_server(server["id"])["OS-EXT-SRV-ATTR:host"]

    def assert_private(self, server: dict[str, Any]) -> None:
        self.assertIn(self.host_of(server), self.private_hosts)

    def assert_burst(self, server: dict[str, Any]) -> None:
        self.assertIn(self.host_of(server), self.burst_hosts)

    def fault_of(self, server: dict[str, Any]) -> str:
        return self.admin_api.get_server(server["id"])["fault"]["message"]

    def vcpus_used(self, host: str) -> int:
        """Return how many vCPUs Placement has allocated on a host."""
        return self._get_provider_usages(self._get_provider_uuid_by_host(host))[orc.VCPU]
