# SPDX-License-Identifier: Apache-2.0
"""An EC2 endpoint over HTTP: moto's server in its own process."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

_START_SECS = 60.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _moto_command() -> str:
    """Return moto's server; it may live in an environment of its own."""
    beside_us = pathlib.Path(sys.executable).with_name("moto_server")
    command = os.environ.get("SPILLWAY_MOTO_SERVER") or (
        str(beside_us) if beside_us.exists() else shutil.which("moto_server")
    )
    assert command, "moto_server is needed: install moto[server,ec2] or set SPILLWAY_MOTO_SERVER"
    return command


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """A fresh moto server's address."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [_moto_command(), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            deadline = time.monotonic() + _START_SECS
            while True:
                try:
                    with urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5):
                        break
                except (urllib.error.URLError, OSError):
                    assert server.poll() is None, "moto's server ended while it started"
                    assert time.monotonic() < deadline, "moto's server does not answer"
                    time.sleep(0.1)
            yield url
        finally:
            server.terminate()


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials by boto3's chain; nothing of the machine's own."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access-canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-canary")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
