# SPDX-License-Identifier: Apache-2.0
"""One request, from its parameters to its answer. Pure: the time comes with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from tests.strict_ec2 import (
    key_pairs,
    launch,
    lifecycle,
    listing,
    surroundings,
    tagging,
    wire,
)
from tests.strict_ec2.errors import Ec2Error, not_implemented
from tests.strict_ec2.faults import Fate
from tests.strict_ec2.region import Region

Deed = Callable[[Region, Mapping[str, Any], float], dict[str, Any]]

_PAGES = frozenset({"Filters", "MaxResults", "NextToken"})

ACTIONS: dict[str, tuple[Deed, frozenset[str]]] = {
    "RunInstances": (
        launch.run_instances,
        frozenset(
            {"BlockDeviceMappings", "ClientToken", "DisableApiTermination", "ImageId", "KeyName"}
            | {"InstanceInitiatedShutdownBehavior", "InstanceMarketOptions", "InstanceType"}
            | {"MaxCount", "MetadataOptions", "MinCount", "NetworkInterfaces", "Placement"}
            | {"PrivateIpAddress", "SecurityGroupIds", "SubnetId", "TagSpecifications", "UserData"}
        ),
    ),
    "DescribeInstances": (listing.describe_instances, _PAGES | {"InstanceIds"}),
    "DescribeInstanceStatus": (
        listing.describe_instance_status,
        _PAGES | {"InstanceIds", "IncludeAllInstances"},
    ),
    "DescribeInstanceAttribute": (
        listing.describe_instance_attribute,
        frozenset({"InstanceId", "Attribute"}),
    ),
    "DescribeVolumes": (listing.describe_volumes, _PAGES | {"VolumeIds"}),
    "TerminateInstances": (lifecycle.terminate_instances, frozenset({"InstanceIds"})),
    "StopInstances": (lifecycle.stop_instances, frozenset({"InstanceIds", "Force"})),
    "StartInstances": (lifecycle.start_instances, frozenset({"InstanceIds"})),
    "RebootInstances": (lifecycle.reboot_instances, frozenset({"InstanceIds"})),
    "GetConsoleOutput": (lifecycle.get_console_output, frozenset({"InstanceId", "Latest"})),
    "CreateTags": (tagging.create_tags, frozenset({"Resources", "Tags"})),
    "DeleteTags": (tagging.delete_tags, frozenset({"Resources", "Tags"})),
    "DescribeTags": (tagging.describe_tags, _PAGES),
    "ImportKeyPair": (
        key_pairs.import_key_pair,
        frozenset({"KeyName", "PublicKeyMaterial", "TagSpecifications"}),
    ),
    "DescribeKeyPairs": (
        key_pairs.describe_key_pairs,
        frozenset({"Filters", "KeyNames", "KeyPairIds", "IncludePublicKey"}),
    ),
    "DeleteKeyPair": (key_pairs.delete_key_pair, frozenset({"KeyName", "KeyPairId"})),
    "DescribeImages": (surroundings.describe_images, _PAGES | {"ImageIds", "Owners"}),
    "DescribeInstanceTypes": (surroundings.describe_instance_types, _PAGES | {"InstanceTypes"}),
    "DescribeInstanceTypeOfferings": (
        surroundings.describe_instance_type_offerings,
        _PAGES | {"LocationType"},
    ),
    "DescribeSpotPriceHistory": (
        surroundings.describe_spot_price_history,
        _PAGES
        | {"AvailabilityZone", "InstanceTypes", "ProductDescriptions", "StartTime", "EndTime"},
    ),
    "DescribeSubnets": (surroundings.describe_subnets, _PAGES | {"SubnetIds"}),
    "DescribeVpcs": (surroundings.describe_vpcs, _PAGES | {"VpcIds"}),
    "DescribeSecurityGroups": (
        surroundings.describe_security_groups,
        _PAGES | {"GroupIds", "GroupNames"},
    ),
    "DescribeAvailabilityZones": (
        surroundings.describe_availability_zones,
        frozenset({"Filters", "ZoneNames"}),
    ),
    "DescribeAccountAttributes": (
        surroundings.describe_account_attributes,
        frozenset({"AttributeNames"}),
    ),
}
"""What this endpoint can do, and the arguments that each action looks at; it refuses all others,
since an argument that is passed over in silence makes a test lie."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What goes back; ``lost`` closes the connection instead, and the client knows nothing."""

    status: int
    body: bytes
    lost: bool = False


def serve(region: Region, parameters: Mapping[str, str], number: int, now: float) -> Answer:
    """Carry out one request.

    :param number: of the request, for its id.
    """
    request_id = f"00000000-0000-4000-8000-{number:012x}"
    action = parameters.get("Action", "")
    region.settle(now)
    try:
        deed, arguments = _understood(action, parameters)
        region.throttle.request(action, _asks_for_everything(arguments), now)
        fate = region.faults.fate(action)
        if fate is Fate.THROTTLED:
            raise Ec2Error("RequestLimitExceeded", "Request limit exceeded.")
        if fate is Fate.LOST_BEFORE:
            return Answer(0, b"", lost=True)
        if fate is Fate.ERROR_BEFORE:
            raise _server_error(region)
        if arguments.pop("DryRun", False):
            raise Ec2Error(
                "DryRunOperation", "Request would have succeeded, but DryRun flag is set."
            )
        document = wire.answer_document(action, deed(region, arguments, now), request_id)
        if fate is Fate.LOST_AFTER:
            return Answer(0, b"", lost=True)
        if fate is Fate.ERROR_AFTER:
            raise _server_error(region)
        return Answer(200, document)
    except Ec2Error as error:
        return Answer(error.status, error.document(request_id))


def _understood(action: str, parameters: Mapping[str, str]) -> tuple[Deed, dict[str, Any]]:
    arguments = wire.arguments_of(parameters)
    if action not in ACTIONS:
        # EC2 has it. Answering as for a misspelt one is the loudest that a client understands.
        raise Ec2Error("InvalidAction", f"The strict endpoint does not know the action {action}.")
    deed, known = ACTIONS[action]
    unknown = sorted(set(arguments) - known - {"DryRun"})
    if unknown:
        raise not_implemented(f"{action}'s parameter {unknown[0]}")
    return deed, arguments


def _asks_for_everything(arguments: Mapping[str, Any]) -> bool:
    narrow = ("Filters", "MaxResults", "NextToken")
    return not any(name in narrow or name.endswith(("Id", "Ids", "Names")) for name in arguments)


def _server_error(region: Region) -> Ec2Error:
    code = region.faults.draw("server error").choice(("InternalError", "Unavailable"))
    return Ec2Error(code, "An internal error has occurred")
