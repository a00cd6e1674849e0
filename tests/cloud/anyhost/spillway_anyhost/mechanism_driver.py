# SPDX-License-Identifier: Apache-2.0
"""A mechanism driver that binds every port on any host.

The drivers that Neutron ships need live agents, OVN's databases or magic host names, and the test
cloud has no data plane.
"""

from __future__ import annotations

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api


class AnyHostMechanismDriver(api.MechanismDriver):
    """Binds a port to the first segment offered, and says that it is active."""

    @property
    def connectivity(self):
        """Layer 2, as Neutron's own drivers say."""
        return portbindings.CONNECTIVITY_L2

    def initialize(self):
        """Do nothing: the driver has no state."""

    def bind_port(self, context):
        """Bind a port that has a host."""
        if not context.host or not context.segments_to_bind:
            return
        segment = context.segments_to_bind[0]
        details = {portbindings.CAP_PORT_FILTER: True}
        context.set_binding(
            segment[api.ID], portbindings.VIF_TYPE_OVS, details, constants.PORT_STATUS_ACTIVE
        )

    def check_vlan_transparency(self, context):
        """Allow every network."""
        return True

    def filter_hosts_with_segment_access(self, context, segments, candidate_hosts, agent_getter):
        """Say that every host reaches every segment."""
        return set(candidate_hosts)
