# SPDX-License-Identifier: Apache-2.0
"""Where the cloud's files lie, which port is whose, and how large its hosts are."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

ADDRESS = "127.0.0.1"
REGION = "RegionOne"
EC2_REGION = "us-east-1"
CHECKOUT = Path(__file__).resolve().parents[2]
"""The checkout that this package is part of."""

PORT_OFFSETS = {
    "mariadb": 1,
    "rabbitmq": 2,
    "epmd": 3,
    "erlang": 4,
    "memcached": 5,
    "keystone": 10,
    "placement": 11,
    "glance": 12,
    "neutron": 13,
    "nova": 14,
    "heat": 15,
    "moto": 20,
    "ec2": 21,
    "prometheus": 30,
    "node-exporter": 31,
    "sidecar": 32,
    "burst-metrics": 33,
}
"""Offset of each listener from the cloud's first port."""

MARIADB_SOCKET_LIMIT = 107
"""Longest path of a Unix socket on Linux, in bytes (sun_path of unix(7), without the final NUL)."""


def cache_folder() -> Path:
    """Return the folder that survives clouds: environments, wheels, build output."""
    configured = os.environ.get("SPILLWAY_CACHE")
    return Path(configured) if configured else Path.home() / ".cache" / "spillway"


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What an operator may choose about a cloud. Kept in the cloud's folder between commands."""

    first_port: int = 27000
    private_hosts: int = 2
    private_vcpus: int = 10
    """Virtual CPUs of each private host; nothing is overcommitted."""
    private_memory_mb: int = 65536
    private_disk_gb: int = 1000
    scheduler_workers: int = 4
    placement_processes: int = 4


@dataclasses.dataclass(frozen=True)
class Layout:
    """Paths, ports and sizes of one cloud."""

    home: Path
    sizes: Sizes = Sizes()

    @classmethod
    def at(cls, home: Path | None, **chosen: int | None) -> Layout:
        """Return the layout of the cloud in ``home``, with what was chosen for it earlier.

        :param home: the cloud's folder; None for the one in the cache folder.
        :param chosen: fields of :class:`Sizes`; None keeps the earlier choice.
        :raises ValueError: the path is too long for MariaDB's socket.
        """
        home = (home or cache_folder() / "cloud").absolute()
        saved = home / "sizes.json"
        fields = json.loads(saved.read_text()) if saved.exists() else {}
        fields.update({name: value for name, value in chosen.items() if value is not None})
        layout = cls(home, Sizes(**fields))
        if len(os.fsencode(layout.mariadb_socket)) > MARIADB_SOCKET_LIMIT:
            raise ValueError(f"{home} is too long for a socket's path; choose a shorter --home")
        return layout

    def save(self) -> None:
        """Make the folders and keep the sizes for later commands."""
        for folder in (self.etc, self.run, self.log, self.state, self.spillway):
            folder.mkdir(parents=True, exist_ok=True)
        (self.home / "sizes.json").write_text(
            json.dumps(dataclasses.asdict(self.sizes), indent=2) + "\n"
        )

    def port(self, listener: str) -> int:
        """Return the TCP port of a listener."""
        return self.sizes.first_port + PORT_OFFSETS[listener]

    def url(self, listener: str, path: str = "") -> str:
        """Return the HTTP address of a listener."""
        return f"http://{ADDRESS}:{self.port(listener)}{path}"

    @property
    def etc(self) -> Path:
        """Configuration files; written anew by every ``up``."""
        return self.home / "etc"

    @property
    def run(self) -> Path:
        """Process records and sockets."""
        return self.home / "run"

    @property
    def log(self) -> Path:
        """One log file per daemon and per set-up command."""
        return self.home / "log"

    @property
    def state(self) -> Path:
        """Databases, images, keys and Nova's state folders."""
        return self.home / "state"

    @property
    def spillway(self) -> Path:
        """The policy file, the snapshot and the journal."""
        return self.home / "spillway"

    @property
    def policy_file(self) -> Path:
        """Spillway's policy, read by the scheduler workers and the burst host."""
        return self.spillway / "spillway.toml"

    @property
    def snapshot_file(self) -> Path:
        """What the sidecar writes, or tests in its stead."""
        return self.spillway / "snapshot.json"

    @property
    def sidecar_state_file(self) -> Path:
        """What the sidecar keeps for its successor."""
        return self.spillway / "state.json"

    @property
    def broker_credentials(self) -> Path:
        """User and password of RabbitMQ, as the sidecar reads them."""
        return self.etc / "broker.credentials"

    @property
    def journal_file(self) -> Path:
        """Decisions and outcomes of all scheduler workers."""
        return self.spillway / "journal" / "journal.jsonl"

    @property
    def mariadb_socket(self) -> Path:
        """The socket of the cloud's own MariaDB."""
        return self.run / "mariadb.sock"

    @property
    def store(self) -> Path:
        """A small file system of its own: the private hosts' store, which a test fills."""
        return self.state / "store"

    @property
    def clouds_yaml(self) -> Path:
        """The clients' configuration; its clouds are ``admin``, ``demo`` and ``internal``."""
        return self.etc / "clouds.yaml"

    @property
    def password(self) -> str:
        """The one password of the cloud: made at random for its folder, readable by its owner."""
        return (self.state / "password").read_text().strip()

    @property
    def private_hosts(self) -> list[str]:
        """Names of the private hosts."""
        return [f"private{number + 1}" for number in range(self.sizes.private_hosts)]

    @property
    def burst_host(self) -> str:
        """Name of the burst host."""
        return "cloud1"

    def environment_bin(self, name: str) -> Path:
        """Return the ``bin`` folder of one of the virtual environments."""
        return cache_folder() / "venvs" / name / "bin"
