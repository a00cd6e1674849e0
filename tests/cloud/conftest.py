# SPDX-License-Identifier: Apache-2.0
"""The cloud that the tests of this folder run against, left clean by every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import lifecycle, waiting
from tests.cloud.client import Cloud
from tests.cloud.layout import Layout
from tests.cloud.sidecar import Sidecar

HOME_VARIABLE = "SPILLWAY_TEST_CLOUD"
"""Environment variable with the folder of a cloud to use, as ``--home`` of ``tests.cloud``."""

CLEAN_SECS = 120.0


def pytest_configure(config: pytest.Config) -> None:
    """Keep the SDK's notes to itself out of the summary; it is not what is tested here."""
    config.addinivalue_line("filterwarnings", "ignore::Warning:openstack")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Read the journal back last, when it holds the whole run."""
    items.sort(key=lambda item: item.path.name in ("test_explain.py", "test_journal.py"))


@pytest.fixture(scope="session")
def running_cloud() -> Cloud:
    """The cloud, brought up if it is not; it stays up, for ``tests.cloud down`` to end."""
    home = os.environ.get(HOME_VARIABLE)
    layout = Layout.at(Path(home) if home else None)
    lifecycle.up(layout)
    cloud = Cloud(layout)
    # An interrupted run may have left anything.
    clean(cloud)
    return cloud


@pytest.fixture
def cloud(running_cloud: Cloud) -> Iterator[Cloud]:
    """The cloud with no server, no machine, no fault, its own policy and a closed gate."""
    running_cloud.open_gate("closed")
    yield running_cloud
    clean(running_cloud)


@pytest.fixture
def sidecar(cloud: Cloud) -> Iterator[Sidecar]:
    """The sidecar of the cloud, not started yet; it is ended, and what it wrote is taken away."""
    sidecar = Sidecar(cloud)
    try:
        yield sidecar
    finally:
        sidecar.end()


def clean(cloud: Cloud) -> None:
    """Take back every change, and delete every server.

    :raises waiting.DeadlineExceeded: a server cannot be deleted, or a machine lives on without one:
        that is money lost, and no test may end so.
    """
    Sidecar(cloud).end()
    cloud.be_kind()
    cloud.use_policy()
    for host in [*cloud.layout.private_hosts, cloud.layout.burst_host]:
        cloud.set_compute_right(host)
    cloud.delete([server.id for server in cloud.all_servers()])
    waiting.until(
        lambda: not cloud.live_machines(),
        lambda: f"no machine lives on: {[m['Tags'] for m in cloud.live_machines()]}",
        CLEAN_SECS,
    )
