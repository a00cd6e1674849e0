# SPDX-License-Identifier: Apache-2.0
"""The protocol, and every action's answer against botocore's service model."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

import boto3
import botocore.parsers
import botocore.serialize
import pytest

from tests.strict_ec2 import wire
from tests.strict_ec2.endpoint import ACTIONS
from tests.strict_ec2.region import Region
from tests.strict_ec2.server import Server

ED25519 = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0vW0a9S1n1Ue9v3i8eU1nF5nYtqXv2rVb7nq0V2q3x"
NOW = 1_700_000_000.0


def arguments(machine_id: str) -> dict[str, dict[str, Any]]:
    """Return arguments for every action, one after the other."""
    one = {"InstanceIds": [machine_id]}
    tags = [{"Key": "<k>", "Value": "ä & b"}]
    return {
        "ImportKeyPair": {"KeyName": "k", "PublicKeyMaterial": ED25519},
        "DescribeKeyPairs": {"IncludePublicKey": True},
        "CreateTags": {"Resources": [machine_id], "Tags": tags},
        "RunInstances": {
            "ImageId": "ami-0a000000000000004",
            "InstanceType": "m5.large",
            "MinCount": 1,
            "MaxCount": 2,
            "KeyName": "k",
            "UserData": "eA==",
            "InstanceMarketOptions": {"MarketType": "spot"},
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
            "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-0a000000000000001"}],
        },
        "DescribeInstances": {"MaxResults": 5},
        "DescribeInstanceStatus": {"IncludeAllInstances": True},
        "DescribeInstanceAttribute": {"InstanceId": machine_id, "Attribute": "userData"},
        "DescribeVolumes": {},
        "DescribeTags": {},
        "GetConsoleOutput": {"InstanceId": machine_id},
        "StopInstances": one,
        "StartInstances": {"InstanceIds": []},
        "RebootInstances": {"InstanceIds": []},
        "TerminateInstances": one,
        "DeleteTags": {"Resources": [machine_id]},
        "DeleteKeyPair": {"KeyName": "k"},
        "DescribeInstanceTypeOfferings": {"LocationType": "availability-zone"},
    }


def told(value: Any) -> Any:
    """Return an answer as botocore reads it: times as times, nothing for None."""
    if isinstance(value, Mapping):
        return {key: told(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, (list, tuple)):
        return [told(inner) for inner in value]
    if hasattr(value, "timestamp"):
        return value.timestamp()
    # EC2 writes whole seconds; the only floats of ours are times.
    return int(value) if isinstance(value, float) else value


def test_botocore_reads_back_what_every_action_answers() -> None:
    model = wire.service_model()
    region = Region()
    parser = botocore.parsers.create_parser("ec2")
    run, _ = ACTIONS["RunInstances"]
    first = run(
        region,
        {
            "ImageId": "ami-0a000000000000001",
            "InstanceType": "t3.micro",
            "MinCount": 1,
            "MaxCount": 1,
        },
        NOW,
    )
    region.settle(NOW + 10)
    todo = arguments(first["Instances"][0]["InstanceId"])
    order = [*todo, *(action for action in ACTIONS if action not in todo)]
    assert set(order) == set(ACTIONS)
    for number, action in enumerate(order):
        deed, _ = ACTIONS[action]
        answer = deed(region, todo.get(action, {}), NOW + 20 + number)
        document = wire.answer_document(action, answer, "r-1")
        read = parser.parse(
            {"status_code": 200, "headers": {}, "body": document},
            model.operation_model(action).output_shape,
        )
        metadata = read.pop("ResponseMetadata", {})
        assert metadata.get("RequestId") == "r-1", action
        assert told(read) == told(answer), action
        assert answer or action in ("CreateTags", "DeleteTags", "RebootInstances")


def test_botocores_requests_are_read_back() -> None:
    model = wire.service_model()
    serializer = botocore.serialize.create_serializer("ec2")
    given = arguments("i-0123456789abcdef0")
    given["DescribeInstances"] = {"Filters": [{"Name": "tag:a", "Values": ["b", "c"]}]}
    for action, wanted in given.items():
        sent = serializer.serialize_to_request(wanted, model.operation_model(action))
        body = {key: str(value) for key, value in sent["body"].items()}
        expected = {key: value for key, value in wanted.items() if value != []}
        if expected == wanted:
            assert wire.arguments_of(body) == wanted, action


@pytest.mark.parametrize(
    "answer",
    [
        {"Colour": "red"},
        {"ReservationId": 1},
        {"Instances": [{"InstanceId": "i-1", "State": {"Code": "0"}}]},
        {"Instances": [{"State": {"Name": "asleep"}}]},
        {"Instances": [{"EbsOptimized": "false"}]},
        {"Instances": [{"AmiLaunchIndex": True}]},
    ],
)
def test_an_answer_that_differs_from_the_model_is_our_error(answer: dict[str, Any]) -> None:
    with pytest.raises(wire.AnswerDiffersFromModel):
        wire.answer_document("RunInstances", answer, "r-1")


def ask(server: Server, **parameters: str) -> tuple[int, str]:
    request = urllib.request.Request(
        server.url,
        urllib.parse.urlencode({"Version": "2016-11-15", **parameters}).encode(),
        {"Authorization": "AWS4-HMAC-SHA256 Credential=x/us-east-1/ec2"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


RUN = {"Action": "RunInstances", "MinCount": "1", "MaxCount": "1"}


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"Action": "MakeCoffee"}, "InvalidAction"),
        ({"Action": "CreateFleet"}, "MissingParameter"),
        ({"Action": "DescribeVpcEndpoints"}, "InvalidAction"),
        ({}, "InvalidAction"),
        ({"Action": "DescribeVpcs", "Version": "1999-01-01"}, "NoSuchVersion"),
        ({"Action": "DescribeVpcs", "Colour": "red"}, "UnknownParameter"),
        ({**RUN, "Placement.Colour": "red"}, "UnknownParameter"),
        ({"Action": "RunInstances", "MaxCount": "1"}, "MissingParameter"),
        ({**RUN, "MinCount": "one"}, "InvalidParameterValue"),
        ({**RUN, "DryRun": "perhaps"}, "InvalidParameterValue"),
        ({**RUN, "InstanceType": "t3.gigantic"}, "InvalidParameterValue"),
        ({**RUN, "SecurityGroupId": "sg-1"}, "InvalidParameterValue"),
        ({**RUN, "ImageId.1": "x"}, "UnknownParameter"),
        ({**RUN, "ImageId": "x", "ImageId.1": "x"}, "MalformedQueryString"),
        ({**RUN, "ImageId": "ami-0a000000000000001", "UserData": "%"}, "Unsupported"),
        (
            {
                **RUN,
                "ImageId": "ami-0a000000000000001",
                "InstanceType": "t3.micro",
                "UserData": "%",
            },
            "InvalidUserData.Malformed",
        ),
        ({"Action": "DescribeInstanceTypes", "MaxResults": "101"}, "InvalidParameterValue"),
    ],
)
def test_requests_that_are_not_well_formed(
    server: Server, parameters: dict[str, str], code: str
) -> None:
    status, text = ask(server, **parameters)
    assert (status, f"<Code>{code}</Code>" in text) == (400, True), text


def test_a_mistake_of_the_endpoint_is_loud(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIONS, "DescribeVpcs", (lambda *_: {"Colour": "red"}, frozenset()))
    status, text = ask(server, Action="DescribeVpcs")
    assert status == 501 and "StrictEndpointIsBroken" in text and "has no Colour" in text


def test_a_request_without_credentials(server: Server) -> None:
    body = b"Action=DescribeVpcs&Version=2016-11-15"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(server.url, body), timeout=10)
    assert caught.value.code == 401 and b"AuthFailure" in caught.value.read()


def test_key_pairs(ec2: Any) -> None:
    ec2.import_key_pair(KeyName="k", PublicKeyMaterial=ED25519 + b" me@home")
    for material, code in ((ED25519, "InvalidKeyPair.Duplicate"), (b"x y", "InvalidKey.Format")):
        with pytest.raises(ec2.exceptions.ClientError, match=code):
            ec2.import_key_pair(KeyName="k", PublicKeyMaterial=material)
    (pair,) = ec2.describe_key_pairs(KeyNames=["k"])["KeyPairs"]
    assert "PublicKey" not in pair
    (pair,) = ec2.describe_key_pairs(KeyNames=["k"], IncludePublicKey=True)["KeyPairs"]
    assert pair["PublicKey"].split()[:2] == ED25519.decode().split()
    ec2.delete_key_pair(KeyName="k")
    ec2.delete_key_pair(KeyName="k")
    with pytest.raises(ec2.exceptions.ClientError, match=r"InvalidKeyPair\.NotFound"):
        ec2.describe_key_pairs(KeyNames=["k"])


def test_surroundings(ec2: Any, session: boto3.session.Session) -> None:
    ebs = [{"Name": "root-device-type", "Values": ["ebs"]}]
    assert len(ec2.describe_images(Owners=["amazon"], Filters=ebs)["Images"]) == 3
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    (size,) = ec2.describe_instance_types(InstanceTypes=["m5.large"])["InstanceTypes"]
    assert (size["VCpuInfo"]["DefaultVCpus"], size["MemoryInfo"]["SizeInMiB"]) == (2, 8192)
    offered = ec2.describe_instance_type_offerings(
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": ["g4dn.xlarge"]}],
    )["InstanceTypeOfferings"]
    assert [row["Location"] for row in offered] == ["us-east-1a", "us-east-1c"]
    (price,) = ec2.describe_spot_price_history(
        InstanceTypes=["m5.large"], AvailabilityZone="us-east-1b"
    )["SpotPriceHistory"]
    assert float(price["SpotPrice"]) < 0.096
    default = [{"Name": "default-for-az", "Values": ["true"]}]
    subnets = ec2.describe_subnets(Filters=default)["Subnets"]
    assert [subnet["AvailableIpAddressCount"] for subnet in subnets] == [4091] * 3
    names = {row["AttributeName"] for row in ec2.describe_account_attributes()["AccountAttributes"]}
    assert "default-vpc" in names
