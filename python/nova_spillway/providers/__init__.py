# SPDX-License-Identifier: Apache-2.0
"""Public clouds behind one small interface.

``api`` says what a burst host needs from a public cloud and what each refusal means. Every other
package in this folder is one cloud's way of giving it. Nothing here knows Nova.
"""

from __future__ import annotations

from collections.abc import Mapping

from nova_spillway.providers import api


def open_provider(name: str, options: Mapping[str, object], owner: api.Owner) -> api.Provider:
    """Return the provider of this name, ready to be called from several threads.

    The import is done here, so that a host that never bursts to EC2 needs no boto3.

    :param name: ``provider`` of the burst host in the policy file.
    :param options: the provider's own table of the policy file, unchecked.
    :param owner: whose machines they are; goes into every launch and every listing.
    :raises api.InvalidRequest: the name or an option is not one that we know.
    """
    if name == "ec2":
        try:
            from nova_spillway.providers import ec2
        except ImportError as error:
            raise api.InvalidRequest(
                f"the provider ec2 needs boto3, install nova-spillway[ec2] ({error})"
            ) from None
        return ec2.open_provider(options, owner)
    raise api.InvalidRequest(f"the provider {name!r} is not one of: ec2")
