# SPDX-License-Identifier: Apache-2.0
"""Nova's services with Spillway's scheduler, in one process."""
