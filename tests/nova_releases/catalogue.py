# SPDX-License-Identifier: Apache-2.0
"""The Nova releases that Spillway is tried on, and what each of them needs to run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Backend = Literal["eventlet", "threading"]

STOCK_MANAGER = "nova.scheduler.manager.SchedulerManager"
OUR_MANAGER = "nova_spillway.scheduler.manager.MultiScheduler"

CONSTRAINTS = Path(__file__).parent / "constraints"


@dataclass(frozen=True)
class Release:
    """One Nova release; every field is a fact about it, none a choice of the caller."""

    number: int
    """Major version, which is what ``--release`` takes."""
    nova: str
    """The exact version on the package index."""
    pythons: tuple[str, ...]
    """Interpreters that it is run with, the first one found wins.

    The order spreads the releases over all of 3.9 to 3.13 on a machine that has them all.
    """
    backends: tuple[Backend, ...]
    """Concurrency backends that its nova-scheduler has; the first one is its default."""
    test_modules: tuple[str, ...] = ("nova.tests.unit.scheduler.test_manager",)
    """Nova's own test modules about the code that MultiScheduler takes the place of."""
    stock_classes: frozenset[str] = frozenset({STOCK_MANAGER})
    """What a worker of nova-scheduler holds when nothing asks for Spillway."""
    our_classes: frozenset[str] = frozenset({OUR_MANAGER})
    """What it holds with ``scheduler_driver = spillway``."""
    driver_speaks: bool = True
    """Whether each worker logs that the driver is there; Nova 22 calls no driver at its start."""
    installed_first: tuple[str, ...] = ()
    """Packages that only build with the environment's own old setuptools."""

    @property
    def constraints(self) -> Path:
        """The frozen package set, everything that Nova and its unit tests import."""
        return CONSTRAINTS / f"{self.number}.txt"


RELEASES: dict[int, Release] = {
    release.number: release
    for release in (
        Release(34, "34.0.0", ("3.11", "3.12", "3.13"), ("threading", "eventlet")),
        Release(33, "33.0.2", ("3.13", "3.12", "3.11", "3.10"), ("threading", "eventlet")),
        Release(31, "31.3.1", ("3.12", "3.11", "3.10", "3.9"), ("eventlet",)),
        Release(29, "29.4.0", ("3.10", "3.11", "3.9"), ("eventlet",)),
        Release(26, "26.2.2", ("3.9", "3.10", "3.11"), ("eventlet",)),
        Release(
            22,
            "22.4.0",
            ("3.9",),
            ("eventlet",),
            stock_classes=frozenset(
                {STOCK_MANAGER, "nova.scheduler.filter_scheduler.FilterScheduler"}
            ),
            our_classes=frozenset(
                {
                    STOCK_MANAGER,
                    "nova.scheduler.filter_scheduler.FilterScheduler",
                    "nova_spillway.scheduler.driver_until_22.InnerScheduler",
                    "nova_spillway.scheduler.driver_until_22.SpillwayDriverUntil22",
                }
            ),
            driver_speaks=False,
            installed_first=("suds-jurko",),
        ),
    )
}
