# SPDX-License-Identifier: Apache-2.0
"""Where new servers go."""

from __future__ import annotations

from unittest import mock

from nova.tests.functional.api import client as api_client

from nova_spillway.scheduler.manager import MultiScheduler
from tests.functional.small_cloud import OTHER_IMAGE, SECOND_BURST_HOST, FakeBurstDriver, SmallCloud


class BootTest(SmallCloud):
    """A rule that lets everything burst, whole."""

    def test_stock_command_loads_multi_scheduler(self) -> None:
        self.assertIs(MultiScheduler, type(self.scheduler))

    def test_room_left_goes_private(self) -> None:
        self.write_snapshot(gate="closed")
        self.assert_private(self.boot())
        [decision], [outcome] = self.journal("decision"), self.journal("outcome")
        self.assertEqual(decision["id"], outcome["decision"])
        self.assertEqual("filter", outcome["path"])

    def test_full_cloud_bursts_by_overflow(self) -> None:
        self.fill_private_hosts()
        server = self.boot()
        self.assert_burst(server)
        outcome = self.journal("outcome")[-1]
        self.assertEqual("hybrid", outcome["path"])
        self.assertEqual({server["id"]: "cloud1"}, outcome["hosts"])

    def test_open_gate_bursts_with_private_room_left(self) -> None:
        self.write_snapshot(gate="open")
        self.assert_burst(self.boot())

    def test_open_gate_bursts_for_a_named_zone(self) -> None:
        self.write_snapshot(gate="open")
        self.assert_burst(self.boot(az="nova"))

    def test_stale_snapshot_still_overflows_and_says_so(self) -> None:
        self.write_snapshot(gate="open", written_at_ms=1_000_000)
        self.assert_private(self.boot())
        self.assertIn("snapshot_stale", str(self.journal("decision")[-1]["decision"]["reasons"]))

    def test_nothing_anywhere_is_no_valid_host(self) -> None:
        self.fill_private_hosts()
        self.fill_burst_host("cloud1")
        server = self.boot(expected_state="ERROR")
        self.assertIn("No valid host was found.", self.fault_of(server))
        self.assertIn("cloud1", self.fault_of(server))
        self.assertEqual("no_valid_host", self.journal("outcome")[-1]["result"])

    def test_forced_host_is_obeyed(self) -> None:
        self.write_snapshot(gate="open")
        self.assertEqual("host2", self.host_of(self.boot(az="nova:host2")))
        self.assertEqual("host1", self.host_of(self.boot(host="host1")))
        self.assertEqual("cloud1", self.host_of(self.boot(az="nova:cloud1")))
        self.assertEqual(["stock"] * 3, [line["path"] for line in self.journal("outcome")])

    def test_hint_never_keeps_it_private(self) -> None:
        self.write_snapshot(gate="open")
        [server] = self.boot_many(1, **{"os:scheduler_hints": {"spillway:burst": "never"}})
        self.assert_private(server)

    def test_wrong_flavor_extra_spec_is_refused_by_the_api(self) -> None:
        error = self.assertRaises(
            api_client.OpenStackApiException,
            self.admin_api.post_extra_spec,
            "1",
            {"extra_specs": {"spillway:burst": "sometimes"}},
        )
        self.assertIn("never, overflow, load", str(error))
        self.admin_api.post_extra_spec("1", {"extra_specs": {"spillway:burst": "never"}})

    def test_request_for_several_goes_whole(self) -> None:
        servers = self.boot_many(6)
        for server in servers:
            self.assertEqual("cloud1", self.host_of(server))
        self.assertEqual(0, self.vcpus_used("host1") + self.vcpus_used("host2"))

    def test_affinity_group_stays_together(self) -> None:
        group = self.api.post_server_groups({"name": "together", "policy": "affinity"})
        hints = {"os:scheduler_hints": {"group": group["id"]}}
        # Three do not fit on a private host of two vCPUs, and the group is new.
        servers = self.boot_many(3, **hints)
        self.assertEqual({"cloud1"}, {self.host_of(server) for server in servers})
        # The group lives there now, room on private hosts or not.
        [late] = self.boot_many(1, **hints)
        self.assertEqual("cloud1", self.host_of(late))

    def test_affinity_group_on_private_host_does_not_burst(self) -> None:
        group = self.api.post_server_groups({"name": "together", "policy": "affinity"})
        hints = {"os:scheduler_hints": {"group": group["id"]}}
        servers = self.boot_many(2, **hints)
        self.assertEqual(1, len({self.host_of(server) for server in servers}))
        self.assert_private(servers[0])
        [late] = self.boot_many(1, expected_state="ERROR", **hints)
        self.assertIn("affinity group is on private host", self.fault_of(late))


