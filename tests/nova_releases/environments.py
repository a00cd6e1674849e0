# SPDX-License-Identifier: Apache-2.0
"""Builds one virtual environment per Nova release and puts the Spillway wheel into it."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .catalogue import Release
from .interpreters import Interpreter
from .progress import Progress


class BuildFailed(Exception):
    """An environment or the wheel could not be built; the text is the tool's own last words."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with one Nova release in it."""

    root: Path

    @property
    def python(self) -> str:
        """The environment's interpreter."""
        return str(self.root / "bin" / "python")

    def command(self, name: str) -> str:
        """Path of one of the environment's console commands."""
        return str(self.root / "bin" / name)


def run(
    arguments: list[str],
    log: Path,
    *,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Runs a build step and keeps its output in a file.

    :raises BuildFailed: it failed; carries the last lines and the file's name.
    """
    with log.open("ab") as out:
        out.write(f"\n$ {' '.join(arguments)}\n".encode())
        out.flush()
        done = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            check=False,
        )
    if done.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-15:]
        raise BuildFailed("\n".join([f"exit code {done.returncode}, all of it in {log}", *tail]))


def digest_of(*paths: Path) -> str:
    """Short digest over the contents of files, for stamps."""
    sha = hashlib.sha256()
    for path in paths:
        sha.update(path.read_bytes())
    return sha.hexdigest()[:16]


def prepare(
    release: Release, interpreter: Interpreter, wheel: Path, cache: Path, progress: Progress
) -> Environment:
    """Returns the environment of a release with this very wheel in it.

    An environment whose constraints and interpreter have not changed is used again; the wheel
    is replaced whenever its content differs.

    :raises BuildFailed: a package does not install.
    """
    topic = f"nova {release.nova}"
    environment = Environment(cache / f"nova-{release.number}-python-{interpreter.version}")
    log = cache / f"{environment.root.name}.log"
    stamp = environment.root / "spillway-constraints"
    wanted = digest_of(release.constraints)
    if not stamp.exists() or stamp.read_text() != wanted:
        progress.say(topic, f"building the environment with CPython {interpreter.version}")
        log.unlink(missing_ok=True)
        run([interpreter.path, "-m", "venv", "--clear", str(environment.root)], log)
        _install(environment, log, ["--upgrade", "pip"])
        pins = str(release.constraints)
        _install(environment, log, ["--constraint", pins, "setuptools", "wheel"])
        if release.installed_first:
            _install(
                environment,
                log,
                ["--no-build-isolation", "--constraint", pins, *release.installed_first],
            )
        _install(environment, log, ["--requirement", pins])
        stamp.write_text(wanted)
    _install_wheel(environment, wheel, log, progress, topic)
    return environment


def _install_wheel(
    environment: Environment, wheel: Path, log: Path, progress: Progress, topic: str
) -> None:
    stamp = environment.root / "spillway-wheel"
    wanted = digest_of(wheel)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    progress.say(topic, f"installing {wheel.name}")
    stamp.unlink(missing_ok=True)
    # The wheel's one dependency comes with Nova; --no-deps keeps the frozen set frozen.
    _install(environment, log, ["--no-deps", "--no-index", "--force-reinstall", str(wheel)])
    stamp.write_text(wanted)


def _install(environment: Environment, log: Path, arguments: list[str]) -> None:
    run([environment.python, "-m", "pip", "install", "--quiet", *arguments], log, env=_clean_env())


def _clean_env() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
