# SPDX-License-Identifier: Apache-2.0
"""Amazon EC2, and whatever speaks its API, through boto3.

``client`` is the only module that touches the network; the others translate and are pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from nova_spillway.providers import api
from nova_spillway.providers.ec2.client import Ec2Provider
from nova_spillway.providers.ec2.options import Ec2Options


def open_provider(options: Mapping[str, object], owner: api.Owner) -> api.Provider:
    """Return a provider for the ``[burst_hosts.ec2]`` table; opens no connection yet.

    :raises api.InvalidRequest: an option is missing or unknown.
    """
    return Ec2Provider(Ec2Options.from_table(options), owner)
