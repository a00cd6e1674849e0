# SPDX-License-Identifier: Apache-2.0
"""ImportKeyPair, DescribeKeyPairs, DeleteKeyPair. Pure.

EC2 API reference: a name is taken once (InvalidKeyPair.Duplicate), deleting what is not there is no
error, and the public key is told only when asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.strict_ec2 import filters, key_pair, tagging
from tests.strict_ec2.errors import Ec2Error
from tests.strict_ec2.key_pair import KeyPair
from tests.strict_ec2.machine import tag_records
from tests.strict_ec2.region import Region


def import_key_pair(region: Region, arguments: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Keep a public key under a name.

    :raises Ec2Error: InvalidKeyPair.Duplicate, InvalidKey.Format, InvalidParameterValue.
    """
    name = arguments["KeyName"]
    if not name.isascii() or not 1 <= len(name) <= key_pair.MAX_NAME:
        raise Ec2Error("InvalidParameterValue", "A key name has 1 to 255 ASCII characters")
    tags = tagging.at_launch(arguments.get("TagSpecifications", ()), frozenset({"key-pair"}))
    kind, openssh, fingerprint = key_pair.parsed(arguments["PublicKeyMaterial"])
    if name in region.key_pairs:
        raise Ec2Error("InvalidKeyPair.Duplicate", f"The keypair already exists: {name}")
    pair = KeyPair(region.faults.id("key"), name, kind, openssh, fingerprint, now)
    region.key_pairs[name] = pair
    if tags:
        region.tags[pair.id] = tags["key-pair"]
    return {
        "KeyName": name,
        "KeyPairId": pair.id,
        "KeyFingerprint": fingerprint,
        "Tags": tag_records(region.tags.get(pair.id, {})),
    }


def describe_key_pairs(region: Region, arguments: Mapping[str, Any], _now: float) -> dict[str, Any]:
    """List key pairs by name, by id, or all.

    :raises Ec2Error: InvalidKeyPair.NotFound.
    """
    by_id = {pair.id: pair for pair in region.key_pairs.values()}
    known: Mapping[str, KeyPair] = region.key_pairs
    pairs = list(region.key_pairs.values())
    for argument, index in (("KeyNames", known), ("KeyPairIds", by_id)):
        if argument in arguments:
            for wanted in arguments[argument]:
                if wanted not in index:
                    raise Ec2Error(
                        "InvalidKeyPair.NotFound", f"The key pair '{wanted[:255]}' does not exist"
                    )
            pairs = [index[wanted] for wanted in arguments[argument]]
    readers: dict[str, filters.Reader[KeyPair]] = {
        "key-name": lambda pair: [pair.name],
        "key-pair-id": lambda pair: [pair.id],
        "fingerprint": lambda pair: [pair.fingerprint],
    }
    fits = filters.compiled(
        "DescribeKeyPairs",
        arguments.get("Filters", ()),
        readers,
        lambda pair: region.tags.get(pair.id, {}),
    )
    with_key = arguments.get("IncludePublicKey", False)
    return {
        "KeyPairs": [
            {
                "KeyName": pair.name,
                "KeyPairId": pair.id,
                "KeyType": pair.kind,
                "KeyFingerprint": pair.fingerprint,
                "CreateTime": pair.made_at,
                "PublicKey": f"{pair.openssh} {pair.name}" if with_key else None,
                "Tags": tag_records(region.tags.get(pair.id, {})),
            }
            for pair in pairs
            if fits(pair)
        ]
    }


def delete_key_pair(region: Region, arguments: Mapping[str, Any], _now: float) -> dict[str, Any]:
    """Forget a key pair, by name or id; machines that have it are not touched."""
    name, pair_id = arguments.get("KeyName"), arguments.get("KeyPairId")
    if name is None and pair_id is None:
        raise Ec2Error("MissingParameter", "The request must contain the parameter KeyName")
    for pair in list(region.key_pairs.values()):
        if name in (None, pair.name) and pair_id in (None, pair.id):
            del region.key_pairs[pair.name]
            region.tags.pop(pair.id, None)
            return {"Return": True, "KeyPairId": pair.id}
    return {"Return": True}
