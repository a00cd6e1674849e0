# SPDX-License-Identifier: Apache-2.0
"""A server on the burst host and its machine: one each, in step, through crashes."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.cloud import services, waiting
from tests.cloud.client import SETTLED_SECS, Cloud

NOVA_SHUTDOWN = 4
"""nova.objects.fields.InstancePowerState.SHUTDOWN, as the API gives it."""

POLL_SECS = 5.0
"""Poll interval of the burst host in the test that counts polls: long against Nova's own work."""


def burst_server(cloud: Cloud, **arguments: Any) -> Any:
    """Return an ACTIVE server on the burst host."""
    cloud.open_gate()
    server = cloud.place(**arguments)
    assert server.status == "ACTIVE", server.fault
    assert cloud.is_burst(server)
    return server


def machine_state(cloud: Cloud, server_id: str) -> str:
    """Return the EC2 state of a server's one machine."""
    (machine,) = cloud.machines(server_id)
    return str(machine["State"]["Name"])


def test_delete_terminates_the_machine(cloud: Cloud) -> None:
    server = burst_server(cloud)
    assert machine_state(cloud, server.id) == "running"
    cloud.delete([server.id])
    waiting.until(
        lambda: machine_state(cloud, server.id) == "terminated",
        "the machine is terminated",
        SETTLED_SECS,
    )


def test_the_machine_carries_its_owner_and_the_users_data(cloud: Cloud) -> None:
    script = base64.b64encode(b"#!/bin/sh\necho spillway\n").decode()
    server = burst_server(cloud, user_data=script)
    (machine,) = cloud.machines(server.id)
    tags = {tag["Key"]: tag["Value"] for tag in machine["Tags"]}
    assert tags["spillway:instance"] == server.id
    assert tags["spillway:burst-host"] == cloud.layout.burst_host
    assert machine["InstanceType"] == "t3.micro"
    answer = cloud.ec2.describe_instance_attribute(
        InstanceId=machine["InstanceId"], Attribute="userData"
    )
    assert answer["UserData"]["Value"] == script


def test_stop_start_and_reboot_reach_the_machine(cloud: Cloud) -> None:
    server = burst_server(cloud)
    compute = cloud.demo.compute

    def status_is(status: str) -> bool:
        now = cloud.server(server.id)
        return bool(now.status == status and not now.task_state)

    compute.stop_server(server)
    waiting.until(lambda: status_is("SHUTOFF"), "the server is SHUTOFF", SETTLED_SECS)
    assert machine_state(cloud, server.id) == "stopped"
    compute.start_server(server)
    waiting.until(lambda: status_is("ACTIVE"), "the server is ACTIVE", SETTLED_SECS)
    assert machine_state(cloud, server.id) == "running"
    for kind in ("SOFT", "HARD"):
        compute.reboot_server(server, kind)
        waiting.until(lambda: status_is("ACTIVE"), f"ACTIVE after {kind} reboot", SETTLED_SECS)
        assert machine_state(cloud, server.id) == "running"
    assert compute.get_server_console_output(server)["output"] is not None


def test_a_machine_terminated_in_ec2_shows_shutdown_within_two_polls(cloud: Cloud) -> None:
    cloud.use_policy(lambda p: p["burst_hosts"][0].update(poll_interval_secs=POLL_SECS))
    cloud.set_compute_right(cloud.layout.burst_host)
    server = burst_server(cloud)
    (machine,) = cloud.machines(server.id)
    cloud.ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])
    waiting.until(
        lambda: cloud.server(server.id).power_state == NOVA_SHUTDOWN,
        lambda: f"two polls later: power state {cloud.server(server.id).power_state}",
        2 * POLL_SECS,
    )
    waiting.until(
        lambda: cloud.server(server.id).status == "SHUTOFF",
        "the server is SHUTOFF",
        SETTLED_SECS,
    )


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_in_the_middle_of_a_spawn_leaves_one_machine_or_none(
    cloud: Cloud, when: str
) -> None:
    """``when`` nova-compute is killed: before EC2 has the launch, or after it carried it out."""
    host = cloud.layout.burst_host
    cloud.open_gate()
    cloud.hold_launches(when)
    (server_id,) = cloud.boot()
    waiting.until(lambda: cloud.held_launches() == 1, "the launch hangs", SETTLED_SECS)
    cloud.supervisor.kill(services.compute_name(host))
    cloud.be_kind()
    waiting.until(lambda: cloud.held_launches() == 0, "the launch was let go", SETTLED_SECS)
    assert len(cloud.live_machines(server_id)) == (0 if when == "before" else 1)

    cloud.start_compute(host)
    (server,) = cloud.settle([server_id])
    if server.status == "ACTIVE":
        assert machine_state(cloud, server_id) == "running"
    else:
        assert len(cloud.live_machines(server_id)) <= 1

    # The restarted host works, and what the crash left goes with its server.
    assert burst_server(cloud).status == "ACTIVE"
    cloud.delete([server_id])
    waiting.until(
        lambda: not cloud.live_machines(server_id), "no machine is left of it", SETTLED_SECS
    )


def test_a_restart_of_the_burst_host_leaves_its_servers_alone(cloud: Cloud) -> None:
    server = burst_server(cloud)
    cloud.restart_compute(cloud.layout.burst_host)
    polls = cloud.ec2_state()["seen"].get("DescribeInstances", 0)
    waiting.until(
        lambda: cloud.ec2_state()["seen"].get("DescribeInstances", 0) >= polls + 2,
        "the burst host polled twice",
        SETTLED_SECS,
    )
    now = cloud.server(server.id)
    assert now.status == "ACTIVE"
    assert machine_state(cloud, server.id) == "running"
