"""The headers of a dead letter: the record's own, Kafka Connect's convention, and Hookline's words.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from schemas import headers as names
from webhook_service.waiting import Header, History, own_headers

STAGE: Final = "DELIVERY"
CONNECTOR: Final = "webhook_service"


@dataclass(frozen=True, slots=True)
class Epitaph:
    """Why a delivery ended, for whoever is to work with it.

    Attributes:
        topic, partition, offset: Where the record stood when it was given up.
        origin: Its offset in the actions topic.
        webhook, workflow, action_id: Empty where the record could not be read.
        error_class: One stable word.
        reason: One sentence for people.
    """

    topic: str
    partition: int
    offset: int
    origin: int
    webhook: str
    workflow: str
    action_id: str
    error_class: str
    reason: str
    history: History


def dead_letter_headers(headers: Iterable[Header], epitaph: Epitaph) -> tuple[Header, ...]:
    """All headers of the dead letter; the record's own come first, verbatim."""
    ours = _ours(epitaph)
    named = {name for name, _ in ours}
    kept = (header for header in own_headers(headers) if header[0] not in named)
    return (*kept, *((name, value.encode()) for name, value in ours))


def _ours(epitaph: Epitaph) -> list[tuple[str, str]]:
    """What is added, as text; what is not known is left out."""
    history = epitaph.history
    numbers = (
        (names.FIRST_ATTEMPT_AT, history.first_ms),
        (names.LAST_ATTEMPT_AT, history.last_ms),
        (names.LAST_STATUS, history.last_status),
    )
    texts = (
        (names.WEBHOOK, epitaph.webhook),
        (names.WORKFLOW, epitaph.workflow),
        (names.ACTION_ID, epitaph.action_id),
        (names.ERROR_TOPIC, epitaph.topic),
        (names.ERROR_PARTITION, str(epitaph.partition)),
        (names.ERROR_OFFSET, str(epitaph.offset)),
        (names.ERROR_CONNECTOR, CONNECTOR),
        (names.ERROR_STAGE, STAGE),
        (names.ERROR_CLASS_NAME, CONNECTOR),
        (names.ERROR_EXCEPTION_CLASS, epitaph.error_class),
        (names.ERROR_EXCEPTION_MESSAGE, epitaph.reason),
        (names.ORIGIN_OFFSET, str(epitaph.origin)),
        (names.ATTEMPTS, str(history.attempts)),
        (names.ATTEMPT_LOG, history.log),
        (names.REASON, epitaph.reason),
        (names.ERROR_CLASS, epitaph.error_class),
    )
    return [
        *((name, text) for name, text in texts if text),
        *((name, str(value)) for name, value in numbers if value),
    ]
