"""Every way an entity service says no: status, title and what to do (RFC 9457).

Pure: no clock, no I/O.  The shape, and what is not about records, is shared with the gateway.
"""

from __future__ import annotations

from producers.database import DatabaseError
from producers.entity_service.entity import Entity
from producers.entity_service.outcomes import (
    MAX_EVENT_BYTES,
    Exists,
    Invalid,
    Missing,
    Stale,
    TooLarge,
)
from producers.gateway.refusal import NOT_FOUND, TOO_LARGE, Fault, Kind, Refusal

INVALID = Kind(
    "invalid-record",
    422,
    "The record is not what the schema says",
    "Nothing was changed. `errors` has every problem found, each with a JSON pointer.",
)
EXISTS = Kind(
    "record-exists",
    409,
    "There is a record with this id",
    "Change it with PATCH, or choose another id.",
)
STALE = Kind(
    "version-mismatch",
    412,
    "The record has changed since you read it",
    "Read it again, then repeat the change with its new `ETag` in `If-Match`.",
)
UNSTORED = Kind(
    "database-unavailable",
    503,
    "The record cannot be read or changed now",
    "Repeat the request after `Retry-After`.",
)
UNREADY = Kind(
    "not-ready",
    503,
    "Changes are not taken yet",
    "The service has not reached Kafka since its start; reading works.",
)
UNFIT = Kind(
    "record-unfit",
    500,
    "The stored record does not fit its schema",
    "The schema was changed in a way that old records do not fit; an operator has to mend it.",
)

FAILED = Kind(
    "internal-error",
    500,
    "The service failed",
    "It is not the request's fault; the service's log says where it went wrong.",
)

RETRY_AFTER = (("Retry-After", "1"),)


def refusal_of(
    entity: Entity, record_id: str, outcome: Missing | Exists | Stale | Invalid | TooLarge
) -> Refusal:
    """An outcome that is not what was asked for, in HTTP's words."""
    match outcome:
        case Missing():
            return Refusal(NOT_FOUND, f"there is no {entity.name} {record_id[:80]!r}")
        case Exists(taken):
            detail = f"a {entity.name} with the id {taken!r} exists already"
            return Refusal(EXISTS, detail, headers=(("Location", f"/{entity.plural}/{taken}"),))
        case Stale(version):
            detail = f"the {entity.name} is at version {version}, which If-Match does not name"
            return Refusal(STALE, detail, headers=(("ETag", f'"{version}"'),))
        case Invalid(problems):
            count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
            faults = tuple(Fault(problem.pointer, problem.message) for problem in problems)
            return Refusal(INVALID, f"{count} found; nothing was changed", faults)
        case TooLarge(event_bytes):
            detail = (
                f"the change's event, with the record before and after it, has {event_bytes} "
                f"bytes; at most {MAX_EVENT_BYTES} fit. Nothing was changed"
            )
            return Refusal(TOO_LARGE, detail)


def unstored(error: DatabaseError, *, changing: bool) -> Refusal:
    """The database failed: say whether the change may have been made all the same."""
    if not error.certain:
        result = "It is not known whether the change was made: read the record, then decide"
    elif changing:
        result = "Nothing was changed. Repeat the request once there is room and it is back"
    else:
        result = "Repeat the request once it is back"
    return Refusal(UNSTORED, f"the database says: {error}. {result}", headers=RETRY_AFTER)
