"""Spillway's core inside Nova's processes.

No call starts a thread, a runtime or a socket; every object is safe before and after a fork, and
under eventlet as well as native threads, because no call waits. A panic in Rust arrives as
:class:`CorePanic`, never as a ``BaseException``.
"""

from typing import Literal, final

__all__ = [
    "Attempt",
    "BurstHost",
    "CorePanic",
    "Decision",
    "Engine",
    "LaunchMapping",
    "Policy",
    "PolicyError",
    "Reason",
    "Request",
    "Size",
    "Unmappable",
    "check_policy",
    "decide_recorded",
    "policy_example",
    "policy_reference",
    "reason_codes",
]

class PolicyError(ValueError):
    """The policy file is unusable. Lines of ``file:line:column: what; expected; did you mean``."""

class CorePanic(RuntimeError):
    """A panic in the core, stopped at the boundary."""

class Unmappable(ValueError):
    """A flavor or an image has no counterpart at the provider."""

    code: str

@final
class Reason:
    """Why: a code of a closed set, and a sentence."""

    @property
    def code(self) -> str: ...
    @property
    def sentence(self) -> str: ...

@final
class Attempt:
    """One way to serve a request. Attempts are made in order.

    ``stock``: Nova untouched. ``filter``: private hosts only. ``burst_only``: burst hosts only,
    for a server that is already on one. ``hybrid``: one burst host. ``split``: the first
    ``private_count`` servers on private hosts, the rest on one burst host.
    """

    @property
    def kind(self) -> Literal["stock", "filter", "burst_only", "hybrid", "split"]: ...
    @property
    def burst_host(self) -> str | None: ...
    @property
    def size(self) -> str | None: ...
    @property
    def price_usd_per_hour(self) -> float | None: ...
    @property
    def private_count(self) -> int: ...

@final
class Request:
    """One call of Nova's scheduler, in the words that a decision needs. Sizes: MiB and GiB."""

    def __new__(
        cls,
        *,
        operation: Literal["boot", "forced", "move_private", "move_burst", "rebuild"],
        instance_uuids: list[str],
        project_id: str,
        flavor_name: str,
        vcpus: int,
        memory_mb: int,
        root_gb: int,
        ephemeral_gb: int = 0,
        swap_mb: int = 0,
        extra_specs: dict[str, str] | None = None,
        image_id: str | None = None,
        image_name: str | None = None,
        os_distro: str | None = None,
        architecture: str | None = None,
        availability_zone: str | None = None,
        group_policy: str | None = None,
        group_hosts: list[str] | None = None,
        hints: dict[str, list[str]] | None = None,
        obstacles: list[str] | None = None,
        request_id: str | None = None,
    ) -> Request:
        """Build a request.

        :param obstacles: of ``numa``, ``pci``, ``volume``, ``port_resources``, ``extra_disks``,
            ``no_image``.
        :raises ValueError: an unknown operation or obstacle, or no instance.
        """

@final
class Decision:
    """What is done about a request, and why."""

    @property
    def id(self) -> str: ...
    @property
    def attempts(self) -> list[Attempt]: ...
    @property
    def shadow_attempts(self) -> list[Attempt]: ...
    @property
    def reasons(self) -> list[Reason]: ...
    @property
    def primary(self) -> Reason: ...
    @property
    def wants_evidence(self) -> bool: ...
    def summary(self) -> str:
        """Return the reasons as one line, the deciding one first."""

