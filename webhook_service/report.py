"""Says what came of an attempt: one canonical log line, and the metrics."""

from __future__ import annotations

from functools import lru_cache
from logging import INFO
from typing import assert_never

from prometheus_client import Counter

from runtime.logs import get_logger
from webhook_service import measures
from webhook_service.attempt import Outcome
from webhook_service.courier import Again, Dead, Done, Later, Verdict
from webhook_service.outcome import Answer, NoAnswer
from webhook_service.share import Delivery

log = get_logger(__name__)


def report(webhook: str, delivery: Delivery, verdict: Verdict) -> None:
    """Log and count a verdict; never a body, a secret or a header's value."""
    match verdict:
        case Done(attempt=made):
            measures.AGE.observe(_age_s(made))
            _attempted(delivery, made, "delivered", "", 0)
        case Again(attempt=made, due_ms=due_ms):
            _attempted(delivery, made, "waiting", _class_of(made), due_ms)
        case Dead():
            measures.DEAD.labels(verdict.error_class).inc()
            if verdict.attempt is not None:
                _attempted(delivery, verdict.attempt, "dead", verdict.error_class, 0)
            log.warning(
                "delivery.dead",
                webhook=webhook,
                action_id=str(verdict.action.action_id) if verdict.action else None,
                place=delivery.record.place,
                error_class=verdict.error_class,
                reason=verdict.reason,
            )
        case Later(reason):
            log.warning("delivery.postponed", webhook=webhook, reason=reason)
        case _:
            assert_never(verdict)


def _attempted(
    delivery: Delivery, made: Outcome, outcome: str, error_class: str, due_ms: int
) -> None:
    """The canonical line of an attempt."""
    result = made.result
    _counter(outcome, error_class).inc()
    measures.LATENCY.observe(result.total_ms / 1000)
    if isinstance(result, NoAnswer) and result.unknown:
        measures.UNKNOWN.inc()
    if not log.is_enabled_for(INFO):
        return
    action = made.action
    log.info(
        "delivery.attempted",
        webhook=action.webhook_id,
        action_id=str(action.action_id),
        event_id=str(action.event_id),
        workflow=action.workflow_id,
        attempt=made.history.attempts,
        outcome=outcome,
        status=result.status if isinstance(result, Answer) else None,
        error_class=error_class or None,
        duration_ms=round(result.total_ms, 1),
        due_ms=due_ms or None,
        partition=delivery.share.number,
        origin=delivery.origin,
    )


@lru_cache(maxsize=64)
def _counter(outcome: str, error_class: str) -> Counter:
    """The counter's child; looking it up by labels costs more than counting."""
    return measures.ATTEMPTS.labels(outcome, error_class)


def _age_s(made: Outcome) -> float:
    """Since the match, by the clock of this machine."""
    took = made.result.total_ms / 1000
    return max(0.0, (made.begun - made.action.matched_at).total_seconds() + took)


def _class_of(made: Outcome) -> str:
    return "status" if isinstance(made.result, Answer) else made.result.error_class
