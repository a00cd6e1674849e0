# SPDX-License-Identifier: Apache-2.0
"""Neutron's WSGI application with its policy rules registered before the first request.

Stock ``neutron.wsgi.api`` does that in the first request, and not thread-safely: a worker with
threads answers its first concurrent requests with 200 and an empty list.
"""

from __future__ import annotations

from neutron import policy
from neutron.wsgi.api import application

__all__ = ["application"]

policy.init()
