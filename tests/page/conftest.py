# SPDX-License-Identifier: Apache-2.0
"""The example that serves the page, and a browser."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.page.browser import chromium

CHECKOUT = Path(__file__).resolve().parents[2]

Serve = Callable[..., str]
"""Serves a view and returns its address."""


@pytest.fixture(scope="session")
def program() -> str:
    """Build the example and return its path."""
    what = ["-p", "spillway-runtime", "--features", "engine", "--example", "status_page"]
    built = subprocess.run(
        ["cargo", "build", "--locked", *what, "--message-format=json-render-diagnostics"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    programs = [message["executable"] for message in messages if message.get("executable")]
    assert len(programs) == 1, programs
    return str(programs[0])


@pytest.fixture(scope="session")
def serve(program: str) -> Iterator[Serve]:
    """Serve views by their names, each on a port of its own."""
    running: list[subprocess.Popen[str]] = []
    addresses: dict[tuple[str, ...], str] = {}

    def start(view: str, *more: str) -> str:
        key = (view, *more)
        if key not in addresses:
            command = [program, view, "127.0.0.1:0", *more]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            running.append(process)
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http"), f"{view} was not served: {address!r}"
            addresses[key] = address
        return addresses[key]

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser
