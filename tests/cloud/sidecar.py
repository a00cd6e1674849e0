# SPDX-License-Identifier: Apache-2.0
"""The sidecar as a daemon of the cloud: its policy, its process, and what it says of itself."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cloud import waiting
from tests.cloud.client import Cloud
from tests.cloud.infrastructure import READY_SECS
from tests.cloud.layout import ADDRESS, Layout
from tests.cloud.packages import program_file
from tests.cloud.processes import Daemon
from tests.cloud.services import FORBIDDEN_VARIABLES

NAME = "sidecar"
INTERVAL_SECS = 0.5
GATE = {"open_after_secs": 2, "close_after_secs": 3}
"""Short dwell times, so that a test sees a gate move."""

GATE_SECS = 60.0
"""How long a gate may take to follow the load. Its dwell, and a busy machine."""


class Sidecar:
    """The sidecar of a cloud. Tests that write the snapshot themselves go without it."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._layout = cloud.layout

    # The process.

    def start(self, tables: Mapping[str, Any]) -> None:
        """Add tables to the cloud's policy, start the sidecar and return when it is ready.

        :param tables: ``sources``, ``signals`` and what else differs from the cloud's own policy.
        """
        # What a test wrote in its stead says nothing any more.
        self._cloud.remove_snapshot()
        self._cloud.use_policy(lambda policy: policy.update(with_sidecar(self._layout, tables)))
        self.start_again()

    def start_again(self) -> None:
        """Start the sidecar with the policy as it is and return when it is ready."""
        self._cloud.supervisor.start(daemon(self._layout))
        url = self._layout.url("sidecar", "/readyz")
        waiting.until(lambda: waiting.http_answers(url), self._not_ready, READY_SECS)

    def restart(self) -> None:
        """End the sidecar as its service manager does, and start it again: an upgrade."""
        self.stop()
        self.start_again()

    def stop(self) -> None:
        """End it as its service manager does."""
        killed = self._cloud.supervisor.stop([NAME])
        if killed:
            raise AssertionError("the sidecar did not end at SIGTERM")

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._cloud.supervisor.kill(NAME)

    def hang(self) -> None:
        """Stop it where it is: it lives, holds its ports and does nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def end(self) -> None:
        """End it, whatever became of it, and take away what it wrote."""
        record = self._cloud.supervisor.alive(NAME)
        if record:
            # A stopped process gets no SIGTERM.
            os.kill(record.pid, signal.SIGCONT)
        self._cloud.supervisor.stop([NAME])
        self._layout.sidecar_state_file.unlink(missing_ok=True)
        self._cloud.remove_snapshot()

    @property
    def pid(self) -> int:
        """Its process id.

        :raises LookupError: it does not run.
        """
        record = self._cloud.supervisor.alive(NAME)
        if record is None:
            raise LookupError("the sidecar does not run")
        return record.pid

    def resident_kib(self) -> int:
        """Return how much memory it has in use now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        if found is None:
            raise LookupError("the kernel does not say how much memory the sidecar has")
        return int(found.group(1))

    def log(self) -> list[str]:
        """Return what it has logged so far."""
        return self._cloud.supervisor.log_file(NAME).read_text().splitlines()

    # What it says.

    def get(self, path: str) -> Any:
        """Return the answer of its API to a path below ``/api/v1``."""
        return json.loads(self.page(f"/api/v1{path}"))

    def post(self, path: str, order: Mapping[str, Any]) -> Any:
        """Give its API an order, as an operator does; return the answer."""
        request = urllib.request.Request(
            self._layout.url("sidecar", f"/api/v1{path}"),
            data=json.dumps(order).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def page(self, path: str = "/") -> str:
        """Return a page as it is."""
        with urllib.request.urlopen(self._layout.url("sidecar", path), timeout=10) as answer:
            return str(answer.read().decode())

    def metric(self, series: str) -> float | None:
        """Return the value of a series of its metrics, written as it stands there."""
        for line in self.page("/metrics").splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        return None

    def status(self) -> dict[str, Any]:
        """Return everything that it shows of itself."""
        status: dict[str, Any] = self.get("/status")
        return status

    def gate(self, scope: str = "cloud") -> dict[str, Any]:
        """Return a gate."""
        return _one(self.status()["gates"], scope=scope)

    def signal(self, name: str) -> dict[str, Any]:
        """Return a signal."""
        return _one(self.status()["signals"], name=name)

    def source(self, name: str) -> dict[str, Any]:
        """Return a source."""
        return _one(self.status()["sources"], name=name)

    def wait_for_gate(self, state: str, deadline_secs: float = GATE_SECS) -> None:
        """Return when the cloud's gate is open or closed."""
        waiting.until(
            lambda: self.gate()["effective"] == state,
            lambda: f"the gate is {state}: {self.gate()}, by {self.status()['signals']}",
            deadline_secs,
            0.2,
        )

    def wait_for_signal(self, name: str) -> None:
        """Return when a signal has been measured."""
        waiting.until(
            lambda: self.signal(name)["reading"] == "fresh",
            lambda: f"{name} is measured: {self.signal(name)}",
            GATE_SECS,
            0.2,
        )

    def _not_ready(self) -> str:
        return "the sidecar is ready; it says: " + "\n".join(self.log()[-5:])


def daemon(layout: Layout) -> Daemon:
    """Describe the sidecar. It follows changes of the policy file by itself."""
    program = program_file()
    command = [str(program), "run", "--config", str(layout.policy_file)]
    return Daemon(NAME, command, {"SPILLWAY_LOG": "info"}, [program], FORBIDDEN_VARIABLES)


def with_sidecar(layout: Layout, tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of a policy with which the sidecar works on this cloud."""
    return {
        "gate": GATE,
        "sidecar": {
            "listen": f"{ADDRESS}:{layout.port('sidecar')}",
            "interval_secs": INTERVAL_SECS,
            "state_path": str(layout.sidecar_state_file),
        },
        "openstack": {"clouds_file": str(layout.clouds_yaml), "cloud": "admin"},
        **tables,
    }


def check_metrics(page: str) -> str:
    """Return what ``promtool check metrics`` has against a page; nothing when it is clean."""
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def _one(entries: list[dict[str, Any]], **wanted: str) -> dict[str, Any]:
    (key, value), *_ = wanted.items()
    for entry in entries:
        if entry[key] == value:
            return entry
    raise LookupError(f"the sidecar shows nothing with {key} {value!r}: {entries}")
