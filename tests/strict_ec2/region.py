# SPDX-License-Identifier: Apache-2.0
"""All state of one account in one region, and what happens in it by itself. Pure.

Every change of state is planned for a time and happens when ``settle`` is called with a later one,
in the order of those times; so what a request sees depends on the time it comes with only.
"""

from __future__ import annotations

import collections
import heapq
import ipaddress
import re
from collections.abc import Callable, Iterable

from tests.strict_ec2 import catalogue
from tests.strict_ec2.addresses import Addresses
from tests.strict_ec2.buckets import Throttle
from tests.strict_ec2.capacity import Capacity
from tests.strict_ec2.errors import Ec2Error
from tests.strict_ec2.faults import Faults
from tests.strict_ec2.key_pair import KeyPair
from tests.strict_ec2.machine import ENDED, ON_A_HOST, Machine, Volume, gmt
from tests.strict_ec2.tokens import Tokens

FORGOTTEN_AFTER_SECS = 3600.0
"""How long a terminated machine shows: "approximately one hour" (TerminateInstances, botocore's
model)."""

PUBLIC_ADDRESSES = ipaddress.IPv4Network("198.18.0.0/15")
"""Where public addresses are from: the range for benchmarks (RFC 2544), so they are nobody's."""

INSTANCE_ID = re.compile(r"i-[0-9a-f]{8}([0-9a-f]{9})?")
"""EC2 user guide, "Resource IDs": 8 or 17 hexadecimal digits."""


