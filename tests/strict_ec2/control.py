# SPDX-License-Identifier: Apache-2.0
"""A test's orders: JSON below ``/_control``. ``README.md`` lists them with examples.

``refuse`` and ``hold`` are those of ``tests/cloud/ec2_proxy.py``.
"""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Callable
from typing import Any

from tests.strict_ec2.errors import Ec2Error
from tests.strict_ec2.faults import Rates
from tests.strict_ec2.machine import ENDED, STATE_REASONS, Machine
from tests.strict_ec2.region import Region

DEATHS = {
    "spot": "Server.SpotInstanceTermination",
    "failure": "Server.InternalError",
    "capacity": "Server.InsufficientInstanceCapacity",
}
"""Ways to die that EC2 decides upon, with their StateReason.Code."""


class BadOrder(Exception):
    """An order that cannot be carried out."""


class Clock:
    """The real time, and what a test has put on top of it, in seconds. Never goes back."""

    def __init__(self, read: Callable[[], float]) -> None:
        """Keep what the real time is read with."""
        self._read = read
        self._offset = 0.0
        self._latest = 0.0

    def now(self) -> float:
        """Return the region's time."""
        self._latest = max(self._latest, self._read() + self._offset)
        return self._latest

    def advance(self, secs: float) -> None:
        """Let time pass."""
        if secs < 0:
            raise BadOrder("time does not go back")
        self._offset += secs


