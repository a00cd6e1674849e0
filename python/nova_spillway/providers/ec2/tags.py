# SPDX-License-Identifier: Apache-2.0
"""The ownership tags that every machine carries from its launch on.

They name things and hold nothing secret: whoever may read tags in the account reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from nova_spillway.providers import api

DEPLOYMENT = "spillway:deployment"
INSTANCE = "spillway:instance"
GENERATION = "spillway:generation"
BURST_HOST = "spillway:burst-host"
CLAIM = "spillway:claim"
PROJECT = "spillway:project"

_CLAIM = re.compile(r"vcpus=(\d+) memory_mb=(\d+) disk_gb=(\d+)")
# EC2's limit for a tag's value.
_MAX_VALUE = 256


def of_owner(owner: api.Owner) -> dict[str, str]:
    """Return the tags that every resource of this burst host carries."""
    return {DEPLOYMENT: owner.deployment, BURST_HOST: owner.burst_host}


def of_launch(
    owner: api.Owner, request: api.LaunchRequest, generation: int
) -> list[dict[str, str]]:
    """Return a launch's tags in EC2's form, in a stable order: they are part of the parameters."""
    claim = request.claim
    values = {
        "Name": request.hostname[:_MAX_VALUE],
        **of_owner(owner),
        INSTANCE: request.instance_uuid,
        GENERATION: str(generation),
        CLAIM: f"vcpus={claim.vcpus} memory_mb={claim.memory_mb} disk_gb={claim.disk_gb}",
    }
    if request.project_id:
        values[PROJECT] = request.project_id
    return to_ec2(values)


def to_ec2(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags in EC2's form."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


def from_ec2(tags: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return EC2's list of tags as a dictionary."""
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags}


def parse_claim(value: str) -> api.Claim | None:
    """Read the claim tag back; None when somebody changed it to something else."""
    found = _CLAIM.fullmatch(value)
    return api.Claim(*(int(number) for number in found.groups())) if found else None


def parse_generation(value: str) -> int:
    """Read the generation tag back; 0, which no launch has, when it is no number."""
    return int(value) if value.isascii() and value.isdigit() else 0
