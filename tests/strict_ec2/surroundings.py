# SPDX-License-Identifier: Apache-2.0
"""Describe actions for what the region has from the start. Pure; ``catalogue`` has the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.strict_ec2 import catalogue, filters, launch, paging
from tests.strict_ec2.catalogue import ACCOUNT, Image, InstanceType, Subnet, Vpc
from tests.strict_ec2.errors import Ec2Error, not_implemented
from tests.strict_ec2.machine import tag_records
from tests.strict_ec2.region import Region

IMAGE_OWNER = "137112412989"
"""Amazon's account for Amazon Linux; its alias is ``amazon``."""

Row = dict[str, Any]


def _tags(region: Region, resource: str) -> list[dict[str, str]]:
    return tag_records(region.tags.get(resource, {}))


def _flag(value: bool) -> str:
    return "true" if value else "false"


def describe_images(region: Region, arguments: Mapping[str, Any], _now: float) -> Row:
    """List images. Owners: ``amazon`` and its account have all, ``self`` and others have none."""
    images = list(catalogue.IMAGES.values())
    if "ImageIds" in arguments:
        images = [launch.find_image(image_id) for image_id in arguments["ImageIds"]]
    if "Owners" in arguments and not {"amazon", IMAGE_OWNER} & set(arguments["Owners"]):
        images = []
    readers: dict[str, filters.Reader[Image]] = {
        "architecture": lambda image: [image.architecture],
        "image-id": lambda image: [image.id],
        "is-public": lambda image: ["true"],
        "name": lambda image: [image.name],
        "owner-alias": lambda image: ["amazon"],
        "root-device-type": lambda image: [image.root_device_type],
        "state": lambda image: ["available"],
        "virtualization-type": lambda image: ["hvm"],
    }
    fits = filters.compiled(
        "DescribeImages",
        arguments.get("Filters", ()),
        readers,
        lambda image: region.tags.get(image.id, {}),
    )
    rows = [_image(region, image) for image in images if fits(image)]
    return paging.paged("DescribeImages", "Images", rows, arguments)


def _image(region: Region, image: Image) -> Row:
    return {
        "ImageId": image.id,
        "Name": image.name,
        "ImageLocation": f"amazon/{image.name}",
        "OwnerId": IMAGE_OWNER,
        "ImageOwnerAlias": "amazon",
        "Architecture": image.architecture,
        "CreationDate": "2024-01-01T00:00:00.000Z",
        "ImageType": "machine",
        "Public": True,
        "State": "available",
        "Hypervisor": "xen",
        "VirtualizationType": "hvm",
        "EnaSupport": True,
        "RootDeviceName": image.root_device,
        "RootDeviceType": image.root_device_type,
        "BlockDeviceMappings": [
            {
                "DeviceName": disk.device,
                "Ebs": {
                    "DeleteOnTermination": disk.delete_on_termination,
                    "SnapshotId": disk.snapshot,
                    "VolumeSize": disk.gb,
                    "VolumeType": "gp2",
                    "Encrypted": False,
                },
            }
            for disk in image.disks
        ],
        "Tags": _tags(region, image.id),
    }


def describe_instance_types(_region: Region, arguments: Mapping[str, Any], _now: float) -> Row:
    """List instance types with their measure.

    :raises Ec2Error: InvalidInstanceType for a name that EC2 may have and this region has not.
    """
    sizes = list(catalogue.INSTANCE_TYPES.values())
    if "InstanceTypes" in arguments:
        if "MaxResults" in arguments:
            raise Ec2Error(
                "InvalidParameterCombination", "InstanceTypes and MaxResults exclude each other"
            )
        missing = [n for n in arguments["InstanceTypes"] if n not in catalogue.INSTANCE_TYPES]
        if missing:
            raise Ec2Error(
                "InvalidInstanceType",
                f"The following supplied instance types do not exist: [{', '.join(missing)}]",
            )
        sizes = [catalogue.INSTANCE_TYPES[name] for name in arguments["InstanceTypes"]]
    readers: dict[str, filters.Reader[InstanceType]] = {
        "burstable-performance-supported": lambda size: [_flag(size.is_burstable)],
        "current-generation": lambda size: [_flag(size.name != "m3.medium")],
        "instance-type": lambda size: [size.name],
        "memory-info.size-in-mib": lambda size: [str(size.memory_mb)],
        "processor-info.supported-architecture": lambda size: size.architectures,
        "supported-root-device-type": lambda size: size.root_devices,
        "vcpu-info.default-vcpus": lambda size: [str(size.vcpus)],
    }
    fits = filters.compiled("DescribeInstanceTypes", arguments.get("Filters", ()), readers)
    rows = [_type(size) for size in sizes if fits(size)]
    return paging.paged("DescribeInstanceTypes", "InstanceTypes", rows, arguments)


