# SPDX-License-Identifier: Apache-2.0
"""Tags: at launch, and CreateTags, DeleteTags and DescribeTags. Pure.

EC2 user guide, "Tag your Amazon EC2 resources" (restrictions): at most 50 tags, keys of 1 to 128
characters, values of 0 to 256, none beginning with ``aws:``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.strict_ec2 import catalogue, filters, paging
from tests.strict_ec2.errors import Ec2Error
from tests.strict_ec2.region import Region

MAX_TAGS = 50
MAX_KEY = 128
MAX_VALUE = 256

RESOURCE_TYPES = {
    "i": "instance",
    "vol": "volume",
    "eni": "network-interface",
    "key": "key-pair",
    "ami": "image",
    "subnet": "subnet",
    "vpc": "vpc",
    "sg": "security-group",
}
"""Resource types by what ids begin with (EC2 user guide, "Resource IDs")."""

_ID = re.compile(r"([a-z]+)-[0-9a-f]{8}([0-9a-f]{9})?")
# What XML 1.0 cannot carry is no text of a tag.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def is_id(text: str, prefix: str) -> bool:
    """Whether a text has the form of a resource's id."""
    found = _ID.fullmatch(text)
    return found is not None and found.group(1) == prefix


def at_launch(
    specifications: Sequence[Mapping[str, Any]], allowed: frozenset[str]
) -> dict[str, dict[str, str]]:
    """Return the tags of a TagSpecifications parameter by resource type.

    :param allowed: the resource types that the action makes.
    :raises Ec2Error: InvalidParameterValue, TagLimitExceeded.
    """
    found: dict[str, dict[str, str]] = {}
    for entry in specifications:
        kind = entry.get("ResourceType", "")
        if kind not in allowed:
            raise Ec2Error(
                "InvalidParameterValue",
                f"'{kind}' is not a valid taggable resource type for this operation.",
            )
        if kind in found or not entry.get("Tags"):
            raise Ec2Error("InvalidParameterValue", f"Tag specification of {kind} twice or empty")
        found[kind] = checked(entry["Tags"])
    return found


def checked(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return tags as a dictionary.

    :raises Ec2Error: InvalidParameterValue, TagLimitExceeded.
    """
    found: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not 1 <= len(key) <= MAX_KEY or len(value) > MAX_VALUE or _NOT_TEXT.search(key + value):
            raise Ec2Error("InvalidParameterValue", f"Tag key or value is invalid: {key[:MAX_KEY]}")
        if key.lower().startswith("aws:"):
            raise Ec2Error(
                "InvalidParameterValue",
                "Tag keys starting with 'aws:' are reserved for internal use",
            )
        if key in found:
            raise Ec2Error("InvalidParameterValue", f"Duplicate tag key '{key}' specified.")
        found[key] = value
    if len(found) > MAX_TAGS:
        raise Ec2Error("TagLimitExceeded", "More than 50 tags specified")
    return found


def create_tags(region: Region, arguments: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Set tags on resources; all or none.

    :raises Ec2Error: no such resource, or one would have too many.
    """
    added = checked(arguments["Tags"])
    resources = list(dict.fromkeys(arguments["Resources"]))
    _check_resources(region, resources, now)
    for resource in resources:
        if len({**region.tags.get(resource, {}), **added}) > MAX_TAGS:
            raise Ec2Error("TagLimitExceeded", "The maximum number of Tags has been reached.")
    for resource in resources:
        _replace(region, resource, {**region.tags.get(resource, {}), **added})
    return {}


def delete_tags(region: Region, arguments: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Take tags away; one given with a value only if it has it; all when none are named.

    :raises Ec2Error: no such resource.
    """
    resources = list(dict.fromkeys(arguments["Resources"]))
    _check_resources(region, resources, now)
    unwanted = {tag["Key"]: tag.get("Value") for tag in arguments.get("Tags", ())}
    for resource in resources:
        kept = {
            key: value
            for key, value in region.tags.get(resource, {}).items()
            if "Tags" in arguments and not (key in unwanted and unwanted[key] in (None, value))
        }
        _replace(region, resource, kept)
    return {}


def describe_tags(region: Region, arguments: Mapping[str, Any], now: float) -> dict[str, Any]:
    """List the tags of everything that shows, ordered by resource and key."""
    rows = [
        {
            "ResourceId": resource,
            "ResourceType": RESOURCE_TYPES[resource.split("-", 1)[0]],
            "Key": key,
            "Value": value,
        }
        for resource, tags in sorted(region.tags.items())
        if resource not in region.machines or region.machines[resource].visible_at <= now
        for key, value in sorted(tags.items())
    ]
    readers: dict[str, filters.Reader[dict[str, str]]] = {
        "key": lambda row: [row["Key"]],
        "value": lambda row: [row["Value"]],
        "resource-id": lambda row: [row["ResourceId"]],
        "resource-type": lambda row: [row["ResourceType"]],
    }
    fits = filters.compiled(
        "DescribeTags",
        arguments.get("Filters", ()),
        readers,
        lambda row: {row["Key"]: row["Value"]},
    )
    return paging.paged("DescribeTags", "Tags", [row for row in rows if fits(row)], arguments)


def _check_resources(region: Region, resources: Sequence[str], now: float) -> None:
    region.find([resource for resource in resources if resource.startswith("i-")], now)
    interfaces = {machine.interface_id for machine in region.live() if machine.visible_at <= now}
    known = {pair.id for pair in region.key_pairs.values()} | set(region.volumes) | interfaces
    known |= {*catalogue.IMAGES, *catalogue.SUBNETS, *catalogue.VPCS}
    known |= {vpc.group_id for vpc in catalogue.VPCS.values()}
    for resource in resources:
        if not resource.startswith("i-") and resource not in known:
            raise Ec2Error("InvalidID", f"The ID '{resource[:64]}' is not valid")


def _replace(region: Region, resource: str, tags: dict[str, str]) -> None:
    machine = region.machines.get(resource)
    if machine is None:
        region.tags[resource] = tags
        return
    for pair in machine.tags.items():
        region.untag(machine, pair)
    machine.tags = tags
    region.tags[resource] = tags
    for pair in tags.items():
        region.tagged[pair][machine.id] = None
