# SPDX-License-Identifier: Apache-2.0
"""Changes to a RequestSpec, and taking them back."""

from __future__ import annotations

import pytest
from nova import objects
from request_specs import make_spec

from nova_spillway.scheduler.burst_trait import TRAIT
from nova_spillway.scheduler.spec_changes import (
    BurstForbidden,
    SpecState,
    burst_copy,
    burst_required,
    private_copy,
)


def test_trait_is_forbidden_for_the_block_only() -> None:
    spec = make_spec()
    with BurstForbidden(spec):
        assert spec.root_forbidden == {TRAIT}
    assert spec.root_forbidden == set()


def test_trait_is_taken_out_after_an_exception() -> None:
    spec = make_spec()
    with pytest.raises(ValueError, match="x"), BurstForbidden(spec):
        raise ValueError("x")
    assert spec.root_forbidden == set()


def test_a_trait_that_was_forbidden_before_stays() -> None:
    spec = make_spec()
    spec.root_forbidden.add(TRAIT)
    with BurstForbidden(spec):
        pass
    assert spec.root_forbidden == {TRAIT}


def test_burst_required_drops_the_zone_for_the_block_only() -> None:
    spec = make_spec(availability_zone="zone1")
    with burst_required(spec):
        assert spec.root_required == {TRAIT}
        assert spec.availability_zone is None
    assert spec.root_required == set()
    assert spec.availability_zone == "zone1"


def test_copies_leave_the_original() -> None:
    spec = make_spec(availability_zone="zone1")
    private, burst = private_copy(spec), burst_copy(spec, "cloud1")
    assert private.root_forbidden == {TRAIT}
    assert private.availability_zone == "zone1"
    assert burst.root_required == {TRAIT}
    assert burst.requested_destination.host == "cloud1"
    assert burst.availability_zone is None
    assert spec.root_forbidden == spec.root_required == set()
    assert spec.requested_destination is None


def leave_traces(spec: objects.RequestSpec) -> None:
    """Change what Nova's request filters and host selection change."""
    if spec.requested_destination is None:
        spec.requested_destination = objects.Destination()
    spec.requested_destination.require_aggregates(["a1"])
    spec.requested_destination.append_forbidden_aggregates({"a2"})
    spec.root_required.add("COMPUTE_IMAGE_TYPE_QCOW2")
    spec.root_forbidden.add("COMPUTE_STATUS_DISABLED")
    spec.instance_uuid = "99999999-2222-3333-4444-555555555555"
    if spec.instance_group is not None:
        spec.instance_group.hosts.append("host1")


@pytest.mark.parametrize("destination", [None, objects.Destination(host="h", node="n")])
@pytest.mark.parametrize("group", [None, objects.InstanceGroup(policy="affinity", hosts=["h0"])])
def test_restore_undoes_what_an_attempt_left(
    destination: objects.Destination | None, group: objects.InstanceGroup | None
) -> None:
    spec = make_spec(requested_destination=destination, instance_group=group)
    spec.obj_reset_changes(recursive=True)
    before = spec.obj_to_primitive()
    state = SpecState(spec)
    for _ in range(2):  # Once more: a restored state must not share lists with the spec.
        leave_traces(spec)
        state.restore(spec)
        after = spec.obj_to_primitive()
        for key in ("requested_destination", "instance_uuid", "instance_group"):
            old, new = before["nova_object.data"][key], after["nova_object.data"][key]
            if isinstance(old, dict):
                old, new = old["nova_object.data"], new["nova_object.data"]
            assert new == old, key
        assert spec.root_required == spec.root_forbidden == set()


def test_restore_removes_a_destination_that_was_never_set() -> None:
    spec = make_spec()
    del spec._obj_requested_destination
    state = SpecState(spec)
    leave_traces_without_group = objects.Destination(host="h")
    spec.requested_destination = leave_traces_without_group
    state.restore(spec)
    assert "requested_destination" not in spec
