# SPDX-License-Identifier: Apache-2.0
"""DescribeInstances, DescribeInstanceStatus, DescribeInstanceAttribute, DescribeVolumes. Pure.

Zones in trouble (botocore's model, DescribeInstances): a call that names no ids, or the id of a
machine in such a zone, fails; one that names only machines elsewhere works. We also let a call
through whose filter ``availability-zone`` allows no such zone; of that EC2 says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.strict_ec2 import filters, paging
from tests.strict_ec2.catalogue import ACCOUNT
from tests.strict_ec2.errors import Ec2Error, not_implemented
from tests.strict_ec2.machine import STATE_CODES, Machine, Volume, tag_records
from tests.strict_ec2.region import Region

INITIALIZING_SECS = 60.0
"""How long the status checks of a machine that runs take. EC2's take one to a few minutes."""


def _some(value: str | None) -> list[str]:
    return [] if value is None else [value]


def _network(machine: Machine, value: str | None) -> list[str]:
    return [] if machine.state == "terminated" else _some(value)


INSTANCE_FILTERS: dict[str, filters.Reader[Machine]] = {
    "architecture": lambda m: [m.image.architecture],
    "availability-zone": lambda m: [m.zone],
    "client-token": lambda m: _some(m.client_token or None),
    "image-id": lambda m: [m.image.id],
    "instance-id": lambda m: [m.id],
    "instance-lifecycle": lambda m: ["spot"] if m.spot_request_id else [],
    "instance-state-code": lambda m: [str(STATE_CODES[m.state])],
    "instance-state-name": lambda m: [m.state],
    "instance-type": lambda m: [m.type.name],
    "instance.group-id": lambda m: [group_id for group_id, _ in m.groups],
    "ip-address": lambda m: _network(m, m.public_address),
    "key-name": lambda m: _some(m.key_name),
    "metadata-options.http-tokens": lambda m: [m.metadata_options["HttpTokens"]],
    "owner-id": lambda m: [ACCOUNT],
    "private-ip-address": lambda m: _network(m, m.private_address),
    "reservation-id": lambda m: [m.reservation_id],
    "root-device-type": lambda m: [m.image.root_device_type],
    "spot-instance-request-id": lambda m: _some(m.spot_request_id),
    "state-reason-code": lambda m: _some(m.state_reason),
    "subnet-id": lambda m: _network(m, m.subnet.id),
    "vpc-id": lambda m: _network(m, m.subnet.vpc),
}
"""botocore's model, DescribeInstances Filters; the names that this endpoint knows."""

STATUS_FILTERS: dict[str, filters.Reader[Machine]] = {
    name: INSTANCE_FILTERS[name]
    for name in ("availability-zone", "instance-state-code", "instance-state-name")
}


def describe_instances(region: Region, arguments: Mapping[str, Any], now: float) -> dict[str, Any]:
    """List machines, by reservation; a reservation can go over several pages.

    :raises Ec2Error: also for ids that do not show, and for zones in trouble.
    """
    if "InstanceIds" in arguments and "MaxResults" in arguments:
        raise Ec2Error(
            "InvalidParameterCombination",
            "The parameter instancesSet cannot be used with the parameter maxResults",
        )
    machines, token = _page("DescribeInstances", region, arguments, INSTANCE_FILTERS, now)
    reservations: dict[str, dict[str, Any]] = {}
    for machine in machines:
        reservation = reservations.setdefault(
            machine.reservation_id,
            {
                "ReservationId": machine.reservation_id,
                "OwnerId": ACCOUNT,
                "Groups": [],
                "Instances": [],
            },
        )
        reservation["Instances"].append(machine.record())
    return {"Reservations": list(reservations.values()), "NextToken": token}


def describe_instance_status(
    region: Region, arguments: Mapping[str, Any], now: float
) -> dict[str, Any]:
    """List the status checks: of machines that run, or of all with IncludeAllInstances."""
    if "InstanceIds" in arguments and "MaxResults" in arguments:
        raise Ec2Error(
            "InvalidParameterCombination",
            "The parameter instancesSet cannot be used with the parameter maxResults",
        )
    everything = arguments.get("IncludeAllInstances", False)
    machines, token = _page(
        "DescribeInstanceStatus",
        region,
        arguments,
        STATUS_FILTERS,
        now,
        states=None if everything else "running",
    )
    return {
        "InstanceStatuses": [_status(machine, now) for machine in machines],
        "NextToken": token,
    }


def _page(
    action: str,
    region: Region,
    arguments: Mapping[str, Any],
    readers: Mapping[str, filters.Reader[Machine]],
    now: float,
    states: str | None = None,
) -> tuple[list[Machine], str | None]:
    wanted = arguments.get("Filters", ())
    has_tags = action == "DescribeInstances"
    fits = filters.compiled(action, wanted, readers, _tags if has_tags else None)
    length = paging.size(arguments)
    after = paging.position(action, arguments)
    _refuse_if_impaired(region, arguments, now)
    found: list[Machine] = []
    for machine in _candidates(region, arguments, now):
        if machine.sequence <= after or states not in (None, machine.state) or not fits(machine):
            continue
        if length is not None and len(found) == length:
            return found, paging.token(action, arguments, found[-1].sequence)
        found.append(machine)
    return found, None


def _tags(machine: Machine) -> Mapping[str, str]:
    return machine.tags


