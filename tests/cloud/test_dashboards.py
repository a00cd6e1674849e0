# SPDX-License-Identifier: Apache-2.0
"""The dashboards and the alerts in a real Prometheus that scraped a real run."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import Any

import pytest

from tests.cloud import waiting
from tests.cloud.client import Cloud
from tests.cloud.layout import ADDRESS, Layout
from tests.cloud.sidecar import Sidecar, check_metrics
from tests.cloud.signals import LOADS, SIGNAL, Taken
from tests.dashboards import DASHBOARDS, Query, queries

SCRAPED_SECS = 60.0
"""Prometheus scrapes every second; a rate needs two scrapes, on a busy machine."""

MAY_BE_EMPTY = {
    # Nothing was forecast, failed, or ran in shadow mode.
    "Forecast: time until it opens",
    "Failures per second",
    "Shadow mode: what active mode would try first",
    "Refusals of the provider",
}
"""Panels that show nothing while nothing of the kind happens."""

HEALTHY = {"SpillwaySidecarDown", "SpillwaySnapshotStale", "SpillwayBurstHostDown"}
"""Alerts that must not be firing while all is well."""


@pytest.fixture
def busy(cloud: Cloud, sidecar: Sidecar) -> Sidecar:
    """A run with everything in it: signals of several sources, a server of each kind."""
    layout = cloud.layout
    load = Taken(cloud)
    tables = load.tables(
        money={
            "hourly_soft_usd": 50.0,
            "hourly_hard_usd": 100.0,
            "monthly_soft_usd": 500.0,
            "monthly_hard_usd": 1000.0,
        },
    )
    tables["sources"] = {
        **load.source,
        **LOADS["scrape"](cloud).source,
        "notifications": {
            "broker": f"amqp://{ADDRESS}:{layout.port('rabbitmq')}/%2F",
            "credentials_file": str(layout.broker_credentials),
        },
    }
    sidecar.start(tables)
    sidecar.wait_for_signal(SIGNAL)
    first = cloud.place()
    assert cloud.is_private(first), first.fault
    sidecar.post("/gate", {"scope": "cloud", "state": "open"})
    second = cloud.place()
    assert cloud.is_burst(second), second.fault
    return sidecar


def test_every_panel_shows_something(cloud: Cloud, busy: Sidecar) -> None:
    empty: list[Query] = []

    def all_answer() -> bool:
        empty[:] = [
            query
            for file in DASHBOARDS
            for query in queries(file)
            if query.panel not in MAY_BE_EMPTY and not ask(cloud.layout, query.promql)
        ]
        return not empty

    waiting.until(
        all_answer, lambda: f"every panel shows something; empty: {empty}", SCRAPED_SECS, 1.0
    )
    for file in DASHBOARDS:
        for query in queries(file):
            ask(cloud.layout, query.promql)


def test_the_alerts_are_loaded_and_silent_about_what_is_well(cloud: Cloud, busy: Sidecar) -> None:
    rules = fetch(cloud.layout, "/api/v1/rules")["groups"]
    alerts = {rule["name"]: rule for group in rules for rule in group["rules"]}
    assert {rule["health"] for rule in alerts.values()} <= {"ok", "unknown"}
    assert alerts.keys() >= HEALTHY
    waiting.until(
        lambda: ask(cloud.layout, "spillway_snapshot_timestamp_seconds"),
        "Prometheus has scraped the sidecar",
        SCRAPED_SECS,
    )
    assert not {name for name in HEALTHY if alerts[name]["state"] == "firing"}


def test_the_metrics_are_as_prometheus_wants_them(busy: Sidecar) -> None:
    page = busy.page("/metrics")
    assert 'spillway_gate_open{scope="cloud"} 1\n' in page
    assert check_metrics(page) == ""


def ask(layout: Layout, promql: str) -> list[dict[str, Any]]:
    """Return the answer to an instant query, without what is not a number."""
    answer = fetch(layout, "/api/v1/query?" + urllib.parse.urlencode({"query": promql}))
    return [sample for sample in answer["result"] if sample["value"][1] != "NaN"]


def fetch(layout: Layout, path: str) -> dict[str, Any]:
    """Return what Prometheus' API answers.

    :raises AssertionError: it answers with an error.
    """
    with urllib.request.urlopen(layout.url("prometheus", path), timeout=30) as answer:
        body = json.load(answer)
    assert body["status"] == "success", body
    data: dict[str, Any] = body["data"]
    return data
