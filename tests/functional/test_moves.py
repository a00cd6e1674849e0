# SPDX-License-Identifier: Apache-2.0
"""Moves: a private server never reaches a burst host, a burst server never a private one.

Each test makes the wrong side tempting: the gate is open, and the right side is full or empty.
"""

from __future__ import annotations

from typing import Any

from nova import context, objects

from tests.functional.small_cloud import OTHER_IMAGE, SECOND_BURST_HOST, SMALL, SmallCloud


class Moves(SmallCloud):
    """What both sides of the border share."""

    server: dict[str, Any]

    def migration_fails(self, host: str | None) -> None:
        """Ask for a cold migration and wait until Nova has given up."""
        body = {"migrate": {"host": host} if host else None}
        self.api.post_server_action(self.server["id"], body)
        self._wait_for_action_fail_completion(self.server, "migrate", "conductor_migrate_server")

    def resize_fails(self) -> None:
        """Ask for a resize and wait until Nova has given up."""
        self.api.post_server_action(self.server["id"], {"resize": {"flavorRef": SMALL}})
        self._wait_for_action_fail_completion(self.server, "resize", "conductor_migrate_server")

    def last_reason(self) -> str:
        return self.journal("decision")[-1]["decision"]["reasons"][0]["code"]


class PrivateMovesTest(Moves):
    """Servers on host1, with the gate open."""

    def setUp(self) -> None:
        super().setUp()
        self.write_snapshot(gate="open")
        self.server = self.boot(host="host1")

    def fill_host2(self) -> None:
        for _ in range(2):
            self.boot(host="host2")

    def test_cold_migration(self) -> None:
        self._migrate_server(self.server)
        self.assertEqual("host2", self.host_of(self.server))
        self.assertEqual("move_private", self.last_reason())

    def test_cold_migration_has_no_burst_host_as_alternate(self) -> None:
        self.fill_host2()
        self.migration_fails(None)
        self.assertEqual("host1", self.host_of(self.server))
        self.assertEqual("no_valid_host", self.journal("outcome")[-1]["result"])

    def test_cold_migration_to_a_burst_host_by_name(self) -> None:
        self.migration_fails("cloud1")
        self.assertEqual("host1", self.host_of(self.server))

    def test_resize(self) -> None:
        self._resize_server(self.server, SMALL)
        self.assertEqual("host2", self.host_of(self.server))

    def test_resize_without_room(self) -> None:
        self.fill_host2()
        self.resize_fails()
        self.assertEqual("host1", self.host_of(self.server))

    def test_live_migration(self) -> None:
        self._live_migrate(self.server, "completed")
        self.assertEqual("host2", self.host_of(self.server))

    def test_live_migration_without_room(self) -> None:
        self.fill_host2()
        self._live_migrate(self.server, "error")
        self.assertEqual("host1", self.host_of(self.server))

    def test_live_migration_to_a_burst_host_by_name(self) -> None:
        self.api.post_server_action(
            self.server["id"], {"os-migrateLive": {"host": "cloud1", "block_migration": "auto"}}
        )
        self._wait_for_migration_status(self.server, ["error"])
        self.assertEqual("host1", self.host_of(self.server))

    def test_evacuation(self) -> None:
        self.stop_compute_host("host1")
        self._evacuate_server(self.server, expected_host="host2")

    def test_evacuation_without_room(self) -> None:
        self.fill_host2()
        self.stop_compute_host("host1")
        self._evacuate_server(
            self.server,
            expected_host="host1",
            expected_state="ERROR",
            expected_migration_status="error",
        )

    def test_unshelving(self) -> None:
        self.flags(shelved_offload_time=0)
        self._shelve_server(self.server)
        self.assertIsNone(self.host_of(self.server))
        self._unshelve_server(self.server)
        self.assert_private(self.server)

    def test_rebuild_in_place(self) -> None:
        self._rebuild_server(self.server, OTHER_IMAGE)
        self.assertEqual("host1", self.host_of(self.server))
        self.assertEqual("rebuild", self.last_reason())


class BurstMovesTest(Moves):
    """Servers on cloud1, with the gate closed and both private hosts empty."""

    burst_hosts = ("cloud1", "cloud2")
    more_policy = SECOND_BURST_HOST

    def setUp(self) -> None:
        super().setUp()
        self.write_snapshot(gate="closed")
        self.server = self.boot(host="cloud1")

    def assert_still_burst(self, server: dict[str, Any]) -> None:
        self.assert_burst(server)
        self.assertEqual(0, self.vcpus_used("host1") + self.vcpus_used("host2"))

    def test_cold_migration(self) -> None:
        self._migrate_server(self.server)
        self.assertEqual("cloud2", self.host_of(self.server))

    def test_cold_migration_without_room(self) -> None:
        self.fill_burst_host("cloud2")
        self.migration_fails(None)
        self.assert_still_burst(self.server)
        self.assertEqual("no_valid_host", self.journal("outcome")[-1]["result"])

    def test_cold_migration_to_a_private_host_by_name(self) -> None:
        self.migration_fails("host1")
        self.assert_still_burst(self.server)

    def test_resize_without_room(self) -> None:
        self.fill_burst_host("cloud2")
        self.resize_fails()
        self.assert_still_burst(self.server)

    def test_live_migration_without_room(self) -> None:
        self.fill_burst_host("cloud2")
        self._live_migrate(self.server, "error")
        self.assert_still_burst(self.server)

    def test_evacuation(self) -> None:
        self.fill_burst_host("cloud2")
        self.stop_compute_host("cloud1")
        self._evacuate_server(
            self.server,
            expected_host="cloud1",
            expected_state="ERROR",
            expected_migration_status="error",
        )
        self.assert_still_burst(self.server)

    def test_unshelving_of_a_server_that_asked_for_a_private_zone(self) -> None:
        self.flags(shelved_offload_time=0)
        self.mark_as_launched(self.server)
        self._shelve_server(self.server)
        self._unshelve_server(self.server)
        self.assert_still_burst(self.server)

    def test_rebuild_in_place(self) -> None:
        self._rebuild_server(self.server, OTHER_IMAGE)
        self.assertEqual("cloud1", self.host_of(self.server))

    def test_private_server_with_a_leftover_token_stays_private(self) -> None:
        server = self.boot(host="host1")
        self.mark_as_launched(server)
        self._migrate_server(server)
        self.assertEqual("host2", self.host_of(server))

    def mark_as_launched(self, server: dict[str, Any]) -> None:
        """Leave in the instance what Spillway's driver leaves there before a launch."""
        instance = objects.Instance.get_by_uuid(context.get_admin_context(), server["id"])
        instance.system_metadata["spillway_client_token"] = "token"
        instance.save()
