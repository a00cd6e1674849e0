# SPDX-License-Identifier: Apache-2.0
"""The dashboards: their queries can be parsed, and ask for metrics that are documented."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.dashboards import DASHBOARDS, Query, queries

DOCS = Path(__file__).resolve().parents[2] / "docs"
ALL = [query for file in DASHBOARDS for query in queries(file)]


def test_there_are_three():
    assert len(DASHBOARDS) == 3
    assert all(len(queries(file)) >= 10 for file in DASHBOARDS)


def test_every_query_is_promql(tmp_path):
    """``promtool`` parses recording rules, so each query is made one."""
    rules = [{"record": f"query:{at}", "expr": query.promql} for at, query in enumerate(ALL)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run(
        ["/usr/bin/promtool", "check", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("query", ALL, ids=lambda query: f"{query.panel} {query.letter}")
def test_it_asks_for_documented_metrics(query: Query):
    documented = set(re.findall(r"^\| `(\w+)`", (DOCS / "metrics.md").read_text(), re.MULTILINE))
    used = {
        re.sub(r"_(bucket|sum|count)$", "", name) if name not in documented else name
        for name in re.findall(r"\bspillway_\w+", query.promql)
    }
    assert used and used <= documented
