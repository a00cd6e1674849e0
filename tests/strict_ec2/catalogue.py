# SPDX-License-Identifier: Apache-2.0
"""What the region has from the start: zones, networks, images, instance types, prices. Pure tables.

Instance types: vCPUs, memory, architectures and root devices as DescribeInstanceTypes gives them
(compared with the records that moto 5.2.5 ships); quota families from the EC2 user guide, "Amazon
EC2 instance type quotas". Prices: "Amazon EC2 On-Demand Pricing", Linux, us-east-1, USD per hour,
of the years around 2024. Spot prices are 0.3 of that: no fact, only a number to read.
"""

from __future__ import annotations

import dataclasses

ACCOUNT = "123456789012"
SPOT_SHARE = 0.3


@dataclasses.dataclass(frozen=True)
class InstanceType:
    """One size; memory in MiB.

    :ivar quota: the family whose vCPUs are limited together.
    :ivar absent_from: last letters of the zones that do not offer it (invented, one each).
    """

    name: str
    vcpus: int
    memory_mb: int
    usd_per_hour: float
    architectures: tuple[str, ...] = ("x86_64",)
    root_devices: tuple[str, ...] = ("ebs",)
    quota: str = "standard"
    absent_from: str = ""

    @property
    def is_burstable(self) -> bool:
        """Whether it saves CPU credits."""
        return self.name.startswith("t")


_ARM = ("arm64",)

INSTANCE_TYPES: dict[str, InstanceType] = {
    size.name: size
    for size in (
        InstanceType("t3.micro", 2, 1024, 0.0104),
        InstanceType("t3.small", 2, 2048, 0.0208),
        InstanceType("t3.medium", 2, 4096, 0.0416),
        InstanceType("t3.large", 2, 8192, 0.0832),
        InstanceType("t4g.micro", 2, 1024, 0.0084, _ARM),
        InstanceType("m5.large", 2, 8192, 0.096),
        InstanceType("m5.xlarge", 4, 16384, 0.192),
        InstanceType("m6g.large", 2, 8192, 0.077, _ARM, absent_from="c"),
        InstanceType("c5.large", 2, 4096, 0.085),
        InstanceType("c5.2xlarge", 8, 16384, 0.34),
        InstanceType("r5.large", 2, 16384, 0.126),
        InstanceType("m3.medium", 1, 3840, 0.067, root_devices=("ebs", "instance-store")),
        InstanceType("g4dn.xlarge", 4, 16384, 0.526, quota="g", absent_from="b"),
    )
}


@dataclasses.dataclass(frozen=True)
class Disk:
    """A disk of an image; GiB."""

    device: str
    gb: int
    snapshot: str
    delete_on_termination: bool = True


@dataclasses.dataclass(frozen=True)
class Image:
    """A machine image. One without disks has its root in the instance store."""

    id: str
    name: str
    architecture: str
    disks: tuple[Disk, ...]
    root_device: str = "/dev/sda1"

    @property
    def root_device_type(self) -> str:
        """As EC2 names it."""
        return "ebs" if self.disks else "instance-store"


IMAGES: dict[str, Image] = {
    image.id: image
    for image in (
        Image(
            "ami-0a000000000000001",
            "plain-x86_64",
            "x86_64",
            (Disk("/dev/sda1", 8, "snap-0a000000000000001"),),
        ),
        Image(
            "ami-0a000000000000002",
            "plain-arm64",
            "arm64",
            (Disk("/dev/xvda", 8, "snap-0a000000000000002"),),
            root_device="/dev/xvda",
        ),
        Image("ami-0a000000000000003", "instance-store-x86_64", "x86_64", ()),
        # One whose disks would outlive its machines, if nobody said otherwise.
        Image(
            "ami-0a000000000000004",
            "two-disks-x86_64",
            "x86_64",
            (
                Disk("/dev/sda1", 15, "snap-0a000000000000003", delete_on_termination=False),
                Disk("/dev/sdb", 10, "snap-0a000000000000004", delete_on_termination=False),
            ),
        ),
    )
}


@dataclasses.dataclass(frozen=True)
class Vpc:
    """A network with its one default security group."""

    id: str
    cidr: str
    group_id: str
    is_default: bool = False


@dataclasses.dataclass(frozen=True)
class Subnet:
    """A part of a network, in one zone (``zone`` is the zone's last letter)."""

    id: str
    vpc: str
    cidr: str
    zone: str
    is_default: bool = False


VPCS: dict[str, Vpc] = {
    vpc.id: vpc
    for vpc in (
        Vpc("vpc-0a000000000000001", "172.31.0.0/16", "sg-0a000000000000001", is_default=True),
        Vpc("vpc-0a000000000000002", "10.0.0.0/16", "sg-0a000000000000002"),
    )
}
"""The default VPC has EC2's own ranges: a /20 per zone (VPC user guide, "Default VPCs")."""

SUBNETS: dict[str, Subnet] = {
    subnet.id: subnet
    for subnet in (
        Subnet("subnet-0a000000000000001", "vpc-0a000000000000001", "172.31.0.0/20", "a", True),
        Subnet("subnet-0a000000000000002", "vpc-0a000000000000001", "172.31.16.0/20", "b", True),
        Subnet("subnet-0a000000000000003", "vpc-0a000000000000001", "172.31.32.0/20", "c", True),
        # Room for more machines than a default subnet has, and for very few.
        Subnet("subnet-0a000000000000004", "vpc-0a000000000000002", "10.0.0.0/17", "a"),
        Subnet("subnet-0a000000000000005", "vpc-0a000000000000002", "10.0.128.0/28", "b"),
    )
}

ZONE_LETTERS = "abc"
