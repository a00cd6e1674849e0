# SPDX-License-Identifier: Apache-2.0
"""The steps of up and down, in order. Every step leaves alone what is as it should be."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

from tests.cloud import packages, telemetry, waiting
from tests.cloud.layout import ADDRESS, PORT_OFFSETS, Layout, cache_folder
from tests.cloud.packages import MOTO, OPENSTACK, TOOLS, SetUpError
from tests.cloud.processes import Supervisor
from tests.cloud.progress import say

HOSTS_READY_SECS = 180.0
"""How long the compute hosts may take until Nova counts on them. Seen: 15 s on a quiet machine."""

DAEMON_OF_PORT = {
    "erlang": "rabbitmq",
    "nova": "nova-api",
    "heat": "heat-api",
    "burst-metrics": "nova-compute-cloud1",
    "ec2": "ec2-proxy",
}
"""Name of the daemon on a port where it is not the port's own name."""

STOP_ORDER = (
    ("sidecar", "prometheus", "node-exporter"),
    ("nova-", "heat-"),
    ("neutron", "glance", "placement"),
    ("keystone", "ec2-proxy", "moto", "memcached"),
    ("rabbitmq", "mariadb"),
    ("epmd",),
)
"""Prefixes of daemons in the order in which they end: clients before what they talk to."""


def install() -> None:
    """Install everything that a cloud needs, whatever its folder.

    :raises SetUpError: something could not be installed or built.
    """
    log = cache_folder() / "log"
    packages.install_debian_packages(log / "apt.log", say)
    packages.install_environment(TOOLS, log / "tools.log", say)
    packages.build_wheel(log / "wheel.log", say)
    packages.build_program(log / "program.log", say)
    packages.install_environment(OPENSTACK, log / "openstack.log", say)
    packages.install_environment(MOTO, log / "moto.log", say)


def install_and_continue(module: str, arguments: list[str]) -> None:
    """Install everything, then run a module of this package with the tools environment's Python.

    The client libraries are there; before :func:`install` there is nothing but the standard
    library. Returns at once when this is that Python.

    :raises SetUpError: something could not be installed or built.
    """
    folder = cache_folder() / "venvs" / TOOLS.name
    if Path(sys.prefix).resolve() == folder.resolve():
        return
    install()
    python = folder / "bin" / "python"
    sys.stdout.flush()
    os.execv(python, [str(python), "-m", module, *arguments])


def up(layout: Layout, *, fresh: bool = False) -> None:
    """Bring the cloud up: start what does not run, restart what runs with other settings.

    :param fresh: throw away an earlier cloud in the same folder first.
    :raises SetUpError: a port is taken, or a set-up command failed.
    :raises waiting.DeadlineExceeded: a daemon did not answer in time.
    """
    # Needs the tools environment, which `install` has to make first.
    from tests.cloud import (
        configuration,
        databases,
        infrastructure,
        policy,
        resources,
        services,
    )

    if fresh:
        down(layout, wipe=True)
    supervisor = Supervisor(layout.home)
    configuration.write_all(layout)
    _check_ports(layout, supervisor)
    say("starting MariaDB, RabbitMQ, memcached and the EC2 endpoint")
    infrastructure.start(layout, supervisor)
    telemetry.start(layout, supervisor)
    infrastructure.wait_for_mariadb(layout)
    databases.create(layout, say)
    supervisor.start(services.keystone(layout))
    services.wait_for_api(layout, "keystone")
    resources.create_identity(layout)
    say("Keystone has users and the catalogue")
    infrastructure.wait_for_port(layout, "rabbitmq")
    for daemon in services.before_resources(layout):
        supervisor.start(daemon)
    for name in services.APIS:
        services.wait_for_api(layout, name)
        say(f"{name} answers")
    resources.create_resources(layout)
    infrastructure.wait_for_port(layout, "moto")
    infrastructure.wait_for_port(layout, "ec2")
    policy.write(layout, policy.standard(layout, resources.project_ids(layout)))
    say("flavors, images, network and Spillway's policy are there")
    for daemon in services.after_policy(layout):
        supervisor.start(daemon)
    telemetry.wait(layout)
    _wait_for_engine(layout)
    _wait_for_hosts(layout)


