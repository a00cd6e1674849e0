# SPDX-License-Identifier: Apache-2.0
"""Waiting for conditions, always with a deadline."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

STEP_SECS = 0.1
"""Pause between two looks at a condition: short against every deadline, long against a look."""


class DeadlineExceeded(Exception):
    """A condition did not come true in time."""


def until(
    condition: Callable[[], Answer | None],
    what: str | Callable[[], str],
    deadline_secs: float,
    step_secs: float = STEP_SECS,
) -> Answer:
    """Return the first answer of ``condition`` that is true.

    :param what: the condition in words, for the error; a function when it shows the last state.
    :raises DeadlineExceeded: no such answer within ``deadline_secs``.
    """
    end = time.monotonic() + deadline_secs
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            words = what if isinstance(what, str) else what()
            raise DeadlineExceeded(f"not within {deadline_secs:g} s: {words}")
        time.sleep(step_secs)


def http_answers(url: str) -> bool:
    """Return whether an HTTP server answers with anything but a server error."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except (OSError, http.client.HTTPException):
        return False
