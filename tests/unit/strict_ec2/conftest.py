# SPDX-License-Identifier: Apache-2.0
"""A fresh strict endpoint for every test, boto3's view of it, and its orders."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import botocore.config
import pytest

from tests.strict_ec2.control import Clock
from tests.strict_ec2.server import Server, running

IMAGE = "ami-0a000000000000001"
BIG_SUBNET = "subnet-0a000000000000004"


@pytest.fixture(scope="session")
def session() -> boto3.session.Session:
    """Keeps EC2's model, which is slow to read."""
    return boto3.session.Session("owner", "owner", region_name="us-east-1")


@pytest.fixture
def server() -> Iterator[Server]:
    """An endpoint whose clock stands still until a test lets time pass."""
    with running(clock=Clock(lambda: 1_700_000_000.0)) as server:
        yield server


@pytest.fixture
def ec2(server: Server, session: boto3.session.Session) -> Any:
    """A client that tries once, so that every error is seen."""
    return session.client(
        "ec2",
        endpoint_url=server.url,
        config=botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=5),
    )


@pytest.fixture
def order(server: Server) -> Callable[..., Any]:
    """``order("time", advance_secs=5)``; ``order("zone", "DELETE")``; ``order("", "GET")``."""

    def send(topic: str, method: str = "PUT", **values: Any) -> Any:
        request = urllib.request.Request(
            f"{server.url}/_control/{topic}".rstrip("/"), json.dumps(values).encode(), method=method
        )
        if method == "GET":
            request.data = None
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    return send


@pytest.fixture
def wait(order: Callable[..., Any]) -> Callable[[float], None]:
    """Lets time pass."""
    return lambda secs: order("time", advance_secs=secs)


@pytest.fixture
def launch(ec2: Any) -> Callable[..., str]:
    """Launches one machine and returns its id."""

    def run(**changes: Any) -> str:
        values = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
        answer = ec2.run_instances(**{**values, **changes})
        return str(answer["Instances"][0]["InstanceId"])

    return run


@pytest.fixture
def state(ec2: Any) -> Callable[[str], str]:
    """Reads a machine's state as a client does."""

    def read(machine_id: str) -> str:
        (found,) = ec2.describe_instances(InstanceIds=[machine_id])["Reservations"]
        return str(found["Instances"][0]["State"]["Name"])

    return read
