# SPDX-License-Identifier: Apache-2.0
"""One launch as the keyword arguments of RunInstances. Pure."""

from __future__ import annotations

from typing import Any

from nova_spillway.providers import api
from nova_spillway.providers.ec2 import tags
from nova_spillway.providers.ec2.options import Ec2Options

# EC2's limit for user data, before base64 (user guide, "Run commands at launch").
MAX_USER_DATA_BYTES = 16384
# The resources that RunInstances makes and can tag in the same call.
_TAGGED = ("instance", "volume", "network-interface")


def run_instances_arguments(
    options: Ec2Options,
    owner: api.Owner,
    request: api.LaunchRequest,
    generation: int,
    client_token: str,
) -> dict[str, Any]:
    """Return the arguments for exactly one machine.

    :raises api.InvalidRequest: EC2 would refuse it whatever its room: user data too long, root disk
        smaller than the image.
    """
    if len(request.user_data) > MAX_USER_DATA_BYTES:
        raise api.InvalidRequest(
            f"the user data is {len(request.user_data)} bytes long and EC2 takes at most "
            f"{MAX_USER_DATA_BYTES}"
        )
    if 0 < request.root_gb < request.image.root_gb:
        raise api.InvalidRequest(
            f"the flavor gives a root disk of {request.root_gb} GB and the image "
            f"{request.image.id} needs {request.image.root_gb} GB"
        )
    launch_tags = tags.of_launch(owner, request, generation)
    arguments: dict[str, Any] = {
        "ImageId": request.image.id,
        "InstanceType": request.size,
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": client_token,
        "SubnetId": options.subnet_id,
        "TagSpecifications": [{"ResourceType": kind, "Tags": launch_tags} for kind in _TAGGED],
        "BlockDeviceMappings": _disks(request),
        # Whoever can make the server fetch a URL must not get at its metadata with it.
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 1,
            "InstanceMetadataTags": "disabled",
        },
        # A shutdown inside the server is Nova's "stopped", not its end.
        "InstanceInitiatedShutdownBehavior": "stop",
    }
    if options.security_group_ids:
        arguments["SecurityGroupIds"] = list(options.security_group_ids)
    if options.availability_zone:
        arguments["Placement"] = {"AvailabilityZone": options.availability_zone}
    if request.key_name:
        arguments["KeyName"] = request.key_name
    if request.user_data:
        # boto3 encodes it to base64.
        arguments["UserData"] = request.user_data
    return arguments


def _disks(request: api.LaunchRequest) -> list[dict[str, Any]]:
    # Not every server of this API finds the image's own sizes by itself.
    root = (request.image.root_device, request.root_gb or request.image.root_gb)
    return [_disk(device, gb) for device, gb in (root, *request.image.other_disks)]


def _disk(device: str, gb: int) -> dict[str, Any]:
    # An image may keep its disks after termination; ours never do, they would be paid for ever.
    ebs: dict[str, Any] = {"DeleteOnTermination": True}
    if gb:
        ebs["VolumeSize"] = gb
    return {"DeviceName": device, "Ebs": ebs}
