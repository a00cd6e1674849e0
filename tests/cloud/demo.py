# SPDX-License-Identifier: Apache-2.0
"""The main job, shown: load opens the gate, servers burst, the load goes away, the gate closes.

Every statement of the table is checked, and the exit code says whether all of them held.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cloud import lifecycle, progress, waiting
from tests.cloud.layout import Layout, cache_folder
from tests.cloud.packages import SetUpError

if TYPE_CHECKING:
    from tests.cloud.client import Cloud
    from tests.cloud.sidecar import Sidecar

EXIT_FAILED = 1
EXIT_NOT_SET_UP = 3
FIRST_PORT = 27100
"""Apart from the tests' cloud, so that a kept demo is not in their way."""
PRIVATE_VCPUS = 2
TERMINATED_SECS = 60.0
SIGNAL = "vcpus taken"

EPILOG = """\
examples:
  tests/demo
  tests/demo --keep
  tests/demo --output json > demo.json

exit codes: 0 everything was as the table says, 1 something was not, 2 wrong arguments,
3 something could not be installed or built
"""


@dataclasses.dataclass
class Row:
    """One server of the table."""

    server: str
    went_to: str
    gate: str
    """State of the gate when the server was asked for."""
    why: str
    """The reason that decided, as ``spillway explain`` gives it."""
    would_differ: str
    """The smallest change that would have sent it elsewhere, verified by deciding again."""
    ec2_instance: str | None
    seconds_to_active: float
    expected: str
    """``private`` or ``burst``."""
    server_id: str


def main() -> int:
    """Run the demonstration; return its exit code."""
    arguments = _parser().parse_args()
    progress.started()
    home = arguments.home or cache_folder() / "demo"
    try:
        lifecycle.install_and_continue("tests.cloud.demo", sys.argv[1:])
        return _run(home, keep=arguments.keep, output=arguments.output)
    except SetUpError as error:
        print(error, file=sys.stderr)
        return EXIT_NOT_SET_UP


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tests/demo",
        description="Sets everything up, brings a small OpenStack up with the sidecar beside it,"
        " loads its private hosts until the gate opens, and shows servers burst to an EC2 endpoint"
        " and stay private again when the load is gone; then takes everything down.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--keep", action="store_true", help="leave the cloud running")
    parser.add_argument("--home", type=Path, help="the cloud's folder (demo, in the cache folder)")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    return parser


def _run(home: Path, *, keep: bool, output: str) -> int:
    from tests.cloud.client import Cloud
    from tests.cloud.sidecar import Sidecar

    layout = Layout.at(home, first_port=FIRST_PORT, private_vcpus=PRIVATE_VCPUS)
    rows: list[Row] = []
    failures: list[str] = []
    try:
        lifecycle.up(layout, fresh=True)
        cloud = Cloud(layout)
        sidecar = Sidecar(cloud)
        sidecar.start(_tables(layout))
        progress.say(f"the status page is at {layout.url('sidecar', '/')}")
        sidecar.wait_for_signal(SIGNAL)
        story = Story(cloud, sidecar, rows)
        story.tell()
        failures = _check_rows(cloud, rows) + _delete_a_burst_server(cloud, rows)
    except (waiting.DeadlineExceeded, AssertionError, LookupError, OSError) as error:
        failures.append(f"{type(error).__name__}: {error}")
    _show(layout, rows, failures, output)
    if keep:
        progress.say(f"kept; python3 -m tests.cloud down --home {home} takes it down")
        progress.say(f"the status page is at {layout.url('sidecar', '/')}")
    else:
        # Logs are needed when something went wrong.
        lifecycle.down(layout, wipe=not failures)
        progress.say("the cloud is down")
    return EXIT_FAILED if failures else 0


