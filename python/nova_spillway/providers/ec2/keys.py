# SPDX-License-Identifier: Apache-2.0
"""Names and contents of key pairs. Pure."""

from __future__ import annotations

import hashlib

from nova_spillway.providers import api

# What ImportKeyPair takes; ECDSA and security keys are refused there.
_TAKEN = ("ssh-rsa", "ssh-ed25519")


def content(openssh: str) -> str:
    """Return kind and key without the comment, which changes nothing.

    :raises api.InvalidRequest: it is not a public key of a kind that EC2 takes.
    """
    parts = openssh.split()
    if len(parts) < 2 or parts[0] not in _TAKEN:
        kind = parts[0] if parts and parts[0].isascii() and len(parts[0]) < 64 else "this"
        raise api.InvalidRequest(
            f"EC2 takes key pairs of the kinds {' and '.join(_TAKEN)}, not of the kind {kind}; "
            "boot with another key pair"
        )
    return f"{parts[0]} {parts[1]}"


def name(owner: api.Owner, key: api.PublicKey) -> str:
    """Return the key pair's name in EC2: the same for one project's same key, never for two."""
    digest = hashlib.sha256(f"{key.project_id}\n{content(key.openssh)}".encode()).hexdigest()
    return f"spillway-{owner.deployment}-{digest[:40]}"
