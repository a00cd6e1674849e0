# SPDX-License-Identifier: Apache-2.0
"""What a burst host tells about itself: keeps its spend counted, and serves its metrics.

Nothing that goes wrong here reaches a launch or the poll.
"""

from __future__ import annotations

import logging

from nova_spillway.virt import metrics
from nova_spillway.virt.metrics_server import MetricsServer
from nova_spillway.virt.spend_record import SpendRecord
from nova_spillway.virt.status import StatusSource

LOG = logging.getLogger(__name__)


class Reporting:
    """Counts and serves from ``start`` to ``stop``."""

    def __init__(self, source: StatusSource, record: SpendRecord, listen: str | None) -> None:
        """Open nothing yet.

        :param listen: where the metrics are served, ``ADDRESS:PORT``; None serves none.
        """
        self._source = source
        self._record = record
        self._server = MetricsServer(listen, metrics.registry_of(source.read)) if listen else None

    def start(self) -> None:
        """Begin to serve. A port that is taken is tried again after every poll."""
        self.after_poll()

    def count_spend(self) -> None:
        """Count what was spent until now; called where machines come and go between two polls."""
        try:
            self._source.count_spend()
        except Exception:
            LOG.exception("The spend could not be counted")

    def after_poll(self) -> None:
        """Count the spend by what was just listed, and keep it; serve if that failed before."""
        self.count_spend()
        try:
            self._record.save_if_due()
            if self._server is not None:
                self._server.start()
        except Exception:
            LOG.exception("The spend could not be kept, or the metrics not be served")

    def stop(self) -> None:
        """Keep the spend and close the port."""
        self.count_spend()
        try:
            self._record.save()
            if self._server is not None:
                self._server.stop()
        except Exception:
            LOG.exception("The spend could not be kept, or the metrics' port not be closed")
