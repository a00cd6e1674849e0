# SPDX-License-Identifier: Apache-2.0
"""How launches are remembered, and for how long a size is barred."""

from __future__ import annotations

import pytest
from fakes.burst_host import Database, Process, Row, make_server
from fakes.strict_cloud import Killed, StrictCloud

from nova_spillway.providers import api
from nova_spillway.virt.admission import Caps, Full
from nova_spillway.virt.launches import Launches, Result
from nova_spillway.virt.server import Server

UNIX = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def launches(clock: Clock) -> Launches:
    return Launches(clock, lambda: UNIX + clock.now)


def refuse(launches: Launches, error: Exception, size: str = "s") -> None:
    with pytest.raises(type(error)), launches.one_of(size):
        raise error


def barred_for(launches: Launches, clock: Clock, size: str = "s") -> float | None:
    until = launches.so_far().barred_until.get(size)
    return None if until is None else until - (UNIX + clock.now)


def test_each_refusal_doubles_the_bar_from_a_minute_to_half_an_hour(
    launches: Launches, clock: Clock
) -> None:
    spans = []
    for _ in range(8):
        refuse(launches, api.NoCapacity("none"))
        span = barred_for(launches, clock)
        assert span is not None
        spans.append(span)
        clock.now += span + 1
        assert barred_for(launches, clock) is None, "it may be tried again"
    assert spans == [60, 120, 240, 480, 960, 1800, 1800, 1800]
    assert launches.so_far().recent_failures == {"s": 8}


def test_a_success_forgets_the_refusals(launches: Launches, clock: Clock) -> None:
    refuse(launches, api.QuotaExceeded("full"))
    refuse(launches, api.QuotaExceeded("full"), "another")
    with launches.one_of("s"):
        pass
    assert barred_for(launches, clock) is None
    assert launches.so_far().recent_failures == {"another": 1}
    refuse(launches, api.QuotaExceeded("full"))
    assert barred_for(launches, clock) == 60


def test_refusals_of_launches_that_were_under_way_together_count_as_one_for_the_bar(
    launches: Launches, clock: Clock
) -> None:
    with pytest.raises(api.NoCapacity), launches.one_of("s"):
        with pytest.raises(api.NoCapacity), launches.one_of("s"):
            clock.now += 5
            raise api.NoCapacity("none")
        clock.now += 5
        raise api.NoCapacity("none")
    assert barred_for(launches, clock) == 55
    assert launches.so_far().recent_failures == {"s": 2}


def test_a_bar_that_ended_long_ago_is_forgotten(launches: Launches, clock: Clock) -> None:
    refuse(launches, api.NoCapacity("none"))
    refuse(launches, api.NoCapacity("none"))
    clock.now += 60 + 1800 + 1
    assert launches.so_far().recent_failures == {}
    refuse(launches, api.NoCapacity("none"))
    assert barred_for(launches, clock) == 60


@pytest.mark.parametrize(
    ("error", "result", "refusal"),
    [
        (api.NoCapacity("x"), Result.REFUSED, "no_capacity"),
        (api.QuotaExceeded("x"), Result.REFUSED, "quota_exceeded"),
        (api.AccessRefused("x"), Result.REFUSED, "access_refused"),
        (api.Throttled("x"), Result.REFUSED, "throttled"),
        (api.InvalidRequest("x"), Result.REFUSED, "invalid_request"),
        (Full("x"), Result.REFUSED, None),
        (api.Unavailable("x"), Result.FAILED, None),
        (RuntimeError("x"), Result.FAILED, None),
    ],
)
def test_how_a_launch_that_failed_is_counted(
    launches: Launches, clock: Clock, error: Exception, result: Result, refusal: str | None
) -> None:
    refuse(launches, error)
    seen = launches.so_far()
    assert seen.counts == {("s", result): 1}
    assert seen.refusals == ({refusal: 1} if refusal else {})
    assert ("s" in seen.barred_until) == isinstance(error, (api.NoCapacity, api.QuotaExceeded))
    assert sum(seen.times) == 0, "only machines that run have a launch time"


def test_times_are_sorted_into_classes_whose_upper_edge_belongs_to_them(
    launches: Launches, clock: Clock
) -> None:
    for secs in (0.5, 1.0, 1.5, 30.0, 601.0):
        with launches.one_of("s"):
            clock.now += secs
    seen = launches.so_far()
    assert seen.times == (2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1)
    assert seen.total_secs == 634.0


def test_a_launch_of_the_burst_host(process: Process, server: Server, row: Row) -> None:
    process.spawn(server, row, "t3.micro")
    seen = process.launches.so_far()
    assert seen.counts == {("t3.micro", Result.LAUNCHED): 1}
    assert sum(seen.times) == 1


def test_a_machine_of_an_earlier_try_counts_as_adopted_and_has_no_time(
    cloud: StrictCloud, database: Database, process: Process, server: Server, row: Row
) -> None:
    process.provider.kill_at("launch", after_the_deed=True)
    with pytest.raises(Killed):
        process.spawn(server, row)
    again = Process(cloud, database)
    again.spawn(server, row)
    seen = again.launches.so_far()
    assert seen.counts == {("t3.micro", Result.ADOPTED): 1}
    assert sum(seen.times) == 0
    assert len(cloud.live()) == 1


def test_what_the_burst_host_itself_or_the_provider_refuses(
    cloud: StrictCloud, database: Database
) -> None:
    process = Process(cloud, database, Caps(servers=0, vcpus=9, memory_mb=9999, disk_gb=99))
    with pytest.raises(Full):
        process.spawn(make_server(), Row())
    roomy = Process(cloud, database)
    cloud.fail("launch", api.NoCapacity("none"))
    with pytest.raises(api.NoCapacity):
        roomy.spawn(make_server(), Row())
    assert process.launches.so_far().counts == {("t3.micro", Result.REFUSED): 1}
    assert process.launches.so_far().barred_until == {}, "our own caps are no news of the provider"
    assert roomy.launches.so_far().counts == {("t3.micro", Result.REFUSED): 1}
    assert set(roomy.launches.so_far().barred_until) == {"t3.micro"}


def test_a_machine_that_the_provider_ends_for_want_of_room_bars_its_size(
    cloud: StrictCloud, process: Process
) -> None:
    cloud.on_launch = lambda machine_id: cloud.set_state(
        machine_id, api.MachineState.TERMINATED, api.NoCapacity("none after all")
    )
    with pytest.raises(api.NoCapacity):
        process.spawn(make_server(), Row())
    assert set(process.launches.so_far().barred_until) == {"t3.micro"}
