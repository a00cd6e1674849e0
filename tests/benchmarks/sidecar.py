# SPDX-License-Identifier: Apache-2.0
"""The whole sidecar: what a thousand targets cost it, and how fast a change reaches the scheduler.

    python -m tests.benchmarks sidecar --program target/release/spillway
    python -m tests.benchmarks sidecar --program target/release/spillway --targets 100 --seconds 30

Exporters are simulated by one process that serves a page of node-exporter's size at an address of
its own for each target; the journal has a day's lines before the sidecar starts. Standard library
only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from tests.benchmarks.goals import Goals
from tests.benchmarks.notifications import free_port

PAGE_BYTES = 106_000
JOURNAL_LINES = 100_000
INTERVAL_SECS = 15.0
FLIPS = 20
FLIP_INTERVALS_SECS = {1: 0.5, 1_000: 2.0}
"""Number of targets to the interval at which they are read, for the delay of a change. A thousand
pages in half a second would measure the process that serves them."""
MAX_ADDRESSES = 1_000
"""Addresses of the loopback network that are listened at; more targets share them."""
DEADLINE_SECS = 120.0

POLICY = """
mode = "active"
[snapshot]
path = "{folder}/snapshot.json"
[journal]
path = "{folder}/journal.jsonl"
[sidecar]
listen = "127.0.0.1:{listen}"
state_path = "{folder}/state.json"
interval_secs = {step}
[gate]
open_after_secs = 0
close_after_secs = 0
[[sources.scrape]]
name = "nodes"
interval_secs = {interval}
targets = {targets}
[[signals]]
name = "load"
open_at = 0.8
close_at = 0.5
scrape = {{ source = "nodes", series = "node_load1", reduce = "mean" }}
"""


def main(arguments: list[str]) -> int:
    """Measure, print, and return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", type=Path, required=True, help="the release build of spillway")
    parser.add_argument("--targets", type=int, default=1_000, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="(default: %(default)s)")
    parser.add_argument("--output", choices=["table", "json"], default="table")
    options = parser.parse_args(arguments)
    goals = Goals()
    with Exporters() as exporters:
        measure_cost(options.program, exporters, options.targets, options.seconds, goals)
        for n_targets, interval in FLIP_INTERVALS_SECS.items():
            measure_delay(options.program, exporters, n_targets, interval, goals)
    return goals.show(options.output)


def measure_cost(
    program: Path, exporters: Exporters, n_targets: int, seconds: float, goals: Goals
) -> None:
    """Measure CPU time and memory over some scrape intervals, after the backlog is read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_journal(folder / "journal.jsonl")
        with Sidecar(program, folder, exporters.targets(n_targets), INTERVAL_SECS, 5.0) as sidecar:
            sidecar.until(lambda: sidecar.lines_read() == JOURNAL_LINES, "the journal is read")
            sidecar.until(lambda: sidecar.reads(n_targets) >= 2, "every target was read twice")
            before, began = sidecar.cpu_seconds(), time.monotonic()
            print(f"{n_targets} targets for {seconds:.0f} s ...", file=sys.stderr, flush=True)
            time.sleep(seconds)
            share = (sidecar.cpu_seconds() - before) / (time.monotonic() - began)
            sidecar.until(lambda: sidecar.reads(n_targets) >= 3, "every target is still read")
            goals.add(f"share of one core, {n_targets} targets every 15 s", share, 0.02)
            peak = sidecar.peak_mib()
            goals.add(
                f"peak memory of 100 MiB, {n_targets} targets, {JOURNAL_LINES} journal lines",
                peak / 100.0,
                1.0,
                peak_mib=peak,
            )


def measure_delay(
    program: Path, exporters: Exporters, n_targets: int, interval: float, goals: Goals
) -> None:
    """Measure the time from a change of every page to a snapshot that shows it."""
    delays = []
    exporters.set_load(0.1)
    print(f"a change at {n_targets} targets, {FLIPS} times ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as name:
        targets = exporters.targets(n_targets)
        with Sidecar(program, Path(name), targets, interval, 5.0) as sidecar:
            sidecar.until(lambda: sidecar.reads(n_targets) >= 1, "every target was read")
            sidecar.until(lambda: sidecar.gate() == "closed", "the gate is closed")
            for number in range(FLIPS):
                wanted = "open" if number % 2 == 0 else "closed"
                # At another moment of the interval each time.
                time.sleep(interval * number / FLIPS)
                began = time.monotonic()
                exporters.set_load(0.9 if wanted == "open" else 0.1)
                sidecar.until(lambda wanted=wanted: sidecar.gate() == wanted, wanted)
                delays.append(time.monotonic() - began)
    goals.add(
        f"longest delay from page to snapshot, of {interval} s and 100 ms, {n_targets} targets",
        max(delays) / (interval + 0.1),
        1.0,
        longest_secs=max(delays),
        median_secs=sorted(delays)[len(delays) // 2],
    )


class Sidecar:
    """A sidecar under measurement."""

    def __init__(
        self, program: Path, folder: Path, targets: list[str], interval: float, step: float
    ) -> None:
        """Write its policy."""
        self._program = program
        self._folder = folder
        self._port = free_port()
        policy = POLICY.format(
            folder=folder,
            listen=self._port,
            interval=interval,
            step=step,
            targets=json.dumps(targets),
        )
        (folder / "spillway.toml").write_text(policy)

    def __enter__(self) -> Sidecar:
        """Start it."""
        command = [self._program, "run", "--config", self._folder / "spillway.toml"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=open(self._folder / "log", "wb")
        )
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Return when something holds.

        :raises TimeoutError: it does not within the deadline, or the sidecar ended.
        """
        deadline = time.monotonic() + DEADLINE_SECS
        while not holds():
            if time.monotonic() > deadline or self._process.poll() is not None:
                log = (self._folder / "log").read_text()
                raise TimeoutError(f"waited for: {what}; the sidecar says: {log[-2000:]}")
            time.sleep(0.002)

    def gate(self) -> str:
        """Return the state of the gate as the scheduler reads it."""
        try:
            snapshot = json.loads((self._folder / "snapshot.json").read_text())
        except FileNotFoundError:
            return "none"
        return str(snapshot["gates"][0]["state"])

    def lines_read(self) -> int:
        """Return the lines of the journal that it has counted, as its state file says."""
        return sum(self._state()["counts"]["lines"].values()) if self._state() else 0

    def reads(self, n_targets: int) -> int:
        """Return how often its targets were read; 0 while not every one of them answers."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self._port}/api/v1/status", timeout=10
            ) as answer:
                (source,) = json.load(answer)["sources"]
        except OSError:
            return 0
        return int(source["reads"]) if source["targets_up"] == n_targets else 0

    def _state(self) -> dict[str, dict[str, dict[str, int]]]:
        try:
            state: dict[str, dict[str, dict[str, int]]] = json.loads(
                (self._folder / "state.json").read_text()
            )
        except FileNotFoundError:
            return {}
        return state

    def cpu_seconds(self) -> float:
        """Return the CPU time that it has used."""
        stat = self._stat()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        """Return the most memory that it ever had resident."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024

    def _stat(self) -> list[str]:
        text = Path(f"/proc/{self._process.pid}/stat").read_text()
        return text.rpartition(")")[2].split()


