# SPDX-License-Identifier: Apache-2.0
"""The EC2 API through boto3: the only network code of this package.

Credentials come from boto3's usual chain (environment, files, instance role), never from nova.conf.
One client is shared by all threads, which botocore allows; sessions are not shared.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping
from typing import Any, Callable

import boto3
import botocore.config
import botocore.exceptions

from nova_spillway.providers import api
from nova_spillway.providers.ec2 import error_codes, keys, machines, quiet_logs, tags
from nova_spillway.providers.ec2.launch_call import run_instances_arguments
from nova_spillway.providers.ec2.options import Ec2Options

_CONNECT_TIMEOUT_SECS = 5
# DescribeInstances of a thousand machines takes seconds; RunInstances is slower when EC2 is busy.
_READ_TIMEOUT_SECS = 30
_MAX_CONNECTIONS = 32
_ATTEMPTS = 4
_DESCRIBE_PAGE = 500
# Images never change under their id, so the answers are kept, up to this many.
_MAX_IMAGES_KEPT = 1000


class Ec2Provider:
    """One account and region of EC2, as ``api.Provider`` asks for it."""

    def __init__(self, options: Ec2Options, owner: api.Owner) -> None:
        """Keep the options; clients are made at the first call."""
        self._options = options
        self._owner = owner
        self._making = threading.Lock()
        self._session: Any = None
        self._clients: dict[int, Any] = {}
        self._images: dict[str, api.Image] = {}
        self._keys_known: set[str] = set()

    @property
    def placement(self) -> Mapping[str, object]:
        """Where launches go; see ``api.Provider``."""
        return dataclasses.asdict(self._options)

    def launch(self, request: api.LaunchRequest, generation: int, client_token: str) -> api.Machine:
        """Run one instance; see ``api.Provider``.

        One attempt only: what EC2 answers with HTTP 500 includes "no capacity", which the SDK would
        retry in place. The caller repeats with the same token where that is right.
        """
        arguments = run_instances_arguments(
            self._options, self._owner, request, generation, client_token
        )

        def run() -> api.Machine | None:
            answer = self._client(attempts=1).run_instances(**arguments)
            return machines.parse(answer["Instances"][0])

        machine: api.Machine | None = self._call(run)
        if machine is None or machine.instance_uuid != request.instance_uuid:
            # The launch happened, but what came back is not what was asked for.
            raise api.Unavailable(
                "EC2 accepted the launch and described a machine without our tags"
            )
        return machine

    def describe_all(self) -> list[api.Machine]:
        """List the burst host's machines; see ``api.Provider``."""
        return self._describe({})

    def describe_instance(self, instance_uuid: str) -> list[api.Machine]:
        """List one server's machines; see ``api.Provider``."""
        return self._describe({tags.INSTANCE: instance_uuid})

    def terminate(self, machine_id: str) -> None:
        """Terminate the instance; see ``api.Provider``."""
        self._call(lambda: self._client().terminate_instances(InstanceIds=[machine_id]))

    def start(self, machine_id: str) -> None:
        """Start the instance; see ``api.Provider``."""
        self._call(lambda: self._client(attempts=1).start_instances(InstanceIds=[machine_id]))

    def stop(self, machine_id: str, force: bool = False) -> None:
        """Stop the instance; see ``api.Provider``."""
        self._call(lambda: self._client().stop_instances(InstanceIds=[machine_id], Force=force))

    def reboot(self, machine_id: str) -> None:
        """Reboot the instance; see ``api.Provider``."""
        self._call(lambda: self._client().reboot_instances(InstanceIds=[machine_id]))

    def console_output(self, machine_id: str) -> bytes:
        """Return the instance's console; see ``api.Provider``."""
        answer = self._call(lambda: self._client().get_console_output(InstanceId=machine_id))
        # boto3 has undone the base64 already.
        output = answer.get("Output") or ""
        return output if isinstance(output, bytes) else str(output).encode()

    def image(self, image_id: str) -> api.Image:
        """Look the image up, once; see ``api.Provider``."""
        known = self._images.get(image_id)
        if known is not None:
            return known
        answer = self._call(lambda: self._client().describe_images(ImageIds=[image_id]))
        if not answer["Images"]:
            raise api.InvalidRequest(f"EC2 has no image {image_id} for this account")
        found = _parse_image(answer["Images"][0])
        if len(self._images) >= _MAX_IMAGES_KEPT:
            self._images.clear()
        self._images[image_id] = found
        return found

    def import_key(self, key: api.PublicKey) -> str:
        """Import the key under a name of our own; see ``api.Provider``."""
        key_name = keys.name(self._owner, key)
        if key_name in self._keys_known:
            return key_name
        try:
            self._call(
                lambda: self._client().import_key_pair(
                    KeyName=key_name,
                    PublicKeyMaterial=keys.content(key.openssh).encode(),
                    TagSpecifications=[
                        {
                            "ResourceType": "key-pair",
                            "Tags": tags.to_ec2(tags.of_owner(self._owner)),
                        }
                    ],
                )
            )
        except _KeyExists:
            self._check_key(key_name, key)
        self._keys_known.add(key_name)
        return key_name

    def _check_key(self, key_name: str, key: api.PublicKey) -> None:
        """Compare what EC2 holds under the name: a stranger may have put another key there."""
        answer = self._call(
            lambda: self._client().describe_key_pairs(KeyNames=[key_name], IncludePublicKey=True)
        )
        found = answer["KeyPairs"][0].get("PublicKey")
        if not found or found.split()[:2] != keys.content(key.openssh).split():
            raise api.InvalidRequest(
                f"EC2 has another key under the name {key_name}; delete it there"
            )

    def _describe(self, more_tags: Mapping[str, str]) -> list[api.Machine]:
        wanted = {**tags.of_owner(self._owner), **more_tags}
        filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in wanted.items()]

        def read() -> list[api.Machine | None]:
            pages = (
                self._client()
                .get_paginator("describe_instances")
                .paginate(Filters=filters, PaginationConfig={"PageSize": _DESCRIBE_PAGE})
            )
            return [
                machines.parse(record)
                for page in pages
                for reservation in page["Reservations"]
                for record in reservation["Instances"]
            ]

        # The filter takes * and ? as wildcards, and a fake may know no filters: compare again.
        return [
            machine
            for machine in self._call(read)
            if machine is not None
            and machine.owner == self._owner
            and more_tags.get(tags.INSTANCE, machine.instance_uuid) == machine.instance_uuid
        ]

    def _client(self, attempts: int = _ATTEMPTS) -> Any:
        """Return the shared client that makes this many attempts, the first included."""
        with self._making:
            if attempts not in self._clients:
                quiet_logs.silence_debug()
                if self._session is None:
                    # Kept: it holds EC2's model, which is slow to read and large.
                    self._session = boto3.session.Session(region_name=self._options.region)
                self._clients[attempts] = self._session.client(
                    "ec2",
                    endpoint_url=self._options.endpoint_url,
                    config=botocore.config.Config(
                        connect_timeout=_CONNECT_TIMEOUT_SECS,
                        read_timeout=_READ_TIMEOUT_SECS,
                        max_pool_connections=_MAX_CONNECTIONS,
                        retries={"mode": "standard", "total_max_attempts": attempts},
                        user_agent_extra="nova-spillway",
                    ),
                )
                quiet_logs.silence_debug()
            return self._clients[attempts]

    @staticmethod
    def _call(call: Callable[[], Any]) -> Any:
        """Make the call and give its error the meaning that ``api`` has for it."""
        try:
            return call()
        except botocore.exceptions.ClientError as error:
            raise _meaning(error) from None
        except botocore.exceptions.ParamValidationError:
            # Its text quotes the parameters, user data among them.
            raise api.InvalidRequest("the SDK refused the parameters of the call") from None
        except (
            botocore.exceptions.NoCredentialsError,
            botocore.exceptions.PartialCredentialsError,
            botocore.exceptions.CredentialRetrievalError,
            botocore.exceptions.TokenRetrievalError,
        ) as error:
            raise api.AccessRefused(
                "no usable credentials for EC2 were found", type(error).__name__
            ) from None
        except (KeyError, IndexError, TypeError) as error:
            # What is asked may have been done; the answer lacks what every answer has.
            raise api.Unavailable(
                "EC2 gave an answer that cannot be read", type(error).__name__
            ) from error
        except (botocore.exceptions.BotoCoreError, OSError) as error:
            raise api.Unavailable(
                f"EC2 gave no usable answer ({type(error).__name__})", type(error).__name__
            ) from None


