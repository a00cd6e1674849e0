# SPDX-License-Identifier: Apache-2.0
"""Terminate, stop, start, reboot, and the console of machines. Pure.

Each action checks all its machines before it touches one, except where TerminateInstances'
documentation says otherwise.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from tests.strict_ec2.errors import Ec2Error
from tests.strict_ec2.machine import Machine
from tests.strict_ec2.region import Region

BY_USER = "Client.UserInitiatedShutdown"


def terminate_instances(region: Region, arguments: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Terminate machines; one that is terminated already is no error.

    botocore's model, TerminateInstances: one wrong id and none is terminated; of a zone with a
    protected machine none, of the others all, and the request fails.

    :raises Ec2Error: InvalidInstanceID.*, OperationNotPermitted, InternalError.
    """
    machines = _find(region, arguments, now)
    region.throttle.machines("TerminateInstances", len(machines), now)
    protected = [machine for machine in machines if machine.is_protected]
    spared = {machine.zone for machine in protected}
    changes = []
    for machine in machines:
        if machine.zone not in spared:
            before = machine.state_record()
            region.end(machine, now, BY_USER)
            changes.append(_change(machine, before))
    if protected:
        raise Ec2Error(
            "OperationNotPermitted",
            f"The instance '{protected[0].id}' may not be terminated. Modify its "
            "'disableApiTermination' instance attribute and try again.",
        )
    return {"TerminatingInstances": changes}


def stop_instances(region: Region, arguments: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Begin to stop machines; one that is stopped or stopping already is no error.

    botocore's model, StopInstances: not for a root in the instance store. EC2 user guide, "Stop and
    start": a pending machine cannot be stopped. Spot guide: nor one of a one-time request.

    :raises Ec2Error: IncorrectInstanceState, UnsupportedOperation, InvalidInstanceID.*.
    """
    machines = _find(region, arguments, now)
    region.throttle.machines("StopInstances", len(machines), now)
    for machine in machines:
        if machine.image.root_device_type != "ebs":
            raise Ec2Error(
                "UnsupportedOperation",
                f"The instance '{machine.id}' does not have an 'ebs' root device type and cannot "
                "be stopped.",
            )
        if machine.one_time_spot:
            raise Ec2Error(
                "UnsupportedOperation",
                f"You can't stop the Spot Instance '{machine.id}' because it is associated with a "
                "one-time Spot Instance request. You can only stop Spot Instances associated with "
                "persistent Spot Instance requests.",
            )
        _require(machine, ("running", "stopping", "stopped"), "stopped")
    changes = []
    for machine in machines:
        before = machine.state_record()
        if machine.state == "running":
            region.stop(machine, now, BY_USER)
        changes.append(_change(machine, before))
    return {"StoppingInstances": changes}


def start_instances(region: Region, arguments: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Start stopped machines, if there is room; one that runs or is pending is no error.

    EC2 user guide, "Stop and start": what is stopping cannot be started yet, and a start can find
    no capacity or exceed the quota, since stopping gave both back.

    :raises Ec2Error: IncorrectInstanceState, InsufficientInstanceCapacity, VcpuLimitExceeded,
        InvalidInstanceID.*.
    """
    machines = _find(region, arguments, now)
    region.throttle.machines("StartInstances", len(machines), now)
    for machine in machines:
        _require(machine, ("stopped", "running", "pending"), "started")
    stopped = [machine for machine in machines if machine.state == "stopped"]
    for kind in dict.fromkeys(machine.kind for machine in stopped):
        count = sum(machine.kind == kind for machine in stopped)
        region.capacity.fit(kind, count, count)
    changes = []
    for machine in machines:
        before = machine.state_record()
        if machine.state == "stopped":
            region.start(machine, now)
        changes.append(_change(machine, before))
    return {"StartingInstances": changes}


def reboot_instances(region: Region, arguments: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Queue a reboot, of which nothing shows.

    botocore's model, RebootInstances: "Requests to reboot terminated instances are ignored". One
    that is stopped or not running yet is refused.

    :raises Ec2Error: IncorrectInstanceState, InvalidInstanceID.*.
    """
    for machine in _find(region, arguments, now):
        _require(machine, ("running", "shutting-down", "terminated"), "rebooted")
    return {}


def get_console_output(region: Region, arguments: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return what the machine wrote, base64; nothing before it ran.

    :raises Ec2Error: InvalidInstanceID.*.
    """
    (machine,) = region.find([arguments["InstanceId"]], now)
    text = ""
    if machine.running_since is not None:
        text = f"[    0.000000] Linux version 6.1.0 ({machine.id})\r\n{machine.id} login: "
    return {
        "InstanceId": machine.id,
        "Output": base64.b64encode(text.encode()).decode(),
        "Timestamp": machine.running_since or now,
    }


def _find(region: Region, arguments: Mapping[str, Any], now: float) -> list[Machine]:
    machines = region.find(arguments["InstanceIds"], now)
    if any(machine.zone in region.impaired for machine in machines):
        raise Ec2Error("InternalError", "An internal error has occurred")
    return machines


def _require(machine: Machine, states: tuple[str, ...], what: str) -> None:
    if machine.state not in states:
        raise Ec2Error(
            "IncorrectInstanceState",
            f"The instance '{machine.id}' is not in a state from which it can be {what}.",
        )


def _change(machine: Machine, before: dict[str, Any]) -> dict[str, Any]:
    return {
        "InstanceId": machine.id,
        "PreviousState": before,
        "CurrentState": machine.state_record(),
    }
