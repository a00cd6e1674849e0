# SPDX-License-Identifier: Apache-2.0
"""Filters, pages, late visibility, and zones in trouble."""

from __future__ import annotations

import time
from typing import Any

import pytest
from refusals import refused

from tests.strict_ec2 import filters, listing
from tests.strict_ec2.endpoint import ACTIONS, serve
from tests.strict_ec2.server import Server

BIG_SUBNET = "subnet-0a000000000000004"


def ids(ec2: Any, *wanted: tuple[str, list[str]], **more: Any) -> list[str]:
    if wanted:
        more["Filters"] = [{"Name": name, "Values": values} for name, values in wanted]
    pages = ec2.get_paginator("describe_instances").paginate(**more)
    return [
        machine["InstanceId"]
        for page in pages
        for reservation in page["Reservations"]
        for machine in reservation["Instances"]
    ]


def tagged(**tags: str) -> list[dict[str, Any]]:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": "instance", "Tags": pairs}]


def test_filters_with_wildcards(ec2: Any, launch: Any, wait: Any) -> None:
    one = launch(TagSpecifications=tagged(name="web-1", host="a"), ClientToken="t")
    wait(5)
    two = launch(TagSpecifications=tagged(name="web-22", host="a"), InstanceType="t3.small")
    three = launch(TagSpecifications=tagged(name="db*"), SubnetId="subnet-0a000000000000002")
    assert ids(ec2, ("tag:name", ["web-*"])) == [one, two]
    assert ids(ec2, ("tag:name", ["web-?"])) == [one]
    assert ids(ec2, ("tag:name", ["web-1", "db*"])) == [one, three]
    assert ids(ec2, ("tag:name", ["db\\*"])) == [three]
    assert ids(ec2, ("tag:name", ["WEB-1"])) == []
    assert ids(ec2, ("tag:host", ["a"]), ("tag:name", ["web-22"])) == [two]
    assert ids(ec2, ("tag-key", ["host"])) == [one, two]
    assert ids(ec2, ("client-token", ["t"])) == [one]
    assert ids(ec2, ("instance-state-name", ["pending"])) == [two, three]
    assert ids(ec2, ("availability-zone", ["*b"])) == [three]
    assert ids(ec2, ("instance-type", ["t3.*"]), ("instance-state-code", ["16"])) == [one]


def test_changed_tags_are_found_and_old_ones_not(ec2: Any, launch: Any) -> None:
    machine_id = launch(TagSpecifications=tagged(k="old", other="x"))
    ec2.create_tags(Resources=[machine_id], Tags=[{"Key": "k", "Value": "new"}])
    assert ids(ec2, ("tag:k", ["old"])) == []
    assert ids(ec2, ("tag:k", ["new"])) == [machine_id]
    ec2.delete_tags(Resources=[machine_id], Tags=[{"Key": "k", "Value": "old"}])
    assert ids(ec2, ("tag:k", ["new"])) == [machine_id]
    ec2.delete_tags(Resources=[machine_id], Tags=[{"Key": "k"}])
    assert ids(ec2, ("tag:k", ["new"])) == []
    assert ids(ec2, ("tag:other", ["x"])) == [machine_id]


def test_tags_are_set_on_all_or_none(ec2: Any, launch: Any) -> None:
    machine_id = launch()
    with refused("InvalidID"):
        ec2.create_tags(Resources=[machine_id, "vol-1"], Tags=[{"Key": "k", "Value": "v"}])
    assert ec2.describe_tags()["Tags"] == []


def test_filters_that_ec2_has_not(ec2: Any) -> None:
    with refused("InvalidParameterValue"):
        ids(ec2, ("colour", ["red"]))
    with refused("UnsupportedOperation", 501):
        ids(ec2, ("affinity", ["host"]))
    with refused("FilterLimitExceeded"):
        ids(ec2, ("instance-type", [str(n) for n in range(201)]))


@pytest.mark.parametrize("action", ["DescribeInstances", "DescribeInstanceStatus"])
def test_our_filters_are_those_of_the_service_model(action: str) -> None:
    readers = listing.INSTANCE_FILTERS if action == "DescribeInstances" else listing.STATUS_FILTERS
    assert set(readers) <= filters.documented_names(action)


def test_pages(ec2: Any, launch: Any) -> None:
    launch(MinCount=12, MaxCount=12)
    launch()
    first = ec2.describe_instances(MaxResults=5)
    assert sum(len(r["Instances"]) for r in first["Reservations"]) == 5
    found = ids(ec2, PaginationConfig={"PageSize": 5})
    assert len(found) == len(set(found)) == 13
    assert ids(ec2) == found
    with refused("InvalidNextToken"):
        ec2.describe_instances(NextToken="x", MaxResults=5)
    with refused("InvalidNextToken"):
        other = [{"Name": "tag-key", "Values": ["a"]}]
        ec2.describe_instances(NextToken=first["NextToken"], MaxResults=5, Filters=other)


