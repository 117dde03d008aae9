"""What becomes of a record, as records to be written: attempt, stay in a tier, dead letter."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from runtime.broker import Outgoing, Received
from schemas import headers as names
from schemas.codec import Codec
from schemas.topics import Topics
from webhook_service import measures
from webhook_service.courier import Again, Dead, Done, Verdict, attempt_bytes
from webhook_service.dead_letter import Epitaph, dead_letter_headers
from webhook_service.share import Delivery
from webhook_service.tiers import stay_of
from webhook_service.waiting import Wait, wait_headers

_OUTCOMES: Final = {Done: b"delivered", Again: b"waiting", Dead: b"dead"}


class Letters:
    """Addresses and fills in records; the same partition number everywhere."""

    def __init__(self, codec: Codec, topics: Topics) -> None:
        """Take the names from the wiring."""
        self._codec = codec
        self._actions = topics.actions
        self._dead = topics.dead(topics.actions)
        self._attempts = topics.attempts
        self._tiers = tuple(topics.retries)
        self._delays = tuple(delay // timedelta(milliseconds=1) for delay in topics.tiers)

    @property
    def shortest_ms(self) -> int:
        """The shortest tier's delay."""
        return self._delays[0]

    def attempt(self, delivery: Delivery, verdict: Verdict) -> tuple[Outgoing, ...]:
        """The record of an attempt, if one was made."""
        made = verdict.attempt
        if made is None:
            return ()
        value = attempt_bytes(self._codec, verdict)
        key = str(made.action.action_id).encode()
        told = (
            (names.ORIGIN_OFFSET, b"%d" % delivery.origin),
            (names.OUTCOME, _OUTCOMES[type(verdict)]),
        )
        return (Outgoing(self._attempts, key, value, told, delivery.share.number),)

    def stay(self, record: Received, wait: Wait, now_ms: int) -> Outgoing:
        """A record's next stay in a tier; the wait's own time of leaving is decided here."""
        stay = stay_of(wait.due_ms, now_ms, self._delays)
        measures.TO_TIER.labels(str(self._delays[stay.tier]), wait.reason).inc()
        headers = wait_headers(record.headers, replace(wait, leave_ms=stay.leave_ms))
        topic = self._tiers[stay.tier]
        return Outgoing(topic, record.key, record.value, headers, record.partition)

    def dead(self, delivery: Delivery, webhook: str, verdict: Dead) -> Outgoing:
        """A record's dead letter."""
        record, action, made = delivery.record, verdict.action, verdict.attempt
        epitaph = Epitaph(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            origin=delivery.origin,
            webhook=webhook,
            workflow=action.workflow_id if action else "",
            action_id=str(action.action_id) if action else "",
            error_class=verdict.error_class,
            reason=verdict.reason,
            history=made.history if made else delivery.history,
        )
        headers = dead_letter_headers(record.headers, epitaph)
        return Outgoing(self._dead, record.key, record.value, headers, record.partition)
