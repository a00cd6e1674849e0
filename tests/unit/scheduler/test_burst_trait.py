# SPDX-License-Identifier: Apache-2.0
"""The trait of burst hosts, against a Placement that answers as told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nova_spillway.scheduler import burst_trait
from nova_spillway.scheduler.burst_trait import TRAIT, BurstTrait, TraitUnavailable


class Placement:
    """Answers PUT with the given statuses in turn and remembers the URLs."""

    def __init__(self, *statuses: int | Exception) -> None:
        self.statuses = list(statuses)
        self.urls: list[str] = []

    def put(self, url: str, data: Any, version: str | None = None) -> Any:
        self.urls.append(url)
        status = self.statuses.pop(0)
        if isinstance(status, Exception):
            raise status
        return SimpleNamespace(status_code=status)


def test_is_created_once_per_process() -> None:
    placement = Placement(201)
    trait = BurstTrait()
    trait.ensure(placement)
    trait.ensure(placement)
    assert placement.urls == [f"/traits/{TRAIT}"]


@pytest.mark.parametrize("fault", [ConnectionError("refused"), 403, 503])
def test_a_refusal_is_not_remembered(fault: int | Exception) -> None:
    placement = Placement(fault, 204)
    trait = BurstTrait()
    with pytest.raises(TraitUnavailable):
        trait.ensure(placement)
    trait.ensure(placement)
    assert len(placement.urls) == 2


def test_refusal_does_not_tell_what_placement_said() -> None:
    """An error of keystoneauth may carry a URL with credentials."""
    with pytest.raises(TraitUnavailable) as refused:
        BurstTrait().ensure(Placement(ConnectionError("http://user:secret@placement")))
    assert "secret" not in str(refused.value)


def test_was_missing_asks_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(burst_trait.time, "monotonic", lambda: clock.now)
    placement = Placement(204, 201, 204)
    trait = BurstTrait()
    trait.ensure(placement)
    assert not trait.was_missing(placement)
    assert len(placement.urls) == 1
    clock.now += burst_trait.RECHECK_SECS
    assert trait.was_missing(placement)
    clock.now += burst_trait.RECHECK_SECS
    assert not trait.was_missing(placement)
    assert len(placement.urls) == 3