class Control:
    """Orders and counts of one server; used by many threads."""

    def __init__(self, region: Region, clock: Clock) -> None:
        """Start without orders."""
        self.region = region
        self.clock = clock
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._refused: dict[str, dict[str, Any]] = {}
        self._holds: dict[str, str] = {}
        self._held: collections.Counter[str] = collections.Counter()
        self._seen: collections.Counter[str] = collections.Counter()
        self._orders: dict[str, Callable[[dict[str, Any]], None]] = {
            "faults": self._set_faults,
            "throttle": self._set_throttle,
            "capacity": self._set_capacity,
            "quota": self._set_quota,
            "zone": self._set_zone,
            "time": self._pass_time,
            "kill": self._kill,
        }

    # What the server asks.

    def saw(self, action: str) -> int:
        """Count a request and return how many there were of all actions."""
        with self.lock:
            self._seen[action] += 1
            return sum(self._seen.values())

    def refusal(self, action: str) -> Ec2Error | None:
        """Return the error with which an action is to be answered."""
        with self.lock:
            order = self._refused.get(action)
            if order is None:
                return None
            return Ec2Error(order["code"], order["message"], order["status"])

    def wait_while_held(self, action: str, when: str) -> None:
        """Return when the action is not, or no longer, held at that point."""
        with self._changed:
            self._held[action] += 1
            self._changed.wait_for(lambda: self._holds.get(action) != when)
            self._held[action] -= 1

    # What a test asks.

    def state(self) -> dict[str, Any]:
        """Return counts and orders."""
        with self.lock:
            region, now = self.region, self.clock.now()
            region.settle(now)
            return {
                "seen": dict(self._seen),
                "held": {action: n for action, n in self._held.items() if action in self._holds},
                "holds": dict(self._holds),
                "refused": dict(self._refused),
                "tokens": len(region.tokens),
                "launched": region.ever,
                "live": len(region.live()),
                "now": now,
                "seed": region.faults.seed,
                "faults": dataclasses.asdict(region.faults.rates),
                "impaired": sorted(region.impaired),
            }

    def machines(self, machine_id: str | None) -> list[dict[str, Any]]:
        """Return every machine ever, or one: also what does not show, or not any more."""
        with self.lock:
            now = self.clock.now()
            self.region.settle(now)
            known = {**self.region.forgotten, **self.region.machines}
            return [
                _summary(machine, now)
                for machine in known.values()
                if machine_id in (None, machine.id)
            ]

    def order(self, method: str, topic: str, order: dict[str, Any]) -> bool:
        """Carry out an order (PUT) or take it back (DELETE). False if there is no such topic.

        :raises BadOrder: it is not understood; nothing was changed.
        """
        with self._changed:
            try:
                if topic == "refuse":
                    self._replace(self._refused, method, order, ("code", "message", "status"))
                elif topic == "hold":
                    self._replace(self._holds, method, order, ("when",))
                elif topic in self._orders:
                    self.region.settle(self.clock.now())
                    self._orders[topic](order if method == "PUT" else {"end": True})
                    self.region.settle(self.clock.now())
                else:
                    return False
            except (KeyError, TypeError, ValueError) as error:
                raise BadOrder(f"{topic}: {type(error).__name__}: {error}") from error
            self._changed.notify_all()
            return True

    @staticmethod
    def _replace(
        orders: dict[str, Any], method: str, order: dict[str, Any], keys: tuple[str, ...]
    ) -> None:
        new: dict[str, Any] = {}
        if method == "PUT":
            values = {key: order[key] for key in ("action", *keys)}
            new[order["action"]] = values["when"] if keys == ("when",) else values
        orders.clear()
        orders.update(new)

    def _set_faults(self, order: dict[str, Any]) -> None:
        faults = self.region.faults
        if order.pop("end", False):
            faults.rates = Rates()
            return
        seed = order.pop("seed", None)
        faults.rates = faults.rates.changed(order)
        if seed is not None:
            faults.restart(int(seed))

    def _set_throttle(self, order: dict[str, Any]) -> None:
        limits = {
            name: (float(size), float(per_second))
            for name, (size, per_second) in order.get("limits", {}).items()
        }
        self.region.throttle.set(not order.get("end", False), limits)

    def _set_capacity(self, order: dict[str, Any]) -> None:
        if order.pop("end", False):
            self.region.capacity.end_rooms()
            return
        left = order["left"]
        self.region.capacity.set_room(
            order.get("instance_type", "*"),
            order.get("zone", "*"),
            None if left is None else int(left),
        )

    def _set_quota(self, order: dict[str, Any]) -> None:
        if order.pop("end", False):
            self.region.capacity.end_quotas()
            return
        vcpus = order["vcpus"]
        self.region.capacity.set_quota(
            order.get("market", "on-demand"),
            order.get("family", "standard"),
            None if vcpus is None else int(vcpus),
        )

    def _set_zone(self, order: dict[str, Any]) -> None:
        if order.pop("end", False):
            self.region.impaired.clear()
            return
        zone = order["zone"]
        if zone not in self.region.zones:
            raise BadOrder(f"the zones are {self.region.zones}")
        if order.get("impaired", True):
            self.region.impaired.add(zone)
        else:
            self.region.impaired.discard(zone)

    def _pass_time(self, order: dict[str, Any]) -> None:
        self.clock.advance(float(order.get("advance_secs", 0)))

    def _kill(self, order: dict[str, Any]) -> None:
        region, now = self.region, self.clock.now()
        machine = region.machines[order["instance_id"]]
        reason = order.get("reason", "failure")
        if reason == "shutdown":
            code = "Client.InstanceInitiatedShutdown"
            if machine.state == "running" and machine.stops_when_shut_down:
                region.stop(machine, now, code)
            elif machine.state == "running":
                region.end(machine, now, code)
        else:
            region.end(machine, now, DEATHS[reason])


def _summary(machine: Machine, now: float) -> dict[str, Any]:
    assert machine.state_reason is None or machine.state_reason in STATE_REASONS
    return {
        "instance_id": machine.id,
        "state": machine.state,
        "state_reason": machine.state_reason,
        "is_live": machine.state not in ENDED,
        "is_visible": machine.visible_at <= now,
        "instance_type": machine.type.name,
        "zone": machine.zone,
        "client_token": machine.client_token,
        "private_address": machine.private_address,
        "tags": dict(machine.tags),
        "launched_at": machine.launched_at,
        "ended_at": machine.ended_at,
    }
