# SPDX-License-Identifier: Apache-2.0
"""``python3 -m tests.nova_releases``, from the root of the checkout."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from . import wheel
from .catalogue import RELEASES
from .environments import BuildFailed
from .progress import Progress
from .trial import MANAGER, Trial, try_release

DESCRIPTION = """\
Runs Nova's own scheduler manager tests, unchanged and from the installed nova package, with
Spillway's MultiScheduler in the place of the manager, and starts the stock nova-scheduler command
with `scheduler_driver = spillway` and without it, to see which manager each worker holds.
"""

EPILOG = """\
examples:
  python3 -m tests.nova_releases                          all releases
  python3 -m tests.nova_releases --release 34             Nova 34 alone, about two minutes
  python3 -m tests.nova_releases --release 29 --release 26 --output json

exit codes:
  0  every release asked for ran, and all of it passed
  1  something failed
  2  the command line is wrong
  3  nothing failed, but a release did not run for want of an interpreter
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.nova_releases",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--release",
        type=int,
        action="append",
        choices=sorted(RELEASES, reverse=True),
        help="major version of Nova; may be given more than once; default: all",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "nova-spillway"
        / "releases",
        help="folder that keeps the environments, logs and the wheel (default: %(default)s)",
    )
    parser.add_argument("--wheel", type=Path, help="a built wheel; default: build the checkout's")
    parser.add_argument("--python", help="interpreter to use instead of looking for one")
    parser.add_argument(
        "--manager",
        default=MANAGER,
        metavar="MODULE:CLASS",
        help="class that takes the place of SchedulerManager (default: %(default)s)",
    )
    parser.add_argument("--output", choices=("text", "json"), default="text")
    return parser.parse_args(arguments)


def table(trials: list[Trial]) -> str:
    """Lays the result out for a person: a line per check."""
    lines = [f"{'nova':8} {'python':8} {'backend':10} {'seconds':>7}  what"]
    for trial in trials:
        start = f"{trial.nova:8} {trial.python or '-':8}"
        for check in trial.checks:
            numbers = ", ".join(f"{name} {value}" for name, value in check.numbers.items())
            verdict = "ok" if not check.problems else "FAILED"
            lines.append(
                f"{start} {check.backend:10} {check.seconds:7.1f}  "
                f"{check.what}: {numbers or 'nothing seen'}: {verdict}"
            )
        reason = f": {trial.reason}" if trial.reason else ""
        lines.append(f"{start} {'all':10} {trial.seconds:7.1f}  {trial.verdict.upper()}{reason}")
    return "\n".join(lines)


def failures(trials: list[Trial]) -> str:
    """Everything that went wrong, with its traceback."""
    parts = []
    for trial in trials:
        for check in trial.checks:
            for problem in check.problems:
                parts.append(f"nova {trial.nova}, {check.backend}, {check.what}: {problem}")
            for name, text in check.tracebacks.items():
                if any(name in problem for problem in check.problems):
                    parts.append(f"--- {name}\n{text}")
    return "".join(f"{part}\n" for part in parts)


def main(arguments: list[str]) -> int:
    """Runs the releases one after the other and returns the exit code."""
    options = parse(arguments)
    progress = Progress()
    cache = options.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    try:
        built = options.wheel.resolve() if options.wheel else wheel.build(cache, progress)
    except BuildFailed as error:
        sys.stderr.write(f"the wheel could not be built: {error}\n")
        return 1
    trials = [
        try_release(
            RELEASES[number],
            built,
            cache,
            progress,
            python=options.python,
            manager=options.manager,
        )
        for number in options.release or sorted(RELEASES, reverse=True)
    ]
    if options.output == "json":
        sys.stdout.write(json.dumps([trial.as_json() for trial in trials], indent=1) + "\n")
    else:
        sys.stderr.write(failures(trials))
        sys.stdout.write(table(trials) + "\n")
    verdicts = {trial.verdict for trial in trials}
    if "failed" in verdicts:
        return 1
    return 3 if "not run" in verdicts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
