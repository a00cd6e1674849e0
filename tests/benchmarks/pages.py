# SPDX-License-Identifier: Apache-2.0
"""Compare picking a page's series with parsing all of it, in one run, and print ratios.

    python -m tests.benchmarks pages
    python -m tests.benchmarks pages --rounds 100 --output json

The page is the node_exporter's of tests/data/pages, widened to a host of 32 threads and 13 network
devices; what is picked are the 12 metrics of NODE. prometheus-parse reads the whole page in turn
with us in one process; prometheus_client reads it in this one, right after. Figures are CPU time,
medians. The values are compared with prometheus_client's first. Needs cargo and prometheus_client.
Exit codes: 0 every goal is met, 1 one is missed, 2 wrong arguments, 3 the values differ.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.benchmarks.goals import Goals
from tests.pages import Wanted, page_samples, told

NODE = [
    Wanted("node_load1"),
    Wanted("node_load5"),
    Wanted("node_cpu_seconds_total", {"mode": "idle"}),
    Wanted("node_memory_MemAvailable_bytes"),
    Wanted("node_memory_MemTotal_bytes"),
    Wanted("node_pressure_cpu_waiting_seconds_total"),
    Wanted("node_pressure_memory_stalled_seconds_total"),
    Wanted("node_pressure_io_stalled_seconds_total"),
    Wanted("node_procs_running"),
    Wanted("node_procs_blocked"),
    Wanted("node_boot_time_seconds"),
    Wanted("node_filesystem_avail_bytes"),
]
"""The load of one host."""

EVERY_CPU_MODE = [Wanted(one.name) for one in NODE]

PAGE = Path(__file__).resolve().parents[1] / "data" / "pages" / "node_exporter.prom"
THREADS, TAPS, SEED = 32, 12, 7


def widened(page: str) -> str:
    """Repeat the rows of one thread and of one network device as a big host would have them."""
    chance = random.Random(SEED)
    lines: list[str] = []
    for line in page.splitlines():
        series, _, value = line.rpartition(" ")
        if line.startswith("node_") and 'cpu="' in line:
            if 'cpu="0"' in line:
                for thread in range(THREADS):
                    # The kernel counts hundredths of a second.
                    grown = round(float(value) * (1 + chance.random()), 2)
                    lines.append(series.replace('cpu="0"', f'cpu="{thread}"') + f" {grown}")
            continue
        lines.append(line)
        if line.startswith("node_network_") and 'device="eth0"' in line:
            taps = (f'"tap{chance.getrandbits(32):08x}-{tap:02x}"' for tap in range(TAPS))
            lines += [line.replace('"eth0"', tap) for tap in taps]
    return "\n".join(lines) + "\n"


def median_cpu_us(page: str, rounds: int) -> float:
    """Return the CPU time in which prometheus_client reads the page."""
    spent = []
    for _ in range(rounds):
        begin = time.thread_time_ns()
        for _family in text_string_to_metric_families(page):
            pass
        spent.append((time.thread_time_ns() - begin) / 1_000)
    return statistics.median(spent)


def main(arguments: list[str]) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=300, help="readings of each page (default: %(default)s)"
    )
    parser.add_argument("--output", choices=["table", "json"], default="table")
    options = parser.parse_args(arguments)
    goals = Goals()
    page = widened(PAGE.read_text())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.prom"
        path.write_text(page)
        client_us = median_cpu_us(page, max(9, options.rounds // 10))
        judged = [("12 metrics, idle CPU time", NODE, 1 / 30, 1 / 200)]
        shown = [("12 metrics, every CPU mode", EVERY_CPU_MODE, None, None)]
        for what, wanted, parse_bar, client_bar in [*judged, *shown]:
            found = page_samples(path, wanted, "--rounds", str(options.rounds), release=True)
            if found.values != told(page, wanted):
                print(f"{what}: values differ from prometheus_client's", file=sys.stderr)
                return 3
            ours_us, parse_us = found.figures["pick_us"], found.figures["prometheus_parse_us"]
            figures = {"ours_us": ours_us, "n_samples": len(found.values), "bytes": len(page)}
            goals.add(
                f"{what} / prometheus-parse on the whole page",
                ours_us / parse_us,
                parse_bar,
                parse_us=parse_us,
                **figures,
            )
            goals.add(
                f"{what} / prometheus_client",
                ours_us / client_us,
                client_bar,
                client_us=client_us,
                **figures,
            )
    return goals.show(options.output)
