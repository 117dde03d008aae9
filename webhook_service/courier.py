"""Makes one attempt: decode, render, sign, send, judge, and say what follows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, assert_never

from runtime.clock import Clock
from schemas import headers as names
from schemas.codec import Codec, Reference
from schemas.errors import SchemaError, UnknownSchemaError
from schemas.records import Action, Event
from schemas.templates import Bodies
from webhook_service.attempt import Outcome, attempt_of
from webhook_service.directory import Endpoint
from webhook_service.outcome import (
    Answer,
    Delivered,
    Gone,
    Judgement,
    NoAnswer,
    Rejected,
    Retryable,
    judge,
)
from webhook_service.render import NoBody, Request, filled
from webhook_service.retry import GiveUp, after_failure
from webhook_service.share import Delivery
from webhook_service.waiting import History


class Sends(Protocol):
    """What the courier needs of an HTTP client, and no more."""

    async def send(
        self, request: Request, signature: Sequence[tuple[str, str]], deadline: timedelta
    ) -> Answer | NoAnswer:
        """Send a request and read its answer, all within the deadline."""


class CatchUp(Protocol):
    """What the courier needs of the registry, and no more."""

    async def catch_up(self, reference: Reference) -> bool:
        """Learn of schemas that were registered since; True if this one is known now."""


@dataclass(frozen=True, slots=True)
class Done:
    """It was delivered."""

    attempt: Outcome


@dataclass(frozen=True, slots=True)
class Again:
    """It is to be tried again."""

    attempt: Outcome
    due_ms: int


@dataclass(frozen=True, slots=True)
class Dead:
    """It is given up.

    Attributes:
        attempt: The last one; None if none was made because the record cannot be read, or the
            request not be made.
        gone: The endpoint asked not to be called any more.
    """

    attempt: Outcome | None
    error_class: str
    reason: str
    action: Action | None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing was sent, because something of ours is away; no attempt is spent."""

    reason: str
    attempt: None = None


Verdict = Done | Again | Dead | Later


