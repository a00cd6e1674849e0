# SPDX-License-Identifier: Apache-2.0
"""The private cloud's load, as each of the sidecar's sources sees it, and how a test makes it.

Every source here has one signal with the name ``load``, and is the only one.
"""

from __future__ import annotations

import abc
from contextlib import ExitStack
from typing import Any

from tests.cloud import telemetry
from tests.cloud.client import Cloud
from tests.cloud.layout import ADDRESS
from tests.cloud.stacks import stack

SIGNAL = "load"
INTERVAL_SECS = 0.5
API_INTERVAL_SECS = 1.0
"""For OpenStack's APIs, whose answers take a while on a busy machine."""

STALE_SECS = 10


class Load(abc.ABC):
    """A load of the private cloud that a test makes and ends. A context: leaving it ends it."""

    open_at = 0.8
    close_at = 0.5

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.undo = ExitStack()

    def __enter__(self) -> Load:
        """Prepare what has to be there before the sidecar starts."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take everything back."""
        self.undo.close()

    @property
    @abc.abstractmethod
    def source(self) -> dict[str, Any]:
        """The ``[sources]`` table."""

    @property
    @abc.abstractmethod
    def measured_by(self) -> dict[str, Any]:
        """The part of the ``[[signals]]`` entry that says how it is measured."""

    @abc.abstractmethod
    def begin(self) -> None:
        """Make the private cloud loaded."""

    @abc.abstractmethod
    def end(self) -> None:
        """Make it idle again."""

    def tables(self, **more: Any) -> dict[str, Any]:
        """Return the tables for the sidecar with this source alone."""
        entry = {
            "name": SIGNAL,
            "open_at": self.open_at,
            "close_at": self.close_at,
            "stale_after_secs": STALE_SECS,
            **self.measured_by,
        }
        return {"sources": self.source, "signals": [entry], **more}


class Scraped(Load):
    """How full the private hosts' store is, as node-exporter says; read by the sidecar itself."""

    def __enter__(self) -> Load:
        self.undo.callback(self.end)
        return self

    @property
    def source(self) -> dict[str, Any]:
        page = self.cloud.layout.url("node-exporter", "/metrics")
        nodes = {"name": "nodes", "targets": [page], "interval_secs": INTERVAL_SECS}
        return {"scrape": [nodes]}

    @property
    def measured_by(self) -> dict[str, Any]:
        free_share = {
            "source": "nodes",
            "series": telemetry.store_series(self.cloud.layout, "avail"),
            "divide_by": telemetry.store_series(self.cloud.layout, "size"),
        }
        return {"scrape": {**free_share, "complement": True}}

    def begin(self) -> None:
        telemetry.fill_store(self.cloud.layout, 0.95)

    def end(self) -> None:
        telemetry.fill_store(self.cloud.layout, 0.0)


class Queried(Scraped):
    """The same, read by Prometheus and asked for there."""

    @property
    def source(self) -> dict[str, Any]:
        server = {
            "name": "prometheus",
            "url": self.cloud.layout.url("prometheus"),
            "interval_secs": INTERVAL_SECS,
        }
        return {"promql": [server]}

    @property
    def measured_by(self) -> dict[str, Any]:
        avail = telemetry.store_series(self.cloud.layout, "avail")
        size = telemetry.store_series(self.cloud.layout, "size")
        return {"promql": {"source": "prometheus", "query": f"max(1 - {avail} / {size})"}}


class Arrivals(Load):
    """Servers that arrive: Nova's notifications."""

    servers = 10
    window_secs = 20
    open_at = 15.0
    """Five servers in the window; the gate's dwell is short against it."""
    close_at = 6.0
    """Two servers in the window."""

    @property
    def source(self) -> dict[str, Any]:
        layout = self.cloud.layout
        return {
            "notifications": {
                "broker": f"amqp://{ADDRESS}:{layout.port('rabbitmq')}/%2F",
                "credentials_file": str(layout.broker_credentials),
            }
        }

    @property
    def measured_by(self) -> dict[str, Any]:
        measure = {"measure": "arrivals_per_minute", "window_secs": self.window_secs}
        return {"notifications": measure}

    def begin(self) -> None:
        self.cloud.boot("private.tiny", count=self.servers, name="arrival")

    def end(self) -> None:
        """Do nothing: arrivals leave the window."""


class Taken(Load):
    """What is taken on private hosts: Placement's books."""

    open_at = 0.5
    close_at = 0.3
    vcpus = (4, 4, 4)
    """Of 20 there are. Small enough to fit beside a server or two."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.servers: list[str] = []

    @property
    def source(self) -> dict[str, Any]:
        return {"placement": {"interval_secs": API_INTERVAL_SECS}}

    @property
    def measured_by(self) -> dict[str, Any]:
        return {"placement": {"resource_class": "VCPU", "measure": "used_ratio"}}

    def begin(self) -> None:
        for vcpus in self.vcpus:
            self.servers += self.cloud.boot(self.cloud.filler_flavor(vcpus), name="taken")

    def end(self) -> None:
        self.cloud.delete(self.servers)


class StackOutput(Load):
    """What a Heat stack says."""

    def __enter__(self) -> Load:
        self.stack = self.undo.enter_context(stack(self.cloud, "output", load=0.1))
        return self

    @property
    def source(self) -> dict[str, Any]:
        return {"heat": {"interval_secs": API_INTERVAL_SECS}}

    @property
    def measured_by(self) -> dict[str, Any]:
        return {"heat": {"stack": self.stack.name, "output": "load"}}

    def begin(self) -> None:
        self.stack.update(load=0.9)

    def end(self) -> None:
        self.stack.update(load=0.2)


LOADS: dict[str, type[Load]] = {
    "scrape": Scraped,
    "promql": Queried,
    "notifications": Arrivals,
    "placement": Taken,
    "heat": StackOutput,
}
"""Kind of source to the load that it sees."""
