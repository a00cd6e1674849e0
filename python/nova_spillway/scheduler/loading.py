# SPDX-License-Identifier: Apache-2.0
"""Builds the manager of nova-scheduler: Nova's own, or Spillway's.

Nova imports this module by name when it creates the service, after its own start-up code ran.
Nova's modules are imported inside the functions, so that a broken import ends in Nova's own
manager too and not in a scheduler that does not start.
"""

from __future__ import annotations

from typing import Any

from nova_spillway import conf as spillway_conf


def scheduler_manager(*args: Any, **kwargs: Any) -> Any:
    """Build what ``[DEFAULT] scheduler_driver`` asks for; stands in for the class of the manager.

    :returns: a ``MultiScheduler`` if the option says ``spillway``, else, and whenever that cannot
        be built, Nova's own ``SchedulerManager``, untouched.
    """
    return build_manager(_spillway_is_wanted(), args, kwargs)


def spillway_manager(*args: Any, **kwargs: Any) -> Any:
    """Build Spillway's manager whatever the option says: for ``python -m nova_spillway.scheduler``.

    :returns: as :func:`scheduler_manager`.
    """
    return build_manager(True, args, kwargs)


def build_manager(spillway: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Build Spillway's manager if asked to, and Nova's own if not or if that fails."""
    from nova.scheduler.manager import SchedulerManager
    from oslo_log import log as logging

    if spillway:
        try:
            from nova_spillway.scheduler.manager import MultiScheduler

            manager = MultiScheduler(*args, **kwargs)
            logging.getLogger(__name__).info("Spillway's scheduler is loaded.")
            return manager
        except Exception:
            # Nova's own faults come again below, from Nova's own code.
            logging.getLogger(__name__).exception(
                "Spillway's scheduler cannot be loaded; going on with Nova's own."
            )
    return SchedulerManager(*args, **kwargs)


def _spillway_is_wanted() -> bool:
    from nova.conf import CONF
    from oslo_log import log as logging

    try:
        if "driver" in CONF.scheduler:
            # Nova 22: its own option of that name loads the driver class, inside its own manager.
            return False
        spillway_conf.register_opts(CONF)
        return bool(CONF.scheduler_driver == spillway_conf.DRIVER_NAME)
    except Exception:
        logging.getLogger(__name__).exception(
            "[DEFAULT] scheduler_driver cannot be read; going on with Nova's own scheduler."
        )
        return False
