# SPDX-License-Identifier: Apache-2.0
"""Pages of exporters read by us and by Python's prometheus_client."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import CHECKOUT, Wanted, all_samples, page_samples, told

PAGES = sorted((CHECKOUT / "tests" / "data" / "pages").iterdir())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_series_has_the_value_that_prometheus_client_reads(page: Path):
    """Each series is asked for with all labels of the page, so that no other is meant."""
    text = page.read_bytes().decode()
    samples = all_samples(text)
    names = sorted({name for _, labels, _, _ in samples for name in labels})
    wanted = [
        Wanted(name, {label: labels.get(label, "") for label in names})
        for name, labels, _, _ in samples
    ]
    found = page_samples(page, wanted)
    assert found.faults == []
    assert len(found.values) == len(samples) > 0
    assert found.values == told(text, wanted)


def test_there_are_pages():
    assert {"node_exporter.prom", "openstack_exporter.prom", "nasty.prom"} <= {
        page.name for page in PAGES
    }