class _KeyExists(api.InvalidRequest):
    """There is a key pair of that name already."""


_MEANINGS: tuple[tuple[frozenset[str], type[api.ProviderError]], ...] = (
    (error_codes.CAPACITY, api.NoCapacity),
    (error_codes.QUOTA, api.QuotaExceeded),
    (error_codes.THROTTLED, api.Throttled),
    (error_codes.UNAVAILABLE, api.Unavailable),
    (error_codes.GONE, api.Gone),
    (error_codes.WRONG_STATE, api.WrongState),
    (error_codes.TOKEN_SPENT, api.TokenSpent),
    (error_codes.KEY_EXISTS, _KeyExists),
)
_MAX_MESSAGE = 300


def _meaning(error: botocore.exceptions.ClientError) -> api.ProviderError:
    """Translate EC2's error. The text goes into server faults, so what it may quote is weighed."""
    answer = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    if code in error_codes.ACCESS:
        # The text of these names users, roles and policies of the account.
        return api.AccessRefused(f"EC2 refused the burst host's credentials ({code})", code)
    text = str(answer.get("Error", {}).get("Message", ""))[:_MAX_MESSAGE]
    sentence = f"EC2 answered {code}: {text}"
    for codes, meaning in _MEANINGS:
        if code in codes:
            return meaning(sentence, code)
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if not isinstance(status, int) or status >= 500 or status == 0:
        return api.Unavailable(sentence, code)
    return api.InvalidRequest(sentence, code)


def _parse_image(record: Mapping[str, Any]) -> api.Image:
    """Read the disks and their least sizes, in whole GB, from an image's description."""
    image_id = record["ImageId"]
    root_device: str | None = record.get("RootDeviceName")
    if not root_device or record.get("RootDeviceType") == "instance-store":
        raise api.InvalidRequest(f"the image {image_id} has no EBS root disk")
    sizes = {
        mapping["DeviceName"]: int(mapping["Ebs"].get("VolumeSize", 0))
        for mapping in record.get("BlockDeviceMappings", ())
        if mapping.get("Ebs")
    }
    root_gb = sizes.pop(root_device, 0)
    return api.Image(image_id, root_device, root_gb, tuple(sorted(sizes.items())))
