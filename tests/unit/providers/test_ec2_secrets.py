# SPDX-License-Identifier: Apache-2.0
"""No secret reaches a log, with everything at DEBUG."""

from __future__ import annotations

import base64
import io
import logging
import uuid
from collections.abc import Iterator

import pytest
from fakes.scripted_ec2 import error, serving

from nova_spillway import providers
from nova_spillway.providers import api

pytestmark = pytest.mark.usefixtures("aws_credentials")

USER_DATA = b"user-data-canary"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, from a root logger at DEBUG as Nova's is with ``debug``."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize("library_at_debug", [None, "botocore", "botocore.endpoint", "urllib3"])
def test_no_secret_is_logged(
    log: io.StringIO, library_at_debug: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session-canary")
    if library_at_debug:
        logging.getLogger(library_at_debug).setLevel(logging.DEBUG)
    with serving() as ec2:
        ec2.answers["RunInstances"] = [error(400, "InvalidParameterValue", "no")]
        ec2.answers["ImportKeyPair"] = [error(400, "InvalidKey.Format", "no")]
        provider = providers.open_provider(
            "ec2",
            {
                "region": "us-east-1",
                "endpoint_url": ec2.url,
                "subnet_id": "subnet-1",
                "security_group_ids": ["sg-1"],
            },
            api.Owner("demo", "cloud1"),
        )
        request = api.LaunchRequest(
            str(uuid.UUID(int=1)),
            "web",
            "t3.micro",
            api.Image("ami-1", "/dev/sda1", 8),
            20,
            api.Claim(1, 512, 20),
            user_data=USER_DATA,
        )
        logging.getLogger("botocore.endpoint").debug("is anybody there: log-works-canary")
        with pytest.raises(api.InvalidRequest):
            provider.launch(request, 1, "token")
        with pytest.raises(api.InvalidRequest):
            provider.import_key(api.PublicKey("p1", "ssh-rsa key-canary"))
        # The secrets did go over the wire.
        assert ec2.requests[0]["UserData"] == base64.b64encode(USER_DATA).decode()
    written = log.getvalue()
    for secret in (
        USER_DATA.decode(),
        base64.b64encode(USER_DATA).decode(),
        "session-canary",
        "secret-canary",
        "key-canary",
    ):
        assert secret not in written
    logging.getLogger("another").debug("log-works-canary-2")
    assert "log-works-canary-2" in log.getvalue()


def test_no_secret_is_in_a_repr_or_an_error() -> None:
    request = api.LaunchRequest(
        "u", "web", "s", api.Image("a", "d", 1), 0, api.Claim(1, 1, 0), user_data=USER_DATA
    )
    assert "canary" not in repr(request)
    assert "canary" not in repr(api.PublicKey("p1", "ssh-rsa key-canary"))
