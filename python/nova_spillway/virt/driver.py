# SPDX-License-Identifier: Apache-2.0
"""Nova's virt driver for a burst host: ``compute_driver = spillway.SpillwayDriver``.

A thin adapter: it translates Nova's words into those of ``lifecycle`` and back. The only module of
this package that reads nova.conf.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

from nova import conf as nova_conf
from nova import exception
from nova.virt import configdrive, event, hardware
from oslo_log import log as logging
from oslo_service import loopingcall  # type: ignore[import-untyped]

from nova_spillway import _native, conf, providers
from nova_spillway.providers import api
from nova_spillway.scheduler import burst_trait
from nova_spillway.virt import (
    build_errors,
    inventory,
    launch_request,
    nova_records,
    power_states,
    refusals,
    spend_record,
)
from nova_spillway.virt.admission import Admission, Full
from nova_spillway.virt.fleet import Fleet, Presence
from nova_spillway.virt.launches import Launches
from nova_spillway.virt.lifecycle import Lifecycle
from nova_spillway.virt.policy_file import PolicyFile
from nova_spillway.virt.polling import Poll, Power
from nova_spillway.virt.reporting import Reporting
from nova_spillway.virt.settlement import Settlement
from nova_spillway.virt.spend_record import SpendRecord
from nova_spillway.virt.status import StatusSource

try:
    # Nova has node identities since 27.
    from nova.virt import node as virt_node
except ImportError:
    virt_node = None

LOG = logging.getLogger(__name__)
CONF = nova_conf.CONF

# A caller of get_info that wants no cache shares a listing this young with others.
_FRESH_SECS = 1.0


class SpillwayDriver(refusals.RefusingDriver):
    """One provider account and region as a compute host of Nova.

    Nothing is read, opened or started before ``init_host``: Nova may build the driver in a process
    that it forks afterwards.
    """

    capabilities: ClassVar[dict[str, bool]] = {
        **dict.fromkeys(refusals.RefusingDriver.capabilities, False),
        # The provider's image of the policy's mapping is launched; the format of Glance's file
        # does not matter.
        "supports_image_type_ami": True,
        "supports_image_type_qcow2": True,
        "supports_image_type_raw": True,
        "supports_image_type_vdi": True,
        "supports_image_type_vhd": True,
        "supports_image_type_vhdx": True,
        "supports_image_type_vmdk": True,
    }
    # Nova 22 and 23 ask for it.
    need_legacy_block_device_info = False

    _policy: PolicyFile
    _fleet: Fleet
    _admission: Admission
    _lifecycle: Lifecycle
    _poll: Poll
    _reporting: Reporting

    def __init__(self, virtapi: Any) -> None:
        """Keep Nova's callbacks."""
        super().__init__(virtapi)
        self._host = ""
        self._started_at = 0.0
        self._loop: Any = None

    # Start and stop.

    def init_host(self, host: str) -> None:
        """Read the policy file, make the first listing and start to poll.

        A provider that does not answer does not stop nova-compute; a policy file without this host
        does, since nothing could be done for any server.
        """
        conf.register_opts(CONF)
        self._host = host
        self._started_at = time.monotonic()
        path = CONF.spillway.policy_file
        self._policy = _read_policy(path, host)
        burst_host = self._policy.burst_host
        owner = api.Owner(burst_host.deployment, host)
        try:
            provider = providers.open_provider(
                burst_host.provider, burst_host.provider_options, owner
            )
        except api.InvalidRequest as error:
            raise exception.InvalidConfiguration(f"In the policy file {path}: {error}") from None
        self._assemble(provider, owner)
        self._poll.expect(nova_records.expected_servers(host))
        self._poll.look()
        self._reporting.start()
        interval = burst_host.poll_interval_secs
        # Pauses between polls: when EC2 is slow, they do not follow each other at once.
        self._loop = loopingcall.DynamicLoopingCall(self._look)
        self._loop.start(initial_delay=interval)
        LOG.info(
            "Burst host %s: deployment %s at provider %s, looked at every %s s",
            host,
            owner.deployment,
            burst_host.provider,
            interval,
        )

    def _assemble(self, provider: api.Provider, owner: api.Owner) -> None:
        """Put the parts together; nothing is called yet but Nova's records."""
        self._fleet = Fleet(provider)
        self._admission = Admission(self._fleet, self._policy.caps)
        launches = Launches()
        self._lifecycle = Lifecycle(provider, owner, self._fleet, self._admission, launches)
        records = nova_records.NovaServerRecords()
        settlement = Settlement(self._fleet, self._lifecycle, records, owner)
        self._poll = Poll(self._fleet, self._lifecycle, settlement, _Events(self))
        record = SpendRecord(spend_record.path_of(CONF.state_path, self._host))
        source = StatusSource(
            policy=self._policy,
            fleet=self._fleet,
            admission=self._admission,
            launches=launches,
            poll=self._poll,
            record=record,
            projects=nova_records.projects_of(self._host),
        )
        self._reporting = Reporting(source, record, self._policy.burst_host.metrics_listen)

    def cleanup_host(self, host: str) -> None:
        """Stop polling and serving metrics."""
        if self._loop is not None:
            self._loop.stop()
            self._reporting.stop()

    def _look(self) -> float:
        """Poll once. :returns: seconds until the next time; whatever happens, there is one."""
        try:
            self._policy.refresh()
            self._poll.run_once()
        except Exception:
            LOG.exception("A poll failed")
        self._reporting.after_poll()
        return self._policy.burst_host.poll_interval_secs

    # What runs here.

    def list_instance_uuids(self) -> list[str]:
        """Return the servers of this host that have a machine, by our tags.

        :raises nova.exception.VirtDriverNotReady: the provider cannot be asked, so it is not known.
        """
        self._require_listing()
        return sorted({machine.instance_uuid for machine in self._fleet.live()})

    def list_instances(self) -> list[str]:
        """Return the same servers by Nova's names for them."""
        names = nova_records.names_of(self._host)
        return [names[uuid] for uuid in self.list_instance_uuids() if uuid in names]

    def get_num_instances(self) -> int:
        """Return how many machines there are.

        :raises nova.exception.VirtDriverNotReady: it is not known, and Nova compares no states.
        """
        return len(self.list_instance_uuids())

    def instance_exists(self, instance: Any) -> bool:
        """Return whether the server has a machine, as far as is known."""
        return self._fleet.seen(instance.uuid).presence is Presence.PRESENT

    def get_info(self, instance: Any, use_cache: bool = True) -> hardware.InstanceInfo:
        """Return the server's power state. A machine that vanished is SHUTDOWN."""
        if not use_cache:
            try:
                self._fleet.refresh(max_age_secs=_FRESH_SECS)
            except api.ProviderError as error:
                LOG.info("Going by the last listing: %s", error, instance=instance)
        sighting = self._fleet.seen(instance.uuid)
        machine = sighting.machine
        return hardware.InstanceInfo(
            state=power_states.of_sighting(sighting), internal_id=machine.id if machine else None
        )

    def _require_listing(self) -> None:
        if not self._poll.is_blind:
            return
        try:
            self._fleet.refresh(max_age_secs=_FRESH_SECS)
        except api.ProviderError:
            raise exception.VirtDriverNotReady() from None

    # Launch and end.

    def spawn(
        self,
        context: Any,
        instance: Any,
        image_meta: Any,
        injected_files: Any,
        admin_password: Any,
        allocations: Any,
        network_info: Any = None,
        block_device_info: Any = None,
        power_on: bool = True,
        accel_info: Any = None,
    ) -> None:
        """Launch the server's machine and wait until it runs.

        :raises build_errors.LaunchRefused: this host cannot launch it; Nova tries the next one,
            which may be a private host that has what burst servers lack.
        """
        wanted = launch_request.obstacles(
            instance,
            block_device_info,
            injected_files,
            accel_info,
            bool(configdrive.required_by(instance)),
        )
        if wanted:
            refusal = build_errors.LaunchRefused(
                reason=f"a server on a burst host cannot have: {', '.join(wanted)}"
            )
            raise self._refused(context, instance, refusal)
        # Ports are made in the background; looking at them raises what went wrong with them,
        # and it should do so before a machine is paid for.
        if network_info is not None:
            len(network_info)
        record = nova_records.InstanceRecord(instance)
        try:
            mapping = self._policy.burst_host.map_launch(
                **launch_request.mapping_arguments(instance, image_meta)
            )
            server = launch_request.server_of(instance)
            with self._lifecycle.at_work_on(instance.uuid):
                machine = self._lifecycle.spawn(
                    server, mapping.size, mapping.provider_image, record
                )
                self._poll.expect({instance.uuid: Power.ON})
                self._reporting.count_spend()
        except (_native.Unmappable, Full, api.ProviderError) as error:
            record.forget()
            raise self._refused(context, instance, build_errors.reschedulable(error)) from None
        nova_records.show_address(instance, machine)

    def _refused(self, context: Any, instance: Any, refusal: Exception) -> Exception:
        """Tell operator and user of a launch that this host refuses; return what to raise."""
        LOG.warning("%s", refusal, instance=instance)
        nova_records.show_refusal(context, instance.uuid, self._host, refusal)
        return refusal

    def rebuild(
        self,
        context: Any,
        instance: Any,
        image_meta: Any,
        injected_files: Any,
        admin_password: Any,
        allocations: Any,
        bdms: Any,
        detach_block_devices: Any,
        attach_block_devices: Any,
        network_info: Any = None,
        evacuate: bool = False,
        block_device_info: Any = None,
        preserve_ephemeral: bool = False,
        accel_uuids: Any = None,
        reimage_boot_volume: bool = False,
    ) -> None:
        """Leave the work to Nova, which destroys and spawns, if the new image can be launched.

        :raises NotImplementedError: Nova's sign to do it by itself.
        """
        try:
            self._policy.burst_host.map_launch(
                **launch_request.mapping_arguments(instance, image_meta)
            )
        except _native.Unmappable as error:
            # Before anything was touched: the server stays as it was.
            raise exception.InstanceFaultRollback(
                inner_exception=build_errors.reschedulable(error)
            ) from None
        raise NotImplementedError

    def destroy(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        destroy_disks: bool = True,
        destroy_secrets: bool = True,
    ) -> None:
        """Terminate the server's machines; none is success.

        :raises nova.exception.InstanceTerminationFailure: the provider did not take it; ask again.
        """
        try:
            with self._lifecycle.at_work_on(instance.uuid):
                self._lifecycle.destroy(instance.uuid, nova_records.recorded_machine(instance))
                self._poll.forget(instance.uuid)
                self._reporting.count_spend()
        except api.ProviderError as error:
            raise exception.InstanceTerminationFailure(reason=str(error)) from None

    def cleanup(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        destroy_disks: bool = True,
        migrate_data: Any = None,
        destroy_vifs: bool = True,
        destroy_secrets: bool = True,
    ) -> None:
        """Do nothing: a machine's disks and interfaces end with it."""

    # Switch.

    def power_off(self, instance: Any, timeout: int = 0, retry_interval: int = 0) -> None:
        """Stop the machine; one that is gone is off.

        :param timeout: seconds that its operating system may take; 0 pulls the plug.
        """
        refusals.check_power_off(instance)
        try:
            with self._lifecycle.at_work_on(instance.uuid):
                self._lifecycle.power_off(instance.uuid, graceful_secs=timeout)
                self._poll.expect({instance.uuid: Power.OFF})
        except api.ProviderError as error:
            raise exception.InstancePowerOffFailure(reason=str(error)) from None

    def power_on(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        accel_info: Any = None,
        share_info: Any = None,
    ) -> None:
        """Start the machine. Its public address may be another one afterwards."""
        try:
            with self._lifecycle.at_work_on(instance.uuid):
                machine = self._lifecycle.power_on(instance.uuid)
                self._poll.expect({instance.uuid: Power.ON})
        except api.ProviderError as error:
            raise exception.InstancePowerOnFailure(reason=str(error)) from None
        nova_records.show_address(instance, machine)

    def reboot(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        reboot_type: str,
        block_device_info: Any = None,
        bad_volumes_callback: Any = None,
        accel_info: Any = None,
        share_info: Any = None,
    ) -> None:
        """Reboot by the operating system (SOFT), or stop and start the machine (HARD)."""
        try:
            with self._lifecycle.at_work_on(instance.uuid):
                machine = self._lifecycle.reboot(instance.uuid, hard=reboot_type == "HARD")
                self._poll.expect({instance.uuid: Power.ON})
        except api.ProviderError as error:
            raise exception.InstanceRebootFailure(reason=str(error)) from None
        nova_records.show_address(instance, machine)

    def get_console_output(self, context: Any, instance: Any) -> bytes:
        """Return the machine's serial console.

        :raises nova.exception.ConsoleNotAvailable: there is no machine, or no answer.
        """
        try:
            return self._lifecycle.console_output(instance.uuid)
        except api.ProviderError as error:
            LOG.info("No console: %s", error, instance=instance)
            raise exception.ConsoleNotAvailable() from None

    # The node.

    def get_available_nodes(self, refresh: bool = False) -> list[str]:
        """Return the one node, named as the host."""
        return [self._host]

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        """Return the one node under the identity that Nova keeps in its state folder."""
        return {virt_node.get_local_node_uuid(): self._host}

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        """Return the caps and what of them is taken."""
        resource = inventory.available_resource(
            nodename,
            self._policy.caps(),
            self._admission.usage(),
            self._policy.burst_host.architectures,
        )
        if virt_node is not None:
            resource["uuid"] = virt_node.get_local_node_uuid()
        return resource

    def update_provider_tree(
        self, provider_tree: Any, nodename: str, allocations: Any = None
    ) -> None:
        """Set the root provider's inventory to the caps, and mark it as a burst host.

        Traits that others set stay.
        """
        provider_tree.update_inventory(nodename, inventory.placement_inventory(self._policy.caps()))
        provider_tree.add_traits(nodename, burst_trait.TRAIT)

    def get_host_uptime(self) -> str:
        """Return how long this driver runs: the provider's own uptime is nobody's to know."""
        minutes = int(time.monotonic() - self._started_at) // 60
        return f"burst host {self._host} up {minutes // 60}:{minutes % 60:02d}"

    def get_host_ip_addr(self) -> str:
        """Return this host's own address."""
        return str(CONF.my_ip)

    # Ports: they stay Neutron's and unbound, and nothing waits for them.

    def plug_vifs(self, instance: Any, network_info: Any) -> None:
        """Do nothing: there is no interface on this host."""

    def unplug_vifs(self, instance: Any, network_info: Any) -> None:
        """Do nothing: there is no interface on this host."""

    def network_binding_host_id(self, context: Any, instance: Any) -> str | None:
        """Return None: the port is bound to no host."""
        return None

    def manages_network_binding_host_id(self) -> bool:
        """Return True: Nova must not bind the port to this host later on."""
        return True


def _read_policy(path: str, host: str) -> PolicyFile:
    """Read this host's part of the policy file.

    :raises nova.exception.InvalidConfiguration: it is bad, or has no such host.
    """
    try:
        return PolicyFile(path, host)
    except _native.PolicyError as error:
        raise exception.InvalidConfiguration(f"The policy file is bad: {error}") from None
    except KeyError:
        raise exception.InvalidConfiguration(
            f"The policy file {path} has no [[burst_hosts]] with the name {host!r}"
        ) from None


class _Events:
    """Tells Nova that a server went on or off."""

    def __init__(self, driver: SpillwayDriver) -> None:
        self._driver = driver

    def is_listening(self) -> bool:
        """Whether Nova takes events already: it registers after ``init_host``."""
        return self._driver._compute_event_callback is not None

    def power_changed(self, instance_uuid: str, power: Power) -> None:
        """Emit the event; Nova asks ``get_info`` before it acts on it."""
        transition = {
            Power.ON: event.EVENT_LIFECYCLE_STARTED,
            Power.OFF: event.EVENT_LIFECYCLE_STOPPED,
        }[power]
        self._driver.emit_event(event.LifecycleEvent(instance_uuid, transition))
