# SPDX-License-Identifier: Apache-2.0
"""BurstFilter and BurstWeigher with Nova's own manager, for operators who allow no hook."""

from __future__ import annotations

from nova.scheduler.manager import SchedulerManager

from tests.functional.small_cloud import SMALL, SmallCloud

FILTER = "nova_spillway.scheduler.filters.BurstFilter"
WEIGHER = "nova_spillway.scheduler.weighers.BurstWeigher"


class FilterAloneTest(SmallCloud):
    """nova.conf names the filter and the weigher, and no scheduler_driver."""

    scheduler_driver = None

    def setUp(self) -> None:
        self.flags(
            available_filters=["nova.scheduler.filters.all_filters", FILTER],
            enabled_filters=["ComputeFilter", "ServerGroupAffinityFilter", "BurstFilter"],
            weight_classes=["nova.scheduler.weights.all_weighers", WEIGHER],
            group="filter_scheduler",
        )
        super().setUp()
        self.assertIs(SchedulerManager, type(self.scheduler))

    def test_private_first_then_overflow(self) -> None:
        self.write_snapshot(gate="closed")
        for _ in range(4):
            self.assert_private(self.boot())
        self.assert_burst(self.boot())

    def test_open_gate(self) -> None:
        self.write_snapshot(gate="open")
        self.assert_burst(self.boot())

    def test_forced_host(self) -> None:
        self.write_snapshot(gate="open")
        self.assertEqual("host1", self.host_of(self.boot(az="nova:host1")))
        self.assertEqual("host2", self.host_of(self.boot(host="host2")))

    def test_private_server_stays_private(self) -> None:
        self.write_snapshot(gate="open")
        server = self.boot(host="host1")
        self._resize_server(server, SMALL)
        self.assertEqual("host2", self.host_of(server))

    def test_burst_server_stays_burst(self) -> None:
        self.write_snapshot(gate="open")
        server = self.boot()
        self.write_snapshot(gate="closed")
        self.api.post_server_action(server["id"], {"migrate": None})
        self._wait_for_action_fail_completion(server, "migrate", "conductor_migrate_server")
        self.assert_burst(server)

    def test_multi_create_fills_private_hosts_and_overflows(self) -> None:
        """Server by server: the filter cannot keep a request whole."""
        hosts = [self.host_of(server) for server in self.boot_many(6)]
        self.assertEqual(2, hosts.count("cloud1"), hosts)
