# SPDX-License-Identifier: Apache-2.0
"""Prometheus and node-exporter, and the private hosts' store, which a test fills and empties."""

from __future__ import annotations

import os
import subprocess

from tests.cloud.infrastructure import wait_for_port
from tests.cloud.layout import ADDRESS, Layout
from tests.cloud.packages import SetUpError
from tests.cloud.processes import Daemon, Supervisor

STORE_MIB = 16
"""Size of the store: large enough for steps of a percent, and quickly filled."""


def start(layout: Layout, supervisor: Supervisor) -> None:
    """Make the store and start both; nothing is waited for.

    :raises SetUpError: the store cannot be mounted.
    """
    _mount_store(layout)
    fill_store(layout, 0.0)
    for daemon in (node_exporter(layout), prometheus(layout)):
        supervisor.start(daemon)


def end(layout: Layout) -> None:
    """Take the store away again; nothing is left of what was in it."""
    if os.path.ismount(layout.store):
        # Whoever still looks into it keeps it only for himself.
        subprocess.run(["umount", "--lazy", layout.store], check=True)


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
            "--collector.filesystem",
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


def fill_store(layout: Layout, share: float) -> None:
    """Make a share of the private hosts' store taken, 0 to 1: node-exporter measures it."""
    taken = layout.store / "taken"
    taken.unlink(missing_ok=True)
    if share:
        taken.write_bytes(bytes(int(share * (STORE_MIB << 20))))


def store_series(layout: Layout, what: str) -> str:
    """Return the series of node-exporter that says the store's ``avail`` or ``size``, in bytes."""
    return f'node_filesystem_{what}_bytes{{mountpoint="{layout.store}"}}'


def _mount_store(layout: Layout) -> None:
    if os.path.ismount(layout.store):
        return
    layout.store.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={STORE_MIB}m", "spillway-store", layout.store]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetUpError(f"{layout.store} cannot be mounted, which root can: {done.stderr.strip()}")
