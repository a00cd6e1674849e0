# SPDX-License-Identifier: Apache-2.0
"""The wheel of the command: pip installs one program and nothing else."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import venv

import pytest


class Environment:
    """A new venv with nothing in it, not even pip."""

    def __init__(self, folder: pathlib.Path) -> None:
        venv.create(folder, symlinks=True)
        self.folder = folder

    def pip(self, *arguments: str | pathlib.Path) -> str:
        """Run pip on it, offline."""
        command = [sys.executable, "-m", "pip", "--python", str(self.folder)]
        options = ["--disable-pip-version-check"]
        done = subprocess.run(
            [*command, *options, *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def files(self) -> set[str]:
        """Return the names of all files in it."""
        paths = self.folder.rglob("*")
        return {str(path.relative_to(self.folder)) for path in paths if not path.is_dir()}


@pytest.fixture
def environment(tmp_path: pathlib.Path) -> Environment:
    return Environment(tmp_path / "venv")


def test_it_is_one_program_that_needs_no_other_package(
    environment: Environment, wheel: pathlib.Path, program: pathlib.Path
) -> None:
    bare = environment.files()
    environment.pip("install", "--no-index", "--no-deps", wheel)
    listed = environment.pip("list", "--format=freeze").split()
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert listed == [f"spillway-sidecar=={version.stdout.split()[1]}"]
    new = environment.files() - bare
    assert {name for name in new if ".dist-info/" not in name} == {"bin/spillway"}
    [metadata] = environment.folder.rglob("METADATA")
    assert "Requires-Dist" not in metadata.read_text()
    assert "License-Expression: Apache-2.0" in metadata.read_text()


def test_the_program_runs_and_comes_with_its_policy_file(
    environment: Environment, wheel: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    environment.pip("install", "--no-index", "--no-deps", wheel)

    def spillway(*arguments: str | pathlib.Path) -> str:
        done = subprocess.run(
            [environment.folder / "bin/spillway", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert spillway("--version").startswith("spillway ")
    policy = tmp_path / "spillway.toml"
    policy.write_text(spillway("check", "--print-example"))
    assert spillway("check", policy) == f"{policy}: good\n"


def test_removal_leaves_nothing(environment: Environment, wheel: pathlib.Path) -> None:
    bare = environment.files()
    environment.pip("install", "--no-index", "--no-deps", wheel)
    environment.pip("uninstall", "--yes", "spillway-sidecar")
    assert environment.files() == bare
