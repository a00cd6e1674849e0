# SPDX-License-Identifier: Apache-2.0
"""MariaDB, RabbitMQ, memcached and the EC2 endpoint: how each is started and when it is ready."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import subprocess
from pathlib import Path

from tests.cloud import waiting
from tests.cloud.layout import ADDRESS, Layout
from tests.cloud.packages import MOTO, TOOLS, run_logged
from tests.cloud.processes import Daemon, Supervisor

READY_SECS = 120.0
"""How long a daemon may take until it answers. Seen: 12 s for RabbitMQ on two busy cores."""

RABBITMQ_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The inner script; Debian's wrapper around it wants su and its own user."""


def start(layout: Layout, supervisor: Supervisor) -> None:
    """Start all of it; nothing is waited for but MariaDB's first set-up."""
    _prepare_mariadb(layout)
    _prepare_rabbitmq(layout)
    # epmd first, on our own port: RabbitMQ would start one that is nobody's child.
    for daemon in (memcached(layout), epmd(layout), mariadb(layout)):
        supervisor.start(daemon)
    wait_for_port(layout, "epmd")
    for daemon in (rabbitmq(layout), moto(layout), ec2_proxy(layout)):
        supervisor.start(daemon)


def mariadb(layout: Layout) -> Daemon:
    """Describe MariaDB. Nothing in it is durable, on purpose: a cloud lives for a test run."""
    return Daemon(
        "mariadb",
        [
            "/usr/sbin/mariadbd",
            "--no-defaults",
            f"--user={getpass.getuser()}",
            f"--datadir={layout.state / 'mariadb'}",
            f"--socket={layout.mariadb_socket}",
            f"--pid-file={layout.run / 'mariadb.pid'}",
            f"--bind-address={ADDRESS}",
            f"--port={layout.port('mariadb')}",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--max-connections=600",
            "--performance-schema=OFF",
            "--innodb-buffer-pool-size=256M",
            "--innodb-log-file-size=96M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=0",
            "--innodb-flush-method=nosync",
            "--innodb-lock-wait-timeout=30",
            "--character-set-server=utf8mb3",
            "--collation-server=utf8mb3_general_ci",
            "--log-warnings=1",
        ],
    )


def mariadb_root(layout: Layout, sql: str) -> subprocess.CompletedProcess[bytes]:
    """Run SQL as MariaDB's root, through its socket."""
    client = ["mariadb", "--no-defaults", "-uroot", f"--socket={layout.mariadb_socket}"]
    return subprocess.run(client, input=sql.encode(), capture_output=True, check=False)


def wait_for_mariadb(layout: Layout) -> None:
    """Return when MariaDB answers."""
    waiting.until(
        lambda: mariadb_root(layout, "select 1").returncode == 0, "mariadb answers", READY_SECS
    )


def epmd(layout: Layout) -> Daemon:
    """Describe Erlang's port mapper, which RabbitMQ needs."""
    port = str(layout.port("epmd"))
    return Daemon("epmd", ["epmd", "-address", ADDRESS, "-port", port])


def rabbitmq(layout: Layout) -> Daemon:
    """Describe RabbitMQ, kept to the loopback address and one core."""
    state = layout.state / "rabbitmq"
    loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
    environment = {
        "HOME": str(state),
        "RABBITMQ_NODENAME": "spillway@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": ADDRESS,
        "RABBITMQ_NODE_PORT": str(layout.port("rabbitmq")),
        "RABBITMQ_DIST_PORT": str(layout.port("erlang")),
        "RABBITMQ_MNESIA_BASE": str(state / "mnesia"),
        "RABBITMQ_LOG_BASE": str(layout.log / "rabbitmq"),
        "RABBITMQ_PID_FILE": str(layout.run / "rabbitmq.pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(state / "enabled_plugins"),
        "RABBITMQ_CONFIG_FILE": str(layout.etc / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "ERL_EPMD_ADDRESS": ADDRESS,
        "ERL_EPMD_PORT": str(layout.port("epmd")),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            f"{loopback} +S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"
        ),
        "RABBITMQ_CTL_ERL_ARGS": loopback,
    }
    return Daemon("rabbitmq", [str(RABBITMQ_SERVER)], environment)


def rabbitmqctl(layout: Layout, *arguments: str) -> str:
    """Return what RabbitMQ's own command says: rows with tabs between columns, no headings."""
    command = [str(RABBITMQ_SERVER.with_name("rabbitmqctl")), "--silent", *arguments]
    environment = {**os.environ, **rabbitmq(layout).environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def memcached(layout: Layout) -> Daemon:
    """Describe memcached."""
    port = str(layout.port("memcached"))
    user = getpass.getuser()
    return Daemon("memcached", ["memcached", "-u", user, "-l", ADDRESS, "-p", port, "-U", "0"])


def moto(layout: Layout) -> Daemon:
    """Describe moto's server, the EC2 endpoint."""
    server = layout.environment_bin(MOTO.name) / "moto_server"
    return Daemon("moto", [str(server), "-H", ADDRESS, "-p", str(layout.port("moto"))])


def ec2_proxy(layout: Layout) -> Daemon:
    """Describe the proxy in front of moto that honours client tokens and injects faults."""
    return Daemon(
        "ec2-proxy",
        [
            str(layout.environment_bin(TOOLS.name) / "python"),
            str(Path(__file__).with_name("ec2_proxy.py")),
            "--port",
            str(layout.port("ec2")),
            "--upstream-port",
            str(layout.port("moto")),
        ],
        depends_on_files=[Path(__file__).with_name("ec2_proxy.py")],
    )


def wait_for_port(layout: Layout, listener: str) -> None:
    """Return when something listens on a port of the cloud."""

    def is_open() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((ADDRESS, layout.port(listener))) == 0

    waiting.until(is_open, f"{listener} listens on port {layout.port(listener)}", READY_SECS)


def _prepare_mariadb(layout: Layout) -> None:
    data = layout.state / "mariadb"
    if (data / "mysql").is_dir():
        return
    data.mkdir(parents=True, exist_ok=True)
    install = [
        "mariadb-install-db",
        "--no-defaults",
        f"--user={getpass.getuser()}",
        f"--datadir={data}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--innodb-log-file-size=96M",
    ]
    run_logged(install, layout.log / "mariadb-install.log")


def _prepare_rabbitmq(layout: Layout) -> None:
    state = layout.state / "rabbitmq"
    (state / "mnesia").mkdir(parents=True, exist_ok=True)
    (layout.log / "rabbitmq").mkdir(parents=True, exist_ok=True)
    (state / "enabled_plugins").write_text("[].\n")
    cookie = state / ".erlang.cookie"
    if not cookie.exists():
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
