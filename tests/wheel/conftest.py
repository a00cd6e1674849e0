# SPDX-License-Identifier: Apache-2.0
"""The wheel under test, and the environments that it is installed into."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys

import pytest
from wheel_environments import Environment, plant_farm

REPOSITORY = pathlib.Path(__file__).parents[2]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--wheel", type=pathlib.Path, help="test this wheel, not one built now")


@pytest.fixture(scope="session")
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The wheel under test."""
    given: pathlib.Path | None = request.config.getoption("--wheel")
    if given is not None:
        return given.resolve()
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "maturin", "build", "--release", "--out", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Nova without Spillway."""
    environment = Environment(tmp_path_factory.mktemp("bare"))
    plant_farm(environment.site_packages)
    return environment


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: pathlib.Path) -> Environment:
    """Nova with Spillway in the same site-packages."""
    environment = Environment(tmp_path_factory.mktemp("installed"))
    plant_farm(environment.site_packages)
    environment.install(wheel)
    return environment


@pytest.fixture(scope="session")
def split(tmp_path_factory: pytest.TempPathFactory, wheel: pathlib.Path) -> Environment:
    """Nova in one site directory, as from a distribution, and Spillway in another."""
    distribution = tmp_path_factory.mktemp("dist-packages")
    plant_farm(distribution)
    environment = Environment(tmp_path_factory.mktemp("split"))
    environment.install(wheel)
    (environment.site_packages / "zz-distribution.pth").write_text(f"{distribution}\n")
    return environment


@pytest.fixture
def unpacked(wheel: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """The wheel's content."""
    shutil.unpack_archive(wheel, tmp_path / "unpacked", format="zip")
    return tmp_path / "unpacked"
