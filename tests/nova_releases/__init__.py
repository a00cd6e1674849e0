# SPDX-License-Identifier: Apache-2.0
"""Nova's own scheduler tests and the stock ``nova-scheduler`` with Spillway, per release."""
