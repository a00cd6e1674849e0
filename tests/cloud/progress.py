# SPDX-License-Identifier: Apache-2.0
"""Lines of progress with the seconds since the command began."""

from __future__ import annotations

import os
import sys
import threading
import time

STARTED = "SPILLWAY_CLOUD_STARTED"
"""Environment variable with the Unix time at which the first process of a command began."""

_LOCK = threading.Lock()


def started() -> float:
    """Return when this command began, in Unix seconds; remembered across an exec."""
    return float(os.environ.setdefault(STARTED, f"{time.time():.3f}"))


def say(line: str) -> None:
    """Print one line on standard error, so that standard output stays for results."""
    with _LOCK:
        print(f"[{max(0.0, time.time() - started()):6.1f} s] {line}", file=sys.stderr, flush=True)
