# SPDX-License-Identifier: Apache-2.0
"""Runs in the environments of the tests: starts what nova-scheduler starts, and tells about it.

``probe.py NOVA_CONF`` prints one line of JSON.
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any
from unittest import mock

import nova.cmd.scheduler  # noqa: F401  First, as in the command: it chooses the backend.
from nova import config, context, objects, service
from nova.scheduler import host_manager, request_filter
from nova.scheduler.client import report
from nova.scheduler.manager import SchedulerManager
from oslo_utils import importutils


def main(nova_conf: str) -> dict[str, Any]:
    config.parse_args(["nova-scheduler", "--config-file", nova_conf], default_config_files=[])
    objects.register_all()
    make = importutils.import_class(service.SERVICE_MANAGERS["nova-scheduler"])
    with (
        mock.patch.object(host_manager.HostManager, "_init_instance_info"),
        mock.patch.object(host_manager.HostManager, "_init_aggregates"),
        mock.patch.object(host_manager.HostManager, "refresh_cells_caches"),
        mock.patch.object(report, "report_client_singleton"),
    ):
        manager = make(host="scheduler-1")
    kind = type(manager)
    return {
        "manager": f"{kind.__module__}.{kind.__qualname__}",
        "is_stock": kind is SchedulerManager,
        "methods": {
            name: f"{function.__module__}.{function.__qualname__}"
            for name, function in inspect.getmembers(kind, inspect.isfunction)
        },
        "managers": {k: v for k, v in service.SERVICE_MANAGERS.items() if k != "nova-scheduler"},
        "request_filters": [f.__name__ for f in request_filter.ALL_REQUEST_FILTERS],
        "filters": [type(f).__name__ for f in manager.host_manager.enabled_filters],
        "weighers": [type(w).__name__ for w in manager.host_manager.weighers],
        "behaviour": behaviour(manager),
        "modules": sorted(sys.modules),
    }


def behaviour(manager: Any) -> dict[str, Any]:
    """Schedule one request on hosts of the probe's making; return what Nova's parts were asked."""
    spec = objects.RequestSpec(
        instance_uuid="11111111-2222-3333-4444-555555555555",
        project_id="project",
        num_instances=1,
        availability_zone=None,
        scheduler_hints={},
        is_bfv=False,
        requested_resources=[],
        flavor=objects.Flavor(
            name="m1.small",
            vcpus=1,
            memory_mb=2048,
            root_gb=20,
            ephemeral_gb=0,
            swap=0,
            extra_specs={},
        ),
        image=objects.ImageMeta(properties=objects.ImageMetaProps()),
    )
    asked: list[str] = []

    def candidates(_context: Any, resources: Any) -> Any:
        asked.append(resources.to_querystring())
        return [{"allocations": {"cn1": {"resources": {"VCPU": 1}}}}], {"cn1": {}}, "1.36"

    placement = mock.Mock()
    placement.get_allocation_candidates.side_effect = candidates
    with (
        mock.patch.object(report, "report_client_singleton", return_value=placement),
        mock.patch.object(request_filter, "process_reqspec"),
        mock.patch.object(manager, "_select_destinations", return_value=[["selection"]]) as select,
    ):
        answer = manager.select_destinations(
            context.RequestContext("user", "project"),
            spec_obj=spec,
            instance_uuids=[spec.instance_uuid],
            return_objects=True,
            return_alternates=True,
        )
    return {
        "answer": answer,
        "asked": asked,
        "calls": sorted(name for name, _, _ in placement.method_calls),
        "same_spec": select.call_args.args[1] is spec,
    }


sys.stdout.write(json.dumps(main(sys.argv[1])))
