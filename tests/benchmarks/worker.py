# SPDX-License-Identifier: Apache-2.0
"""Schedule some requests in a process of its own, then print its private memory in KiB.

Run as ``python -m tests.benchmarks.worker stock|spillway HOSTS REQUESTS``. To count instructions
run it twice under callgrind: what two numbers of requests differ by is what the requests cost.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from pathlib import Path

WHICH, HOSTS, REQUESTS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sys.argv = sys.argv[:1]
os.environ.setdefault("OS_NOVA_DISABLE_EVENTLET_PATCHING", "1")


def main() -> None:
    """Schedule, then print the private (not shared) resident memory of this process."""
    from tests.benchmarks.scheduler import prepare, select, write_snapshot

    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        write_snapshot(Path(name), "closed")
        from nova.scheduler.manager import SchedulerManager

        from tests.benchmarks.synthetic_cloud import SyntheticCloud

        if WHICH == "spillway":
            from nova_spillway.scheduler.manager import MultiScheduler as Manager
        else:
            Manager = SchedulerManager
        cloud = SyntheticCloud(HOSTS, burst_host=WHICH == "spillway")
        manager = cloud.manager(Manager)
        spec = cloud.request_spec()
        with cloud.without_database():
            for _ in range(REQUESTS):
                select(manager, cloud, spec)
        gc.collect()
        rollup = Path("/proc/self/smaps_rollup").read_text().splitlines()
        print(sum(int(line.split()[1]) for line in rollup if line.startswith("Private_")))


main()
