# SPDX-License-Identifier: Apache-2.0
"""Starts the stock ``nova-scheduler`` command and sees which manager each of its workers holds."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .catalogue import Backend, Release
from .environments import Environment, digest_of, run
from .manager_suite import INSIDE, environ
from .placement_stub import PlacementStub

WORKERS = 2
START_DEADLINE_SECS = 120
STOP_DEADLINE_SECS = 60
POLL_SECS = 0.1

# 2026-11-20 20:50:00.123 4711 INFO nova.service [...] Starting scheduler node (version 34.0.0)
_NODE_STARTED = re.compile(r"^\S+ \S+ (\d+) INFO nova\.service .*Starting scheduler node")


class StartFailed(Exception):
    """nova-scheduler did not come up, or did not end; the text has the last lines of its log."""


@dataclass(frozen=True)
class Started:
    """What was seen of one start."""

    workers: list[int]
    """Process ids of the children of the command."""
    classes: dict[int, list[str]]
    """Scheduler classes that each worker holds an object of."""
    modules: dict[int, list[str]]
    """Modules of ours that each worker has in memory."""
    backends: dict[int, str]
    """Concurrency backend of each worker."""
    driver_lines: dict[int, str]
    """The line in which a worker says that Spillway's driver is loaded."""
    log: Path


def start_and_look(
    release: Release,
    environment: Environment,
    backend: Backend,
    folder: Path,
    driver: str | None,
    driver_line: re.Pattern[str],
    wait_for_line: bool,
    policy_file: Path,
) -> Started:
    """Starts nova-scheduler, waits until every worker runs, looks, and ends it.

    :param folder: fresh; configuration, databases and log stay in it for whoever has to look.
    :param driver: value of ``[DEFAULT] scheduler_driver``; None leaves the option out.
    :param driver_line: what a worker logs once the driver is loaded; group 1 is its process id.
    :param wait_for_line: a worker without that line is not ready.
    :raises StartFailed: the command or a worker did not come up, or did not end in time.
    """
    probes = folder / "workers"
    probes.mkdir()
    log = folder / "nova-scheduler.log"
    databases = _databases(release, environment, backend)
    for name in ("api", "cell0"):
        shutil.copy(databases / f"{name}.sqlite", folder)
    with PlacementStub() as placement:
        conf = folder / "nova.conf"
        conf.write_text(_nova_conf(folder, log, placement.url, driver, policy_file))
        variables = environ(release, backend)
        variables["PYTHONPATH"] = str(INSIDE)
        variables["WORKER_PROBE_FOLDER"] = str(probes)
        with _process(environment, conf, folder, variables) as command:

            def ready() -> bool:
                if command.poll() is not None:
                    raise StartFailed(f"ended with {command.returncode}\n{_tail(folder)}")
                children = _children(command.pid)
                return (
                    len(children) == WORKERS
                    and children <= _first_groups(_NODE_STARTED, log).keys()
                    and all((probes / f"{pid}.json").exists() for pid in children)
                    and (not wait_for_line or children <= _first_groups(driver_line, log).keys())
                )

            _wait(ready, START_DEADLINE_SECS, lambda: f"workers not ready\n{_tail(folder)}")
            workers = sorted(_children(command.pid))
    # Read after the end: what the workers log later must not escape the comparison.
    said = {pid: json.loads((probes / f"{pid}.json").read_text()) for pid in workers}
    return Started(
        workers,
        {pid: each["classes"] for pid, each in said.items()},
        {pid: each["modules"] for pid, each in said.items()},
        {pid: each["backend"] for pid, each in said.items()},
        _first_groups(driver_line, log),
        log,
    )


def _nova_conf(
    folder: Path, log: Path, placement: str, driver: str | None, policy_file: Path
) -> str:
    asked = "" if driver is None else f"scheduler_driver = {driver}\n"
    return f"""[DEFAULT]
{asked}host = release-test
my_ip = 127.0.0.1
log_file = {log}
state_path = {folder}
transport_url = fake:/
graceful_shutdown_timeout = 5
[api_database]
connection = sqlite:///{folder}/api.sqlite
[database]
connection = sqlite:///{folder}/cell0.sqlite
[oslo_concurrency]
lock_path = {folder}
[placement]
auth_type = none
endpoint_override = {placement}
[scheduler]
workers = {WORKERS}
[filter_scheduler]
available_filters = nova.scheduler.filters.all_filters
available_filters = worker_probe.NeverEnabled
[spillway]
policy_file = {policy_file}
"""


def _databases(release: Release, environment: Environment, backend: Backend) -> Path:
    """Makes the release's three empty databases once per environment, with its own nova-manage."""
    template = environment.root / "databases"
    stamp = template / "made-for"
    wanted = digest_of(release.constraints)
    if stamp.exists() and stamp.read_text() == wanted:
        return template
    shutil.rmtree(template, ignore_errors=True)
    template.mkdir()
    conf = template / "nova.conf"
    log = template / "nova-manage.log"
    conf.write_text(_nova_conf(template, log, "http://127.0.0.1:9", None, template / "none.toml"))
    manage = [environment.command("nova-manage"), "--config-file", str(conf)]
    cell0 = ["--database_connection", f"sqlite:///{template}/cell0.sqlite"]
    cell1 = ["--database_connection", f"sqlite:///{template}/cell1.sqlite"]
    for step in (
        ["api_db", "sync"],
        ["cell_v2", "map_cell0", *cell0],
        # Syncs cell0 too, which it finds by the mapping.
        ["db", "sync"],
        ["cell_v2", "create_cell", "--name", "cell1", "--transport-url", "fake:/", *cell1],
    ):
        run([*manage, *step], log, env=environ(release, backend))
    shutil.copy(template / "cell0.sqlite", template / "cell1.sqlite")
    stamp.write_text(wanted)
    return template


@contextlib.contextmanager
def _process(
    environment: Environment, conf: Path, folder: Path, variables: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs the command for the length of a ``with`` block, then ends it and each of its workers."""
    with (folder / "output").open("wb") as output:
        command = subprocess.Popen(
            [environment.command("nova-scheduler"), "--config-file", str(conf)],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield command
    finally:
        children = _children(command.pid)
        command.terminate()
        try:
            command.wait(STOP_DEADLINE_SECS)
        except subprocess.TimeoutExpired:
            command.kill()
            command.wait()
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            raise StartFailed(f"did not end on SIGTERM\n{_tail(folder)}") from None


def _children(pid: int) -> set[int]:
    """Process ids of the direct children; empty when the process is gone."""
    children: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            children.update(int(each) for each in task.read_text().split())
    return children


def _first_groups(pattern: re.Pattern[str], log: Path) -> dict[int, str]:
    """Process id (group 1) to the first log line of it that matches."""
    found: dict[int, str] = {}
    if log.exists():
        for line in log.read_text(errors="replace").splitlines():
            match = pattern.match(line)
            if match:
                found.setdefault(int(match.group(1)), line)
    return found


def _wait(is_so: Callable[[], bool], deadline_secs: float, what: Callable[[], str]) -> None:
    """Polls a condition; the pause only keeps the processor free, the deadline decides."""
    end = time.monotonic() + deadline_secs
    while not is_so():
        if time.monotonic() > end:
            raise StartFailed(f"after {deadline_secs} s: {what()}")
        time.sleep(POLL_SECS)


def _tail(folder: Path) -> str:
    lines = []
    for name in ("output", "nova-scheduler.log"):
        if (folder / name).exists():
            lines += (folder / name).read_text(errors="replace").splitlines()[-20:]
    return "\n".join(lines)