class SplitTest(SmallCloud):
    """A rule that splits requests for several."""

    rule = 'multi_create = "split"'

    def test_only_the_rest_bursts(self) -> None:
        servers = self.boot_many(6)
        hosts = [self.host_of(server) for server in servers]
        self.assertEqual(2, hosts.count("cloud1"), hosts)
        self.assertEqual(2, hosts.count("host1"), hosts)
        self.assertEqual(2, hosts.count("host2"), hosts)
        self.assertEqual("split", self.journal("outcome")[-1]["path"])

    def test_private_claims_are_given_back_when_the_rest_fails(self) -> None:
        self.fill_burst_host("cloud1")
        self.boot_many(6, expected_state="ERROR")
        self.assertEqual(0, self.vcpus_used("host1") + self.vcpus_used("host2"))


class ReserveTest(SmallCloud):
    """A rule that keeps some private room free."""

    rule = "reserve = 3"

    def test_bursts_below_the_reserve(self) -> None:
        self.write_snapshot(gate="closed")
        self.assert_private(self.boot())  # four fit
        self.assert_private(self.boot())  # three fit
        self.assert_burst(self.boot())  # two fit
        self.assertEqual(2, self.vcpus_used("host1") + self.vcpus_used("host2"))


class NoEvidenceTest(SmallCloud):
    """Placement answers Nova, and not the question for evidence."""

    rule = "reserve = 100"

    def test_goes_private_and_says_so(self) -> None:
        self.write_snapshot(gate="closed")
        with mock.patch("nova_spillway.scheduler.evidence.ask_placement", return_value=None):
            self.assert_private(self.boot())
        reasons = [reason["code"] for reason in self.journal("decision")[-1]["decision"]["reasons"]]
        self.assertIn("evidence_unavailable", reasons)


class ZoneTest(SmallCloud):
    """The private hosts are in a zone that the burst host serves without being in it."""

    zones = '"nova", "zone1"'

    def test_overflow_leaves_the_zone(self) -> None:
        zone = {"aggregate": {"name": "private", "availability_zone": "zone1"}}
        aggregate = self.admin_api.post_aggregate(zone)
        for host in self.private_hosts:
            self.api.add_host_to_aggregate(aggregate["id"], host)
        for _ in range(4):
            self.assert_private(self.boot(az="zone1"))
        self.assert_burst(self.boot(az="zone1"))


class IneligibleTest(SmallCloud):
    """A rule for one image only."""

    rule = f'images = ["{OTHER_IMAGE}"]'

    def test_never_bursts_and_the_fault_says_why(self) -> None:
        self.write_snapshot(gate="open")
        for _ in range(4):
            self.assert_private(self.boot())
        server = self.boot(expected_state="ERROR")
        self.assertIn("no rule lets this request burst", self.fault_of(server))
        self.assert_burst(self.boot(image_uuid=OTHER_IMAGE))


class OffTest(SmallCloud):
    """Bursting is off."""

    mode = "off"

    def test_burst_hosts_get_nothing(self) -> None:
        self.write_snapshot(gate="open")
        self.fill_private_hosts()
        server = self.boot(expected_state="ERROR")
        self.assertIn("bursting is off", self.fault_of(server))


class ShadowTest(SmallCloud):
    """Decisions are recorded and not acted on."""

    mode = "shadow"

    def test_is_recorded_and_not_acted_on(self) -> None:
        self.write_snapshot(gate="open")
        self.assert_private(self.boot())
        [decision] = self.journal("decision")
        self.assertEqual("hybrid", decision["decision"]["shadow_attempts"][0]["kind"])


class AlternatesTest(SmallCloud):
    """What happens when the host that was chosen refuses the server."""

    def test_refusal_of_the_provider_ends_on_a_private_host(self) -> None:
        self.write_snapshot(gate="open")
        FakeBurstDriver.refuses = True
        server = self.boot()
        self.assert_private(server)
        self.assertEqual(0, self.vcpus_used("cloud1"))

    def test_overflow_that_is_refused_does_not_go_anywhere_else(self) -> None:
        self.fill_private_hosts()
        FakeBurstDriver.refuses = True
        server = self.boot(expected_state="ERROR")
        self.assertIn("Exhausted all hosts", self.fault_of(server))


class SecondBurstHostTest(SmallCloud):
    """Two burst hosts; cloud1 is the cheaper one."""

    burst_hosts = ("cloud1", "cloud2")
    more_policy = SECOND_BURST_HOST

    def test_cheaper_goes_first(self) -> None:
        self.write_snapshot(gate="open")
        self.assertEqual("cloud1", self.host_of(self.boot()))

    def test_next_burst_host_is_tried_when_placement_says_full(self) -> None:
        self.write_snapshot(gate="open")
        self.fill_burst_host("cloud1")
        self.assertEqual("cloud2", self.host_of(self.boot()))

    def test_refused_everywhere_ends_on_a_private_host(self) -> None:
        self.write_snapshot(gate="open")
        FakeBurstDriver.refuses = True
        self.assert_private(self.boot())
        self.assertEqual(0, self.vcpus_used("cloud1") + self.vcpus_used("cloud2"))

    def test_last_try_is_a_private_host(self) -> None:
        self.flags(max_attempts=2, group="scheduler")
        self.write_snapshot(gate="open")
        FakeBurstDriver.refuses = True
        self.assert_private(self.boot())
