# SPDX-License-Identifier: Apache-2.0
"""Validators for the flavor extra specs that Spillway understands.

Nova's API loads this module through the entry point group ``nova.api.extra_spec_validators`` and
calls :func:`register`. From compute API 2.86 on, a flavor with a wrong value, or with an unknown
key in the ``spillway`` namespace, is refused with HTTP 400.

Scheduler hints have no such plug point: Nova passes any hint on, and the decision answers a wrong
``spillway:burst`` hint with the reason ``hint_invalid``, which keeps the server private.
"""

from __future__ import annotations

from nova.api.validation.extra_specs import base

BURST_LEVELS = ("never", "overflow", "load")
"""Values of ``spillway:burst``, most restrictive first."""


def register() -> list[base.ExtraSpecValidator]:
    """Return the validators, in the form that Nova's API expects."""
    return [
        base.ExtraSpecValidator(
            name="spillway:burst",
            description=(
                "How far servers of this flavor may burst to a public cloud: ``never``, "
                "``overflow`` (only when no private host takes them) or ``load`` (also while "
                "the private cloud is loaded). The most restrictive of the policy's rule, this "
                "extra spec and the user's scheduler hint of the same name wins."
            ),
            value={"type": str, "enum": list(BURST_LEVELS)},
        ),
        base.ExtraSpecValidator(
            name="spillway:size",
            description=(
                "The provider's instance size for servers of this flavor, such as ``t3.small``. "
                "Without it the cheapest size that fits is taken."
            ),
            value={"type": str, "pattern": r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"},
        ),
    ]
