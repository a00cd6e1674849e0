# SPDX-License-Identifier: Apache-2.0
"""Makes ``compute_driver = spillway.SpillwayDriver`` work: Nova loads drivers from here only."""

from nova_spillway.virt.driver import SpillwayDriver as SpillwayDriver
