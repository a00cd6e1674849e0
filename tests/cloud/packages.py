# SPDX-License-Identifier: Apache-2.0
"""What must be installed: Debian packages, virtual environments, Spillway's wheel and program.

Only the standard library is used here, since this runs before anything is installed. Everything
but the Debian packages lies in the cache folder and is stamped with what it was made from, so a
second run does nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.cloud.layout import CHECKOUT, cache_folder

HERE = Path(__file__).resolve().parent
CONSTRAINTS = HERE / "constraints.txt"
ANYHOST = HERE / "anyhost"

Say = Callable[[str], None]
"""Prints one line of progress."""


class SetUpError(Exception):
    """Something could not be installed or built; the text says what and what to do."""


@dataclasses.dataclass(frozen=True)
class Environment:
    """A virtual environment and what is in it."""

    name: str
    requirements: Sequence[str]
    wheel_extras: str | None = None
    """Extras with which Spillway's wheel goes in; None if it does not."""
    folders: Sequence[Path] = ()
    """Python projects of this folder that go in too."""
    constraints: Path = CONSTRAINTS
    """File with the versions that everything in it has."""


OPENSTACK = Environment(
    "openstack",
    (
        "nova",
        "keystone",
        "openstack-placement",
        "glance",
        "neutron",
        "openstack-heat",
        "PyMySQL",
        "python-memcached",
        "setuptools",
        "uwsgi",
    ),
    wheel_extras="[ec2]",
    folders=(ANYHOST,),
)
"""What the cloud's OpenStack services run from."""

MOTO = Environment("moto", ("moto[ec2,server]",))
"""The EC2 endpoint."""

TOOLS = Environment("tools", ("uv", "maturin", "pytest", "openstacksdk", "boto3"))
"""The client side: builds the wheel, drives the cloud, runs the cloud tests."""

UV_FROM_PIP = {
    "UV_DEFAULT_INDEX": "PIP_INDEX_URL",
    "UV_INDEX": "PIP_EXTRA_INDEX_URL",
    "SSL_CERT_FILE": "PIP_CERT",
}
"""What uv is told by a variable of its own, and the one by which a machine tells pip the same."""

DEBIAN_PROGRAMS = {
    "mariadb-server": Path("/usr/sbin/mariadbd"),
    "rabbitmq-server": Path("/usr/lib/rabbitmq/bin/rabbitmq-server"),
    "memcached": Path("/usr/bin/memcached"),
    "prometheus": Path("/usr/bin/prometheus"),
    "prometheus-node-exporter": Path("/usr/bin/prometheus-node-exporter"),
}
"""Debian package to the program that shows that it is there: what a cloud needs."""

BROWSER = {"chromium": Path("/usr/bin/chromium")}
"""What the tests of the page need besides."""

SYSTEMD = {"systemd": Path("/usr/bin/systemd-analyze")}
"""What the tests of the Debian package need besides."""

FUZZER = {"g++": Path("/usr/bin/g++")}
"""What libFuzzer is built with, for the fuzz targets."""


def install_debian_packages(log: Path, say: Say, more: Mapping[str, Path] | None = None) -> None:
    """Install the Debian packages that are missing.

    :param more: packages that are wanted besides a cloud's, as in :data:`DEBIAN_PROGRAMS`.
    :raises SetUpError: some are missing and this user cannot install them, or apt failed.
    """
    wanted = {**DEBIAN_PROGRAMS, **(more or {})}
    missing = [name for name, program in wanted.items() if not program.exists()]
    if importlib.util.find_spec("ensurepip") is None:
        missing.append("python3-venv")
    # uWSGI is a source package: it needs a compiler and Python's headers.
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        missing.append("python3-dev")
    if shutil.which("cc") is None:
        missing += ["gcc", "libc6-dev"]
    if not missing:
        return
    if os.geteuid() != 0:
        raise SetUpError(f"run once as root, or install first: {' '.join(missing)}")
    say(f"apt: {' '.join(missing)}")
    # Without this, the packages' scripts start daemons on every address and the usual ports.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
        run_logged([*apt, "update"], log)
        run_logged([*apt, "install", "-y", "--no-install-recommends", *missing], log)
    finally:
        if ours:
            policy.unlink()


