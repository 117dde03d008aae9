"""Every way the gateway says no, as one table: status, title and meaning (RFC 9457).

Pure: no clock, no I/O.  `app` answers with these, `openapi` documents them: one table, so neither
can know a refusal that the other does not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]

CONTENT_TYPE = "application/problem+json"
#: A name, not an address: what it means stands in the OpenAPI document.
TYPE_PREFIX = "urn:hookline:problem:"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of refusal.

    Attributes:
        name: Stable; ends the problem's `type`.
        meaning: For the OpenAPI document: when it happens and what to do.
    """

    name: str
    status: int
    title: str
    meaning: str


MALFORMED = Kind(
    "malformed-request",
    400,
    "The request cannot be read",
    "The body is not UTF-8, not JSON, or repeats a name in one object; or a header is malformed. "
    "`detail` says where.",
)
UNAUTHORIZED = Kind(
    "unauthorized",
    401,
    "A valid bearer token is needed",
    "Send `Authorization: Bearer <token>` with a token that the operator gave you.",
)
NOT_FOUND = Kind(
    "not-found",
    404,
    "There is nothing here",
    "The entity or the path is not known; `detail` names those that are.",
)
METHOD_NOT_ALLOWED = Kind(
    "method-not-allowed",
    405,
    "The method is not allowed here",
    "`Allow` names the methods that are.",
)
TOO_SLOW = Kind(
    "body-too-slow",
    408,
    "The body did not arrive in time",
    "Send the whole body without pause, then repeat the request.",
)
TOO_LARGE = Kind(
    "body-too-large",
    413,
    "The body is too large",
    "Send fewer or smaller events in one request; `detail` states the limit.",
)
UNSUPPORTED = Kind(
    "unsupported-media-type",
    415,
    "The body must be JSON, not encoded",
    "Send `Content-Type: application/json` in UTF-8, without a `Content-Encoding`.",
)
INVALID = Kind(
    "invalid-events",
    422,
    "The events are not what the schema says",
    "None of the events was published. `errors` has every problem found, each with a JSON pointer "
    "into the request's body.",
)
KEY_REUSED = Kind(
    "idempotency-key-reused",
    422,
    "The Idempotency-Key belongs to another request",
    "The key was used with another entity or body. Use a new key for a new request.",
)
FAILED = Kind(
    "internal-error",
    500,
    "The gateway failed",
    "It is not the request's fault. Repeat it, with the same `Idempotency-Key`.",
)
UNAVAILABLE = Kind(
    "broker-unavailable",
    503,
    "The events could not be published now",
    "Kafka did not acknowledge the events in time. Some may be there all the same: repeat the "
    "request after `Retry-After` with the same `Idempotency-Key`, and they have the same ids.",
)
BUSY = Kind(
    "busy",
    503,
    "The gateway has as much under way as it may",
    "Nothing was published. Repeat the request after `Retry-After`.",
)

KINDS = (
    MALFORMED,
    UNAUTHORIZED,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    TOO_SLOW,
    TOO_LARGE,
    UNSUPPORTED,
    INVALID,
    KEY_REUSED,
    FAILED,
    UNAVAILABLE,
    BUSY,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the body.

    Attributes:
        pointer: RFC 6901, from the body's root; empty for the body itself.
        detail: What was found and what is allowed.
    """

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """One answer that says no.

    Attributes:
        errors: Every fault found; only of kind `INVALID`.
        headers: That belong to the status, such as `Retry-After`.
    """

    kind: Kind
    detail: str
    errors: tuple[Fault, ...] = ()
    headers: Headers = ()

    @property
    def body(self) -> bytes:
        """The problem document."""
        document: dict[str, object] = {
            "type": TYPE_PREFIX + self.kind.name,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [
                {"pointer": fault.pointer, "detail": fault.detail} for fault in self.errors
            ]
        return json.dumps(document).encode()