def down(layout: Layout, *, wipe: bool = False) -> None:
    """End every daemon of the cloud; with ``wipe``, delete its folder too."""
    supervisor = Supervisor(layout.home)
    names = supervisor.names()
    if names:
        say(f"ending {len(names)} daemons")
    for prefixes in STOP_ORDER:
        for name in supervisor.stop([name for name in names if name.startswith(prefixes)]):
            say(f"{name} did not end in time and was killed")
    telemetry.end(layout)
    # The file that every cloud has: nothing else is deleted, whatever --home says.
    if wipe and (layout.home / "sizes.json").exists():
        shutil.rmtree(layout.home)


def status(layout: Layout) -> dict[str, Any]:
    """Return what runs, in plain values for JSON."""
    supervisor = Supervisor(layout.home)
    records = {name: supervisor.alive(name) for name in supervisor.names()}
    return {
        "home": str(layout.home),
        "clouds_yaml": str(layout.clouds_yaml),
        "journal": str(layout.journal_file),
        "policy": str(layout.policy_file),
        "private_hosts": layout.private_hosts,
        "burst_host": layout.burst_host,
        "daemons": {
            name: {
                "runs": record is not None,
                "pid": record.pid if record else None,
                "log": str(supervisor.log_file(name)),
            }
            for name, record in records.items()
        },
    }


def _check_ports(layout: Layout, supervisor: Supervisor) -> None:
    for listener in PORT_OFFSETS:
        if supervisor.alive(DAEMON_OF_PORT.get(listener, listener)):
            continue
        port = layout.port(listener)
        with socket.socket() as probe:
            if probe.connect_ex((ADDRESS, port)) == 0:
                raise SetUpError(
                    f"port {port} ({listener}) is in use by another program;"
                    " choose another range with --first-port"
                )


def _wait_for_engine(layout: Layout) -> None:
    """Return when Heat's API reaches its engine."""
    from openstack.exceptions import SDKException

    from tests.cloud import resources

    orchestration = resources.connect(layout).orchestration

    def answers() -> bool:
        with contextlib.suppress(SDKException, OSError):
            return bool(orchestration.get("/stacks", timeout=5).ok)
        return False

    waiting.until(answers, "Heat's engine answers", HOSTS_READY_SECS, 0.5)


def _wait_for_hosts(layout: Layout) -> None:
    """Return when every compute host is up, in Placement, and mapped to the cell."""
    from openstack.exceptions import HttpException

    from tests.cloud import databases, resources

    wanted = {*layout.private_hosts, layout.burst_host}
    compute = resources.connect(layout).compute

    def running(binary: str) -> set[str]:
        return {row.host for row in compute.services(binary=binary) if row.state == "up"}

    def missing() -> str:
        return f"hosts up: {sorted(running('nova-compute'))} of {sorted(wanted)}; see {layout.log}"

    def all_up() -> bool:
        for row in compute.services(binary="nova-compute"):
            if row.is_forced_down:
                # A test that was interrupted left it so.
                with contextlib.suppress(HttpException):
                    compute.update_service_forced_down(row, row.host, row.binary, forced=False)
        return wanted <= running("nova-compute")

    waiting.until(all_up, missing, HOSTS_READY_SECS, 0.5)
    waiting.until(lambda: running("nova-scheduler"), "nova-scheduler is up", HOSTS_READY_SECS, 0.5)

    def mapped() -> bool:
        # Nova lists the hypervisors of mapped hosts only, and only after their first report.
        return wanted <= {row.name for row in compute.hypervisors()}

    if not mapped():
        databases.discover_hosts(layout)
    waiting.until(mapped, "all hosts have reported their size", HOSTS_READY_SECS, 0.5)
    say(f"the cloud is up: {', '.join(sorted(wanted))}")
