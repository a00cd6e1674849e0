# SPDX-License-Identifier: Apache-2.0
"""Many servers come and go in many threads while the poll runs, as in nova-compute."""

from __future__ import annotations

import sys
import threading

import pytest
from fakes.burst_host import Database, Process, Row, make_server
from fakes.strict_cloud import StrictCloud

from nova_spillway.virt.admission import Usage
from nova_spillway.virt.fleet import Presence
from nova_spillway.virt.polling import Power

THREADS = 8
SERVERS_PER_THREAD = 25


def test_no_machine_is_lost_or_left(
    cloud: StrictCloud, database: Database, process: Process, request: pytest.FixtureRequest
) -> None:
    cloud.looks_until_running = 2
    wrong: list[str] = []
    is_over = threading.Event()

    def poll() -> None:
        while not is_over.is_set():
            process.poll.run_once()

    def live_and_die() -> None:
        for number in range(SERVERS_PER_THREAD):
            server, row = make_server(), Row()
            database.rows[server.uuid] = row
            # As the driver does, what is made of a work is written down before it ends.
            with process.lifecycle.at_work_on(server.uuid):
                machine = process.spawn(server, row)
                process.poll.expect({server.uuid: Power.ON})
            # Nova records the launch a moment later.
            process.fleet.refresh()
            process.fleet.refresh()
            row.was_launched = True
            if process.fleet.seen(server.uuid).presence is not Presence.PRESENT:
                wrong.append(f"{server.uuid} does not show")
            if [m.id for m in cloud.live(server.uuid)] != [machine.id]:
                wrong.append(f"{server.uuid} lost its machine")
            if number % 2:
                with process.lifecycle.at_work_on(server.uuid):
                    process.lifecycle.power_off(server.uuid, graceful_secs=1)
                    process.poll.expect({server.uuid: Power.OFF})
                with process.lifecycle.at_work_on(server.uuid):
                    process.lifecycle.power_on(server.uuid)
                    process.poll.expect({server.uuid: Power.ON})
            with process.lifecycle.at_work_on(server.uuid):
                process.lifecycle.destroy(server.uuid, machine.id)
                process.poll.forget(server.uuid)
            del database.rows[server.uuid]

    # Threads take turns as often as they can.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    request.addfinalizer(lambda: sys.setswitchinterval(interval))
    poller = threading.Thread(target=poll)
    workers = [threading.Thread(target=live_and_die) for _ in range(THREADS)]
    for thread in [poller, *workers]:
        thread.start()
    for thread in workers:
        thread.join()
    is_over.set()
    poller.join()
    assert wrong == []
    assert cloud.live() == []
    assert cloud.ever() == THREADS * SERVERS_PER_THREAD
    assert process.admission.usage() == Usage(0, 0, 0, 0)
    assert process.ear.heard == [], "all of it was our own doing"
