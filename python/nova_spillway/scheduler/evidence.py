# SPDX-License-Identifier: Apache-2.0
"""Counts how many more servers of a request's size fit on private hosts."""

from __future__ import annotations

from typing import Any

from nova_spillway.scheduler.candidates import Candidates, Cloud, ask_placement
from nova_spillway.scheduler.spec_changes import private_copy

NO_ANSWER = -1
"""What the decision core takes for "Placement was asked and did not answer"."""


def private_fits(cloud: Cloud, context: Any, spec: Any) -> int:
    """Ask Placement how many more servers like this one fit on private hosts.

    An upper bound: Nova's filters may refuse hosts that Placement offers. And not more than what
    ``[scheduler] max_placement_results`` providers hold.

    :param spec: left as it is.
    :returns: a count, or :data:`NO_ANSWER`.
    """
    answer = ask_placement(cloud, context, private_copy(spec))
    return NO_ANSWER if answer is None else count_fits(answer)


def count_fits(answer: Candidates) -> int:
    """Count how often the allocation requests of an answer fit, one after the other.

    Each takes what it can from the providers that it names, so that storage which several hosts
    share is counted once. O(allocation requests x resource classes).
    """
    free = {
        (provider, name): resource["capacity"] - resource["used"]
        for provider, summary in answer.summaries.items()
        for name, resource in summary["resources"].items()
    }
    total = 0
    for request in answer.requests:
        wanted = [
            ((provider, name), amount)
            for provider, allocation in request["allocations"].items()
            for name, amount in allocation["resources"].items()
            if amount > 0
        ]
        fits = min((free.get(key, 0) // amount for key, amount in wanted), default=0)
        if fits > 0:
            total += fits
            for key, amount in wanted:
                free[key] -= fits * amount
    return total