def install_environment(environment: Environment, log: Path, say: Say) -> None:
    """Make a virtual environment hold exactly what it should.

    :raises SetUpError: an installation failed.
    """
    folder = cache_folder() / "venvs" / environment.name
    stamp = folder / "spillway-stamp"
    wheel = wheel_file() if environment.wheel_extras is not None else None
    made_from = _digest(
        [environment.constraints, *_files_below(environment.folders), *([wheel] if wheel else [])],
        [sys.version, *environment.requirements],
    )
    if stamp.exists() and stamp.read_text() == made_from:
        return
    say(f"environment {environment.name}: {' '.join(environment.requirements)}")
    stamp.unlink(missing_ok=True)
    uv = _uv(log)
    if not (folder / "bin" / "python").exists():
        run_logged([uv, "venv", "--clear", "--python", sys.executable, folder], log)
    install = [uv, "pip", "install", "--python", folder / "bin" / "python"]
    install += ["-c", environment.constraints]
    # Compiled here once, or else by every daemon of the first start at the same time.
    run_logged([*install, "--compile-bytecode", *environment.requirements], log)
    if wheel:
        say(f"environment {environment.name}: {wheel.name}")
        again = ["--reinstall-package", "nova-spillway"]
        run_logged([*install, *again, f"{wheel}{environment.wheel_extras}"], log)
    for project in environment.folders:
        # Built from a copy: setuptools writes next to its sources.
        with tempfile.TemporaryDirectory() as scratch:
            copy = shutil.copytree(project, Path(scratch) / project.name)
            again = ["--no-deps", "--no-build-isolation", "--reinstall"]
            run_logged([*install, *again, copy], log)
    stamp.write_text(made_from)


def build_wheel(log: Path, say: Say) -> Path:
    """Return Spillway's wheel, built from the checkout as it is now.

    :raises SetUpError: the build failed.
    """
    folder = cache_folder() / "wheels"
    stamp = folder / "spillway-stamp"
    made_from = _digest(_product_sources(), [])
    if stamp.exists() and stamp.read_text() == made_from:
        return wheel_file()
    say("wheel: maturin build --release (some minutes with a fresh cache)")
    shutil.rmtree(folder, ignore_errors=True)
    maturin = cache_folder() / "venvs" / TOOLS.name / "bin" / "maturin"
    build = [maturin, "build", "--release", "--locked", "--out", folder]
    run_logged([*build, "--interpreter", sys.executable], log)
    wheel = wheel_file()
    stamp.write_text(made_from)
    return wheel


def build_program(log: Path, say: Say) -> Path:
    """Return the program ``spillway``, built from the checkout as it is now.

    The profile is the wheel's, so that what both need is compiled once.

    :raises SetUpError: the build failed.
    """
    program = program_file()
    stamp = program.with_name("spillway-stamp")
    made_from = _digest(_rust_sources(), [])
    if program.exists() and stamp.exists() and stamp.read_text() == made_from:
        return program
    say("program: cargo build --release -p spillway-cli (some minutes with a fresh cache)")
    run_logged(["cargo", "build", "--release", "--locked", "-p", "spillway-cli"], log)
    program.parent.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    # Replaced, not written over: a sidecar may run from it.
    replacement = program.with_name("spillway.new")
    shutil.copy2(cache_folder() / "target" / "release" / program.name, replacement)
    os.replace(replacement, program)
    stamp.write_text(made_from)
    return program


