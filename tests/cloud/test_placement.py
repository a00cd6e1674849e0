# SPDX-License-Identifier: Apache-2.0
"""Where a boot goes: private hosts, the burst host, or nowhere, and why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.client import Cloud
from tests.cloud.journal import reason_codes


def fault(server: Any) -> str:
    """Return the message of a server's fault."""
    assert server.status == "ERROR", f"{server.id} is {server.status} on {server.compute_host}"
    return str(server.fault["message"])


def test_with_room_left_a_server_goes_private(cloud: Cloud) -> None:
    server = cloud.place()
    assert server.status == "ACTIVE"
    assert cloud.is_private(server)
    assert not cloud.machines(server.id)


def test_a_full_private_cloud_overflows(cloud: Cloud) -> None:
    cloud.fill(room=0)
    server = cloud.place()
    assert server.status == "ACTIVE", server.fault
    assert cloud.is_burst(server)
    (machine,) = cloud.machines(server.id)
    assert machine["State"]["Name"] == "running"
    outcome = cloud.journal.outcome(cloud.journal.decision(server.id))
    assert outcome["path"] == "hybrid"


def test_an_open_gate_bursts_with_private_room_left(cloud: Cloud) -> None:
    cloud.open_gate()
    server = cloud.place()
    assert server.status == "ACTIVE", server.fault
    assert cloud.is_burst(server)
    assert reason_codes(cloud.journal.decision(server.id))[0] == "gate_open"


def test_a_closed_gate_keeps_servers_private(cloud: Cloud) -> None:
    cloud.open_gate("closed")
    assert cloud.is_private(cloud.place())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"project": "internal"}, "rule 'internal project stays' keeps it private"),
        ({"flavor": "private.tiny"}, "rule 'private flavors stay' keeps it private"),
        ({"image": "private-tiny"}, "rule 'private images stay' keeps it private"),
        ({"image": "unmapped-tiny"}, "cloud1 has no image for it"),
        ({"flavor": "odd.huge"}, "cloud1 has no size for it"),
    ],
    ids=["project", "flavor", "image", "unmapped-image", "unmapped-size"],
)
def test_an_ineligible_server_never_bursts_and_its_fault_says_why(
    cloud: Cloud, arguments: dict[str, str], why: str
) -> None:
    cloud.fill(room=0)
    cloud.open_gate()
    server = cloud.place(**arguments)
    assert why in fault(server)
    assert not cloud.is_burst(server)
    assert not cloud.machines(server.id)


@pytest.mark.parametrize(
    "arguments",
    [{"project": "internal"}, {"flavor": "private.tiny"}, {"image": "private-tiny"}],
    ids=["project", "flavor", "image"],
)
def test_an_ineligible_server_goes_private_through_an_open_gate(
    cloud: Cloud, arguments: dict[str, str]
) -> None:
    cloud.open_gate()
    server = cloud.place(**arguments)
    assert server.status == "ACTIVE"
    assert cloud.is_private(server)


def test_the_hint_of_a_user_keeps_a_server_private(cloud: Cloud) -> None:
    cloud.fill(room=0)
    cloud.open_gate()
    server = cloud.place(scheduler_hints={"spillway:burst": "never"})
    assert "spillway:burst=never" in fault(server)


def test_no_room_anywhere_is_no_valid_host(cloud: Cloud) -> None:
    cloud.fill(room=0)
    cloud.use_policy(lambda policy: policy["burst_hosts"][0].update(max_servers=1, max_vcpus=1))
    cloud.restart_compute(cloud.layout.burst_host)
    placed = cloud.place()
    assert cloud.is_burst(placed)
    server = cloud.place()
    assert "No valid host was found" in fault(server)
    assert len(cloud.live_machines()) == 1


def test_ten_with_private_room_for_four_go_whole_to_the_burst_host(cloud: Cloud) -> None:
    cloud.fill(room=4)
    servers = cloud.settle(cloud.boot("m1.tiny", count=10))
    assert [server.status for server in servers] == ["ACTIVE"] * 10
    assert all(cloud.is_burst(server) for server in servers)
    assert len(cloud.live_machines()) == 10


def test_ten_with_private_room_for_four_split_under_a_rule_that_says_so(cloud: Cloud) -> None:
    cloud.fill(room=4)
    servers = cloud.settle(cloud.boot("split.tiny", count=10))
    assert [server.status for server in servers] == ["ACTIVE"] * 10
    assert sum(cloud.is_private(server) for server in servers) == 4
    assert sum(cloud.is_burst(server) for server in servers) == 6
    assert len(cloud.live_machines()) == 6


@pytest.mark.parametrize("state", ["closed", "open"])
def test_an_affinity_group_stays_together(cloud: Cloud, state: str) -> None:
    group = cloud.demo.compute.create_server_group(name="together", policy="affinity")
    hints = {"group": group.id}
    try:
        cloud.open_gate(state)
        first = cloud.place(scheduler_hints=hints)
        assert cloud.is_burst(first) == (state == "open")
        # The gate turns round: the group must not.
        cloud.open_gate("closed" if state == "open" else "open")
        second, third = (cloud.place(scheduler_hints=hints) for _ in range(2))
        hosts = {server.compute_host for server in (first, second, third)}
        assert hosts == {first.compute_host}
    finally:
        cloud.demo.compute.delete_server_group(group)


def test_a_forced_host_is_obeyed(cloud: Cloud) -> None:
    cloud.open_gate()
    private = cloud.place(availability_zone="nova:private2")
    assert private.compute_host == "private2"
    cloud.open_gate("closed")
    burst = cloud.place(availability_zone=f"nova:{cloud.layout.burst_host}")
    assert burst.status == "ACTIVE", burst.fault
    assert cloud.is_burst(burst)


def test_a_request_for_a_zone_that_the_burst_host_serves_may_burst(cloud: Cloud) -> None:
    cloud.open_gate()
    server = cloud.place(availability_zone="nova")
    assert server.status == "ACTIVE", server.fault
    assert cloud.is_burst(server)
