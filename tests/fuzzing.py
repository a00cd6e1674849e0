# SPDX-License-Identifier: Apache-2.0
"""``tests/fuzz``: runs the fuzz targets of rust/fuzz, one after the other, with libFuzzer.

The Rust tests run the corpus of tests/data/fuzz and some mutations of it already; this goes on from
there for as long as it is told. The build needs no cargo-fuzz and no nightly compiler: the flags of
the instrumentation are stable. Only the standard library is used here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.cloud.layout import CHECKOUT, cache_folder
from tests.cloud.progress import say

EPILOG = """\
examples:
  tests/fuzz                                    every target for two minutes each
  tests/fuzz --target page --seconds 600        one of them for longer
  tests/fuzz --seconds 20 --output json         a quick look, as JSON
  tests/fuzz --unoptimized --seconds 4          what tests/all does: built in less than half of the
                                                time, and up to ten times slower

exit codes: 0 nothing was found; 1 a target failed, and its input is named; 2 the command line is
wrong; 3 the targets could not be built.
"""

MANIFEST = CHECKOUT / "rust" / "fuzz" / "Cargo.toml"
CORPUS = CHECKOUT / "tests" / "data" / "fuzz"
MACHINE = "x86_64-unknown-linux-gnu"

INSTRUMENTATION = (
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
)
"""What libFuzzer needs to see which branches an input takes, and which comparisons it fails."""

MAX_INPUT_BYTES = 16384
MEMORY_MIB = 1024
"""Above this a target counts as failed: nothing that small may need that much."""


@dataclass(frozen=True)
class Result:
    """What became of a target."""

    target: str
    passed: bool
    executions: int
    corpus: int
    """Inputs that are worth keeping, those of the checkout included."""
    input: str
    """The file with the input that failed; empty when none did."""


def targets() -> list[str]:
    """Return the names of all targets."""
    return sorted(path.stem for path in (MANIFEST.parent / "src" / "bin").glob("*.rs"))


def build(is_optimized: bool) -> Path:
    """Build the targets with the instrumentation; return the folder that they lie in."""
    folder = cache_folder() / "fuzz-target"
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(folder),
        "RUSTFLAGS": " ".join(INSTRUMENTATION),
    }
    # Naming the machine keeps the flags away from build scripts and macros.
    command = ["cargo", "build", "--locked", "--manifest-path", str(MANIFEST), "--target", MACHINE]
    if is_optimized:
        command.append("--release")
    subprocess.run(command, env=environment, check=True)
    return folder / MACHINE / ("release" if is_optimized else "debug")


def run(target: str, programs: Path, seconds: int) -> Result:
    """Fuzz one target for that long, or until it fails."""
    found = cache_folder() / "fuzz" / target
    found.mkdir(parents=True, exist_ok=True)
    failures = cache_folder() / "fuzz-failures"
    failures.mkdir(parents=True, exist_ok=True)
    log = failures / f"{target}.log"
    say(f"{target}: {seconds} s")
    with log.open("w") as output:
        done = subprocess.run(
            [
                *(str(programs / target), str(found), str(CORPUS / target)),
                *(f"-max_total_time={seconds}", f"-max_len={MAX_INPUT_BYTES}"),
                *(f"-rss_limit_mb={MEMORY_MIB}", "-timeout=10", "-print_final_stats=1"),
                f"-artifact_prefix={failures}/{target}-",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    text = log.read_text(errors="replace")
    executions = re.search(r"stat::number_of_executed_units:\s+(\d+)", text)
    written = re.search(r"Test unit written to (\S+)", text)
    passed = done.returncode == 0
    if not passed:
        say(f"{target}: failed; see {log}")
    return Result(
        target=target,
        passed=passed,
        executions=int(executions[1]) if executions else 0,
        corpus=len(list(found.iterdir())),
        input=written[1] if written else "",
    )


def main(arguments: Sequence[str]) -> int:
    """Run the targets that were asked for and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="tests/fuzz",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--target", action="append", choices=targets(), help="this one only; may be repeated"
    )
    parser.add_argument(
        "--seconds", type=int, default=120, help="for each target (default: %(default)s)"
    )
    parser.add_argument(
        "--unoptimized", action="store_true", help="build quickly, for a run of seconds"
    )
    parser.add_argument("--output", choices=("text", "json"), default="text")
    options = parser.parse_args(arguments)
    if options.seconds < 1:
        parser.error("--seconds: expected at least 1")
    try:
        programs = build(is_optimized=not options.unoptimized)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"the targets could not be built: {error}", file=sys.stderr)
        return 3
    results = [run(target, programs, options.seconds) for target in options.target or targets()]
    if options.output == "json":
        print(json.dumps([asdict(result) for result in results], indent=1))
    else:
        for result in results:
            verdict = "passed" if result.passed else "FAILED"
            print(f"{verdict}  {result.executions:>12} runs  {result.target:<16}{result.input}")
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
