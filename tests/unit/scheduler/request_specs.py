# SPDX-License-Identifier: Apache-2.0
"""RequestSpecs as Nova's conductor sends them."""

from __future__ import annotations

from typing import Any

from nova import objects

objects.register_all()

SERVER = "11111111-2222-3333-4444-555555555555"


def make_flavor(ephemeral_gb: int = 0, swap: int = 0) -> objects.Flavor:
    """Return a flavor as Nova's conductor sends it; disks in GiB, swap in MiB."""
    return objects.Flavor(
        id=1,
        flavorid="2",
        name="m1.small",
        vcpus=1,
        memory_mb=2048,
        root_gb=20,
        ephemeral_gb=ephemeral_gb,
        swap=swap,
        extra_specs={"spillway:size": "t3.micro"},
    )


def make_spec(**changes: Any) -> objects.RequestSpec:
    """Return the RequestSpec of a boot as Nova's conductor sends it."""
    fields: dict[str, Any] = {
        "instance_uuid": SERVER,
        "project_id": "project",
        "user_id": "user",
        "num_instances": 1,
        "availability_zone": None,
        "flavor": make_flavor(),
        "image": objects.ImageMeta(
            id="155d900f-4e14-4e4c-a73d-069cbf4541e6",
            name="debian-12",
            properties=objects.ImageMetaProps(os_distro="debian", hw_architecture="x86_64"),
        ),
        "scheduler_hints": {},
        "instance_group": None,
        "numa_topology": None,
        "pci_requests": objects.InstancePCIRequests(requests=[]),
        "requested_resources": [],
        "requested_destination": None,
        "force_hosts": None,
        "force_nodes": None,
        "ignore_hosts": None,
        "is_bfv": False,
    }
    return objects.RequestSpec(**{**fields, **changes})
