# SPDX-License-Identifier: Apache-2.0
"""RunInstances: everything is checked before anything is made. Pure.

Rules without another source: EC2 API reference, "RunInstances" and "Error codes"; texts are EC2's
own as far as they are known, but no client should read them.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Mapping
from typing import Any

from tests.strict_ec2 import catalogue, disks, network, tagging
from tests.strict_ec2.capacity import Kind, no_capacity
from tests.strict_ec2.catalogue import ACCOUNT, Image, InstanceType
from tests.strict_ec2.errors import Ec2Error, not_implemented
from tests.strict_ec2.machine import ENDED, Machine, Volume
from tests.strict_ec2.region import Region

MAX_USER_DATA_BYTES = 16384
"""EC2 user guide, "Run commands when you launch an EC2 instance": 16 KB, before base64."""

DEFAULT_TYPE = "m1.small"
"""botocore's model of earlier years, RunInstances InstanceType. No image here can run on it."""

TAGGABLE = frozenset({"instance", "volume", "network-interface", "spot-instances-request"})

_METADATA_DEFAULTS = {
    "HttpTokens": "optional",
    "HttpPutResponseHopLimit": 1,
    "HttpEndpoint": "enabled",
    "HttpProtocolIpv6": "disabled",
    "InstanceMetadataTags": "disabled",
}


@dataclasses.dataclass(frozen=True)
class _Spot:
    one_time: bool
    max_price: float | None


@dataclasses.dataclass(frozen=True)
class _Launch:
    """A request that passed every check that does not depend on what else there is."""

    type: InstanceType
    image: Image
    place: network.Place
    kind: Kind
    disks: tuple[disks.Disk, ...]
    tags: Mapping[str, dict[str, str]]
    metadata_options: dict[str, Any]
    key_name: str | None
    user_data: str | None
    spot: _Spot | None


