# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium without a window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")

WIDTHS = {"phone": 360, "desktop": 1280}
"""Widths of windows, CSS pixels. 360 is what small phones have."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser that asks no one but the pages that it is shown for anything."""
    quiet = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-gpu",
        "--disable-quic",
        "--disable-sync",
        "--no-first-run",
    ]
    with sync_playwright() as playwright:
        # Root, as in a container, cannot have Chromium's sandbox.
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=[*quiet, "--no-sandbox"]
        )
        try:
            yield browser
        finally:
            browser.close()
