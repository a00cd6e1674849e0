# SPDX-License-Identifier: Apache-2.0
"""A public cloud in memory, with EC2's bad habits.

Client tokens are strict: the same token and parameters return the same machine, other parameters or
a terminated machine are an error. New machines run after some looks, and show late when told so.
Answers get lost, before or after the deed. A handle is one process's view; killing it kills the
process, whatever it was doing.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import threading
import time
from collections.abc import Callable, Mapping

from nova_spillway.providers import api

MACHINE_IMAGE = api.Image("ami-1", "/dev/sda1", 8)


class Killed(BaseException):
    """The process is gone; nothing of it runs any more."""


@dataclasses.dataclass
class _Fault:
    error: Callable[[], BaseException]
    after_the_deed: bool


@dataclasses.dataclass
class _Machine:
    machine: api.Machine
    parameters: object
    looks_until_running: int
    looks_until_visible: int


class StrictCloud:
    """All the machines there are, and the faults to come."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._machines: dict[str, _Machine] = {}
        self._by_token: dict[str, str] = {}
        self._faults: dict[str, collections.deque[_Fault | None]] = collections.defaultdict(
            collections.deque
        )
        self.calls: collections.Counter[str] = collections.Counter()
        self.keys: dict[str, str] = {}
        self.tokens_seen: list[str] = []
        # Looks that a new machine takes to run, and to show at all.
        self.looks_until_running = 1
        self.looks_until_visible = 0
        # Made right after every launch, to have something happen in between.
        self.on_launch: Callable[[str], None] = lambda _machine_id: None

    def handle(self, owner: api.Owner) -> Handle:
        """Return a process's view of the cloud."""
        return Handle(self, owner)

    # What happens behind everybody's back.

    def fail(self, operation: str, error: api.ProviderError, after_the_deed: bool = False) -> None:
        """Make the next call of this operation that has no fault yet fail."""
        self._faults[operation].append(_Fault(lambda: error, after_the_deed))

    def let_pass(self, operation: str, times: int = 1) -> None:
        """Let this many calls pass before the next fault."""
        self._faults[operation].extend([None] * times)

    def take_fault(self, operation: str) -> _Fault | None:
        with self.lock:
            waiting = self._faults[operation]
            return waiting.popleft() if waiting else None

    def set_state(
        self,
        machine_id: str,
        state: api.MachineState,
        failure: api.ProviderError | None = None,
    ) -> None:
        """Change a machine as its owner at the console would."""
        with self.lock:
            entry = self._machines[machine_id]
            entry.machine = dataclasses.replace(entry.machine, state=state, failure=failure)
            entry.looks_until_running = 10**9

    def forget(self, machine_id: str) -> None:
        """Let a machine vanish from every listing."""
        with self.lock:
            del self._machines[machine_id]

    def end_trouble(self) -> None:
        """Let every later call succeed."""
        with self.lock:
            self._faults.clear()

    def live(self, instance_uuid: str | None = None) -> list[api.Machine]:
        """Return what is paid for, seen or not."""
        with self.lock:
            return [
                entry.machine
                for entry in self._machines.values()
                if entry.machine.state.is_live
                and instance_uuid in (None, entry.machine.instance_uuid)
            ]

    def ever(self) -> int:
        """Return how many machines were ever made."""
        return next(self._numbers) - 1

    # What handles do.

    def launch(
        self,
        owner: api.Owner,
        request: api.LaunchRequest,
        generation: int,
        client_token: str,
    ) -> api.Machine:
        parameters = (owner, request, generation)
        with self.lock:
            assert len(client_token) <= 64 and client_token.isascii()
            self.tokens_seen.append(client_token)
            known = self._by_token.get(client_token)
            if known is not None:
                entry = self._machines.get(known)
                if entry is None or not entry.machine.state.is_live:
                    raise api.TokenSpent("the token's instance is terminated")
                if entry.parameters != parameters:
                    raise api.TokenSpent("the token came with other parameters")
                return entry.machine
            machine = api.Machine(
                id=f"i-{next(self._numbers):08d}",
                state=api.MachineState.PENDING,
                owner=owner,
                instance_uuid=request.instance_uuid,
                generation=generation,
                client_token=client_token,
                size=request.size,
                image=request.image.id,
                launched_at=time.time(),
                claim=request.claim,
                project_id=request.project_id or None,
                private_address="10.0.0.9",
            )
            self._machines[machine.id] = _Machine(
                machine, parameters, self.looks_until_running, self.looks_until_visible
            )
            self._by_token[client_token] = machine.id
        self.on_launch(machine.id)
        return machine

    def describe(self, owner: api.Owner) -> list[api.Machine]:
        with self.lock:
            seen = []
            for entry in self._machines.values():
                if entry.machine.owner != owner:
                    continue
                if entry.looks_until_visible > 0:
                    entry.looks_until_visible -= 1
                    continue
                if entry.machine.state is api.MachineState.PENDING:
                    entry.looks_until_running -= 1
                    if entry.looks_until_running < 0:
                        entry.machine = dataclasses.replace(
                            entry.machine, state=api.MachineState.RUNNING
                        )
                seen.append(entry.machine)
            return seen

    def change(self, machine_id: str, state: api.MachineState) -> None:
        with self.lock:
            entry = self._machines.get(machine_id)
            if entry is None or entry.looks_until_visible > 0:
                raise api.Gone(f"{machine_id} is not there")
            if entry.machine.state.is_live:
                entry.machine = dataclasses.replace(entry.machine, state=state)

    def state(self, machine_id: str) -> api.MachineState:
        with self.lock:
            if machine_id not in self._machines:
                raise api.Gone(f"{machine_id} is not there")
            return self._machines[machine_id].machine.state


