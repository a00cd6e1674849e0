# SPDX-License-Identifier: Apache-2.0
"""The ``[burst_hosts.ec2]`` table of the policy file, checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from nova_spillway.providers import api


@dataclasses.dataclass(frozen=True)
class Ec2Options:
    """Where in EC2 a burst host launches. Credentials are boto3's own business, never ours.

    :ivar endpoint_url: another address than EC2's own, for tests and private endpoints.
    """

    region: str
    subnet_id: str
    security_group_ids: tuple[str, ...]
    availability_zone: str | None = None
    endpoint_url: str | None = None

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> Ec2Options:
        """Check the table that the policy file holds.

        :raises api.InvalidRequest: a key is missing, unknown or of the wrong type.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        # An absent optional key may come as None.
        given = {key: value for key, value in table.items() if value is not None}
        unknown = sorted(set(given) - known)
        if unknown:
            raise api.InvalidRequest(
                f"the ec2 table has the unknown key {unknown[0]!r}; known: {sorted(known)}"
            )
        groups = given.get("security_group_ids", ())
        if not isinstance(groups, (list, tuple)) or not all(isinstance(g, str) for g in groups):
            raise api.InvalidRequest("security_group_ids in the ec2 table must be a list of text")
        return cls(
            region=_text(given, "region"),
            subnet_id=_text(given, "subnet_id"),
            security_group_ids=tuple(groups),
            availability_zone=_optional_text(given, "availability_zone"),
            endpoint_url=_optional_text(given, "endpoint_url"),
        )


def _optional_text(table: Mapping[str, object], key: str) -> str | None:
    return _text(table, key) if key in table else None


def _text(table: Mapping[str, object], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise api.InvalidRequest(f"{key} in the ec2 table must be given, as text")
    return value
