# SPDX-License-Identifier: Apache-2.0
"""Runs Nova's own scheduler manager tests twice, stock and ours, and compares the two runs."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from .catalogue import Backend, Release
from .environments import Environment

INSIDE = Path(__file__).parent / "inside"
DEADLINE_SECS = 600


class SuiteDidNotRun(Exception):
    """The test process ended without a report; the text is its last output."""


@dataclass
class SuiteRun:
    """What one run of the tests said."""

    outcomes: dict[str, str]
    """"Class.test" to "passed", "failed", "error" or "skipped"."""
    tracebacks: dict[str, str] = field(default_factory=dict)
    trait_calls: int = 0
    """How often the manager asked Placement for a trait, in a run in which Placement has them."""

    def count(self, *words: str) -> int:
        """Number of tests with one of these outcomes."""
        return sum(word in words for word in self.outcomes.values())


def run_suite(
    release: Release,
    environment: Environment,
    backend: Backend,
    folder: Path,
    manager: str | None,
    policy_file: Path | None = None,
    *,
    placement_has_traits: bool = False,
) -> SuiteRun:
    """Runs the release's scheduler tests in its environment.

    :param manager: "module:Class" to put in the place of SchedulerManager; None runs stock.
    :param policy_file: given to the replacement; without it there is none, as after installation.
    :param placement_has_traits: without them ours does as stock does, with them it goes its way.
    :raises SuiteDidNotRun: the process failed before it could report.
    """
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    arguments = [environment.python, str(INSIDE / "run_manager_tests.py")]
    arguments += [*release.test_modules, "--report", str(report)]
    if manager is not None:
        arguments += ["--manager", manager]
    if policy_file is not None:
        arguments += ["--policy-file", str(policy_file)]
    if placement_has_traits:
        arguments += ["--placement", "has-traits"]
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=environ(release, backend),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECS,
        check=False,
    )
    if done.returncode != 0 or not report.exists():
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise SuiteDidNotRun(f"exit code {done.returncode}\n{tail}")
    said = json.loads(report.read_text())
    if said["backend"] != backend:
        raise SuiteDidNotRun(f"asked for the {backend} backend, and the tests ran on the other one")
    return SuiteRun(said["outcomes"], said["tracebacks"], said["trait_calls"])


def environ(release: Release, backend: Backend) -> dict[str, str]:
    """The environment variables of every process of a release's Nova."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    # sqlalchemy-migrate and others warn by the hundred under old pins; the reports are what counts.
    kept["PYTHONWARNINGS"] = "ignore"
    if len(release.backends) > 1:
        kept["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "true" if backend == "threading" else "false"
    return kept


def differences(stock: SuiteRun, ours: SuiteRun) -> list[str]:
    """Returns a line for everything in which our run is not as good as the stock run."""
    found = []
    if not stock.outcomes:
        found.append("stock ran no test at all")
    for name, word in sorted(stock.outcomes.items()):
        if word not in ("passed", "skipped"):
            found.append(f"stock {name}: {word}")
        got = ours.outcomes.get(name, "did not run")
        if got != word:
            found.append(f"{name}: {word} with stock, {got} with MultiScheduler")
    for name in sorted(ours.outcomes.keys() - stock.outcomes.keys()):
        found.append(f"{name}: ran with MultiScheduler only")
    return found
