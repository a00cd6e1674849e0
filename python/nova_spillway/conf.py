# SPDX-License-Identifier: Apache-2.0
"""Spillway's options in nova.conf.

There are two: which scheduler driver to load, and where the policy file is. Everything else is in
the policy file, so that no fact has two homes.
"""

from __future__ import annotations

from oslo_config import cfg

GROUP = "spillway"
DRIVER_NAME = "spillway"
"""Value of ``[DEFAULT] scheduler_driver`` that asks for Spillway."""

DEFAULT_OPTS = [
    cfg.StrOpt(
        "scheduler_driver",
        help="""
The scheduler driver that nova-scheduler loads.

``spillway`` loads Spillway's MultiScheduler, which sends servers to a burst host when the policy
says so. Unset, or with any other value, nova-scheduler works as if Spillway were not installed.

Related options:

* ``[spillway] policy_file``
""",
    ),
]

SPILLWAY_OPTS = [
    cfg.StrOpt(
        "policy_file",
        default="/etc/spillway/spillway.toml",
        help="""
Path of Spillway's policy file (TOML).

nova-scheduler reads it again when it changes; a nova-compute with Spillway's driver reads it when
it starts. A file with errors never stops nova-scheduler: it keeps the last good policy, or keeps
every server on private hosts, and logs where the error is. ``python -m nova_spillway check FILE``
shows the same errors.

Related options:

* ``[DEFAULT] scheduler_driver``
* ``[DEFAULT] compute_driver``
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register Spillway's options on ``conf``. May be called repeatedly."""
    conf.register_opts(DEFAULT_OPTS)
    conf.register_opts(SPILLWAY_OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options by group, for oslo.config's sample generator and validator."""
    return [("DEFAULT", DEFAULT_OPTS), (GROUP, SPILLWAY_OPTS)]
