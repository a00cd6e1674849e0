# SPDX-License-Identifier: Apache-2.0
"""BurstFilter and BurstWeigher, on Nova's own handlers."""

from __future__ import annotations

import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import nova.conf
import pytest
from nova import objects
from nova.scheduler import filters as nova_filters
from nova.scheduler import weights as nova_weights
from nova.scheduler.host_manager import HostState
from request_specs import make_spec

from nova_spillway import conf as spillway_conf
from nova_spillway.scheduler import filters as burst_filters
from nova_spillway.scheduler import process_engine, source_host
from nova_spillway.scheduler.filters import BurstFilter
from nova_spillway.scheduler.weighers import BurstWeigher


def host(name: str, hypervisor_type: str = "QEMU") -> HostState:
    state = HostState(name, name, "cell1")
    state.hypervisor_type = hypervisor_type
    return state


PRIVATE = ["host1", "host2"]


@pytest.fixture
def cloud() -> list[HostState]:
    return [host("host1"), host("cloud1", "spillway"), host("host2")]


@pytest.fixture(autouse=True)
def options(policy_file: pathlib.Path) -> Iterator[None]:
    """Let the policy file of the test be the one of nova.conf."""
    conf = nova.conf.CONF
    spillway_conf.register_opts(conf)
    conf.set_override("policy_file", str(policy_file), group="spillway")
    process_engine._engine_for.cache_clear()
    yield
    conf.clear_override("policy_file", group="spillway")


def write_snapshot(policy_file: pathlib.Path, gate: str) -> None:
    now_ms = int(time.time() * 1000)
    gates = [{"scope": "cloud", "state": gate, "since_ms": now_ms, "forced": None, "signals": []}]
    snapshot = {
        "format": 1,
        "writer": "test",
        "written_at_ms": now_ms,
        "mode": None,
        "paused": False,
        "gates": gates,
    }
    (policy_file.parent / "snapshot.json").write_text(json.dumps(snapshot))


def passed(hosts: list[HostState], spec: objects.RequestSpec) -> list[str]:
    """Return the names of the hosts that Nova's filter handler keeps."""
    kept = nova_filters.HostFilterHandler().get_filtered_objects([BurstFilter()], hosts, spec)
    return [kept_host.host for kept_host in kept]


def best(hosts: list[HostState], spec: objects.RequestSpec) -> list[str]:
    """Return the names of the hosts in the order of Nova's weight handler."""
    weighed = nova_weights.HostWeightHandler().get_weighed_objects([BurstWeigher()], hosts, spec)
    return [weighed_host.obj.host for weighed_host in weighed]


def test_private_hosts_while_there_are_any(cloud: list[HostState]) -> None:
    assert passed(cloud, make_spec()) == PRIVATE


def test_burst_host_when_it_is_all_that_is_left(cloud: list[HostState]) -> None:
    assert passed(cloud[1:2], make_spec()) == ["cloud1"]


def test_burst_host_only_while_the_gate_is_open(
    cloud: list[HostState], policy_file: pathlib.Path
) -> None:
    write_snapshot(policy_file, "open")
    assert passed(cloud, make_spec()) == ["cloud1"]


def test_private_hosts_when_the_burst_host_is_not_among_the_candidates(
    cloud: list[HostState], policy_file: pathlib.Path
) -> None:
    write_snapshot(policy_file, "open")
    assert passed([cloud[0], cloud[2]], make_spec()) == PRIVATE


def test_several_servers_get_burst_hosts_behind_the_private_ones(cloud: list[HostState]) -> None:
    """Nova hands the filter's answer for the first server to the filter for the second."""
    spec = make_spec(num_instances=3)
    kept = passed(cloud, spec)
    assert kept == [*PRIVATE, "cloud1"]
    assert best(cloud, spec)[-1] == "cloud1"


def test_ineligible_request_finds_no_burst_host(cloud: list[HostState]) -> None:
    assert passed(cloud[1:2], make_spec(is_bfv=True, image=None)) == []


def test_burst_host_is_known_by_the_policy_too(cloud: list[HostState]) -> None:
    """A nova-compute that has not reported yet has no hypervisor type."""
    assert passed([cloud[0], host("cloud1", "")], make_spec()) == ["host1"]


def test_rebuild_and_forced_host_are_left_alone(cloud: list[HostState]) -> None:
    for changes in (
        {"scheduler_hints": {"_nova_check_type": ["rebuild"]}},
        {"requested_destination": objects.Destination(host="cloud1")},
    ):
        assert len(passed(cloud, make_spec(**changes))) == 3


@pytest.mark.parametrize(("is_burst", "allowed"), [(True, ["cloud1"]), (False, PRIVATE)])
def test_moves_stay_on_their_side(
    cloud: list[HostState],
    is_burst: bool,
    allowed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    policy_file: pathlib.Path,
) -> None:
    write_snapshot(policy_file, "open" if not is_burst else "closed")
    monkeypatch.setattr(burst_filters, "is_on_burst_host", lambda *args: is_burst)
    spec = make_spec(requested_destination=objects.Destination(cell=None))
    assert passed(cloud, spec) == allowed


def test_private_hosts_without_a_policy(cloud: list[HostState], policy_file: pathlib.Path) -> None:
    policy_file.unlink()
    assert passed(cloud, make_spec()) == PRIVATE


def test_private_hosts_when_ours_fails(
    cloud: list[HostState], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(burst_filters.requests, "kind_of_call", fail)
    assert passed(cloud, make_spec()) == PRIVATE
    assert best(cloud, make_spec()) == [*PRIVATE, "cloud1"]


def test_filter_writes_the_journal(cloud: list[HostState], policy_file: pathlib.Path) -> None:
    passed(cloud, make_spec())
    journal = (policy_file.parent / "journal.jsonl").read_text().splitlines()
    assert json.loads(journal[-1])["kind"] == "decision"


def test_weigher_puts_private_hosts_first(cloud: list[HostState]) -> None:
    assert best(cloud, make_spec()) == [*PRIVATE, "cloud1"]


def test_weigher_knows_the_order_of_burst_hosts(
    cloud: list[HostState], policy_file: pathlib.Path
) -> None:
    text = policy_file.read_text()
    one = text[text.index("[[burst_hosts]]") :].replace(
        "memory_mb = 4096", "memory_mb = 4096\nprice_usd_per_hour = 0.02"
    )
    other = one.replace("cloud1", "cloud2").replace("0.02", "0.01")
    policy_file.write_text(text[: text.index("[[burst_hosts]]")] + one + other)
    write_snapshot(policy_file, "open")
    hosts = [*cloud, host("cloud3", "spillway"), host("cloud2", "spillway")]
    left = nova_filters.HostFilterHandler().get_filtered_objects(
        [BurstFilter()], hosts, make_spec()
    )
    assert best(left, make_spec()) == ["cloud2", "cloud1"]


def test_hypervisor_type_is_the_drivers() -> None:
    assert source_host.HYPERVISOR_TYPE == "spillway"
