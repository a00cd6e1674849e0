# SPDX-License-Identifier: Apache-2.0
"""Finds the CPython interpreters that this machine has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Debian ships python3 without ensurepip unless python3-venv is installed; such an interpreter
# cannot make an environment, so it counts as missing.
_PROBE = """
import ensurepip, json, platform, sys, venv
print(json.dumps([platform.python_implementation(), "%d.%d" % sys.version_info[:2],
                  platform.python_version(), sys.executable]))
"""


@dataclass(frozen=True)
class Interpreter:
    """A CPython that can make virtual environments."""

    series: str
    """As in "3.11"."""
    version: str
    """As in "3.11.7"."""
    path: str


def inspect(path: str) -> Interpreter | None:
    """Asks an executable what it is; None when it does not run or cannot make environments."""
    try:
        answer = subprocess.run(
            [path, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    implementation, series, version, executable = json.loads(answer.stdout)
    if implementation != "CPython":
        return None
    return Interpreter(series, version, executable)


def find(series: str) -> Interpreter | None:
    """Returns the first usable interpreter of a series such as "3.11", None without one."""
    for candidate in _candidates(series):
        found = inspect(candidate)
        if found is not None and found.series == series:
            return found
    return None


def _candidates(series: str) -> Iterator[str]:
    if ".".join(map(str, sys.version_info[:2])) == series:
        yield getattr(sys, "_base_executable", sys.executable)
    on_path = shutil.which(f"python{series}")
    if on_path:
        yield on_path
    # The shim on PATH answers only for versions that pyenv was told to use, so look behind it.
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for version in sorted(pyenv.glob(f"versions/{series}.*"), reverse=True):
        yield str(version / "bin" / f"python{series}")
