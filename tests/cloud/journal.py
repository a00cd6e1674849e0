# SPDX-License-Identifier: Apache-2.0
"""Reads Spillway's journal back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Journal:
    """The lines that the scheduler workers have written so far."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return all whole lines, or those of one kind, in the order of the file."""
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return []
        whole = text[: text.rfind("\n") + 1]
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if kind is None or line["kind"] == kind]

    def decision(self, server_id: str) -> dict[str, Any]:
        """Return the first decision about a server: that of its boot.

        :raises LookupError: there is none.
        """
        return self.decisions(server_id)[0]

    def decisions(self, server_id: str) -> list[dict[str, Any]]:
        """Return the decisions about a server, oldest first.

        :raises LookupError: there is none.
        """
        found = [
            line
            for line in self.lines("decision")
            if server_id in line["inputs"]["request"]["instance_uuids"]
        ]
        if not found:
            raise LookupError(f"the journal has no decision about {server_id}")
        return found

    def outcome(self, decision: dict[str, Any]) -> dict[str, Any]:
        """Return what became of a decision.

        :raises LookupError: the journal does not say.
        """
        for line in self.lines("outcome"):
            if line["decision"] == decision["id"]:
                return line
        raise LookupError(f"the journal has no outcome of decision {decision['id']}")


def reason_codes(decision: dict[str, Any]) -> list[str]:
    """Return the codes of a decision's reasons, the deciding one first."""
    return [reason["code"] for reason in decision["decision"]["reasons"]]


def sentences(decision: dict[str, Any]) -> list[str]:
    """Return the sentences of a decision's reasons, the deciding one first."""
    return [reason["sentence"] for reason in decision["decision"]["reasons"]]