@pytest.mark.parametrize("length", [0, 4, 1001])
def test_page_lengths_that_ec2_refuses(ec2: Any, length: int) -> None:
    with refused("InvalidParameterValue"):
        ec2.describe_instances(MaxResults=length)


def test_pages_and_ids_exclude_each_other(ec2: Any, launch: Any) -> None:
    with refused("InvalidParameterCombination"):
        ec2.describe_instances(InstanceIds=[launch()], MaxResults=5)


def test_a_new_machine_shows_late_and_is_paid_for(
    ec2: Any, launch: Any, order: Any, wait: Any
) -> None:
    order("faults", visible_after_secs=[10, 10])
    machine_id = launch(TagSpecifications=tagged(k="v"), ClientToken="t")
    assert ids(ec2, ("tag:k", ["v"])) == ids(ec2, ("client-token", ["t"])) == ids(ec2) == []
    assert ec2.describe_tags()["Tags"] == []
    for action in (ec2.describe_instances, ec2.terminate_instances):
        with refused("InvalidInstanceID.NotFound"):
            action(InstanceIds=[machine_id])
    assert launch(TagSpecifications=tagged(k="v"), ClientToken="t") == machine_id
    assert order("", "GET")["live"] == 1
    (seen,) = order("machine", "GET")["machines"]
    assert (seen["instance_id"], seen["is_visible"], seen["is_live"]) == (machine_id, False, True)
    wait(11)
    assert ids(ec2, ("tag:k", ["v"])) == [machine_id]


def test_a_zone_in_trouble(ec2: Any, launch: Any, order: Any) -> None:
    sick, well = (launch(SubnetId=f"subnet-0a00000000000000{n}") for n in (1, 2))
    order("zone", zone="us-east-1a", impaired=True)
    for question in ({}, {"InstanceIds": [sick]}, {"InstanceIds": [sick, well]}):
        with refused("Unavailable", 503):
            ec2.describe_instances(**question)
    with refused("Unavailable", 503):
        ids(ec2, ("availability-zone", ["us-east-1*"]))
    assert ids(ec2, InstanceIds=[well]) == [well]
    assert ids(ec2, ("availability-zone", ["us-east-1b", "us-east-1c"])) == [well]
    with refused("InternalError", 500):
        launch(SubnetId="subnet-0a000000000000001")
    with refused("InternalError", 500):
        ec2.terminate_instances(InstanceIds=[sick])
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [zone["State"] for zone in zones] == ["impaired", "available", "available"]
    order("zone", "DELETE")
    assert ids(ec2) == [sick, well]


def test_status_checks(ec2: Any, launch: Any, wait: Any) -> None:
    launch()
    assert ec2.describe_instance_status()["InstanceStatuses"] == []
    (found,) = ec2.describe_instance_status(IncludeAllInstances=True)["InstanceStatuses"]
    assert found["InstanceStatus"]["Status"] == "not-applicable"
    wait(5)
    (found,) = ec2.describe_instance_status()["InstanceStatuses"]
    assert found["InstanceStatus"]["Status"] == "initializing"
    wait(100)
    (found,) = ec2.describe_instance_status()["InstanceStatuses"]
    assert found["SystemStatus"]["Details"] == [{"Name": "reachability", "Status": "passed"}]


def test_ten_thousand_machines_are_listed_quickly(server: Server) -> None:
    region = server.control.region
    run, _ = ACTIONS["RunInstances"]
    for number in range(10):
        values = {"ImageId": "ami-0a000000000000001", "InstanceType": "t3.micro"}
        counts = {"MinCount": 1000, "MaxCount": 1000, "SubnetId": BIG_SUBNET}
        run(region, {**values, **counts, "TagSpecifications": tagged(batch=str(number))}, 0)
    everything = {"Action": "DescribeInstances", "Version": "2016-11-15", "MaxResults": "1000"}
    filtered = {**everything, "Filter.1.Name": "tag:batch", "Filter.1.Value.1": "9"}
    for question, has_more in ((everything, True), (filtered, False)):
        begun = time.perf_counter()
        answer = serve(region, question, 1, 100)
        # A tenth of a second on an idle core; the machines that tests run on are not idle.
        assert time.perf_counter() - begun < 2
        assert answer.body.count(b"<instanceId>") == 1000
        assert (b"<nextToken>" in answer.body) is has_more
