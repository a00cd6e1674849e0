# SPDX-License-Identifier: Apache-2.0
"""Throttling by token buckets: one per action for requests, some actions another for machines.

Pure: the time is an argument. Sizes and rates: EC2 developer guide, "Request throttling for the
Amazon EC2 API". Read there: 100 and 20 per second for actions that change nothing, 1,000 and 2 per
second for the machines of RunInstances. The remaining figures are that page's as quoted elsewhere
(facts: Terminate 1,000 and 20 per second), not re-read; a test may set any.
"""

from __future__ import annotations

import dataclasses

from tests.strict_ec2.errors import Ec2Error

READING = (100.0, 20.0)
READING_EVERYTHING = (50.0, 10.0)
CHANGING = (50.0, 5.0)
CONSOLE = (100.0, 10.0)

REQUEST_LIMITS: dict[str, tuple[float, float]] = {
    "RunInstances": (5.0, 2.0),
    "StartInstances": (5.0, 2.0),
    "TerminateInstances": (100.0, 5.0),
    "CreateTags": (100.0, 10.0),
    "GetConsoleOutput": CONSOLE,
}
"""Requests of one action: bucket size, and refill per second."""

RESOURCE_LIMITS: dict[str, tuple[float, float]] = {
    "RunInstances": (1000.0, 2.0),
    "StartInstances": (1000.0, 2.0),
    "StopInstances": (1000.0, 20.0),
    "TerminateInstances": (1000.0, 20.0),
}
"""Machines that one action's requests name: bucket size, and refill per second."""


@dataclasses.dataclass
class Bucket:
    """Tokens that come back with time, never more than ``size``."""

    size: float
    per_second: float
    level: float
    at: float

    def take(self, tokens: float, now: float) -> bool:
        """Take tokens if there are enough; else take none."""
        self.level = min(self.size, self.level + max(0.0, now - self.at) * self.per_second)
        self.at = now
        if self.level < tokens:
            return False
        self.level -= tokens
        return True


class Throttle:
    """All buckets of the account. Off until a test turns it on."""

    def __init__(self) -> None:
        """Start with full buckets, and not asking them."""
        self.on = False
        self.limits: dict[str, tuple[float, float]] = {}
        self._buckets: dict[str, Bucket] = {}

    def request(self, action: str, unfiltered: bool, now: float) -> None:
        """Take the token of one request.

        :param unfiltered: it lists everything without filter, ids or pages, which has less.
        :raises Ec2Error: RequestLimitExceeded.
        """
        default = READING if action.startswith(("Describe", "Get")) else CHANGING
        name = action
        if unfiltered and action.startswith("Describe"):
            name, default = f"{action} of everything", READING_EVERYTHING
        self._take(name, REQUEST_LIMITS.get(action, default), 1, now)

    def machines(self, action: str, count: int, now: float) -> None:
        """Take the tokens of the machines that a request makes or names.

        :raises Ec2Error: RequestLimitExceeded.
        """
        if action in RESOURCE_LIMITS:
            self._take(f"machines of {action}", RESOURCE_LIMITS[action], count, now)

    def _take(self, name: str, default: tuple[float, float], tokens: float, now: float) -> None:
        if not self.on:
            return
        if name not in self._buckets:
            size, per_second = self.limits.get(name, default)
            self._buckets[name] = Bucket(size, per_second, size, now)
        if not self._buckets[name].take(tokens, now):
            raise Ec2Error("RequestLimitExceeded", "Request limit exceeded.")

    def set(self, on: bool, limits: dict[str, tuple[float, float]]) -> None:
        """Turn it on or off, with other sizes and rates by bucket name; buckets are full again."""
        self.on = on
        self.limits = limits
        self._buckets = {}
