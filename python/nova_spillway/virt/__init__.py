# SPDX-License-Identifier: Apache-2.0
"""The burst host: Nova's virt driver over a public cloud.

``driver`` is the adapter to Nova and the only reader of nova.conf. ``lifecycle``, ``fleet``,
``admission``, ``settlement`` and ``polling`` do the work and know neither Nova nor an SDK.
"""
