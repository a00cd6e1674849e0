# SPDX-License-Identifier: Apache-2.0
"""Prometheus and node-exporter, and the knob by which a test says what the private load is."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tests.cloud.infrastructure import wait_for_port
from tests.cloud.layout import ADDRESS, Layout
from tests.cloud.processes import Daemon, Supervisor

LOAD_GAUGE = "private_cpu_busy_ratio"
"""The series that :func:`write_loads` writes, one per private host."""


def start(layout: Layout, supervisor: Supervisor) -> None:
    """Start both; nothing is waited for."""
    write_loads(layout, dict.fromkeys(layout.private_hosts, 0.0))
    for daemon in (node_exporter(layout), prometheus(layout)):
        supervisor.start(daemon)


def wait(layout: Layout) -> None:
    """Return when both listen."""
    for listener in ("node-exporter", "prometheus"):
        wait_for_port(layout, listener)


def node_exporter(layout: Layout) -> Daemon:
    """Describe node-exporter with the few collectors that cost nothing."""
    return Daemon(
        "node-exporter",
        [
            "/usr/bin/prometheus-node-exporter",
            f"--web.listen-address={ADDRESS}:{layout.port('node-exporter')}",
            "--collector.disable-defaults",
            "--collector.cpu",
            "--collector.loadavg",
            "--collector.meminfo",
            "--collector.textfile",
            f"--collector.textfile.directory={layout.loads}",
        ],
    )


def prometheus(layout: Layout) -> Daemon:
    """Describe Prometheus, which scrapes every second."""
    file = layout.etc / "prometheus.yml"
    return Daemon(
        "prometheus",
        [
            "/usr/bin/prometheus",
            f"--config.file={file}",
            f"--storage.tsdb.path={layout.state / 'prometheus'}",
            "--storage.tsdb.retention.time=1d",
            f"--web.listen-address={ADDRESS}:{layout.port('prometheus')}",
        ],
        depends_on_files=[file],
    )


def write_loads(layout: Layout, loads: Mapping[str, float]) -> None:
    """Make node-exporter expose a load of each private host, from its next scrape on.

    :param loads: private host to the share of its CPUs that is busy, 0 to 1.
    """
    lines = [
        f"# HELP {LOAD_GAUGE} Share of a private host's CPUs that is busy, 0 to 1.\n",
        f"# TYPE {LOAD_GAUGE} gauge\n",
        *(f'{LOAD_GAUGE}{{host="{host}"}} {load}\n' for host, load in loads.items()),
    ]
    # The collector takes every file that ends in .prom, half-written ones too.
    replacement = layout.loads / "loads.new"
    replacement.write_text("".join(lines))
    os.replace(replacement, layout.loads / "loads.prom")
