# SPDX-License-Identifier: Apache-2.0
"""What a scraper reads from a burst host, over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import logging
import pathlib
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator

import pytest
from fakes.burst_host import OWNER, Database, Process, Row, make_server
from fakes.strict_cloud import StrictCloud
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.parser import text_string_to_metric_families

from nova_spillway.providers import api
from nova_spillway.virt import metrics, metrics_server, status
from nova_spillway.virt.admission import Caps
from nova_spillway.virt.metrics_server import MetricsServer
from nova_spillway.virt.policy_file import PolicyFile
from nova_spillway.virt.spend_record import SpendRecord
from nova_spillway.virt.status import StatusSource

POLICY = """
deployment = "demo"

[[burst_hosts]]
name = "cloud1"
provider = "ec2"
max_servers = 4
max_vcpus = 10
max_memory_mb = 8192
max_disk_gb = 100
images = [{ provider_image = "ami-1" }]

[burst_hosts.ec2]
region = "us-east-1"
subnet_id = "subnet-1"

[[burst_hosts.sizes]]
name = "t3.micro"
vcpus = 2
memory_mb = 1024
price_usd_per_hour = 0.5

[[burst_hosts.sizes]]
name = "t3.large"
vcpus = 4
memory_mb = 4096
"""
CAPS = Caps(servers=4, vcpus=10, memory_mb=8192, disk_gb=100)

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class BurstHost:
    """A process with a policy file, a ledger and a served page."""

    def __init__(self, process: Process, folder: pathlib.Path) -> None:
        self.process = process
        self.policy_file = folder / "spillway.toml"
        self.policy_file.write_text(POLICY)
        self.now = 1_795_000_000.0
        self.record = SpendRecord(str(folder / "spend.json"), lambda: self.now)
        self.policy = PolicyFile(str(self.policy_file), OWNER.burst_host)
        self.source = StatusSource(
            policy=self.policy,
            fleet=process.fleet,
            admission=process.admission,
            launches=process.launches,
            poll=process.poll,
            record=self.record,
            projects={},
        )
        self.server = MetricsServer("127.0.0.1:0", metrics.registry_of(self.source.read))

    def poll(self, secs_later: float = 0.0) -> None:
        self.now += secs_later
        self.process.poll.run_once()
        self.source.count_spend()

    def scrape(self) -> Samples:
        """Return what is served; the name without its prefix, the labels without the host's."""
        status, body = get(self.server.port)
        assert status == 200
        samples: Samples = {}
        for family in families(body):
            for sample in family.samples:
                labels = dict(sample.labels)
                assert labels.pop("burst_host") == "cloud1"
                name = sample.name.removeprefix("spillway_burst_host_")
                key = (name, frozenset(labels.items()))
                assert key not in samples
                samples[key] = sample.value
        return samples