def _candidates(region: Region, arguments: Mapping[str, Any], now: float) -> Iterable[Machine]:
    """Return the machines among which the answer is, by the shortest way, in launch order."""
    if "InstanceIds" in arguments:
        return sorted(region.find(arguments["InstanceIds"], now), key=lambda m: m.sequence)
    wanted = arguments.get("Filters", ())
    ids: set[str] | None = None
    for entry in wanted:
        name = entry.get("Name", "")
        values = filters.exact_values([entry], name)
        if values is None or not (name.startswith("tag:") or name == "client-token"):
            continue
        if name == "client-token":
            named = {one for value in values for one in region.by_client_token.get(value, ())}
        else:
            key = name[len("tag:") :]
            named = {one for value in values for one in region.tagged.get((key, value), ())}
        ids = named if ids is None else ids & named
    if ids is None:
        return region.visible(now)
    known = [region.machines[machine_id] for machine_id in ids if machine_id in region.machines]
    return sorted((m for m in known if m.visible_at <= now), key=lambda m: m.sequence)


def _refuse_if_impaired(region: Region, arguments: Mapping[str, Any], now: float) -> None:
    if not region.impaired:
        return
    if "InstanceIds" in arguments:
        zones = {machine.zone for machine in region.find(arguments["InstanceIds"], now)}
    else:
        zones = set(region.zones)
        for entry in arguments.get("Filters", ()):
            if entry.get("Name") == "availability-zone":
                allowed = filters.matcher(tuple(entry.get("Values", ())))
                zones = {zone for zone in zones if allowed(zone)}
    if zones & region.impaired:
        raise Ec2Error("Unavailable", "The server is overloaded and can't handle the request.")


def _status(machine: Machine, now: float) -> dict[str, Any]:
    status = "not-applicable"
    if machine.state == "running" and machine.running_since is not None:
        ready = now - machine.running_since >= INITIALIZING_SECS
        status = "ok" if ready else "initializing"
    passed = {"ok": "passed", "initializing": "initializing"}.get(status)
    summary: dict[str, Any] = {"Status": status}
    if passed is not None:
        summary["Details"] = [{"Name": "reachability", "Status": passed}]
    return {
        "InstanceId": machine.id,
        "AvailabilityZone": machine.zone,
        "InstanceState": machine.state_record(),
        "InstanceStatus": summary,
        "SystemStatus": summary,
    }


def describe_instance_attribute(
    region: Region, arguments: Mapping[str, Any], now: float
) -> dict[str, Any]:
    """Return one attribute of a machine: userData, disableApiTermination or shutdown behaviour."""
    (machine,) = region.find([arguments["InstanceId"]], now)
    attribute = arguments["Attribute"]
    answer: dict[str, Any] = {"InstanceId": machine.id}
    if attribute == "userData":
        answer["UserData"] = {"Value": machine.user_data}
    elif attribute == "disableApiTermination":
        answer["DisableApiTermination"] = {"Value": machine.is_protected}
    elif attribute == "instanceInitiatedShutdownBehavior":
        behavior = "stop" if machine.stops_when_shut_down else "terminate"
        answer["InstanceInitiatedShutdownBehavior"] = {"Value": behavior}
    else:
        raise not_implemented(f"the attribute {attribute}")
    return answer


def describe_volumes(region: Region, arguments: Mapping[str, Any], now: float) -> dict[str, Any]:
    """List disks, those that outlived their machine included: they are paid for."""
    volumes = list(region.volumes.values())
    if "VolumeIds" in arguments:
        for volume_id in arguments["VolumeIds"]:
            if volume_id not in region.volumes:
                raise Ec2Error(
                    "InvalidVolume.NotFound", f"The volume '{volume_id[:64]}' does not exist."
                )
        volumes = [region.volumes[volume_id] for volume_id in arguments["VolumeIds"]]
    readers: dict[str, filters.Reader[Volume]] = {
        "attachment.instance-id": lambda v: _some(v.machine_id),
        "availability-zone": lambda v: [v.zone],
        "size": lambda v: [str(v.gb)],
        "status": lambda v: ["in-use" if v.machine_id else "available"],
        "volume-id": lambda v: [v.id],
        "volume-type": lambda v: [v.type],
    }
    fits = filters.compiled(
        "DescribeVolumes",
        arguments.get("Filters", ()),
        readers,
        lambda v: region.tags.get(v.id, {}),
    )
    rows = [_volume(region, volume) for volume in volumes if fits(volume)]
    return paging.paged("DescribeVolumes", "Volumes", rows, arguments)


def _volume(region: Region, volume: Volume) -> dict[str, Any]:
    attachments = []
    if volume.machine_id is not None:
        attachments.append(
            {
                "AttachTime": volume.made_at,
                "DeleteOnTermination": volume.delete_on_termination,
                "Device": volume.device,
                "InstanceId": volume.machine_id,
                "State": "attached",
                "VolumeId": volume.id,
            }
        )
    return {
        "VolumeId": volume.id,
        "Size": volume.gb,
        "VolumeType": volume.type,
        "SnapshotId": volume.snapshot or "",
        "AvailabilityZone": volume.zone,
        "State": "in-use" if volume.machine_id else "available",
        "CreateTime": volume.made_at,
        "Encrypted": False,
        "Attachments": attachments,
        "Tags": tag_records(region.tags.get(volume.id, {})),
    }
