# SPDX-License-Identifier: Apache-2.0
"""Figures beside what they are allowed to be. Standard library only."""

from __future__ import annotations

import json
from typing import Any


class Goals:
    """What was measured, beside what it is allowed to be."""

    def __init__(self) -> None:
        """Begin without a figure."""
        self.rows: list[dict[str, Any]] = []

    def add(self, name: str, ratio: float, bar: float | None, **figures: float) -> None:
        """Add one row.

        :param bar: what the ratio may be at most; None for a row that is shown and not judged.
        :param figures: what the ratio was made from.
        """
        rounded = {key: round(value, 5) for key, value in figures.items()}
        met = bar is None or ratio <= bar
        self.rows.append(
            {"goal": name, "ratio": round(ratio, 5), "bar": bar, "met": met, **rounded}
        )

    def show(self, output: str) -> int:
        """Print the rows as a table or as JSON; return the exit code, 1 when a goal is missed."""
        if output == "json":
            print(json.dumps(self.rows, indent=1))
        else:
            for row in self.rows:
                print(_line(row))
        return 0 if all(row["met"] for row in self.rows) else 1


def _line(row: dict[str, Any]) -> str:
    figures = "  ".join(
        f"{key}={value}" for key, value in row.items() if key not in ("goal", "ratio", "bar", "met")
    )
    verdict = "shown" if row["bar"] is None else "met" if row["met"] else "MISSED"
    return f"{verdict:<7}{row['goal']:<64} {row['ratio']:9.5f} (bar {row['bar']})  {figures}"
