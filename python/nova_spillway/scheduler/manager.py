# SPDX-License-Identifier: Apache-2.0
"""The manager of nova-scheduler that sends servers to burst hosts when the policy says so.

Nova's own manager does all the scheduling. This one decides, before it and per request, on which
hosts it may look: private hosts only, or one burst host, in the order that the decision core gave.
Whatever goes wrong in Spillway's own code ends in Nova's plain scheduling on private hosts.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import nova.conf
import oslo_messaging as messaging
from nova import exception, objects
from nova.scheduler.manager import SchedulerManager
from oslo_log import log as logging

from nova_spillway import conf as spillway_conf
from nova_spillway._native import Attempt, Decision, Engine
from nova_spillway.scheduler import requests
from nova_spillway.scheduler.alternates import add_alternates
from nova_spillway.scheduler.burst_trait import BurstTrait, TraitUnavailable
from nova_spillway.scheduler.candidates import Cloud
from nova_spillway.scheduler.complaints import Complaints
from nova_spillway.scheduler.evidence import private_fits
from nova_spillway.scheduler.source_host import is_on_burst_host
from nova_spillway.scheduler.spec_changes import (
    BurstForbidden,
    SpecState,
    burst_copy,
    burst_required,
)

CONF = nova.conf.CONF
LOG = logging.getLogger(__name__)

REASON_LENGTH = 200
"""Nova cuts a fault's message at 255 characters, of which its own part needs some 25."""


Result = Literal["placed", "no_valid_host", "error"]


class Call(NamedTuple):
    """One call of ``select_destinations``."""

    context: Any
    spec: Any
    instance_uuids: list[str] | None
    return_objects: bool
    return_alternates: bool

    @property
    def wants_alternates(self) -> bool:
        """Whether the caller understands alternates and asked for them."""
        return self.return_alternates and self.return_objects


class PlainAttempt(NamedTuple):
    """An attempt that needs no decision."""

    kind: str


WITHOUT_DECISION: dict[requests.Operation, PlainAttempt] = {
    requests.BOOT: PlainAttempt("filter"),
    requests.FORCED: PlainAttempt("stock"),
    requests.REBUILD: PlainAttempt("stock"),
    requests.MOVE_PRIVATE: PlainAttempt("filter"),
    requests.MOVE_BURST: PlainAttempt("burst_only"),
}
"""What is done when there is no policy to decide with, or when deciding failed."""


