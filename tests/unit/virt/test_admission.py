# SPDX-License-Identifier: Apache-2.0
"""The ledger: never above a cap, nothing counted twice, nothing kept after a failure."""

from __future__ import annotations

import pytest
from fakes.burst_host import OWNER, Database, Process, Row, make_server
from fakes.strict_cloud import StrictCloud

from nova_spillway.providers import api
from nova_spillway.virt.admission import Admission, Caps, Full, Usage
from nova_spillway.virt.fleet import Fleet

CAPS = Caps(servers=3, vcpus=4, memory_mb=4096, disk_gb=100)


@pytest.fixture
def admission(cloud: StrictCloud) -> Admission:
    return Admission(Fleet(cloud.handle(OWNER)), lambda: CAPS)


@pytest.mark.parametrize(
    ("claim", "word"),
    [
        (api.Claim(5, 1, 1), "VCPUs"),
        (api.Claim(1, 4097, 1), "memory"),
        (api.Claim(1, 1, 101), "disk"),
    ],
)
def test_each_cap_is_kept_and_named(admission: Admission, claim: api.Claim, word: str) -> None:
    with pytest.raises(Full, match=word), admission.admit("u", claim):
        pass


def test_a_cap_may_be_used_up_exactly(admission: Admission) -> None:
    with admission.admit("u", api.Claim(4, 4096, 100)):
        assert admission.usage() == Usage(1, 4, 4096, 100)


def test_servers_are_counted(admission: Admission) -> None:
    small = api.Claim(1, 1, 1)
    with (
        admission.admit("a", small),
        admission.admit("b", small),
        admission.admit("c", small),
        pytest.raises(Full, match="3 servers"),
        admission.admit("d", small),
    ):
        pass


def test_room_is_given_back_after_a_failure(admission: Admission) -> None:
    with pytest.raises(RuntimeError), admission.admit("u", api.Claim(4, 4096, 100)):
        raise RuntimeError
    assert admission.usage() == Usage(0, 0, 0, 0)


def test_one_server_is_launched_once_at_a_time(admission: Admission) -> None:
    small = api.Claim(1, 1, 1)
    with (
        admission.admit("u", small),
        pytest.raises(Full, match="under way"),
        admission.admit("u", small),
    ):
        pass


def test_a_launch_that_shows_already_counts_once(
    cloud: StrictCloud, database: Database, process: Process
) -> None:
    server = make_server()
    machine = process.spawn(server, Row())
    with process.admission.admit(server.uuid, server.claim):
        assert machine.id in {m.id for m in process.fleet.live()}
        assert process.admission.usage().servers == 1


def test_the_ledger_survives_a_restart(cloud: StrictCloud, database: Database) -> None:
    Process(cloud, database).spawn(make_server(claim=api.Claim(2, 1024, 30)), Row())
    restarted = Process(cloud, database)
    restarted.fleet.refresh()
    assert restarted.admission.usage() == Usage(1, 2, 1024, 30)
