# SPDX-License-Identifier: Apache-2.0
"""Print the private memory, in KiB, of a process that has scheduled 200 requests.

Run as ``python -m tests.benchmarks.worker_memory stock`` or ``… spillway``.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from pathlib import Path

WHICH, sys.argv = sys.argv[1], sys.argv[:1]
os.environ.setdefault("OS_NOVA_DISABLE_EVENTLET_PATCHING", "1")


def main() -> None:
    """Schedule, then print the private (not shared) resident memory of this process."""
    from tests.benchmarks.__main__ import prepare, write_snapshot

    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        write_snapshot(Path(name), "closed")
        from nova.scheduler.manager import SchedulerManager

        from tests.benchmarks.synthetic_cloud import SyntheticCloud

        if WHICH == "spillway":
            from nova_spillway.scheduler.manager import MultiScheduler as Manager
        else:
            Manager = SchedulerManager
        cloud = SyntheticCloud(10, burst_host=WHICH == "spillway")
        manager = cloud.manager(Manager)
        spec = cloud.request_spec()
        with cloud.without_database():
            for _ in range(200):
                manager.select_destinations(
                    cloud.context,
                    spec_obj=spec,
                    instance_uuids=[spec.instance_uuid],
                    return_objects=True,
                    return_alternates=True,
                )
        gc.collect()
        rollup = Path("/proc/self/smaps_rollup").read_text().splitlines()
        private = sum(int(line.split()[1]) for line in rollup if line.startswith("Private_"))
        print(private)


main()