class FromNova(Exception):
    """Carries an exception of Nova's own code past the handlers of ours."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause

    @property
    def is_no_valid_host(self) -> bool:
        """Whether Nova found no host, as opposed to having failed."""
        return isinstance(self.cause, exception.NoValidHost)


class MultiScheduler(SchedulerManager):  # type: ignore[misc]
    """Nova's ``SchedulerManager`` with a decision before it.

    It is built in the parent process of the workers: nothing is opened or started here.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._init_nova(*args, **kwargs)
        spillway_conf.register_opts(CONF)
        self._engine = Engine(CONF.spillway.policy_file)
        self._trait = BurstTrait()
        self._complaints = Complaints(LOG)

    def _init_nova(self, *args: Any, **kwargs: Any) -> None:
        """Initialise Nova's part. A method of its own for the sake of Nova 22."""
        super().__init__(*args, **kwargs)

    def init_host(self, *args: Any, **kwargs: Any) -> None:
        """Read the policy when a worker starts, so that its errors are logged then.

        The arguments differ between releases of Nova.
        """
        super().init_host(*args, **kwargs)
        try:
            self._refresh_policy(time.time())
        except Exception:
            LOG.exception("The policy cannot be read; servers stay on private hosts.")

    @messaging.expected_exceptions(exception.NoValidHost)  # type: ignore[untyped-decorator]
    def select_destinations(
        self,
        context: Any,
        request_spec: Any = None,
        filter_properties: Any = None,
        spec_obj: Any = SchedulerManager._sentinel,
        instance_uuids: list[str] | None = None,
        return_objects: bool = False,
        return_alternates: bool = False,
    ) -> Any:
        """Choose hosts for one request. The contract is that of Nova's own method."""
        if spec_obj is self._sentinel:
            spec_obj = objects.RequestSpec.from_primitives(context, request_spec, filter_properties)
        return self.choose(
            Call(context, spec_obj, instance_uuids, return_objects, return_alternates)
        )

    def choose(self, call: Call) -> Any:
        """Choose hosts for one request.

        :raises nova.exception.NoValidHost: no attempt of the decision placed every server.
        """
        try:
            return self._choose(call)
        except FromNova as error:
            raise error.cause from None

    def _choose(self, call: Call) -> Any:
        """Decide and follow the decision, or do without if that fails.

        :raises FromNova: with what Nova's own code raised.
        """
        started = time.monotonic()
        operation: requests.Operation = requests.BOOT
        decision: Decision | None = None
        try:
            operation = self._operation(call)
            decision = self._decide(call, operation)
            if decision is not None:
                return self._follow(call, decision, started)
        except FromNova:
            raise
        except TraitUnavailable as error:
            self._complaints.once(
                "trait", "The trait of burst hosts is unknown: %s; scheduling as Nova does.", error
            )
            return self._stock(call, call.spec, call.instance_uuids)
        except Exception as error:
            LOG.exception("Spillway failed; scheduling without a decision.")
            if decision is not None:
                return self._despite(call, operation, decision, error, started)
        return self._without_decision(call, operation)

    def _without_decision(self, call: Call, operation: requests.Operation) -> Any:
        """Make the one attempt that suits the operation."""
        attempt = WITHOUT_DECISION[operation]
        if attempt.kind != "stock":
            try:
                self._trait.ensure(self.placement_client)
            except TraitUnavailable:
                attempt = PlainAttempt("stock")
        return self._attempt(call, attempt)

    def _despite(
        self,
        call: Call,
        operation: requests.Operation,
        decision: Decision,
        fault: Exception,
        started: float,
    ) -> Any:
        """Do without a decision that could not be followed; the journal still gets its outcome."""
        detail = f"Spillway failed: {type(fault).__name__}"
        try:
            selections = self._without_decision(call, operation)
        except FromNova as error:
            result: Result = "no_valid_host" if error.is_no_valid_host else "error"
            self._record_outcome(call, decision, result, None, [], detail, started)
            raise
        path = WITHOUT_DECISION[operation].kind
        self._record_outcome(call, decision, "placed", path, selections, detail, started)
        return selections

    def _operation(self, call: Call) -> requests.Operation:
        """Tell what kind of call this is; asks the server's cell only if it is a move."""
        kind = requests.kind_of_call(call.spec)
        if kind != requests.MOVE:
            return kind
        instance_uuid = (call.instance_uuids or [call.spec.instance_uuid])[0]
        burst_hosts = self._engine.burst_hosts
        is_burst = is_on_burst_host(call.context, call.spec, instance_uuid, burst_hosts)
        return requests.MOVE_BURST if is_burst else requests.MOVE_PRIVATE

    def _decide(self, call: Call, operation: requests.Operation) -> Decision | None:
        """Ask the decision core, with Placement's evidence if that could change its answer.

        :returns: None when there is nothing to decide with: no policy yet, or a conductor so old
            that it does not name the servers.
        :raises TraitUnavailable: no query may name the trait.
        """
        now = time.time()
        self._refresh_policy(now)
        if WITHOUT_DECISION[operation].kind != "stock":
            self._trait.ensure(self.placement_client)
            self._complaints.settled("trait")
        if call.instance_uuids is None or not self._engine.has_policy:
            return None
        request = requests.read_request(
            call.spec,
            operation,
            call.instance_uuids,
            getattr(call.context, "request_id", None),
        )
        decision = self._engine.decide(request, None, now)
        if decision.wants_evidence:
            fits = private_fits(Cloud.of(self), call.context, call.spec)
            decision = self._engine.decide(request, fits, now)
        self._record_decision(decision, now)
        return decision

    def _follow(self, call: Call, decision: Decision, started: float) -> Any:
        """Make the decision's attempts in order until one places every server."""
        attempts = decision.attempts
        state = SpecState(call.spec) if len(attempts) > 1 else None
        failures: list[tuple[Attempt, FromNova]] = []
        for index, attempt in enumerate(attempts):
            try:
                selections = self._attempt(call, attempt, state)
            except FromNova as error:
                if not error.is_no_valid_host:
                    self._record_outcome(
                        call,
                        decision,
                        "error",
                        attempt.kind,
                        [],
                        type(error.cause).__name__,
                        started,
                    )
                    raise
                failures.append((attempt, error))
                if state is not None:
                    state.restore(call.spec)
                continue
            if attempt.kind in ("hybrid", "split") and call.wants_alternates:
                self._add_alternates(call, state, selections, attempt, attempts[index + 1 :])
            self._record_outcome(
                call, decision, "placed", attempt.kind, selections, _why(failures), started
            )
            return selections
        self._record_outcome(call, decision, "no_valid_host", None, [], _why(failures), started)
        raise FromNova(_no_valid_host(decision, failures))

    def _attempt(
        self, call: Call, attempt: Attempt | PlainAttempt, state: SpecState | None = None
    ) -> Any:
        """Make one attempt, and make it again if the trait had been deleted from Placement."""
        try:
            return self._attempt_once(call, attempt, state)
        except FromNova as error:
            if attempt.kind == "stock" or not error.is_no_valid_host:
                raise
            try:
                if not self._trait.was_missing(self.placement_client):
                    raise
            except TraitUnavailable:
                raise error from None
        LOG.warning("The trait of burst hosts was deleted from Placement; it is back.")
        if state is not None:
            state.restore(call.spec)
        return self._attempt_once(call, attempt, state)

    def _attempt_once(
        self, call: Call, attempt: Attempt | PlainAttempt, state: SpecState | None
    ) -> Any:
        if attempt.kind == "filter":
            return self._on_private_hosts(call, call.instance_uuids)
        if attempt.kind == "burst_only":
            with burst_required(call.spec):
                return self._stock(call, call.spec, call.instance_uuids)
        if isinstance(attempt, Attempt) and attempt.burst_host is not None:
            if attempt.kind == "hybrid":
                return self._on_burst_host(call, attempt.burst_host, call.instance_uuids)
            if attempt.kind == "split" and call.instance_uuids is not None:
                return self._split(call, attempt, call.instance_uuids, state)
        return self._stock(call, call.spec, call.instance_uuids)

    def _on_private_hosts(self, call: Call, instance_uuids: list[str] | None) -> Any:
        """Make Nova choose among private hosts, alternates included."""
        with BurstForbidden(call.spec):
            return self._stock(call, call.spec, instance_uuids)

    def _on_burst_host(self, call: Call, burst_host: str, instance_uuids: list[str] | None) -> Any:
        """Make Nova claim on one burst host."""
        return self._stock(call, burst_copy(call.spec, burst_host), instance_uuids)

    def _split(
        self, call: Call, attempt: Attempt, instance_uuids: list[str], state: SpecState | None
    ) -> Any:
        """Place the first servers on private hosts and the rest on one burst host, or none."""
        private = instance_uuids[: attempt.private_count]
        selections = self._on_private_hosts(call, private)
        try:
            if state is not None:
                state.restore(call.spec)
            rest = instance_uuids[attempt.private_count :]
            return selections + self._on_burst_host(call, str(attempt.burst_host), rest)
        except BaseException:
            # The claims of the first part would stay in Placement for ever.
            Cloud.of(self).scheduler._cleanup_allocations(call.context, private)
            raise

    def _stock(self, call: Call, spec: Any, instance_uuids: list[str] | None) -> Any:
        """Run Nova's own method.

        :raises FromNova: with whatever it raised.
        """
        try:
            return super().select_destinations(
                call.context,
                spec_obj=spec,
                instance_uuids=instance_uuids,
                return_objects=call.return_objects,
                return_alternates=call.return_alternates,
            )
        except messaging.ExpectedException as expected:
            # oslo.messaging's decorator hides the real one, for its own RPC server.
            raise FromNova(expected.exc_info[1]) from None
        except Exception as error:
            raise FromNova(error) from None

    def _add_alternates(
        self,
        call: Call,
        state: SpecState | None,
        selections: list[list[Any]],
        attempt: Attempt,
        later: Sequence[Attempt],
    ) -> None:
        """Give the servers on a burst host somewhere else to go. Never fails the request."""
        try:
            if state is not None:
                state.restore(call.spec)
            add_alternates(
                Cloud.of(self),
                call.context,
                call.spec,
                selections[attempt.private_count :],
                later,
                CONF.scheduler.max_attempts - 1,
            )
        except Exception:
            LOG.exception("No alternates for %s; a failed launch will not be retried.", attempt)

    def _refresh_policy(self, now: float) -> None:
        before = self._engine.policy_digest
        line = self._engine.refresh(now)
        if line is not None:
            LOG.log(
                logging.INFO if self._engine.policy_digest != before else logging.ERROR, "%s", line
            )

    def _record_decision(self, decision: Decision, now: float) -> None:
        """Write the decision to the journal. Never fails the request."""
        for reason in decision.reasons:
            if reason.code.startswith("snapshot_"):
                self._complaints.once(reason.code, "%s", reason.sentence)
        self._journal(self._engine.record_decision(decision, now))

    def _record_outcome(
        self,
        call: Call,
        decision: Decision,
        result: Result,
        path: str | None,
        selections: Sequence[Any],
        detail: str,
        started: float,
    ) -> None:
        """Write the outcome to the journal and the log. Never fails the request.

        After a claim an exception would lose the servers' allocations.
        """
        try:
            elapsed_ms = (time.monotonic() - started) * 1000
            hosts = dict(zip(call.instance_uuids or [], map(_host, selections)))
            # A server that stayed private as ever is in the journal; a line of oslo.log costs more
            # than the whole decision.
            is_ordinary = result == "placed" and path == "filter"
            level = logging.DEBUG if is_ordinary else logging.INFO
            if LOG.isEnabledFor(level):
                LOG.log(
                    level,
                    "%s for %d server(s) in %.0f ms, path %s, hosts %s: %s",
                    result,
                    len(call.instance_uuids or []),
                    elapsed_ms,
                    path,
                    sorted(set(hosts.values())),
                    decision.summary(),
                )
            written = self._engine.record_outcome(
                decision,
                result=result,
                path=path,
                hosts=hosts,
                elapsed_ms=elapsed_ms,
                detail=detail,
                now=time.time(),
            )
            self._journal(written)
        except Exception:
            LOG.exception("The outcome cannot be recorded.")

    def _journal(self, written: bool) -> None:
        """Complain once when the journal cannot be written, and again only after it could."""
        if written:
            self._complaints.settled("journal")
        else:
            self._complaints.once(
                "journal", "The journal cannot be written: %s", self._engine.journal_error
            )