def _tables(layout: Layout) -> dict[str, Any]:
    """Return what the sidecar reads: Placement decides, the others are there to be seen."""
    from tests.cloud.layout import ADDRESS

    return {
        "sources": {
            "placement": {"interval_secs": 0.5},
            "scrape": [
                {
                    "name": "nodes",
                    "targets": [layout.url("node-exporter", "/metrics")],
                    "interval_secs": 1,
                }
            ],
            "notifications": {
                "broker": f"amqp://{ADDRESS}:{layout.port('rabbitmq')}/%2F",
                "credentials_file": str(layout.broker_credentials),
            },
        },
        "signals": [
            {
                "name": SIGNAL,
                "open_at": 0.5,
                "close_at": 0.3,
                "stale_after_secs": 10,
                "placement": {"resource_class": "VCPU"},
            },
            {
                "name": "servers arriving",
                "open_at": 600,
                "close_at": 300,
                "stale_after_secs": 10,
                "notifications": {"measure": "arrivals_per_minute", "window_secs": 60},
            },
            {
                "name": "exporter's own memory",
                "open_at": 1e9,
                "close_at": 5e8,
                "stale_after_secs": 10,
                "scrape": {"source": "nodes", "series": "process_resident_memory_bytes"},
            },
        ],
    }


class Story:
    """What happens, step by step. Four virtual CPUs are private, and the gate opens at two."""

    def __init__(self, cloud: Cloud, sidecar: Sidecar, rows: list[Row]) -> None:
        self._cloud = cloud
        self._sidecar = sidecar
        self._rows = rows

    def tell(self) -> None:
        """Let it happen."""
        first, second = self._boot("private"), self._boot("private")
        self._gate("open", "half of the private hosts is taken")
        self._boot("burst")
        self._boot("burst")
        self._command("gate", "closed", "--for", "10m")
        third = self._boot("private")
        self._boot("private")
        self._boot("burst")
        self._command("gate", "auto")
        self._gate("open", "the signals have their word again")
        self._cloud.delete([row.server_id for row in (first, second, third)])
        self._gate("closed", "three private servers were deleted")
        self._boot("private")

    def _gate(self, state: str, why: str) -> None:
        self._sidecar.wait_for_gate(state)
        gate = self._sidecar.gate()
        progress.say(f"the gate is {state}: {why} ({gate['why']})")

    def _command(self, *words: str) -> None:
        self._spillway(*words)
        progress.say(f"$ spillway {' '.join(words)}")

    def _boot(self, expected: str) -> Row:
        gate = self._sidecar.gate()["effective"]
        began = time.monotonic()
        server = self._cloud.place("m1.tiny", name=f"demo{len(self._rows) + 1}")
        seconds = time.monotonic() - began
        if server.status != "ACTIVE":
            fault = (server.fault or {}).get("message", "no fault")
            raise AssertionError(f"{server.name} is {server.status}: {fault}")
        machines = self._cloud.live_machines(server.id)
        explanation = waiting.until(
            lambda: self._explained(server.id), f"{server.name} is explained", 10.0
        )
        counterfactuals = explanation["counterfactuals"]
        row = Row(
            server=server.name,
            went_to=server.compute_host,
            gate=gate,
            why=_why(explanation),
            would_differ=counterfactuals[0]["change"] if counterfactuals else "nothing",
            ec2_instance=machines[0]["InstanceId"] if machines else None,
            seconds_to_active=round(seconds, 1),
            expected=expected,
            server_id=server.id,
        )
        _check_explanation(self._cloud, row, explanation)
        self._rows.append(row)
        progress.say(f"{row.server} is ACTIVE on {row.went_to} {row.ec2_instance or ''}")
        return row

    def _explained(self, server_id: str) -> dict[str, Any] | None:
        """Return the explanation once the outcome is part of it."""
        explanation: dict[str, Any] = json.loads(
            self._spillway("explain", server_id, "--output", "json")
        )
        return explanation if explanation["decision"]["outcome"] else None

    def _spillway(self, *words: str) -> str:
        """Run the command as an operator does; return what it prints."""
        from tests.cloud.packages import program_file

        url = self._cloud.layout.url("sidecar")
        command = [str(program_file()), *words, "--url", url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}: {done.stderr}")
        return done.stdout


