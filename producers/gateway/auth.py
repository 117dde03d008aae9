"""Who may publish: bearer tokens, compared in constant time.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from producers.gateway.refusal import UNAUTHORIZED, Refusal

REALM = 'Bearer realm="hookline"'


class Tokens:
    """The tokens that the operator gave out; without any, everybody may publish."""

    def __init__(self, tokens: Iterable[str]) -> None:
        """Keep digests: they have one length, so comparing tells nothing about the token's."""
        self._digests = tuple(_digest(token.encode()) for token in tokens)

    @property
    def needed(self) -> bool:
        """Whether a caller must show one."""
        return bool(self._digests)

    def refusal(self, authorization: str | None) -> Refusal | None:
        """Why a caller with this `Authorization` may not publish; None if it may."""
        if not self._digests:
            return None
        if authorization is None:
            detail = "send Authorization: Bearer <token>"
            return Refusal(UNAUTHORIZED, detail, headers=(("WWW-Authenticate", REALM),))
        scheme, _, token = authorization.partition(" ")
        shown = _digest(token.strip().encode("utf-8", "surrogateescape"))
        # All are compared, whichever fits: the time taken says nothing.
        fits = sum(hmac.compare_digest(shown, digest) for digest in self._digests)
        if scheme.lower() == "bearer" and fits:
            return None
        return Refusal(
            UNAUTHORIZED,
            "the token is not one that this gateway knows",
            headers=(("WWW-Authenticate", f'{REALM}, error="invalid_token"'),),
        )


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