def _host(selection: Any) -> str:
    """Return the chosen host of a list of Selections, or of a dict for an old conductor."""
    if isinstance(selection, dict):
        return str(selection["host"])
    return str(selection[0].service_host)


def _why(failures: Sequence[tuple[Attempt, FromNova]]) -> str:
    """Say in one line which attempts found no host."""
    return "; ".join(
        f"{attempt.kind} {attempt.burst_host or ''}".strip() + f": {error.cause}"
        for attempt, error in failures
    )


def _no_valid_host(
    decision: Decision, failures: Sequence[tuple[Attempt, FromNova]]
) -> BaseException:
    """Make the exception whose message becomes the server's fault: Nova's words, then ours."""
    cause: BaseException = failures[0][1].cause
    if all(attempt.kind == "stock" for attempt, _ in failures):
        return cause
    nova_reason = getattr(cause, "kwargs", {}).get("reason") or ""
    tried = [str(attempt.burst_host) for attempt, _ in failures if attempt.burst_host]
    full = f" Full or refused: {', '.join(dict.fromkeys(tried))}." if tried else ""
    reason = f"{nova_reason} Spillway: {decision.summary()}.{full}".strip()
    refused: BaseException = exception.NoValidHost(reason=reason[:REASON_LENGTH])
    return refused