class Courier:
    """Makes attempts; holds nothing between them."""

    def __init__(
        self,
        codec: Codec,
        registry: CatchUp,
        bodies: Bodies,
        sender: Sends,
        clock: Clock,
        *,
        chance: Callable[[], float],
        retry_after_cap: timedelta,
    ) -> None:
        """What an attempt needs.

        Args:
            chance: Draws a number between 0 and 1, for the jitter.
        """
        self._codec = codec
        self._registry = registry
        self._bodies = bodies
        self._sender = sender
        self._clock = clock
        self._chance = chance
        self._cap = retry_after_cap

    async def deliver(self, endpoint: Endpoint, delivery: Delivery) -> Verdict:
        """Make one attempt."""
        try:
            action, event = await self._read(delivery.record.value)
        except SchemaError as error:
            return Dead(None, "schema", str(error), None)
        request = filled(endpoint.template, action, event, self._bodies)
        if isinstance(request, NoBody):
            return Dead(None, request.error_class, request.reason, action)
        begun = self._clock.now()
        signature = (
            *endpoint.signer.headers(str(action.action_id), begun, request.body),
            *_replay_headers(delivery, event),
        )
        result = await self._sender.send(request, signature, endpoint.webhook.timeout)
        ended = self._clock.now()
        judgement = judge(result, ended)
        history = _lengthened(delivery.history, begun, result, judgement)
        made = Outcome(action, history, request, signature, result, begun)
        return self._verdict(endpoint, made, judgement, ended)

    def unknown(self, delivery: Delivery, webhook: str) -> Dead:
        """The verdict on a delivery to a webhook that does not exist."""
        try:
            action = self._codec.decode_action(delivery.record.value)
        except SchemaError as error:
            return Dead(None, "schema", str(error), None)
        reason = f"there is no webhook {webhook!r} (any more)"
        return Dead(None, "webhook", reason, action)

    def disabled(self, delivery: Delivery, webhook: str, why: str) -> Dead:
        """The verdict on a delivery to a webhook that is disabled."""
        try:
            action = self._codec.decode_action(delivery.record.value)
        except SchemaError as error:
            return Dead(None, "schema", str(error), None)
        return Dead(None, "disabled", f"the webhook {webhook} is disabled: {why}", action)

    def _verdict(
        self, endpoint: Endpoint, made: Outcome, judgement: Judgement, now: datetime
    ) -> Verdict:
        """What follows from an attempt."""
        match judgement:
            case Delivered():
                return Done(made)
            case Gone(reason):
                return Dead(made, "gone", reason, made.action, gone=True)
            case Rejected(error_class, reason):
                return Dead(made, error_class, reason, made.action)
            case Retryable():
                return self._after_failure(endpoint, made, judgement, now)
            case _:
                assert_never(judgement)

    def _after_failure(
        self, endpoint: Endpoint, made: Outcome, failure: Retryable, now: datetime
    ) -> Again | Dead:
        decision = after_failure(
            endpoint.webhook.retry,
            made.history.attempts,
            now,
            self._chance(),
            retry_after=failure.retry_after,
            cap=self._cap,
        )
        if isinstance(decision, GiveUp):
            reason = f"{decision.reason}; the last: {failure.reason}"
            return Dead(made, failure.error_class, reason, made.action)
        # Rounded up, so that it is never early.
        return Again(made, math.ceil(decision.due_at.timestamp() * 1000))

    async def _read(self, data: bytes | None) -> tuple[Action, Event]:
        """The action and its event; a schema that is not known is asked for once."""
        try:
            return self._decoded(data)
        except UnknownSchemaError as unknown:
            if not await self._registry.catch_up(unknown.reference):  # type: ignore[arg-type]
                raise
        return self._decoded(data)

    def _decoded(self, data: bytes | None) -> tuple[Action, Event]:
        action = self._codec.decode_action(data)
        return action, self._codec.decode_event(action.entity, action.event)


def attempt_bytes(codec: Codec, verdict: Verdict) -> bytes | None:
    """The record of the attempt behind a verdict; None if none was made."""
    match verdict:
        case Done(attempt=made):
            attempt = attempt_of(made, "delivered", None, None, None)
        case Again(attempt=made, due_ms=due_ms):
            due = datetime.fromtimestamp(due_ms / 1000, UTC)
            attempt = attempt_of(made, "waiting", *_error_of(made), due)
        case Dead(attempt=Outcome() as made, error_class=error_class, reason=reason):
            attempt = attempt_of(made, "dead", error_class, reason, None)
        case Dead() | Later():
            return None
        case _:
            assert_never(verdict)
    return codec.encode(attempt)


def _error_of(made: Outcome) -> tuple[str, str]:
    if isinstance(made.result, NoAnswer):
        return made.result.error_class, made.result.error
    return "status", f"the endpoint answered {made.result.status}"


def _replay_headers(delivery: Delivery, event: Event) -> tuple[tuple[str, str], ...]:
    """What tells a receiver that an old delivery comes after all, perhaps behind newer ones."""
    for name, value in delivery.record.headers:
        if name == names.REPLAY_OF:
            of = value.decode("ascii", "replace")
            return ((names.X_REPLAY_OF, of), (names.X_RECORD_VERSION, str(event.version)))
    return ()


def _lengthened(
    history: History, begun: datetime, result: Answer | NoAnswer, judgement: Judgement
) -> History:
    """The history with one more attempt."""
    match judgement:
        case Delivered():
            error_class = ""
        case Gone():
            error_class = "gone"
        case Retryable() | Rejected():
            error_class = judgement.error_class
        case _:
            assert_never(judgement)
    status = result.status if isinstance(result, Answer) else 0
    began_ms = int(begun.timestamp() * 1000)
    return history.lengthened(began_ms, status, error_class, result.total_ms)
