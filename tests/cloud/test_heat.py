# SPDX-License-Identifier: Apache-2.0
"""The cloud's Heat works as the sidecar needs it: outputs change, policies scale by signal."""

from __future__ import annotations

from tests.cloud import waiting
from tests.cloud.client import Cloud
from tests.cloud.stacks import STACK_SECS, stack


def test_an_update_changes_an_output(cloud: Cloud) -> None:
    with stack(cloud, "output", load=0.1) as one:
        assert one.output("load") == 0.1
        one.update(load=0.9)
        assert one.output("load") == 0.9


def test_a_signal_to_a_policy_scales_its_group(cloud: Cloud) -> None:
    with stack(cloud, "group") as group:
        for policy, size in (("up", 2), ("down", 1)):
            group.signal(policy)
            waiting.until(
                lambda size=size: group.output("current_size") == size,
                lambda: f"the group's size is {group.output('current_size')}",
                STACK_SECS,
                0.3,
            )
