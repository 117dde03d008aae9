"""Regular expressions that take linear time and bounded memory, whatever they and the text are.

Pure.  The engine is RE2.  It is given bytes: with texts its wrapper counts characters for offsets
that nobody asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import re2

from workflow_service.language.kinds import Mistyped, nfc
from workflow_service.language.workflow import MAX_PATTERN

#: Bytes that one expression may take, its remembered states included; beyond that it gets slower.
MAX_MEMORY = 1 << 20
#: Expressions that are kept, so that workflows that share one do not each have their own.
_KEPT = 512

#: Bytes of a beginning that are looked at.
_PREFIX = 16
NO_BOUNDS: Final = ("", None)
_ESCAPED = re.compile(r"\\.", re.DOTALL)
#: Flags, which may change what `^` means; `\Q`; and brackets and bars that stand for themselves.
_UNSURE = re.compile(r"\(\?(?!:)|\[[^\]]*[()|\[]|\[\^?\]")

#: Ways of writing in which a bracket or a backslash is not what it seems; these stay as they are.
_ODD = ("\\Q", "[]", "[^]")

Search = Callable[[str], bool]


@lru_cache(maxsize=_KEPT)
def search_of(pattern: str, *, ignore_case: bool) -> Search:
    """Whether an expression is found in a text.

    Raises:
        Mistyped: It is none, or too long, or asks for what cannot be had in linear time.
    """
    if len(pattern) > MAX_PATTERN:
        raise Mistyped(
            f"a regular expression of {len(pattern)} characters; {MAX_PATTERN} are allowed"
        )
    composed = nfc(pattern)
    find = _compiled(_expanded(composed) if ignore_case else composed, ignore_case=ignore_case)
    if not ignore_case:
        return _between(find, *(_bounds(composed) if _is_anchored(composed) else NO_BOUNDS))

    def search(text: str) -> bool:
        """A fold may be longer than what it is of (`ß`, `ss`), so either may be what is meant."""
        if find(_bytes(text)) is not None:
            return True
        return not text.isascii() and find(_bytes(nfc(text.casefold()))) is not None

    return search


def _between(find: Callable[[bytes], object], low: str, high: str | None) -> Search:
    """Most texts are ruled out by where those that start as the expression says are in their order."""
    if high is None:
        return lambda text: find(_bytes(text)) is not None
    return lambda text: (
        (low <= text <= high or not text.isascii()) and find(_bytes(text)) is not None
    )


def _bounds(pattern: str) -> tuple[str, str | None]:
    """The least and the greatest text, byte by byte, that an expression begins."""
    try:
        low, high = re2.compile(_bytes(f"(?:{pattern})(?s:.*)")).possiblematchrange(_PREFIX)
    except re2.error:
        return NO_BOUNDS
    return low.decode("latin-1"), high.decode("latin-1")


def _is_anchored(pattern: str) -> bool:
    """Whether it is certain that an expression is found at the beginning of a text only."""
    plain = _ESCAPED.sub("", pattern)
    if "\\Q" in pattern or not plain.startswith("^") or _UNSURE.search(plain):
        return False
    depth = 0
    for char in plain:
        depth += (char == "(") - (char == ")")
        if char == "|" and not depth:
            return False
    return True


def _compiled(pattern: str, *, ignore_case: bool) -> Callable[[bytes], object]:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MAX_MEMORY
    options.case_sensitive = not ignore_case
    try:
        search: Callable[[bytes], object] = re2.compile(_bytes(pattern), options).search
    except re2.error as error:
        reason = error.args[0]
        said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise Mistyped(
            f'"{pattern}" is no regular expression that takes linear time ({said}); the syntax is '
            "RE2's: no back-references, no look-around"
        ) from None
    return search


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _expanded(pattern: str) -> str:
    """The expression in which `ß` also stands for `ss`: RE2 itself folds character by character."""
    if any(each in pattern for each in _ODD):
        return pattern
    read: list[str] = []
    escaped, inside = False, 0
    for char in pattern:
        fold = char.casefold()
        if not escaped and not inside and len(fold) > 1:
            read.append(f"(?:{char}|{fold})")
        else:
            read.append(char)
        if not escaped:
            inside = max(0, inside + (char == "[") - (char == "]"))
        escaped = char == "\\" and not escaped
    return "".join(read)
