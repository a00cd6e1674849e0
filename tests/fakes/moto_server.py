# SPDX-License-Identifier: Apache-2.0
"""moto's server in its own process: an EC2 endpoint over HTTP that keeps what is done to it."""

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
from contextlib import contextmanager

_START_SECS = 60.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _command() -> str:
    """Return moto's server; it may live in an environment of its own."""
    beside_us = pathlib.Path(sys.executable).with_name("moto_server")
    command = os.environ.get("SPILLWAY_MOTO_SERVER") or (
        str(beside_us) if beside_us.exists() else shutil.which("moto_server")
    )
    assert command, "moto_server is needed: install moto[server,ec2] or set SPILLWAY_MOTO_SERVER"
    return command


@contextmanager
def running() -> Iterator[str]:
    """Run a fresh server; the value is its address."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [_command(), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            deadline = time.monotonic() + _START_SECS
            while not _answers(url):
                assert server.poll() is None, "moto's server ended while it started"
                assert time.monotonic() < deadline, "moto's server does not answer"
                time.sleep(0.1)
            yield url
        finally:
            server.terminate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
