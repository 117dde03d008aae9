"""Versions as entity tags: `If-Match` lets a caller change only what it has seen.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Of the largest version that a database can count to.
DIGITS = 19
_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\uffff]*)"\s*')


@dataclass(frozen=True, slots=True)
class Expected:
    """The versions that a caller accepts; None accepts any."""

    versions: frozenset[int] | None = None

    def accepts(self, version: int) -> bool:
        """Whether the record may be changed as it is now."""
        return self.versions is None or version in self.versions


def etag_of(version: int) -> str:
    """The entity tag of a version: strong, for the same version is the same record."""
    return f'"{version}"'


def expected_in(header: str | None) -> Expected | None:
    """What an `If-Match` header accepts; None if it cannot be read.

    A weak tag, or one that no version ever had, is well-formed and accepts nothing.
    """
    if header is None or header.strip() == "*":
        return Expected()
    versions: set[int] = set()
    for part in header.split(","):
        tag = _TAG.fullmatch(part)
        if tag is None:
            return None
        weak, text = tag.groups()
        if not weak and text.isascii() and text.isdigit() and len(text) <= DIGITS:
            versions.add(int(text))
    return Expected(frozenset(versions))
