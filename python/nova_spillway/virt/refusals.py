# SPDX-License-Identifier: Apache-2.0
"""What a burst server cannot do, each with its sentence.

Nova's base class raises for most of it, without a word, and passes silently over the rest. A
refusal must end in a failed action of the server, never in a success, and must leave the server as
it was. ``NotImplementedError`` does that where Nova expects it; elsewhere another exception is
needed.
"""

from __future__ import annotations

import functools
from typing import Any, Callable

from nova import exception
from nova.compute import task_states
from nova.virt import driver


class Refused(NotImplementedError):
    """This is not possible for a server on a burst host."""

    def __init__(self, what: str) -> None:
        """Say what is refused."""
        super().__init__(f"{what} is not possible for a server on a burst host")


def _refuse(what: str) -> Exception:
    return Refused(what)


def _refuse_move(what: str) -> Exception:
    # The conductor knows this one and leaves the server as it was; others put it into ERROR.
    refusal: Exception = exception.MigrationPreCheckError(reason=str(Refused(what)))
    return refusal


_A_VOLUME = "a volume"
_AN_INTERFACE = "adding or removing an interface"
_RESIZE = "resize or cold migration"
_LIVE_MIGRATION = "live migration"
_SHARE = "a share"
_PAUSE = "pausing"
_SUSPEND = "suspending"
_RESCUE = "rescue"
_DIAGNOSTICS = "diagnostics"
_QUIESCE = "quiescing"
_VOLUME_SNAPSHOT = "a volume snapshot"

_REFUSED: dict[str, tuple[str, Callable[[str], Exception]]] = {
    "attach_volume": (_A_VOLUME, _refuse),
    "detach_volume": (_A_VOLUME, _refuse),
    "swap_volume": (_A_VOLUME, _refuse),
    "extend_volume": (_A_VOLUME, _refuse),
    "get_volume_connector": (_A_VOLUME, _refuse),
    "volume_snapshot_create": (_VOLUME_SNAPSHOT, _refuse),
    "volume_snapshot_delete": (_VOLUME_SNAPSHOT, _refuse),
    "attach_interface": (_AN_INTERFACE, _refuse),
    "detach_interface": (_AN_INTERFACE, _refuse),
    # The base class passes over this one, and the API would report success.
    "inject_network_info": ("injecting network information", _refuse),
    "migrate_disk_and_power_off": (_RESIZE, _refuse),
    "finish_migration": (_RESIZE, _refuse),
    "confirm_migration": (_RESIZE, _refuse),
    "finish_revert_migration": (_RESIZE, _refuse),
    "check_can_live_migrate_destination": (_LIVE_MIGRATION, _refuse_move),
    "check_can_live_migrate_source": (_LIVE_MIGRATION, _refuse_move),
    "pre_live_migration": (_LIVE_MIGRATION, _refuse),
    "live_migration": (_LIVE_MIGRATION, _refuse),
    "live_migration_abort": (_LIVE_MIGRATION, _refuse),
    "live_migration_force_complete": (_LIVE_MIGRATION, _refuse),
    "post_live_migration_at_source": (_LIVE_MIGRATION, _refuse),
    "post_live_migration_at_destination": (_LIVE_MIGRATION, _refuse),
    "rollback_live_migration_at_destination": (_LIVE_MIGRATION, _refuse),
    "snapshot": ("a snapshot", _refuse),
    "pause": (_PAUSE, _refuse),
    "unpause": (_PAUSE, _refuse),
    "suspend": (_SUSPEND, _refuse),
    "resume": (_SUSPEND, _refuse),
    "rescue": (_RESCUE, _refuse),
    "unrescue": (_RESCUE, _refuse),
    "quiesce": (_QUIESCE, _refuse),
    "unquiesce": (_QUIESCE, _refuse),
    "set_admin_password": ("setting the password", _refuse),
    "trigger_crash_dump": ("a crash dump", _refuse),
    "get_vnc_console": ("a VNC console", _refuse),
    "get_spice_console": ("a SPICE console", _refuse),
    "get_rdp_console": ("an RDP console", _refuse),
    "get_serial_console": ("a serial console", _refuse),
    "get_mks_console": ("an MKS console", _refuse),
    "get_diagnostics": (_DIAGNOSTICS, _refuse),
    "get_instance_diagnostics": (_DIAGNOSTICS, _refuse),
    "mount_share": (_SHARE, _refuse),
    "umount_share": (_SHARE, _refuse),
    "is_share_mounted": (_SHARE, _refuse),
    "cache_image": ("caching an image", _refuse),
    "power_update_event": ("a power update from outside", _refuse),
}

# Nova powers a server off before it asks the driver for these, and they are refused: refused at the
# first step, the server keeps running.
_POWER_OFF_REFUSED_FOR = {
    task_states.RESCUING: _RESCUE,
    task_states.SHELVING: "shelving",
}


def check_power_off(instance: Any) -> None:
    """Refuse to power off for an operation that is going to be refused.

    :raises Refused: the server is on its way into rescue or onto the shelf.
    """
    what = _POWER_OFF_REFUSED_FOR.get(instance.task_state)
    if what:
        raise Refused(what)


class RefusingDriver(driver.ComputeDriver):  # type: ignore[misc]
    """Nova's base class with every method that burst servers lack refused by a sentence.

    The methods are made from a table below, so that each has the signature of the Nova release that
    it runs on.
    """


def _refusing(name: str, what: str, refusal: Callable[[str], Exception]) -> Callable[..., Any]:
    """Return a method that refuses, with the signature and the description of Nova's own."""

    @functools.wraps(getattr(driver.ComputeDriver, name))
    def refused(self: RefusingDriver, *args: Any, **kwargs: Any) -> Any:
        raise refusal(what)

    return refused


for _name, (_what, _refusal) in _REFUSED.items():
    # Releases differ in what they have; what a release lacks, it does not call.
    if hasattr(driver.ComputeDriver, _name):
        setattr(RefusingDriver, _name, _refusing(_name, _what, _refusal))
