# SPDX-License-Identifier: Apache-2.0
"""The queries of the dashboards in ``docs/grafana``. Only the standard library is used here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

DASHBOARDS = sorted((Path(__file__).resolve().parent.parent / "docs" / "grafana").glob("*.json"))

VARIABLES = {"$instance": ".*", "$__rate_interval": "1m"}
"""What Grafana puts in the place of a dashboard's variables, for someone who looks at all."""


@dataclass(frozen=True)
class Query:
    """One query of a panel."""

    dashboard: str
    panel: str
    letter: str
    promql: str


def queries(file: Path) -> list[Query]:
    """Return the queries of a dashboard with its variables filled in.

    :raises ValueError: a query has a variable that is not known here.
    """
    found = []
    for panel in json.loads(file.read_text())["panels"]:
        for target in panel.get("targets", ()):
            promql = target["expr"]
            for variable, value in VARIABLES.items():
                promql = promql.replace(variable, value)
            if "$" in promql:
                raise ValueError(f"{file.name}: {panel['title']}: unknown variable in {promql}")
            found.append(Query(file.stem, panel["title"], target["refId"], promql))
    return found
