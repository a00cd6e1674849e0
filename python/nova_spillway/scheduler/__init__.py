# SPDX-License-Identifier: Apache-2.0
"""The adapters between Nova's scheduler and the decision core."""
