# SPDX-License-Identifier: Apache-2.0
"""Run one part of the benchmarks and print its ratios.

    python -m tests.benchmarks scheduler --hosts 10,100,1000
    python -m tests.benchmarks pages --output json
    python -m tests.benchmarks PART --help

Every figure that counts is a ratio of two rows that alternate within one run, so that the machine's
other work hits both. Exit codes: 0 every goal is met, 1 one is missed, 2 wrong arguments.
"""

from __future__ import annotations

import importlib
import sys

PARTS = {
    "scheduler": "the request path beside stock Nova; needs Nova 34 and the wheel",
    "pages": "a page to samples beside prometheus-parse and Python's prometheus_client",
    "scrapes": "a thousand targets beside a bare socket read and a Prometheus server",
    "notifications": "a notification beside an oslo.messaging listener",
    "start": "how long the command takes to start, beside a program that does nothing",
    "sidecar": "the whole sidecar under load, and how fast a change reaches the scheduler",
}


def main(arguments: list[str]) -> int:
    """Run the part that was named; return its exit code."""
    part = arguments[0] if arguments else "--help"
    if part in ("-h", "--help"):
        print(__doc__)
        for name, what in PARTS.items():
            print(f"  {name:<16}{what}")
        return 0
    if part not in PARTS:
        print(f"no such part: {part}; one of {', '.join(PARTS)}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"tests.benchmarks.{part}")
    # The part's own --help names the command as it was written.
    sys.argv = [f"python -m tests.benchmarks {part}"]
    code: int = module.main(arguments[1:])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
