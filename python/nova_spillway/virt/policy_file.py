# SPDX-License-Identifier: Apache-2.0
"""This host's part of the policy file, read again when the file changes.

A file that went bad changes nothing: the last good one stays, and one line is logged.
"""

from __future__ import annotations

import logging
import os

from nova_spillway import _native
from nova_spillway.virt.admission import Caps

LOG = logging.getLogger(__name__)


class PolicyFile:
    """The policy file of one burst host. Read by one thread, asked by many."""

    def __init__(self, path: str, host: str) -> None:
        """Read the file.

        :param host: Nova's name of this host.
        :raises nova_spillway._native.PolicyError: the file is bad; the text says where.
        :raises KeyError: it has no burst host of this name.
        """
        self._path = path
        self._host = host
        self._changed_at = self._time_of_change()
        self._burst_host = _native.Policy.load(path).burst_host(host)

    @property
    def burst_host(self) -> _native.BurstHost:
        """The newest good version of this host's part."""
        return self._burst_host

    def caps(self) -> Caps:
        """Return the most that may run at once."""
        host = self._burst_host
        return Caps(
            servers=host.max_servers,
            vcpus=host.max_vcpus,
            memory_mb=host.max_memory_mb,
            disk_gb=host.max_disk_gb,
        )

    def refresh(self) -> None:
        """Read the file again if it changed.

        Where to launch (provider, its table, the deployment) is taken at start only: the machines
        that run belong to it.
        """
        changed_at = self._time_of_change()
        if changed_at is None or changed_at == self._changed_at:
            return
        self._changed_at = changed_at
        try:
            fresh = _native.Policy.load(self._path).burst_host(self._host)
        except _native.PolicyError as error:
            LOG.error("The changed policy file is bad, the last good one stays: %s", error)
            return
        except KeyError:
            LOG.error(
                "The changed policy file has no burst host %s, the last good one stays", self._host
            )
            return
        before = self._burst_host
        if (fresh.provider, fresh.deployment, fresh.provider_options) != (
            before.provider,
            before.deployment,
            before.provider_options,
        ):
            LOG.warning(
                "The policy file changed where %s launches; restart nova-compute for that",
                self._host,
            )
        self._burst_host = fresh
        LOG.info("The changed policy file is in use")

    def _time_of_change(self) -> int | None:
        try:
            return os.stat(self._path).st_mtime_ns
        except OSError:
            return None