def run_instances(region: Region, arguments: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Launch machines, or return those that the same token made before.

    :raises Ec2Error: as the module says.
    """
    token = arguments.get("ClientToken", "")
    zone = network.named_zone(region, arguments)
    earlier = region.tokens.earlier(token, zone, arguments)
    if earlier is not None:
        return _again(region, earlier.machine_ids)
    at_least, at_most = arguments["MinCount"], arguments["MaxCount"]
    if not 1 <= at_least <= at_most:
        raise Ec2Error(
            "InvalidParameterValue", f"MinCount {at_least} and MaxCount {at_most} do not agree"
        )
    launch = _checked(region, arguments, at_most)
    region.throttle.machines("RunInstances", at_most, now)
    count = _room(region, launch, at_least, at_most)
    machines = _make(region, launch, arguments, count, now)
    region.tokens.remember(token, zone, arguments, tuple(machine.id for machine in machines))
    return _reservation(machines)


def _again(region: Region, machine_ids: tuple[str, ...]) -> dict[str, Any]:
    machines = [region.machines.get(machine_id) for machine_id in machine_ids]
    live = [machine for machine in machines if machine is not None and machine.state not in ENDED]
    if len(live) < len(machines):
        raise Ec2Error(
            "IdempotentInstanceTerminated",
            "The client token you have provided is associated with a terminated instance. "
            "Please use a different client token.",
        )
    return _reservation(live)


def _checked(region: Region, arguments: Mapping[str, Any], count: int) -> _Launch:
    image = _image(arguments)
    size = _type(arguments, image)
    place = network.place(region, arguments, count)
    spot = _spot(arguments, size)
    if place.zone[-1] in size.absent_from:
        raise Ec2Error(
            "Unsupported",
            f"Your requested instance type ({size.name}) is not supported in your requested "
            f"Availability Zone ({place.zone}).",
        )
    key_name = arguments.get("KeyName")
    if key_name is not None and key_name not in region.key_pairs:
        raise Ec2Error("InvalidKeyPair.NotFound", f"The key pair '{key_name}' does not exist")
    if (
        image.root_device_type == "instance-store"
        and arguments.get("InstanceInitiatedShutdownBehavior") == "stop"
    ):
        raise Ec2Error(
            "InvalidParameterCombination",
            "The attribute instanceInitiatedShutdownBehavior can only be used for EBS-backed "
            "images.",
        )
    return _Launch(
        type=size,
        image=image,
        place=place,
        kind=Kind(size, place.zone, spot is not None),
        disks=disks.wanted(image, arguments.get("BlockDeviceMappings", ())),
        tags=tagging.at_launch(arguments.get("TagSpecifications", ()), TAGGABLE),
        metadata_options=_metadata_options(arguments),
        key_name=key_name,
        user_data=_user_data(arguments),
        spot=spot,
    )


def _image(arguments: Mapping[str, Any]) -> Image:
    image_id = arguments.get("ImageId")
    if image_id is None:
        raise Ec2Error("MissingParameter", "The request must contain the parameter ImageId")
    return find_image(image_id)


def find_image(image_id: str) -> Image:
    """Return an image.

    :raises Ec2Error: InvalidAMIID.Malformed, InvalidAMIID.NotFound.
    """
    if not tagging.is_id(image_id, "ami"):
        raise Ec2Error("InvalidAMIID.Malformed", f'Invalid id: "{image_id[:64]}"')
    if image_id not in catalogue.IMAGES:
        raise Ec2Error("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    return catalogue.IMAGES[image_id]


def _type(arguments: Mapping[str, Any], image: Image) -> InstanceType:
    name = arguments.get("InstanceType", DEFAULT_TYPE)
    size = catalogue.INSTANCE_TYPES.get(name)
    if size is None:
        # EC2 has it, this region of ours does not.
        raise Ec2Error(
            "Unsupported", f"The requested configuration is currently not supported: {name}."
        )
    if image.architecture not in size.architectures:
        raise Ec2Error(
            "InvalidParameterValue",
            f"The architecture '{','.join(size.architectures)}' of the specified instance type "
            f"does not match the architecture '{image.architecture}' of the specified AMI.",
        )
    if image.root_device_type not in size.root_devices:
        raise Ec2Error(
            "InvalidParameterCombination",
            f"The instance type '{name}' does not support an AMI with a root device of type "
            f"'{image.root_device_type}'.",
        )
    return size


def _spot(arguments: Mapping[str, Any], size: InstanceType) -> _Spot | None:
    market = arguments.get("InstanceMarketOptions")
    if market is None:
        return None
    if market.get("MarketType") != "spot":
        raise not_implemented(f"the market {market.get('MarketType')}")
    options = market.get("SpotOptions", {})
    max_price = options.get("MaxPrice")
    try:
        price = None if max_price is None else float(max_price)
    except ValueError:
        raise Ec2Error("InvalidParameterValue", f"Invalid MaxPrice: {max_price[:32]}") from None
    if price is not None and price < size.usd_per_hour * catalogue.SPOT_SHARE:
        raise Ec2Error(
            "SpotMaxPriceTooLow",
            f"Your Spot request price of {price} is lower than the minimum "
            "required Spot request fulfillment price.",
        )
    return _Spot(options.get("SpotInstanceType", "one-time") == "one-time", price)


def _metadata_options(arguments: Mapping[str, Any]) -> dict[str, Any]:
    options = {**_METADATA_DEFAULTS, **arguments.get("MetadataOptions", {})}
    if not 1 <= options["HttpPutResponseHopLimit"] <= 64:
        # botocore's model: "Possible values: Integers from 1 to 64".
        raise Ec2Error("InvalidParameterValue", "HttpPutResponseHopLimit is from 1 to 64")
    return options


def _user_data(arguments: Mapping[str, Any]) -> str | None:
    text: str | None = arguments.get("UserData")
    if text is None:
        return None
    try:
        content = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise Ec2Error(
            "InvalidUserData.Malformed", "Invalid BASE64 encoding of user data."
        ) from None
    if len(content) > MAX_USER_DATA_BYTES:
        raise Ec2Error(
            "InvalidParameterValue", f"User data is limited to {MAX_USER_DATA_BYTES} bytes"
        )
    return text


def _room(region: Region, launch: _Launch, at_least: int, at_most: int) -> int:
    if launch.place.zone in region.impaired:
        raise Ec2Error("InternalError", "An internal error has occurred")
    count = region.capacity.fit(launch.kind, at_least, at_most)
    if region.faults.happens("no capacity", region.faults.rates.no_capacity):
        raise no_capacity(launch.kind)
    addresses = region.addresses[launch.place.subnet.id]
    if launch.place.address is not None:
        addresses.check(launch.place.address)
    if addresses.free < at_least:
        raise Ec2Error(
            "InsufficientFreeAddressesInSubnet",
            f"There are not enough free addresses in subnet '{launch.place.subnet.id}' to satisfy "
            "the requested number of instances.",
        )
    return min(count, addresses.free)


def _make(
    region: Region, launch: _Launch, arguments: Mapping[str, Any], count: int, now: float
) -> list[Machine]:
    reservation_id = region.faults.id("r")
    rates = region.faults.rates
    machines = []
    for index in range(count):
        machine_id = region.faults.id("i")
        machine = Machine(
            id=machine_id,
            sequence=0,
            reservation_id=reservation_id,
            launch_index=index,
            type=launch.type,
            image=launch.image,
            subnet=launch.place.subnet,
            zone=launch.place.zone,
            groups=launch.place.groups,
            client_token=arguments.get("ClientToken", ""),
            tags=dict(launch.tags.get("instance", {})),
            launched_at=now,
            visible_at=now + region.faults.seconds("visible", rates.visible_after_secs),
            interface_id=region.faults.id("eni"),
            private_address=region.addresses[launch.place.subnet.id].take(launch.place.address),
            volumes=[_volume(region, disk, machine_id, launch, now) for disk in launch.disks],
            metadata_options=launch.metadata_options,
            key_name=launch.key_name,
            user_data=launch.user_data,
            spot_request_id=region.faults.id("sir") if launch.spot else None,
            one_time_spot=launch.spot is not None and launch.spot.one_time,
            stops_when_shut_down=launch.image.root_device_type == "ebs"
            and arguments.get("InstanceInitiatedShutdownBehavior", "stop") == "stop",
            is_protected=arguments.get("DisableApiTermination", False),
        )
        machine.public_address = region.public_address(machine)
        if "network-interface" in launch.tags:
            region.tags[machine.interface_id] = dict(launch.tags["network-interface"])
        region.add(machine)
        machines.append(machine)
    return machines


def _volume(
    region: Region, disk: disks.Disk, machine_id: str, launch: _Launch, now: float
) -> Volume:
    volume = Volume(
        id=region.faults.id("vol"),
        device=disk.device,
        gb=disk.gb,
        type=disk.type,
        snapshot=disk.snapshot,
        zone=launch.place.zone,
        delete_on_termination=disk.delete_on_termination,
        made_at=now,
        machine_id=machine_id,
    )
    region.volumes[volume.id] = volume
    if "volume" in launch.tags:
        region.tags[volume.id] = dict(launch.tags["volume"])
    return volume


def _reservation(machines: list[Machine]) -> dict[str, Any]:
    return {
        "ReservationId": machines[0].reservation_id,
        "OwnerId": ACCOUNT,
        "Groups": [],
        "Instances": [machine.record() for machine in machines],
    }
