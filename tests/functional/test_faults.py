# SPDX-License-Identifier: Apache-2.0
"""Whatever breaks in Spillway, the request ends as Nova alone would end it, on private hosts."""

from __future__ import annotations

import os
import time
from typing import Any
from unittest import mock

from nova_spillway._native import CorePanic
from nova_spillway.scheduler import manager, requests
from nova_spillway.scheduler.burst_trait import TRAIT
from tests.functional.small_cloud import SECOND_BURST_HOST, SmallCloud


class BrokenEngine:
    """An engine of which one call panics; the others are the real ones."""

    def __init__(self, engine: Any, broken: str) -> None:
        self._engine = engine
        self._broken = broken

    def __getattr__(self, name: str) -> Any:
        if name == self._broken:
            raise CorePanic("index out of bounds")
        return getattr(self._engine, name)


class FaultsTest(SmallCloud):
    """The gate is open, so that a server on a private host shows that the fault mattered."""

    def setUp(self) -> None:
        super().setUp()
        self.write_snapshot(gate="open")

    def break_engine(self, call: str) -> None:
        self.scheduler._engine = BrokenEngine(self.scheduler._engine, call)

    def assert_one_traceback(self) -> None:
        self.assertEqual(1, self.log().count("Spillway failed; scheduling without a decision."))
        self.assertIn("Traceback", self.log())

    def log(self) -> str:
        return self.stdlog.logger.output

    def test_panic_in_decide(self) -> None:
        self.break_engine("decide")
        self.assert_private(self.boot())
        self.assert_one_traceback()

    def test_panic_in_refresh(self) -> None:
        self.break_engine("refresh")
        self.assert_private(self.boot())

    def test_panic_in_decide_keeps_a_burst_server_on_burst_hosts(self) -> None:
        server = self.boot()
        self.assert_burst(server)
        self.break_engine("decide")
        self.api.post_server_action(server["id"], {"migrate": None})
        self._wait_for_action_fail_completion(server, "migrate", "conductor_migrate_server")
        self.assert_burst(server)

    def test_exception_while_reading_the_request(self) -> None:
        with mock.patch.object(requests, "read_request", side_effect=KeyError("_obj_flavor")):
            self.assert_private(self.boot())
        self.assert_one_traceback()
        self.assert_burst(self.boot())

    def test_exception_while_preparing_the_hybrid_path(self) -> None:
        with mock.patch.object(manager, "burst_copy", side_effect=AttributeError("obj_clone")):
            self.assert_private(self.boot())
        [decision], [outcome] = self.journal("decision"), self.journal("outcome")
        self.assertEqual(decision["id"], outcome["decision"])
        self.assertEqual("filter", outcome["path"])
        self.assertIn("AttributeError", outcome["detail"])

    def test_exception_while_adding_alternates(self) -> None:
        with mock.patch.object(manager, "add_alternates", side_effect=ValueError("no")):
            self.assert_burst(self.boot())

    def test_panic_while_writing_the_journal(self) -> None:
        self.break_engine("record_outcome")
        server = self.boot()
        self.assert_burst(server)
        self.assertEqual(1, self.vcpus_used("cloud1"))

    def test_trait_was_deleted_from_placement(self) -> None:
        """Placement answers HTTP 400 to a query with an unknown trait: no server could boot."""
        self.boot()
        self.stop_compute_host("cloud1")
        provider = self._get_provider_uuid_by_host("cloud1")
        generation = self._get_resource_provider_by_uuid(provider)["generation"]
        self.placement.put(
            f"/resource_providers/{provider}/traits",
            {"resource_provider_generation": generation, "traits": []},
            version="1.6",
        )
        self.assertEqual(204, self._delete_trait(TRAIT).status)
        self.write_snapshot(gate="closed")
        with mock.patch("nova_spillway.scheduler.burst_trait.RECHECK_SECS", 0.0):
            self.assert_private(self.boot())
        self.assertIn("was deleted from Placement", self.log())

    def test_placement_does_not_answer(self) -> None:
        """As with Nova alone: no valid host, and no traceback of ours."""
        client = self.scheduler.placement_client
        with mock.patch.object(client, "get_allocation_candidates", return_value=None):
            server = self.boot(expected_state="ERROR")
        self.assertIn("No valid host was found.", self.fault_of(server))
        self.assertEqual("no_valid_host", self.journal("outcome")[-1]["result"])
        self.assertNotIn("Spillway failed", self.log())
        self.assert_burst(self.boot())

    def test_placement_fails(self) -> None:
        """What Nova's own code raises goes to Nova as it is."""
        client = self.scheduler.placement_client
        broken = mock.patch.object(
            client, "get_allocation_candidates", side_effect=MemoryError("placement")
        )
        with broken:
            self.boot(expected_state="ERROR")
        outcome = self.journal("outcome")[-1]
        self.assertEqual(("error", "MemoryError"), (outcome["result"], outcome["detail"]))
        self.assertNotIn("Spillway failed", self.log())

    def test_placement_refuses_the_trait(self) -> None:
        self.scheduler._trait._confirmed_at = None
        client = self.scheduler.placement_client
        put = client.put

        def refuse_traits(url: str, *args: Any, **kwargs: Any) -> Any:
            if url.startswith("/traits/"):
                raise ConnectionError("refused")
            return put(url, *args, **kwargs)

        with mock.patch.object(client, "put", refuse_traits):
            self.boot()
        self.assertIn("The trait of burst hosts is unknown", self.log())
        self.assertEqual([], self.journal("decision"))


