# SPDX-License-Identifier: Apache-2.0
"""The Debian package, installed for real into a small Debian in a folder: its scripts are run."""

from __future__ import annotations

import json
import pathlib
import shlex
import signal
import subprocess
import time

import pytest
from small_root import NOVA_ID, SmallRoot

STATE = "var/lib/spillway"
JOURNAL = "var/log/spillway"
POLICY = "etc/spillway/spillway.toml"
SERVICE = "usr/lib/systemd/system/spillway.service"
START_SECS = 30.0


def root_with(package: pathlib.Path, program: pathlib.Path, folder: pathlib.Path) -> SmallRoot:
    """Return a root with Nova's user, into which the package was installed."""
    root = SmallRoot(folder / "root", with_nova=True)
    root.copy_libraries(program)
    root.dpkg("--install", package)
    return root


@pytest.fixture
def installed(deb: pathlib.Path, program: pathlib.Path, tmp_path: pathlib.Path) -> SmallRoot:
    return root_with(deb, program, tmp_path)


def service(root: SmallRoot, key: str) -> str:
    """Return the value of a key of the installed unit that is there once."""
    lines = (root.folder / SERVICE).read_text().splitlines()
    [value] = [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]
    return value


def test_beside_nova_each_can_read_what_the_other_writes(installed: SmallRoot) -> None:
    assert "install ok installed" in installed.dpkg("--status", "spillway")
    user, group, home, shell = installed.ids("spillway")
    assert (home, shell) == (f"/{STATE}", "/usr/sbin/nologin")
    assert installed.groups("spillway") == [group, NOVA_ID]
    state = installed.state()
    assert state[STATE] == (0o2750, user, NOVA_ID)
    assert state[JOURNAL] == (0o2750, NOVA_ID, NOVA_ID)
    assert state[POLICY] == (0o644, 0, 0)


def test_without_nova_there_is_the_user_and_its_folder_alone(
    deb: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    root = SmallRoot(tmp_path / "root", with_nova=False)
    root.dpkg("--install", deb)
    user, group, *_ = root.ids("spillway")
    assert root.groups("spillway") == [group]
    state = root.state()
    assert state[STATE] == (0o750, user, group)
    assert JOURNAL not in state


def test_the_machine_itself_is_left_alone(installed: SmallRoot) -> None:
    for file in ("passwd", "group"):
        ours = (installed.folder / "etc" / file).read_text()
        assert "\nspillway:" in ours
        assert ours != pathlib.Path("/etc", file).read_text()


def test_installing_again_changes_nothing(installed: SmallRoot, deb: pathlib.Path) -> None:
    (installed.folder / POLICY).write_text('mode = "off"\n')
    # As an operator may have it.
    (installed.folder / JOURNAL).chmod(0o2770)
    (installed.folder / STATE / "state.json").write_text("{}")
    of_dpkg = ("var/lib/dpkg",)
    before = installed.state(*of_dpkg)
    users = (installed.folder / "etc/passwd").read_text()
    installed.run(["/var/lib/dpkg/info/spillway.postinst", "configure", "0.0.1"])
    installed.dpkg("--install", deb)
    assert installed.state(*of_dpkg) == before
    assert (installed.folder / "etc/passwd").read_text() == users
    assert (installed.folder / POLICY).read_text() == 'mode = "off"\n'


def test_a_policy_file_that_was_there_first_is_kept(
    deb: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """As docs/install.md says; without the option dpkg asks, and here nobody answers."""
    root = SmallRoot(tmp_path / "root", with_nova=False)
    policy = root.folder / POLICY
    policy.parent.mkdir(parents=True)
    policy.write_text('mode = "off"\n')
    with pytest.raises(AssertionError, match="conffile"):
        root.dpkg("--install", deb)
    root.dpkg("--force-confold", "--install", deb)
    assert policy.read_text() == 'mode = "off"\n'


def test_removal_keeps_what_purging_deletes(installed: SmallRoot) -> None:
    journal = installed.folder / JOURNAL / "journal.jsonl"
    journal.touch()
    (installed.folder / STATE / "state.json").touch()
    installed.dpkg("--remove", "spillway")
    left = installed.state()
    assert "usr/bin/spillway" not in left
    assert {POLICY, f"{STATE}/state.json"} <= left.keys()
    installed.dpkg("--purge", "spillway")
    left = installed.state("var/lib/dpkg")
    assert [name for name in left if "spillway" in name] == [JOURNAL, f"{JOURNAL}/journal.jsonl"]
    # Files may be left that have its group.
    installed.ids("spillway")


def test_purging_leaves_nothing_of_a_package_that_never_ran(installed: SmallRoot) -> None:
    installed.dpkg("--purge", "spillway")
    assert [name for name in installed.state("var/lib/dpkg") if "spillway" in name] == []


def test_the_unit_starts_what_is_installed_as_its_user(installed: SmallRoot) -> None:
    user = service(installed, "User")
    checked = installed.run(shlex.split(service(installed, "ExecStartPre")), user)
    assert checked == f"/{POLICY}: good\n"
    assert installed.run(["/usr/bin/spillway", "--version"], user).startswith("spillway ")
    sidecar = subprocess.Popen(
        installed.inside(shlex.split(service(installed, "ExecStart")), user),
        env={"SPILLWAY__SIDECAR__LISTEN": "127.0.0.1:0"},
        umask=int(service(installed, "UMask"), 8),
        stderr=subprocess.PIPE,
        text=True,
    )
    snapshot = installed.folder / STATE / "snapshot.json"
    deadline = time.monotonic() + START_SECS
    try:
        while not snapshot.exists() and sidecar.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        sidecar.send_signal(signal.SIGTERM)
        _, log = sidecar.communicate(timeout=START_SECS)
    assert snapshot.exists(), log
    assert sidecar.returncode == 0, log
    assert json.loads(snapshot.read_text())["format"] == 1
    # nova-scheduler reads it by its group.
    assert installed.state()[f"{STATE}/snapshot.json"] == (0o640, installed.ids(user)[0], NOVA_ID)
