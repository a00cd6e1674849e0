# SPDX-License-Identifier: Apache-2.0
"""A burst host without Nova, over the strict cloud."""

from __future__ import annotations

import pytest
from fakes.burst_host import Database, Process, Row, make_server
from fakes.strict_cloud import StrictCloud

from nova_spillway.virt.server import Server


@pytest.fixture
def cloud() -> StrictCloud:
    return StrictCloud()


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def process(cloud: StrictCloud, database: Database) -> Process:
    return Process(cloud, database)


@pytest.fixture
def server() -> Server:
    return make_server()


@pytest.fixture
def row(database: Database, server: Server) -> Row:
    """The row of ``server``."""
    return database.rows.setdefault(server.uuid, Row())
