# SPDX-License-Identifier: Apache-2.0
"""Compare our scrapes with bare socket reads and with a Prometheus server, and print ratios.

    python -m tests.benchmarks scrapes
    python -m tests.benchmarks scrapes --targets 1000,10000 --output json

Needs cargo and a `prometheus` in the path. One process serves a 100 kB page at every target, and
the clients take turns at it; figures are CPU time of the client's whole process. The exit code is 1
when a goal is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.goals import Goals

JUDGED = 1000
"""The number of targets whose figures are judged; others are shown."""

ADDRESSES = 1000
"""As in the Rust program: more targets than this share addresses."""

PROMETHEUS = """
global:
  scrape_interval: {interval}s
  scrape_timeout: {interval}s
scrape_configs:
  - job_name: nodes
    metrics_path: /metrics
    static_configs:
      - targets: [{targets}]
"""


def build() -> str:
    """Build the Rust program; return its path."""
    command = ["cargo", "bench", "-p", "spillway-runtime", "--features", "engine"]
    command += ["--bench", "scrape", "--no-run", "--message-format", "json"]
    built = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    artifacts = (json.loads(line) for line in built.stdout.splitlines())
    programs = [str(one["executable"]) for one in artifacts if one.get("executable")]
    return programs[-1]


@contextlib.contextmanager
def serving(program: str, n_targets: int) -> Iterator[int]:
    """Serve the page; yield the port."""
    command = [program, "serve", str(n_targets)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        yield int(run.stdout.readline())
        assert run.stdin is not None
        run.stdin.close()


def measured(*command: str) -> Any:
    """Run the Rust program; return what it measured."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def cpu_secs(pid: int) -> float:
    """Return the CPU time of a process, with a grain of a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    """Return the memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no memory")


def measure_prometheus(
    n_targets: int, port: int, interval: int, rounds: int
) -> tuple[float, float]:
    """Let a Prometheus scrape; return the CPU time of one scrape in microseconds, and its MiB.

    The first two rounds, in which it makes its series, are not counted.
    """
    targets = ", ".join(f'"127.1.{n // 256}.{n % 256}:{port}"' for n in range(n_targets))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "prometheus.yml"
        config.write_text(PROMETHEUS.format(interval=interval, targets=targets))
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/tsdb"]
        command += ["--web.listen-address=127.0.0.1:0", "--log.level=error"]
        with subprocess.Popen(command) as server:
            try:
                time.sleep(2 * interval)
                begun = cpu_secs(server.pid)
                time.sleep(rounds * interval)
                spent = cpu_secs(server.pid) - begun
                if server.poll() is not None:
                    raise RuntimeError(f"prometheus ended with {server.returncode}")
                return spent * 1e6 / (n_targets * rounds), rss_mib(server.pid)
            finally:
                server.terminate()


def judge(goals: Goals, program: str, n_targets: int, seconds: int) -> None:
    """Compare the clients at that number of targets."""
    print(f"{n_targets} targets ...", file=sys.stderr, flush=True)
    is_judged = n_targets == JUDGED

    def bar(allowed: float) -> float | None:
        return allowed if is_judged else None

    found = measured(program, str(n_targets))
    ours_us, bare_us = found["ours_us"], found["bare_us"]
    goals.add(
        f"scrape / bare socket read, {n_targets} targets",
        ours_us / bare_us,
        bar(4.0),
        ours_us=ours_us,
        bare_us=bare_us,
    )
    with serving(program, n_targets) as port:
        alone = measured(program, "scrape", str(n_targets), str(port), str(seconds))
        goals.add(
            f"share of a core, percent, every 15 s, {n_targets} targets",
            alone["core_percent"],
            bar(2.0),
            scrape_us=alone["scrape_us"],
        )
        goals.add(
            f"largest memory, MiB, {n_targets} targets",
            alone["peak_kib"] / 1024,
            bar(100.0),
            kib_per_target=alone["peak_kib"] / n_targets,
        )
        if n_targets <= ADDRESSES:
            prometheus_us, mib = measure_prometheus(n_targets, port, interval=15, rounds=3)
            goals.add(
                f"scrape / Prometheus' scrape, {n_targets} targets",
                alone["scrape_us"] / prometheus_us,
                bar(1 / 20),
                ours_us=alone["scrape_us"],
                prometheus_us=prometheus_us,
                prometheus_mib=mib,
            )


def main(arguments: list[str]) -> int:
    """Measure, print, and return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--targets",
        default="100,1000",
        help="numbers of targets, separated by commas (default: %(default)s); 10000 need 20000 "
        "open files",
    )
    parser.add_argument(
        "--seconds",
        type=int,
        default=60,
        help="how long a source is watched for its share of a core (default: %(default)s)",
    )
    parser.add_argument("--output", choices=["table", "json"], default="table")
    options = parser.parse_args(arguments)
    program = build()
    goals = Goals()
    for n_targets in options.targets.split(","):
        judge(goals, program, int(n_targets), options.seconds)
    return goals.show(options.output)
