# SPDX-License-Identifier: Apache-2.0
"""Other hosts for a server that is going to a burst host, for when its provider refuses it.

After a failed build Nova asks no scheduler again: the conductor takes the next of the alternates
that came with the first answer. On the hybrid path Nova's manager sees one host only, so these
are added here: the decision's next burst hosts, then private hosts if the decision goes on to
the filter path, so that a refusal of the provider ends as it would have without bursting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from nova_spillway._native import Attempt
from nova_spillway.scheduler.candidates import Cloud, unclaimed_selections
from nova_spillway.scheduler.spec_changes import burst_copy, private_copy

PRIVATE_CANDIDATES = 10
"""Private hosts to ask Placement for: enough for the filters to refuse some, and cheap."""


class Alternate(NamedTuple):
    """A host to go to when the first choice fails."""

    selection: Any
    is_private: bool


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
    if wanted < 1 or not selections or _must_stay_together(spec, len(selections)):
        return
    cell = selections[0][0].cell_uuid
    taken = {selection_list[0].service_host for selection_list in selections}
    found: list[Alternate] = []
    for attempt in later:
        if attempt.kind == "filter":
            copy, limit = private_copy(spec), max(PRIVATE_CANDIDATES, wanted)
        elif attempt.kind == "hybrid" and attempt.burst_host and len(found) < wanted:
            copy, limit = burst_copy(spec, attempt.burst_host), None
        else:
            continue
        for selection in unclaimed_selections(cloud, context, copy, limit):
            # A retry stays in the cell of the first choice.
            if selection.cell_uuid == cell and selection.service_host not in taken:
                taken.add(selection.service_host)
                found.append(Alternate(selection, is_private=attempt.kind == "filter"))
    chosen = _best(found, wanted)
    for selection_list in selections:
        selection_list.extend(chosen[: max(0, wanted + 1 - len(selection_list))])


def _best(found: list[Alternate], wanted: int) -> list[Any]:
    """Return the first ``wanted``, with a private host among them if any was found."""
    chosen = found[:wanted]
    private = [alternate for alternate in found if alternate.is_private]
    if private and private[0] not in chosen:
        chosen[-1] = private[0]
    return [alternate.selection for alternate in chosen]


def _must_stay_together(spec: Any, n_servers: int) -> bool:
    """Return whether several servers of an affinity group are placed in this one call."""
    group = spec.__dict__.get("_obj_instance_group")
    return n_servers > 1 and group is not None and group.policy == "affinity"
