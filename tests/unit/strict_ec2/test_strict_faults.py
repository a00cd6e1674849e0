# SPDX-License-Identifier: Apache-2.0
"""Chance from one seed, and orders to fail and to hold."""

from __future__ import annotations

import threading
import time
import urllib.error
from typing import Any

import botocore.exceptions
import pytest
from refusals import refused

from tests.strict_ec2.endpoint import serve
from tests.strict_ec2.faults import Faults, Rates
from tests.strict_ec2.region import Region

RATES: dict[str, Any] = {
    "throttled": 0.1,
    "lost_before": 0.1,
    "lost_after": 0.1,
    "error_before": 0.1,
    "error_after": 0.1,
    "no_capacity": 0.1,
    "death": 0.3,
    "visible_after_secs": (0, 20),
    "launch_secs": (1, 60),
}


def run(seed: int) -> list[tuple[int, bytes, bool]]:
    """Return the answers to three hundred requests."""
    region = Region(seed)
    region.faults.rates = Rates().changed(RATES)
    answers = []
    for number in range(300):
        action = ("RunInstances", "DescribeInstances", "DescribeTags")[number % 3]
        parameters = {"Action": action, "Version": "2016-11-15"}
        if action == "RunInstances":
            parameters |= {"ImageId": "ami-0a000000000000001", "InstanceType": "t3.micro"}
            parameters |= {"MinCount": "1", "MaxCount": "2", "ClientToken": str(number)}
        answer = serve(region, parameters, number, 1_700_000_000.0 + 7 * number)
        answers.append((answer.status, answer.body, answer.lost))
    return answers


def test_the_same_seed_and_requests_are_the_same_run() -> None:
    assert run(7) == run(7)
    assert run(7) != run(8)


def test_a_run_has_every_fault() -> None:
    answers = run(7)
    text = b"".join(body for _, body, _ in answers)
    assert any(lost for _, _, lost in answers)
    for code in (b"RequestLimitExceeded", b"InternalError", b"InsufficientInstanceCapacity"):
        assert b"<Code>" + code in text
    assert b"Server.InternalError" in text and b"shutting-down" in text


def test_one_fault_does_not_move_the_others() -> None:
    quiet, loud = Faults(3), Faults(3, Rates().changed({"death": 1, "lost_after": 0.5}))
    for _ in range(20):
        loud.happens("death", 1)
        assert quiet.seconds("launch", (1, 60)) == loud.seconds("launch", (1, 60))
        assert quiet.id("i") == loud.id("i")


@pytest.mark.parametrize("rates", [{"lost": 1}, {"death": 2}, {"launch_secs": [2, 1]}])
def test_rates_that_make_no_sense(order: Any, rates: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError):
        order("faults", **rates)


@pytest.mark.parametrize(("fault", "made"), [("lost_before", 0), ("lost_after", 1)])
def test_an_answer_gets_lost(launch: Any, order: Any, fault: str, made: int) -> None:
    order("faults", actions=["RunInstances"], **{fault: 1})
    with pytest.raises(botocore.exceptions.BotoCoreError):
        launch(ClientToken="t")
    assert order("", "GET")["launched"] == made
    order("faults", **{fault: 0})
    launch(ClientToken="t")
    assert order("", "GET")["launched"] == 1


@pytest.mark.parametrize(("fault", "made"), [("error_before", 0), ("error_after", 1)])
def test_an_error_before_or_after_the_deed(launch: Any, order: Any, fault: str, made: int) -> None:
    order("faults", **{fault: 1})
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        launch()
    assert caught.value.response["Error"]["Code"] in ("InternalError", "Unavailable")
    assert order("", "GET")["launched"] == made


def test_machines_die_by_themselves(ec2: Any, launch: Any, order: Any, wait: Any) -> None:
    order("faults", death=1, death_after_secs=[10, 20])
    launch()
    launch(InstanceMarketOptions={"MarketType": "spot"})
    wait(30)
    reasons = [
        machine["StateReason"]["Code"]
        for reservation in ec2.describe_instances()["Reservations"]
        for machine in reservation["Instances"]
    ]
    assert reasons == ["Server.InternalError", "Server.SpotInstanceTermination"]


def test_an_action_is_refused_on_order(launch: Any, order: Any) -> None:
    order("refuse", action="RunInstances", code="Blocked", message="m", status=403)
    with refused("Blocked", 403):
        launch()
    order("refuse", "DELETE")
    launch()


@pytest.mark.parametrize(("when", "launched"), [("before", 0), ("after", 1)])
def test_an_action_is_held_before_or_after_the_deed(
    launch: Any, order: Any, when: str, launched: int
) -> None:
    order("hold", action="RunInstances", when=when)
    waiting = threading.Thread(target=launch)
    waiting.start()
    deadline = time.monotonic() + 10
    while order("", "GET")["held"].get("RunInstances") != 1 or (
        order("", "GET")["launched"] != launched
    ):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert order("hold", "DELETE")["seen"] == {"RunInstances": 1}
    waiting.join(10)
    assert order("", "GET")["launched"] == 1
