# SPDX-License-Identifier: Apache-2.0
"""Expecting EC2's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import botocore.exceptions
import pytest


@contextmanager
def refused(code: str, status: int = 400) -> Iterator[None]:
    """Expect this error of EC2's, with this HTTP status."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        yield
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
