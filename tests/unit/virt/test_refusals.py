# SPDX-License-Identifier: Apache-2.0
"""The driver beside Nova's base class: same signatures, and nothing passes silently."""

from __future__ import annotations

import inspect
import types
from typing import Any

import pytest
from nova import exception
from nova.virt.driver import ComputeDriver

from nova_spillway.virt.driver import SpillwayDriver
from nova_spillway.virt.refusals import Refused

# What Nova's own answer is right for: it says "no", "nothing to do", or does the work by itself.
NOVAS_OWN = {
    # Nova does it by itself when the driver does not.
    "soft_delete",
    "restore",
    "default_root_device_name",
    "default_device_names_for_instance",
    "get_device_name_for_instance",
    "resume_state_on_host_boot",
    "set_host_enabled",
    "check_instance_shared_storage_local",
    # True for a burst host as they stand.
    "capabilities_as_traits",
    "check_instance_shared_storage_cleanup",
    "delete_instance_files",
    "cleanup_lingering_instance_resources",
    "emit_event",
    "register_event_listener",
    "instance_on_disk",
    "is_node_deleted",
    "is_supported_fs_format",
    "node_is_available",
    "process_instances_at_startup",
    # Nothing to do before or after a spawn.
    "prepare_for_spawn",
    "failed_spawn_cleanup",
    "prepare_networks_before_block_device_mapping",
    "clean_networks_preparation",
    "manage_image_cache",
    # Parts of a live migration, which is refused at its first step.
    "rollback_live_migration_at_source",
    "post_live_migration",
    "check_source_migrate_data_at_dest",
    "post_claim_migrate_data",
    "cleanup_live_migration_destination_check",
    "check_instance_shared_storage_remote",
    # Raise already, and no server's action ends there.
    "block_stats",
    "get_all_volume_usage",
    "get_host_cpu_stats",
    "get_instance_disk_info",
    "host_maintenance_mode",
    "host_power_action",
    "poll_rebooting_instances",
}


def base_methods() -> list[str]:
    return sorted(
        name
        for name, value in vars(ComputeDriver).items()
        if isinstance(value, types.FunctionType) and not name.startswith("_")
    )


@pytest.mark.parametrize("name", base_methods())
def test_the_signature_is_novas(name: str) -> None:
    def shape(function: Any) -> list[tuple[str, object, object]]:
        parameters = inspect.signature(function).parameters.values()
        return [(p.name, p.kind, p.default) for p in parameters]

    assert shape(getattr(SpillwayDriver, name)) == shape(getattr(ComputeDriver, name))


def test_every_method_of_novas_is_decided_about() -> None:
    """A method that a new Nova brings must be done, refused, or put on the list with a reason."""
    ours = {
        name
        for name in base_methods()
        if getattr(SpillwayDriver, name) is not getattr(ComputeDriver, name)
    }
    assert set(base_methods()) - ours == NOVAS_OWN - ours


@pytest.mark.parametrize(
    "name",
    [
        "attach_volume",
        "detach_volume",
        "attach_interface",
        "detach_interface",
        "inject_network_info",
        "migrate_disk_and_power_off",
        "snapshot",
        "pause",
        "suspend",
        "rescue",
        "set_admin_password",
        "trigger_crash_dump",
        "get_vnc_console",
        "get_volume_connector",
        "live_migration",
    ],
)
def test_a_refusal_says_so(name: str) -> None:
    method = getattr(SpillwayDriver(None), name)
    arguments = [None] * (len(inspect.signature(method).parameters))
    with pytest.raises(Refused, match="not possible for a server on a burst host"):
        method(*arguments)


@pytest.mark.parametrize(
    "name", ["check_can_live_migrate_source", "check_can_live_migrate_destination"]
)
def test_a_live_migration_is_refused_so_that_the_server_stays_as_it_was(name: str) -> None:
    method = getattr(SpillwayDriver(None), name)
    arguments = [None] * (len(inspect.signature(method).parameters))
    with pytest.raises(exception.MigrationPreCheckError, match="live migration is not possible"):
        method(*arguments)


def test_capabilities_are_honest() -> None:
    true = {name for name, value in SpillwayDriver.capabilities.items() if value}
    assert all(name.startswith("supports_image_type_") for name in true)
    assert set(SpillwayDriver.capabilities) == set(ComputeDriver.capabilities)
    assert SpillwayDriver.capabilities["supports_evacuate"] is False


def test_making_a_driver_opens_nothing() -> None:
    """Nova makes it before it may fork."""
    import threading

    before = threading.active_count()
    SpillwayDriver(None)
    assert threading.active_count() == before
