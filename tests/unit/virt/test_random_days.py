# SPDX-License-Identifier: Apache-2.0
"""Random days of a burst host: crashes, lost answers, late machines, deletions, each from a seed.

Whatever happens, no launch is made twice, no server loses a machine that it stands for, and when
the trouble is over there is exactly one machine per launched server and none besides.
"""

from __future__ import annotations

import random
import uuid

import pytest
from fakes.burst_host import Database, Process, Row, make_server
from fakes.strict_cloud import Killed, StrictCloud

from nova_spillway.providers import api

STEPS_PER_DAY = 60
FAULTS = (
    lambda: (api.Unavailable("lost"), True),
    lambda: (api.Unavailable("lost"), False),
    lambda: (api.Throttled("slow down"), False),
)
LAUNCH_FAULTS = (*FAULTS, lambda: (api.NoCapacity("none"), False))


class Day:
    """One day; ``run`` plays it and checks the rules after every step."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.cloud = StrictCloud()
        self.database = Database()
        self.process = Process(self.cloud, self.database)
        # Servers whose deletion failed or was cut off: it is asked for again.
        self.half_deleted: set[str] = set()
        # Machines that launched servers stand for, and nobody but their user may end.
        self.stood_for: set[str] = set()

    def run(self) -> None:
        for _ in range(STEPS_PER_DAY):
            step = self.random.choices(
                [self.spawn, self.delete, self.poll, self.restart, self.trouble, self.outside],
                [5, 3, 6, 1, 4, 1],
            )[0]
            try:
                step()
            except Killed:
                self.restart()
            self.check_rules()
        self.come_to_rest()

    # Steps.

    def spawn(self) -> None:
        server = make_server(uuid=str(uuid.UUID(int=self.random.getrandbits(128))))
        row = self.database.rows.setdefault(server.uuid, Row())
        self.cloud.looks_until_visible = self.random.choice([0, 0, 1, 5])
        self.cloud.looks_until_running = self.random.choice([0, 1, 3])
        if self.random.random() < 0.1:
            row.fail_save_number = self.random.choice([1, 2])
        if self.random.random() < 0.25:
            step = self.random.choice(["image", "launch", "describe_all", "describe_instance"])
            self.process.provider.kill_at(step, self.random.random() < 0.5)
        try:
            self.process.spawn(server, row)
        except (api.ProviderError, RuntimeError):
            # As Nova and the driver do: clean up, forget, go to the next host.
            self.process.lifecycle.destroy(server.uuid, row.metadata.get("spillway_machine"))
            row.metadata.clear()
            row.host = None
            return
        if self.random.random() < 0.1:
            # Nova's own save after the spawn failed.
            row.host = None
            return
        if self.random.random() < 0.1:
            self.poll()
        row.was_launched = True
        self.stood_for.add(row.metadata["spillway_machine"])

    def delete(self) -> None:
        if not self.database.rows:
            return
        instance_uuid = self.random.choice(sorted(self.database.rows))
        machine_id = self.database.rows[instance_uuid].metadata.get("spillway_machine")
        self.stood_for.discard(machine_id or "")
        if self.random.random() < 0.1:
            # Deleted by the API alone while this host did not answer.
            del self.database.rows[instance_uuid]
            return
        try:
            self.process.lifecycle.destroy(instance_uuid, machine_id or None)
        except api.ProviderError:
            self.half_deleted.add(instance_uuid)
            return
        except Killed:
            self.half_deleted.add(instance_uuid)
            raise
        del self.database.rows[instance_uuid]

    def poll(self) -> None:
        self.database.is_down = self.random.random() < 0.1
        self.process.now += self.random.choice([10.0, 700.0])
        self.process.poll.run_once()
        self.database.is_down = False

    def restart(self) -> None:
        now = self.process.now
        self.process = Process(self.cloud, self.database)
        self.process.now = now

    def trouble(self) -> None:
        operation = self.random.choice(["launch", "describe_all", "describe_instance", "terminate"])
        faults = LAUNCH_FAULTS if operation == "launch" else FAULTS
        for _ in range(self.random.choice([1, 1, 2, 4])):
            self.cloud.fail(operation, *self.random.choice(faults)())

    def outside(self) -> None:
        live = self.cloud.live()
        if live:
            machine = self.random.choice(sorted(live, key=lambda m: m.id))
            self.stood_for.discard(machine.id)
            if self.random.random() < 0.5:
                self.cloud.forget(machine.id)
            else:
                self.cloud.set_state(machine.id, api.MachineState.TERMINATED)

    # Rules.

    def check_rules(self) -> None:
        live = {machine.id for machine in self.cloud.live()}
        assert self.stood_for <= live, "a machine was ended that its server stands for"
        tokens = [machine.client_token for machine in self.cloud.live()]
        assert len(tokens) == len(set(tokens)), "one launch made two machines"

    def come_to_rest(self) -> None:
        self.cloud.end_trouble()
        self.database.is_down = False
        self.process.provider.kill_at("nothing", False)
        for instance_uuid in self.half_deleted & set(self.database.rows):
            row = self.database.rows.pop(instance_uuid)
            self.process.lifecycle.destroy(instance_uuid, row.metadata.get("spillway_machine"))
        for _ in range(60):
            self.process.now += 700.0
            self.process.poll.run_once()
        self.check_rules()
        assert {machine.id for machine in self.cloud.live()} == self.stood_for


@pytest.mark.parametrize("decade", range(20))
def test_any_day_comes_to_rest(decade: int) -> None:
    for seed in range(decade * 10, decade * 10 + 10):
        try:
            Day(seed).run()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
