# SPDX-License-Identifier: Apache-2.0
"""Environments with Nova and the built wheel, made from the running environment in seconds.

The running environment has Nova. An environment of a test is a new venv whose site-packages is a
farm of symbolic links to it, without any Spillway; then pip installs the wheel into it. So the
wheel is what is tested, never the source tree, and nothing is downloaded.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import sysconfig
import textwrap
import venv
from typing import Any

import nova

OWN_NAMES = ("nova_spillway",)
"""What of ours may be installed in the running environment, and stays out of the farms."""


def plant_farm(folder: pathlib.Path) -> None:
    """Link the running environment's packages into ``folder``, all but ours.

    The folders on the way to the shim, ``nova`` and ``nova/virt``, are real, so that pip can
    install into them.
    """
    source = pathlib.Path(nova.__file__).parents[1]
    assert source == pathlib.Path(sysconfig.get_path("purelib")), "Nova has to be in this venv"

    def link(inside: pathlib.Path) -> None:
        (folder / inside).mkdir(parents=True, exist_ok=True)
        for entry in (source / inside).iterdir():
            where = inside / entry.name
            ours = entry.name.startswith(OWN_NAMES) or where == pathlib.Path("nova/virt/spillway")
            if ours or entry.name == "__pycache__" or (folder / where).exists():
                continue
            if where in (pathlib.Path("nova"), pathlib.Path("nova/virt")):
                link(where)
            else:
                (folder / where).symlink_to(entry)

    link(pathlib.Path())


class Environment:
    """A venv of a test."""

    def __init__(self, folder: pathlib.Path) -> None:
        venv.create(folder, symlinks=True)
        self.folder = folder
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.site_packages = folder / "lib" / version / "site-packages"

    def pip(self, *arguments: str) -> None:
        """Run this environment's pip, offline."""
        command = [sys.executable, "-m", "pip", "--python", str(self.folder), "--quiet"]
        subprocess.run([*command, *arguments], check=True)

    def install(self, wheel: pathlib.Path) -> None:
        self.pip("install", "--no-index", "--no-deps", str(wheel))

    def run(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run code in the environment, away from the source tree; fails if it fails."""
        done = subprocess.run(
            [self.folder / "bin/python", "-W", "ignore", "-c", textwrap.dedent(code), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def answer(self, code: str, *arguments: str) -> Any:
        """Run code that prints JSON as its last line; return it."""
        return json.loads(self.run(code, *arguments).stdout.splitlines()[-1])
