# SPDX-License-Identifier: Apache-2.0
"""Daemons of the cloud, known by pid *and* start time.

A pid alone may belong to a stranger after a crash or a reboot; a pid with the start time that we
recorded does not. Every daemon leads its own session, so that its workers can be ended with it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.cloud import waiting

GRACE_SECS = 20.0
"""How long a daemon may take to end after SIGTERM before it is killed."""

_CHILDREN: list[subprocess.Popen[bytes]] = []
"""Daemons outlive this process on purpose; a collected Popen would warn about that."""


@dataclasses.dataclass(frozen=True)
class Daemon:
    """What is to run: a name, a command, and the files whose change asks for a restart."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    depends_on_files: Sequence[Path] = ()
    without: Sequence[str] = ()
    """Environment variables of the caller that it must not see."""

    def digest(self) -> str:
        """Return a digest of command, environment and the content of its files."""
        digest = hashlib.sha256()
        digest.update(json.dumps([list(self.command), dict(self.environment)]).encode())
        for path in self.depends_on_files:
            digest.update(path.read_bytes())
        return digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class Record:
    """A daemon that was started. ``started`` is in clock ticks since boot ``boot``."""

    pid: int
    started: int
    boot: str
    digest: str


class Supervisor:
    """Starts, finds and ends the daemons of one cloud."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._run = home / "run"
        self._log = home / "log"

    def start(self, daemon: Daemon) -> bool:
        """Start a daemon unless it runs as described; restart it if it runs otherwise.

        :returns: whether it was started.
        """
        digest = daemon.digest()
        record = self.alive(daemon.name)
        if record and record.digest == digest:
            return False
        self.stop([daemon.name])
        kept = {name: value for name, value in os.environ.items() if name not in daemon.without}
        environment = {**kept, **daemon.environment}
        with open(self.log_file(daemon.name), "ab") as log:
            process = subprocess.Popen(
                list(daemon.command),
                cwd=self._home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _CHILDREN.append(process)
        started = _start_ticks(process.pid)
        if started is None:
            raise RuntimeError(f"{daemon.name} ended at once; see {self.log_file(daemon.name)}")
        record = Record(process.pid, started, _boot_id(), digest)
        self._file(daemon.name).write_text(json.dumps(dataclasses.asdict(record)) + "\n")
        return True

    def alive(self, name: str) -> Record | None:
        """Return the record of a daemon that runs, None if it does not."""
        try:
            record = Record(**json.loads(self._file(name).read_text()))
        except (FileNotFoundError, ValueError):
            return None
        same = record.boot == _boot_id() and _start_ticks(record.pid) == record.started
        return record if same else None

    def names(self) -> list[str]:
        """Return the names of all daemons that were started and not stopped."""
        return sorted(path.stem for path in self._run.glob("*.json"))

    def members(self, name: str) -> list[int]:
        """Return the processes of a daemon's session that work in the cloud's folder.

        The daemon itself may be gone; its workers keep its session.
        """
        try:
            session = Record(**json.loads(self._file(name).read_text())).pid
        except (FileNotFoundError, ValueError):
            return []
        members = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                same_session = os.getsid(int(folder.name)) == session
                if same_session and (folder / "cwd").readlink().is_relative_to(self._home):
                    members.append(int(folder.name))
            except OSError:
                continue
        return members

    def log_file(self, name: str) -> Path:
        """Return where a daemon's output goes."""
        return self._log / f"{name}.log"

    def kill(self, name: str) -> None:
        """End a daemon with SIGKILL, as a crash would: nothing is cleaned up, its record stays.

        :raises RuntimeError: it does not run.
        """
        record = self.alive(name)
        if record is None:
            raise RuntimeError(f"{name} does not run")
        os.kill(record.pid, signal.SIGKILL)
        waiting.until(lambda: not self.alive(name), f"{name} is gone", GRACE_SECS)

    def stop(self, names: Iterable[str]) -> list[str]:
        """End daemons: SIGTERM to each, SIGKILL to what outlives the grace time.

        :returns: those that had to be killed.
        """
        names = list(names)
        for name in names:
            record = self.alive(name)
            if record:
                os.kill(record.pid, signal.SIGTERM)
        killed = []
        for name in names:
            try:
                waiting.until(lambda name=name: not self.alive(name), name, GRACE_SECS)
            except waiting.DeadlineExceeded:
                killed.append(name)
            for pid in self.members(name):
                _kill(pid)
            self._file(name).unlink(missing_ok=True)
        return killed

    def _file(self, name: str) -> Path:
        return self._run / f"{name}.json"


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _start_ticks(pid: int) -> int | None:
    """Return a process's start time in clock ticks since boot; None when it has ended.

    A zombie has ended, unless threads of it are left: they hold its sockets open a little longer.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        threads = os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name is in parentheses and may hold spaces: count from the last one.
    fields = stat.rpartition(")")[2].split()
    if fields[0] == "Z" and len(threads) == 1:
        return None
    return int(fields[19])


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
