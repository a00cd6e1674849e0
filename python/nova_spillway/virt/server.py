# SPDX-License-Identifier: Apache-2.0
"""A Nova server in the words of a launch. Knows neither Nova's classes nor the provider's SDK."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

from nova_spillway.providers import api


@dataclasses.dataclass(frozen=True)
class Server:
    """What of a Nova server matters to a launch.

    :ivar root_gb: the flavor's root disk; 0 takes the image's own size.
    :ivar user_data: raw bytes, secret.
    """

    uuid: str
    project_id: str
    hostname: str
    root_gb: int
    claim: api.Claim
    key: api.PublicKey | None
    user_data: bytes = dataclasses.field(repr=False)


class Record(Protocol):
    """The server's own small memory in Nova's database."""

    def load(self) -> Mapping[str, str]:
        """Return what is saved with the server."""

    def save(self, values: Mapping[str, str]) -> None:
        """Save these values beside the others, before returning."""
