# SPDX-License-Identifier: Apache-2.0
"""The extension starts nothing in a process, and a process may fork around it at any time.

nova-scheduler builds its manager in the parent of its workers and forks them later, under eventlet
or with native threads. Every scenario runs in an interpreter of its own, so that what is counted
is what the extension did.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("engine_in_a_process.py")
DEADLINE_SECS = 120

POLICY = """
mode = "active"
deployment = "t"
[journal]
path = "{folder}/journal.jsonl"
[snapshot]
path = "{folder}/snapshot.json"
[[rules]]
name = "all"
burst = "load"
[[burst_hosts]]
name = "cloud1"
provider = "ec2"
max_servers = 100
max_vcpus = 64
max_memory_mb = 131072
max_disk_gb = 4000
[burst_hosts.ec2]
region = "us-east-1"
subnet_id = "subnet-1"
security_group_ids = ["sg-1"]
[[burst_hosts.sizes]]
name = "t3.micro"
vcpus = 2
memory_mb = 1024
price_usd_per_hour = 0.01
[[burst_hosts.images]]
provider_image = "ami-1"
"""


@pytest.fixture(params=["native threads", "eventlet"])
def patched(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "eventlet")


def run(scenario: str, folder: Path, patched: bool) -> dict[str, Any]:
    """Runs a scenario in a fresh interpreter; one without eventlet fails the eventlet cases."""
    policy = folder / "spillway.toml"
    policy.write_text(POLICY.format(folder=folder))
    arguments = [sys.executable, "-W", "ignore", str(SCRIPT), scenario, str(policy)]
    done = subprocess.run(
        [*arguments, "patched"] if patched else arguments,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def journal_ids(folder: Path) -> list[str]:
    """Reads every line of the journal; a torn one is no JSON and fails here."""
    lines = (folder / "journal.jsonl").read_text().splitlines()
    return [line["id"] for line in map(json.loads, lines) if line["kind"] == "decision"]


def assert_all_decided(said: dict[str, Any], folder: Path) -> None:
    """Every process decided, no two decisions share an id, and the journal has each one once."""
    ids = list(said["parent"])
    for child in said["children"]:
        assert isinstance(child, dict), child
        assert child["after"]["threads"] == 1
        assert child["after"]["sockets"] == []
        ids += child["ids"]
    assert ids
    assert len(set(ids)) == len(ids)
    assert sorted(journal_ids(folder)) == sorted(ids)


def test_import_and_constructor_start_no_thread_and_open_no_file(
    tmp_path: Path, patched: bool
) -> None:
    said = run("construct", tmp_path, patched)
    assert said["after"]["threads"] == 1
    assert said["after"] == said["before"]
    assert said["has_policy"] is False, "the constructor has read the policy file"


def test_deciding_starts_no_thread_and_opens_the_journal_alone(
    tmp_path: Path, patched: bool
) -> None:
    said = run("decide", tmp_path, patched)
    assert said["after"]["threads"] == 1
    assert said["after"]["sockets"] == said["before"]["sockets"]
    opened = set(said["after"]["files"]) - set(said["before"]["files"])
    assert opened <= {str(tmp_path / "journal.jsonl")}
    assert sorted(journal_ids(tmp_path)) == sorted(said["ids"])


def test_an_engine_built_before_the_fork_works_in_every_worker(
    tmp_path: Path, patched: bool
) -> None:
    said = run("fork_before_use", tmp_path, patched)
    assert len(said["children"]) == 4
    assert_all_decided(said, tmp_path)


def test_an_engine_used_before_the_fork_works_on_both_sides(tmp_path: Path, patched: bool) -> None:
    said = run("fork_after_use", tmp_path, patched)
    assert len(said["children"]) == 4
    assert_all_decided(said, tmp_path)


def test_no_child_inherits_a_lock_that_another_thread_held(tmp_path: Path) -> None:
    # Native threads only: green threads cannot change over inside the extension.
    said = run("fork_amid_threads", tmp_path, patched=False)
    assert len(said["children"]) == 10
    assert_all_decided(said, tmp_path)


def test_threads_share_one_engine(tmp_path: Path, patched: bool) -> None:
    said = run("threads", tmp_path, patched)
    assert said["errors"] == []
    assert len(said["parent"]) == 400
    assert_all_decided(said, tmp_path)
