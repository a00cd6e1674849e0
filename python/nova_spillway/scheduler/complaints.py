# SPDX-License-Identifier: Apache-2.0
"""Warnings that are worth one line, not one per request."""

from __future__ import annotations

import logging
from typing import Any


class Complaints:
    """Remembers which faults have been logged, per process. Safe to use from several threads."""

    def __init__(self, logger: logging.Logger | logging.LoggerAdapter[Any]) -> None:
        self._logger = logger
        self._standing: set[str] = set()

    def once(self, fault: str, message: str, *args: object) -> None:
        """Log a warning unless ``fault`` is standing already."""
        if fault not in self._standing:
            self._standing.add(fault)
            self._logger.warning(message, *args)

    def settled(self, fault: str) -> None:
        """Forget ``fault``, so that its next occurrence is logged again."""
        self._standing.discard(fault)
