# SPDX-License-Identifier: Apache-2.0
"""Nova's database, as the lifecycle and the settlement use it. Reached through the conductor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nova import context as nova_context
from nova import exception, objects
from nova.compute import power_state, task_states, vm_states
from nova.compute import utils as compute_utils
from oslo_log import log as logging

from nova_spillway.providers import api
from nova_spillway.virt import intent
from nova_spillway.virt.polling import Power
from nova_spillway.virt.settlement import ServerRecord

LOG = logging.getLogger(__name__)

LAUNCH_EVENT = "spillway_launch"
"""Name of the event of a server's action that holds why a burst host could not launch it."""


class InstanceRecord:
    """An instance's system metadata as the small memory of its launch."""

    def __init__(self, instance: Any) -> None:
        """Wrap the instance that Nova gave to ``spawn``."""
        self._instance = instance

    def load(self) -> Mapping[str, str]:
        """Return the system metadata."""
        return dict(self._instance.system_metadata)

    def save(self, values: Mapping[str, str]) -> None:
        """Save these values.

        :raises nova.exception.UnexpectedDeletingTaskStateError: the user deletes the server
            meanwhile; Nova expects this one and goes on with the deletion.
        """
        self._instance.system_metadata.update(values)
        self._instance.save(
            expected_task_state=[task_states.SPAWNING, task_states.REBUILD_SPAWNING]
        )

    def forget(self) -> None:
        """Take the launch out of the system metadata; Nova saves the instance after a failure.

        What is launched elsewhere afterwards is no burst server, and is told by these keys.
        """
        for key in intent.KEYS:
            self._instance.system_metadata.pop(key, None)


def show_refusal(context: Any, instance_uuid: str, host: str, refusal: Exception) -> None:
    """Add a failed event to the server's action, in whose details its user can read the refusal.

    The server's fault will not say it: when no alternate is left, Nova's own "exhausted all hosts"
    takes the place of what each host said.
    """
    try:
        with compute_utils.EventReporter(context, LAUNCH_EVENT, host, instance_uuid):
            raise refusal
    except Exception as error:
        if error is not refusal:
            LOG.warning("Server %s: its refusal cannot be shown: %s", instance_uuid, error)


def recorded_machine(instance: Any) -> str | None:
    """Return the machine's id that is saved with an instance; None also when it cannot be read."""
    try:
        metadata = dict(instance.system_metadata)
    except exception.NovaException:
        # A deleted instance that Nova reaps may come without its metadata; tags are enough.
        return None
    return metadata.get(intent.MACHINE) or None


def show_address(instance: Any, machine: api.Machine) -> None:
    """Show the machine's address as the server's access address, unless the user gave one.

    Nova saves the instance after the call. A public address changes with every start.
    """
    before = dict(instance.system_metadata).get(intent.SHOWN_ADDRESS)
    if instance.access_ip_v4 and str(instance.access_ip_v4) != before:
        return
    address = machine.public_address or machine.private_address
    if address:
        instance.access_ip_v4 = address
        instance.system_metadata[intent.SHOWN_ADDRESS] = address


class NovaServerRecords:
    """Reads what Nova knows about one server."""

    def find(self, instance_uuid: str) -> ServerRecord | None:
        """Return the server's record, None when it is deleted or was never there."""
        try:
            instance = objects.Instance.get_by_uuid(
                nova_context.get_admin_context(), instance_uuid, expected_attrs=["system_metadata"]
            )
        except exception.InstanceNotFound:
            return None
        return ServerRecord(
            host=instance.host,
            was_launched=instance.launched_at is not None,
            machine_id=recorded_machine(instance),
        )


def expected_servers(host: str) -> dict[str, Power | None]:
    """Return what Nova holds every launched server of this host for."""
    instances = objects.InstanceList.get_by_host(nova_context.get_admin_context(), host)
    held_for = {
        power_state.RUNNING: Power.ON,
        power_state.SHUTDOWN: Power.OFF,
        power_state.CRASHED: Power.OFF,
    }
    return {
        instance.uuid: held_for.get(instance.power_state)
        for instance in instances
        if instance.launched_at is not None and instance.vm_state != vm_states.DELETED
    }


def projects_of(host: str) -> dict[str, str]:
    """Return the projects of this host's servers, by uuid."""
    instances = objects.InstanceList.get_by_host(
        nova_context.get_admin_context(), host, expected_attrs=[]
    )
    return {instance.uuid: instance.project_id for instance in instances}


def names_of(host: str) -> dict[str, str]:
    """Return the names that Nova gives to this host's servers, by uuid."""
    instances = objects.InstanceList.get_by_host(
        nova_context.get_admin_context(), host, expected_attrs=[]
    )
    return {instance.uuid: instance.name for instance in instances}
