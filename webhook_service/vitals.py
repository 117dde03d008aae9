"""What a verdict says about the endpoint: did it fail, and is it asked too much?

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from webhook_service.attempt import Outcome
from webhook_service.courier import Again, Dead, Done, Later, Verdict
from webhook_service.outcome import RETRIED, Answer, NoAnswer
from webhook_service.window import Strain

_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_SERVER_ERRORS: Final = 500


@dataclass(frozen=True, slots=True)
class Sign:
    """What an attempt says about the endpoint.

    Attributes:
        failure: Why the endpoint counts as failing; None if it does not.
    """

    failure: str | None
    strain: Strain


FINE: Final = Sign(None, Strain.NONE)


def sign_of(verdict: Verdict) -> Sign | None:
    """The sign in a verdict; None if nothing was sent.

    An endpoint that refuses one request (400) works; one that wants fewer of them (429) does, too.
    """
    match verdict:
        case Done():
            return FINE
        case Again(attempt=made) | Dead(attempt=Outcome() as made):
            return _of(made.result)
        case Dead() | Later():
            return None


def _of(result: Answer | NoAnswer) -> Sign:
    if isinstance(result, NoAnswer):
        strain = Strain.TIMEOUT if result.error_class == "timeout" else Strain.NONE
        return Sign(f"{result.error_class}: {result.error}", strain)
    status = result.status
    strain = Strain.BUSY if status in _BUSY else Strain.NONE
    failed = status >= _SERVER_ERRORS or status in RETRIED
    if not failed or status == HTTPStatus.TOO_MANY_REQUESTS:
        return Sign(None, strain)
    return Sign(f"the endpoint answered {status}", strain)
