# SPDX-License-Identifier: Apache-2.0
"""Spillway's policy file for the cloud, and the TOML that it is written in.

A policy is a plain dictionary here, so that a test can change one value and write it again.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

import boto3

from tests.cloud.layout import ADDRESS, EC2_REGION, Layout
from tests.cloud.services import AWS_CREDENTIALS

DEPLOYMENT = "test-cloud"
"""Ownership tag of the machines that the cloud launches."""

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def ec2_client(layout: Layout, listener: str = "moto") -> Any:
    """Return a boto3 client of the cloud's EC2 endpoint.

    :param listener: ``moto`` to look past the proxy, ``ec2`` to go through it.
    """
    return boto3.client(
        "ec2",
        endpoint_url=layout.url(listener),
        region_name=EC2_REGION,
        aws_access_key_id=AWS_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=AWS_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def standard(layout: Layout, projects: dict[str, str]) -> dict[str, Any]:
    """Return the cloud's own policy.

    :param projects: project name to id.
    """
    ec2 = ec2_client(layout)
    subnet = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
    groups = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["default"]}])
    machine_image = _machine_image(ec2)
    return {
        "mode": "active",
        "deployment": DEPLOYMENT,
        "snapshot": {"path": str(layout.snapshot_file), "stale_after_secs": 30},
        "journal": {"path": str(layout.journal_file)},
        "rules": [
            {
                "name": "internal project stays",
                "projects": [projects["internal"]],
                "burst": "never",
            },
            {"name": "private flavors stay", "flavors": ["private.*"], "burst": "never"},
            {"name": "private images stay", "images": ["private-*"], "burst": "never"},
            {
                "name": "split flavors split",
                "projects": [projects["demo"]],
                "flavors": ["split.*"],
                "multi_create": "split",
            },
            {"name": "demo project bursts", "projects": [projects["demo"]], "burst": "load"},
        ],
        "burst_hosts": [
            {
                "name": layout.burst_host,
                "provider": "ec2",
                "availability_zones": ["nova"],
                "max_servers": 200,
                "max_vcpus": 512,
                "max_memory_mb": 1048576,
                "max_disk_gb": 20000,
                "poll_interval_secs": 1,
                "metrics_listen": f"{ADDRESS}:{layout.port('burst-metrics')}",
                "ec2": {
                    "region": EC2_REGION,
                    "endpoint_url": layout.url("ec2"),
                    "subnet_id": subnet["Subnets"][0]["SubnetId"],
                    "security_group_ids": [groups["SecurityGroups"][0]["GroupId"]],
                },
                "sizes": [
                    _size("t3.micro", 2, 1024, 0.0104),
                    _size("t3.small", 2, 2048, 0.0208),
                    _size("t3.medium", 2, 4096, 0.0416),
                    _size("m5.xlarge", 4, 16384, 0.192),
                ],
                "images": [{"image": "tiny", "provider_image": machine_image}],
            }
        ],
    }


def _machine_image(ec2: Any) -> str:
    """Return one of moto's own machine images. Their root disks have 15 GiB."""
    images = ec2.describe_images(
        Owners=["amazon"],
        Filters=[
            {"Name": "architecture", "Values": ["x86_64"]},
            {"Name": "root-device-type", "Values": ["ebs"]},
        ],
    )
    return str(sorted(image["ImageId"] for image in images["Images"])[0])


def _size(name: str, vcpus: int, memory_mb: int, price: float) -> dict[str, Any]:
    return {"name": name, "vcpus": vcpus, "memory_mb": memory_mb, "price_usd_per_hour": price}


def write(layout: Layout, policy: dict[str, Any]) -> bool:
    """Replace the policy file if it says something else.

    :returns: whether it did.
    """
    text = to_toml(policy)
    file = layout.policy_file
    if file.exists() and file.read_text() == text:
        return False
    replace(layout, text)
    return True


def replace(layout: Layout, text: str) -> None:
    """Replace the policy file by any text, at once: no reader sees half of it."""
    replacement = layout.policy_file.with_suffix(".new")
    replacement.write_text(text)
    os.replace(replacement, layout.policy_file)


def to_toml(table: dict[str, Any], path: str = "") -> str:
    """Return a table as TOML: plain values first, then tables, then arrays of tables."""
    plain, nested = [], []
    for key, value in table.items():
        name = f"{path}.{_key(key)}" if path else _key(key)
        if isinstance(value, dict):
            nested.append(f"\n[{name}]\n" + to_toml(value, name))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            nested += [f"\n[[{name}]]\n" + to_toml(entry, name) for entry in value]
        else:
            # A JSON string, number, boolean or array of those is the same in TOML.
            plain.append(f"{_key(key)} = {json.dumps(value)}\n")
    return "".join(plain + nested)


def _key(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else json.dumps(key)
