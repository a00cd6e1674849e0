# SPDX-License-Identifier: Apache-2.0
"""The scheduler driver for Nova 22, the last release that loads one by name.

``[DEFAULT] scheduler_driver = spillway`` is there the old name of Nova's own option
``[scheduler] driver``, and the entry point group ``nova.scheduler.driver`` leads here.

Nova 22 asks Placement in its manager, before it calls the driver. This driver tells the manager
not to, and runs Spillway's manager inside itself, with Nova's FilterScheduler as that one's
driver; so the decision comes first, as on every other release.
"""

from __future__ import annotations

from typing import Any

from nova.scheduler import filter_scheduler
from nova.scheduler.client import report

from nova_spillway.scheduler.manager import Call, MultiScheduler


class InnerScheduler(MultiScheduler):
    """Spillway's manager around a FilterScheduler that it is given, not one it looks up."""

    def __init__(self, filter_driver: Any) -> None:
        self._filter_driver = filter_driver
        super().__init__()

    def _init_nova(self, *args: Any, **kwargs: Any) -> None:
        # Nova's own __init__ would load the driver that nova.conf names: the one that builds us.
        self.placement_client = report.SchedulerReportClient()
        self.driver = self._filter_driver


class SpillwayDriverUntil22(filter_scheduler.FilterScheduler):  # type: ignore[misc]
    """Decides, then lets Nova's FilterScheduler place."""

    USES_ALLOCATION_CANDIDATES = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        filter_driver = filter_scheduler.FilterScheduler()
        # Nova's manager tells its driver, which is this object, about hosts and aggregates.
        filter_driver.host_manager = self.host_manager
        self._inner = InnerScheduler(filter_driver)

    def select_destinations(
        self,
        context: Any,
        spec_obj: Any,
        instance_uuids: Any,
        alloc_reqs_by_rp_uuid: Any,
        provider_summaries: Any,
        allocation_request_version: Any = None,
        return_alternates: bool = False,
    ) -> Any:
        """Choose hosts; what Placement said is not asked for and not given.

        :raises nova.exception.NoValidHost: as Nova's own driver.
        """
        return self._inner.choose(Call(context, spec_obj, instance_uuids, True, return_alternates))
