# SPDX-License-Identifier: Apache-2.0
"""Chance, from one seed: which requests fail and how, and how long everything takes.

Each kind of decision is numbered, and its n-th draw depends on seed, kind and n only. So the same
seed and the same sequence of requests give the same run, and turning one fault on moves no other.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import hashlib
import random
from collections.abc import Mapping
from typing import Any

Span = tuple[float, float]
"""Shortest and longest, in seconds; drawn evenly between."""


class Fate(enum.Enum):
    """What becomes of one request."""

    DONE = "done"
    THROTTLED = "throttled"
    LOST_BEFORE = "lost before the deed"
    LOST_AFTER = "lost after the deed"
    ERROR_BEFORE = "5xx before the deed"
    ERROR_AFTER = "5xx after the deed"


@dataclasses.dataclass(frozen=True)
class Rates:
    """How often and how long. Shares are 0 to 1, of requests; spans are seconds.

    :ivar actions: the actions that the shares hold for; empty for all.
    :ivar no_capacity: share of launches that find no room though there is some.
    :ivar death: share of machines that die by themselves.
    :ivar visible_after_secs: from the launch until a machine shows.
    :ivar launch_secs: how long a machine is pending, also when started again. Its default, and
        those of stopping and terminating, are short on purpose: EC2 takes longer.
    """

    actions: tuple[str, ...] = ()
    throttled: float = 0.0
    lost_before: float = 0.0
    lost_after: float = 0.0
    error_before: float = 0.0
    error_after: float = 0.0
    no_capacity: float = 0.0
    death: float = 0.0
    death_after_secs: Span = (30.0, 600.0)
    visible_after_secs: Span = (0.0, 0.0)
    launch_secs: Span = (1.0, 2.0)
    stop_secs: Span = (1.0, 2.0)
    terminate_secs: Span = (1.0, 2.0)

    def changed(self, changes: Mapping[str, Any]) -> Rates:
        """Return a copy with changes.

        :raises ValueError: an unknown name, a share outside 0..1, shares that together exceed 1,
            or a span that is no pair of seconds, 0 or more, in order.
        """
        known = {field.name for field in dataclasses.fields(self)}
        if not set(changes) <= known:
            raise ValueError(f"unknown: {sorted(set(changes) - known)}; known: {sorted(known)}")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, (list, tuple)) else value
            for name, value in changes.items()
        }
        rates = dataclasses.replace(self, **values)
        shares = [getattr(rates, name) for name in (*REQUEST_SHARES, "no_capacity", "death")]
        if not all(0 <= share <= 1 for share in shares) or sum(shares[:-2]) > 1:
            raise ValueError("shares are 0 to 1, and those of requests at most 1 together")
        for name in known:
            if name.endswith("_secs"):
                shortest, longest = getattr(rates, name)
                if not 0 <= shortest <= longest:
                    raise ValueError(f"{name} must be [shortest, longest], in seconds")
        return rates


REQUEST_SHARES: dict[str, Fate] = {
    "throttled": Fate.THROTTLED,
    "lost_before": Fate.LOST_BEFORE,
    "lost_after": Fate.LOST_AFTER,
    "error_before": Fate.ERROR_BEFORE,
    "error_after": Fate.ERROR_AFTER,
}


class Faults:
    """Draws the decisions of one run."""

    def __init__(self, seed: int, rates: Rates | None = None) -> None:
        """Begin a run."""
        self.seed = seed
        self.rates = rates or Rates()
        self._draws: collections.Counter[str] = collections.Counter()

    def restart(self, seed: int) -> None:
        """Begin another run: every kind of decision starts at its first draw again."""
        self.seed = seed
        self._draws.clear()

    def draw(self, kind: str) -> random.Random:
        """Return the source for the next decision of this kind."""
        self._draws[kind] += 1
        return random.Random(f"{self.seed}/{kind}/{self._draws[kind]}")

    def fate(self, action: str) -> Fate:
        """Decide about a request. Every request draws, so rates do not shift later ones."""
        point = self.draw(f"request {action}").random()
        if self.rates.actions and action not in self.rates.actions:
            return Fate.DONE
        for name, fate in REQUEST_SHARES.items():
            share = getattr(self.rates, name)
            if point < share:
                return fate
            point -= share
        return Fate.DONE

    def happens(self, kind: str, share: float) -> bool:
        """Decide whether something happens that does so in this share of cases."""
        return self.draw(kind).random() < share

    def seconds(self, kind: str, span: Span) -> float:
        """Decide how long something takes."""
        return self.draw(kind).uniform(*span)

    def id(self, prefix: str) -> str:
        """Return a new resource id: the prefix and 17 hexadecimal digits, as EC2's longer ids."""
        self._draws["id"] += 1
        # A hash, since a launch draws four of these and random.Random is slow to seed.
        name = f"{self.seed}/id/{self._draws['id']}".encode()
        return f"{prefix}-{hashlib.blake2b(name).hexdigest()[:17]}"
