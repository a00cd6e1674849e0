# SPDX-License-Identifier: Apache-2.0
"""The Debian package: what is in it, that it runs, and how far its unit is locked up."""

from __future__ import annotations

import gzip
import pathlib
import subprocess

import pytest

UNIT = pathlib.Path("usr/lib/systemd/system/spillway.service")
MAX_EXPOSURE = 1.5
"""Of 10, as ``systemd-analyze security`` counts."""


def output(*command: str | pathlib.Path) -> str:
    """Run a command that has to succeed; return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_program_in_it_runs_and_its_policy_file_is_good(unpacked: pathlib.Path) -> None:
    program = unpacked / "usr/bin/spillway"
    assert output(program, "--version").startswith("spillway ")
    policy = unpacked / "etc/spillway/spillway.toml"
    assert output(program, "check", policy) == f"{policy}: good\n"
    assert 'mode = "shadow"' in policy.read_text()


def test_it_names_itself_and_keeps_the_policy_file_of_the_operator(
    deb: pathlib.Path, program: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    version = output(program, "--version").split()[1]
    fields = [output("dpkg-deb", "-f", deb, name).strip() for name in ("Package", "Version")]
    assert fields == ["spillway", version]
    output("dpkg-deb", "-e", deb, tmp_path)
    assert (tmp_path / "conffiles").read_text() == "/etc/spillway/spillway.toml\n"
    for script in ("postinst", "prerm", "postrm"):
        output("sh", "-n", tmp_path / script)


def test_manual_pages_and_completions_are_where_they_are_looked_for(
    unpacked: pathlib.Path,
) -> None:
    share = unpacked / "usr/share"
    page = gzip.decompress((share / "man/man1/spillway-explain.1.gz").read_bytes())
    assert b".TH spillway-explain 1" in page
    for file in (
        "bash-completion/completions/spillway",
        "zsh/vendor-completions/_spillway",
        "fish/vendor_completions.d/spillway.fish",
    ):
        assert "explain" in (share / file).read_text()


def test_everything_belongs_to_root_and_nothing_can_be_written_by_others(
    deb: pathlib.Path,
) -> None:
    for line in output("dpkg-deb", "-c", deb).splitlines():
        mode, owner = line.split()[:2]
        assert owner == "root/root", line
        assert mode[8] == "-" and "s" not in mode, line


def test_the_unit_is_locked_up(unpacked: pathlib.Path) -> None:
    limit = f"--threshold={MAX_EXPOSURE * 10:.0f}"
    output("systemd-analyze", "security", "--offline=yes", "--no-pager", limit, unpacked / UNIT)


def test_systemd_understands_the_unit(
    unpacked: pathlib.Path, tmp_path: pathlib.Path, program: pathlib.Path
) -> None:
    # The programs that it starts have to be there; the installed place is not.
    text = (unpacked / UNIT).read_text().replace("/usr/bin/spillway", str(program))
    unit = tmp_path / "spillway.service"
    unit.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "spillway" in line]
    assert not complaints, done.stderr


@pytest.mark.parametrize("wrong", [[], ["one"], ["a", "b", "c"]])
def test_building_it_says_how_it_is_used(wrong: list[str]) -> None:
    build = pathlib.Path(__file__).parents[2] / "rust/cli/deb/build"
    done = subprocess.run([build, *wrong], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage:" in done.stderr
