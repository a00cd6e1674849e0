# SPDX-License-Identifier: Apache-2.0
"""What machines cost: by the hour, in the month, and across restarts."""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
import pathlib
import random

import pytest
from fakes.burst_host import OWNER

from nova_spillway.providers import api
from nova_spillway.virt import spend
from nova_spillway.virt.spend import Cost, Ledger
from nova_spillway.virt.spend_record import SpendRecord, path_of

HOUR = 3600.0
MACHINE = api.Machine(
    id="i-1",
    state=api.MachineState.RUNNING,
    owner=OWNER,
    instance_uuid="u-1",
    generation=1,
    client_token="t",
    size="small",
    image="ami",
    launched_at=0.0,
    project_id="p1",
)


def at(text: str) -> float:
    return datetime.datetime.fromisoformat(text + "+00:00").timestamp()


NOON = at("2026-11-20T12:00:00")


def cost(
    machine_id: str = "i-1",
    project: str = "p1",
    price: float | None = 1.0,
    launched_at: float = NOON,
    is_paid: bool = True,
) -> Cost:
    return Cost(machine_id, project, is_paid, price, launched_at)


def ledger(now: float = NOON) -> Ledger:
    return Ledger(spend.month_of(now))


def total(book: Ledger, now: float, highest: float | None = None) -> float | None:
    spent = book.month_usd(highest, now)
    return None if spent is None else sum(spent.values())


# By the hour.


def test_what_runs_or_starts_costs_by_project() -> None:
    machines = [
        dataclasses.replace(MACHINE, id=f"i-{state.value}", state=state)
        for state in api.MachineState
    ]
    machines.append(dataclasses.replace(MACHINE, id="i-9", size="large", project_id="p2"))
    costs = spend.costs_of(machines, {"small": 0.5, "large": 2.0}, {})
    assert spend.hourly_usd(costs) == {"p1": 1.5, "p2": 2.0}, "pending, running and stopping"


def test_a_size_without_price_costs_as_much_as_the_dearest() -> None:
    prices = {"small": None, "large": 2.0, "medium": 1.0}
    unlisted = dataclasses.replace(MACHINE, id="i-2", size="gone-from-the-policy")
    assert spend.hourly_usd(spend.costs_of([MACHINE, unlisted], prices, {})) == {"p1": 4.0}


def test_without_any_price_the_spend_is_unknown_unless_nothing_runs() -> None:
    assert spend.hourly_usd(spend.costs_of([MACHINE], {"small": None}, {})) is None
    assert spend.hourly_usd([]) == {}


def test_a_size_that_costs_nothing_costs_nothing() -> None:
    assert spend.hourly_usd(spend.costs_of([MACHINE], {"small": 0.0, "large": 2.0}, {})) == {
        "p1": 0.0
    }


def test_the_project_comes_from_the_tag_or_else_from_nova() -> None:
    untagged = dataclasses.replace(MACHINE, project_id=None)
    unknown = dataclasses.replace(untagged, instance_uuid="u-2")
    costs = spend.costs_of([MACHINE, untagged, unknown], {"small": 1.0}, {"u-1": "p9"})
    assert [c.project_id for c in costs] == ["p1", "p9", "unknown"]


# In the month.


def test_a_machine_counts_from_its_launch_to_the_look_that_misses_it() -> None:
    book = ledger()
    book.look([cost(launched_at=NOON - HOUR)], NOON)
    assert total(book, NOON) == 1.0
    book.look([cost()], NOON + HOUR)
    book.look([], NOON + 1.5 * HOUR)
    assert total(book, NOON) == 2.5
    book.look([], NOON + 9 * HOUR)
    assert total(book, NOON) == 2.5, "it ended"


def test_projects_are_kept_apart() -> None:
    book = ledger()
    book.look([cost("i-1", "p1", 1.0), cost("i-2", "p2", 0.25)], NOON + 2 * HOUR)
    assert book.month_usd(None, NOON) == {"p1": 2.0, "p2": 0.5}


def test_a_stopped_machine_costs_nothing_until_it_is_started() -> None:
    book = ledger()
    book.look([cost()], NOON + HOUR)
    book.look([cost(is_paid=False)], NOON + 2 * HOUR)
    assert total(book, NOON) == 2.0, "stopped at some time within the hour"
    book.look([cost(is_paid=False)], NOON + 5 * HOUR)
    assert total(book, NOON) == 2.0
    book.look([cost()], NOON + 6 * HOUR)
    assert total(book, NOON) == 3.0, "started at some time within the hour"


