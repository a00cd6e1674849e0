# SPDX-License-Identifier: Apache-2.0
"""A machine's state as Nova's power state."""

from __future__ import annotations

from nova.compute import power_state

from nova_spillway.providers import api
from nova_spillway.virt.fleet import Presence, Sighting

# Stopping counts as running until it is done: Nova's start would fail before. Pending is no state:
# Nova then waits, and neither stops nor starts anything.
_BY_MACHINE_STATE: dict[api.MachineState, int] = {
    api.MachineState.PENDING: power_state.NOSTATE,
    api.MachineState.RUNNING: power_state.RUNNING,
    api.MachineState.STOPPING: power_state.RUNNING,
    api.MachineState.STOPPED: power_state.SHUTDOWN,
    api.MachineState.TERMINATING: power_state.SHUTDOWN,
    api.MachineState.TERMINATED: power_state.SHUTDOWN,
}


def of_sighting(sighting: Sighting) -> int:
    """Return the power state of what is known about a server's machine.

    Gone is SHUTDOWN, for which Nova stops the server; it takes ``InstanceNotFound`` for a passing
    trouble and leaves the server ACTIVE for ever. Unknown is NOSTATE, which it ignores.
    """
    if sighting.presence is Presence.GONE:
        return int(power_state.SHUTDOWN)
    if sighting.presence is Presence.UNKNOWN or sighting.machine is None:
        return int(power_state.NOSTATE)
    return _BY_MACHINE_STATE[sighting.machine.state]
