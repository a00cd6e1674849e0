# SPDX-License-Identifier: Apache-2.0
"""Client tokens: one for one launch, another for any difference."""

from __future__ import annotations

import dataclasses

import pytest
from fakes.burst_host import OWNER

from nova_spillway.providers import api
from nova_spillway.virt import intent

REQUEST = api.LaunchRequest(
    instance_uuid="11111111-2222-3333-4444-555555555555",
    hostname="web",
    size="t3.micro",
    image=api.Image("ami-1", "/dev/sda1", 8),
    root_gb=20,
    claim=api.Claim(1, 512, 20),
    key_name="key",
    user_data=b"secret",
)
PLACE = {"region": "eu-west-1", "subnet_id": "subnet-1", "security_group_ids": ("sg-1",)}


def token(
    request: api.LaunchRequest = REQUEST,
    owner: api.Owner = OWNER,
    place: dict[str, object] | None = None,
    generation: int = 1,
) -> str:
    return intent.intend(owner, request, place or PLACE, generation).client_token


def test_a_token_fits_ec2_and_is_the_same_again() -> None:
    assert token() == token()
    assert len(token()) == 52
    assert token().isascii() and token().isalnum()


def test_a_token_is_the_same_for_ever() -> None:
    """A new release must find the machines that an old one launched."""
    assert token() == "pvmjhfafypc42jykys3lammsb7ltea2hukws4ze4ydquadk63enq"


@pytest.mark.parametrize(
    "change",
    [
        {"instance_uuid": "other"},
        {"hostname": "other"},
        {"size": "t3.large"},
        {"image": api.Image("ami-2", "/dev/sda1", 8)},
        {"root_gb": 21},
        {"claim": api.Claim(2, 512, 20)},
        {"key_name": None},
        {"user_data": b"other"},
    ],
)
def test_any_other_parameter_is_another_token(change: dict[str, object]) -> None:
    assert set(change) <= {field.name for field in dataclasses.fields(REQUEST)}
    assert token(dataclasses.replace(REQUEST, **change)) != token()


def test_the_project_is_no_part_of_it() -> None:
    """It follows from the server, and older releases did not tell it to the provider."""
    assert token(dataclasses.replace(REQUEST, project_id="p1")) == token()


def test_owner_place_and_generation_are_part_of_it() -> None:
    tokens = {
        token(),
        token(generation=2),
        token(place={**PLACE, "subnet_id": "subnet-2"}),
        token(owner=api.Owner("demo", "cloud2")),
        token(owner=api.Owner("other", "cloud1")),
    }
    assert len(tokens) == 5


def test_no_secret_is_saved() -> None:
    saved = str(intent.intend(OWNER, REQUEST, PLACE, 1).as_metadata())
    assert "secret" not in saved
    assert "secret" not in repr(REQUEST)


def test_the_same_launch_keeps_its_generation() -> None:
    first = intent.next_intent(OWNER, REQUEST, PLACE, None)
    assert first.generation == 1
    recorded = intent.recorded(first.as_metadata())
    assert intent.next_intent(OWNER, REQUEST, PLACE, recorded) == first


def test_another_launch_of_the_server_has_the_next_generation() -> None:
    first = intent.next_intent(OWNER, REQUEST, PLACE, None)
    other = dataclasses.replace(REQUEST, size="t3.large")
    second = intent.next_intent(OWNER, other, PLACE, first)
    assert second.generation == 2
    assert intent.next_intent(OWNER, REQUEST, PLACE, second).generation == 3


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"spillway_client_token": "t"},
        {"spillway_client_token": "t", "spillway_generation": "x"},
    ],
)
def test_no_usable_record_is_none(metadata: dict[str, str]) -> None:
    assert intent.recorded(metadata) is None


def test_what_is_saved_fits_novas_column() -> None:
    assert all(
        len(v) <= 255 for v in intent.intend(OWNER, REQUEST, PLACE, 1).as_metadata().values()
    )
