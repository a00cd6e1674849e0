# SPDX-License-Identifier: Apache-2.0
"""A burst host without Nova, over the strict cloud."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping

from fakes.strict_cloud import Handle, StrictCloud
from nova_spillway.providers import api
from nova_spillway.virt.admission import Admission, Caps
from nova_spillway.virt.fleet import Fleet
from nova_spillway.virt.launches import Launches
from nova_spillway.virt.lifecycle import Lifecycle, Patience
from nova_spillway.virt.polling import Poll, Power
from nova_spillway.virt.server import Server
from nova_spillway.virt.settlement import ServerRecord, Settlement

OWNER = api.Owner("demo", "cloud1")
ROOMY = Caps(servers=100, vcpus=100, memory_mb=100_000, disk_gb=10_000)
QUICK = Patience(
    launch_secs=2.0, start_secs=2.0, stop_secs=2.0, attempts=3, look_again_secs=(0.0, 0.001)
)


def make_server(**changes: object) -> Server:
    """Return a small server of project p1."""
    server = Server(
        uuid=str(uuid.uuid4()),
        project_id="p1",
        hostname="web",
        root_gb=20,
        claim=api.Claim(1, 512, 20),
        key=None,
        user_data=b"#!/bin/sh\n",
    )
    return dataclasses.replace(server, **changes)


class Row:
    """A server's row in Nova's database, which outlives every process."""

    def __init__(self) -> None:
        self.metadata: dict[str, str] = {}
        self.host: str | None = OWNER.burst_host
        self.was_launched = False
        self.fail_save_number: int | None = None
        self._saves = 0

    def load(self) -> Mapping[str, str]:
        return dict(self.metadata)

    def save(self, values: Mapping[str, str]) -> None:
        self._saves += 1
        if self._saves == self.fail_save_number:
            raise RuntimeError("the conductor does not answer")
        self.metadata.update(values)


class Database:
    """All rows; reading may be made to fail."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.is_down = False

    def find(self, instance_uuid: str) -> ServerRecord | None:
        if self.is_down:
            raise RuntimeError("the conductor does not answer")
        row = self.rows.get(instance_uuid)
        if row is None:
            return None
        return ServerRecord(row.host, row.was_launched, row.metadata.get("spillway_machine"))


class Ear:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.listens = True
        self.heard: list[tuple[str, Power]] = []

    def is_listening(self) -> bool:
        return self.listens

    def power_changed(self, instance_uuid: str, power: Power) -> None:
        self.heard.append((instance_uuid, power))


class Process:
    """One run of nova-compute: everything that dies with it."""

    def __init__(self, cloud: StrictCloud, database: Database, caps: Caps = ROOMY) -> None:
        self.provider: Handle = cloud.handle(OWNER)
        self.now = 1000.0
        self.fleet = Fleet(self.provider)
        self.admission = Admission(self.fleet, lambda: caps)
        self.launches = Launches()
        self.lifecycle = Lifecycle(
            self.provider,
            OWNER,
            self.fleet,
            self.admission,
            self.launches,
            QUICK,
            sleep=lambda _secs: None,
        )
        self.settlement = Settlement(
            self.fleet, self.lifecycle, database, OWNER, now=lambda: self.now
        )
        self.ear = Ear()
        self.poll = Poll(self.fleet, self.lifecycle, self.settlement, self.ear)

    def spawn(self, server: Server, row: Row, size: str = "t3.micro") -> api.Machine:
        return self.lifecycle.spawn(server, size, "ami-1", row)