def test_a_price_that_changes_does_so_for_the_time_to_come() -> None:
    book = ledger()
    book.look([cost(price=1.0)], NOON + HOUR)
    book.look([cost(price=3.0)], NOON + 2 * HOUR)
    assert total(book, NOON) == 4.0


def test_time_without_any_price_is_unknown_until_one_is_known() -> None:
    book = ledger()
    book.look([cost(price=None)], NOON + 2 * HOUR)
    assert total(book, NOON, highest=None) is None
    assert total(book, NOON, highest=1.5) == 3.0


def test_a_new_month_begins_at_nothing_and_counts_from_its_first_second() -> None:
    before, after = at("2026-11-30T23:00:00"), at("2026-12-01T02:00:00")
    book = ledger(before)
    book.look([cost(launched_at=before - HOUR)], before)
    assert total(book, before) == 1.0
    assert total(book, after) is None, "nobody looked since"
    book.look([cost()], after)
    assert total(book, after) == 2.0


def test_a_machine_of_last_month_that_is_new_here_counts_for_this_month_only() -> None:
    now = at("2026-12-01T03:00:00")
    book = ledger(now)
    book.look([cost(launched_at=at("2026-10-01T00:00:00"))], now)
    assert total(book, now) == 3.0


def test_a_clock_set_back_never_takes_away_and_counts_on_from_there() -> None:
    book = ledger()
    book.look([cost()], NOON + 2 * HOUR)
    book.look([cost()], NOON)
    assert total(book, NOON) == 2.0
    book.look([cost()], NOON + HOUR)
    assert total(book, NOON) == 3.0, "an hour passed, whatever it is called"


def test_a_clock_set_back_into_the_month_before_makes_that_unknown_and_heals() -> None:
    new_year, old_year = at("2027-01-01T00:00:01"), at("2026-12-31T23:59:59")
    book = ledger(old_year - HOUR)
    book.look([cost(launched_at=old_year - HOUR)], new_year)
    book.look([cost()], old_year)
    assert total(book, old_year) is None, "December's sum is gone"
    book.look([cost()], new_year + HOUR)
    assert total(book, new_year) == pytest.approx(1.0, abs=0.001)


class Bill:
    """Random hours of a burst host, counted to the second beside the ledger."""

    LONGEST_STEP_SECS = 100.0

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = NOON
        self.book = ledger()
        self.machines: dict[str, Cost] = {}
        self.truth = 0.0
        # Of changes that no look saw happen, the most that each may cost too much.
        self.doubt = 0.0
        self.made = 0

    def look(self) -> None:
        self.book.look(list(self.machines.values()), self.now)

    def pass_time(self) -> None:
        secs = self.random.uniform(0.0, self.LONGEST_STEP_SECS)
        self.now += secs
        for machine in self.machines.values():
            if machine.is_paid:
                self.truth += secs * (machine.usd_per_hour or 0.0) / HOUR

    def launch(self) -> None:
        self.made += 1
        name, price = f"i-{self.made}", self.random.choice([0.01, 0.5, 3.0])
        self.machines[name] = cost(name, price=price, launched_at=self.now)
        self.look()

    def change_unseen(self) -> None:
        """Somebody ends, stops or starts a machine at the provider's console."""
        if not self.machines:
            return
        name = self.random.choice(sorted(self.machines))
        machine = self.machines.pop(name)
        self.doubt += (machine.usd_per_hour or 0.0) * self.LONGEST_STEP_SECS / HOUR
        if self.random.random() < 0.7:
            self.machines[name] = dataclasses.replace(machine, is_paid=not machine.is_paid)

    def destroy(self) -> None:
        if self.machines:
            self.machines.pop(self.random.choice(sorted(self.machines)))
        self.look()

    def restart(self) -> None:
        self.book = spend.from_json(self.book.as_json())


@pytest.mark.parametrize("seed", range(20))
def test_a_ledger_is_never_below_the_bill_and_little_above(seed: int) -> None:
    bill = Bill(seed)
    steps = [bill.launch, bill.change_unseen, bill.destroy, bill.restart, bill.look]
    for _ in range(300):
        bill.random.choices(steps, [4, 1, 2, 1, 5])[0]()
        bill.pass_time()
        bill.look()
    counted = total(bill.book, bill.now)
    assert counted is not None and bill.truth > 0
    assert bill.truth - 1e-6 <= counted <= bill.truth + bill.doubt + 1e-6


