# SPDX-License-Identifier: Apache-2.0
"""Keeps the SDK's debug logging from writing secrets into Nova's logs.

At DEBUG, botocore logs whole requests: user data, session tokens, signatures. Operators run Nova
with ``debug = True`` and oslo.log's list of quiet libraries does not name these three.
"""

from __future__ import annotations

import logging

_LIBRARIES = ("boto3", "botocore", "s3transfer", "urllib3")


class _NoDebug(logging.Filter):
    """Drops what is below INFO, also when somebody sets the logger's level later."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record may be written."""
        return record.levelno >= logging.INFO


_NO_DEBUG = _NoDebug()


def silence_debug() -> None:
    """Make the SDK's loggers refuse DEBUG. Call it again once the SDK's modules are imported.

    A level on the parent does not bind a child that has its own, and a filter binds one logger
    only, so both are set on every logger of the SDK that exists by now.
    """
    existing = list(logging.Logger.manager.loggerDict)
    for library in _LIBRARIES:
        children = [name for name in existing if name.startswith(library + ".")]
        for name in [library, *children]:
            logger = logging.getLogger(name)
            if _NO_DEBUG not in logger.filters:
                logger.addFilter(_NO_DEBUG)
        parent = logging.getLogger(library)
        if parent.getEffectiveLevel() < logging.INFO:
            parent.setLevel(logging.INFO)
