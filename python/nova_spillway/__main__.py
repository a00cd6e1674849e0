# SPDX-License-Identifier: Apache-2.0
"""``python -m nova_spillway``: what an operator asks of an installed Spillway, without Nova.

Exit codes of ``check``: 0 the file is good, 1 it is not, 2 the command was used wrongly.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from nova_spillway import __version__

EXAMPLE = """\
example:
  $ python -m nova_spillway check /etc/spillway/spillway.toml
  /etc/spillway/spillway.toml: good
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` name. :returns: the exit code."""
    options = _parser().parse_args(arguments)
    return check(options.file, options.output == "json")


def check(path: str, as_json: bool) -> int:
    """Print what is wrong with a policy file. :returns: the exit code."""
    from nova_spillway import _native

    diagnostics = _native.check_policy(path)
    if as_json:
        _print(
            json.dumps(
                {"file": path, "good": not diagnostics, "diagnostics": diagnostics}, indent=2
            )
        )
    elif diagnostics:
        for diagnostic in diagnostics:
            print(diagnostic, file=sys.stderr)  # noqa: T201
    else:
        _print(f"{path}: good")
    return 1 if diagnostics else 0


def _print(text: str) -> None:
    print(text)  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nova_spillway",
        description="Cloud bursting for OpenStack Nova.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"nova-spillway {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    checking = commands.add_parser(
        "check",
        help="say what is wrong with a policy file",
        description=(
            "Reads a policy file, with the SPILLWAY__… environment variables over it, as "
            "nova-scheduler and nova-compute do, and says what is wrong with it: file, line, "
            "column, what was expected. Exits 0 when it is good, 1 when it is not."
        ),
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    checking.add_argument("file", metavar="FILE", help="path of the policy file (TOML)")
    checking.add_argument(
        "--output",
        choices=("text", "json"),
        default="text",
        help="form of the answer; text (the default) has a diagnostic per line on stderr",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
