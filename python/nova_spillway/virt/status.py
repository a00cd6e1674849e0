# SPDX-License-Identifier: Apache-2.0
"""How a burst host stands: one value, made at the moment it is asked for.

Everything comes from what the process knows already: the last listing, the policy file, its own
launches. The provider is never called for it, and a lock is held for copying only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from nova_spillway import _native
from nova_spillway.providers import api
from nova_spillway.virt import spend
from nova_spillway.virt.admission import Admission, Caps, Usage
from nova_spillway.virt.fleet import Fleet
from nova_spillway.virt.launches import Launched, Launches
from nova_spillway.virt.policy_file import PolicyFile
from nova_spillway.virt.polling import Poll, Polls
from nova_spillway.virt.spend_record import SpendRecord

# The states that are told apart, by the machine's own; a live machine in any other is "other".
SERVER_STATES = ("running", "pending", "stopped", "other")
_STATE_NAMES = {
    api.MachineState.RUNNING: "running",
    api.MachineState.PENDING: "pending",
    api.MachineState.STOPPED: "stopped",
}


@dataclasses.dataclass(frozen=True)
class Offer:
    """One size.

    :ivar room: how many more of it fit under the caps; None while nothing was listed.
    :ivar barred_until: Unix time, while it is barred.
    """

    size: str
    usd_per_hour: float | None
    room: int | None
    barred_until: float | None
    recent_failures: int


@dataclasses.dataclass(frozen=True)
class Seen:
    """What stands on listings, and is not known before the first.

    :ivar servers: live machines by ``SERVER_STATES``.
    :ivar hourly_usd: by project; None when a price is missing.
    :ivar month_usd: by project, since the month began; None when it is not known.
    """

    servers: Mapping[str, int]
    used: Usage
    hourly_usd: Mapping[str, float] | None
    month_usd: Mapping[str, float] | None


@dataclasses.dataclass(frozen=True)
class Status:
    """A burst host at one moment.

    :ivar region: empty for a provider that has none.
    :ivar seen: None while nothing was listed.
    """

    burst_host: str
    provider: str
    region: str
    limits: Caps
    offers: tuple[Offer, ...]
    seen: Seen | None
    launched: Launched
    polls: Polls


class StatusSource:
    """Reads a burst host's status, and keeps its spend counted. Safe for many threads."""

    def __init__(
        self,
        policy: PolicyFile,
        fleet: Fleet,
        admission: Admission,
        launches: Launches,
        poll: Poll,
        record: SpendRecord,
        projects: Mapping[str, str],
    ) -> None:
        """Keep the collaborators.

        :param projects: by server, for machines whose tags do not name theirs.
        """
        self._policy = policy
        self._fleet = fleet
        self._admission = admission
        self._launches = launches
        self._poll = poll
        self._record = record
        self._projects = projects

    def count_spend(self) -> None:
        """Count what the machines cost since the last time; unlisted ones are not known to end."""
        if self._fleet.has_listed:
            self._record.look(self._costs)

    def read(self) -> Status:
        """Return the status of this moment."""
        host = self._policy.burst_host
        seen = self._seen() if self._fleet.has_listed else None
        launched = self._launches.so_far()
        limits = self._policy.caps()
        offers = tuple(
            Offer(
                size=size.name,
                usd_per_hour=size.price_usd_per_hour,
                room=room_for(size, limits, seen.used) if seen else None,
                barred_until=launched.barred_until.get(size.name),
                recent_failures=launched.recent_failures.get(size.name, 0),
            )
            for size in host.sizes
        )
        return Status(
            burst_host=host.name,
            provider=host.provider,
            region=str(host.provider_options.get("region", "")),
            limits=limits,
            offers=offers,
            seen=seen,
            launched=launched,
            polls=self._poll.so_far,
        )

    def _seen(self) -> Seen:
        servers = dict.fromkeys(SERVER_STATES, 0)
        for machine in self._fleet.live():
            servers[_STATE_NAMES.get(machine.state, "other")] += 1
        return Seen(
            servers=servers,
            used=self._admission.usage(),
            hourly_usd=spend.hourly_usd(self._costs()),
            month_usd=self._record.month_usd(spend.highest_price(self._prices())),
        )

    def _costs(self) -> list[spend.Cost]:
        return spend.costs_of(self._fleet.live(), self._prices(), self._projects)

    def _prices(self) -> dict[str, float | None]:
        return {size.name: size.price_usd_per_hour for size in self._policy.burst_host.sizes}


def room_for(size: _native.Size, caps: Caps, used: Usage) -> int:
    """Return how many more servers that fill this size may be launched.

    A disk's size is the flavor's affair, so the disk cap counts only when it is reached.
    """
    if used.disk_gb >= caps.disk_gb:
        return 0
    room = min(
        caps.servers - used.servers,
        (caps.vcpus - used.vcpus) // size.vcpus,
        (caps.memory_mb - used.memory_mb) // size.memory_mb,
    )
    return max(0, room)