class Region:
    """What EC2 knows."""

    def __init__(self, seed: int = 0, name: str = "us-east-1") -> None:
        """Start empty but for the catalogue."""
        self.name = name
        self.zones = tuple(name + letter for letter in catalogue.ZONE_LETTERS)
        self.impaired: set[str] = set()
        self.faults = Faults(seed)
        self.throttle = Throttle()
        self.capacity = Capacity()
        self.tokens = Tokens()
        self.addresses = {
            subnet.id: Addresses(subnet.cidr) for subnet in catalogue.SUBNETS.values()
        }
        self.machines: dict[str, Machine] = {}
        self.forgotten: dict[str, Machine] = {}
        self.volumes: dict[str, Volume] = {}
        self.key_pairs: dict[str, KeyPair] = {}
        self.tags: dict[str, dict[str, str]] = collections.defaultdict(dict)
        self.tagged: dict[tuple[str, str], dict[str, None]] = collections.defaultdict(dict)
        self.by_client_token: dict[str, list[str]] = collections.defaultdict(list)
        self._planned: list[tuple[float, int, str, int, Callable[[Machine, float], None]]] = []
        self._plans = 0
        self._launches = 0
        self._public_addresses = 0

    # What happens by itself.

    def settle(self, now: float) -> None:
        """Let everything happen that is due."""
        while self._planned and self._planned[0][0] <= now:
            at, _, machine_id, epoch, happen = heapq.heappop(self._planned)
            machine = self.machines.get(machine_id)
            if machine is not None and epoch in (machine.epoch, -1):
                happen(machine, at)

    def plan(
        self,
        machine: Machine,
        at: float,
        happen: Callable[[Machine, float], None],
        whatever_else: bool = False,
    ) -> None:
        """Plan what happens to a machine, unless its state has changed by then."""
        self._plans += 1
        epoch = -1 if whatever_else else machine.epoch
        heapq.heappush(self._planned, (at, self._plans, machine.id, epoch, happen))

    def add(self, machine: Machine) -> None:
        """Take a new machine in, and plan its way to running, or to an early death."""
        self._launches += 1
        machine.sequence = self._launches
        self.machines[machine.id] = machine
        self.tags[machine.id] = machine.tags
        for pair in machine.tags.items():
            self.tagged[pair][machine.id] = None
        if machine.client_token:
            self.by_client_token[machine.client_token].append(machine.id)
        self.capacity.take(machine.kind)
        self._plan_running(machine, machine.launched_at)
        if self.faults.happens("death", self.faults.rates.death):
            after = self.faults.seconds("death after", self.faults.rates.death_after_secs)
            self.plan(machine, machine.launched_at + after, self._die, whatever_else=True)

    def start(self, machine: Machine, now: float) -> None:
        """Put a stopped machine on a host again."""
        self.capacity.take(machine.kind)
        self._change(machine, "pending")
        machine.state_reason = None
        machine.transition = ""
        machine.launched_at = now
        self._plan_running(machine, now)

    def stop(self, machine: Machine, now: float, reason: str) -> None:
        """Begin to stop a machine."""
        self._change(machine, "stopping")
        machine.state_reason = reason
        machine.transition = f"User initiated ({gmt(now)})"
        after = self.faults.seconds("stop", self.faults.rates.stop_secs)
        self.plan(machine, now + after, self._stopped)

    def end(self, machine: Machine, now: float, reason: str) -> None:
        """Begin to terminate a machine, whoever wants it; the reason is a StateReason.Code."""
        if machine.state == "terminated":
            return
        was = machine.state
        machine.state_reason = reason
        machine.transition = f"User initiated ({gmt(now)})" if reason.startswith("Client.") else ""
        if was == "shutting-down":
            return
        if was == "stopped":
            # It has no host to leave, but goes the same way.
            self.capacity.take(machine.kind)
        self._change(machine, "shutting-down")
        after = self.faults.seconds("terminate", self.faults.rates.terminate_secs)
        self.plan(machine, now + after, self._terminated)

    def _plan_running(self, machine: Machine, now: float) -> None:
        after = self.faults.seconds("launch", self.faults.rates.launch_secs)
        self.plan(machine, now + after, self._running)

    def _running(self, machine: Machine, at: float) -> None:
        self._change(machine, "running")
        machine.running_since = at

    def _stopped(self, machine: Machine, _at: float) -> None:
        self._change(machine, "stopped")
        machine.public_address = None
        machine.running_since = None

    def _terminated(self, machine: Machine, at: float) -> None:
        self._change(machine, "terminated")
        machine.ended_at = at
        machine.public_address = None
        self.addresses[machine.subnet.id].give_back(machine.private_address)
        for volume in machine.volumes:
            if volume.delete_on_termination:
                del self.volumes[volume.id]
                self.tags.pop(volume.id, None)
            else:
                volume.machine_id = None
        self.tags.pop(machine.interface_id, None)
        self.plan(machine, at + FORGOTTEN_AFTER_SECS, self._forget)

    def _die(self, machine: Machine, at: float) -> None:
        if machine.state in ("pending", "running"):
            spot = machine.spot_request_id is not None
            self.end(
                machine, at, "Server.SpotInstanceTermination" if spot else "Server.InternalError"
            )

    def _forget(self, machine: Machine, _at: float) -> None:
        del self.machines[machine.id]
        self.forgotten[machine.id] = machine
        self.tags.pop(machine.id, None)
        for pair in machine.tags.items():
            self.untag(machine, pair)

    def _change(self, machine: Machine, state: str) -> None:
        if machine.state in ON_A_HOST and state not in ON_A_HOST:
            self.capacity.take(machine.kind, -1)
        machine.state = state
        machine.epoch += 1
        if state in ("pending", "running") and machine.public_address is None:
            machine.public_address = self.public_address(machine)

    def public_address(self, machine: Machine) -> str | None:
        """Return a public address nobody had before, in a default subnet; None in others."""
        if not machine.subnet.is_default:
            return None
        self._public_addresses = self._public_addresses % (PUBLIC_ADDRESSES.num_addresses - 2) + 1
        return str(PUBLIC_ADDRESSES[self._public_addresses])

    def untag(self, machine: Machine, pair: tuple[str, str]) -> None:
        """Take a tag out of the index."""
        self.tagged[pair].pop(machine.id, None)
        if not self.tagged[pair]:
            del self.tagged[pair]

    # What is looked up.

    def zone_of(self, subnet: catalogue.Subnet) -> str:
        """Return the zone that a subnet is in."""
        return self.name + subnet.zone

    def visible(self, now: float) -> Iterable[Machine]:
        """Return the machines that show, in the order of their launches."""
        return (machine for machine in self.machines.values() if machine.visible_at <= now)

    def find(self, ids: Iterable[str], now: float) -> list[Machine]:
        """Return the machines of these ids, in that order; all or none.

        :raises Ec2Error: InvalidInstanceID.Malformed, InvalidInstanceID.NotFound (also for one
            that does not show yet), as in "Error codes for the Amazon EC2 API".
        """
        wanted = list(dict.fromkeys(ids))
        for machine_id in wanted:
            if not INSTANCE_ID.fullmatch(machine_id):
                raise Ec2Error("InvalidInstanceID.Malformed", f'Invalid id: "{machine_id[:64]}"')
        found = [self.machines.get(machine_id) for machine_id in wanted]
        missing = [
            machine_id
            for machine_id, machine in zip(wanted, found)
            if machine is None or machine.visible_at > now
        ]
        if len(missing) == 1:
            raise Ec2Error(
                "InvalidInstanceID.NotFound", f"The instance ID '{missing[0]}' does not exist"
            )
        if missing:
            raise Ec2Error(
                "InvalidInstanceID.NotFound",
                f"The instance IDs '{', '.join(missing)}' do not exist",
            )
        return [machine for machine in found if machine is not None]

    def live(self) -> list[Machine]:
        """Return the machines that are or may be paid for, whether they show or not."""
        return [machine for machine in self.machines.values() if machine.state not in ENDED]

    @property
    def ever(self) -> int:
        """How many machines were ever launched."""
        return self._launches
