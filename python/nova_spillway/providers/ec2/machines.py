# SPDX-License-Identifier: Apache-2.0
"""EC2's description of an instance as a machine of ours. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nova_spillway.providers import api
from nova_spillway.providers.ec2 import error_codes, tags

_STATES = {
    "pending": api.MachineState.PENDING,
    "running": api.MachineState.RUNNING,
    "stopping": api.MachineState.STOPPING,
    "stopped": api.MachineState.STOPPED,
    "shutting-down": api.MachineState.TERMINATING,
    "terminated": api.MachineState.TERMINATED,
}


def parse(record: Mapping[str, Any]) -> api.Machine | None:
    """Translate one record of DescribeInstances or RunInstances.

    :returns: None when the record lacks our tags: it is not ours and never touched.
    :raises api.Unavailable: it is ours and says something that we cannot read.
    """
    found = tags.from_ec2(record.get("Tags", ()))
    if not all(found.get(key) for key in (tags.DEPLOYMENT, tags.BURST_HOST, tags.INSTANCE)):
        return None
    state_name = record["State"]["Name"]
    if state_name not in _STATES:
        raise api.Unavailable(f"EC2 reports a state that we do not know: {state_name!r}")
    state = _STATES[state_name]
    return api.Machine(
        id=record["InstanceId"],
        state=state,
        owner=api.Owner(found[tags.DEPLOYMENT], found[tags.BURST_HOST]),
        instance_uuid=found[tags.INSTANCE],
        generation=tags.parse_generation(found.get(tags.GENERATION, "")),
        client_token=record.get("ClientToken") or "",
        size=record["InstanceType"],
        image=record["ImageId"],
        launched_at=record["LaunchTime"].timestamp(),
        claim=tags.parse_claim(found.get(tags.CLAIM, "")),
        project_id=found.get(tags.PROJECT) or None,
        private_address=record.get("PrivateIpAddress") or None,
        public_address=record.get("PublicIpAddress") or None,
        failure=None if state.is_live else _failure(record.get("StateReason") or {}),
    )


def _failure(reason: Mapping[str, str]) -> api.ProviderError | None:
    """Say why EC2 itself ended the machine; None when a user or we did."""
    code = reason.get("Code", "")
    sentence = f"EC2 ended the machine: {reason.get('Message', code)}"
    if code in error_codes.ENDED_FOR_CAPACITY:
        return api.NoCapacity(sentence, code)
    if code in error_codes.ENDED_FOR_QUOTA:
        return api.QuotaExceeded(sentence, code)
    if code in error_codes.ENDED_AS_INVALID:
        return api.InvalidRequest(sentence, code)
    if code in error_codes.ENDED_BY_EC2:
        return api.Unavailable(sentence, code)
    return None
