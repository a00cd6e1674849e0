# SPDX-License-Identifier: Apache-2.0
"""Reads Nova's RequestSpec: which kind of call it is, and what the decision needs to know.

This runs for every request, so it reads the object's private slots (``_obj_<field>``): a property
of an oslo versioned object costs five times as much, and most fields here may be unset, which a
property answers with a lazy load or an error.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from nova_spillway._native import Request

Operation = Literal["boot", "forced", "move_private", "move_burst", "rebuild"]

BOOT: Final = "boot"
FORCED: Final = "forced"
MOVE: Final = "move"
MOVE_PRIVATE: Final = "move_private"
MOVE_BURST: Final = "move_burst"
REBUILD: Final = "rebuild"

_NO_SLOTS: dict[str, Any] = {}


def kind_of_call(spec: Any) -> Literal["boot", "forced", "rebuild", "move"]:
    """Tell which kind of call of ``select_destinations`` a RequestSpec comes from.

    :param spec: read only.
    :returns: ``BOOT``, ``FORCED``, ``REBUILD``, or ``MOVE`` for a migration, resize, evacuation
        or unshelving, whose source the spec does not tell.

    The conductor sets ``requested_destination.cell`` for every move (to None for a resize across
    cells to a named host) and for no boot, in all supported releases.
    """
    slots = spec.__dict__
    hints = slots.get("_obj_scheduler_hints")
    if hints and hints.get("_nova_check_type") == ["rebuild"]:
        return REBUILD
    destination = slots.get("_obj_requested_destination")
    if destination is not None:
        named = destination.__dict__
        if "_obj_cell" in named:
            return MOVE
        if named.get("_obj_host") or named.get("_obj_node"):
            return FORCED
    if slots.get("_obj_force_hosts") or slots.get("_obj_force_nodes"):
        return FORCED
    return BOOT


def read_request(
    spec: Any, operation: Operation, instance_uuids: list[str], request_id: str | None
) -> Request:
    """Translate a RequestSpec.

    :param spec: read only.
    :param operation: one of the constants of this module but ``MOVE``.
    :param instance_uuids: the servers to place; they, not ``num_instances``, say how many.
    :raises KeyError: the spec lacks a flavor or project, which no call of Nova's conductor does.
    """
    slots = spec.__dict__
    flavor = slots["_obj_flavor"].__dict__
    image = slots.get("_obj_image")
    image_slots = image.__dict__ if image is not None else _NO_SLOTS
    properties = image_slots.get("_obj_properties")
    property_slots = properties.__dict__ if properties is not None else _NO_SLOTS
    group = slots.get("_obj_instance_group")
    group_slots = group.__dict__ if group is not None else _NO_SLOTS
    return Request(
        operation=operation,
        instance_uuids=instance_uuids,
        project_id=slots["_obj_project_id"] or "",
        flavor_name=flavor["_obj_name"],
        vcpus=flavor["_obj_vcpus"],
        memory_mb=flavor["_obj_memory_mb"],
        root_gb=flavor["_obj_root_gb"],
        ephemeral_gb=flavor.get("_obj_ephemeral_gb") or 0,
        swap_mb=flavor.get("_obj_swap") or 0,
        extra_specs=flavor.get("_obj_extra_specs") or None,
        image_id=image_slots.get("_obj_id"),
        image_name=image_slots.get("_obj_name"),
        os_distro=property_slots.get("_obj_os_distro"),
        architecture=property_slots.get("_obj_hw_architecture"),
        availability_zone=slots.get("_obj_availability_zone"),
        group_policy=group_slots.get("_obj_policy"),
        group_hosts=group_slots.get("_obj_hosts") or None,
        hints=slots.get("_obj_scheduler_hints") or None,
        obstacles=_obstacles(slots, flavor, image_slots) or None,
        request_id=request_id,
    )


def _obstacles(
    slots: dict[str, Any], flavor: dict[str, Any], image_slots: dict[str, Any]
) -> list[str]:
    """Name what no rule can allow to burst."""
    obstacles = []
    if slots.get("_obj_is_bfv"):
        obstacles.append("volume")
    elif not image_slots.get("_obj_id"):
        obstacles.append("no_image")
    if slots.get("_obj_numa_topology") is not None:
        obstacles.append("numa")
    pci = slots.get("_obj_pci_requests")
    if pci is not None and pci.__dict__.get("_obj_requests"):
        obstacles.append("pci")
    if slots.get("_obj_requested_resources"):
        obstacles.append("port_resources")
    if flavor.get("_obj_ephemeral_gb") or flavor.get("_obj_swap"):
        obstacles.append("extra_disks")
    return obstacles
