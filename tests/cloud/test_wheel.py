# SPDX-License-Identifier: Apache-2.0
"""The cloud runs the wheel, not the source tree, under Nova's own commands."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.cloud.client import Cloud
from tests.cloud.layout import CHECKOUT
from tests.cloud.packages import OPENSTACK, wheel_file

WHERE = """
import json, nova.virt.spillway, nova_spillway, nova_spillway._native as native
from importlib.metadata import distribution
print(nova_spillway.__file__, native.__file__, nova.virt.spillway.__file__)
print(json.loads(distribution("nova-spillway").read_text("direct_url.json"))["url"])
"""


def test_novas_environment_holds_the_wheel(cloud: Cloud) -> None:
    binaries = cloud.layout.environment_bin(OPENSTACK.name)
    answer = subprocess.run(
        [binaries / "python", "-c", WHERE],
        capture_output=True,
        text=True,
        check=True,
        cwd=cloud.layout.home,
    ).stdout.split()
    *files, url = answer
    for file in files:
        assert Path(file).is_relative_to(binaries.parent / "lib"), file
        assert not Path(file).is_relative_to(CHECKOUT), file
    assert url == wheel_file().as_uri()


def test_stock_commands_run_and_see_no_source_tree(cloud: Cloud) -> None:
    binaries = cloud.layout.environment_bin(OPENSTACK.name)
    for name, program in (
        ("nova-scheduler", "nova-scheduler"),
        (f"nova-compute-{cloud.layout.burst_host}", "nova-compute"),
    ):
        record = cloud.supervisor.alive(name)
        assert record is not None
        process = Path(f"/proc/{record.pid}")
        # oslo.service puts the command into the master's title.
        words = re.split(r"[\0\s\[\]]+", (process / "cmdline").read_bytes().decode())
        assert str(binaries / program) in words
        assert process.joinpath("cwd").resolve() == cloud.layout.home.resolve()
        mapped = {
            Path(words[5])
            for words in map(str.split, (process / "maps").read_text().splitlines())
            if len(words) > 5 and words[5].startswith("/")
        }
        [native] = [path for path in mapped if "nova_spillway/_native" in str(path)]
        assert native.is_relative_to(binaries.parent / "lib")
        assert not any(path.is_relative_to(CHECKOUT / "python") for path in mapped)


def test_every_scheduler_worker_took_the_policy(cloud: Cloud) -> None:
    running = {str(pid) for pid in cloud.supervisor.members("nova-scheduler")}
    taken = re.compile(r"\s(\d+) INFO nova_spillway\S* .*policy \w+ taken")
    found = [taken.search(line) for line in cloud.scheduler_log()]
    workers = {match.group(1) for match in found if match} & running
    assert len(workers) == cloud.layout.sizes.scheduler_workers
