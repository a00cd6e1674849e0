# SPDX-License-Identifier: Apache-2.0
"""Take a picture of a page: ``python -m tests.page.screenshot URL FILE --width 1280``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.page.browser import chromium


def main() -> None:
    """Take the picture that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="address of the page")
    parser.add_argument("file", type=Path, help="PNG file to write")
    parser.add_argument("--width", type=int, default=1280, help="CSS pixels, 1280 if not given")
    parser.add_argument("--height", type=int, help="CSS pixels; the whole page if not given")
    parser.add_argument("--dark", action="store_true", help="in the dark colours")
    parser.add_argument("--token", help="password that the page asks for")
    options = parser.parse_args()
    with chromium() as browser:
        page = browser.new_page(
            viewport={"width": options.width, "height": options.height or 800},
            color_scheme="dark" if options.dark else "light",
            http_credentials=(
                {"username": "screenshot", "password": options.token} if options.token else None
            ),
            ignore_https_errors=True,
        )
        page.goto(options.url)
        page.screenshot(path=options.file, full_page=options.height is None)


if __name__ == "__main__":
    main()
