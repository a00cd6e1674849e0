# SPDX-License-Identifier: Apache-2.0
"""The sidecar's bad days: whatever becomes of it, no boot fails or waits, and it says what is."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.cloud import infrastructure, waiting
from tests.cloud.client import SETTLED_SECS, Cloud
from tests.cloud.journal import reason_codes
from tests.cloud.sidecar import GATE_SECS, Sidecar, check_metrics
from tests.cloud.signals import SIGNAL, Arrivals, Scraped
from tests.cloud.stacks import stack

STALE_SECS = 3
"""How old a snapshot may be here, so that a test need not wait for long."""

DECIDED_MS = 10_000.0
"""Bound on one scheduling, here on a busy machine; what waits for a dead process takes longer."""

BACK_SECS = 10.0
"""The sidecar consumes again within this time of the broker's return."""

DEAD_BROKER_SECS = 15.0
GROWTH_KIB = 4096
"""What a process may gain while its broker is away: its allocator's slack, and no backlog."""
RESIDENT_KIB = 65536
"""Bound on the sidecar's whole memory. Seen: 29 MiB with all five sources."""


def short_lived(load: Scraped) -> dict[str, Any]:
    """Return the sidecar's tables with snapshots that are soon stale."""
    path = str(load.cloud.layout.snapshot_file)
    return load.tables(snapshot={"path": path, "stale_after_secs": STALE_SECS})


def codes_of_a_boot(cloud: Cloud, *, burst: bool) -> list[str]:
    """Boot a server, see it placed at once and where it should be, and return the reasons."""
    server = cloud.place()
    assert server.status == "ACTIVE", server.fault
    assert cloud.is_burst(server) == burst, cloud.account(server)
    decision = cloud.journal.decision(server.id)
    assert cloud.journal.outcome(decision)["elapsed_ms"] < DECIDED_MS
    return reason_codes(decision)


@pytest.mark.parametrize("fate", ["killed", "hung"])
def test_without_its_sidecar_the_cloud_schedules_on_and_says_so(
    cloud: Cloud, sidecar: Sidecar, fate: str
) -> None:
    with Scraped(cloud) as load:
        sidecar.start(short_lived(load))
        load.begin()
        sidecar.wait_for_gate("open")
        assert "gate_open" in codes_of_a_boot(cloud, burst=True)
        if fate == "killed":
            sidecar.kill()
        else:
            sidecar.hang()
        written = cloud.layout.snapshot_file.stat().st_mtime_ns
        # The last word still holds while it is fresh; no server is lost at the turn.
        for server in cloud.settle(cloud.boot_each(4)):
            assert server.status == "ACTIVE", server.fault
        waiting.until(lambda: "snapshot_stale" in codes(cloud), "the snapshot is stale", GATE_SECS)
        assert "snapshot_stale" in codes_of_a_boot(cloud, burst=False)
        assert cloud.layout.snapshot_file.stat().st_mtime_ns == written
        if fate == "hung":
            os.kill(sidecar.pid, signal.SIGCONT)
        else:
            sidecar.start_again()
        sidecar.wait_for_gate("open")
        waiting.until(
            lambda: cloud.layout.snapshot_file.stat().st_mtime_ns != written,
            "the snapshot is written again",
            GATE_SECS,
        )
        assert "gate_open" in codes_of_a_boot(cloud, burst=True)


def codes(cloud: Cloud) -> list[str]:
    """Boot a server, wherever it goes, and return the reasons."""
    return reason_codes(cloud.journal.decision(cloud.place().id))


def test_an_upgrade_under_load_is_seen_by_no_server(cloud: Cloud, sidecar: Sidecar) -> None:
    with Scraped(cloud) as load, ThreadPoolExecutor(1) as beside:
        sidecar.start(load.tables())
        load.begin()
        sidecar.wait_for_gate("open")
        done = threading.Event()

        def boot_on() -> list[Any]:
            servers = []
            while not done.is_set():
                servers += cloud.settle(cloud.boot())
            return servers

        booting = beside.submit(boot_on)
        try:
            for _ in range(3):
                sidecar.stop()
                n_before = len(cloud.journal.lines("outcome"))
                waiting.until(
                    lambda n=n_before: booting.done() or len(cloud.journal.lines("outcome")) > n,
                    "a server is placed while there is no sidecar",
                    SETTLED_SECS,
                )
                sidecar.start_again()
                assert sidecar.gate()["effective"] == "open"
        finally:
            done.set()
        servers = booting.result(SETTLED_SECS)
        assert len(servers) >= 3
        for server in servers:
            assert server.status == "ACTIVE", server.fault
            assert cloud.is_burst(server), cloud.account(server)


