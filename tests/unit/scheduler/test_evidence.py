# SPDX-License-Identifier: Apache-2.0
"""Counting room in Placement's answers."""

from __future__ import annotations

from typing import Any

import pytest

from nova_spillway.scheduler.candidates import Candidates
from nova_spillway.scheduler.evidence import count_fits


def room(**classes: tuple[int, int]) -> dict[str, Any]:
    """Return a provider summary; each class is (capacity, used)."""
    return {
        "resources": {
            name: {"capacity": capacity, "used": used} for name, (capacity, used) in classes.items()
        }
    }


def request(**providers: dict[str, int]) -> dict[str, Any]:
    """Return an allocation request."""
    return {
        "allocations": {name: {"resources": resources} for name, resources in providers.items()}
    }


def test_no_candidates_is_no_room() -> None:
    assert count_fits(Candidates([], {}, "1.36")) == 0


def test_scarcest_class_counts() -> None:
    summaries = {"a": room(VCPU=(8, 3), MEMORY_MB=(4096, 0), DISK_GB=(100, 0))}
    wanted = request(a={"VCPU": 1, "MEMORY_MB": 1024, "DISK_GB": 10})
    assert count_fits(Candidates([wanted], summaries, "1.36")) == 4


def test_hosts_add_up() -> None:
    summaries = {"a": room(VCPU=(4, 0)), "b": room(VCPU=(4, 1))}
    requests = [request(a={"VCPU": 2}), request(b={"VCPU": 2})]
    assert count_fits(Candidates(requests, summaries, "1.36")) == 3


def test_shared_storage_is_counted_once() -> None:
    summaries = {
        "a": room(VCPU=(10, 0)),
        "b": room(VCPU=(10, 0)),
        "storage": room(DISK_GB=(70, 0)),
    }
    requests = [
        request(a={"VCPU": 1}, storage={"DISK_GB": 20}),
        request(b={"VCPU": 1}, storage={"DISK_GB": 20}),
    ]
    assert count_fits(Candidates(requests, summaries, "1.36")) == 3


def test_two_ways_to_one_host_are_counted_once() -> None:
    summaries = {"a": room(VCPU=(2, 0)), "a-1": room(VGPU=(1, 0)), "a-2": room(VGPU=(1, 0))}
    requests = [
        request(a={"VCPU": 1}, **{"a-1": {"VGPU": 1}}),
        request(a={"VCPU": 1}, **{"a-2": {"VGPU": 1}}),
    ]
    assert count_fits(Candidates(requests, summaries, "1.36")) == 2


@pytest.mark.parametrize("used", [4, 9])
def test_full_or_overfull_is_no_room(used: int) -> None:
    """Placement over-allocates under concurrent claims, so more can be used than there is."""
    summaries = {"a": room(VCPU=(4, used))}
    assert count_fits(Candidates([request(a={"VCPU": 1})], summaries, "1.36")) == 0


def test_a_resource_that_is_not_in_the_summary_is_no_room() -> None:
    assert count_fits(Candidates([request(a={"VCPU": 1})], {}, "1.36")) == 0
