# SPDX-License-Identifier: Apache-2.0
"""Nova's instance as a launch: what it asks for, and what of that cannot be had. Pure.

Takes Nova's objects by their attributes only, so that it can be read and tested without Nova.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from nova_spillway.providers import api
from nova_spillway.virt.server import Server


def server_of(instance: Any) -> Server:
    """Translate an instance whose obstacles were ruled out before."""
    flavor = instance.flavor
    key = None
    if instance.key_data:
        key = api.PublicKey(instance.project_id, instance.key_data)
    return Server(
        uuid=instance.uuid,
        project_id=instance.project_id,
        hostname=instance.hostname or instance.uuid,
        root_gb=flavor.root_gb,
        claim=api.Claim(flavor.vcpus, flavor.memory_mb, flavor.root_gb),
        key=key,
        user_data=_decoded(instance.user_data),
    )


def mapping_arguments(instance: Any, image_meta: Any) -> dict[str, Any]:
    """Return what the policy chooses size and image by, as ``BurstHost.map_launch`` takes it."""
    flavor, properties = instance.flavor, image_meta.properties
    return {
        "flavor_name": flavor.name,
        "vcpus": flavor.vcpus,
        "memory_mb": flavor.memory_mb,
        "extra_specs": dict(flavor.extra_specs or {}),
        "image_id": _if_set(image_meta, "id") or instance.image_ref or None,
        "image_name": _if_set(image_meta, "name"),
        "os_distro": properties.get("os_distro"),
        "architecture": properties.get("hw_architecture"),
    }


def obstacles(
    instance: Any,
    block_device_info: Mapping[str, Any] | None,
    injected_files: Sequence[Any] | None,
    accel_info: Sequence[Any] | None,
    wants_config_drive: bool,
) -> list[str]:
    """Return what the request asks for that a burst server cannot have; empty when it may go."""
    devices = block_device_info or {}
    flavor = instance.flavor
    checks = (
        (not instance.image_ref, "booting from a volume"),
        (bool(devices.get("block_device_mapping")), "volumes"),
        (bool(devices.get("ephemerals")) or flavor.ephemeral_gb > 0, "ephemeral disks"),
        (flavor.swap > 0, "a swap disk"),
        (bool(injected_files), "injected files (use user data)"),
        (wants_config_drive, "a config drive (the metadata service is there)"),
        (bool(accel_info), "accelerators"),
        (bool(instance.numa_topology), "a NUMA topology"),
        (bool(instance.pci_requests and instance.pci_requests.requests), "PCI devices"),
        (bool(instance.trusted_certs), "trusted image certificates"),
    )
    return [what for applies, what in checks if applies]


def _if_set(thing: Any, attribute: str) -> str | None:
    """Read an attribute that Nova's object may not have been given."""
    return getattr(thing, attribute) if attribute in thing else None


def _decoded(user_data: str | None) -> bytes:
    if not user_data:
        return b""
    try:
        return base64.b64decode(user_data)
    except (binascii.Error, ValueError):
        # Without the text: user data is secret.
        raise api.InvalidRequest("the user data is not base64") from None
