# SPDX-License-Identifier: Apache-2.0
"""What EC2's errors mean, and which are asked again: over HTTP, from a script."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from fakes.scripted_ec2 import Answer, ScriptedEc2, error, serving

from nova_spillway import providers
from nova_spillway.providers import api
from nova_spillway.providers.ec2 import error_codes

pytestmark = pytest.mark.usefixtures("aws_credentials")

OWNER = api.Owner("demo", "cloud1")
REQUEST = api.LaunchRequest(
    str(uuid.UUID(int=1)),
    "web",
    "t3.micro",
    api.Image("ami-1", "/dev/sda1", 8),
    20,
    api.Claim(1, 512, 20),
    user_data=b"user-data-canary",
)


@pytest.fixture
def ec2() -> Iterator[ScriptedEc2]:
    with serving() as script:
        yield script


@pytest.fixture
def provider(ec2: ScriptedEc2) -> api.Provider:
    return providers.open_provider(
        "ec2",
        {
            "region": "us-east-1",
            "endpoint_url": ec2.url,
            "subnet_id": "subnet-1",
            "security_group_ids": ["sg-1"],
            "availability_zone": None,
        },
        OWNER,
    )


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (500, "InsufficientInstanceCapacity", api.NoCapacity),
        (400, "InsufficientInstanceCapacity", api.NoCapacity),
        (400, "InsufficientFreeAddressesInSubnet", api.NoCapacity),
        (400, "Unsupported", api.NoCapacity),
        (400, "VcpuLimitExceeded", api.QuotaExceeded),
        (400, "InstanceLimitExceeded", api.QuotaExceeded),
        (401, "AuthFailure", api.AccessRefused),
        (403, "UnauthorizedOperation", api.AccessRefused),
        (400, "ExpiredToken", api.AccessRefused),
        (503, "RequestLimitExceeded", api.Throttled),
        (500, "InternalError", api.Unavailable),
        (503, "Unavailable", api.Unavailable),
        (502, "SomethingNew", api.Unavailable),
        (400, "SomethingNew", api.InvalidRequest),
        (400, "InvalidSubnetID.NotFound", api.InvalidRequest),
        (400, "IdempotentParameterMismatch", api.TokenSpent),
        (400, "IdempotentInstanceTerminated", api.TokenSpent),
    ],
)
def test_a_launch_is_tried_once_and_its_error_has_a_meaning(
    ec2: ScriptedEc2,
    provider: api.Provider,
    status: int,
    code: str,
    meaning: type[api.ProviderError],
) -> None:
    ec2.answers["RunInstances"] = [error(status, code)]
    with pytest.raises(meaning) as raised:
        provider.launch(REQUEST, 1, "token")
    assert type(raised.value) is meaning
    assert raised.value.code == code
    assert ec2.count("RunInstances") == 1


def test_a_connection_that_breaks_leaves_the_fate_unknown(
    ec2: ScriptedEc2, provider: api.Provider
) -> None:
    ec2.answers["RunInstances"] = [Answer(drop=True)]
    with pytest.raises(api.Unavailable):
        provider.launch(REQUEST, 1, "token")


def test_nobody_listens() -> None:
    provider = providers.open_provider(
        "ec2",
        {
            "region": "us-east-1",
            "endpoint_url": "http://127.0.0.1:9",
            "subnet_id": "s",
            "security_group_ids": [],
        },
        OWNER,
    )
    with pytest.raises(api.Unavailable):
        provider.launch(REQUEST, 1, "token")


def test_starting_without_capacity_is_not_tried_again(
    ec2: ScriptedEc2, provider: api.Provider
) -> None:
    ec2.answers["StartInstances"] = [error(500, "InsufficientInstanceCapacity")]
    with pytest.raises(api.NoCapacity):
        provider.start("i-1")
    assert ec2.count("StartInstances") == 1


def test_listing_is_tried_again(ec2: ScriptedEc2, provider: api.Provider) -> None:
    empty = (
        '<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        "<reservationSet/></DescribeInstancesResponse>"
    )
    ec2.answers["DescribeInstances"] = [error(503, "RequestLimitExceeded"), Answer(200, empty)]
    assert provider.describe_all() == []
    assert ec2.count("DescribeInstances") == 2


def test_a_page_that_fails_fails_the_listing(ec2: ScriptedEc2, provider: api.Provider) -> None:
    """A part is never taken for the whole."""
    first = (
        '<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        "<reservationSet/><nextToken>more</nextToken></DescribeInstancesResponse>"
    )
    ec2.answers["DescribeInstances"] = [Answer(200, first), error(400, "InvalidNextToken")]
    with pytest.raises(api.InvalidRequest):
        provider.describe_all()
    assert ec2.requests[-1]["NextToken"] == "more"


def test_an_answer_that_cannot_be_read_leaves_the_fate_unknown(
    ec2: ScriptedEc2, provider: api.Provider
) -> None:
    ec2.answers["RunInstances"] = [Answer(200, "<RunInstancesResponse/>")]
    with pytest.raises(api.Unavailable):
        provider.launch(REQUEST, 1, "token")


def test_listing_asks_for_our_tags_only(ec2: ScriptedEc2, provider: api.Provider) -> None:
    ec2.answers["DescribeInstances"] = [error(401, "AuthFailure")]
    with pytest.raises(api.AccessRefused):
        provider.describe_instance("u-1")
    asked = ec2.requests[0]
    filters = {
        asked[f"Filter.{n}.Name"]: asked[f"Filter.{n}.Value.1"]
        for n in range(1, 4)
        if f"Filter.{n}.Name" in asked
    }
    assert filters == {
        "tag:spillway:deployment": "demo",
        "tag:spillway:burst-host": "cloud1",
        "tag:spillway:instance": "u-1",
    }


def test_an_access_error_does_not_repeat_the_accounts_names(
    ec2: ScriptedEc2, provider: api.Provider
) -> None:
    ec2.answers["RunInstances"] = [
        error(403, "UnauthorizedOperation", "User arn:aws:iam::123:user/bob is not authorized")
    ]
    with pytest.raises(api.AccessRefused) as raised:
        provider.launch(REQUEST, 1, "token")
    assert "bob" not in str(raised.value)


def test_without_credentials(
    ec2: ScriptedEc2, provider: api.Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/none")
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/none")
    with pytest.raises(api.AccessRefused, match="credentials"):
        provider.describe_all()
    assert ec2.requests == []


def test_no_code_has_two_meanings() -> None:
    sets = [
        error_codes.CAPACITY,
        error_codes.QUOTA,
        error_codes.ACCESS,
        error_codes.THROTTLED,
        error_codes.UNAVAILABLE,
        error_codes.GONE,
        error_codes.WRONG_STATE,
        error_codes.TOKEN_SPENT,
        error_codes.KEY_EXISTS,
    ]
    assert sum(len(codes) for codes in sets) == len(frozenset().union(*sets))
