# SPDX-License-Identifier: Apache-2.0
"""Writes down, in every forked worker of nova-scheduler, which scheduler classes it really holds.

Stock Nova logs no class name, so the proof that an unset option changes nothing has to look into
the workers. The module is named in ``[filter_scheduler] available_filters``, Nova's own plug point,
and its filter is never enabled: nova-scheduler imports it while it builds its manager, before the
workers are forked.
"""

import gc
import json
import os
import sys
from pathlib import Path

from nova import manager
from nova.scheduler import filters

try:
    from nova.scheduler import driver as scheduler_driver
except ImportError:  # Gone since Nova 24.
    scheduler_driver = None

FOLDER = Path(os.environ["WORKER_PROBE_FOLDER"])


class NeverEnabled(filters.BaseHostFilter):
    """Only here so that the option has a class to find."""


def scheduler_classes() -> set[type]:
    """Returns the classes of the managers (and on Nova 22 the scheduler drivers) alive here."""
    kinds = [manager.Manager]
    if scheduler_driver is not None:
        kinds.append(scheduler_driver.Scheduler)
    # oslo.service freezes the collector before it forks, and what is frozen is not listed.
    frozen = gc.get_freeze_count()
    if frozen:
        gc.unfreeze()
    classes = {type(each) for each in gc.get_objects() if issubclass(type(each), tuple(kinds))}
    if frozen:
        gc.freeze()
    return classes


def write_down() -> None:
    """Writes ``PID.json``, all of it or nothing."""
    # Nova 33 imports eventlet even when it runs on native threads.
    patcher = sys.modules.get("eventlet.patcher")
    report = {
        "classes": sorted(f"{each.__module__}.{each.__qualname__}" for each in scheduler_classes()),
        "modules": sorted(name for name in sys.modules if name.startswith("nova_spillway")),
        "backend": "eventlet" if patcher and patcher.is_monkey_patched("socket") else "threading",
    }
    draft = FOLDER / f"{os.getpid()}.draft"
    draft.write_text(json.dumps(report))
    draft.rename(draft.with_suffix(".json"))


os.register_at_fork(after_in_child=write_down)
