# SPDX-License-Identifier: Apache-2.0
"""Fifty servers at once against private room for twenty, with four scheduler workers."""

from __future__ import annotations

import time
from collections import Counter

from tests.cloud.client import Cloud

SERVERS = 50
STORM_SECS = 600.0
"""Fifty boots cost some 160 CPU seconds on this kind of cloud, more with a busy machine."""


def test_fifty_at_once_against_private_room_for_twenty(cloud: Cloud) -> None:
    sizes = cloud.layout.sizes
    assert sizes.scheduler_workers == 4
    cloud.fill(room=20)
    began = time.monotonic()
    servers = cloud.settle(cloud.boot_each(SERVERS), STORM_SECS)
    took = time.monotonic() - began

    faults = Counter(str((server.fault or {}).get("message")) for server in servers)
    assert Counter(server.status for server in servers) == {"ACTIVE": SERVERS}, faults
    n_private = sum(cloud.is_private(server) for server in servers)
    n_burst = sum(cloud.is_burst(server) for server in servers)
    print(f"{n_private} private, {n_burst} burst, {took:.1f} s until all were ACTIVE")
    assert n_private + n_burst == SERVERS
    assert n_private > 0
    # Placement over-allocates full hosts at its stock setting, so 20 is no bound; most must burst.
    assert n_burst > 0

    machines = Counter(
        tag["Value"]
        for machine in cloud.live_machines()
        for tag in machine["Tags"]
        if tag["Key"] == "spillway:instance"
    )
    burst = {server.id for server in servers if cloud.is_burst(server)}
    assert machines == dict.fromkeys(burst, 1), "each burst server has one machine, no other any"
    for server in servers:
        assert len(cloud.allocated_hosts(server.id)) == 1, f"{server.id} is claimed twice"
        assert cloud.allocated_hosts(server.id) == [server.compute_host]
