# SPDX-License-Identifier: Apache-2.0
"""The burst host's status as Prometheus metrics (docs/metrics.md), made when they are asked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from nova_spillway.virt.admission import Caps, Usage
from nova_spillway.virt.launches import REFUSALS, TIME_CLASSES_SECS, Launched, Result
from nova_spillway.virt.status import Offer, Seen, Status

PREFIX = "spillway_burst_host_"

# A sample's values of the labels after the burst host's name, and its value.
_Samples = Mapping[tuple[str, ...], float]


def registry_of(read: Callable[[], Status]) -> CollectorRegistry:
    """Return a registry of its own, whose one collector reads the status at each scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_StatusCollector(read))
    return registry


class _StatusCollector(Collector):
    """What is not known is absent, never zero."""

    def __init__(self, read: Callable[[], Status]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Read the status, once, and translate it."""
        status = self._read()
        families = _Families(status.burst_host)
        yield families.gauge(
            "info",
            "What the burst host is; always 1.",
            ("provider", "region"),
            {(status.provider, status.region): 1},
        )
        yield families.gauge(
            "limit",
            "The most that may exist at once by the policy file.",
            ("resource",),
            _by_resource(status.limits),
        )
        if status.seen is not None:
            yield from _seen(families, status.seen)
        yield from _offers(families, status.offers)
        yield from _launches(families, status.launched, status.offers)
        yield families.counter(
            "polls", "Listings of the provider's machines.", ("result",), _polls(status)
        )
        if status.polls.last_good_at is not None:
            yield families.gauge(
                "last_poll_timestamp_seconds",
                "When the newest complete listing was begun.",
                (),
                {(): status.polls.last_good_at},
            )


class _Families:
    """Makes families of metrics, whose first label is the burst host's name."""

    def __init__(self, burst_host: str) -> None:
        self._burst_host = burst_host

    def gauge(self, name: str, help_: str, labels: tuple[str, ...], samples: _Samples) -> Metric:
        family = GaugeMetricFamily(PREFIX + name, help_, labels=["burst_host", *labels])
        for values, value in samples.items():
            family.add_metric([self._burst_host, *values], value)
        return family

    def counter(self, name: str, help_: str, labels: tuple[str, ...], samples: _Samples) -> Metric:
        family = CounterMetricFamily(PREFIX + name, help_, labels=["burst_host", *labels])
        for values, value in samples.items():
            family.add_metric([self._burst_host, *values], value)
        return family

    def launch_times(self, launched: Launched) -> Metric:
        family = HistogramMetricFamily(
            f"{PREFIX}launch_seconds",
            "From a launch's begin to the running machine.",
            labels=["burst_host"],
        )
        edges = [*(str(edge) for edge in TIME_CLASSES_SECS), "+Inf"]
        buckets = list(zip(edges, itertools.accumulate(launched.times)))
        family.add_metric([self._burst_host], buckets=buckets, sum_value=launched.total_secs)
        return family


def _by_resource(amounts: Caps | Usage) -> _Samples:
    return {
        ("servers",): amounts.servers,
        ("vcpus",): amounts.vcpus,
        ("memory_mb",): amounts.memory_mb,
        ("disk_gb",): amounts.disk_gb,
    }


def _by_project(amounts: Mapping[str, float]) -> _Samples:
    return {(project_id,): usd for project_id, usd in amounts.items()}


def _seen(families: _Families, seen: Seen) -> Iterator[Metric]:
    yield families.gauge(
        "servers",
        "Machines that exist, by state.",
        ("state",),
        {(state,): count for state, count in seen.servers.items()},
    )
    yield families.gauge(
        "used",
        "What machines and launches under way take, in the measure of their flavors.",
        ("resource",),
        _by_resource(seen.used),
    )
    for span, documentation, by_project in (
        ("hourly", "What the machines that run or start cost in an hour", seen.hourly_usd),
        ("month", "What was spent since the month began, in UTC", seen.month_usd),
    ):
        if by_project is None:
            continue
        total: _Samples = {(): sum(by_project.values())}
        yield families.gauge(f"{span}_usd", f"{documentation}, US dollars.", (), total)
        yield families.gauge(
            f"project_{span}_usd",
            f"{documentation}, by project, US dollars.",
            ("project_id",),
            _by_project(by_project),
        )


def _offers(families: _Families, offers: tuple[Offer, ...]) -> Iterator[Metric]:
    for name, documentation, values in (
        (
            "offer_price_usd",
            "Price of one server of this size per hour, US dollars.",
            {offer.size: offer.usd_per_hour for offer in offers},
        ),
        (
            "offer_room",
            "How many more servers of this size fit under the limits.",
            {offer.size: offer.room for offer in offers},
        ),
        (
            "offer_barred_until_timestamp_seconds",
            "Until when the size had better not be asked for; only while that is so.",
            {offer.size: offer.barred_until for offer in offers},
        ),
        (
            "offer_recent_failures",
            "Refusals for want of room or quota since the last launch that went well.",
            {offer.size: offer.recent_failures for offer in offers},
        ),
    ):
        known: _Samples = {(size,): value for size, value in values.items() if value is not None}
        yield families.gauge(name, documentation, ("size",), known)


def _launches(
    families: _Families, launched: Launched, offers: tuple[Offer, ...]
) -> Iterator[Metric]:
    # From zero on, or the first of its kind would be no increase.
    sizes = {offer.size for offer in offers}.union(size for size, _ in launched.counts)
    yield families.counter(
        "launches",
        "Launches by how they ended.",
        ("size", "result"),
        {
            (size, result.value): launched.counts.get((size, result), 0)
            for size in sorted(sizes)
            for result in Result
        },
    )
    yield families.launch_times(launched)
    yield families.counter(
        "provider_refusals",
        "Launches that the provider refused, by what its error code means.",
        ("code",),
        {(code,): launched.refusals.get(code, 0) for code in REFUSALS.values()},
    )


def _polls(status: Status) -> _Samples:
    return {("ok",): status.polls.ok, ("failed",): status.polls.failed}
