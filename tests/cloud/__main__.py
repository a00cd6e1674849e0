# SPDX-License-Identifier: Apache-2.0
"""Command line of the test cloud."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.cloud import lifecycle, progress
from tests.cloud.layout import Layout
from tests.cloud.packages import SetUpError
from tests.cloud.waiting import DeadlineExceeded

EXIT_FAILED = 1
EXIT_NOT_SET_UP = 3

EPILOG = """\
examples:
  python3 -m tests.cloud up
  python3 -m tests.cloud up --home /tmp/other --first-port 28000 --private-vcpus 4
  export OS_CLIENT_CONFIG_FILE=~/.cache/spillway/cloud/etc/clouds.yaml OS_CLOUD=demo
  python3 -m tests.cloud status --output json
  python3 -m tests.cloud down --wipe

exit codes: 0 done (status: everything runs), 1 failed (status: something does not run),
2 wrong arguments, 3 something could not be installed or built
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python3 -m tests.cloud",
        description="A small but whole OpenStack on the loopback address, with a Spillway burst"
        " host in front of an EC2 endpoint.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start what does not run; safe to repeat")
    up.add_argument("--fresh", action="store_true", help="throw an earlier cloud away first")
    up.add_argument("--first-port", type=int, help="first of 34 TCP ports (27000)")
    up.add_argument("--private-hosts", type=int, help="number of private hosts (2)")
    up.add_argument("--private-vcpus", type=int, help="vCPUs of each private host (10)")
    up.add_argument("--scheduler-workers", type=int, help="workers of nova-scheduler (4)")
    down = commands.add_parser("down", help="end every daemon; safe to repeat")
    down.add_argument("--wipe", action="store_true", help="delete databases and logs too")
    status = commands.add_parser("status", help="show what runs")
    status.add_argument("--output", choices=("text", "json"), default="text")
    for command in (up, down, status):
        command.add_argument(
            "--home", type=Path, help="the cloud's folder (cloud, in the cache folder)"
        )
    return top


def main() -> int:
    """Run one command; return its exit code."""
    arguments = parser().parse_args()
    progress.started()
    try:
        if arguments.command == "up":
            return _up(arguments)
        layout = Layout.at(arguments.home)
        if arguments.command == "down":
            lifecycle.down(layout, wipe=arguments.wipe)
            progress.say("the cloud is down")
            return 0
        return _show_status(layout, arguments.output)
    except SetUpError as error:
        print(error, file=sys.stderr)
        return EXIT_NOT_SET_UP
    except (DeadlineExceeded, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED


def _up(arguments: argparse.Namespace) -> int:
    layout = Layout.at(
        arguments.home,
        first_port=arguments.first_port,
        private_hosts=arguments.private_hosts,
        private_vcpus=arguments.private_vcpus,
        scheduler_workers=arguments.scheduler_workers,
    )
    lifecycle.install_and_continue("tests.cloud", sys.argv[1:])
    lifecycle.up(layout, fresh=arguments.fresh)
    print(f"export OS_CLIENT_CONFIG_FILE={layout.clouds_yaml} OS_CLOUD=demo")
    return 0


def _show_status(layout: Layout, output: str) -> int:
    state = lifecycle.status(layout)
    everything = bool(state["daemons"]) and all(
        daemon["runs"] for daemon in state["daemons"].values()
    )
    if output == "json":
        print(json.dumps({**state, "up": everything}, indent=2))
    else:
        print(f"cloud in {state['home']}: {'up' if everything else 'not up'}")
        for name, daemon in state["daemons"].items():
            print(f"  {name:24} {'pid ' + str(daemon['pid']) if daemon['runs'] else 'gone'}")
    return 0 if everything else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
