# SPDX-License-Identifier: Apache-2.0
"""Live load decides, with no one touching anything: each source of the sidecar as the only one."""

from __future__ import annotations

import pytest

from tests.cloud.client import Cloud
from tests.cloud.journal import reason_codes
from tests.cloud.sidecar import Sidecar
from tests.cloud.signals import LOADS, SIGNAL


@pytest.mark.parametrize("kind", LOADS)
def test_load_opens_the_gate_and_its_end_closes_it(
    cloud: Cloud, sidecar: Sidecar, kind: str
) -> None:
    with LOADS[kind](cloud) as load:
        sidecar.start(load.tables())
        sidecar.wait_for_signal(SIGNAL)
        sidecar.wait_for_gate("closed")
        before = cloud.place()
        assert before.status == "ACTIVE", before.fault
        assert cloud.is_private(before)

        load.begin()
        sidecar.wait_for_gate("open")
        during = cloud.place()
        assert during.status == "ACTIVE", during.fault
        assert cloud.is_burst(during)
        assert reason_codes(cloud.journal.decision(during.id))[0] == "gate_open"
        assert cloud.private_vcpus_free() > 0

        load.end()
        sidecar.wait_for_gate("closed")
        after = cloud.place()
        assert after.status == "ACTIVE", after.fault
        assert cloud.is_private(after)
