# SPDX-License-Identifier: Apache-2.0
"""What became of this host's launches: counts, times, and sizes that the provider has no room for.

Only remembered and reported here: the scheduler's decision skips a size that is barred. Starts
anew with the process.
"""

from __future__ import annotations

import bisect
import collections
import contextlib
import dataclasses
import enum
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Callable

from nova_spillway.providers import api
from nova_spillway.virt.admission import Full

# Upper edges of the classes that launch times are counted in; EC2 takes 5 to 40 seconds.
TIME_CLASSES_SECS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)

# How long a size is barred after its first failure, and at most. Failures in a row double it.
FIRST_BAR_SECS = 60.0
LONGEST_BAR_SECS = 1800.0


class Result(enum.Enum):
    """How a launch ended.

    ``ADOPTED`` is a machine that an earlier try of the same launch had made. ``REFUSED`` is a plain
    no, of the provider or of the policy's caps; ``FAILED`` is everything else.
    """

    LAUNCHED = "launched"
    ADOPTED = "adopted"
    REFUSED = "refused"
    FAILED = "failed"


# The provider's refusals by their meaning: a closed set, whatever codes a provider has.
REFUSALS: Mapping[type[api.ProviderError], str] = {
    api.NoCapacity: "no_capacity",
    api.QuotaExceeded: "quota_exceeded",
    api.AccessRefused: "access_refused",
    api.Throttled: "throttled",
    api.InvalidRequest: "invalid_request",
}
# Those that the next launch of the same size would meet again.
_BARRING = (api.NoCapacity, api.QuotaExceeded)


@dataclasses.dataclass(frozen=True)
class Bar:
    """A size that the provider refused lately, for want of room or of quota.

    Times are from the monotonic clock but for ``until_unix``, which is for showing.

    :ivar failures: refusals since the last launch of this size that went well.
    :ivar since: when the newest of the bars began.
    """

    failures: int
    since: float
    until: float
    until_unix: float


def bar_after_refusal(before: Bar | None, began_at: float, now: float, now_unix: float) -> Bar:
    """Return the bar of a size after one more refusal.

    :param began_at: when the refused launch began. One that was under way when the size was barred
        already says nothing new: a burst of launches counts as one.
    """
    if before is None or now - before.until > LONGEST_BAR_SECS:
        return Bar(1, now, now + FIRST_BAR_SECS, now_unix + FIRST_BAR_SECS)
    if began_at <= before.since:
        return dataclasses.replace(before, failures=before.failures + 1)
    lasts = min(LONGEST_BAR_SECS, 2 * (before.until - before.since))
    return Bar(before.failures + 1, now, now + lasts, now_unix + lasts)


@dataclasses.dataclass(frozen=True)
class Launched:
    """All launches of this process.

    :ivar counts: by size and result.
    :ivar refusals: the provider's, by the names of ``REFUSALS``.
    :ivar times: how many launches took at most as long as each of ``TIME_CLASSES_SECS``, and longer
        than the one before; the last entry is those beyond.
    :ivar total_secs: of all of them.
    :ivar barred_until: Unix time by size, of those that are barred now.
    :ivar recent_failures: by size; those that the last launch or half an hour has wiped are not
        there.
    """

    counts: Mapping[tuple[str, Result], int]
    refusals: Mapping[str, int]
    times: tuple[int, ...]
    total_secs: float
    barred_until: Mapping[str, float]
    recent_failures: Mapping[str, int]


class Launch:
    """One launch under way."""

    def __init__(self) -> None:
        """Take it for a new machine until it is found to be an old one."""
        self.is_adopted = False


class Launches:
    """Remembers launches. Safe for many threads."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        unix_clock: Callable[[], float] = time.time,
    ) -> None:
        """Start with none."""
        self._clock = clock
        self._unix_clock = unix_clock
        self._lock = threading.Lock()
        self._counts: collections.Counter[tuple[str, Result]] = collections.Counter()
        self._refusals: collections.Counter[str] = collections.Counter()
        self._times = [0] * (len(TIME_CLASSES_SECS) + 1)
        self._total_secs = 0.0
        self._bars: dict[str, Bar] = {}

    @contextlib.contextmanager
    def one_of(self, size: str) -> Iterator[Launch]:
        """Take in one launch: how long it takes, and how it ends."""
        launch = Launch()
        began_at = self._clock()
        try:
            yield launch
        except BaseException as error:
            self._take_in_failure(size, began_at, error)
            raise
        with self._lock:
            self._bars.pop(size, None)
            if launch.is_adopted:
                self._counts[size, Result.ADOPTED] += 1
                return
            self._counts[size, Result.LAUNCHED] += 1
            took = self._clock() - began_at
            self._times[bisect.bisect_left(TIME_CLASSES_SECS, took)] += 1
            self._total_secs += took

    def so_far(self) -> Launched:
        """Return all of it as it is now."""
        with self._lock:
            now = self._clock()
            remembered = {
                size: bar for size, bar in self._bars.items() if now - bar.until <= LONGEST_BAR_SECS
            }
            return Launched(
                counts=dict(self._counts),
                refusals=dict(self._refusals),
                times=tuple(self._times),
                total_secs=self._total_secs,
                barred_until={
                    s: bar.until_unix for s, bar in remembered.items() if now < bar.until
                },
                recent_failures={size: bar.failures for size, bar in remembered.items()},
            )

    def _take_in_failure(self, size: str, began_at: float, error: BaseException) -> None:
        refusals = [name for kind, name in REFUSALS.items() if isinstance(error, kind)]
        with self._lock:
            self._refusals.update(refusals)
            is_refusal = bool(refusals) or isinstance(error, Full)
            self._counts[size, Result.REFUSED if is_refusal else Result.FAILED] += 1
            if isinstance(error, _BARRING):
                self._bars[size] = bar_after_refusal(
                    self._bars.get(size), began_at, self._clock(), self._unix_clock()
                )
