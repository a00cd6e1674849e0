# SPDX-License-Identifier: Apache-2.0
"""The burst host's own ledger: nothing is launched above the caps, whatever Placement let through.

At its stock setting Placement over-allocates a full provider under concurrent claims. A burst host
is the only one that launches for its account, so it counts for itself, under one lock.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from typing import Callable

from nova_spillway.providers import api
from nova_spillway.virt.fleet import Fleet


class Full(Exception):
    """The launch would go above a cap of the policy file; the text names it."""


@dataclasses.dataclass(frozen=True)
class Caps:
    """The most that may run at once, from the policy file."""

    servers: int
    vcpus: int
    memory_mb: int
    disk_gb: int


@dataclasses.dataclass(frozen=True)
class Usage:
    """What is taken: live machines, and launches under way."""

    servers: int
    vcpus: int
    memory_mb: int
    disk_gb: int


class Admission:
    """Admits launches one at a time."""

    def __init__(self, fleet: Fleet, caps: Callable[[], Caps]) -> None:
        """Keep the fleet to count, and where to ask for today's caps."""
        self._fleet = fleet
        self._caps = caps
        self._lock = threading.Lock()
        self._under_way: dict[str, api.Claim] = {}

    @contextlib.contextmanager
    def admit(self, instance_uuid: str, claim: api.Claim) -> Iterator[None]:
        """Hold room for one launch while it is made.

        Tell the fleet about the machine before leaving: from then on it counts by itself.

        :raises Full: there is no room for it.
        """
        with self._lock:
            self._check(instance_uuid, claim)
            self._under_way[instance_uuid] = claim
        try:
            yield
        finally:
            with self._lock:
                self._under_way.pop(instance_uuid, None)

    def usage(self) -> Usage:
        """Return what is taken now."""
        with self._lock:
            return self._usage()

    def _usage(self) -> Usage:
        # A launch under way may show in the fleet already; it counts once. Machines without a
        # readable claim still count as servers.
        live = [m for m in self._fleet.live() if m.instance_uuid not in self._under_way]
        claims = [m.claim for m in live if m.claim is not None]
        claims.extend(self._under_way.values())
        return Usage(
            servers=len(live) + len(self._under_way),
            vcpus=sum(c.vcpus for c in claims),
            memory_mb=sum(c.memory_mb for c in claims),
            disk_gb=sum(c.disk_gb for c in claims),
        )

    def _check(self, instance_uuid: str, claim: api.Claim) -> None:
        if instance_uuid in self._under_way:
            raise Full("a launch of this server is under way already")
        caps, used = self._caps(), self._usage()
        for what, asked, taken, cap in (
            ("servers", 1, used.servers, caps.servers),
            ("VCPUs", claim.vcpus, used.vcpus, caps.vcpus),
            ("MB of memory", claim.memory_mb, used.memory_mb, caps.memory_mb),
            ("GB of disk", claim.disk_gb, used.disk_gb, caps.disk_gb),
        ):
            if taken + asked > cap:
                raise Full(
                    f"the burst host may run {cap} {what}, {taken} are taken and {asked} are asked"
                )
