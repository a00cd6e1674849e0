# SPDX-License-Identifier: Apache-2.0
"""Why a launch failed, as the exceptions by which Nova goes on.

A provider's refusal is this host's trouble, not the request's: Nova tries the alternates, as it
does when a hypervisor is out of room, or lacks what the request asks for.
"""

from __future__ import annotations

from nova import exception

from nova_spillway.providers import api

# What an operator or a user does about it, by meaning; the first class that fits counts.
_ADVICE: tuple[tuple[type[api.ProviderError], str], ...] = (
    (api.NoCapacity, "the provider has no room for this size now"),
    (
        api.QuotaExceeded,
        "the provider account's quota is used up: ask for a higher one, or lower the burst "
        "host's caps in the policy file",
    ),
    (
        api.AccessRefused,
        "an operator must check the burst host's credentials and permissions at the provider",
    ),
    (api.Throttled, "the provider throttles the account: try again later"),
    (api.InvalidRequest, "the provider does not take this launch"),
    (api.Unavailable, "the provider does not answer: try again later"),
)


class LaunchRefused(exception.ComputeResourcesUnavailable):  # type: ignore[misc]
    """This burst host could not launch the server; Nova tries the next host."""

    msg_fmt = "The burst host could not launch the server: %(reason)s"


def reschedulable(error: Exception) -> LaunchRefused:
    """Return Nova's exception for a launch that this host could not do, with advice."""
    for kind, advice in _ADVICE:
        if isinstance(error, kind):
            return LaunchRefused(reason=f"{advice} ({error})")
    return LaunchRefused(reason=str(error))
