# SPDX-License-Identifier: Apache-2.0
"""Compare consuming a notification with dropping it and with an oslo.messaging listener.

    python -m tests.benchmarks notifications
    python -m tests.benchmarks notifications --rounds 9 --output json

Needs cargo, Debian's rabbitmq-server, and oslo.messaging in the interpreter's environment. A broker
is started and filled with notifications as Nova sends them; the three clients take turns at queues
that hold the same. Figures are CPU time of the client's whole process per notification, the median
of the rounds. The exit code is 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.goals import Goals

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's inner script; the one in the path wants to be its own user."""

READY_SECS = 180.0
"""How long RabbitMQ may take to start."""


def build() -> str:
    """Build the Rust program; return its path."""
    command = ["cargo", "bench", "-p", "spillway-runtime", "--features", "engine"]
    command += ["--bench", "notification", "--no-run", "--message-format", "json"]
    built = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    artifacts = (json.loads(line) for line in built.stdout.splitlines())
    programs = [str(one["executable"]) for one in artifacts if one.get("executable")]
    return programs[-1]


def free_port() -> int:
    """Return a port of the loopback interface that nobody has."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def broker() -> Iterator[str]:
    """Run a RabbitMQ on the loopback interface; yield its address."""
    if not SERVER.exists():
        raise SystemExit(f"{SERVER} is missing; install it: apt-get install rabbitmq-server")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        state = Path(name)
        (state / "enabled_plugins").write_text("[].\n")
        cookie = state / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        port, epmd_port = free_port(), str(free_port())
        loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
        environment = {
            **os.environ,
            "HOME": str(state),
            "RABBITMQ_NODENAME": "benchmark@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(state / "mnesia"),
            "RABBITMQ_LOG_BASE": str(state / "log"),
            "RABBITMQ_PID_FILE": str(state / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(state / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(state / "none"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": epmd_port,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{loopback} +S 1:1 +sbwt none",
            "RABBITMQ_CTL_ERL_ARGS": loopback,
        }
        epmd = subprocess.Popen(
            ["epmd", "-address", "127.0.0.1", "-port", epmd_port], env=environment
        )
        with (state / "out.log").open("w") as log:
            server = subprocess.Popen(
                [str(SERVER)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            _wait_until_ready(port, server)
            yield f"amqp://guest:guest@127.0.0.1:{port}/%2F"
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
            epmd.kill()
            epmd.wait()


def _wait_until_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError("RabbitMQ did not start")


def measured(*command: str) -> float:
    """Run a client; return the CPU time of one notification in microseconds."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    micros: float = json.loads(done.stdout)["micros"]
    return micros


def judge(goals: Goals, program: str, url: str, n_messages: int, rounds: int) -> None:
    """Let the clients take turns, and add what they took."""
    n = str(n_messages)
    clients = {
        "typed": [program, "typed", url.replace("guest:guest@", ""), n],
        "dropped": [program, "dropped", url, n],
        "oslo": [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.oslo_listener", url, n],
    }
    micros: dict[str, list[float]] = {name: [] for name in clients}
    for turn in range(rounds):
        print(f"round {turn + 1} of {rounds} ...", file=sys.stderr, flush=True)
        subprocess.run([program, "fill", url.replace("guest:guest@", ""), n], check=True)
        for name, command in clients.items():
            micros[name].append(measured(*command))
    typed, dropped, oslo = (statistics.median(micros[name]) for name in clients)
    goals.add(
        "consuming and reading / an oslo.messaging listener",
        typed / oslo,
        1 / 8,
        typed_us=typed,
        oslo_us=oslo,
    )
    goals.add(
        "consuming and reading / consuming and dropping",
        typed / dropped,
        2.5,
        typed_us=typed,
        dropped_us=dropped,
    )
    goals.add("share of a core that 10,000 notifications a second take", typed / 100, 1.0)


def main(arguments: list[str]) -> int:
    """Measure, print, and return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000, help="in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", choices=["table", "json"], default="table")
    options = parser.parse_args(arguments)
    goals = Goals()
    program = build()
    with broker() as url:
        judge(goals, program, url, options.messages, options.rounds)
    return goals.show(options.output)
