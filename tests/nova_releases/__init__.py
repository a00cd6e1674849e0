# SPDX-License-Identifier: Apache-2.0
"""Runs Nova's own scheduler tests and its stock ``nova-scheduler`` with Spillway, release by release."""