def _type(size: InstanceType) -> Row:
    return {
        "InstanceType": size.name,
        "CurrentGeneration": size.name != "m3.medium",
        "FreeTierEligible": size.name == "t3.micro",
        "SupportedUsageClasses": ["on-demand", "spot"],
        "SupportedRootDeviceTypes": list(size.root_devices),
        "SupportedVirtualizationTypes": ["hvm"],
        "BareMetal": False,
        "Hypervisor": "xen" if size.name == "m3.medium" else "nitro",
        "ProcessorInfo": {"SupportedArchitectures": list(size.architectures)},
        "VCpuInfo": {"DefaultVCpus": size.vcpus},
        "MemoryInfo": {"SizeInMiB": size.memory_mb},
        "InstanceStorageSupported": size.name in ("m3.medium", "g4dn.xlarge"),
        "BurstablePerformanceSupported": size.is_burstable,
    }


def describe_instance_type_offerings(
    region: Region, arguments: Mapping[str, Any], _now: float
) -> Row:
    """List which types the region, or each of its zones, offers."""
    by = arguments.get("LocationType", "region")
    if by not in ("region", "availability-zone"):
        raise not_implemented(f"the location type {by}")
    rows = [
        {"InstanceType": size.name, "LocationType": by, "Location": place}
        for place in ([region.name] if by == "region" else region.zones)
        for size in catalogue.INSTANCE_TYPES.values()
        if by == "region" or place[-1] not in size.absent_from
    ]
    readers: dict[str, filters.Reader[Row]] = {
        "instance-type": lambda row: [row["InstanceType"]],
        "location": lambda row: [row["Location"]],
    }
    # The documentation writes these two names without a dash behind, so none is "documented".
    fits = filters.compiled("DescribeInstanceTypeOfferings", arguments.get("Filters", ()), readers)
    return paging.paged(
        "DescribeInstanceTypeOfferings",
        "InstanceTypeOfferings",
        [row for row in rows if fits(row)],
        arguments,
    )


def describe_spot_price_history(region: Region, arguments: Mapping[str, Any], now: float) -> Row:
    """List the spot price of now for each type and zone; there is no other history."""
    types = arguments.get("InstanceTypes", catalogue.INSTANCE_TYPES)
    zone = arguments.get("AvailabilityZone")
    product = "Linux/UNIX"
    rows = [
        {
            "InstanceType": size.name,
            "AvailabilityZone": place,
            "ProductDescription": product,
            "SpotPrice": f"{size.usd_per_hour * catalogue.SPOT_SHARE:.6f}",
            "Timestamp": now,
        }
        for size in catalogue.INSTANCE_TYPES.values()
        if size.name in types
        for place in region.zones
        if zone in (None, place) and place[-1] not in size.absent_from
        if product in arguments.get("ProductDescriptions", [product])
    ]
    readers: dict[str, filters.Reader[Row]] = {
        "availability-zone": lambda row: [row["AvailabilityZone"]],
        "instance-type": lambda row: [row["InstanceType"]],
        "product-description": lambda row: [row["ProductDescription"]],
    }
    fits = filters.compiled("DescribeSpotPriceHistory", arguments.get("Filters", ()), readers)
    return paging.paged(
        "DescribeSpotPriceHistory",
        "SpotPriceHistory",
        [row for row in rows if fits(row)],
        arguments,
    )


def describe_subnets(region: Region, arguments: Mapping[str, Any], _now: float) -> Row:
    """List subnets with the addresses that each has left."""
    subnets = _chosen(
        catalogue.SUBNETS, arguments.get("SubnetIds"), "InvalidSubnetID.NotFound", "subnet ID"
    )
    readers: dict[str, filters.Reader[Subnet]] = {
        "availability-zone": lambda subnet: [region.zone_of(subnet)],
        "cidr-block": lambda subnet: [subnet.cidr],
        "default-for-az": lambda subnet: [_flag(subnet.is_default)],
        "state": lambda subnet: ["available"],
        "subnet-id": lambda subnet: [subnet.id],
        "vpc-id": lambda subnet: [subnet.vpc],
    }
    fits = filters.compiled(
        "DescribeSubnets",
        arguments.get("Filters", ()),
        readers,
        lambda subnet: region.tags.get(subnet.id, {}),
    )
    rows = [_subnet(region, subnet) for subnet in subnets if fits(subnet)]
    return paging.paged("DescribeSubnets", "Subnets", rows, arguments)


def _subnet(region: Region, subnet: Subnet) -> Row:
    return {
        "SubnetId": subnet.id,
        "VpcId": subnet.vpc,
        "CidrBlock": subnet.cidr,
        "AvailabilityZone": region.zone_of(subnet),
        "AvailabilityZoneId": _zone_id(subnet.zone),
        "AvailableIpAddressCount": region.addresses[subnet.id].free,
        "DefaultForAz": subnet.is_default,
        "MapPublicIpOnLaunch": subnet.is_default,
        "OwnerId": ACCOUNT,
        "State": "available",
        "Tags": _tags(region, subnet.id),
    }


def _zone_id(letter: str) -> str:
    return f"use1-az{catalogue.ZONE_LETTERS.index(letter) + 1}"


