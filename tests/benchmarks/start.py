# SPDX-License-Identifier: Apache-2.0
"""How long the command takes to start, beside a program that does nothing. Prints ratios.

    python -m tests.benchmarks start --program target/release/spillway
    python -m tests.benchmarks start --program target/release/spillway --rounds 500 --output json

`/bin/true`, `spillway --version` and `spillway status --help` take turns; figures are wall-clock
times from fork to exit, medians. Exit codes: 0 every goal is met, 1 one is missed, 2 wrong
arguments.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
from pathlib import Path

from tests.benchmarks.goals import Goals

GOAL_MS = 30.0
"""What a start may take at most, milliseconds."""


def took_ms(command: list[str]) -> float:
    """Return how long the command ran, milliseconds."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={})
    return (time.perf_counter() - begun) * 1_000.0


def main(arguments: list[str]) -> int:
    """Measure, print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--program", type=Path, required=True, help="the built command")
    parser.add_argument("--rounds", type=int, default=200, help="runs of each")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    options = parser.parse_args(arguments)
    program = str(options.program.resolve())
    commands = {
        "true": ["/bin/true"],
        "--version": [program, "--version"],
        "status --help": [program, "status", "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            times[name].append(took_ms(command))
    median = {name: statistics.median(taken) for name, taken in times.items()}
    goals = Goals()
    nothing = median.pop("true")
    for name, taken in median.items():
        goals.add(f"spillway {name} / /bin/true", taken / nothing, None, ms=taken, true_ms=nothing)
        goals.add(f"spillway {name} / {GOAL_MS:g} ms", taken / GOAL_MS, 1.0, ms=taken)
    return goals.show(options.output)
