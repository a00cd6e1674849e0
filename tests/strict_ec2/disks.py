# SPDX-License-Identifier: Apache-2.0
"""The disks that a launch gets: the image's own, changed and added to by the request. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tests.strict_ec2.catalogue import Image
from tests.strict_ec2.errors import Ec2Error, not_implemented

MAX_GB = {"gp2": 16384, "gp3": 16384, "io1": 16384, "io2": 65536, "st1": 16384, "sc1": 16384} | {
    "standard": 1024
}
"""botocore's model, EbsBlockDevice VolumeSize, by volume type; GiB. gp3's has grown since."""

_KNOWN = frozenset({"DeleteOnTermination", "VolumeSize", "VolumeType", "SnapshotId", "Encrypted"})


@dataclasses.dataclass(frozen=True)
class Disk:
    """A disk to make; GiB."""

    device: str
    gb: int
    type: str
    snapshot: str | None
    delete_on_termination: bool


def wanted(image: Image, mappings: Sequence[Mapping[str, Any]]) -> tuple[Disk, ...]:
    """Return the disks of one machine.

    A mapping for one of the image's devices changes what it names and keeps the rest: an image
    whose disks outlive the machine stays so (EC2 user guide, "Block device mappings").

    :raises Ec2Error: InvalidBlockDeviceMapping, InvalidParameterValue.
    """
    found = {
        disk.device: Disk(disk.device, disk.gb, "gp2", disk.snapshot, disk.delete_on_termination)
        for disk in image.disks
    }
    seen: set[str] = set()
    for mapping in mappings:
        device = mapping.get("DeviceName", "")
        if not device or device in seen:
            raise Ec2Error(
                "InvalidBlockDeviceMapping",
                f"The device '{device}' is used in more than one block-device mapping",
            )
        seen.add(device)
        if "NoDevice" in mapping:
            if device == image.root_device:
                raise Ec2Error("InvalidBlockDeviceMapping", "The root device cannot be left out")
            found.pop(device, None)
        elif "Ebs" in mapping:
            found[device] = _changed(device, found.get(device), mapping["Ebs"], image)
        elif "VirtualName" not in mapping:
            raise Ec2Error("InvalidBlockDeviceMapping", f"Nothing is mapped to {device}")
    return tuple(found.values())


def _changed(device: str, own: Disk | None, ebs: Mapping[str, Any], image: Image) -> Disk:
    unknown = sorted(set(ebs) - _KNOWN)
    if unknown:
        raise not_implemented(f"the disk's {unknown[0]}")
    if image.root_device_type != "ebs" and device == image.root_device:
        raise Ec2Error("InvalidBlockDeviceMapping", "The image's root is in the instance store")
    kind = ebs.get("VolumeType", own.type if own else "gp2")
    least = own.gb if own else 1
    gb = ebs.get("VolumeSize", own.gb if own else None)
    if gb is None:
        raise Ec2Error(
            "MissingParameter", "The request must contain the parameter size or snapshot"
        )
    if own and gb < least:
        raise Ec2Error(
            "InvalidBlockDeviceMapping",
            f"Volume of size {gb}GB is smaller than snapshot '{own.snapshot}', expect size >= "
            f"{least}GB",
        )
    if not least <= gb <= MAX_GB.get(kind, 0):
        raise Ec2Error("InvalidParameterValue", f"Volume of {gb}GiB is invalid for {kind}")
    if own and ebs.get("SnapshotId", own.snapshot) != own.snapshot:
        raise Ec2Error("InvalidBlockDeviceMapping", "snapshotId cannot be modified on root device")
    return Disk(
        device,
        gb,
        kind,
        own.snapshot if own else None,
        ebs.get("DeleteOnTermination", own.delete_on_termination if own else True),
    )
