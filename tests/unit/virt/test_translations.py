# SPDX-License-Identifier: Apache-2.0
"""From Nova's words to ours and back, without Nova."""

from __future__ import annotations

import types
from typing import Any

import pytest

from nova_spillway.providers import api
from nova_spillway.virt import inventory, launch_request
from nova_spillway.virt.admission import Caps, Usage


def an_instance(**changes: Any) -> Any:
    values: dict[str, Any] = {
        "uuid": "u-1",
        "project_id": "p1",
        "hostname": "web",
        "image_ref": "image-1",
        "key_data": None,
        "user_data": None,
        "flavor": a_flavor(),
        "numa_topology": None,
        "pci_requests": None,
        "trusted_certs": None,
    }
    return types.SimpleNamespace(**{**values, **changes})


def a_flavor(**changes: Any) -> Any:
    values: dict[str, Any] = {
        "name": "m1.small",
        "vcpus": 2,
        "memory_mb": 1024,
        "root_gb": 20,
        "ephemeral_gb": 0,
        "swap": 0,
        "extra_specs": {"a": "b"},
    }
    return types.SimpleNamespace(**{**values, **changes})


def test_a_plain_server() -> None:
    server = launch_request.server_of(an_instance())
    assert (server.uuid, server.project_id, server.hostname) == ("u-1", "p1", "web")
    assert server.claim == api.Claim(2, 1024, 20)
    assert (server.root_gb, server.key, server.user_data) == (20, None, b"")


def test_user_data_is_decoded_and_never_quoted() -> None:
    assert launch_request.server_of(an_instance(user_data="aGk=")).user_data == b"hi"
    with pytest.raises(api.InvalidRequest) as raised:
        launch_request.server_of(an_instance(user_data="canary7"))
    assert "canary" not in str(raised.value)


def test_a_server_without_a_hostname_is_named_by_its_uuid() -> None:
    assert launch_request.server_of(an_instance(hostname=None)).hostname == "u-1"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"flavor": a_flavor(ephemeral_gb=1)}, "ephemeral"),
        ({"flavor": a_flavor(swap=512)}, "swap"),
        ({"numa_topology": object()}, "NUMA"),
        ({"pci_requests": types.SimpleNamespace(requests=[object()])}, "PCI"),
        ({"trusted_certs": object()}, "certificates"),
        ({"image_ref": ""}, "booting from a volume"),
    ],
)
def test_each_obstacle_has_its_words(changes: dict[str, Any], word: str) -> None:
    (obstacle,) = launch_request.obstacles(an_instance(**changes), None, None, None, False)
    assert word in obstacle


def test_all_obstacles_are_named_at_once() -> None:
    instance = an_instance(flavor=a_flavor(swap=1))
    assert len(launch_request.obstacles(instance, {}, [("f", b"x")], [], True)) == 3
    assert launch_request.obstacles(an_instance(), {}, [], [], False) == []


def test_a_cap_of_nothing_is_no_inventory() -> None:
    caps = Caps(servers=1, vcpus=4, memory_mb=1024, disk_gb=0)
    assert set(inventory.placement_inventory(caps)) == {"VCPU", "MEMORY_MB"}


def test_what_is_free_is_never_negative() -> None:
    caps = Caps(servers=1, vcpus=4, memory_mb=1024, disk_gb=10)
    resource = inventory.available_resource("n", caps, Usage(1, 4, 1024, 30), ["aarch64"])
    assert resource["disk_available_least"] == 0
    assert resource["supported_instances"] == [("aarch64", "kvm", "hvm")]


def test_states_are_live_until_they_end() -> None:
    live = {state for state in api.MachineState if state.is_live}
    assert live == set(api.MachineState) - {
        api.MachineState.TERMINATING,
        api.MachineState.TERMINATED,
    }
