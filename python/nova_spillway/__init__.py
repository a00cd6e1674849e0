# SPDX-License-Identifier: Apache-2.0
"""Spillway: cloud bursting for OpenStack Nova.

This module is imported at the start of every interpreter of the environment (by the import hook),
so it imports nothing.
"""

__version__ = "0.1.0"
