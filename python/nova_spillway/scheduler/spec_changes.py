# SPDX-License-Identifier: Apache-2.0
"""Changes to a RequestSpec: those that an attempt needs, and those that a failed one leaves.

The filter path works on Nova's own object, because a copy costs as much as placing on four hosts;
the trait is put in and taken out again. The hybrid path works on a copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nova import objects

from nova_spillway.scheduler.burst_trait import TRAIT

_UNSET = object()
_NO_SLOTS: dict[str, Any] = {}


class BurstForbidden:
    """Forbids burst hosts to a RequestSpec for the length of a ``with`` block.

    A class, and without the versioned object's own ``add``: this runs for every boot, and a
    generator would cost four times as much.
    """

    __slots__ = ("_forbidden", "_was_forbidden")

    def __init__(self, spec: Any) -> None:
        self._forbidden: set[str] = spec.root_forbidden
        self._was_forbidden = TRAIT in self._forbidden

    def __enter__(self) -> None:
        set.add(self._forbidden, TRAIT)

    def __exit__(self, *exc_info: object) -> None:
        if not self._was_forbidden:
            self._forbidden.discard(TRAIT)


@contextmanager
def burst_required(spec: Any) -> Iterator[None]:
    """Allow only burst hosts to a RequestSpec for the length of a ``with`` block.

    The availability zone is dropped: it is the zone that the user named at boot, and the burst
    host that took the server in its stead need not be in it.
    """
    zone = spec.__dict__.get("_obj_availability_zone")
    required = spec.root_required
    had_trait = TRAIT in required
    required.add(TRAIT)
    if zone is not None:
        spec.availability_zone = None
    try:
        yield
    finally:
        if not had_trait:
            required.discard(TRAIT)
        if zone is not None:
            spec.availability_zone = zone


def private_copy(spec: Any) -> Any:
    """Return a copy of a RequestSpec that forbids burst hosts."""
    copy = spec.obj_clone()
    copy.root_forbidden.add(TRAIT)
    return copy


def burst_copy(spec: Any, burst_host: str) -> Any:
    """Return a copy of a RequestSpec that allows one burst host only.

    Naming the host makes Nova ask Placement for that one provider and read that one host, so the
    cost does not grow with the cloud. The zone is dropped; which zones a burst host serves is in
    the policy, and the decision has seen to it.
    """
    copy = spec.obj_clone()
    copy.root_required.add(TRAIT)
    copy.availability_zone = None
    copy.requested_destination = objects.Destination(host=burst_host)
    return copy


class SpecState:
    """What Nova's scheduling may change in a RequestSpec, to start the next attempt from.

    Request filters add aggregates and traits, and choosing hosts adds them to the server group:
    a second attempt would see the aggregates of a zone that it drops, or a group that lives on
    hosts which the failed attempt gave back.
    """

    def __init__(self, spec: Any) -> None:
        slots = spec.__dict__
        destination = slots.get("_obj_requested_destination", _UNSET)
        self._destination = destination
        self._destination_slots = (
            None if destination is None or destination is _UNSET else _copied(destination.__dict__)
        )
        params = slots.get("_obj_request_level_params")
        traits = _NO_SLOTS if params is None else params.__dict__
        self._required = set(traits.get("_obj_root_required", ()))
        self._forbidden = set(traits.get("_obj_root_forbidden", ()))
        self._instance_uuid = slots.get("_obj_instance_uuid", _UNSET)
        group = slots.get("_obj_instance_group")
        self._group_hosts = list(group.hosts) if group is not None and "hosts" in group else None

    def restore(self, spec: Any) -> None:
        """Undo what an attempt changed in the same RequestSpec."""
        slots = spec.__dict__
        if self._destination_slots is not None:
            self._destination.__dict__.clear()
            self._destination.__dict__.update(_copied(self._destination_slots))
        for name, value in (
            ("_obj_requested_destination", self._destination),
            ("_obj_instance_uuid", self._instance_uuid),
        ):
            if value is _UNSET:
                slots.pop(name, None)
            else:
                slots[name] = value
        for now, before in (
            (spec.root_required, self._required),
            (spec.root_forbidden, self._forbidden),
        ):
            now.clear()
            now.update(before)
        if self._group_hosts is not None:
            group = slots["_obj_instance_group"]
            group.hosts = list(self._group_hosts)
            # Nova keeps the hosts out of what a save would write.
            group.obj_reset_changes(["hosts"])


def _copied(slots: dict[str, Any]) -> dict[str, Any]:
    """Copy the slots of an object one level deep: its lists and sets are changed in place."""
    return {
        name: value.copy() if isinstance(value, (list, set)) else value
        for name, value in slots.items()
    }
