# SPDX-License-Identifier: Apache-2.0
"""Where a launch goes: subnet, zone, security groups, private address. Pure.

Rules: EC2 API reference, "RunInstances" (PrivateIpAddress, NetworkInterfaces, SubnetId) and "Error
codes". Subnets and groups of one launch belong to one VPC.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tests.strict_ec2 import catalogue
from tests.strict_ec2.catalogue import Subnet
from tests.strict_ec2.errors import Ec2Error, not_implemented
from tests.strict_ec2.region import Region

_INTERFACE_KEYS = frozenset(
    {"DeviceIndex", "SubnetId", "Groups", "PrivateIpAddress", "DeleteOnTermination", "Description"}
    | {"AssociatePublicIpAddress"}
)

_INSTANCE_LEVEL = {
    "SubnetId": "subnet ID",
    "SecurityGroupIds": "security groups",
    "PrivateIpAddress": "private address",
}


@dataclasses.dataclass(frozen=True)
class Place:
    """Where machines are put; groups are (id, name)."""

    subnet: Subnet
    zone: str
    groups: tuple[tuple[str, str], ...]
    address: str | None


def named_zone(region: Region, arguments: Mapping[str, Any]) -> str:
    """Return the zone that a request names, itself or by its subnet; "" if none or not there."""
    zone: str = arguments.get("Placement", {}).get("AvailabilityZone", "")
    interfaces = arguments.get("NetworkInterfaces") or [{}]
    subnet = catalogue.SUBNETS.get(arguments.get("SubnetId") or interfaces[0].get("SubnetId", ""))
    return zone or (region.zone_of(subnet) if subnet else "")


def place(region: Region, arguments: Mapping[str, Any], count: int) -> Place:
    """Check and return where the launch goes.

    :param count: of machines; several cannot have one address.
    :raises Ec2Error: as the module says.
    """
    interface = _interface(arguments)
    wanted = {**arguments, **interface}
    subnet = _subnet(region, wanted)
    zone = region.zone_of(subnet)
    asked = arguments.get("Placement", {}).get("AvailabilityZone")
    if asked is not None and asked not in region.zones:
        raise Ec2Error("InvalidParameterValue", f"Invalid availability zone: [{asked}]")
    if asked is not None and asked != zone:
        raise Ec2Error(
            "InvalidParameterValue",
            f"Value ({asked}) for parameter availabilityZone is invalid. Subnet '{subnet.id}' is "
            f"in the availability zone {zone}",
        )
    address = wanted.get("PrivateIpAddress")
    if address is not None:
        if count > 1:
            raise Ec2Error(
                "InvalidParameterCombination",
                "A private IP address cannot be assigned to more than one instance",
            )
        region.addresses[subnet.id].check(address)
    return Place(subnet, zone, _groups(subnet, wanted.get("SecurityGroupIds", ())), address)


def _interface(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one network interface as the arguments that it stands for."""
    interfaces = arguments.get("NetworkInterfaces")
    if not interfaces:
        return {}
    for key, name in _INSTANCE_LEVEL.items():
        if key in arguments:
            raise Ec2Error(
                "InvalidParameterCombination",
                f"Network interfaces and an instance-level {name} may not be specified on the same "
                "request",
            )
    (interface, *more) = interfaces
    unknown = sorted(set(interface) - _INTERFACE_KEYS)
    if more or unknown:
        raise not_implemented(f"the network interface's {unknown[0] if unknown else 'brothers'}")
    if interface.get("DeviceIndex") != 0:
        raise Ec2Error("InvalidParameterValue", "The first interface has the device index 0")
    names = {"Groups": "SecurityGroupIds"}
    return {
        names.get(key, key): value
        for key, value in interface.items()
        if key in ("SubnetId", "Groups", "PrivateIpAddress")
    }


def _subnet(region: Region, wanted: Mapping[str, Any]) -> Subnet:
    subnet_id = wanted.get("SubnetId")
    if subnet_id is not None:
        if subnet_id not in catalogue.SUBNETS:
            raise Ec2Error(
                "InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id[:64]}' does not exist"
            )
        return catalogue.SUBNETS[subnet_id]
    zone = wanted.get("Placement", {}).get("AvailabilityZone")
    defaults = [subnet for subnet in catalogue.SUBNETS.values() if subnet.is_default]
    for subnet in defaults:
        if zone in (None, region.zone_of(subnet)) and region.zone_of(subnet) not in region.impaired:
            return subnet
    return defaults[0]


def _groups(subnet: Subnet, group_ids: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    vpc_of = {vpc.group_id: vpc for vpc in catalogue.VPCS.values()}
    if not group_ids:
        return ((catalogue.VPCS[subnet.vpc].group_id, "default"),)
    for group_id in group_ids:
        if group_id not in vpc_of:
            raise Ec2Error(
                "InvalidGroup.NotFound", f"The security group '{group_id[:64]}' does not exist"
            )
        if vpc_of[group_id].id != subnet.vpc:
            raise Ec2Error(
                "InvalidParameter",
                f"Security group {group_id} and subnet {subnet.id} belong to different networks.",
            )
    return tuple((group_id, "default") for group_id in dict.fromkeys(group_ids))