def build_program_wheel(log: Path, say: Say) -> Path:
    """Return the wheel of the program, built from the checkout as it is now.

    Profile and build folder are the program's, so that nothing is compiled that it did not need.

    :raises SetUpError: the build failed.
    """
    folder = cache_folder() / "program-wheels"
    stamp = folder / "spillway-stamp"
    made_from = _digest([*_rust_sources(), CHECKOUT / "docs" / "cli.md"], [])
    if stamp.exists() and stamp.read_text() == made_from:
        return program_wheel_file()
    say("wheel of the program: maturin build --release")
    shutil.rmtree(folder, ignore_errors=True)
    maturin = cache_folder() / "venvs" / TOOLS.name / "bin" / "maturin"
    build = [maturin, "build", "--release", "--locked", "--out", folder]
    run_logged([*build, "--manifest-path", CHECKOUT / "rust" / "cli" / "Cargo.toml"], log)
    wheel = program_wheel_file()
    stamp.write_text(made_from)
    return wheel


def program_file() -> Path:
    """Return where the program ``spillway`` lies in the cache folder."""
    return cache_folder() / "bin" / "spillway"


def program_wheel_file() -> Path:
    """Return the wheel of the program in the cache folder.

    :raises SetUpError: there is none, or more than one.
    """
    return _only_wheel("program-wheels", "spillway-sidecar")


def wheel_file() -> Path:
    """Return the wheel in the cache folder.

    :raises SetUpError: there is none, or more than one.
    """
    return _only_wheel("wheels", "nova-spillway")


def _only_wheel(folder: str, name: str) -> Path:
    wheels = sorted((cache_folder() / folder).glob(f"{name.replace('-', '_')}-*.whl"))
    if len(wheels) != 1:
        raise SetUpError(f"expected one wheel of {name} in the cache, found {len(wheels)}")
    return wheels[0]


def run_logged(
    command: Sequence[str | Path], log: Path, more_variables: Mapping[str, str] | None = None
) -> None:
    """Run a command from the top of the checkout with its output in ``log``.

    :param more_variables: environment variables for this command alone.
    :raises SetUpError: it failed; the text holds the end of its output.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    pip_said = {uv: os.environ[pip] for uv, pip in UV_FROM_PIP.items() if pip in os.environ}
    environment = {
        **pip_said,
        **os.environ,
        "DEBIAN_FRONTEND": "noninteractive",
        "UV_CACHE_DIR": str(cache_folder() / "uv"),
        "CARGO_TARGET_DIR": str(cache_folder() / "target"),
        **(more_variables or {}),
    }
    words = [str(word) for word in command]
    with open(log, "ab") as output:
        output.write(("$ " + " ".join(words) + "\n").encode())
        output.flush()
        done = subprocess.run(
            words, cwd=CHECKOUT, env=environment, stdout=output, stderr=output, check=False
        )
    if done.returncode != 0:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise SetUpError(f"{words[0]} failed ({done.returncode}); end of {log}:\n{end}")


def _uv(log: Path) -> Path:
    """Return uv, which installs hundreds of packages in the time pip takes to resolve them."""
    folder = cache_folder() / "venvs" / "uv"
    if not (folder / "bin" / "uv").exists():
        run_logged([sys.executable, "-m", "venv", "--clear", folder], log)
        run_logged([folder / "bin" / "pip", "install", "-q", "-c", CONSTRAINTS, "uv"], log)
    return folder / "bin" / "uv"


def _product_sources() -> list[Path]:
    """Return the files that the wheel is made from."""
    tops = ["pyproject.toml", "README.md", "LICENSE"]
    files = [CHECKOUT / name for name in tops if (CHECKOUT / name).exists()]
    return [*_rust_sources(), *files, *_files_below([CHECKOUT / "python"])]


def _rust_sources() -> list[Path]:
    """Return the files that the program is made from."""
    tops = [CHECKOUT / "Cargo.toml", CHECKOUT / "Cargo.lock"]
    return tops + _files_below([CHECKOUT / "rust"])


def _files_below(folders: Sequence[Path]) -> list[Path]:
    skipped = {"__pycache__", "target", ".pytest_cache", ".mypy_cache"}
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not skipped.intersection(path.parts) and path.suffix != ".so"
    )


def _digest(files: Sequence[Path], words: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for word in words:
        digest.update(word.encode() + b"\0")
    for path in files:
        # Two checkouts with the same files need the same things.
        name = path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path
        digest.update(str(name).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
