# SPDX-License-Identifier: Apache-2.0
"""``tests/all``: sets the machine up and runs every test that needs no real account.

Only the standard library is used here, since this runs before anything is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cloud import packages
from tests.cloud.layout import CHECKOUT, cache_folder
from tests.cloud.progress import say

EPILOG = """\
examples:
  tests/all                              everything, about forty minutes on two cores
  tests/all --list                       the stages
  tests/all --stage rust --stage unit    some of them
  tests/all --output json                what ran and how long it took, as JSON at the end

exit codes: 0 every stage passed; 1 a stage failed; 2 the command line is wrong; 3 the machine could
not be set up.
"""

CHECKS = packages.Environment(
    "checks",
    (
        *("nova", "openstack-placement", "boto3", "moto[ec2,server]", "PyMySQL"),
        *("maturin", "mypy", "pip", "pytest", "ruff"),
        # What Nova's own tests need.
        *("ddt", "fixtures", "oslo.vmware", "oslotest", "osprofiler", "python-barbicanclient"),
        *("requests-mock", "stestr", "testresources", "testscenarios", "testtools"),
        "wsgi-intercept",
    ),
    wheel_extras="[ec2]",
    constraints=Path(__file__).resolve().parent / "constraints.txt",
)
"""Nova 34 with what its own tests need, the linters, and the wheel."""

PAGE = packages.Environment(
    "page",
    ("axe-playwright-python", "playwright", "pytest"),
    constraints=Path(__file__).resolve().parent / "constraints.txt",
)
"""What drives Debian's Chromium; Nova's libraries and it do not need to agree."""

PYTHON = str(cache_folder() / "venvs" / CHECKS.name / "bin" / "python")
TOOLS_PYTHON = str(cache_folder() / "venvs" / packages.TOOLS.name / "bin" / "python")
PAGE_PYTHON = str(cache_folder() / "venvs" / PAGE.name / "bin" / "python")


FUZZ_SECONDS = "4"
"""For each target. The corpus is read in less; ``tests/fuzz`` goes on for as long as it is told."""

MORE_DEBIAN_PROGRAMS = {**packages.BROWSER, **packages.SYSTEMD, **packages.FUZZER}
"""What the stages need besides a cloud."""


@dataclass(frozen=True)
class Stage:
    """A part of the tests: commands that all have to succeed."""

    name: str
    what: str
    commands: Sequence[Sequence[str]]
    afterwards: Sequence[Sequence[str]] = ()
    """Commands that run at the end, also when one of the others failed; they count, too."""


def stages() -> list[Stage]:
    """Return the stages in the order in which they run: the quickest to fail first."""
    wheel = str(packages.wheel_file())
    program = str(packages.program_file())
    program_wheel = str(packages.program_wheel_file())
    no_config = ("-W", "ignore")
    return [
        Stage(
            "lint",
            "formatters, linters and types",
            [
                ["cargo", "fmt", "--all", "--check"],
                ["cargo", "fmt", "--manifest-path", "rust/fuzz/Cargo.toml", "--check"],
                [PYTHON, "-m", "ruff", "check", "python", "tests"],
                [PYTHON, "-m", "ruff", "format", "--check", "python", "tests"],
                [PYTHON, "-m", "mypy"],
                [PYTHON, "-m", "mypy.stubtest", "nova_spillway._native"],
            ],
        ),
        Stage(
            "rust",
            "clippy, and the tests of the Rust crates",
            [
                [
                    "cargo",
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--locked",
                    "--",
                    "-D",
                    "warnings",
                ],
                ["cargo", "test", "--workspace", "--locked"],
            ],
        ),
        Stage(
            "page",
            "the status page in a real Chromium, at phone and desktop width",
            [
                [PAGE_PYTHON, "-m", "pytest", "-q", "tests/page"],
            ],
        ),
        Stage(
            "unit",
            "unit tests of the Python package and the extension",
            [
                [PYTHON, "-m", "pytest", "-q", "tests/unit"],
            ],
        ),
        Stage(
            "wheel",
            "the wheel: what it installs, and that it changes nothing by itself",
            [
                [PYTHON, "-m", "pytest", "-q", "tests/wheel", "--wheel", wheel],
            ],
        ),
        Stage(
            "packages",
            "the command's Debian package, installed for real, its systemd unit, and its wheel",
            [
                [
                    *(PYTHON, "-m", "pytest", "-q", "tests/packages"),
                    *("--program", program, "--wheel", program_wheel),
                ],
            ],
        ),
        Stage(
            "fuzz",
            "the fuzz targets with libFuzzer, a few seconds each",
            [
                [
                    *(sys.executable, "-m", "tests.fuzzing"),
                    *("--unoptimized", "--seconds", FUZZ_SECONDS),
                ],
            ],
        ),
        Stage(
            "nova",
            "Nova 34's own scheduler tests and its stock nova-scheduler",
            [
                [
                    sys.executable,
                    "-m",
                    "tests.nova_releases",
                    "--release",
                    "34",
                    "--wheel",
                    wheel,
                    "--cache",
                    str(cache_folder() / "releases"),
                ],
            ],
        ),
        Stage(
            "functional",
            "boots and moves through a Nova in one process",
            [
                [
                    PYTHON,
                    *no_config,
                    "-m",
                    "unittest",
                    "discover",
                    "-s",
                    "tests/functional",
                    "-t",
                    ".",
                ],
            ],
        ),
        Stage(
            "demo",
            "what the README shows, with every explanation held against the wheel",
            [[sys.executable, "-m", "tests.cloud.demo"]],
        ),
        Stage(
            "cloud",
            "a whole OpenStack: the main job, bad days, crashes",
            [
                [sys.executable, "-m", "tests.cloud", "up"],
                [TOOLS_PYTHON, "-m", "pytest", "-q", "tests/cloud"],
            ],
            afterwards=[[sys.executable, "-m", "tests.cloud", "down"]],
        ),
    ]


def main() -> int:
    """Run the stages that were asked for and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="tests/all",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stage", action="append", help="run this stage only; may be repeated")
    parser.add_argument("--list", action="store_true", help="name the stages and stop")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    options = parser.parse_args()
    try:
        set_up()
        all_stages = stages()
    except packages.SetUpError as error:
        print(error, file=sys.stderr)
        return 3
    if options.list:
        for stage in all_stages:
            print(f"{stage.name:<12}{stage.what}")
        return 0
    unknown = set(options.stage or ()) - {stage.name for stage in all_stages}
    if unknown:
        parser.error(f"no such stage: {', '.join(sorted(unknown))}; see --list")
    results = [
        run(stage) for stage in all_stages if not options.stage or stage.name in options.stage
    ]
    report(results, options.output)
    return 0 if all(result["passed"] for result in results) else 1