class Handle:
    """``api.Provider`` over the cloud, as one process holds it."""

    def __init__(self, cloud: StrictCloud, owner: api.Owner) -> None:
        self._cloud = cloud
        self._owner = owner
        self.is_dead = False
        self._kill_at: tuple[str, bool] | None = None

    def kill_at(self, operation: str, after_the_deed: bool) -> None:
        """Kill the process at its next call of this operation."""
        self._kill_at = (operation, after_the_deed)

    def kill(self) -> None:
        """Kill the process: every later call of it ends here."""
        self.is_dead = True
        raise Killed

    @property
    def placement(self) -> Mapping[str, object]:
        return {"region": "nowhere-1"}

    def _do(self, operation: str, deed: Callable[[], object]) -> object:
        if self.is_dead:
            raise Killed
        self._cloud.calls[operation] += 1
        fault = self._cloud.take_fault(operation)
        if self._kill_at == (operation, False):
            self.kill()
        if fault is not None and not fault.after_the_deed:
            raise fault.error()
        result = deed()
        if self._kill_at == (operation, True):
            self.kill()
        if fault is not None:
            raise fault.error()
        return result

    def launch(self, request: api.LaunchRequest, generation: int, client_token: str) -> api.Machine:
        def deed() -> api.Machine:
            return self._cloud.launch(self._owner, request, generation, client_token)

        return self._do("launch", deed)  # type: ignore[return-value]

    def describe_all(self) -> list[api.Machine]:
        return self._do("describe_all", lambda: self._cloud.describe(self._owner))  # type: ignore[return-value]

    def describe_instance(self, instance_uuid: str) -> list[api.Machine]:
        def deed() -> list[api.Machine]:
            return [
                m for m in self._cloud.describe(self._owner) if m.instance_uuid == instance_uuid
            ]

        return self._do("describe_instance", deed)  # type: ignore[return-value]

    def terminate(self, machine_id: str) -> None:
        self._do("terminate", lambda: self._cloud.change(machine_id, api.MachineState.TERMINATED))

    def start(self, machine_id: str) -> None:
        def deed() -> None:
            if self._cloud.state(machine_id) is api.MachineState.STOPPING:
                raise api.WrongState("stopping")
            self._cloud.change(machine_id, api.MachineState.RUNNING)

        self._do("start", deed)

    def stop(self, machine_id: str, force: bool = False) -> None:
        def deed() -> None:
            if self._cloud.state(machine_id) is api.MachineState.PENDING:
                raise api.WrongState("pending")
            self._cloud.change(machine_id, api.MachineState.STOPPED)

        self._do("stop_force" if force else "stop", deed)

    def reboot(self, machine_id: str) -> None:
        self._do("reboot", lambda: self._cloud.state(machine_id))

    def console_output(self, machine_id: str) -> bytes:
        return self._do("console_output", lambda: b"hello\n")  # type: ignore[return-value]

    def image(self, image_id: str) -> api.Image:
        return self._do("image", lambda: dataclasses.replace(MACHINE_IMAGE, id=image_id))  # type: ignore[return-value]

    def import_key(self, key: api.PublicKey) -> str:
        def deed() -> str:
            self._cloud.keys[key.project_id] = key.openssh
            return f"key-{key.project_id}"

        return self._do("import_key", deed)  # type: ignore[return-value]
