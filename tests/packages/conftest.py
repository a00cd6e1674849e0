# SPDX-License-Identifier: Apache-2.0
"""The program under test, its wheel, and the Debian package that is made of it."""

from __future__ import annotations

import pathlib
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).parents[2]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--program", type=pathlib.Path, required=True, help="the built program")
    parser.addoption("--wheel", type=pathlib.Path, required=True, help="the program's wheel")


@pytest.fixture(scope="session")
def program(request: pytest.FixtureRequest) -> pathlib.Path:
    """The program ``spillway``."""
    given: pathlib.Path = request.config.getoption("--program")
    return given.resolve()


@pytest.fixture(scope="session")
def wheel(request: pytest.FixtureRequest) -> pathlib.Path:
    """The wheel ``spillway-sidecar``."""
    given: pathlib.Path = request.config.getoption("--wheel")
    return given.resolve()


@pytest.fixture(scope="session")
def deb(program: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The Debian package of the program."""
    folder = tmp_path_factory.mktemp("deb")
    command = [REPOSITORY / "rust/cli/deb/build", program, folder]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return pathlib.Path(done.stdout.strip())


@pytest.fixture(scope="session")
def unpacked(deb: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The files of the Debian package."""
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)
    return folder
