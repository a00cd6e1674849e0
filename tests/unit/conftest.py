# SPDX-License-Identifier: Apache-2.0
"""What several rooms' tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes import moto_server

try:
    from oslo_service import backend
except ImportError:
    # No Nova in this environment, or one older than native threads.
    pass
else:
    # As Nova 34's services do, and before anything of Nova is imported.
    backend.init_backend(backend.BackendType.THREADING)


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """A moto server's address. It remembers, so every test takes a burst host of its own."""
    with moto_server.running() as url:
        yield url


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials by boto3's chain; nothing of the machine's own."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access-canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-canary")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