def _why(explanation: dict[str, Any]) -> str:
    decision = explanation["decision"]
    detail = decision["outcome"]["detail"].strip()
    return f"{decision['reasons'][0]['sentence']}{f' ({detail})' if detail else ''}"


def _check_explanation(cloud: Cloud, row: Row, explanation: dict[str, Any]) -> None:
    """Hold an explanation against what happened, and its counterfactuals against the wheel.

    :raises AssertionError: it says something else.
    """
    from tests.cloud import explanations

    outcome = explanation["decision"]["outcome"]
    if outcome["hosts"] != {row.server_id: row.went_to}:
        raise AssertionError(f"explain says {outcome['hosts']}, {row.server} is on {row.went_to}")
    explanations.check(cloud, cloud.journal.decision(row.server_id), explanation)


def _check_rows(cloud: Cloud, rows: list[Row]) -> list[str]:
    """Return what is not as it should be."""
    failures = []
    for row in rows:
        is_burst = row.went_to == cloud.layout.burst_host
        if is_burst != (row.expected == "burst"):
            failures.append(f"{row.server} went to {row.went_to}, not to a {row.expected} host")
        if is_burst != (row.ec2_instance is not None):
            failures.append(f"{row.server} on {row.went_to} has EC2 instance {row.ec2_instance}")
        if row.would_differ == "nothing":
            failures.append(f"explain knows nothing that would have sent {row.server} elsewhere")
    machines = len(cloud.live_machines())
    n_burst = sum(row.expected == "burst" for row in rows)
    if machines != n_burst:
        failures.append(f"{machines} EC2 instances live for {n_burst} burst servers")
    return failures


def _delete_a_burst_server(cloud: Cloud, rows: list[Row]) -> list[str]:
    """Delete the last burst server; return what is wrong with what became of its machine."""
    last = [row for row in rows if row.expected == "burst"][-1]
    before = len(cloud.live_machines())
    cloud.delete([last.server_id])

    def state() -> str:
        return ", ".join(
            f"{machine['InstanceId']} is {machine['State']['Name']}"
            for machine in cloud.machines(last.server_id)
        )

    try:
        waiting.until(lambda: not cloud.live_machines(last.server_id), state, TERMINATED_SECS)
    except waiting.DeadlineExceeded as error:
        return [f"{last.server} was deleted and its machine still lives: {error}"]
    progress.say(f"{last.server} was deleted; {state() or 'its machine is unknown to EC2'}")
    others = len(cloud.live_machines())
    if others != before - 1:
        return [f"{others} EC2 instances live after one of {before} was deleted"]
    return []


def _show(layout: Layout, rows: list[Row], failures: list[str], output: str) -> None:
    if output == "json":
        servers = [dataclasses.asdict(row) for row in rows]
        print(json.dumps({"servers": servers, "failures": failures}, indent=2))
        return
    heads = ("server", "gate", "went to", "EC2 instance", "seconds", "why")
    lines = [heads] + [
        (
            row.server,
            row.gate,
            f"{row.went_to} ({'burst' if row.went_to == layout.burst_host else 'private'} host)",
            row.ec2_instance or "-",
            f"{row.seconds_to_active:.1f}",
            row.why,
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        print("  ".join([*cells, line[-1]]))
    for failure in failures:
        print(f"NOT AS IT SHOULD BE: {failure}")
    if failures:
        print(f"The logs are in {layout.log}.")
    else:
        n_private = sum(row.expected == "private" for row in rows)
        print(
            f"{n_private} servers went private, {len(rows) - n_private} burst, one was deleted"
            " and its EC2 instance is terminated: as it should be."
        )


if __name__ == "__main__":
    sys.exit(main())
