# SPDX-License-Identifier: Apache-2.0
"""An engine on a policy of the test's own."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from nova_spillway._native import Engine

POLICY = """
mode = "active"
deployment = "test"
[snapshot]
path = "{folder}/snapshot.json"
[journal]
path = "{folder}/journal.jsonl"
[[rules]]
name = "everything"
[[burst_hosts]]
name = "cloud1"
provider = "ec2"
availability_zones = ["nova"]
max_servers = 10
max_vcpus = 10
max_memory_mb = 10000
max_disk_gb = 100
[burst_hosts.ec2]
region = "us-east-1"
subnet_id = "subnet-1"
[[burst_hosts.sizes]]
name = "t3.micro"
vcpus = 2
memory_mb = 4096
[[burst_hosts.images]]
provider_image = "ami-12345678"
"""


@pytest.fixture
def policy_file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "spillway.toml"
    path.write_text(POLICY.format(folder=tmp_path))
    return path


@pytest.fixture
def engine(policy_file: pathlib.Path) -> Engine:
    engine = Engine(str(policy_file))
    engine.refresh(1_000_000.0)
    assert engine.has_policy, engine.policy_error
    return engine


@pytest.fixture
def recorded(engine: Engine, policy_file: pathlib.Path) -> Any:
    """A function that tells what the core was told of a request: what the journal keeps of it."""

    def record(request: Any) -> dict[str, Any]:
        now = 1_000_001.0
        assert engine.record_decision(engine.decide(request, None, now), now), engine.journal_error
        journal = policy_file.parent / "journal.jsonl"
        return json.loads(journal.read_text().splitlines()[-1])

    return record
