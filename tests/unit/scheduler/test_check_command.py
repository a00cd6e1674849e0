# SPDX-License-Identifier: Apache-2.0
"""``python -m nova_spillway check``."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

from nova_spillway import _native
from nova_spillway.__main__ import main


def test_a_good_file(policy_file: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(policy_file)]) == 0
    assert capsys.readouterr().out == f"{policy_file}: good\n"


def test_the_example_is_good(tmp_path: pathlib.Path) -> None:
    example = tmp_path / "example.toml"
    example.write_text(_native.policy_example())
    assert main(["check", str(example)]) == 0


def test_a_bad_file(policy_file: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy_file.write_text(policy_file.read_text().replace('mode = "active"', 'mode = "activ"'))
    assert main(["check", str(policy_file)]) == 1
    answer = capsys.readouterr()
    assert answer.out == ""
    assert f"{policy_file}:2:" in answer.err
    assert "active" in answer.err


def test_json(policy_file: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy_file.write_text("mod = 1\n")
    assert main(["check", "--output", "json", str(policy_file)]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["file"] == str(policy_file)
    assert answer["good"] is False
    assert answer["diagnostics"]


def test_a_missing_file(tmp_path: pathlib.Path) -> None:
    assert main(["check", str(tmp_path / "none.toml")]) == 1


def test_wrong_use() -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["chek"])
    assert exit_.value.code == 2


def test_help_has_an_example() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nova_spillway", "check", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "example:" in done.stdout
