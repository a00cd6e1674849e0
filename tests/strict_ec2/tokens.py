# SPDX-License-Identifier: Apache-2.0
"""Client tokens of RunInstances. Pure.

EC2 developer guide, "Ensuring idempotency in Amazon EC2 API requests": a token is at most 64 ASCII
characters; with the same parameters the retry succeeds and does nothing, the answer may show the
state of now; with others it fails with IdempotentParameterMismatch; a request that names its zone
(or subnet) has its token per zone. A token whose machine is terminated fails with
IdempotentInstanceTerminated since January 2025 (boto/boto3#4406, where its text is from).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from tests.strict_ec2.errors import Ec2Error

MAX_LENGTH = 64


@dataclasses.dataclass(frozen=True)
class Use:
    """What a token was used for."""

    fingerprint: str
    machine_ids: tuple[str, ...]


class Tokens:
    """All tokens ever used: they outlive their machines, and are never given up here.

    EC2 keeps one for at least 24 hours after the termination (user guide of 2013); a client that
    counts on its being forgotten is wrong.
    """

    def __init__(self) -> None:
        """Know no token yet."""
        self._uses: dict[tuple[str, str], Use] = {}

    def __len__(self) -> int:
        return len(self._uses)

    def earlier(self, token: str, zone: str, arguments: Mapping[str, Any]) -> Use | None:
        """Return what the token made, None if it is new.

        :param zone: the zone that the request names itself or by its subnet, else "".
        :raises Ec2Error: InvalidParameterValue, IdempotentParameterMismatch.
        """
        if len(token) > MAX_LENGTH or not token.isascii():
            raise Ec2Error(
                "InvalidParameterValue", f"Client tokens are at most {MAX_LENGTH} ASCII characters."
            )
        use = self._uses.get((token, zone)) if token else None
        if use is not None and use.fingerprint != _fingerprint(arguments):
            raise Ec2Error(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent with arguments used in "
                "previous request(s).",
            )
        return use

    def remember(
        self, token: str, zone: str, arguments: Mapping[str, Any], machine_ids: tuple[str, ...]
    ) -> None:
        """Keep what a token made."""
        if token:
            self._uses[token, zone] = Use(_fingerprint(arguments), machine_ids)


def _fingerprint(arguments: Mapping[str, Any]) -> str:
    others = {key: value for key, value in arguments.items() if key != "ClientToken"}
    return json.dumps(others, sort_keys=True, default=repr)
