# SPDX-License-Identifier: Apache-2.0
"""What the burst host offers, in Placement's and in the resource tracker's words. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nova_spillway.virt.admission import Caps, Usage

HYPERVISOR_TYPE = "spillway"
_HYPERVISOR_VERSION = 1
# EC2's machines are KVM's for what an image can ask about its hypervisor; Nova's list has no EC2.
_NOVA_HYPERVISOR = "kvm"
_NOVA_VM_MODE = "hvm"


def placement_inventory(caps: Caps) -> dict[str, dict[str, Any]]:
    """Return the root provider's inventory: the caps, without any over-allocation.

    ``{resource class: {"total": int, ...}}``; a cap of 0 leaves its class out, Placement has no
    empty inventory.
    """
    totals = {"VCPU": caps.vcpus, "MEMORY_MB": caps.memory_mb, "DISK_GB": caps.disk_gb}
    return {
        resource_class: {
            "total": total,
            "reserved": 0,
            "min_unit": 1,
            "max_unit": total,
            "step_size": 1,
            "allocation_ratio": 1.0,
        }
        for resource_class, total in totals.items()
        if total > 0
    }


def available_resource(
    nodename: str, caps: Caps, usage: Usage, architectures: Sequence[str]
) -> dict[str, Any]:
    """Return what Nova's resource tracker asks for, without the node's uuid.

    :param architectures: of the policy's sizes, as Nova names them.
    """
    return {
        "vcpus": caps.vcpus,
        "memory_mb": caps.memory_mb,
        "local_gb": caps.disk_gb,
        "vcpus_used": usage.vcpus,
        "memory_mb_used": usage.memory_mb,
        "local_gb_used": usage.disk_gb,
        "disk_available_least": max(0, caps.disk_gb - usage.disk_gb),
        "hypervisor_type": HYPERVISOR_TYPE,
        "hypervisor_version": _HYPERVISOR_VERSION,
        "hypervisor_hostname": nodename,
        "cpu_info": json.dumps({}),
        "supported_instances": [
            (architecture, _NOVA_HYPERVISOR, _NOVA_VM_MODE) for architecture in architectures
        ],
        "numa_topology": None,
    }