def test_the_sidecar_outlives_its_broker(cloud: Cloud, sidecar: Sidecar) -> None:
    arrivals = Arrivals(cloud)
    with Scraped(cloud) as load:
        # Two sources: the broker's end must not be felt by the other.
        tables = load.tables()
        tables["sources"].update(arrivals.source)
        entry = {"name": "arrivals", "open_at": 900.0, "close_at": 800.0, "stale_after_secs": 60}
        tables["signals"].append({**entry, **arrivals.measured_by})
        sidecar.start(tables)
        waiting.until(lambda: connected(sidecar), "the broker is connected", GATE_SECS)
        cloud.place()
        waiting.until(
            lambda: "instance.create.end" in events(sidecar),
            lambda: f"notifications are heard: {events(sidecar)}",
            GATE_SECS,
        )

        for pid in cloud.supervisor.members("rabbitmq"):
            os.kill(pid, signal.SIGKILL)
        try:
            waiting.until(lambda: not connected(sidecar), "the broker is missed", GATE_SECS)
            before = sidecar.resident_kib()
            load.begin()
            sidecar.wait_for_gate("open")
            with pytest.raises(waiting.DeadlineExceeded):
                waiting.until(lambda: connected(sidecar), "never", DEAD_BROKER_SECS)
            assert sidecar.resident_kib() - before < GROWTH_KIB
        finally:
            cloud.supervisor.start(infrastructure.rabbitmq(cloud.layout))
            infrastructure.wait_for_port(cloud.layout, "rabbitmq")
        # Nova makes its exchange when one of its own daemons is back; before there is no end to
        # bind the queue to.
        waiting.until(
            lambda: "nova" in infrastructure.rabbitmqctl(cloud.layout, "list_exchanges", "name"),
            "Nova's exchange is back",
            SETTLED_SECS,
        )
        waiting.until(lambda: connected(sidecar), "the sidecar is back", BACK_SECS)
        # What Nova sends before its daemons listen again is lost, with or without a sidecar.
        waiting.until(lambda: not deaf(cloud), lambda: f"deaf: {deaf(cloud)}", SETTLED_SECS)
        # A report that was lost with the broker is waited for until its RPC call times out.
        cloud.until_hosts_report()
        count = sum(events(sidecar).values())
        load.end()
        sidecar.wait_for_gate("closed")
        server = cloud.place()
        assert server.status == "ACTIVE", server.fault
        waiting.until(lambda: sum(events(sidecar).values()) > count, "it hears again", GATE_SECS)
        assert sidecar.resident_kib() < RESIDENT_KIB


def deaf(cloud: Cloud) -> set[str]:
    """Return the queues of Nova's and Heat's daemons that nobody listens to."""
    hosts = [*cloud.layout.private_hosts, cloud.layout.burst_host]
    wanted = {"conductor", "scheduler", "engine", *(f"compute.{host}" for host in hosts)}
    listed = infrastructure.rabbitmqctl(cloud.layout, "list_queues", "name", "consumers")
    rows = [line.split("\t") for line in listed.splitlines()]
    return wanted - {name for name, consumers in rows if int(consumers) > 0}


def connected(sidecar: Sidecar) -> bool:
    """Return whether the sidecar says that it consumes."""
    return bool(sidecar.source("notifications")["connected"])


def events(sidecar: Sidecar) -> dict[str, int]:
    """Return the notifications that the sidecar counted, by event."""
    counted: dict[str, int] = sidecar.source("notifications")["notifications"]
    return counted


def test_novas_own_queues_keep_their_copies_and_stay_short(cloud: Cloud, sidecar: Sidecar) -> None:
    sidecar.start(Arrivals(cloud).tables())
    waiting.until(lambda: connected(sidecar), "the broker is connected", GATE_SECS)
    cloud.place()
    listed = infrastructure.rabbitmqctl(cloud.layout, "list_queues", "name", "messages", "policy")
    queues = {words[0]: words for line in listed.splitlines() if (words := line.split("\t"))}
    for name in ("notifications.info", "versioned_notifications.info"):
        _, messages, policy = queues[name]
        assert int(messages) > 0, "somebody took what is not theirs"
        assert policy == "notifications nobody reads"
    assert "spillway" in queues


