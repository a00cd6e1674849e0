# SPDX-License-Identifier: Apache-2.0
"""A key pair, and the public keys that EC2 takes. Pure."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib

from tests.strict_ec2.errors import Ec2Error

MAX_NAME = 255
"""botocore's model, CreateKeyPair KeyName: "Up to 255 ASCII characters"."""

_KINDS = {"ssh-rsa": "rsa", "ssh-ed25519": "ed25519"}
"""EC2 user guide, "Create a key pair": RSA and ED25519 keys are taken, no others."""


@dataclasses.dataclass(frozen=True)
class KeyPair:
    """A public key under a name; the comment of an imported key is not kept."""

    id: str
    name: str
    kind: str
    openssh: str
    fingerprint: str
    made_at: float


def parsed(material: bytes) -> tuple[str, str, str]:
    """Return kind, one-line form without comment, and fingerprint of a public key.

    :raises Ec2Error: InvalidKey.Format (EC2 API reference, "Error codes").
    """
    refusal = Ec2Error("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
    try:
        name, text = material.decode("ascii").split()[:2]
        blob = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise refusal from None
    length = int.from_bytes(blob[:4], "big")
    if name not in _KINDS or blob[4 : 4 + length] != name.encode():
        raise refusal
    if _KINDS[name] == "ed25519":
        digest = base64.b64encode(hashlib.sha256(blob).digest()).decode()
        return _KINDS[name], f"{name} {text}", digest
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return (
        _KINDS[name],
        f"{name} {text}",
        ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)),
    )
