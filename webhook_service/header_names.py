"""What the name and the value of a configured header may be.

Pure.
"""

from __future__ import annotations

import re
from typing import Final

#: Names that are ours, the connection's or the proxy's to set.
RESERVED: Final = frozenset(
    {
        "accept-encoding", "connection", "content-encoding", "content-length", "expect", "host",
        "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
        # What a delivery says of its cause (`schemas.headers`).
        "x-correlation-id", "x-causation-id", "x-hops", "x-chain", "x-replay-of", "x-record-version",
    }
)  # fmt: skip
RESERVED_PREFIXES: Final = ("webhook-", "proxy-")

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def problem_with_name(name: str) -> str | None:
    """Why a header's name is refused."""
    if not _TOKEN.fullmatch(name):
        return _illegal_name(name)
    if name.lower() in RESERVED or name.lower().startswith(RESERVED_PREFIXES):
        return "is set by Hookline or by the connection; leave it out"
    return None


def problem_with_value(value: str) -> str | None:
    """Why a header's value is refused."""
    if "\n" in value or "\r" in value:
        return "holds a line break; a header's value is one line"
    if _UNPRINTABLE.search(value):
        return "holds a control character; printable ones are allowed"
    if not value.isascii():
        return "holds characters beyond ASCII; encode them (Base64 or percent-encoding)"
    if value != value.strip():
        return "begins or ends with a space, which no receiver would see; remove it"
    return None


def _illegal_name(name: str) -> str:
    """Why a header's name is refused, and what was probably meant."""
    better = re.sub(r"[\s_]+", "-", name.strip().rstrip(":"))
    hint = f"; did you mean {better}?" if better != name and _TOKEN.fullmatch(better) else ""
    return f"is not a legal header name: letters, digits and !#$%&'*+-.^_`|~ are allowed{hint}"
