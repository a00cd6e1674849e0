# SPDX-License-Identifier: Apache-2.0
"""Series of a page as we pick them and as Python's prometheus_client reads them.

Values are compared by their bits, NaN and zero as one value each.
"""

from __future__ import annotations

import functools
import json
import math
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_metrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

CHECKOUT = Path(__file__).resolve().parents[1]

Value = tuple[int, str, "int | None"]
"""Position of the selector, the value's bits, the timestamp in milliseconds."""


@dataclass(frozen=True)
class Wanted:
    """A selector: a metric's name, and labels that have to be equal; an absent one is empty."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return the selector as Spillway reads it."""
        matchers = ",".join(f'{name}="{_escaped(value)}"' for name, value in self.labels.items())
        return f"{self.name}{{{matchers}}}"


@dataclass(frozen=True)
class Found:
    """What ``page_samples`` printed."""

    values: list[Value]
    faults: list[object]
    figures: dict[str, float]


def page_samples(page: Path, wanted: list[Wanted], *options: str, release: bool = False) -> Found:
    """Pick the wanted series with the crate's example program."""
    done = subprocess.run(
        [_example(release), str(page), *options],
        input="\n".join(one.text() for one in wanted),
        stdout=subprocess.PIPE,
        check=True,
        encoding="utf-8",
    )
    answer = json.loads(done.stdout)
    values = [
        (one["selector"], _told_bits(one["bits"]), one["timestamp_ms"])
        for one in answer.pop("samples")
    ]
    return Found(sorted(values, key=repr), answer.pop("faults"), answer)


def told(page: str, wanted: list[Wanted]) -> list[Value]:
    """Pick the wanted series from what prometheus_client reads."""
    values: list[Value] = []
    for name, labels, value, timestamp in all_samples(page):
        for position, one in enumerate(wanted):
            if name == one.name and all(labels.get(k, "") == v for k, v in one.labels.items()):
                bits = struct.pack(">d", value).hex()
                values.append((position, _told_bits(bits), timestamp))
    return sorted(values, key=repr)


def all_samples(page: str) -> list[tuple[str, dict[str, str], float, int | None]]:
    """Return name, labels, value and time in milliseconds of every sample of a page."""
    is_open_metrics = page.rstrip().endswith("\n# EOF")
    families = open_metrics_families if is_open_metrics else text_string_to_metric_families
    return [
        (
            sample.name,
            dict(sample.labels),
            float(sample.value),
            None if sample.timestamp is None else round(float(sample.timestamp) * 1000),
        )
        for family in families(page)
        for sample in family.samples
    ]


@functools.cache
def _example(release: bool) -> str:
    """Build the program and return its path.

    The tests build it as the Rust tests did before them, so that nothing is built twice; the
    benchmark wants no more of the crate than it needs.
    """
    sparing = ["--release", "--package", "spillway-runtime", "--features", "scrape"]
    build = ["cargo", "build", "--locked", *(sparing if release else ["--workspace"])]
    done = subprocess.run(
        [*build, "--example", "page_samples", "--message-format", "json"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        check=True,
        encoding="utf-8",
    )
    messages = map(json.loads, done.stdout.splitlines())
    programs = [message["executable"] for message in messages if message.get("executable")]
    assert len(programs) == 1, programs
    return str(programs[0])


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _told_bits(bits: str) -> str:
    value: float = struct.unpack(">d", bytes.fromhex(bits))[0]
    if math.isnan(value):
        return "NaN"
    # prometheus_client reads "-0" as an integer, which has no sign.
    return bits if value else "0"