def test_a_bad_policy_is_refused_and_said_everywhere(cloud: Cloud, sidecar: Sidecar) -> None:
    with Scraped(cloud) as load:
        sidecar.start(load.tables())
        load.begin()
        sidecar.wait_for_gate("open")
        good = cloud.layout.policy_file.read_text()
        digest = sidecar.status()["config"]["digest"]
        logged = len(sidecar.log())
        assert sidecar.metric("spillway_config_rejected") == 0
        cloud.use_policy_text(good.replace("close_after_secs", "close_afer_secs"))
        waiting.until(
            lambda: sidecar.metric("spillway_config_rejected") == 1, "it is refused", GATE_SECS
        )
        config = sidecar.status()["config"]
        assert config["digest"] == digest
        assert "close_afer_secs" in config["refusal"]
        assert "close_afer_secs" in sidecar.page()
        assert any("close_afer_secs" in line for line in sidecar.log()[logged:])
        assert sidecar.gate()["effective"] == "open"
        load.end()
        sidecar.wait_for_gate("closed")

        cloud.use_policy_text(good.replace("close_after_secs = 3", "close_after_secs = 4"))
        waiting.until(
            lambda: sidecar.metric("spillway_config_rejected") == 0, "it is taken", GATE_SECS
        )
        assert sidecar.status()["config"]["digest"] != digest


def test_the_snapshot_says_whose_it_is_and_is_for_its_readers_alone(
    cloud: Cloud, sidecar: Sidecar
) -> None:
    with Scraped(cloud) as load:
        sidecar.start(load.tables())
        sidecar.wait_for_signal(SIGNAL)
        snapshot = json.loads(cloud.layout.snapshot_file.read_text())
        assert snapshot["format"] == 1
        assert snapshot["writer"] == f"spillway {sidecar.status()['version']}"
        assert snapshot["owner"] == f"{socket.gethostname()}:{sidecar.pid}"
        assert snapshot.get("mode") is None, "no operator said anything"
        there = cloud.layout.snapshot_file.stat()
        assert stat.S_IMODE(there.st_mode) == 0o640
        assert there.st_gid == cloud.layout.snapshot_file.parent.stat().st_gid


def test_an_operators_word_goes_before_the_signals(cloud: Cloud, sidecar: Sidecar) -> None:
    with Scraped(cloud) as load:
        sidecar.start(load.tables())
        sidecar.wait_for_signal(SIGNAL)
        # Written down and published when it answers: the very next boot obeys.
        sidecar.post("/gate", {"scope": None, "state": "open", "for_secs": 3600})
        forced = cloud.place()
        assert cloud.is_burst(forced), cloud.account(forced)
        sidecar.post("/pause", {})
        assert cloud.is_private(cloud.place())
        sidecar.restart()
        assert cloud.is_private(cloud.place()), "a restart forgot an operator's pause"
        sidecar.post("/resume", {})
        resumed = cloud.place()
        assert cloud.is_burst(resumed), cloud.account(resumed)
        sidecar.post("/mode", {"mode": "shadow"})
        shadowed = cloud.place()
        assert cloud.is_private(shadowed)
        decision = cloud.journal.decision(shadowed.id)["decision"]
        assert decision["shadow_attempts"][0]["kind"] == "hybrid"
        sidecar.post("/mode", {"mode": "policy"})
        sidecar.post("/gate", {"scope": "cloud", "state": "auto", "for_secs": None})
        assert cloud.is_private(cloud.place())


def test_what_the_sidecar_and_the_burst_host_expose_is_clean(
    cloud: Cloud, sidecar: Sidecar
) -> None:
    with Scraped(cloud) as load:
        sidecar.start(load.tables())
        sidecar.wait_for_signal(SIGNAL)
        cloud.place()
        assert check_metrics(sidecar.page("/metrics")) == ""
        burst_host = cloud.layout.url("burst-metrics", "/metrics")
        with urllib.request.urlopen(burst_host, timeout=10) as answer:
            assert check_metrics(answer.read().decode()) == ""


def test_a_scaling_group_follows_the_gate(cloud: Cloud, sidecar: Sidecar) -> None:
    with stack(cloud, "group") as group, Scraped(cloud) as load:
        tables = load.tables()
        on_gate = {"stack": group.name, "on_open": "up", "on_close": "down"}
        tables["sources"]["heat"] = {"interval_secs": 1.0, "on_gate": [on_gate]}
        sidecar.start(tables)
        sidecar.wait_for_signal(SIGNAL)
        sidecar.wait_for_gate("closed")
        assert group.output("current_size") == 1
        for step, state, size in ((load.begin, "open", 2), (load.end, "closed", 1)):
            step()
            sidecar.wait_for_gate(state)
            waiting.until(
                lambda size=size: group.output("current_size") == size,
                lambda: f"the group has {group.output('current_size')} members",
                GATE_SECS,
                0.3,
            )
