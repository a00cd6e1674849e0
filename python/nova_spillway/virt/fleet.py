# SPDX-License-Identifier: Apache-2.0
"""The machines of one burst host as the last listing showed them.

One listing serves everybody who waits for one, whatever the number of servers. A machine's
existence has three values: present, gone, unknown. A listing that failed changes nothing.
"""

from __future__ import annotations

import dataclasses
import enum
import threading
import time
from typing import Callable

from nova_spillway.providers import api

# A machine that was launched a moment ago may be missing from listings for this long.
LATE_VISIBILITY_SECS = 60.0
# A machine that has been listed is gone when this many complete listings in a row lack it.
_LISTINGS_TO_BE_GONE = 2


class Presence(enum.Enum):
    """What is known about a server's machine."""

    PRESENT = "present"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True)
class Sighting:
    """A server's machine, as far as it is known.

    :ivar machine: the live one; for a server that is gone the last one seen, or None.
    """

    presence: Presence
    machine: api.Machine | None


@dataclasses.dataclass
class _Entry:
    """A machine and how sure we are of it; times are from the monotonic clock."""

    machine: api.Machine
    # When our own call last told us about it: an older listing does not overrule that.
    told_at: float
    was_listed: bool
    listings_without: int = 0


class Fleet:
    """The cache of machines. Safe for many threads; the lock is never held across a call."""

    def __init__(self, provider: api.Provider, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty: everything is unknown until the second complete listing."""
        self._provider = provider
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._complete_listings = 0
        # Held by the one thread that lists; whoever waits here takes over its result.
        self._listing = threading.Lock()
        self._began_at: float | None = None
        self._last_error: api.ProviderError | None = None

    def refresh(self, max_age_secs: float = 0.0) -> None:
        """See to it that a listing no older than this has been taken in.

        Threads that ask at the same time share one listing, and its failure.

        :raises api.ProviderError: the listing failed; what was known before still stands.
        """
        wanted_since = self._clock() - max_age_secs
        with self._listing:
            if self._began_at is None or self._began_at < wanted_since:
                self._began_at = self._clock()
                self._last_error = None
                try:
                    machines = self._provider.describe_all()
                except api.ProviderError as error:
                    self._last_error = error
                else:
                    self._take(machines, self._began_at)
            if self._last_error is not None:
                raise self._last_error

    @property
    def has_listed(self) -> bool:
        """Whether any complete listing was ever taken in."""
        with self._lock:
            return self._complete_listings > 0

    def seen(self, instance_uuid: str) -> Sighting:
        """Return what is known about a server's machine."""
        with self._lock:
            machines = [
                entry.machine
                for entry in self._entries.values()
                if entry.machine.instance_uuid == instance_uuid
            ]
            sure = self._complete_listings >= _LISTINGS_TO_BE_GONE
        live = [machine for machine in machines if machine.state.is_live]
        if live:
            return Sighting(Presence.PRESENT, max(live, key=_newest))
        if machines:
            return Sighting(Presence.GONE, max(machines, key=_newest))
        return Sighting(Presence.GONE if sure else Presence.UNKNOWN, None)

    def machine(self, machine_id: str) -> api.Machine | None:
        """Return one machine as it was last seen."""
        with self._lock:
            entry = self._entries.get(machine_id)
            return entry.machine if entry else None

    def live(self) -> list[api.Machine]:
        """Return every machine that exists for its owner."""
        with self._lock:
            return [e.machine for e in self._entries.values() if e.machine.state.is_live]

    def tell(self, machine: api.Machine) -> None:
        """Take in what a call of ours said about a machine, ahead of the next listing."""
        with self._lock:
            entry = self._entries.get(machine.id)
            was_listed = entry.was_listed if entry else False
            self._entries[machine.id] = _Entry(machine, self._clock(), was_listed)

    def tell_terminated(self, machine_id: str) -> None:
        """Take in that a machine was given back: it is nobody's any more from now on."""
        with self._lock:
            entry = self._entries.get(machine_id)
            if entry and entry.machine.state.is_live:
                entry.machine = dataclasses.replace(
                    entry.machine, state=api.MachineState.TERMINATING
                )
                entry.told_at = self._clock()

    def _take(self, machines: list[api.Machine], began_at: float) -> None:
        """Take in a complete listing that began at this time."""
        listed = {machine.id: machine for machine in machines}
        with self._lock:
            self._complete_listings += 1
            for machine in listed.values():
                self._take_one(machine, began_at)
            for machine_id in [i for i in self._entries if i not in listed]:
                if self._is_missed_for_good(self._entries[machine_id], began_at):
                    del self._entries[machine_id]

    def _take_one(self, machine: api.Machine, began_at: float) -> None:
        entry = self._entries.get(machine.id)
        if entry is None:
            self._entries[machine.id] = _Entry(machine, began_at, was_listed=True)
            return
        entry.was_listed = True
        entry.listings_without = 0
        # A listing soon after a termination may still show the machine as it was before.
        ended_here = machine.state.is_live and not entry.machine.state.is_live
        lag = LATE_VISIBILITY_SECS if ended_here else 0.0
        if began_at >= entry.told_at + lag:
            entry.machine = machine

    def _is_missed_for_good(self, entry: _Entry, began_at: float) -> bool:
        """Count one more listing without the machine and say whether it is gone by that."""
        if entry.told_at > began_at:
            return False
        if not entry.was_listed and began_at - entry.told_at < LATE_VISIBILITY_SECS:
            return False
        entry.listings_without += 1
        return entry.listings_without >= _LISTINGS_TO_BE_GONE


def _newest(machine: api.Machine) -> tuple[int, float]:
    return machine.generation, machine.launched_at
