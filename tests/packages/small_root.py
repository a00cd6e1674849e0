# SPDX-License-Identifier: Apache-2.0
"""A Debian in a folder, just large enough that dpkg can install our package into it.

It has the programs that the package's scripts call, with their libraries, copied from this machine,
and this machine's list of packages, so that dependencies are judged as here. dpkg runs the scripts
in a chroot: users and folders are made in the folder, none on the machine. Needs root, for chroot.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
from collections.abc import Sequence

PROGRAMS = (
    *("chgrp", "chmod", "getent", "install", "rm", "rmdir", "sh", "systemd-sysusers"),
    "usermod",
)
"""What the package's scripts call."""

PASSWD = "root:x:0:0:root:/root:/bin/sh\n"
GROUP = "root:x:0:\n"
NOVA_ID = 64060
"""Nova's user and group, as Debian's package of Nova has them."""


class SmallRoot:
    """The folder."""

    def __init__(self, folder: pathlib.Path, with_nova: bool) -> None:
        assert os.geteuid() == 0, "run this as root: dpkg installs into a chroot"
        self.folder = folder
        for name in ("bin", "sbin", "lib", "lib64"):
            (folder / "usr" / name).mkdir(parents=True)
            (folder / name).symlink_to(f"usr/{name}")
        for name in ("dev", "etc", "run", "tmp", "var/lib/dpkg/info", "var/lib/dpkg/updates"):
            (folder / name).mkdir(parents=True)
        (folder / "tmp").chmod(0o1777)
        for name in PROGRAMS:
            found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
            assert found, f"{name} is not installed"
            self._copy(found)
            self.copy_libraries(pathlib.Path(found))
        # A plain file takes what the scripts throw away.
        (folder / "dev/null").touch(mode=0o666)
        nova = f"nova:x:{NOVA_ID}:"
        (folder / "etc/passwd").write_text(
            PASSWD + (f"{nova}{NOVA_ID}::/var/lib/nova:/bin/false\n" if with_nova else "")
        )
        (folder / "etc/group").write_text(GROUP + (f"{nova}\n" if with_nova else ""))
        shutil.copy("/etc/login.defs", folder / "etc/login.defs")
        shutil.copy("/var/lib/dpkg/status", folder / "var/lib/dpkg/status")
        (folder / "var/lib/dpkg/info/format").write_text("1\n")

    def copy_libraries(self, program: pathlib.Path) -> None:
        """Copy the libraries of this machine that a program is linked with."""
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            self._copy(library)

    def _copy(self, path: str) -> None:
        # The folders above /usr are links into it, here and there.
        target = self.folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)

    def dpkg(self, *arguments: str | pathlib.Path) -> str:
        """Run this machine's dpkg on the folder; return what it said."""
        return self._output("dpkg", f"--root={self.folder}", *arguments)

    def run(self, command: Sequence[str], user: str = "root") -> str:
        """Run a program of the folder, inside it, with all groups of that user."""
        return self._output(*self.inside(command, user))

    def inside(self, command: Sequence[str], user: str = "root") -> list[str]:
        """Return the command that runs a program of the folder inside it."""
        ids = ":".join(str(number) for number in self.ids(user)[:2])
        groups = ",".join(str(number) for number in self.groups(user))
        return [
            "/usr/sbin/chroot",
            f"--userspec={ids}",
            f"--groups={groups}",
            str(self.folder),
            *command,
        ]

    def ids(self, user: str) -> tuple[int, int, str, str]:
        """Return id, group id, home and shell of a user of the folder."""
        for line in (self.folder / "etc/passwd").read_text().splitlines():
            name, _, uid, gid, _, home, shell = line.split(":")
            if name == user:
                return int(uid), int(gid), home, shell
        raise LookupError(f"no user {user}")

    def groups(self, user: str) -> list[int]:
        """Return the ids of the groups that a user of the folder is a member of."""
        lines = (self.folder / "etc/group").read_text().splitlines()
        fields = [line.split(":") for line in lines]
        joined = [int(gid) for _, _, gid, members in fields if user in members.split(",")]
        return [self.ids(user)[1], *joined]

    def state(self, *without: str) -> dict[str, tuple[int, int, int]]:
        """Return mode, user id and group id of all that is in the folder."""
        found = {}
        for path in self.folder.rglob("*"):
            name = str(path.relative_to(self.folder))
            if not name.startswith(without):
                status = path.lstat()
                found[name] = (status.st_mode & 0o7777, status.st_uid, status.st_gid)
        return found

    @staticmethod
    def _output(*command: str | pathlib.Path) -> str:
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr
