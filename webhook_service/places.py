"""Where placeholders may stand besides the body, and how each place escapes what they stand for.

Pure.  What a record contains cannot leave its place: in a query it is percent-encoded, in a header
there are only printable characters of ASCII, and in a path it is one whole segment or part of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from schemas.templates import Line, Piece, as_written, moves, pieces_of, problem_with_line
from webhook_service.url import with_query

#: Longer ones are not sent: receivers commonly refuse them.
LONGEST_URL: Final = 8_000
LONGEST_HEADER: Final = 8_000
URL: Final = "url"
MASK: Final = "***"

#: Scheme, host and port, which decide who is called.
_FRONT: Final = re.compile(r"https?://[^/?#{}]+/")
#: What is not percent-encoded in a header: `%` is, so that decoding gives back what was there.
_PRINTABLE: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
#: Servers that decode before they resolve would take these for a step to another place.
_UNSAFE_IN_PATH: Final = re.compile(r"[/\\\x00-\x1f\x7f]")
_NOWHERE: Final = ("", ".", "..")


@dataclass(frozen=True, slots=True)
class Placed:
    """A URL and headers with every placeholder filled in."""

    url: str
    headers: tuple[tuple[str, str], ...]


def query_place(name: str) -> str:
    """The place of a query parameter in a manifest."""
    return f'query["{name}"]'


def header_place(name: str) -> str:
    """The place of a header in a manifest."""
    return f'headers["{name}"]'


def lines_of(
    url: str, query: Mapping[str, str], headers: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """The texts of a well-formed webhook that have placeholders, by their place in its manifest."""
    texts = {
        URL: url,
        **{query_place(name): value for name, value in query.items()},
        **{header_place(name): value for name, value in headers},
    }
    return {place: text for place, text in texts.items() if moves(text)}


def problem_with_places(url: str) -> str | None:
    """Why a URL may not have the placeholders that it has; None if it may, or has none."""
    if "{{" not in url:
        return None
    front = _FRONT.match(url)
    if front is None:
        return (
            "has a placeholder before its path; scheme, host and port say who is called, so no "
            "record may decide them: use a webhook for each host"
        )
    problem = problem_with_line(url)
    if problem is not None:
        return problem
    plain = as_written(url, lambda _: "\0")
    path, mark, rest = plain.partition("?")
    if "\0" in rest:
        return "has a placeholder behind the question mark; put it under query"
    return None if not mark or "\0" in path else "cannot be read"


def stand_in(url: str) -> str:
    """A URL with something harmless in place of its placeholders, for every other check."""
    return as_written(url, lambda _: "x") if "{{" in url else url


def masked_moving_url(url: str) -> str:
    """A URL without what its placeholders stand for, which may be personal."""
    return as_written(url, lambda _: MASK) if "{{" in url else url


def split_query(url: str) -> tuple[str, str]:
    """A URL, and what it says behind the question mark, with the mark; empty if it says nothing."""
    *front, last = pieces_of(url) if "{{" in url else (Piece(url, given=True),)
    if not last.given:
        return url, ""
    base, mark, query = last.text.partition("?")
    return "".join(piece.text for piece in front) + base, mark + query


def placed(
    url: str,
    query: Mapping[str, str],
    headers: Iterable[tuple[str, str]],
    filled: Mapping[str, Line],
) -> Placed | str:
    """A URL and headers with their lines put in, or why that is not safe.

    Args:
        query: Parameters as they are configured.
        headers: Likewise.
        filled: The lines of `lines_of`, filled in.
    """
    path = _path(filled[URL]) if URL in filled else url
    if path is None:
        return (
            "a placeholder in the path of the URL stands for nothing, or for something that leads "
            "elsewhere (/, \\, . or ..); put it under query"
        )
    pairs = [
        (name, _text(filled[query_place(name)]) if query_place(name) in filled else value)
        for name, value in query.items()
    ]
    whole = with_query(path, pairs)
    if len(whole) > LONGEST_URL:
        return f"the URL would have {len(whole)} characters; {LONGEST_URL} are allowed"
    lines = tuple(
        (name, _header(filled[header_place(name)]) if header_place(name) in filled else value)
        for name, value in headers
    )
    for name, value in lines:
        if len(value) > LONGEST_HEADER:
            return f"the header {name} would have {len(value)} characters; {LONGEST_HEADER} are allowed"
    return Placed(whole, lines)


def _text(line: Line) -> str:
    return "".join(piece.text for piece in line)


def _path(line: Line) -> str | None:
    """The URL, unless a value would lead to another place than the one that was meant."""
    if any(not piece.given and _UNSAFE_IN_PATH.search(piece.text) for piece in line):
        return None
    marked = "".join(
        piece.text if piece.given else f"\0{quote(piece.text, safe='')}" for piece in line
    )
    segments = marked.partition("?")[0].split("/")
    if any("\0" in each and each.replace("\0", "") in _NOWHERE for each in segments):
        return None
    return marked.replace("\0", "")


def _header(line: Line) -> str:
    text = "".join(
        piece.text if piece.given else quote(piece.text, safe=_PRINTABLE) for piece in line
    )
    # No receiver would see a space at either end.
    core = text.strip(" ")
    before, _, after = text.partition(core) if core else ("", "", text)
    return f"{'%20' * len(before)}{core}{'%20' * len(after)}"
