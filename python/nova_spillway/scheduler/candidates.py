# SPDX-License-Identifier: Apache-2.0
"""Asks Placement where a RequestSpec fits, without claiming anything.

Nova's manager does the same inside ``select_destinations``, together with claiming; these are its
steps before that, on the public parts of the same classes.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from nova import exception, objects
from nova.scheduler import request_filter
from nova.scheduler import utils as nova_utils


class Candidates(NamedTuple):
    """Placement's answer, as ``GET /allocation_candidates`` gives it."""

    requests: list[dict[str, Any]]
    """``{"allocations": {provider uuid: {"resources": {class: amount}}}, "mappings": …}`` each."""
    summaries: dict[str, Any]
    """``{provider uuid: {"resources": {class: {"capacity": int, "used": int}}}}``; capacity is
    what is left after the reserve, times the allocation ratio."""
    version: str
    """Placement's API version, which a claim has to use again."""


class Cloud(NamedTuple):
    """The parts of Nova's scheduler that know the hosts; in Nova 22 they are the driver's."""

    scheduler: Any
    """Has ``_get_all_host_states`` and ``_get_sorted_hosts``."""
    host_manager: Any
    placement: Any

    @classmethod
    def of(cls, manager: Any) -> Cloud:
        """Return the parts of a ``SchedulerManager``."""
        scheduler = getattr(manager, "driver", manager)
        return cls(scheduler, scheduler.host_manager, manager.placement_client)


def ask_placement(
    cloud: Cloud, context: Any, spec: Any, limit: int | None = None
) -> Candidates | None:
    """Ask where a RequestSpec fits.

    :param spec: changed by Nova's request filters; pass a copy.
    :param limit: at most so many candidates; None for Nova's own limit.
    :returns: None when Placement did not answer. No candidates is an answer, as is a request
        filter of Nova's that refuses the request everywhere, or a named host that is not there.
    """
    try:
        request_filter.process_reqspec(context, spec)
        resources = nova_utils.resources_from_request_spec(context, spec, cloud.host_manager)
    except (exception.RequestFilterFailed, exception.NoValidHost):
        return Candidates([], {}, "")
    if limit is not None:
        resources._limit = limit
    answer = cloud.placement.get_allocation_candidates(context, resources)
    if answer is None or answer[0] is None:
        return None
    return Candidates(*answer)


def unclaimed_selections(
    cloud: Cloud, context: Any, spec: Any, limit: int | None = None
) -> list[Any]:
    """Return Nova Selections of every host that could take one server, best first.

    :param spec: changed; pass a copy.
    :param limit: as for :func:`ask_placement`.
    :returns: unclaimed; whoever uses one has to claim its allocation request first, as Nova's
        conductor does with alternates. Empty when there is none or Placement did not answer.
    """
    answer = ask_placement(cloud, context, spec, limit)
    if answer is None or not answer.requests:
        return []
    by_provider: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for request in answer.requests:
        for provider in request["allocations"]:
            by_provider[provider].append(request)
    hosts = list(cloud.scheduler._get_all_host_states(context.elevated(), spec, answer.summaries))
    for host in hosts:
        # Since Nova 29 filters may take candidates away from a host.
        host.allocation_candidates = list(by_provider[host.uuid])
    return [
        objects.Selection.from_host_state(host, host.allocation_candidates[0], answer.version)
        for host in cloud.scheduler._get_sorted_hosts(spec, hosts, 0)
        if host.allocation_candidates
    ]
