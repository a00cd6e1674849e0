# SPDX-License-Identifier: Apache-2.0
"""The cache of machines: what overrules what."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from fakes.burst_host import OWNER

from nova_spillway.providers import api
from nova_spillway.virt.fleet import LATE_VISIBILITY_SECS, Fleet, Presence


class Lister:
    """A provider of listings only."""

    def __init__(self) -> None:
        self.answer: list[api.Machine] | api.ProviderError = []
        self.listings = 0
        self.gate: threading.Event | None = None
        self.began = threading.Event()

    def describe_all(self) -> list[api.Machine]:
        self.listings += 1
        self.began.set()
        if self.gate is not None:
            assert self.gate.wait(10)
        if isinstance(self.answer, api.ProviderError):
            raise self.answer
        return self.answer


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


MACHINE = api.Machine(
    id="i-1",
    state=api.MachineState.RUNNING,
    owner=OWNER,
    instance_uuid="u-1",
    generation=1,
    client_token="t",
    size="s",
    image="ami",
    launched_at=0.0,
)
STOPPED = dataclasses.replace(MACHINE, state=api.MachineState.STOPPED)


@pytest.fixture
def lister() -> Lister:
    return Lister()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fleet(lister: Lister, clock: Clock) -> Fleet:
    return Fleet(lister, clock)  # type: ignore[arg-type]


def test_everything_is_unknown_until_the_second_listing(fleet: Fleet) -> None:
    assert fleet.seen("u-1").presence is Presence.UNKNOWN
    fleet.refresh()
    assert fleet.seen("u-1").presence is Presence.UNKNOWN
    fleet.refresh()
    assert fleet.seen("u-1").presence is Presence.GONE


def test_a_failed_listing_leaves_what_was_known(fleet: Fleet, lister: Lister) -> None:
    lister.answer = [MACHINE]
    fleet.refresh()
    lister.answer = api.Unavailable("down")
    for _ in range(3):
        with pytest.raises(api.Unavailable):
            fleet.refresh()
    assert fleet.seen("u-1").machine == MACHINE


def test_a_young_listing_serves(fleet: Fleet, lister: Lister) -> None:
    fleet.refresh()
    fleet.refresh(max_age_secs=10)
    assert lister.listings == 1


def test_a_young_failure_serves_too(fleet: Fleet, lister: Lister) -> None:
    lister.answer = api.Unavailable("down")
    for _ in range(3):
        with pytest.raises(api.Unavailable):
            fleet.refresh(max_age_secs=10)
    assert lister.listings == 1


def test_threads_that_wait_share_one_listing(fleet: Fleet, lister: Lister) -> None:
    """The first is under way when they ask, and too old for them; the second serves them all."""
    lister.gate = threading.Event()
    first = threading.Thread(target=fleet.refresh)
    first.start()
    assert lister.began.wait(10)
    others = [threading.Thread(target=fleet.refresh) for _ in range(8)]
    for thread in others:
        thread.start()
    lister.gate.set()
    for thread in [first, *others]:
        thread.join(10)
    assert lister.listings <= 3


def test_our_own_word_is_newer_than_a_listing_that_began_before(
    fleet: Fleet, lister: Lister
) -> None:
    lister.answer = [MACHINE]
    fleet.refresh()
    lister.gate = threading.Event()
    lister.began.clear()
    thread = threading.Thread(target=fleet.refresh)
    thread.start()
    assert lister.began.wait(10)
    fleet.tell(STOPPED)
    lister.gate.set()
    thread.join(10)
    assert fleet.seen("u-1").machine == STOPPED


def test_a_new_machine_may_be_missing_for_a_while(
    fleet: Fleet, lister: Lister, clock: Clock
) -> None:
    fleet.tell(MACHINE)
    for _ in range(5):
        fleet.refresh()
    assert fleet.seen("u-1").presence is Presence.PRESENT
    clock.now += LATE_VISIBILITY_SECS
    fleet.refresh()
    fleet.refresh()
    assert fleet.seen("u-1").presence is Presence.GONE


def test_a_termination_outlives_an_old_picture_but_not_for_ever(
    fleet: Fleet, lister: Lister, clock: Clock
) -> None:
    lister.answer = [MACHINE]
    fleet.refresh()
    fleet.tell_terminated("i-1")
    fleet.refresh()
    assert fleet.seen("u-1").presence is Presence.GONE
    # A machine that still runs after a minute was not terminated, whatever we were told.
    clock.now += LATE_VISIBILITY_SECS
    fleet.refresh()
    assert fleet.seen("u-1").presence is Presence.PRESENT


def test_of_two_machines_the_live_one_of_the_newest_generation_counts(
    fleet: Fleet, lister: Lister
) -> None:
    second = dataclasses.replace(MACHINE, id="i-2", generation=2)
    ended = dataclasses.replace(MACHINE, id="i-3", generation=3, state=api.MachineState.TERMINATED)
    lister.answer = [second, MACHINE, ended]
    fleet.refresh()
    assert fleet.seen("u-1").machine == second
