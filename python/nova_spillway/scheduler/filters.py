# SPDX-License-Identifier: Apache-2.0
"""BurstFilter: bursting through Nova's filter interface, for operators who allow no import hook.

Set it up with::

    [filter_scheduler]
    available_filters = nova.scheduler.filters.all_filters
    available_filters = nova_spillway.scheduler.filters.BurstFilter
    enabled_filters = ComputeFilter,…,BurstFilter
    weight_classes = nova.scheduler.weights.all_weighers
    weight_classes = nova_spillway.scheduler.weighers.BurstWeigher

BurstFilter has to stand last, so that it sees the hosts that the other filters left.

What it cannot do, and ``MultiScheduler`` can:

* It runs after Placement has answered. With more than ``[scheduler] max_placement_results``
  matching private hosts, a burst host may be missing from the answer.
* A user's availability zone is a condition in Placement's query, so a burst host takes only
  requests for its own zone, whatever the policy's ``availability_zones`` say.
* A request for several servers is placed server by server: on private hosts as long as Placement
  lets it, then on burst hosts. It is neither whole nor split by rule. ``reserve`` has no effect
  either, because Placement is not asked what fits.
* Alternates are the hosts that this filter let through: private hosts for a private server, burst
  hosts for a burst server. A server that its provider refuses does not come back to a private host.
* Nova skips every filter when an administrator forces a host (so forcing works as it should), and
  calls none when Placement finds nothing. There is then no reason in the server's fault.
* The journal gets a decision line per server and no outcome.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from nova import context as nova_context
from nova.scheduler import filters
from oslo_log import log as logging

from nova_spillway._native import Decision
from nova_spillway.scheduler import requests
from nova_spillway.scheduler.process_engine import process_engine
from nova_spillway.scheduler.source_host import HYPERVISOR_TYPE, is_on_burst_host

LOG = logging.getLogger(__name__)


class BurstFilter(filters.BaseHostFilter):  # type: ignore[misc]
    """Keeps private hosts, or burst hosts, of the hosts that are left, as the policy says."""

    RUN_ON_REBUILD = False

    def filter_all(self, filter_obj_list: Iterable[Any], spec_obj: Any) -> list[Any]:
        """Return the hosts that the request may go to.

        :param filter_obj_list: Nova's HostStates that passed the other filters.
        :returns: private hosts only whenever Spillway's own code fails.
        """
        hosts = list(filter_obj_list)
        try:
            return _allowed(hosts, spec_obj)
        except Exception:
            LOG.exception("Spillway failed; scheduling on private hosts.")
            return [host for host in hosts if not is_burst_host(host, ())]


def is_burst_host(host: Any, burst_hosts: Iterable[str]) -> bool:
    """Return whether a HostState is a burst host: by its hypervisor type, or by the policy."""
    return host.hypervisor_type == HYPERVISOR_TYPE or host.host in burst_hosts


def decide(spec: Any, operation: requests.Operation, now: float) -> Decision | None:
    """Decide about the one server that Nova is placing. None when there is no policy."""
    engine = process_engine()
    if not engine.has_policy:
        return None
    request = requests.read_request(spec, operation, [spec.instance_uuid], None)
    return engine.decide(request, None, now)


def _allowed(hosts: list[Any], spec: Any) -> list[Any]:
    now = time.time()
    engine = process_engine()
    line = engine.refresh(now)
    if line is not None:
        LOG.info("%s", line)
    burst_names = engine.burst_hosts
    kind = requests.kind_of_call(spec)
    if kind in (requests.REBUILD, requests.FORCED):
        return hosts
    burst = [host for host in hosts if is_burst_host(host, burst_names)]
    private = [host for host in hosts if not is_burst_host(host, burst_names)]
    if kind == requests.MOVE:
        context = nova_context.get_admin_context()
        moves_burst = is_on_burst_host(context, spec, spec.instance_uuid, burst_names)
        return burst if moves_burst else private
    if not burst:
        return private
    decision = decide(spec, kind, now)
    if decision is None:
        return private
    engine.record_decision(decision, now)
    LOG.info("%s", decision.summary())
    return _first_possible(decision, private, burst, spec.num_instances > 1)


def _first_possible(
    decision: Decision, private: list[Any], burst: list[Any], several: bool
) -> list[Any]:
    """Return the hosts of the first attempt that has any, with those of like attempts after it.

    :param several: the request is for several servers. Nova calls the filters for the second with
        the hosts that the first was left, so private hosts alone would be all there is for the
        rest; BurstWeigher keeps them first.
    """
    allowed: list[Any] = []
    for attempt in decision.attempts:
        if attempt.kind == "hybrid":
            allowed.extend(host for host in burst if host.host == attempt.burst_host)
        elif allowed:
            break
        elif attempt.kind == "filter" and private:
            if not several:
                return private
            allowed = list(private)
    return allowed
