# SPDX-License-Identifier: Apache-2.0
"""A stock scheduler manager over N synthetic hosts, with Placement and the cell database stubbed.

What is pinned, because each moves Nova's own figure more than any noise: debug is off, cyclic GC
is CPython's default, every host has a two-cell NUMA topology of about 3.4 kB of JSON.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from nova import context as nova_context
from nova import objects, servicegroup
from nova.scheduler import host_manager, manager
from nova.scheduler import utils as scheduler_utils

TRAIT = "CUSTOM_SPILLWAY_BURST"
BURST_HOST = "cloud1"
CELL = str(uuid.UUID(int=0xCE11))
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
INSTANCES_PER_HOST = 20
CPU_FLAGS = " ".join(f"flag{n}" for n in range(100))
MICROVERSION = "1.36"


def _numa_topology() -> str:
    def cell(number: int) -> objects.NUMACell:
        cpus = set(range(number * 32, number * 32 + 32))
        pairs = sorted(cpus)
        return objects.NUMACell(
            id=number,
            cpuset=cpus,
            pcpuset=set(),
            memory=257024,
            cpu_usage=9,
            memory_usage=40960,
            pinned_cpus=set(),
            socket=number,
            siblings=[set(pairs[i : i + 2]) for i in range(0, len(pairs), 2)],
            mempages=[
                objects.NUMAPagesTopology(size_kb=size, total=total, used=0)
                for size, total in ((4, 65798000), (2048, 0), (1048576, 0))
            ],
            network_metadata=objects.NetworkMetadata(physnets={"physnet0"}, tunneled=False),
        )

    return objects.NUMATopology(cells=[cell(0), cell(1)])._to_json()


def _compute_node(context: Any, number: int, name: str, numa: str, burst: bool) -> Any:
    used = (number * 7) % 40
    return objects.ComputeNode(
        context=context,
        id=number + 1,
        uuid=str(uuid.UUID(int=0x10000 + number)),
        service_id=None,
        host=name,
        hypervisor_hostname=name,
        vcpus=64,
        memory_mb=515072,
        local_gb=3500,
        vcpus_used=used,
        memory_mb_used=used * 4096,
        local_gb_used=used * 20,
        hypervisor_type="spillway" if burst else "QEMU",
        hypervisor_version=8002002,
        free_ram_mb=515072 - used * 4096,
        free_disk_gb=3500 - used * 20,
        current_workload=0,
        running_vms=INSTANCES_PER_HOST,
        cpu_info=CPU_FLAGS,
        disk_available_least=2400,
        metrics="[]",
        stats={"failed_builds": "0", "num_instances": str(INSTANCES_PER_HOST)},
        host_ip="127.0.0.1",
        numa_topology=None if burst else numa,
        supported_hv_specs=[objects.HVSpec.from_list(["x86_64", "kvm", "hvm"])],
        pci_device_pools=objects.PciDevicePoolList(objects=[]),
        cpu_allocation_ratio=4.0,
        ram_allocation_ratio=1.0,
        disk_allocation_ratio=1.0,
        mapped=1,
        created_at=NOW,
        updated_at=NOW,
        deleted_at=None,
        deleted=False,
    )


def _service(context: Any, number: int, name: str) -> Any:
    return objects.Service(
        context=context,
        id=number + 1,
        uuid=str(uuid.UUID(int=0x20000 + number)),
        host=name,
        binary="nova-compute",
        topic="compute",
        report_count=1000,
        disabled=False,
        disabled_reason=None,
        last_seen_up=NOW,
        forced_down=False,
        created_at=NOW,
        updated_at=NOW,
        deleted_at=None,
        deleted=False,
    )


class SyntheticCloud:
    """N private hosts and a burst host, and what a manager needs to schedule on them."""

    def __init__(self, n_hosts: int, burst_host: bool) -> None:
        """Make the objects once; every request sees the same cloud.

        :param burst_host: False for the cloud of a stock manager, which has none.
        """
        self.context = nova_context.get_admin_context()
        numa = _numa_topology()
        names = [f"compute-{number:05d}" for number in range(n_hosts)]
        names += [BURST_HOST] if burst_host else []
        self.nodes = [
            _compute_node(self.context, number, name, numa, burst=name == BURST_HOST)
            for number, name in enumerate(names)
        ]
        self.services = {
            name: _service(self.context, number, name) for number, name in enumerate(names)
        }
        self.burst_node = self.nodes[-1] if burst_host else None
        self.cell = objects.CellMapping(
            context=self.context,
            id=1,
            uuid=CELL,
            name="cell1",
            disabled=False,
            transport_url="none:///",
            database_connection="sqlite://",
        )
        self._requests = {
            node.uuid: {
                "allocations": {
                    node.uuid: {"resources": {"VCPU": 4, "MEMORY_MB": 8192, "DISK_GB": 80}}
                },
                "mappings": {"": [node.uuid]},
            }
            for node in self.nodes
        }
        self._summaries = {
            node.uuid: {
                "resources": {
                    "VCPU": {"capacity": 256, "used": 36},
                    "MEMORY_MB": {"capacity": 515072, "used": 147456},
                    "DISK_GB": {"capacity": 3500, "used": 720},
                },
                "traits": [f"COMPUTE_TRAIT_{n:02d}" for n in range(60)]
                + ([TRAIT] if node is self.burst_node else []),
                "parent_provider_uuid": None,
                "root_provider_uuid": node.uuid,
            }
            for node in self.nodes
        }

    def allocation_candidates(self, _context: Any, resources: Any) -> tuple[Any, Any, str]:
        """Answer as Placement would: traits, tree and limit of the request are honoured."""
        group = resources.get_request_group(None)
        wanted = [
            node
            for node in self.nodes
            if (TRAIT not in resources._root_forbidden or node is not self.burst_node)
            and (TRAIT not in resources._root_required or node is self.burst_node)
            and group.in_tree in (None, node.uuid)
        ]
        limit = resources._limit
        uuids = [node.uuid for node in (wanted[:limit] if limit else wanted)]
        return (
            [self._requests[u] for u in uuids],
            {u: self._summaries[u] for u in uuids},
            MICROVERSION,
        )

    def manager(self, manager_class: type) -> Any:
        """Build a manager of that class over this cloud, without database and message queue."""
        with (
            mock.patch.object(
                objects.CellMappingList,
                "get_all",
                return_value=objects.CellMappingList(objects=[self.cell]),
            ),
            mock.patch.object(
                objects.AggregateList,
                "get_all",
                return_value=objects.AggregateList(objects=[]),
            ),
            mock.patch.object(host_manager.HostManager, "_init_instance_info"),
            mock.patch.object(
                manager.SchedulerManager,
                "placement_client",
                _Placement(self),
            ),
        ):
            built = manager_class()
        built.__class__ = type(
            manager_class.__name__,
            (manager_class,),
            {
                "placement_client": _Placement(self),
            },
        )
        built.notifier = _Silent()
        built.servicegroup_api = servicegroup.API()
        hosts = built.host_manager
        hosts._get_computes_for_cells = self._computes_for_cells
        hosts.get_compute_nodes_by_host_or_node = self._nodes_of_host
        hosts._get_cell_by_host = lambda *_args, **_kwargs: self.cell
        for position, name in enumerate(self.services):
            hosts._instance_info[name] = {
                "updated": True,
                "instances": {
                    str(uuid.UUID(int=(position << 32) + n)): objects.Instance(
                        self.context, uuid=str(uuid.UUID(int=(position << 32) + n))
                    )
                    for n in range(INSTANCES_PER_HOST)
                },
            }
        return built

    def _computes_for_cells(self, _context: Any, _cells: Any, compute_uuids: Any = None) -> Any:
        wanted = set(compute_uuids or ())
        return {CELL: [node for node in self.nodes if node.uuid in wanted]}, self.services

    def _nodes_of_host(self, _context: Any, host: str, _node: Any, cell: Any = None) -> Any:
        return objects.ComputeNodeList(objects=[n for n in self.nodes if n.host == host])

    def request_spec(self) -> Any:
        """Return the spec of an ordinary boot of 4 vCPUs, 8 GiB of memory and 80 GiB of disk."""
        return objects.RequestSpec(
            context=self.context,
            id=1,
            num_instances=1,
            instance_uuid=str(uuid.uuid4()),
            project_id="9" * 32,
            user_id="8" * 32,
            availability_zone=None,
            flavor=objects.Flavor(
                id=1,
                flavorid="m1.large",
                name="m1.large",
                memory_mb=8192,
                vcpus=4,
                root_gb=80,
                ephemeral_gb=0,
                swap=0,
                rxtx_factor=1.0,
                vcpu_weight=0,
                disabled=False,
                is_public=True,
                description=None,
                extra_specs={},
            ),
            image=objects.ImageMeta(
                id=str(uuid.uuid4()),
                name="debian-12",
                status="active",
                size=600 << 20,
                min_disk=5,
                min_ram=512,
                disk_format="qcow2",
                container_format="bare",
                checksum="0" * 32,
                properties=objects.ImageMetaProps(
                    hw_disk_bus="scsi",
                    hw_scsi_model="virtio-scsi",
                    hw_vif_model="virtio",
                    hw_architecture="x86_64",
                    os_distro="debian",
                ),
            ),
            numa_topology=None,
            pci_requests=objects.InstancePCIRequests(requests=[]),
            ignore_hosts=None,
            force_hosts=None,
            force_nodes=None,
            requested_destination=None,
            retry=None,
            limits=objects.SchedulerLimits(),
            instance_group=None,
            scheduler_hints={},
            security_groups=objects.SecurityGroupList(objects=[]),
            is_bfv=False,
            requested_resources=[],
            request_level_params=objects.RequestLevelParams(),
        )

    @staticmethod
    @contextmanager
    def without_database() -> Iterator[None]:
        """Let every claim succeed at once, and every nova-compute be of this release."""
        with (
            mock.patch.object(
                scheduler_utils,
                "claim_resources",
                new=lambda *_args, **_kwargs: True,
            ),
            mock.patch.object(
                objects.service,
                "get_minimum_version_all_cells",
                new=lambda *_args, **_kwargs: objects.service.SERVICE_VERSION,
            ),
        ):
            yield


class _Placement:
    """The few calls of the Placement client that scheduling makes."""

    def __init__(self, cloud: SyntheticCloud) -> None:
        self.get_allocation_candidates = cloud.allocation_candidates

    def put(self, _url: str, _data: Any, version: str | None = None) -> Any:
        return _Created()


class _Created:
    """An answer of Placement's to a trait that exists already."""

    status_code = 204


class _Silent:
    """A notifier that sends nothing."""

    def info(self, *_args: Any, **_kwargs: Any) -> None:
        return None
