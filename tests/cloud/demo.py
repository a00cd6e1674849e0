# SPDX-License-Identifier: Apache-2.0
"""The main job, shown: private hosts fill, later servers burst, a deleted one ends its machine.

Every statement of the table is checked, and the exit code says whether all of them held.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cloud import lifecycle, progress, waiting
from tests.cloud.layout import Layout, cache_folder
from tests.cloud.packages import SetUpError

if TYPE_CHECKING:
    from tests.cloud.client import Cloud

EXIT_FAILED = 1
EXIT_NOT_SET_UP = 3
FIRST_PORT = 27100
"""Apart from the tests' cloud, so that a kept demo is not in their way."""
PRIVATE_VCPUS = 2
BURST_SERVERS = 3
TERMINATED_SECS = 60.0

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
    why: str
    ec2_instance: str | None
    seconds_to_active: float
    expected: str
    """``private`` or ``burst``."""


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
        description="Sets everything up, brings a small OpenStack up, fills its private hosts and"
        " shows later servers burst to an EC2 endpoint; then takes everything down.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--keep", action="store_true", help="leave the cloud running")
    parser.add_argument("--home", type=Path, help="the cloud's folder (demo, in the cache folder)")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    return parser


def _run(home: Path, *, keep: bool, output: str) -> int:
    from tests.cloud.client import Cloud

    layout = Layout.at(home, first_port=FIRST_PORT, private_vcpus=PRIVATE_VCPUS)
    rows: list[Row] = []
    failures: list[str] = []
    try:
        lifecycle.up(layout, fresh=True)
        cloud = Cloud(layout)
        # The sidecar's place is taken by one fresh snapshot: nothing is loaded, the gate is closed.
        cloud.open_gate("closed")
        rows = [_boot(cloud, number) for number in _numbers(layout)]
        failures = _check_rows(cloud, rows)
        failures += _delete_last(cloud, rows)
    except (waiting.DeadlineExceeded, AssertionError, LookupError, OSError) as error:
        failures.append(f"{type(error).__name__}: {error}")
    _show(layout, rows, failures, output)
    if keep:
        progress.say(f"kept; python3 -m tests.cloud down --home {home} takes it down")
    else:
        # Logs are needed when something went wrong.
        lifecycle.down(layout, wipe=not failures)
        progress.say("the cloud is down")
    return EXIT_FAILED if failures else 0


def _numbers(layout: Layout) -> range:
    return range(len(layout.private_hosts) * PRIVATE_VCPUS + BURST_SERVERS)


def _boot(cloud: Cloud, number: int) -> Row:
    private_room = len(cloud.layout.private_hosts) * PRIVATE_VCPUS
    expected = "private" if number < private_room else "burst"
    began = time.monotonic()
    server = cloud.place("m1.tiny", name=f"demo{number + 1}")
    seconds = time.monotonic() - began
    if server.status != "ACTIVE":
        fault = (server.fault or {}).get("message", "no fault")
        raise AssertionError(f"{server.name} is {server.status}: {fault}")
    machines = cloud.live_machines(server.id)
    row = Row(
        server=server.name,
        went_to=server.compute_host,
        why=_why(cloud, server.id),
        ec2_instance=machines[0]["InstanceId"] if machines else None,
        seconds_to_active=round(seconds, 1),
        expected=expected,
    )
    progress.say(f"{row.server} is ACTIVE on {row.went_to} {row.ec2_instance or ''}")
    return row


def _why(cloud: Cloud, server_id: str) -> str:
    """Return the reason that the journal gives, and what the attempts before came to."""
    from tests.cloud.journal import sentences

    decision = cloud.journal.decision(server_id)
    outcome = waiting.until(lambda: _outcome(cloud, decision), "the outcome is written", 10.0)
    detail = outcome["detail"].strip()
    return f"{sentences(decision)[0]}{f' ({detail})' if detail else ''}"


def _outcome(cloud: Cloud, decision: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return cloud.journal.outcome(decision)
    except LookupError:
        return None


def _check_rows(cloud: Cloud, rows: list[Row]) -> list[str]:
    """Return what is not as it should be."""
    failures = []
    for row in rows:
        is_burst = row.went_to == cloud.layout.burst_host
        if is_burst != (row.expected == "burst"):
            failures.append(f"{row.server} went to {row.went_to}, not to a {row.expected} host")
        if is_burst != (row.ec2_instance is not None):
            failures.append(f"{row.server} on {row.went_to} has EC2 instance {row.ec2_instance}")
    machines = len(cloud.live_machines())
    if machines != BURST_SERVERS:
        failures.append(f"{machines} EC2 instances live for {BURST_SERVERS} burst servers")
    return failures


def _delete_last(cloud: Cloud, rows: list[Row]) -> list[str]:
    """Delete the last burst server; return what is wrong with what became of its machine."""
    last = rows[-1]
    server = next(server for server in cloud.all_servers() if server.name == last.server)
    cloud.delete([server.id])

    def state() -> str:
        return ", ".join(
            f"{machine['InstanceId']} is {machine['State']['Name']}"
            for machine in cloud.machines(server.id)
        )

    try:
        waiting.until(lambda: not cloud.live_machines(server.id), state, TERMINATED_SECS)
    except waiting.DeadlineExceeded as error:
        return [f"{last.server} was deleted and its machine still lives: {error}"]
    progress.say(f"{last.server} was deleted; {state() or 'its machine is unknown to EC2'}")
    others = len(cloud.live_machines())
    if others != BURST_SERVERS - 1:
        return [f"{others} EC2 instances live after one of {BURST_SERVERS} was deleted"]
    return []


def _show(layout: Layout, rows: list[Row], failures: list[str], output: str) -> None:
    if output == "json":
        servers = [dataclasses.asdict(row) for row in rows]
        print(json.dumps({"servers": servers, "failures": failures}, indent=2))
        return
    heads = ("server", "went to", "EC2 instance", "seconds", "why")
    lines = [heads] + [
        (
            row.server,
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
