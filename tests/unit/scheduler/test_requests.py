# SPDX-License-Identifier: Apache-2.0
"""What is read from Nova's RequestSpec."""

from __future__ import annotations

from typing import Any

import pytest
from nova import objects
from request_specs import SERVER, make_flavor, make_spec

from nova_spillway.scheduler import requests


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, requests.BOOT),
        ({"availability_zone": "nova"}, requests.BOOT),
        ({"requested_destination": objects.Destination()}, requests.BOOT),
        ({"force_hosts": ["host1"]}, requests.FORCED),
        ({"force_nodes": ["node1"]}, requests.FORCED),
        ({"requested_destination": objects.Destination(host="host1")}, requests.FORCED),
        ({"requested_destination": objects.Destination(node="node1")}, requests.FORCED),
        ({"requested_destination": objects.Destination(cell=None, host="h")}, requests.MOVE),
        (
            {"requested_destination": objects.Destination(cell=objects.CellMapping(id=1))},
            requests.MOVE,
        ),
        ({"scheduler_hints": {"_nova_check_type": ["rebuild"]}}, requests.REBUILD),
        (
            {
                "scheduler_hints": {"_nova_check_type": ["rebuild"]},
                "requested_destination": objects.Destination(cell=None, host="h"),
            },
            requests.REBUILD,
        ),
    ],
)
def test_kind_of_call(changes: dict[str, Any], kind: str) -> None:
    assert requests.kind_of_call(make_spec(**changes)) == kind


def test_a_spec_without_optional_fields_is_a_boot() -> None:
    assert requests.kind_of_call(objects.RequestSpec()) == requests.BOOT


def test_kind_of_call_survives_the_message_bus() -> None:
    """A field that is set to None arrives as set to None: a resize across cells is a move."""
    spec = make_spec(requested_destination=objects.Destination(cell=None, host="h"))
    arrived = objects.RequestSpec.obj_from_primitive(spec.obj_to_primitive())
    assert requests.kind_of_call(arrived) == requests.MOVE


def test_every_field_reaches_the_core(recorded: Any) -> None:
    spec = make_spec(
        flavor=make_flavor(swap=512),
        availability_zone="nova",
        scheduler_hints={"spillway:burst": ["overflow"]},
        instance_group=objects.InstanceGroup(policy="anti-affinity", hosts=["host1"]),
    )
    line = recorded(requests.read_request(spec, requests.BOOT, [SERVER], "req-1"))
    assert line["request_id"] == "req-1"
    request = line["inputs"]["request"]
    text = str(request)
    for value in (
        "boot",
        "project",
        "m1.small",
        "2048",
        "20",
        "512",
        "spillway:size",
        "t3.micro",
        "155d900f-4e14-4e4c-a73d-069cbf4541e6",
        "debian-12",
        "debian",
        "x86_64",
        "nova",
        "overflow",
        "anti-affinity",
        "host1",
        SERVER,
    ):
        assert value in text, value


def test_same_request_after_the_message_bus(recorded: Any) -> None:
    spec = make_spec()
    arrived = objects.RequestSpec.obj_from_primitive(spec.obj_to_primitive())
    told = [
        recorded(requests.read_request(s, requests.BOOT, [SERVER], None))["inputs"]["request"]
        for s in (spec, arrived)
    ]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("changes", "obstacle"),
    [
        ({"is_bfv": True, "image": None}, "volume"),
        ({"image": None}, "no_image"),
        ({"image": objects.ImageMeta()}, "no_image"),
        ({"numa_topology": objects.InstanceNUMATopology(cells=[])}, "numa"),
        (
            {
                "pci_requests": objects.InstancePCIRequests(
                    requests=[objects.InstancePCIRequest(count=1)]
                )
            },
            "pci",
        ),
        ({"requested_resources": [objects.RequestGroup()]}, "port_resources"),
        ({"flavor": make_flavor(ephemeral_gb=1)}, "extra_disks"),
        ({"flavor": make_flavor(swap=512)}, "extra_disks"),
    ],
)
def test_obstacles(changes: dict[str, Any], obstacle: str, recorded: Any) -> None:
    line = recorded(requests.read_request(make_spec(**changes), requests.BOOT, [SERVER], None))
    assert obstacle in str(line["inputs"]["request"])
    assert line["decision"]["reasons"][0]["code"] == "obstacle"
    assert [attempt["kind"] for attempt in line["decision"]["attempts"]] == ["filter"]


def test_reading_leaves_the_spec_as_it_is() -> None:
    spec = make_spec()
    before = spec.obj_to_primitive()
    requests.kind_of_call(spec)
    requests.read_request(spec, requests.BOOT, [SERVER], None)
    assert spec.obj_to_primitive() == before
