# SPDX-License-Identifier: Apache-2.0
"""Other hosts for a server that is going to a burst host, for when its provider refuses it.

After a failed build Nova asks no scheduler again: the conductor takes the next of the alternates
that came with the first answer. On the hybrid path Nova's manager sees one host only, so these
are added here: the decision's next burst hosts, then private hosts if the decision goes on to
the filter path, so that a refusal of the provider ends as it would have without bursting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nova_spillway._native import Attempt
from nova_spillway.scheduler.candidates import Cloud, unclaimed_selections
from nova_spillway.scheduler.spec_changes import burst_copy, private_copy

PRIVATE_CANDIDATES = 10
"""Private hosts to ask Placement for: enough for the filters to refuse some, and cheap."""


def add_alternates(
    cloud: Cloud,
    context: Any,
    spec: Any,
    selections: list[list[Any]],
    later: Sequence[Attempt],
    wanted: int,
) -> None:
    """Append up to ``wanted`` alternates to each list of selections.

    :param spec: the request, as before any attempt; left as it is.
    :param selections: one list per server, each with the claimed selection of the hybrid path.
    :param later: the attempts that follow the one which succeeded, in order.
    """
    if wanted < 1 or not selections:
        return
    first = selections[0][0]
    if _must_stay_together(spec, len(selections)):
        return
    taken = {selection_list[0].service_host for selection_list in selections}
    alternates: list[Any] = []
    for attempt in later:
        if len(alternates) >= wanted:
            break
        burst_host = attempt.burst_host
        if attempt.kind == "hybrid" and burst_host and burst_host not in taken:
            found = unclaimed_selections(cloud, context, burst_copy(spec, burst_host))
        elif attempt.kind == "filter":
            found = unclaimed_selections(
                cloud, context, private_copy(spec), max(PRIVATE_CANDIDATES, wanted)
            )
        else:
            continue
        # A retry stays in the cell of the first choice.
        found = [
            selection
            for selection in found
            if selection.cell_uuid == first.cell_uuid and selection.service_host not in taken
        ]
        taken.update(selection.service_host for selection in found)
        alternates.extend(found)
    for selection_list in selections:
        selection_list.extend(alternates[: max(0, wanted - (len(selection_list) - 1))])


def _must_stay_together(spec: Any, n_servers: int) -> bool:
    """Return whether several servers of an affinity group are placed in this one call."""
    group = spec.__dict__.get("_obj_instance_group")
    return n_servers > 1 and group is not None and group.policy == "affinity"
