# SPDX-License-Identifier: Apache-2.0
"""One machine: what it is, and what DescribeInstances says of it. Pure."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from tests.strict_ec2.capacity import Kind
from tests.strict_ec2.catalogue import ACCOUNT, Image, InstanceType, Subnet

STATE_CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
"""botocore's model, InstanceState.Code: the low byte."""

ON_A_HOST = frozenset({"pending", "running", "stopping", "shutting-down"})
"""States in which a machine takes EC2's room and the account's quota."""

ENDED = frozenset({"shutting-down", "terminated"})

STATE_REASONS = {
    "Client.UserInitiatedShutdown": "The instance was shut down using the Amazon EC2 API.",
    "Client.InstanceInitiatedShutdown": "The instance was shut down from within the instance.",
    "Server.InternalError": "An internal error caused the instance to terminate at launch.",
    "Server.InsufficientInstanceCapacity": "There was insufficient capacity available to satisfy "
    "the launch request.",
    "Server.SpotInstanceTermination": "A Spot Instance was terminated due to an increase in the "
    "Spot price.",
}
"""botocore's model, StateReason.Message: codes and texts."""


@dataclasses.dataclass
class Volume:
    """An EBS disk; GiB."""

    id: str
    device: str
    gb: int
    type: str
    snapshot: str | None
    zone: str
    delete_on_termination: bool
    made_at: float
    machine_id: str | None


@dataclasses.dataclass
class Machine:
    """A machine from its launch until EC2 forgets it.

    :ivar sequence: the order of launches; pages go by it.
    :ivar visible_at: when the first Describe may show it.
    :ivar epoch: counts the changes of state, so that a change planned before another is void.
    :ivar one_time_spot: a spot machine whose request ends with it; it cannot be stopped.
    :ivar stops_when_shut_down: else it is terminated when its operating system shuts down.
    """

    id: str
    sequence: int
    reservation_id: str
    launch_index: int
    type: InstanceType
    image: Image
    subnet: Subnet
    zone: str
    groups: tuple[tuple[str, str], ...]
    client_token: str
    tags: dict[str, str]
    launched_at: float
    visible_at: float
    interface_id: str
    private_address: str
    volumes: list[Volume]
    metadata_options: dict[str, Any]
    key_name: str | None = None
    user_data: str | None = None
    spot_request_id: str | None = None
    one_time_spot: bool = False
    stops_when_shut_down: bool = True
    is_protected: bool = False
    state: str = "pending"
    state_reason: str | None = None
    transition: str = ""
    public_address: str | None = None
    running_since: float | None = None
    ended_at: float | None = None
    epoch: int = 0

    @property
    def kind(self) -> Kind:
        """What room it takes."""
        return Kind(self.type, self.zone, self.spot_request_id is not None)

    def state_record(self) -> dict[str, Any]:
        """Return the state as EC2 writes it."""
        return {"Code": STATE_CODES[self.state], "Name": self.state}

    def record(self) -> dict[str, Any]:
        """Return botocore's ``Instance``. A terminated one has lost its network and its disks."""
        region = self.zone[:-1]
        record: dict[str, Any] = {
            "InstanceId": self.id,
            "ImageId": self.image.id,
            "State": self.state_record(),
            "PrivateDnsName": "",
            "PublicDnsName": "",
            "StateTransitionReason": self.transition,
            "KeyName": self.key_name,
            "AmiLaunchIndex": self.launch_index,
            "ProductCodes": [],
            "InstanceType": self.type.name,
            "LaunchTime": self.launched_at,
            "Placement": {"AvailabilityZone": self.zone, "GroupName": "", "Tenancy": "default"},
            "Monitoring": {"State": "disabled"},
            "Architecture": self.image.architecture,
            "ClientToken": self.client_token,
            "EbsOptimized": False,
            "EnaSupport": True,
            "Hypervisor": "xen",
            "RootDeviceName": self.image.root_device,
            "RootDeviceType": self.image.root_device_type,
            "VirtualizationType": "hvm",
            "MetadataOptions": {
                **self.metadata_options,
                "State": "pending" if self.state == "pending" else "applied",
            },
            "CpuOptions": {"CoreCount": max(1, self.type.vcpus // 2), "ThreadsPerCore": 2},
            "PlatformDetails": "Linux/UNIX",
            "UsageOperation": "RunInstances",
            "UsageOperationUpdateTime": self.launched_at,
            "BlockDeviceMappings": [],
            "NetworkInterfaces": [],
            "SecurityGroups": [],
            "Tags": tag_records(self.tags),
        }
        if self.state_reason is not None:
            text = STATE_REASONS[self.state_reason]
            record["StateReason"] = {
                "Code": self.state_reason,
                "Message": f"{self.state_reason}: {text}",
            }
        if self.spot_request_id is not None:
            record["InstanceLifecycle"] = "spot"
            record["SpotInstanceRequestId"] = self.spot_request_id
        if self.state != "terminated":
            record.update(self._network_record(region))
            record["BlockDeviceMappings"] = [self._disk_record(disk) for disk in self.volumes]
        return record

    def _network_record(self, region: str) -> dict[str, Any]:
        groups = [{"GroupId": id, "GroupName": name} for id, name in self.groups]
        private_name = f"ip-{self.private_address.replace('.', '-')}.ec2.internal"
        address = {
            "PrivateIpAddress": self.private_address,
            "PrivateDnsName": private_name,
            "Primary": True,
        }
        network: dict[str, Any] = {
            "PrivateIpAddress": self.private_address,
            "PrivateDnsName": private_name,
            "SubnetId": self.subnet.id,
            "VpcId": self.subnet.vpc,
            "SecurityGroups": groups,
            "SourceDestCheck": True,
        }
        interface: dict[str, Any] = {
            "NetworkInterfaceId": self.interface_id,
            "OwnerId": ACCOUNT,
            "SubnetId": self.subnet.id,
            "VpcId": self.subnet.vpc,
            "PrivateIpAddress": self.private_address,
            "PrivateDnsName": private_name,
            "PrivateIpAddresses": [address],
            "Groups": groups,
            "Status": "in-use",
            "SourceDestCheck": True,
            "Attachment": {
                "AttachmentId": "eni-attach-" + self.interface_id[len("eni-") :],
                "DeviceIndex": 0,
                "Status": "attached",
                "AttachTime": self.launched_at,
                "DeleteOnTermination": True,
            },
        }
        if self.public_address is not None:
            public_name = f"ec2-{self.public_address.replace('.', '-')}.compute-1.amazonaws.com"
            association = {
                "PublicIp": self.public_address,
                "PublicDnsName": public_name,
                "IpOwnerId": "amazon",
            }
            network["PublicIpAddress"] = self.public_address
            network["PublicDnsName"] = public_name
            interface["Association"] = association
            address["Association"] = association
        network["NetworkInterfaces"] = [interface]
        return network

    def _disk_record(self, disk: Volume) -> dict[str, Any]:
        return {
            "DeviceName": disk.device,
            "Ebs": {
                "VolumeId": disk.id,
                "Status": "attached",
                "AttachTime": disk.made_at,
                "DeleteOnTermination": disk.delete_on_termination,
            },
        }


def tag_records(tags: dict[str, str]) -> list[dict[str, str]]:
    """Return tags in EC2's form."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def gmt(now: float) -> str:
    """Return a time as StateTransitionReason has it."""
    return time.strftime("%Y-%m-%d %H:%M:%S GMT", time.gmtime(now))
