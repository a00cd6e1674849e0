# SPDX-License-Identifier: Apache-2.0
"""Ends the machines that no server of Nova's stands for any more.

They come from crashes between two steps of a launch, from launches whose answer was lost, and from
servers that were deleted while this host was down. Rules: only machines with our tags; a failed
reading of Nova or of the provider decides nothing; nothing on first sight; never many at once.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from typing import Callable, Protocol

from nova_spillway.providers import api
from nova_spillway.virt.fleet import Fleet
from nova_spillway.virt.lifecycle import Lifecycle

LOG = logging.getLogger(__name__)

# A machine that Nova does not know is left alone for this long after it was first found so. By our
# own clock: the provider's launch time may be another one's.
UNKNOWN_GRACE_SECS = 300.0
# A machine is ended when this many passes in a row found it to be nobody's.
_PASSES_TO_END = 2
# A server that stood for its machine is asked about again after this long.
_RECHECK_SECS = 600.0
# At most this many are ended in one pass, or this share of all, whichever is more.
_MOST_PER_PASS = 3
_MOST_SHARE_PER_PASS = 0.1

_UNKNOWN_TO_NOVA = "Nova does not know its server"


@dataclasses.dataclass(frozen=True)
class ServerRecord:
    """What Nova's database says about a server.

    :ivar host: the compute host that it is on; None while it has none.
    :ivar was_launched: whether a launch of it was ever finished.
    :ivar machine_id: the machine that it recorded as its own, if any.
    """

    host: str | None
    was_launched: bool
    machine_id: str | None


class ServerRecords(Protocol):
    """Nova's database, as far as the settlement reads it."""

    def find(self, instance_uuid: str) -> ServerRecord | None:
        """Return the server's record, None when Nova has none. Any exception means: not known."""


class _NotKnown(Exception):
    """Nova's database did not answer."""


@dataclasses.dataclass
class _Suspect:
    """A machine that was found to be nobody's, in this many passes in a row."""

    reason: str
    since: float
    passes: int = 0


class Settlement:
    """Judges every machine of the fleet, once per poll. Used by one thread."""

    def __init__(
        self,
        fleet: Fleet,
        lifecycle: Lifecycle,
        records: ServerRecords,
        owner: api.Owner,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the collaborators.

        :param now: seconds on a clock that never jumps.
        """
        self._fleet = fleet
        self._lifecycle = lifecycle
        self._records = records
        self._owner = owner
        self._now = now
        self._suspects: dict[str, _Suspect] = {}
        self._stood_for_at: dict[str, float] = {}

    def settle(self) -> None:
        """Judge the machines of a listing that has just succeeded, and end those of nobody."""
        live = {machine.id: machine for machine in self._fleet.live()}
        self._suspects = {i: s for i, s in self._suspects.items() if i in live}
        self._stood_for_at = {i: at for i, at in self._stood_for_at.items() if i in live}
        for machine in live.values():
            try:
                self._judge(machine)
            except _NotKnown as error:
                # Asking about the others would wait as long for each.
                LOG.warning("Nova could not be asked about its servers: %s", error)
                return
        self._end_suspects(live)

    def _judge(self, machine: api.Machine) -> None:
        checked_at = self._stood_for_at.get(machine.id)
        if checked_at is not None and self._now() - checked_at < _RECHECK_SECS:
            return
        if machine.owner != self._owner or self._lifecycle.is_busy(machine.instance_uuid):
            return
        try:
            record = self._records.find(machine.instance_uuid)
        except Exception as error:
            # Whatever it is, it says nothing about the machine.
            raise _NotKnown(str(error)) from error
        # A spawn that began meanwhile may have adopted the machine; one that ended meanwhile may
        # not be in the record yet. So both are asked after the record was read.
        if self._lifecycle.is_busy(machine.instance_uuid):
            return
        reason = self._why_nobodys(machine, record)
        if reason is None:
            self._suspects.pop(machine.id, None)
            if record is not None and record.was_launched:
                self._stood_for_at[machine.id] = self._now()
            return
        suspect = self._suspects.get(machine.id)
        if suspect is None or suspect.reason != reason:
            suspect = self._suspects[machine.id] = _Suspect(reason, self._now())
        suspect.passes += 1

    def _why_nobodys(self, machine: api.Machine, record: ServerRecord | None) -> str | None:
        """Return why no server stands for the machine; None when one does, or may yet."""
        if record is None:
            return _UNKNOWN_TO_NOVA
        if record.host != self._owner.burst_host:
            return f"its server is on {record.host or 'no host'}"
        if record.machine_id and record.machine_id != machine.id:
            return f"its server has another machine, {record.machine_id}"
        if not record.was_launched and not self._lifecycle.was_spawned_here(machine.instance_uuid):
            return "its launch was never finished"
        return None

    def _is_due(self, suspect: _Suspect) -> bool:
        grace = UNKNOWN_GRACE_SECS if suspect.reason == _UNKNOWN_TO_NOVA else 0.0
        return suspect.passes >= _PASSES_TO_END and self._now() - suspect.since >= grace

    def _end_suspects(self, live: dict[str, api.Machine]) -> None:
        due = [i for i, suspect in self._suspects.items() if self._is_due(suspect)]
        most = max(_MOST_PER_PASS, int(len(live) * _MOST_SHARE_PER_PASS))
        if len(due) > most:
            LOG.error(
                "%d of %d machines are nobody's, which is many; ending %d in this pass",
                len(due),
                len(live),
                most,
            )
        for machine_id in due[:most]:
            machine, reason = live[machine_id], self._suspects[machine_id].reason
            if self._lifecycle.is_busy(machine.instance_uuid):
                # A spawn that has just begun may adopt it.
                continue
            LOG.warning("Ending %s of server %s: %s", machine_id, machine.instance_uuid, reason)
            try:
                self._lifecycle.end_leftover(machine)
            except api.ProviderError as error:
                LOG.warning("%s could not be ended, trying again: %s", machine_id, error)
            else:
                del self._suspects[machine_id]
