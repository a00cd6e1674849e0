# SPDX-License-Identifier: Apache-2.0
"""BurstWeigher: puts the burst hosts that BurstFilter left into the policy's order.

It belongs with ``nova_spillway.scheduler.filters.BurstFilter``, whose module says how to set both
up. Alone it cannot keep anything private: a weigher only orders the hosts that are left, Nova
picks at random among the best ones (``host_subset_size``,
``shuffle_best_same_weighed_hosts``), and a lone host is never weighed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from nova.scheduler import weights
from oslo_log import log as logging

from nova_spillway.scheduler import requests
from nova_spillway.scheduler.filters import decide, is_burst_host
from nova_spillway.scheduler.process_engine import process_engine

LOG = logging.getLogger(__name__)

OVER_ALL_OTHERS = 1_000_000.0
"""Nova's weighers add up to some tens; the order of burst hosts shall not depend on them."""


class BurstWeigher(weights.BaseHostWeigher):  # type: ignore[misc]
    """Weighs private hosts at 1, burst hosts below, in the order of the decision's attempts."""

    minval = 0.0
    maxval = 1.0

    def weight_multiplier(self, host_state: Any) -> float:
        """Return a factor that puts this weigher before all of Nova's."""
        return OVER_ALL_OTHERS

    def weigh_objects(self, weighed_obj_list: Sequence[Any], weight_properties: Any) -> list[float]:
        """Return a weight of 0..1 per host, in the order of the hosts."""
        hosts = [weighed.obj for weighed in weighed_obj_list]
        try:
            order = _burst_order(weight_properties)
            return [_weight(host, order) for host in hosts]
        except Exception:
            LOG.exception("Spillway failed; private hosts go first.")
            return [_weight(host, []) for host in hosts]

    def _weigh_object(self, obj: Any, weight_properties: Any) -> float:
        """Weigh one host; Nova's interface asks for it."""
        return _weight(obj, _burst_order(weight_properties))


def _burst_order(spec: Any) -> list[str]:
    """Return the burst hosts of the decision's attempts, best first."""
    kind = requests.kind_of_call(spec)
    decision = decide(spec, kind, time.time()) if kind == requests.BOOT else None
    if decision is None:
        return []
    return [attempt.burst_host for attempt in decision.attempts if attempt.burst_host]


def _weight(host: Any, order: Sequence[str]) -> float:
    if not is_burst_host(host, process_engine().burst_hosts):
        return 1.0
    if host.host in order:
        return 0.5 / (1 + order.index(host.host))
    return 0.0
