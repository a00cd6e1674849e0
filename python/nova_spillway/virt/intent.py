# SPDX-License-Identifier: Apache-2.0
"""What a launch is about to do, written down before it is done. Pure.

A crash between the provider's answer and Nova's record must not lead to a second machine. So the
generation and the client token of a launch are saved with the server before the call: whoever comes
after the crash asks with the same token, and the provider answers with the same machine.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Mapping

from nova_spillway.providers import api

# Keys in the server's system metadata. The token's key is what tells a burst server from others.
GENERATION = "spillway_generation"
CLIENT_TOKEN = "spillway_client_token"
SIZE = "spillway_size"
IMAGE = "spillway_image"
MACHINE = "spillway_machine"
# The address that we show as the server's access address: one that the user gave stays.
SHOWN_ADDRESS = "spillway_shown_address"

KEYS = (GENERATION, CLIENT_TOKEN, SIZE, IMAGE, MACHINE, SHOWN_ADDRESS)

# 32 bytes in base32 without padding: EC2 takes 64 ASCII characters at most.
_TOKEN_CHARACTERS = 52


@dataclasses.dataclass(frozen=True)
class Intent:
    """One launch attempt of one server.

    :ivar generation: counts a server's launches from 1; a new one makes a new token.
    """

    generation: int
    client_token: str
    size: str
    image: str

    def as_metadata(self) -> dict[str, str]:
        """Return what is saved with the server. The machine's id of an older launch is cleared."""
        return {
            GENERATION: str(self.generation),
            CLIENT_TOKEN: self.client_token,
            SIZE: self.size,
            IMAGE: self.image,
            MACHINE: "",
        }


def recorded(metadata: Mapping[str, str]) -> Intent | None:
    """Return the intent that is saved with a server, None when it was never launched here."""
    token = metadata.get(CLIENT_TOKEN)
    generation = metadata.get(GENERATION, "")
    if not token or not (generation.isascii() and generation.isdigit()):
        return None
    return Intent(int(generation), token, metadata.get(SIZE, ""), metadata.get(IMAGE, ""))


def intend(
    owner: api.Owner,
    request: api.LaunchRequest,
    placement: Mapping[str, object],
    generation: int,
) -> Intent:
    """Return the intent to make this launch as this generation.

    The token stands for deployment, burst host, server, generation and every parameter: a provider
    refuses a token that comes back with other parameters.
    """
    parameters = dataclasses.asdict(request)
    # It follows from the server, and the tokens of releases that did not tell it go on to hold.
    del parameters["project_id"]
    parameters["user_data"] = hashlib.sha256(request.user_data).hexdigest()
    text = json.dumps(
        {
            "owner": dataclasses.asdict(owner),
            "generation": generation,
            "request": parameters,
            "placement": dict(placement),
        },
        sort_keys=True,
        default=str,
    )
    digest = hashlib.sha256(text.encode()).digest()
    token = base64.b32encode(digest).decode().rstrip("=").lower()[:_TOKEN_CHARACTERS]
    return Intent(generation, token, request.size, request.image.id)


def next_intent(
    owner: api.Owner,
    request: api.LaunchRequest,
    placement: Mapping[str, object],
    before: Intent | None,
) -> Intent:
    """Return the intent for a launch that follows an earlier one of the same server.

    The very same launch keeps its generation and token, whatever became of it: the provider then
    returns the machine that it may have made. Any difference makes a new generation.
    """
    if before is None:
        return intend(owner, request, placement, 1)
    again = intend(owner, request, placement, before.generation)
    if again.client_token == before.client_token:
        return again
    return intend(owner, request, placement, before.generation + 1)