class Exporters:
    """A process that answers every path with the same page."""

    def __init__(self) -> None:
        """Begin with a low load."""
        self._load = multiprocessing.Value("d", 0.1)
        self._port = multiprocessing.Value("i", 0)
        self._process = multiprocessing.Process(
            target=serve, args=(self._port, self._load), daemon=True
        )

    def __enter__(self) -> Exporters:
        """Start it."""
        self._process.start()
        deadline = time.monotonic() + DEADLINE_SECS
        while not self._port.value:
            if time.monotonic() > deadline:
                raise TimeoutError("the exporters did not start")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.terminate()
        self._process.join()

    def targets(self, count: int) -> list[str]:
        """Return so many addresses."""
        return [f"http://{address(n)}:{self._port.value}/{n}" for n in range(count)]

    def set_load(self, load: float) -> None:
        """Change what every page says from now on."""
        self._load.value = load


def address(target: int) -> str:
    """Return the address of a target."""
    return f"127.1.{target % MAX_ADDRESSES // 256}.{target % MAX_ADDRESSES % 256}"


def serve(port: Synchronized[int], load: Synchronized[float]) -> None:
    """Answer on a port of the system's choice until the process is ended."""
    filler = b"".join(
        b'node_filler_total{device="d%05d",mode="a mode of the filler"} %d\n' % (number, number)
        for number in range(PAGE_BYTES // 64)
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                page = filler + b"node_load1 %f\n" % load.value
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def listen() -> None:
        first = await asyncio.start_server(answer, address(0), 0, backlog=4096)
        number = first.sockets[0].getsockname()[1]
        others = [address(n) for n in range(1, MAX_ADDRESSES)]
        server = await asyncio.start_server(answer, others, number)
        port.value = number
        async with first, server:
            await server.serve_forever()

    asyncio.run(listen())


def write_journal(path: Path) -> None:
    """Write a day's lines, a decision and its outcome in turn."""
    cases = sorted(Path("tests/data/decisions").glob("*.json"))
    case = json.loads(cases[0].read_text())
    with open(path, "w") as journal:
        for number in range(JOURNAL_LINES // 2):
            head = {"format": 1, "at_ms": 1_800_000_000_000 + number}
            decision = {
                **head,
                "kind": "decision",
                "id": f"bench-{number}",
                "request_id": None,
                "policy": "0" * 16,
                "inputs": case["inputs"],
                "decision": case["decision"],
            }
            outcome = {
                **head,
                "kind": "outcome",
                "decision": f"bench-{number}",
                "result": "placed",
                "path": "filter",
                "hosts": {f"server-{number}": "private1"},
                "elapsed_ms": 12.5,
                "detail": "",
            }
            journal.write(json.dumps(decision) + "\n" + json.dumps(outcome) + "\n")
