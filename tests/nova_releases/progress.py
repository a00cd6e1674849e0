# SPDX-License-Identifier: Apache-2.0
"""Lines for the person who waits: seconds since the start, the release, what is being done."""

from __future__ import annotations

import sys
import time


class Progress:
    """Writes to standard error, so that standard output holds the result alone."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, topic: str, what: str) -> None:
        """Writes one line at once, also into a pipe."""
        elapsed = time.monotonic() - self._started
        sys.stderr.write(f"[{elapsed:6.1f}s] {topic}: {what}\n")
        sys.stderr.flush()
