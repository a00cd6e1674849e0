# SPDX-License-Identifier: Apache-2.0
"""What tests.nova_releases counts as a failure, and that what did not run is never a pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from nova_releases import __main__ as command
from nova_releases import trial
from nova_releases.catalogue import OUR_MANAGER, RELEASES, STOCK_MANAGER
from nova_releases.manager_suite import SuiteRun, differences
from nova_releases.progress import Progress
from nova_releases.scheduler_start import Started

PASSED = SuiteRun({"Case.test_a": "passed", "Case.test_b": "skipped"})


def started(**changes: object) -> Started:
    """Two workers that hold our manager and have said so."""
    values: dict[str, object] = {
        "workers": [11, 12],
        "classes": {11: [OUR_MANAGER], 12: [OUR_MANAGER]},
        "modules": {11: ["nova_spillway._native"], 12: ["nova_spillway._native"]},
        "backends": {11: "threading", 12: "threading"},
        "driver_lines": {11: "policy taken", 12: "policy taken"},
        "log": Path("log"),
    }
    return Started(**{**values, **changes})  # type: ignore[arg-type]


def wrong_with_driver(seen: Started) -> list[str]:
    expected = frozenset({OUR_MANAGER})
    return trial._wrong(seen, expected, "threading", with_driver=True, must_speak=True)


def wrong_unset(seen: Started) -> list[str]:
    expected = frozenset({STOCK_MANAGER})
    return trial._wrong(seen, expected, "threading", with_driver=False, must_speak=False)


def test_the_same_outcomes_are_no_difference() -> None:
    assert differences(PASSED, SuiteRun(dict(PASSED.outcomes))) == []


@pytest.mark.parametrize(
    ("stock", "ours"),
    [
        ({}, {}),
        ({"Case.test_a": "passed"}, {}),
        ({"Case.test_a": "passed"}, {"Case.test_a": "failed"}),
        ({"Case.test_a": "passed"}, {"Case.test_a": "skipped"}),
        ({"Case.test_a": "passed"}, {"Case.test_a": "passed", "Case.test_b": "passed"}),
        ({"Case.test_a": "error"}, {"Case.test_a": "error"}),
    ],
    ids=["no tests", "missing", "failed", "skipped by ours alone", "one more", "stock fails too"],
)
def test_any_difference_is_found(stock: dict[str, str], ours: dict[str, str]) -> None:
    assert differences(SuiteRun(stock), SuiteRun(ours))


def test_two_good_workers_are_right() -> None:
    assert wrong_with_driver(started()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": {11: [OUR_MANAGER], 12: [STOCK_MANAGER]}},
        {"classes": {11: [OUR_MANAGER], 12: []}},
        {"driver_lines": {11: "policy taken"}},
        {"backends": {11: "threading", 12: "eventlet"}},
    ],
    ids=["stock in one", "nothing in one", "silent", "other backend"],
)
def test_one_bad_worker_is_enough(changes: dict[str, object]) -> None:
    [line] = wrong_with_driver(started(**changes))
    assert "worker 12" in line


def test_an_unset_option_may_import_the_factory_and_no_more() -> None:
    stock = {11: [STOCK_MANAGER], 12: [STOCK_MANAGER]}
    quiet = started(classes=stock, driver_lines={}, modules={11: [], 12: ["nova_spillway.conf"]})
    assert wrong_unset(quiet) == []
    loud = started(classes=stock, driver_lines={}, modules={11: [], 12: ["nova_spillway._native"]})
    assert len(wrong_unset(loud)) == 1


def test_a_release_without_an_interpreter_is_not_run(tmp_path: Path) -> None:
    done = trial.try_release(
        RELEASES[34],
        tmp_path / "no.whl",
        tmp_path,
        Progress(),
        python=str(tmp_path / "python3.11"),
        manager=trial.MANAGER,
    )
    assert done.verdict == "not run"
    assert "no usable interpreter" in done.reason


def test_what_did_not_run_is_no_success(tmp_path: Path) -> None:
    wheel = tmp_path / "no.whl"
    arguments = ["--release", "34", "--cache", str(tmp_path), "--wheel", str(wheel)]
    assert command.main([*arguments, "--python", str(tmp_path / "python3.11")]) == 3


def test_every_release_has_its_frozen_packages() -> None:
    for release in RELEASES.values():
        pinned = release.constraints.read_text().splitlines()
        assert f"nova=={release.nova}" in pinned
        assert all(line.startswith("#") or "==" in line for line in pinned)