def describe_vpcs(region: Region, arguments: Mapping[str, Any], _now: float) -> Row:
    """List VPCs."""
    vpcs = _chosen(catalogue.VPCS, arguments.get("VpcIds"), "InvalidVpcID.NotFound", "vpc ID")
    readers: dict[str, filters.Reader[Vpc]] = {
        "cidr": lambda vpc: [vpc.cidr],
        "is-default": lambda vpc: [_flag(vpc.is_default)],
        "state": lambda vpc: ["available"],
        "vpc-id": lambda vpc: [vpc.id],
    }
    fits = filters.compiled(
        "DescribeVpcs",
        arguments.get("Filters", ()),
        readers,
        lambda vpc: region.tags.get(vpc.id, {}),
    )
    rows = [
        {
            "VpcId": vpc.id,
            "CidrBlock": vpc.cidr,
            "IsDefault": vpc.is_default,
            "OwnerId": ACCOUNT,
            "State": "available",
            "InstanceTenancy": "default",
            "Tags": _tags(region, vpc.id),
        }
        for vpc in vpcs
        if fits(vpc)
    ]
    return paging.paged("DescribeVpcs", "Vpcs", rows, arguments)


def describe_security_groups(region: Region, arguments: Mapping[str, Any], _now: float) -> Row:
    """List security groups: each VPC's default one."""
    vpc_of = {vpc.group_id: vpc for vpc in catalogue.VPCS.values()}
    vpcs = _chosen(vpc_of, arguments.get("GroupIds"), "InvalidGroup.NotFound", "security group")
    names = arguments.get("GroupNames", ["default"])
    if names != ["default"]:
        raise Ec2Error("InvalidGroup.NotFound", f"The security group '{names[0]}' does not exist")
    readers: dict[str, filters.Reader[Vpc]] = {
        "group-id": lambda vpc: [vpc.group_id],
        "group-name": lambda vpc: ["default"],
        "vpc-id": lambda vpc: [vpc.id],
    }
    fits = filters.compiled(
        "DescribeSecurityGroups",
        arguments.get("Filters", ()),
        readers,
        lambda vpc: region.tags.get(vpc.group_id, {}),
    )
    rows = [
        {
            "GroupId": vpc.group_id,
            "GroupName": "default",
            "Description": "default VPC security group",
            "VpcId": vpc.id,
            "OwnerId": ACCOUNT,
            "IpPermissions": [],
            "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
            "Tags": _tags(region, vpc.group_id),
        }
        for vpc in vpcs
        if fits(vpc)
    ]
    return paging.paged("DescribeSecurityGroups", "SecurityGroups", rows, arguments)


def _chosen(known: Mapping[str, Any], ids: list[str] | None, code: str, what: str) -> list[Any]:
    if ids is None:
        return list(known.values())
    for wanted in ids:
        if wanted not in known:
            raise Ec2Error(code, f"The {what} '{wanted[:64]}' does not exist")
    return [known[wanted] for wanted in ids]


def describe_availability_zones(region: Region, arguments: Mapping[str, Any], _now: float) -> Row:
    """List zones; one in trouble says so."""
    names = arguments.get("ZoneNames", region.zones)
    for name in names:
        if name not in region.zones:
            raise Ec2Error("InvalidParameterValue", f"Invalid availability zone: [{name[:64]}]")
    readers: dict[str, filters.Reader[str]] = {
        "region-name": lambda zone: [region.name],
        "state": lambda zone: [_zone_state(region, zone)],
        "zone-name": lambda zone: [zone],
    }
    fits = filters.compiled("DescribeAvailabilityZones", arguments.get("Filters", ()), readers)
    return {
        "AvailabilityZones": [
            {
                "ZoneName": zone,
                "ZoneId": _zone_id(zone[-1]),
                "ZoneType": "availability-zone",
                "RegionName": region.name,
                "GroupName": f"{region.name}-zg-1",
                "NetworkBorderGroup": region.name,
                "OptInStatus": "opt-in-not-required",
                "State": _zone_state(region, zone),
                "Messages": [],
            }
            for zone in region.zones
            if zone in names and fits(zone)
        ]
    }


def _zone_state(region: Region, zone: str) -> str:
    return "impaired" if zone in region.impaired else "available"


def describe_account_attributes(_region: Region, arguments: Mapping[str, Any], _now: float) -> Row:
    """List the account's attributes, with the values of a fresh account."""
    vpc = next(vpc for vpc in catalogue.VPCS.values() if vpc.is_default)
    attributes = {
        "supported-platforms": "VPC",
        "default-vpc": vpc.id,
        "max-instances": "20",
        "vpc-max-security-groups-per-interface": "5",
        "max-elastic-ips": "5",
        "vpc-max-elastic-ips": "5",
    }
    wanted = arguments.get("AttributeNames", attributes)
    return {
        "AccountAttributes": [
            {"AttributeName": name, "AttributeValues": [{"AttributeValue": value}]}
            for name, value in attributes.items()
            if name in wanted
        ]
    }
