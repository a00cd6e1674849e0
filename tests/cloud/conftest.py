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

HOME_VARIABLE = "SPILLWAY_TEST_CLOUD"
"""Environment variable with the folder of a cloud to use, as ``--home`` of ``tests.cloud``."""

CLEAN_SECS = 120.0


@pytest.fixture(scope="session")
def running_cloud() -> Cloud:
    """The cloud, brought up if it is not; it stays up, for ``tests.cloud down`` to end."""
    home = os.environ.get(HOME_VARIABLE)
    layout = Layout.at(Path(home) if home else None)
    lifecycle.up(layout)
    return Cloud(layout)


@pytest.fixture
def cloud(running_cloud: Cloud) -> Iterator[Cloud]:
    """The cloud with no server, no machine, no fault, its own policy and a closed gate."""
    running_cloud.use_policy()
    running_cloud.open_gate("closed")
    assert not running_cloud.all_servers()
    assert not running_cloud.live_machines()
    yield running_cloud
    running_cloud.be_kind()
    hosts = [*running_cloud.layout.private_hosts, running_cloud.layout.burst_host]
    for host in hosts:
        if running_cloud.service(host).state != "up":
            running_cloud.start_compute(host)
    running_cloud.delete([server.id for server in running_cloud.all_servers()])
    # A machine that lives on after its server is money lost: no test may end with one.
    waiting.until(
        lambda: not running_cloud.live_machines(),
        lambda: f"no machine lives on: {running_cloud.live_machines()}",
        CLEAN_SECS,
    )