class JournalTest(SmallCloud):
    """The journal cannot be written: a folder is in its place."""

    def write_policy(self, text: str | None = None) -> None:
        super().write_policy(text)
        (self.folder / "journal.jsonl").mkdir(exist_ok=True)

    def test_scheduling_goes_on_with_one_line_and_a_counter(self) -> None:
        self.write_snapshot(gate="open")
        for _ in range(3):
            self.assert_burst(self.boot())
        self.assertEqual(1, self.stdlog.logger.output.count("The journal cannot be written"))
        self.assertLessEqual(6, self.scheduler._engine.journal_failures)


class BadPolicyTest(SmallCloud):
    """The policy file has an error when the scheduler starts."""

    def write_policy(self, text: str | None = None) -> None:
        super().write_policy(text or 'mod = "active"\n')

    def test_boots_go_private_and_one_line_says_why(self) -> None:
        for _ in range(2):
            self.assert_private(self.boot())
        log = self.stdlog.logger.output
        lines = [line for line in log.splitlines() if "spillway.toml:1:1" in line]
        self.assertEqual(1, len(lines), lines)
        self.assertIn("mode", lines[0])
        for _ in range(2):
            self.assert_private(self.boot())
        self.boot(expected_state="ERROR")


class MissingPolicyTest(SmallCloud):
    """There is no policy file."""

    def write_policy(self, text: str | None = None) -> None:
        if text is not None:
            super().write_policy(text)

    def test_boots_go_private(self) -> None:
        self.assert_private(self.boot())
        self.assertIn(str(self.policy_file), self.stdlog.logger.output)

    def test_a_forced_host_still_is(self) -> None:
        self.assertEqual("cloud1", self.host_of(self.boot(host="cloud1")))


class ReloadedPolicyTest(SmallCloud):
    """The policy file changes while the scheduler runs."""

    more_policy = SECOND_BURST_HOST
    burst_hosts = ("cloud1", "cloud2")
    looked = 0

    def test_a_bad_file_leaves_the_last_good_policy(self) -> None:
        self.write_snapshot(gate="open")
        self.assert_burst(self.boot())
        good = self.policy_file.read_text()
        self.write_policy(good + "\nnonsense = \n")
        self.next_look_at_the_policy()
        self.assert_burst(self.boot())
        self.write_policy(good.replace('mode = "active"', 'mode = "off"'))
        self.next_look_at_the_policy()
        self.assert_private(self.boot())

    def next_look_at_the_policy(self) -> None:
        """Make the engine look again at once: it looks at most once a second."""
        # The modification time has to differ, whatever the file system's resolution.
        stamp = self.policy_file.stat().st_mtime_ns + 2_000_000_000
        os.utime(self.policy_file, ns=(stamp, stamp))
        self.looked += 2
        self.scheduler._refresh_policy(time.time() + self.looked)
