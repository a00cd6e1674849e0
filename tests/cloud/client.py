# SPDX-License-Identifier: Apache-2.0
"""The running cloud as its users and its operator see it: servers, machines, faults, policy."""

from __future__ import annotations

import copy
import json
import os
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import openstack

from tests.cloud import policy as policies
from tests.cloud import resources, services, waiting
from tests.cloud.journal import Journal
from tests.cloud.layout import Layout
from tests.cloud.processes import Supervisor

SETTLED_SECS = 180.0
"""How long a server may take to be ACTIVE or ERROR. Seen: 7 s alone on two busy cores."""

LIVE_STATES = ("pending", "running", "stopping", "stopped", "shutting-down")
"""EC2's states of a machine that is not terminated."""

POLICY_LOOK_SECS = 1.0
"""A scheduler worker looks at the policy file at most this often."""


class Cloud:
    """A cloud that is up."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.supervisor = Supervisor(layout.home)
        self.journal = Journal(layout.journal_file)
        self.ec2 = policies.ec2_client(layout)
        self._connections: dict[str, openstack.connection.Connection] = {}

    def project(self, name: str) -> openstack.connection.Connection:
        """Return the administrator's connection in a project."""
        if name not in self._connections:
            self._connections[name] = resources.connect(self.layout, name)
        return self._connections[name]

    @property
    def demo(self) -> openstack.connection.Connection:
        """The connection in the project that may burst."""
        return self.project("demo")

    @cached_property
    def network_id(self) -> str:
        """Id of the network on which servers boot."""
        return str(self.demo.network.find_network(resources.NETWORK).id)

    # Servers.

    def boot(
        self,
        flavor: str = "m1.tiny",
        *,
        image: str = "tiny",
        count: int = 1,
        project: str = "demo",
        name: str = "server",
        **more: Any,
    ) -> list[str]:
        """Ask Nova for servers in one request; return their ids.

        :param more: passed on to Nova's API, such as ``availability_zone``.
        """
        connection = self.project(project)
        name = f"{name}-{uuid.uuid4().hex[:8]}"
        first = connection.compute.create_server(
            name=name,
            image_id=connection.image.find_image(image).id,
            flavor_id=connection.compute.find_flavor(flavor).id,
            networks=[{"uuid": self.network_id}],
            min_count=count,
            max_count=count,
            **more,
        )
        if count == 1:
            return [first.id]
        found = connection.compute.servers(details=False, name=f"^{name}-")
        ids = [server.id for server in found]
        if len(ids) != count:
            raise AssertionError(f"asked for {count} servers, Nova lists {len(ids)}")
        return ids

    def boot_each(self, number: int, **arguments: Any) -> list[str]:
        """Ask Nova for servers in as many requests, all at once; return their ids."""
        # Not in the threads: the SDK looks up its endpoints on first use, and not thread-safely.
        _ = self.network_id, self.demo.compute.find_flavor("m1.tiny")
        _ = self.demo.image.find_image("tiny")
        with ThreadPoolExecutor(number) as pool:
            answers = [pool.submit(self.boot, **arguments) for _ in range(number)]
            return [server_id for answer in answers for server_id in answer.result()]

    def server(self, server_id: str) -> Any:
        """Return a server as Nova's API shows it now."""
        return self.project("admin").compute.get_server(server_id)

    def settle(self, server_ids: Iterable[str], deadline_secs: float = SETTLED_SECS) -> list[Any]:
        """Return servers when each is ACTIVE or ERROR with no task left, in the order of ids."""
        wanted = list(server_ids)
        seen: dict[str, Any] = {}

        def settled() -> bool:
            if len(wanted) == 1:
                listed = [self.server(wanted[0])]
            else:
                listed = list(self.project("admin").compute.servers(all_projects=True))
            seen.update({server.id: server for server in listed})
            return all(
                seen[i].status in ("ACTIVE", "ERROR") and not seen[i].task_state for i in wanted
            )

        def what() -> str:
            states = [f"{i} is {seen[i].status}/{seen[i].task_state}" for i in wanted if i in seen]
            return "servers settle: " + ", ".join(states)

        waiting.until(settled, what, deadline_secs, 0.2 if len(wanted) < 5 else 0.5)
        return [seen[server_id] for server_id in wanted]

    def refusals(self, server_id: str) -> list[str]:
        """Return what burst hosts said of a server that they could not launch, as its user sees."""
        compute = self.demo.compute
        details = []
        for action in compute.server_actions(server_id):
            shown = compute.get_server_action(action.request_id, server_id)
            details += [
                event["details"]
                for event in shown.events or ()
                if event["event"] == "spillway_launch"
            ]
        return details

    def place(self, flavor: str = "m1.tiny", **arguments: Any) -> Any:
        """Boot one server and return it when it is ACTIVE or ERROR."""
        return self.settle(self.boot(flavor, **arguments))[0]

    def account(self, server: Any) -> dict[str, Any]:
        """Return how a server came to where it is, for whoever expected it elsewhere."""
        decision = self.journal.decision(server.id)
        return {
            "host": server.compute_host,
            "decision": decision["decision"],
            "outcome": self.journal.outcome(decision),
            "refusals": self.refusals(server.id),
        }

    def boot_events(self, server_id: str) -> list[str]:
        """Return what the events of a server's boot say to its user."""
        compute = self.project("admin").compute
        (boot,) = [a for a in compute.server_actions(server_id) if a.action == "create"]
        events = compute.get_server_action(boot.request_id, server_id).events
        return [str(event.get("details")) for event in events]

    def delete(self, server_ids: Iterable[str], deadline_secs: float = SETTLED_SECS) -> None:
        """Delete servers and return when they are gone."""
        left = set(server_ids)
        compute = self.project("admin").compute
        for server_id in left:
            compute.delete_server(server_id, ignore_missing=True)

        def gone() -> bool:
            return not left & {s.id for s in compute.servers(details=False, all_projects=True)}

        waiting.until(gone, f"{len(left)} servers are deleted", deadline_secs, 0.3)

    def allocated_hosts(self, server_id: str) -> list[str]:
        """Return the hosts on which Placement has claims of a server."""
        placement = self.project("admin").placement
        claims = placement.get(f"/allocations/{server_id}").json()["allocations"]
        names = {p.id: p.name for p in placement.resource_providers()}
        return sorted(names[provider] for provider in claims)

    def all_servers(self) -> list[Any]:
        """Return every server of every project."""
        return list(self.project("admin").compute.servers(all_projects=True))

    # Private room.

    def fill(self, room: int) -> None:
        """Occupy the private hosts until exactly ``room`` vCPUs are free, on the last hosts."""
        free = room
        for host in reversed(self.layout.private_hosts):
            here = min(free, self.layout.sizes.private_vcpus)
            self.fill_host(host, here)
            free -= here
        if free > 0:
            raise ValueError(f"the private hosts never have room for {room} vCPUs")

    def fill_host(self, host: str, room: int) -> None:
        """Occupy an empty private host until exactly ``room`` vCPUs are free."""
        vcpus = self.layout.sizes.private_vcpus - room
        if vcpus:
            zone = f"nova:{host}"
            server = self.place(self.filler_flavor(vcpus), availability_zone=zone, name="filler")
            if server.status != "ACTIVE":
                raise AssertionError(f"the filler of {host} failed: {server.fault}")

    def filler_flavor(self, vcpus: int) -> str:
        """Return the name of a flavor that has so many vCPUs and never bursts."""
        name = f"private.filler-{vcpus}"
        compute = self.demo.compute
        if compute.find_flavor(name) is None:
            compute.create_flavor(name=name, vcpus=vcpus, ram=64, disk=1)
        return name

    def is_private(self, server: Any) -> bool:
        """Return whether a server is on a private host."""
        return server.compute_host in self.layout.private_hosts

    def is_burst(self, server: Any) -> bool:
        """Return whether a server is on the burst host."""
        return bool(server.compute_host == self.layout.burst_host)

    # Machines at the EC2 endpoint.

    def machines(self, server_id: str | None = None) -> list[dict[str, Any]]:
        """Return our machines, of one server or of all, whatever their state."""
        filters = [{"Name": "tag:spillway:deployment", "Values": [policies.DEPLOYMENT]}]
        if server_id:
            filters.append({"Name": "tag:spillway:instance", "Values": [server_id]})
        pages = self.ec2.get_paginator("describe_instances").paginate(Filters=filters)
        return [
            machine
            for page in pages
            for reservation in page["Reservations"]
            for machine in reservation["Instances"]
        ]

    def live_machines(self, server_id: str | None = None) -> list[dict[str, Any]]:
        """Return our machines that are not terminated."""
        return [m for m in self.machines(server_id) if m["State"]["Name"] in LIVE_STATES]

    # Policy and snapshot.

    def standard_policy(self) -> dict[str, Any]:
        """Return the cloud's own policy."""
        return copy.deepcopy(self._standard_policy)

    @cached_property
    def _standard_policy(self) -> dict[str, Any]:
        return policies.standard(self.layout, resources.project_ids(self.layout))

    def use_policy(self, change: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Write the standard policy, changed as told, and return when every worker will see it."""
        policy = self.standard_policy()
        if change:
            change(policy)
        if policies.write(self.layout, policy):
            self._until_workers_look_again()

    def use_policy_text(self, text: str) -> None:
        """Write any text as the policy and return when every worker will see it."""
        policies.replace(self.layout, text)
        self._until_workers_look_again()

    def _until_workers_look_again(self) -> None:
        """Return when every worker's last look is so long ago that its next request looks again.

        A worker looks at the file when it has a request, so the time since the file was written
        bounds the time since its last look at the old one.
        """
        written = self.layout.policy_file.stat().st_mtime
        waiting.until(
            lambda: time.time() - written > POLICY_LOOK_SECS,
            "workers may look at the policy again",
            POLICY_LOOK_SECS + 5,
        )

    def write_snapshot(self, **changes: Any) -> None:
        """Write a fresh snapshot; ``changes`` replace its fields."""
        snapshot = {
            "format": 1,
            "writer": "tests/cloud",
            "written_at_ms": int(time.time() * 1000),
            "mode": None,
            "paused": False,
            **changes,
        }
        self.write_snapshot_text(json.dumps(snapshot))

    def open_gate(self, state: str = "open") -> None:
        """Write a fresh snapshot in which the whole cloud's gate has the given state."""
        gate = {
            "scope": "cloud",
            "state": state,
            "since_ms": int(time.time() * 1000) - 60_000,
            "forced": None,
            "signals": ["cpu"],
        }
        self.write_snapshot(gates=[gate])

    def write_snapshot_text(self, text: str) -> None:
        """Replace the snapshot file, as the sidecar does, by anything."""
        replacement = self.layout.snapshot_file.with_suffix(".new")
        replacement.write_text(text)
        os.replace(replacement, self.layout.snapshot_file)

    def remove_snapshot(self) -> None:
        """Remove the snapshot file."""
        self.layout.snapshot_file.unlink(missing_ok=True)

    def private_vcpus_free(self) -> int:
        """Return how many vCPUs of the private hosts Placement has free now."""
        placement = self.project("admin").placement
        free = 0
        for provider in placement.resource_providers():
            if provider.name in self.layout.private_hosts:
                path = f"/resource_providers/{provider.id}"
                inventory = placement.get(f"{path}/inventories").json()["inventories"]["VCPU"]
                used = placement.get(f"{path}/usages").json()["usages"]["VCPU"]
                free += inventory["total"] - inventory["reserved"] - used
        return free

    # The EC2 endpoint's faults.

    def ec2_state(self) -> dict[str, Any]:
        """Return what the proxy in front of the EC2 endpoint has seen and holds."""
        return self._proxy("GET", "")

    def refuse(self, code: str, message: str, status: int = 400) -> None:
        """Make the EC2 endpoint refuse launches."""
        order = {"action": "RunInstances", "code": code, "message": message, "status": status}
        self._proxy("PUT", "/refuse", order)

    def hold_launches(self, when: str) -> None:
        """Make launches hang, ``before`` or ``after`` the endpoint carried them out."""
        self._proxy("PUT", "/hold", {"action": "RunInstances", "when": when})

    def held_launches(self) -> int:
        """Return how many launches hang now."""
        return int(self.ec2_state()["held"].get("RunInstances", 0))

    def be_kind(self) -> None:
        """End all faults of the EC2 endpoint."""
        self._proxy("DELETE", "/refuse")
        self._proxy("DELETE", "/hold")

    def _proxy(self, method: str, path: str, order: dict[str, Any] | None = None) -> dict[str, Any]:
        body = json.dumps(order).encode() if order is not None else None
        url = self.layout.url("ec2", f"/_control{path}")
        request = urllib.request.Request(url, data=body, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            state: dict[str, Any] = json.load(answer)
            return state

    # The daemons.

    def scheduler_log(self) -> list[str]:
        """Return what nova-scheduler has logged so far."""
        return self.supervisor.log_file("nova-scheduler").read_text().splitlines()

    def compute_log(self, host: str) -> list[str]:
        """Return what a host's nova-compute has logged so far."""
        return self.supervisor.log_file(services.compute_name(host)).read_text().splitlines()

    def service(self, host: str) -> Any:
        """Return Nova's record of a host's nova-compute."""
        return next(iter(self.project("admin").compute.services(binary="nova-compute", host=host)))

    def stop_compute(self, host: str) -> None:
        """End a host's nova-compute and tell Nova so, instead of waiting for Nova to notice."""
        self.supervisor.stop([services.compute_name(host)])
        self._force_down(host, True)

    def start_compute(self, host: str) -> None:
        """Start a host's nova-compute anew and return when Nova sees it up."""
        # The old one must not be taken for the new one.
        self.supervisor.stop([services.compute_name(host)])
        before = self.service(host).updated_at
        self.supervisor.start(services.nova_compute(self.layout, host))

        def reports() -> bool:
            return bool(self.service(host).updated_at != before)

        waiting.until(reports, f"nova-compute of {host} reports", SETTLED_SECS, 0.3)
        # Not earlier: Nova refuses this until a host has cleaned up what was evacuated from it.
        self._force_down(host, False)
        waiting.until(lambda: self.service(host).state == "up", f"{host} is up", SETTLED_SECS, 0.3)

    def set_compute_right(self, host: str) -> None:
        """Make a host's nova-compute run, with its policy and configuration as they are now."""
        record = self.supervisor.alive(services.compute_name(host))
        wanted = services.nova_compute(self.layout, host).digest()
        if record is None or record.digest != wanted:
            self.start_compute(host)
        elif self.service(host).is_forced_down:
            self._force_down(host, False)

    def until_hosts_report(self) -> None:
        """Return when every host's nova-compute has reported once more: it reaches the conductor.

        :raises waiting.DeadlineExceeded: one does not.
        """

        def reports() -> dict[str, str]:
            services = self.project("admin").compute.services(binary="nova-compute")
            return {service.host: service.updated_at for service in services}

        before = reports()
        waiting.until(
            lambda: not before.items() & reports().items(),
            lambda: f"no report since then: {dict(before.items() & reports().items())}",
            SETTLED_SECS,
            0.5,
        )

    def restart_compute(self, host: str) -> None:
        """Restart a host's nova-compute, so that it reads the policy again."""
        self.stop_compute(host)
        self.start_compute(host)

    def _force_down(self, host: str, is_down: bool) -> None:
        compute = self.project("admin").compute
        compute.update_service_forced_down(self.service(host), host, "nova-compute", forced=is_down)