@final
class Engine:
    """Policy, snapshot and journal of one process. The constructor touches no file."""

    def __new__(cls, policy_path: str) -> Engine: ...
    def refresh(self, now: float) -> str | None:
        """Take the policy file's content if it changed; looks at most once a second.

        :param now: Unix time in seconds.
        :returns: a line for the log when a policy was taken or refused, else None. A file that is
            refused leaves the last good policy in place.
        """

    @property
    def has_policy(self) -> bool: ...
    @property
    def mode(self) -> Literal["off", "shadow", "active"] | None: ...
    @property
    def burst_hosts(self) -> list[str]: ...
    @property
    def policy_digest(self) -> str | None: ...
    @property
    def policy_error(self) -> str | None: ...
    def decide(self, request: Request, private_fits: int | None, now: float) -> Decision:
        """Decide a request on the newest snapshot.

        :param private_fits: how many servers of the flavor fit on private hosts; None when
            Placement was not asked, -1 when it did not answer.
        :param now: Unix time in seconds.
        :raises PolicyError: there is no policy.
        """

    def record_decision(self, decision: Decision, now: float) -> bool:
        """Append the decision to the journal. False when it could not be written."""

    def record_outcome(
        self,
        decision: Decision,
        *,
        result: Literal["placed", "no_valid_host", "error"],
        path: str | None,
        hosts: dict[str, str],
        elapsed_ms: float,
        detail: str,
        now: float,
    ) -> bool:
        """Append what became of the decision to the journal. False when it was not written.

        :param path: kind of the attempt that placed the servers.
        :param hosts: instance uuid to host.
        """

    @property
    def journal_failures(self) -> int: ...
    @property
    def journal_error(self) -> str | None: ...

@final
class LaunchMapping:
    """What the provider launches for a flavor and an image."""

    @property
    def size(self) -> str: ...
    @property
    def provider_image(self) -> str: ...
    @property
    def price_usd_per_hour(self) -> float | None: ...

@final
class Size:
    """One of the provider's sizes that may be launched."""

    @property
    def name(self) -> str: ...
    @property
    def vcpus(self) -> int: ...
    @property
    def memory_mb(self) -> int: ...
    @property
    def price_usd_per_hour(self) -> float | None: ...

@final
class BurstHost:
    """One burst host of the policy."""

    @property
    def name(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def deployment(self) -> str: ...
    @property
    def max_servers(self) -> int: ...
    @property
    def max_vcpus(self) -> int: ...
    @property
    def max_memory_mb(self) -> int: ...
    @property
    def max_disk_gb(self) -> int: ...
    @property
    def poll_interval_secs(self) -> float: ...
    @property
    def metrics_listen(self) -> str | None:
        """``ADDRESS:PORT`` or ``[ADDRESS]:PORT``; None when no metrics are served."""

    @property
    def sizes(self) -> list[Size]:
        """The sizes that may be launched, in the order of the file."""

    @property
    def architectures(self) -> list[str]: ...
    @property
    def provider_options(self) -> dict[str, object]: ...
    def map_launch(
        self,
        *,
        flavor_name: str,
        vcpus: int,
        memory_mb: int,
        extra_specs: dict[str, str],
        image_id: str | None,
        image_name: str | None,
        os_distro: str | None,
        architecture: str | None,
    ) -> LaunchMapping:
        """Choose the size and the image.

        :raises Unmappable: no size or no image stands for it.
        """

@final
class Policy:
    """A policy file, read once."""

    @staticmethod
    def load(path: str) -> Policy:
        """Read a policy file and the environment over it.

        :raises PolicyError: the file is unusable.
        """

    @property
    def digest(self) -> str: ...
    @property
    def mode(self) -> Literal["off", "shadow", "active"]: ...
    @property
    def deployment(self) -> str: ...
    @property
    def burst_hosts(self) -> list[str]: ...
    def burst_host(self, name: str) -> BurstHost:
        """Return the burst host of that name.

        :raises KeyError: the policy has none.
        """

def check_policy(path: str) -> list[str]:
    """Return what is wrong with a policy file, a diagnostic per entry; empty when it is good."""

def policy_example() -> str:
    """Return a commented policy file that is made from the code and passes the check."""

def policy_reference() -> str:
    """Return the configuration reference in Markdown, made from the code."""

def decide_recorded(policy_toml: str, inputs_json: str) -> str:
    """Decide on recorded inputs, as in the journal's ``inputs``; return the decision as JSON.

    :raises PolicyError: the recorded policy is unusable.
    :raises ValueError: the recorded inputs are unusable.
    """

def reason_codes() -> list[str]:
    """Return every reason code there is."""
