# SPDX-License-Identifier: Apache-2.0
"""What a burst host asks of a public cloud.

Times are Unix seconds, memory is MiB, disk is GiB. Every method may be called from several threads
at once and raises only the errors of this module.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Protocol


class ProviderError(Exception):
    """The provider did not do what it was asked; the class says what that means.

    :ivar code: the provider's own error code, for the log. Never decided upon outside its package.
    """

    def __init__(self, sentence: str, code: str = "") -> None:
        """Keep the sentence for people and the provider's code for the log."""
        super().__init__(sentence)
        self.code = code


class NoCapacity(ProviderError):
    """The provider has no room for this size at this place now; another place may have."""


class QuotaExceeded(ProviderError):
    """The account's own limit is reached; waiting does not help, asking for a higher one does."""


class AccessRefused(ProviderError):
    """Credentials are missing, wrong or not allowed to do this; only an operator can help."""


class Throttled(ProviderError):
    """The account asks too often; the same call may succeed later."""


class InvalidRequest(ProviderError):
    """The provider will never accept this request as it is."""


class Unavailable(ProviderError):
    """No usable answer came. What was asked may have been done or not: its fate is unknown."""


class Gone(ProviderError):
    """The machine is not there any more, or is not visible yet."""


class WrongState(ProviderError):
    """The machine is between two states; the same call succeeds when it has arrived."""


class TokenSpent(ProviderError):
    """This client token belongs to another launch, or to a machine that is terminated."""


class MachineState(enum.Enum):
    """Where a machine is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    TERMINATING = "terminating"
    TERMINATED = "terminated"

    @property
    def is_live(self) -> bool:
        """Whether the machine still exists for its owner, and is or may be paid for."""
        return self not in (MachineState.TERMINATING, MachineState.TERMINATED)


@dataclasses.dataclass(frozen=True)
class Owner:
    """Whose machines they are: the policy's deployment and the burst host's name in Nova."""

    deployment: str
    burst_host: str


@dataclasses.dataclass(frozen=True)
class Claim:
    """What a server takes from its burst host's inventory, in the flavor's measure."""

    vcpus: int
    memory_mb: int
    disk_gb: int


@dataclasses.dataclass(frozen=True)
class Machine:
    """One machine of ours, as the provider described it.

    :ivar instance_uuid: the Nova server it was launched for, from its ownership tags.
    :ivar generation: which launch attempt of that server it came from.
    :ivar claim: what it takes from the inventory; None when its tag cannot be read.
    :ivar launched_at: when the provider accepted the launch.
    :ivar project_id: the project that its server belongs to; None when no tag names one.
    :ivar failure: why it ended, when the provider itself ended it (no capacity, broken disk).
    """

    id: str
    state: MachineState
    owner: Owner
    instance_uuid: str
    generation: int
    client_token: str
    size: str
    image: str
    launched_at: float
    claim: Claim | None = None
    project_id: str | None = None
    private_address: str | None = None
    public_address: str | None = None
    failure: ProviderError | None = None


@dataclasses.dataclass(frozen=True)
class Image:
    """A provider image: its root disk and the least size that holds it, and its other disks.

    :ivar other_disks: device name and GB of each; they are made with the machine and end with it.
    """

    id: str
    root_device: str
    root_gb: int
    other_disks: tuple[tuple[str, int], ...] = ()


@dataclasses.dataclass(frozen=True)
class PublicKey:
    """A key pair's public half, in OpenSSH's one-line form; the comment is no part of it."""

    project_id: str
    openssh: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class LaunchRequest:
    """One launch, complete: equal requests make equal machines.

    :ivar root_gb: size of the root disk; 0 takes the image's own.
    :ivar user_data: raw bytes for the machine's metadata service. Secret: kept out of ``repr``.
    :ivar key_name: what ``import_key`` returned, or None.
    """

    instance_uuid: str
    hostname: str
    size: str
    image: Image
    root_gb: int
    claim: Claim
    project_id: str = ""
    key_name: str | None = None
    user_data: bytes = dataclasses.field(default=b"", repr=False)


class Provider(Protocol):
    """One account in one region of a public cloud."""

    @property
    def placement(self) -> Mapping[str, object]:
        """Where launches go (region, network...): part of what a client token stands for."""

    def launch(self, request: LaunchRequest, generation: int, client_token: str) -> Machine:
        """Launch one machine, with its token and its ownership tags in the very call.

        The same token never makes a second machine: it returns the first one. Refusals for
        capacity and quota are not retried in place.

        :param client_token: at most 64 ASCII characters.
        :raises NoCapacity: also for what the caller should try elsewhere.
        :raises TokenSpent: the token's machine is gone, or the parameters differ.
        :raises Unavailable: a machine may or may not have been made.
        """

    def describe_all(self) -> list[Machine]:
        """Return every machine of this owner, the terminated ones that still show included.

        Complete or an error, never a part. A machine launched a moment ago may be missing.
        """

    def describe_instance(self, instance_uuid: str) -> list[Machine]:
        """Return the machines of this owner that were launched for one server."""

    def terminate(self, machine_id: str) -> None:
        """Give the machine back, disks included; one that is terminated already is no error.

        :raises Gone: the provider knows no such machine: it is long gone, or too new to be seen.
        """

    def start(self, machine_id: str) -> None:
        """Start a stopped machine; one that runs already is no error.

        :raises NoCapacity: there is no room to start it now.
        """

    def stop(self, machine_id: str, force: bool = False) -> None:
        """Begin to stop the machine; one that is stopped already is no error.

        :param force: pull the plug instead of asking its operating system.
        """

    def reboot(self, machine_id: str) -> None:
        """Ask the machine's operating system to reboot."""

    def console_output(self, machine_id: str) -> bytes:
        """Return what the machine wrote to its serial console, empty when nothing is there yet."""

    def image(self, image_id: str) -> Image:
        """Look an image up.

        :raises InvalidRequest: there is none of that id, or it has no root disk of ours to size.
        """

    def import_key(self, key: PublicKey) -> str:
        """Make the key known to the provider and return its name there.

        The name is made from project and content, so a second call with the same key is no work,
        and two projects never share one. What is found under the name is compared.

        :raises InvalidRequest: the provider does not take keys of this kind.
        """
