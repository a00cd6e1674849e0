# SPDX-License-Identifier: Apache-2.0
"""The engine that BurstFilter and BurstWeigher of one process share.

Nova builds both by itself and hands them nothing, so there is no owner to pass an engine down.
"""

from __future__ import annotations

import functools

import nova.conf

from nova_spillway import conf as spillway_conf
from nova_spillway._native import Engine


def process_engine() -> Engine:
    """Return the engine for the policy file of nova.conf; the first call builds it."""
    spillway_conf.register_opts(nova.conf.CONF)
    return _engine_for(nova.conf.CONF.spillway.policy_file)


@functools.lru_cache(maxsize=1)
def _engine_for(policy_file: str) -> Engine:
    return Engine(policy_file)
