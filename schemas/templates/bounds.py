"""How long a body, and what it is made of, may be.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

#: Bytes of a body, and characters of every text on the way to it.  Receivers commonly refuse more.
MAX_OUTPUT: Final = 256 * 1024
#: Characters of a template, as canonical JSON.
MAX_TEMPLATE: Final = 64 * 1024
#: Placeholders of a template: with the pipes of each, what one body may cost.
MAX_PLACEHOLDERS: Final = 500
#: Characters of a pipe's argument.
MAX_ARGUMENT: Final = 500
#: Objects and lists within one another.
MAX_DEPTH: Final = 32


class TooLargeError(Exception):
    """What is being made is longer than `MAX_OUTPUT`."""


def bounded(text: str) -> str:
    """The text, if it is not too long.

    Raises:
        TooLargeError: It is.
    """
    if len(text) > MAX_OUTPUT:
        raise TooLargeError
    return text


def joined(sign: str, texts: Iterable[str]) -> str:
    """The texts in a row, empty ones left out; stops as soon as they are too long.

    Raises:
        TooLargeError: They are.
    """
    taken: list[str] = []
    length = 0
    for text in texts:
        if text:
            length += len(text) + len(sign)
            if length > MAX_OUTPUT + len(sign):
                raise TooLargeError
            taken.append(text)
    return sign.join(taken)