def get(port: int | None, path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
    assert port is not None
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def families(body: str) -> list[Metric]:
    return list(text_string_to_metric_families(body))


def of(samples: Samples, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of a name by their labels' values, in the order of the labels' names."""
    return {
        tuple(value for _, value in sorted(labels)): number
        for (found, labels), number in samples.items()
        if found == name
    }


@pytest.fixture
def process(cloud: StrictCloud, database: Database) -> Process:
    return Process(cloud, database, CAPS)


@pytest.fixture
def host(process: Process, tmp_path: pathlib.Path) -> Iterator[BurstHost]:
    made = BurstHost(process, tmp_path)
    made.server.start()
    yield made
    made.server.stop()


def test_before_the_first_listing_nothing_is_claimed_about_machines(
    cloud: StrictCloud, host: BurstHost
) -> None:
    cloud.fail("describe_all", api.Unavailable("away"))
    host.poll()
    samples = host.scrape()
    assert of(samples, "info") == {("ec2", "us-east-1"): 1}
    assert of(samples, "limit") == {
        ("servers",): 4,
        ("vcpus",): 10,
        ("memory_mb",): 8192,
        ("disk_gb",): 100,
    }
    assert of(samples, "offer_price_usd") == {("t3.micro",): 0.5}, "the other's is unknown"
    assert of(samples, "polls_total") == {("ok",): 0, ("failed",): 1}
    for unknown in (
        "servers",
        "used",
        "hourly_usd",
        "month_usd",
        "offer_room",
        "last_poll_timestamp_seconds",
    ):
        assert of(samples, unknown) == {}, unknown


def test_servers_use_room_and_spend(cloud: StrictCloud, host: BurstHost) -> None:
    for project_id in ("p1", "p2", "p2"):
        host.process.spawn(make_server(project_id=project_id), Row())
    stopped = cloud.live()[2]
    cloud.set_state(stopped.id, api.MachineState.STOPPED)
    host.poll()
    samples = host.scrape()
    assert of(samples, "servers") == {
        ("running",): 2,
        ("pending",): 0,
        ("stopped",): 1,
        ("other",): 0,
    }
    assert of(samples, "used") == {
        ("servers",): 3,
        ("vcpus",): 3,
        ("memory_mb",): 1536,
        ("disk_gb",): 60,
    }
    # One server is left, then one of four vCPUs and 4096 MiB; the micro would fit three times.
    assert of(samples, "offer_room") == {("t3.micro",): 1, ("t3.large",): 1}
    assert of(samples, "hourly_usd") == {(): 1.0}
    assert of(samples, "project_hourly_usd") == {("p1",): 0.5, ("p2",): 0.5}
    assert of(samples, "launches_total")["launched", "t3.micro"] == 3
    assert of(samples, "launches_total")["launched", "t3.large"] == 0, "there from the start"
    assert of(samples, "launch_seconds_count") == {(): 3}
    assert of(samples, "launch_seconds_bucket")[("600.0",)] == 3
    assert of(samples, "polls_total")[("ok",)] == 1
    begun_at = of(samples, "last_poll_timestamp_seconds")[()]
    assert abs(begun_at - time.time()) < 60


def test_the_month_grows_with_the_polls(cloud: StrictCloud, host: BurstHost) -> None:
    host.process.spawn(make_server(project_id="p1"), Row())
    host.now = cloud.live()[0].launched_at
    host.poll()
    before = of(host.scrape(), "month_usd")[()]
    host.poll(secs_later=3600)
    samples = host.scrape()
    assert of(samples, "month_usd")[()] - before == pytest.approx(0.5)
    assert of(samples, "project_month_usd")[("p1",)] == of(samples, "month_usd")[()]


def test_an_unknown_spend_is_absent_and_not_zero(host: BurstHost) -> None:
    host.policy_file.write_text(POLICY.replace("price_usd_per_hour = 0.5", ""))
    host.policy = PolicyFile(str(host.policy_file), OWNER.burst_host)
    host.source._policy = host.policy
    host.process.spawn(make_server(), Row())
    host.poll()
    host.poll(secs_later=60)
    samples = host.scrape()
    for name in ("hourly_usd", "month_usd", "project_hourly_usd", "project_month_usd"):
        assert of(samples, name) == {}, name


def test_a_size_without_room_at_the_provider_is_barred(cloud: StrictCloud, host: BurstHost) -> None:
    cloud.fail("launch", api.NoCapacity("none"))
    with pytest.raises(api.NoCapacity):
        host.process.spawn(make_server(), Row())
    samples = host.scrape()
    until = of(samples, "offer_barred_until_timestamp_seconds")
    assert set(until) == {("t3.micro",)}
    assert 0 < until[("t3.micro",)] - time.time() <= 60
    assert of(samples, "offer_recent_failures") == {("t3.micro",): 1, ("t3.large",): 0}
    assert of(samples, "launches_total")["refused", "t3.micro"] == 1
    assert of(samples, "provider_refusals_total")[("no_capacity",)] == 1
    assert of(samples, "provider_refusals_total")[("throttled",)] == 0


def test_a_full_disk_cap_leaves_no_room(host: BurstHost) -> None:
    host.process.spawn(make_server(claim=api.Claim(1, 1, 100)), Row())
    assert of(host.scrape(), "offer_room") == {("t3.micro",): 0, ("t3.large",): 0}


def test_a_scrape_never_calls_the_provider(cloud: StrictCloud, host: BurstHost) -> None:
    host.process.spawn(make_server(), Row())
    host.poll()
    before = sum(cloud.calls.values())
    for _ in range(3):
        host.scrape()
    assert sum(cloud.calls.values()) == before


def test_every_family_has_a_type_a_text_and_our_prefix(host: BurstHost) -> None:
    host.process.spawn(make_server(), Row())
    _, body = get(host.server.port)
    found = families(body)
    assert len(found) >= 15
    for family in found:
        assert family.name.startswith("spillway_burst_host_"), family.name
        assert family.type in ("gauge", "counter", "histogram"), family.name
        assert family.documentation.endswith("."), family.name


def test_as_many_series_as_the_manual_says(cloud: StrictCloud, host: BurstHost) -> None:
    for project_id in ("p1", "p2", "p3"):
        host.process.spawn(make_server(project_id=project_id), Row())
    host.poll()
    host.poll(secs_later=60)
    # One of the two sizes has no price.
    of_host, of_sizes, of_projects = 36, 2 * 7 - 1, 3 * 2
    assert len(host.scrape()) == of_host + of_sizes + of_projects


def test_every_metric_is_in_the_manual(host: BurstHost) -> None:
    manual = (pathlib.Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
    # The sidecar has metrics about burst hosts, too; they are in another section.
    section = manual.partition("\n## Burst host\n")[2].partition("\n## ")[0]
    described = {
        line.split("`")[1] for line in section.splitlines() if line.startswith("| `spillway_burst_")
    }
    host.process.spawn(make_server(), Row())
    refused = api.NoCapacity("none")
    with pytest.raises(api.NoCapacity), host.process.launches.one_of("t3.micro"):
        raise refused
    host.poll()
    _, body = get(host.server.port)
    served = {
        family.name + ("_total" if family.type == "counter" else "") for family in families(body)
    }
    assert served == described


# The server.


def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_only_the_metrics_are_there_and_only_to_be_read(host: BurstHost) -> None:
    assert get(host.server.port, "/")[0] == 404
    assert get(host.server.port, "/metrics", "POST")[0] == 405
    assert get(host.server.port, "/metrics?name[]=x")[0] == 200


def test_what_goes_wrong_in_a_scrape_is_logged_and_no_half_page(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> status.Status:
        raise RuntimeError("no status")

    server = MetricsServer("127.0.0.1:0", metrics.registry_of(broken))
    server.start()
    try:
        code, body = get(server.port)
    finally:
        server.stop()
    assert code == 500
    assert "no status" not in body and "no status" in caplog.text


def test_a_stopped_server_listens_no_more_and_may_be_started_again(host: BurstHost) -> None:
    port = host.server.port
    assert port is not None
    host.server.stop()
    host.server.stop()
    with pytest.raises(ConnectionRefusedError):
        get(port)
    host.server.start()
    assert get(host.server.port)[0] == 200


def test_a_port_that_is_taken_is_told_once_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = MetricsServer(f"127.0.0.1:{port}", registry())
        with caplog.at_level(logging.ERROR):
            server.start()
            server.start()
        assert server.port is None
        assert caplog.text.count(f"127.0.0.1:{port}") == 1
    server.start()
    try:
        assert get(port)[0] == 200
    finally:
        server.stop()


def test_it_listens_at_the_address_alone() -> None:
    server = MetricsServer("127.0.0.2:0", registry())
    server.start()
    try:
        assert server.port is not None
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=10)
        socket.create_connection(("127.0.0.2", server.port), timeout=10).close()
    finally:
        server.stop()


def test_ipv6() -> None:
    server = MetricsServer("[::1]:0", registry())
    server.start()
    try:
        assert server.port is not None
        socket.create_connection(("::1", server.port), timeout=10).close()
    finally:
        server.stop()


def test_who_lingers_is_cut_off_and_who_crowds_is_turned_away(
    host: BurstHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert host.server.port is not None
    at = ("127.0.0.1", host.server.port)
    with contextlib.ExitStack() as stack:
        crowd = [
            stack.enter_context(socket.create_connection(at, timeout=30))
            for _ in range(metrics_server._MOST_CONNECTIONS)
        ]
        one_more = stack.enter_context(socket.create_connection(at, timeout=30))
        assert one_more.recv(1) == b"", "turned away at once"
        monkeypatch.setattr(metrics_server, "_LONGEST_CONNECTION_SECS", 0.0)
        for lingering in crowd:
            assert lingering.recv(1) == b"", "cut off"
    monkeypatch.undo()
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(ConnectionError, http.client.HTTPException):
            assert get(host.server.port)[0] == 200
            break
        assert time.monotonic() < deadline


def test_under_eventlet() -> None:
    """Nova 26 to 33 patch the standard library before anything else is imported."""
    code = """
        import eventlet
        eventlet.monkey_patch()
        import urllib.request
        from prometheus_client import CollectorRegistry, Gauge
        from nova_spillway.virt.metrics_server import MetricsServer
        registry = CollectorRegistry()
        Gauge("answer", "Of all questions.", registry=registry).set(42)
        server = MetricsServer("127.0.0.1:0", registry)
        server.start()
        with eventlet.Timeout(30):
            url = f"http://127.0.0.1:{server.port}/metrics"
            print(urllib.request.urlopen(url, timeout=20).read().decode())
            server.stop()
        print("stopped")
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "answer 42.0" in done.stdout
    assert done.stdout.endswith("stopped\n")
