# SPDX-License-Identifier: Apache-2.0
"""The ledger of the month in a file, so that a restart of nova-compute forgets nothing."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import urllib.parse
from collections.abc import Iterable
from typing import Callable

from nova_spillway.virt import spend

LOG = logging.getLogger(__name__)

# A crash costs no more than this: machines that live on are counted from where the file ends.
_SAVE_EVERY_SECS = 60.0
# Some hundred bytes per machine and project; what is larger was not written here.
_MAX_FILE_BYTES = 64 * 1024 * 1024


def path_of(state_path: str, host: str) -> str:
    """Return where a burst host keeps its ledger."""
    return os.path.join(state_path, f"spillway-spend-{urllib.parse.quote(host, safe='')}.json")


class SpendRecord:
    """The ledger of one burst host. Safe for many threads."""

    def __init__(self, path: str, clock: Callable[[], float] = time.time) -> None:
        """Take up the file. One that cannot be read is set aside, and the month is unknown then."""
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._ledger = self._load()
        self._saved = ""
        self._saved_at: float | None = None
        self._cannot_save = False

    def look(self, costs_now: Callable[[], Iterable[spend.Cost]]) -> None:
        """Count what was spent since the last look; see ``spend.Ledger.look``.

        :param costs_now: called under the lock, so that what is seen later is counted later.
        """
        with self._lock:
            self._ledger.look(costs_now(), self._clock())

    def month_usd(self, highest: float | None) -> dict[str, float] | None:
        """Return what was spent this month, by project; see ``spend.Ledger.month_usd``."""
        with self._lock:
            return self._ledger.month_usd(highest, self._clock())

    def save_if_due(self) -> None:
        """Write the file, unless it was written a moment ago. For one thread."""
        now = time.monotonic()
        if self._saved_at is None or now - self._saved_at >= _SAVE_EVERY_SECS:
            self.save()
            self._saved_at = now

    def save(self) -> None:
        """Write the file if anything changed; what goes wrong is logged, and tried again."""
        with self._saving:
            self._save()

    def _save(self) -> None:
        with self._lock:
            text = self._ledger.as_json()
        if text == self._saved:
            return
        try:
            _replace(self._path, text)
        except OSError as error:
            if not self._cannot_save:
                LOG.error("The month's spend cannot be written to %s: %s", self._path, error)
            self._cannot_save = True
            return
        if self._cannot_save:
            LOG.info("The month's spend is written to %s again", self._path)
        self._cannot_save = False
        self._saved = text

    def _load(self) -> spend.Ledger:
        month = spend.month_of(self._clock())
        try:
            with open(self._path, encoding="utf-8") as file:
                text = file.read(_MAX_FILE_BYTES + 1)
            if len(text) > _MAX_FILE_BYTES:
                raise spend.Unreadable("it is far too large")
            return spend.from_json(text)
        except FileNotFoundError:
            LOG.info("No spend is recorded in %s yet: it begins with the machines now", self._path)
            return spend.Ledger(month)
        except (OSError, UnicodeDecodeError, spend.Unreadable) as error:
            aside = f"{self._path}.unreadable-{int(self._clock())}"
            LOG.error(
                "The month's spend cannot be read from %s (%s). The file is set aside as %s, and "
                "what was spent in %s is unknown from now on",
                self._path,
                error,
                aside,
                month,
            )
            with contextlib.suppress(OSError):
                os.replace(self._path, aside)
            return spend.Ledger(month, is_whole=False)


def _replace(path: str, text: str) -> None:
    """Put a file in the other's place, whole or not at all, also when the machine goes down."""
    new = f"{path}.new"
    with open(new, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
