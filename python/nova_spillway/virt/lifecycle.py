# SPDX-License-Identifier: Apache-2.0
"""The life of a burst server's machine, in steps that may be cut off anywhere.

Invariants: an intent is saved before a launch, and the same launch asks with the same token; a
spawn that fails leaves nothing running, and what it cannot see yet is left to the settlement; a
call whose fate is unknown is never taken for done. Knows neither Nova nor the provider's SDK.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import random
import threading
import time
from collections.abc import Iterator
from typing import Callable

from nova_spillway.providers import api
from nova_spillway.virt import intent as intents
from nova_spillway.virt.admission import Admission
from nova_spillway.virt.fleet import Fleet, Presence, Sighting
from nova_spillway.virt.launches import Launches
from nova_spillway.virt.server import Record, Server

LOG = logging.getLogger(__name__)

# Launches of one spawn: the first, and one for each token that turns out to be spent.
_MAX_GENERATIONS = 3


@dataclasses.dataclass(frozen=True)
class Patience:
    """How long what is waited for, in seconds.

    :ivar launch_secs: from the launch to a running machine. EC2 takes 5 to 40; beyond five minutes
        something is wrong and another host should try.
    :ivar stop_secs: EC2 pulls the plug by itself after some minutes.
    :ivar attempts: how often a call without a usable answer is made, the first time included.
    :ivar look_again_secs: the first and the longest pause between two looks at a machine.
    """

    launch_secs: float = 300.0
    start_secs: float = 300.0
    stop_secs: float = 600.0
    attempts: int = 3
    look_again_secs: tuple[float, float] = (0.5, 4.0)


class Lifecycle:
    """Launches, ends and switches machines for one burst host. Safe for many threads."""

    def __init__(
        self,
        provider: api.Provider,
        owner: api.Owner,
        fleet: Fleet,
        admission: Admission,
        launches: Launches,
        patience: Patience = Patience(),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep the collaborators; nothing is called yet."""
        self._provider = provider
        self._owner = owner
        self._fleet = fleet
        self._admission = admission
        self._launches = launches
        self._patience = patience
        self._sleep = sleep
        self._lock = threading.Lock()
        # Calls of Nova's that are under way, by server; a reboot is a stop and a start in one.
        self._busy: dict[str, int] = {}
        self._works_ended = 0
        self._spawned_here: set[str] = set()
        # Servers whose last spawn failed: True when a machine may have come of it all the same.
        self._failed: dict[str, bool] = {}

    # What others may ask about a server.

    def is_busy(self, instance_uuid: str) -> bool:
        """Whether this process is launching or switching the server right now."""
        with self._lock:
            return instance_uuid in self._busy

    @property
    def works_ended(self) -> int:
        """How many works have ended so far: who looks twice can tell that one did in between."""
        with self._lock:
            return self._works_ended

    @contextlib.contextmanager
    def at_work_on(self, instance_uuid: str) -> Iterator[None]:
        """Mark the server busy: what the poll sees of it meanwhile is our own doing.

        May be entered again inside. What is made of the work is written down before leaving.
        """
        with self._lock:
            self._busy[instance_uuid] = self._busy.get(instance_uuid, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._works_ended += 1
                self._busy[instance_uuid] -= 1
                if not self._busy[instance_uuid]:
                    del self._busy[instance_uuid]

    def was_spawned_here(self, instance_uuid: str) -> bool:
        """Whether this process launched the server and has not ended it since.

        Between the end of a spawn and Nova's own record of it, this is the only proof.
        """
        with self._lock:
            return instance_uuid in self._spawned_here

    # Launch.

    def spawn(self, server: Server, size: str, image_id: str, record: Record) -> api.Machine:
        """Launch the server's machine and wait until it runs.

        :param size: the provider's size, from the policy's mapping.
        :param record: where the intent is saved before the launch.
        :returns: the running machine.
        :raises admission.Full: no room under the policy's caps.
        :raises api.ProviderError: why it could not be launched. Nothing is left running, or it is
            ended by the settlement as soon as it can be seen.
        """
        undone = self._undone_on_failure(server.uuid)
        with self.at_work_on(server.uuid), undone, self._launches.one_of(size) as launch:
            image = self._provider.image(image_id)
            key_name = self._provider.import_key(server.key) if server.key else None
            request = api.LaunchRequest(
                instance_uuid=server.uuid,
                hostname=server.hostname,
                size=size,
                image=image,
                root_gb=server.root_gb,
                claim=server.claim,
                project_id=server.project_id,
                key_name=key_name,
                user_data=server.user_data,
            )
            if not self._fleet.has_listed:
                # Blind, there is no ledger to admit a launch against.
                self._fleet.refresh()
            with self._admission.admit(server.uuid, server.claim):
                machine, launch.is_adopted = self._launch(request, record)
                self._fleet.tell(machine)
                record.save({intents.MACHINE: machine.id})
                return self._wait_until_running(machine)

    @contextlib.contextmanager
    def _undone_on_failure(self, instance_uuid: str) -> Iterator[None]:
        """Undo a failed spawn, and remember how it ended."""
        with self._lock:
            self._failed[instance_uuid] = False
        try:
            yield
        except BaseException:
            if self._failed.get(instance_uuid):
                self._undo(instance_uuid)
            raise
        else:
            with self._lock:
                self._failed.pop(instance_uuid, None)
                self._spawned_here.add(instance_uuid)

    def _launch(self, request: api.LaunchRequest, record: Record) -> tuple[api.Machine, bool]:
        """Launch under a saved intent, or adopt what an earlier try of the same launch made.

        :returns: the machine, and whether it was adopted.
        """
        before = intents.recorded(record.load())
        placement = self._provider.placement
        intent = intents.next_intent(self._owner, request, placement, before)
        if before is not None:
            # The earlier try may have made a machine that does not show yet.
            self._may_have_launched(request.instance_uuid)
            adopted = self._adopt(request.instance_uuid, intent)
            if adopted is not None:
                record.save(intent.as_metadata())
                return adopted, True
        for _ in range(_MAX_GENERATIONS):
            record.save(intent.as_metadata())
            try:
                machine = self._launch_patiently(request, intent)
            except api.TokenSpent as error:
                LOG.info("Server %s: %s; next generation", request.instance_uuid, error)
            else:
                # Some providers return the token's old machine instead of an error.
                if machine.state.is_live:
                    LOG.info(
                        "Server %s: launched %s as generation %d, size %s, image %s",
                        request.instance_uuid,
                        machine.id,
                        intent.generation,
                        intent.size,
                        intent.image,
                    )
                    return machine, False
            intent = intents.intend(self._owner, request, placement, intent.generation + 1)
            self._end_all(request.instance_uuid)
        raise api.Unavailable("the provider calls every client token of this server spent")

    def _adopt(self, instance_uuid: str, intent: intents.Intent) -> api.Machine | None:
        """Return the machine that an earlier try of this very launch made; end all others."""
        adopted = None
        for machine in self._provider.describe_instance(instance_uuid):
            if not machine.state.is_live:
                continue
            if adopted is None and machine.client_token == intent.client_token:
                LOG.info("Server %s: adopting %s", instance_uuid, machine.id)
                adopted = machine
            else:
                self._end(machine)
        return adopted

    def _launch_patiently(self, request: api.LaunchRequest, intent: intents.Intent) -> api.Machine:
        """Make one launch, asking again with the same token while no usable answer comes."""
        attempt = 1
        while True:
            try:
                machine = self._provider.launch(request, intent.generation, intent.client_token)
            except api.TokenSpent:
                # The token's machine may live on under other parameters.
                self._may_have_launched(request.instance_uuid)
                raise
            except api.Unavailable:
                self._may_have_launched(request.instance_uuid)
                if attempt >= self._patience.attempts:
                    raise
            except api.Throttled:
                if attempt >= self._patience.attempts:
                    raise
            else:
                self._may_have_launched(request.instance_uuid)
                return machine
            self._sleep(self._pause(attempt))
            attempt += 1

    def _wait_until_running(self, machine: api.Machine) -> api.Machine:
        """Wait for the machine to run, for as long as patience says.

        :raises api.ProviderError: the provider ended it, for the reason that it gave, or it did not
            run in time.
        """

        def has_settled(max_age_secs: float) -> bool:
            state = self._state_of(machine.id, max_age_secs)
            return state is not None and state is not api.MachineState.PENDING

        if not self._wait(has_settled, self._patience.launch_secs):
            raise api.Unavailable(
                f"{machine.id} did not run within {self._patience.launch_secs:.0f} s"
            )
        now = self._fleet.machine(machine.id) or machine
        if now.state.is_live:
            return now
        raise now.failure or api.Unavailable(f"{machine.id} ended before it ran")

    def _undo(self, instance_uuid: str) -> None:
        """End what a failed spawn may have made; what fails here is left to the settlement."""
        try:
            self._end_all(instance_uuid)
        except api.ProviderError as error:
            LOG.warning(
                "Server %s: its launch failed and its machines could not be ended now, they will "
                "be when they show: %s",
                instance_uuid,
                error,
            )

    def _may_have_launched(self, instance_uuid: str) -> None:
        with self._lock:
            self._failed[instance_uuid] = True

    # End.

    def destroy(self, instance_uuid: str, machine_id: str | None) -> None:
        """End the server's machines; none is no error.

        :param machine_id: the one that is recorded with the server, if any.
        :raises api.ProviderError: they could not be ended; ask again. Not after a failed spawn:
            then the settlement ends what is left, and the server may be tried elsewhere.
        """
        with self._lock:
            self._spawned_here.discard(instance_uuid)
            may_have_launched = self._failed.pop(instance_uuid, None)
        if may_have_launched is None:
            self._retrying(lambda: self._end_all(instance_uuid, machine_id))
        elif may_have_launched:
            self._undo(instance_uuid)

    def _end_all(self, instance_uuid: str, machine_id: str | None = None) -> None:
        """End every live machine of the server, and the recorded one if it does not show."""
        found = self._provider.describe_instance(instance_uuid)
        for machine in found:
            if machine.state.is_live:
                self._end(machine)
        known = self._fleet.seen(instance_uuid).machine
        unseen = {i for i in (machine_id, known.id if known else None) if i}
        for late_id in sorted(unseen - {machine.id for machine in found}):
            self._terminate(instance_uuid, late_id)

    def _end(self, machine: api.Machine) -> None:
        """Terminate a machine that carries our tags, and no other."""
        if machine.owner != self._owner:
            LOG.error("%s is not this burst host's and is left alone", machine.id)
            return
        self._fleet.tell(machine)
        self._terminate(machine.instance_uuid, machine.id)

    def _terminate(self, instance_uuid: str, machine_id: str) -> None:
        try:
            self._provider.terminate(machine_id)
        except api.Gone:
            # Long gone, or launched so lately that EC2 cannot see it yet. The fleet finds out; if
            # the machine shows after all, the settlement ends it.
            LOG.info("Server %s: the provider does not know %s", instance_uuid, machine_id)
            return
        self._fleet.tell_terminated(machine_id)
        LOG.info("Server %s: terminated %s", instance_uuid, machine_id)

    def end_leftover(self, machine: api.Machine) -> None:
        """Terminate a machine that the settlement found to be nobody's.

        :raises api.ProviderError: it could not be ended now.
        """
        self._end(machine)

    # Switch.

    def power_off(self, instance_uuid: str, graceful_secs: float) -> None:
        """Stop the machine and wait until it is stopped; one that is gone is off.

        :param graceful_secs: how long its operating system may take; 0 pulls the plug at once.
        :raises api.ProviderError: it could not be stopped.
        """
        with self.at_work_on(instance_uuid):
            machine = self._look(instance_uuid).machine
            if machine is None or not machine.state.is_live:
                LOG.info("Server %s: its machine is gone, so it is off", instance_uuid)
                return
            try:
                self._stop(machine.id, graceful_secs)
            except api.Gone:
                LOG.info("Server %s: its machine went while it was stopped", instance_uuid)

    def _stop(self, machine_id: str, graceful_secs: float) -> None:
        def is_off(max_age_secs: float) -> bool:
            state = self._state_of(machine_id, max_age_secs)
            return state is None or state is api.MachineState.STOPPED or not state.is_live

        if graceful_secs > 0:
            self._when_it_can(lambda: self._provider.stop(machine_id))
            if self._wait(is_off, graceful_secs):
                return
        self._when_it_can(lambda: self._provider.stop(machine_id, force=True))
        if not self._wait(is_off, self._patience.stop_secs):
            raise api.Unavailable(f"{machine_id} did not stop in time")

    def power_on(self, instance_uuid: str) -> api.Machine:
        """Start the machine and wait until it runs.

        :raises api.Gone: there is none any more.
        :raises api.ProviderError: it could not be started.
        """
        with self.at_work_on(instance_uuid):
            machine = self._live_machine(instance_uuid)
            self._when_it_can(lambda: self._provider.start(machine.id))

            def has_settled(max_age_secs: float) -> bool:
                state = self._state_of(machine.id, max_age_secs)
                return state is api.MachineState.RUNNING or state is None or not state.is_live

            if not self._wait(has_settled, self._patience.start_secs):
                raise api.Unavailable(f"{machine.id} did not start in time")
            now = self._fleet.machine(machine.id)
            if now is None or not now.state.is_live:
                raise api.Gone(f"{machine.id} ended while it started")
            return now

    def reboot(self, instance_uuid: str, hard: bool) -> api.Machine:
        """Reboot the machine: by its operating system, or by stopping and starting it.

        :raises api.Gone: there is none any more.
        :raises api.ProviderError: it could not be rebooted.
        """
        with self.at_work_on(instance_uuid):
            machine = self._live_machine(instance_uuid)
            if hard or machine.state is not api.MachineState.RUNNING:
                self.power_off(instance_uuid, graceful_secs=0)
                return self.power_on(instance_uuid)
            self._retrying(lambda: self._provider.reboot(machine.id))
            return machine

    def console_output(self, instance_uuid: str) -> bytes:
        """Return the machine's console.

        :raises api.Gone: there is no machine any more.
        """
        machine = self._live_machine(instance_uuid)
        return self._provider.console_output(machine.id)

    # Looking and waiting.

    def _live_machine(self, instance_uuid: str) -> api.Machine:
        sighting = self._look(instance_uuid)
        if sighting.presence is not Presence.PRESENT or sighting.machine is None:
            raise api.Gone("the server's machine is gone from the provider; delete the server")
        return sighting.machine

    def _look(self, instance_uuid: str) -> Sighting:
        """Return what is known of the server's machine now.

        :raises api.Unavailable: nothing is known: the provider could not be asked.
        """
        try:
            self._fleet.refresh()
        except api.ProviderError as error:
            sighting = self._fleet.seen(instance_uuid)
            if sighting.presence is not Presence.PRESENT:
                raise
            LOG.info("Server %s: going by the last listing: %s", instance_uuid, error)
            return sighting
        sighting = self._fleet.seen(instance_uuid)
        if sighting.presence is Presence.UNKNOWN:
            self._fleet.refresh()
            sighting = self._fleet.seen(instance_uuid)
        return sighting

    def _state_of(self, machine_id: str, max_age_secs: float) -> api.MachineState | None:
        """Return a state this fresh; the last known one while the provider cannot be asked.

        :returns: None when the machine is gone from the listings.
        """
        try:
            self._fleet.refresh(max_age_secs)
        except (api.Unavailable, api.Throttled) as error:
            LOG.info("Looking at %s failed, looking again: %s", machine_id, error)
        machine = self._fleet.machine(machine_id)
        return machine.state if machine else None

    def _wait(self, is_done: Callable[[float], bool], at_most_secs: float) -> bool:
        """Look again and again, at growing pauses; return whether it was done in time.

        Many may wait at once, so each takes a listing that is half its pause old: together they
        list no more often than one that waits alone.

        :param is_done: looks, at something no older than this many seconds.
        """
        deadline = time.monotonic() + at_most_secs
        pause, longest = self._patience.look_again_secs
        while not is_done(pause / 2):
            if time.monotonic() >= deadline:
                return False
            self._sleep(pause)
            pause = min(longest, pause * 1.5)
        return True

    def _when_it_can(self, call: Callable[[], None]) -> None:
        """Make a call that the machine may be too much between two states for."""
        refused: list[api.WrongState] = []

        def is_made(_max_age_secs: float) -> bool:
            try:
                self._retrying(call)
            except api.WrongState as error:
                refused[:] = [error]
                return False
            return True

        if not self._wait(is_made, self._patience.start_secs):
            raise refused[0]

    def _retrying(self, call: Callable[[], None]) -> None:
        """Make a call that may be repeated, again while no usable answer comes."""
        attempt = 1
        while True:
            try:
                return call()
            except (api.Unavailable, api.Throttled):
                if attempt >= self._patience.attempts:
                    raise
            self._sleep(self._pause(attempt))
            attempt += 1

    @staticmethod
    def _pause(attempt: int) -> float:
        """Return 0.5 to 1 s, doubled for each attempt before: callers must not march in step."""
        return random.uniform(0.5, 1.0) * float(2 ** (attempt - 1))
