# SPDX-License-Identifier: Apache-2.0
"""One listing per poll, whatever the number of servers; its differences become events."""

from __future__ import annotations

import dataclasses
import enum
import logging
import threading
import time
from collections.abc import Mapping
from typing import Callable, Protocol

from nova_spillway.providers import api
from nova_spillway.virt.fleet import Fleet, Presence, Sighting
from nova_spillway.virt.lifecycle import Lifecycle
from nova_spillway.virt.settlement import Settlement

LOG = logging.getLogger(__name__)


class Power(enum.Enum):
    """The two states of a server that Nova is told about."""

    ON = "on"
    OFF = "off"


class Listener(Protocol):
    """Who is told about changes."""

    def is_listening(self) -> bool:
        """Whether it takes events already. What happens before is told later."""

    def power_changed(self, instance_uuid: str, power: Power) -> None:
        """Take in that a server went on or off without having been asked by this process, or so."""


@dataclasses.dataclass(frozen=True)
class Polls:
    """How the listings of this process went.

    :ivar last_good_at: Unix time at which the newest complete one was begun.
    """

    ok: int = 0
    failed: int = 0
    last_good_at: float | None = None


def power_of(sighting: Sighting) -> Power | None:
    """Return whether the server is on or off; None between the two and when nothing is known."""
    if sighting.presence is Presence.GONE:
        return Power.OFF
    if sighting.presence is Presence.UNKNOWN or sighting.machine is None:
        return None
    return {
        api.MachineState.RUNNING: Power.ON,
        api.MachineState.STOPPED: Power.OFF,
    }.get(sighting.machine.state)


class Poll:
    """Looks, tells the differences, settles. ``run_once`` is called by one thread at a time."""

    def __init__(
        self,
        fleet: Fleet,
        lifecycle: Lifecycle,
        settlement: Settlement,
        listener: Listener,
        unix_clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep the collaborators; nothing is expected yet."""
        self._fleet = fleet
        self._lifecycle = lifecycle
        self._settlement = settlement
        self._listener = listener
        self._unix_clock = unix_clock
        self._lock = threading.Lock()
        # What Nova holds each server for, as far as we told it or it told us.
        self._told: dict[str, Power | None] = {}
        self._failures = 0
        self._polls = Polls()

    def expect(self, servers: Mapping[str, Power | None]) -> None:
        """Take in the servers that Nova has on this host, and what it holds them for.

        One whose machine vanished while this process was down is told like any other.
        """
        with self._lock:
            self._told.update(servers)

    def forget(self, instance_uuid: str) -> None:
        """Stop telling about a server that was ended."""
        with self._lock:
            self._told.pop(instance_uuid, None)

    @property
    def is_blind(self) -> bool:
        """Whether the last listing failed, or there was none yet."""
        return self._failures > 0 or not self._fleet.has_listed

    @property
    def so_far(self) -> Polls:
        """How the listings went so far."""
        return self._polls

    def look(self) -> bool:
        """List the machines once, and do nothing about them. A failure is logged once.

        :returns: whether the listing succeeded.
        """
        begun_at = self._unix_clock()
        before = self._polls
        try:
            self._fleet.refresh()
        except api.ProviderError as error:
            self._polls = dataclasses.replace(before, failed=before.failed + 1)
            self._failures += 1
            if self._failures == 1:
                LOG.warning("The burst host's machines could not be listed: %s", error)
            return False
        self._polls = dataclasses.replace(before, ok=before.ok + 1, last_good_at=begun_at)
        if self._failures:
            LOG.info("The burst host's machines can be listed again")
            self._failures = 0
        return True

    def run_once(self) -> None:
        """Poll once. A listing that fails is tried again the next time."""
        if not self.look():
            return
        try:
            self._tell_differences()
            self._settlement.settle()
        except Exception:
            LOG.exception("A poll failed after its listing")

    def _tell_differences(self) -> None:
        if not self._listener.is_listening():
            return
        with self._lock:
            for machine in self._fleet.live():
                self._told.setdefault(machine.instance_uuid, None)
            told = dict(self._told)
        for instance_uuid, before in told.items():
            ended_before = self._lifecycle.works_ended
            if self._lifecycle.is_busy(instance_uuid):
                continue
            now = power_of(self._fleet.seen(instance_uuid))
            if now is None or now is before:
                continue
            if self._lifecycle.is_busy(instance_uuid):
                continue
            with self._lock:
                was_told = instance_uuid in self._told and self._told[instance_uuid] is before
                if not was_told or self._lifecycle.works_ended != ended_before:
                    # What was seen may be our own doing of just now; the next poll knows.
                    continue
                self._told[instance_uuid] = now
            # What Nova has not been told about yet, it sees for itself when it finishes a launch.
            if before is not None:
                LOG.info("Server %s went %s", instance_uuid, now.value)
                self._listener.power_changed(instance_uuid, now)
