# SPDX-License-Identifier: Apache-2.0
"""Tells whether a server that is about to move is on a burst host."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from nova import context as nova_context
from nova import exception, objects

CLIENT_TOKEN_KEY = "spillway_client_token"
"""In ``instance.system_metadata`` of a server that a burst host launched or tried to launch."""

HYPERVISOR_TYPE = "spillway"
"""``hypervisor_type`` of a burst host's compute node."""


def is_on_burst_host(
    context: Any, spec: Any, instance_uuid: str, burst_hosts: Collection[str]
) -> bool:
    """Look up where a server is, or was before it was shelved.

    Two or three reads from the server's cell; moves are rare enough for that.

    :param spec: the move's RequestSpec, whose destination names the cell.
    :param burst_hosts: the policy's burst hosts; empty when there is no policy.
    """
    cell = spec.requested_destination.__dict__.get("_obj_cell")
    if cell is None:
        mapping = objects.InstanceMapping.get_by_instance_uuid(context, instance_uuid)
        cell = mapping.cell_mapping
    # A move by a user with the role for it is still a move of another project's server.
    with nova_context.target_cell(context.elevated(), cell) as cell_context:
        instance = objects.Instance.get_by_uuid(
            cell_context, instance_uuid, expected_attrs=["system_metadata"]
        )
        if instance.host in burst_hosts:
            return True
        has_token = CLIENT_TOKEN_KEY in instance.system_metadata
        if instance.host is None or not has_token:
            return has_token
        # The token may be left from a launch that failed before the server went to a private
        # host, or the burst host may have left the policy. Its node knows.
        try:
            node = objects.ComputeNode.get_by_host_and_nodename(
                cell_context, instance.host, instance.node
            )
        except exception.ComputeHostNotFound:
            return True
        return bool(node.hypervisor_type == HYPERVISOR_TYPE)