def set_up() -> None:
    """Install and build whatever is missing."""
    log = cache_folder() / "set-up.log"
    packages.install_debian_packages(log, say, MORE_DEBIAN_PROGRAMS)
    packages.install_environment(packages.TOOLS, log, say)
    say(f"wheel: {packages.build_wheel(log, say).name}")
    say(f"program: {packages.build_program(log, say).name}")
    say(f"wheel of the program: {packages.build_program_wheel(log, say).name}")
    packages.install_environment(CHECKS, log, say)
    packages.install_environment(PAGE, log, say)


def run(stage: Stage) -> dict[str, object]:
    """Run a stage's commands to the first that fails, with their output as it comes."""
    started = time.monotonic()
    say(f"stage {stage.name}: {stage.what}")
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(cache_folder() / "target"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def failure(commands: Sequence[Sequence[str]]) -> str:
        for command in commands:
            print(f"$ {' '.join(command)}", flush=True)
            done = subprocess.run(command, cwd=CHECKOUT, env=environment, check=False)
            if done.returncode != 0:
                return f"exit code {done.returncode} of: {' '.join(command)}"
        return ""

    failures = [failure(stage.commands), failure(stage.afterwards)]
    failed = "; ".join(filter(None, failures))
    seconds = round(time.monotonic() - started, 1)
    say(f"stage {stage.name}: {failed or 'passed'} ({seconds:.0f} s)")
    return {"stage": stage.name, "passed": not failed, "failed": failed, "seconds": seconds}


def report(results: list[dict[str, object]], output: str) -> None:
    """Print what ran, last and plainly."""
    if output == "json":
        print(json.dumps(results, indent=1))
        return
    for result in results:
        verdict = "passed" if result["passed"] else "FAILED"
        print(f"{verdict}  {result['seconds']:>7} s  {result['stage']:<12}{result['failed']}")
    passed = sum(1 for result in results if result["passed"])
    print(f"stages: {passed} passed, {len(results) - passed} failed")


if __name__ == "__main__":
    sys.exit(main())
