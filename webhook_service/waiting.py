"""What a record carries while it waits in a retry tier, as headers and back.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from schemas import headers as names

Header = tuple[str, bytes]

RETRY: Final = "retry"
PARKED: Final = "parked"
_OURS: Final = frozenset(
    {
        names.ATTEMPTS,
        names.DUE_AT,
        names.LEAVE_AT,
        names.ORIGIN_OFFSET,
        names.FIRST_ATTEMPT_AT,
        names.LAST_ATTEMPT_AT,
        names.LAST_STATUS,
        names.ATTEMPT_LOG,
        names.WAIT_REASON,
    }
)


@dataclass(frozen=True, slots=True)
class History:
    """What happened to a delivery so far.

    Attributes:
        attempts: How many were made.
        first_ms, last_ms: When the first and the last one began; 0 if none was.
        last_status: Of the last answer; 0 if there was none.
        log: Every attempt, as `schemas.headers.ATTEMPT_LOG` has it.
    """

    attempts: int = 0
    first_ms: int = 0
    last_ms: int = 0
    last_status: int = 0
    log: str = ""

    def lengthened(self, began_ms: int, status: int, error_class: str, took_ms: float) -> History:
        """The history with one more attempt.

        Args:
            status: 0 if there was no answer.
            error_class: Empty if it succeeded.
        """
        entry = f"{began_ms} {status or '-'} {error_class or '-'} {took_ms:.0f}"
        return History(
            attempts=self.attempts + 1,
            first_ms=self.first_ms or began_ms,
            last_ms=began_ms,
            last_status=status,
            log=f"{self.log};{entry}" if self.log else entry,
        )


FRESH: Final = History()


@dataclass(frozen=True, slots=True)
class Wait:
    """Where a waiting record stands.

    Attributes:
        origin: Its offset in the actions topic.
        due_ms: When it is due; not attempted before.
        leave_ms: When it leaves the tier it is in.
        reason: `retry` or `parked`.
    """

    origin: int
    due_ms: int
    leave_ms: int
    reason: str
    history: History


def wait_in(headers: Iterable[Header], offset: int, written_ms: int) -> Wait:
    """What a record in a tier says; a header that is missing or unreadable counts as due now."""
    found: dict[str, int] = {}
    reason, log = PARKED, ""
    for name, value in headers:
        if name in _OURS:
            if name == names.WAIT_REASON:
                reason = value.decode(errors="replace")
            elif name == names.ATTEMPT_LOG:
                log = value.decode(errors="replace")
            elif value.isdigit():
                found[name] = int(value)
    due = found.get(names.DUE_AT, written_ms)
    return Wait(
        origin=found.get(names.ORIGIN_OFFSET, offset),
        due_ms=due,
        leave_ms=found.get(names.LEAVE_AT, due),
        reason=reason,
        history=History(
            attempts=found.get(names.ATTEMPTS, 0),
            first_ms=found.get(names.FIRST_ATTEMPT_AT, 0),
            last_ms=found.get(names.LAST_ATTEMPT_AT, 0),
            last_status=found.get(names.LAST_STATUS, 0),
            log=log,
        ),
    )


def wait_headers(headers: Iterable[Header], wait: Wait) -> tuple[Header, ...]:
    """A record's headers for its stay in a tier: its own ones, then the state of its wait."""
    history = wait.history
    place = (
        (names.ORIGIN_OFFSET, wait.origin),
        (names.DUE_AT, wait.due_ms),
        (names.LEAVE_AT, wait.leave_ms),
        (names.ATTEMPTS, history.attempts),
    )
    past = (
        (names.FIRST_ATTEMPT_AT, history.first_ms),
        (names.LAST_ATTEMPT_AT, history.last_ms),
        (names.LAST_STATUS, history.last_status),
    )
    return (
        *own_headers(headers),
        *((name, b"%d" % value) for name, value in place),
        *((name, b"%d" % value) for name, value in past if value),
        *(((names.ATTEMPT_LOG, history.log.encode()),) if history.log else ()),
        (names.WAIT_REASON, wait.reason.encode()),
    )


def own_headers(headers: Iterable[Header]) -> tuple[Header, ...]:
    """A record's headers without the state of a wait."""
    return tuple(header for header in headers if header[0] not in _OURS)
