# SPDX-License-Identifier: Apache-2.0
"""Room for machines: EC2's own per type and zone, and the account's quota of vCPUs. Pure.

EC2 API reference, "Error codes": InsufficientInstanceCapacity, VcpuLimitExceeded,
MaxSpotInstanceCountExceeded. EC2 user guide, "Amazon EC2 instance type quotas": quotas count vCPUs
of running machines by family and market. A stopped machine takes none of either (StartInstances:
"the compute resources are released").
"""

from __future__ import annotations

import collections
import dataclasses
import fnmatch

from tests.strict_ec2.catalogue import InstanceType
from tests.strict_ec2.errors import Ec2Error


@dataclasses.dataclass(frozen=True)
class Kind:
    """What room is counted by."""

    type: InstanceType
    zone: str
    is_spot: bool

    @property
    def market(self) -> str:
        """The quota's market."""
        return "spot" if self.is_spot else "on-demand"


class Capacity:
    """Limits and what is taken of them. Without limits there is room for all."""

    def __init__(self) -> None:
        """Start without limits."""
        self._room: dict[tuple[str, str], int] = {}
        self._quota: dict[tuple[str, str], int] = {}
        self._machines: collections.Counter[tuple[str, str]] = collections.Counter()
        self._vcpus: collections.Counter[tuple[str, str]] = collections.Counter()

    def take(self, kind: Kind, count: int = 1) -> None:
        """Count machines that take room (negative: that give it back)."""
        self._machines[kind.type.name, kind.zone] += count
        self._vcpus[kind.market, kind.type.quota] += count * kind.type.vcpus

    def fit(self, kind: Kind, at_least: int, at_most: int) -> int:
        """Return how many machines can be launched, from ``at_least`` to ``at_most``.

        RunInstances, MaxCount: "launches the largest possible number of instances above the
        specified minimum count".

        :raises Ec2Error: not even the least number fits.
        """
        quota = self._quota.get((kind.market, kind.type.quota))
        if quota is not None:
            used = self._vcpus[kind.market, kind.type.quota]
            allowed = max(0, quota - used) // kind.type.vcpus
            if allowed < at_least:
                raise _quota_error(kind, quota)
            at_most = min(at_most, allowed)
        room = self.room(kind)
        if room is not None:
            if room < at_least:
                raise no_capacity(kind)
            at_most = min(at_most, room)
        return at_most

    def room(self, kind: Kind) -> int | None:
        """Return how many more machines of the kind EC2 has room for; None without limit."""
        rooms = [
            limit - self._in_use(*pattern)
            for pattern, limit in self._room.items()
            if _matches(pattern, (kind.type.name, kind.zone))
        ]
        return max(0, min(rooms)) if rooms else None

    def set_room(self, type_pattern: str, zone_pattern: str, left: int | None) -> None:
        """Leave room for so many more machines; ``*`` is a wildcard; None ends the limit."""
        pattern = (type_pattern, zone_pattern)
        self._room.pop(pattern, None)
        if left is not None:
            self._room[pattern] = self._in_use(*pattern) + left

    def set_quota(self, market: str, family: str, vcpus: int | None) -> None:
        """Allow so many vCPUs in all; None ends the limit."""
        self._quota.pop((market, family), None)
        if vcpus is not None:
            self._quota[market, family] = vcpus

    def end_rooms(self) -> None:
        """Have room for all again."""
        self._room.clear()

    def end_quotas(self) -> None:
        """Lift every quota."""
        self._quota.clear()

    def _in_use(self, type_pattern: str, zone_pattern: str) -> int:
        return sum(
            count
            for place, count in self._machines.items()
            if _matches((type_pattern, zone_pattern), place)
        )


def no_capacity(kind: Kind) -> Ec2Error:
    """Return EC2's "no room here"."""
    return Ec2Error(
        "InsufficientInstanceCapacity",
        f"We currently do not have sufficient {kind.type.name} capacity in the Availability Zone "
        f"you requested ({kind.zone}).",
    )


def _quota_error(kind: Kind, quota: int) -> Ec2Error:
    if kind.is_spot:
        return Ec2Error("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
    return Ec2Error(
        "VcpuLimitExceeded",
        f"You have requested more vCPU capacity than your current vCPU limit of {quota} allows "
        "for the instance bucket that the specified instance type belongs to.",
    )


def _matches(pattern: tuple[str, str], place: tuple[str, str]) -> bool:
    return all(fnmatch.fnmatchcase(name, wanted) for name, wanted in zip(place, pattern))
