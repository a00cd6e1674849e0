# SPDX-License-Identifier: Apache-2.0
"""The trait that tells burst hosts from private hosts in Placement."""

from __future__ import annotations

import time
from typing import Any

TRAIT = "CUSTOM_SPILLWAY_BURST"
"""On the root provider of every burst host, and of no other."""

TRAITS_VERSION = "1.6"
"""Placement's first API version with traits."""

RECHECK_SECS = 60.0
"""A trait that nothing uses can be deleted. We look again this often, and only after a failure."""


class TraitUnavailable(Exception):
    """Placement did not confirm the trait, so no query may name it."""


class BurstTrait:
    """Sees to it that the trait exists: Placement answers HTTP 400 to a query with an unknown one.

    One per process; opens nothing by itself.
    """

    def __init__(self) -> None:
        self._confirmed_at: float | None = None

    def ensure(self, placement: Any) -> None:
        """Create the trait unless this process already saw it.

        :param placement: Nova's report client.
        :raises TraitUnavailable: Placement did not answer, or refused.
        """
        if self._confirmed_at is None:
            self._put(placement)

    def was_missing(self, placement: Any) -> bool:
        """Return whether the trait had gone, and put it back; asks at most once a minute.

        :raises TraitUnavailable: Placement did not answer, or refused.
        """
        if self._confirmed_at is not None and time.monotonic() - self._confirmed_at < RECHECK_SECS:
            return False
        return self._put(placement)

    def _put(self, placement: Any) -> bool:
        """Create the trait. :returns: whether it did not exist before."""
        self._confirmed_at = None
        try:
            response = placement.put("/traits/" + TRAIT, None, version=TRAITS_VERSION)
            status = response.status_code
        except Exception as error:
            raise TraitUnavailable(f"Placement did not answer: {type(error).__name__}") from error
        if status not in (201, 204):
            raise TraitUnavailable(f"Placement answered HTTP {status} to PUT /traits/{TRAIT}")
        self._confirmed_at = time.monotonic()
        return bool(status == 201)