# Across restarts.


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return pathlib.Path(path_of(str(tmp_path), "cloud1"))


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


def month(record: SpendRecord) -> float | None:
    spent = record.month_usd(None)
    return None if spent is None else sum(spent.values())


def test_a_restart_forgets_nothing_and_counts_the_time_in_between(
    path: pathlib.Path, clock: Clock
) -> None:
    record = SpendRecord(str(path), clock)
    clock.now = NOON + HOUR
    record.look(lambda: [cost("i-1"), cost("i-2", "p2")])
    record.save()
    clock.now = NOON + 4 * HOUR
    again = SpendRecord(str(path), clock)
    again.look(lambda: [cost("i-1")])
    assert again.month_usd(None) == {"p1": 4.0, "p2": 4.0}, "i-2 ended, nobody knows when"
    assert not list(path.parent.glob("*.new"))


def test_a_restart_in_the_next_month(path: pathlib.Path, clock: Clock) -> None:
    record = SpendRecord(str(path), clock)
    clock.now = NOON + HOUR
    record.look(lambda: [cost()])
    record.save()
    clock.now = at("2026-12-01T05:00:00")
    again = SpendRecord(str(path), clock)
    again.look(lambda: [cost()])
    assert month(again) == 5.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format": 2}',
        '{"format": 1, "month": "2026-11"}',
        '{"format": 1, "month": "11/2026", "is_whole": true, "usd": {}, "unpriced_secs": {},'
        ' "machines": {}}',
        '{"format": 1, "month": "2026-11", "is_whole": true, "usd": {"p": -1},'
        ' "unpriced_secs": {}, "machines": {}}',
        '{"format": 1, "month": "2026-11", "is_whole": true, "usd": {"p": NaN},'
        ' "unpriced_secs": {}, "machines": {}}',
        '{"format": 1, "month": "2026-11", "is_whole": true, "usd": {"p": true},'
        ' "unpriced_secs": {}, "machines": {}}',
        '{"format": 1, "month": "2026-11", "is_whole": true, "usd": {}, "unpriced_secs": {},'
        ' "machines": {"i-1": {"project_id": "p"}}}',
    ],
)
def test_a_file_that_cannot_be_read_is_kept_and_the_month_is_unknown_never_zero(
    path: pathlib.Path, clock: Clock, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    path.write_text(text)
    with caplog.at_level(logging.ERROR):
        record = SpendRecord(str(path), clock)
    assert str(path) in caplog.text and "2026-11 is unknown" in caplog.text
    [aside] = path.parent.glob("*.unreadable-*")
    assert aside.read_text() == text
    clock.now += HOUR
    record.look(lambda: [cost()])
    assert month(record) is None
    record.save()
    assert month(SpendRecord(str(path), clock)) is None, "also after the next restart"
    clock.now = at("2026-12-01T01:00:00")
    record.look(lambda: [cost()])
    assert month(record) == 1.0, "a new month is whole again"


def test_a_file_of_bytes_is_set_aside_too(path: pathlib.Path, clock: Clock) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    assert month(SpendRecord(str(path), clock)) is None


def test_a_folder_that_cannot_be_written_is_told_once_and_costs_nothing_else(
    tmp_path: pathlib.Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    record = SpendRecord(str(tmp_path / "nowhere" / "spend.json"), clock)
    clock.now += HOUR
    record.look(lambda: [cost()])
    with caplog.at_level(logging.INFO):
        record.save()
        record.save()
        assert caplog.text.count("cannot be written") == 1
        (tmp_path / "nowhere").mkdir()
        record.save()
    assert "again" in caplog.text
    assert month(record) == 1.0
    assert json.loads((tmp_path / "nowhere" / "spend.json").read_text())["usd"] == {"p1": 1.0}


def test_every_host_has_a_file_of_its_own_whatever_its_name() -> None:
    assert path_of("/var/lib/nova", "cloud1") == "/var/lib/nova/spillway-spend-cloud1.json"
    assert path_of("/var/lib/nova", "../a") == "/var/lib/nova/spillway-spend-..%2Fa.json"
