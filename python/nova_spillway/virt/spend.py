# SPDX-License-Identifier: Apache-2.0
"""What the burst host's machines cost: by the hour, and since the month began. Pure.

Machines are paid for from launch to end by the price of their size, except while they are stopped.
In doubt it is a little too much and never too little: a machine that ended or was stopped counts
until the look that noticed it, and a size without a price costs as much as the dearest one. Months
are those of UTC, amounts are US dollars, times are Unix seconds.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from nova_spillway.providers import api

FORMAT = 1
"""Of the ledger as JSON; a higher one is not read."""

UNKNOWN_PROJECT = "unknown"
"""Stands for the project of a machine that neither its tags nor Nova's records tell."""

_HOUR_SECS = 3600.0
_NOT_PAID = (
    api.MachineState.STOPPED,
    api.MachineState.TERMINATING,
    api.MachineState.TERMINATED,
)
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class Unreadable(ValueError):
    """The text is no ledger; the sentence says what is wrong with it."""


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one machine costs now.

    :ivar usd_per_hour: None when no price is known, not even another size's.
    """

    machine_id: str
    project_id: str
    is_paid: bool
    usd_per_hour: float | None
    launched_at: float


def costs_of(
    machines: Iterable[api.Machine],
    prices: Mapping[str, float | None],
    projects: Mapping[str, str],
) -> list[Cost]:
    """Return what each live machine costs.

    :param prices: of the policy's sizes, USD per hour.
    :param projects: by server, for machines whose tags do not name theirs.
    """
    highest = highest_price(prices)
    costs = []
    for machine in machines:
        price = prices.get(machine.size)
        project = machine.project_id or projects.get(machine.instance_uuid)
        costs.append(
            Cost(
                machine_id=machine.id,
                project_id=project or UNKNOWN_PROJECT,
                is_paid=machine.state not in _NOT_PAID,
                usd_per_hour=highest if price is None else price,
                launched_at=machine.launched_at,
            )
        )
    return costs


def highest_price(prices: Mapping[str, float | None]) -> float | None:
    """Return the highest price that is known."""
    return max((price for price in prices.values() if price is not None), default=None)


def hourly_usd(costs: Iterable[Cost]) -> dict[str, float] | None:
    """Return what the machines cost in an hour, by project; None when it is not known."""
    by_project: dict[str, float] = {}
    for cost in costs:
        if not cost.is_paid:
            continue
        if cost.usd_per_hour is None:
            return None
        by_project[cost.project_id] = by_project.get(cost.project_id, 0.0) + cost.usd_per_hour
    return by_project


@dataclasses.dataclass
class _Account:
    """A live machine at the last look.

    :ivar counted_until: its cost up to then is in the ledger.
    """

    project_id: str
    is_paid: bool
    usd_per_hour: float | None
    counted_until: float


@dataclasses.dataclass
class Ledger:
    """What was spent in one month.

    :ivar is_whole: False when a part of the month is missing from it.
    """

    month: str
    is_whole: bool = True
    _usd: dict[str, float] = dataclasses.field(default_factory=dict)
    # Time of machines while no price at all was known.
    _unpriced_secs: dict[str, float] = dataclasses.field(default_factory=dict)
    _accounts: dict[str, _Account] = dataclasses.field(default_factory=dict)

    def look(self, costs: Iterable[Cost], now: float) -> None:
        """Count what was spent since the last look, by the machines that there are now.

        A machine that is new here counts from its launch, one that is known from the last look,
        however long ago that was.
        """
        self._turn_page(now)
        before, self._accounts = self._accounts, {}
        for cost in costs:
            account = before.pop(cost.machine_id, None)
            if account is not None:
                was_paid, counted_until = account.is_paid, account.counted_until
            else:
                was_paid, counted_until = False, cost.launched_at
            account = _Account(cost.project_id, cost.is_paid, cost.usd_per_hour, counted_until)
            self._count(account, now, was_paid or cost.is_paid)
            self._accounts[cost.machine_id] = account
        for account in before.values():
            self._count(account, now, account.is_paid)

    def month_usd(self, highest: float | None, now: float) -> dict[str, float] | None:
        """Return what was spent, by project; None when it is not known.

        :param highest: the highest price that is known today: what time without any price costs.
        """
        is_of_another = self.month != month_of(now)
        if not self.is_whole or is_of_another or (self._unpriced_secs and highest is None):
            return None
        spent = dict(self._usd)
        for project_id, secs in self._unpriced_secs.items():
            unpriced = secs * (highest or 0.0) / _HOUR_SECS
            spent[project_id] = spent.get(project_id, 0.0) + unpriced
        return spent

    def as_json(self) -> str:
        """Return the ledger as text."""
        return json.dumps(
            {
                "format": FORMAT,
                "month": self.month,
                "is_whole": self.is_whole,
                "usd": self._usd,
                "unpriced_secs": self._unpriced_secs,
                "machines": {i: dataclasses.asdict(a) for i, a in self._accounts.items()},
            },
            sort_keys=True,
        )

    def _turn_page(self, now: float) -> None:
        month = month_of(now)
        if month == self.month:
            return
        # A clock that was set back into an earlier month finds that month's page gone. At a
        # month's first seconds that lasts for seconds; otherwise the month stays unknown.
        self.is_whole = month > self.month
        self.month = month
        self._usd.clear()
        self._unpriced_secs.clear()

    def _count(self, account: _Account, now: float, is_paid: bool) -> None:
        since = max(account.counted_until, _start_of_month(now))
        account.counted_until = now
        # Negative when the clock was set back: what passed meanwhile is lost, at most the time
        # between two looks.
        secs = max(0.0, now - since)
        if not is_paid or secs == 0.0:
            return
        if account.usd_per_hour is None:
            book, amount = self._unpriced_secs, secs
        else:
            book, amount = self._usd, secs * account.usd_per_hour / _HOUR_SECS
        book[account.project_id] = book.get(account.project_id, 0.0) + amount


def month_of(now: float) -> str:
    """Return the month as ``YYYY-MM``; as text they sort as in time."""
    return datetime.datetime.fromtimestamp(now, datetime.timezone.utc).strftime("%Y-%m")


def _start_of_month(now: float) -> float:
    day = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
    return day.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()


def from_json(text: str) -> Ledger:
    """Read a ledger back.

    :raises Unreadable: it is none, or one of a later format.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Unreadable(f"no JSON: {error}") from None
    if not isinstance(found, dict):
        raise Unreadable("no JSON object")
    if found.get("format") != FORMAT:
        raise Unreadable(f"format {found.get('format')!r}, expected {FORMAT}")
    try:
        month, is_whole = found["month"], found["is_whole"]
        if not isinstance(month, str) or not _MONTH.fullmatch(month):
            raise Unreadable(f"the month is {month!r}, expected YYYY-MM")
        if not isinstance(is_whole, bool):
            raise Unreadable(f"is_whole is {is_whole!r}, expected true or false")
        return Ledger(
            month,
            is_whole,
            {str(project): _amount(usd) for project, usd in found["usd"].items()},
            {str(project): _amount(secs) for project, secs in found["unpriced_secs"].items()},
            {str(machine_id): _account(entry) for machine_id, entry in found["machines"].items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"incomplete: {type(error).__name__} {error}") from None


def _account(entry: Mapping[str, Any]) -> _Account:
    price = entry["usd_per_hour"]
    return _Account(
        project_id=str(entry["project_id"]),
        is_paid=bool(entry["is_paid"]),
        usd_per_hour=None if price is None else _amount(price),
        counted_until=_amount(entry["counted_until"]),
    )


def _amount(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unreadable(f"{value!r} where a number is expected")
    if not math.isfinite(value) or value < 0:
        raise Unreadable(f"{value!r} where an amount is expected")
    return float(value)
