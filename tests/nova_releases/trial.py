# SPDX-License-Identifier: Apache-2.0
"""Everything that is asked of one Nova release, and what came of it."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from . import interpreters
from .catalogue import OUR_MANAGER, Backend, Release
from .environments import BuildFailed, Environment, prepare
from .manager_suite import SuiteDidNotRun, SuiteRun, differences, run_suite
from .progress import Progress
from .scheduler_start import Started, StartFailed, start_and_look

DRIVER_OPTION = "spillway"
MANAGER = ":".join(OUR_MANAGER.rsplit(".", 1))

# 2026-11-20 20:50:00.123 4711 INFO nova_spillway.scheduler.manager [...] Policy loaded ...
DRIVER_LINE = re.compile(r"^\S+ \S+ (\d+) INFO nova_spillway\.scheduler\.")

# What an unset option may have in memory: the factory that reads the option, and no more.
INERT_MODULES = frozenset(
    {
        "nova_spillway",
        "nova_spillway.conf",
        "nova_spillway.import_hook",
        "nova_spillway.scheduler",
        "nova_spillway.scheduler.loading",
    }
)

# Active, and no rule: every decision is made in full and none leaves the private hosts, which is
# the one policy under which stock Nova's tests must hold.
POLICY = """mode = "active"
deployment = "release-test"
[journal]
path = "{folder}/journal.jsonl"
[snapshot]
path = "{folder}/snapshot.json"
"""


@dataclass
class Check:
    """One thing that was looked at."""

    what: str
    backend: Backend
    numbers: dict[str, object]
    problems: list[str] = field(default_factory=list)
    tracebacks: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass
class Trial:
    """All that one release was put through."""

    release: int
    nova: str
    python: str | None = None
    verdict: Literal["passed", "failed", "not run"] = "not run"
    reason: str = ""
    """Why it is not a pass; empty for one."""
    seconds: float = 0.0
    checks: list[Check] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """The whole trial, for ``--output json``."""
        return asdict(self)


def try_release(
    release: Release,
    wheel: Path,
    cache: Path,
    progress: Progress,
    *,
    python: str | None,
    manager: str,
) -> Trial:
    """Puts one release through the tests and the starts, on every backend it has.

    :param python: the interpreter to use; None looks for one.
    :param manager: "module:Class" that takes the place of SchedulerManager in the tests.
    """
    started = time.monotonic()
    trial = Trial(release.number, release.nova)
    topic = f"nova {release.nova}"
    interpreter = _interpreter(release, python)
    if interpreter is None:
        wanted = python or ", ".join(f"python{series}" for series in release.pythons)
        trial.reason = f"no usable interpreter: looked for {wanted}"
        progress.say(topic, f"NOT RUN, {trial.reason}")
        return trial
    trial.python = interpreter.version
    try:
        environment = prepare(release, interpreter, wheel, cache, progress)
        for backend in release.backends:
            _try_backend(trial, release, environment, backend, progress, manager)
    except BuildFailed as error:
        trial.reason = f"could not be built: {error}"
    trial.seconds = round(time.monotonic() - started, 1)
    problems = [problem for check in trial.checks for problem in check.problems]
    if problems and not trial.reason:
        trial.reason = f"{len(problems)} problem(s), the first: {problems[0].splitlines()[0]}"
    trial.verdict = "failed" if trial.reason else "passed"
    progress.say(topic, f"{trial.verdict} in {trial.seconds} s {trial.reason}".rstrip())
    return trial


def _interpreter(release: Release, python: str | None) -> interpreters.Interpreter | None:
    if python is not None:
        found = interpreters.inspect(python)
        return found if found and found.series in release.pythons else None
    for series in release.pythons:
        found = interpreters.find(series)
        if found is not None:
            return found
    return None


def _try_backend(
    trial: Trial,
    release: Release,
    environment: Environment,
    backend: Backend,
    progress: Progress,
    manager: str,
) -> None:
    work = environment.root / "work" / backend
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    policy = work / "spillway.toml"
    policy.write_text(POLICY.format(folder=work))

    def check(what: str, look: object, *arguments: object) -> None:
        begun = time.monotonic()
        done = Check(what, backend, {})
        try:
            look(done, *arguments)  # type: ignore[operator]
        except (SuiteDidNotRun, StartFailed, BuildFailed) as error:
            done.problems.append(str(error))
        done.seconds = round(time.monotonic() - begun, 1)
        trial.checks.append(done)
        numbers = ", ".join(f"{name} {value}" for name, value in done.numbers.items())
        verdict = "FAILED" if done.problems else "ok"
        progress.say(f"nova {release.nova}", f"{what}, {backend}: {numbers or '-'}: {verdict}")

    def stock_suite(done: Check) -> None:
        stock.outcomes.update(run_suite(release, environment, backend, work, None).outcomes)
        done.numbers = {"stock": stock.count("passed")}

    def suite(done: Check, policy_file: Path | None, has_traits: bool) -> None:
        ours = run_suite(
            release,
            environment,
            backend,
            work,
            manager,
            policy_file,
            placement_has_traits=has_traits,
        )
        done.numbers = {"stock": stock.count("passed"), "ours": ours.count("passed")}
        done.problems = differences(stock, ours)
        done.tracebacks = ours.tracebacks
        if has_traits:
            done.numbers["trait calls"] = ours.trait_calls
            if not ours.trait_calls:
                done.problems.append("Placement was never asked for the trait: not our way at all")

    def start(done: Check, driver: str | None) -> None:
        folder = work / ("with-driver" if driver else "unset")
        folder.mkdir()
        speaks = driver is not None and release.driver_speaks
        seen = start_and_look(
            release, environment, backend, folder, driver, DRIVER_LINE, speaks, policy
        )
        expected = release.our_classes if driver else release.stock_classes
        right = [pid for pid in seen.workers if set(seen.classes[pid]) == expected]
        done.numbers = {"workers": len(seen.workers), "with the right manager": len(right)}
        done.problems = _wrong(
            seen, expected, backend, with_driver=driver is not None, must_speak=speaks
        )

    stock = SuiteRun({})
    check("manager tests, stock", stock_suite)
    check("manager tests, no policy, no Placement", suite, None, False)
    check("manager tests, no policy", suite, None, True)
    check("manager tests, a policy", suite, policy, True)
    check(f"nova-scheduler with scheduler_driver = {DRIVER_OPTION}", start, DRIVER_OPTION)
    check("nova-scheduler with scheduler_driver unset", start, None)


def _wrong(
    seen: Started,
    expected: frozenset[str],
    backend: Backend,
    *,
    with_driver: bool,
    must_speak: bool,
) -> list[str]:
    """Returns a line for everything about the workers that is not as it should be."""
    found = []
    for pid in seen.workers:
        who = f"worker {pid} (log {seen.log})"
        if set(seen.classes[pid]) != expected:
            found.append(f"{who} holds {seen.classes[pid]}, not {sorted(expected)}")
        if seen.backends[pid] != backend:
            found.append(f"{who} runs on {seen.backends[pid]}, not on {backend}")
        if must_speak and pid not in seen.driver_lines:
            found.append(f"{who} does not say that the driver is loaded")
        if not with_driver:
            extra = sorted(set(seen.modules[pid]) - INERT_MODULES)
            if extra:
                found.append(f"{who} has imported {', '.join(extra)} although nothing asks for it")
    if not with_driver and seen.driver_lines:
        found.append(f"the driver speaks although nothing asks for it: {seen.driver_lines}")
    return found
