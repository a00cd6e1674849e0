# SPDX-License-Identifier: Apache-2.0
"""Neutron plug-ins of the test cloud."""
