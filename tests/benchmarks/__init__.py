# SPDX-License-Identifier: Apache-2.0
"""Benchmarks that print ratios measured in one run. See docs/benchmarks.md."""
