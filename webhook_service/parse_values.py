"""What every part of a webhook's manifest is read with: values, bounds, and problems with their path.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Final

from schemas.errors import Problem
from webhook_service.durations import duration_text, parse_duration

LONGEST_VALUE: Final = 4_096
#: Reads the value of one key; what is wrong with it is kept by the `Reader`.
Read = Callable[[Any], Any]


class Reader:
    """Reads the values of one manifest and keeps what is wrong with them."""

    def __init__(self) -> None:
        """Nothing is wrong yet."""
        self.problems: list[Problem] = []

    def bad(self, place: str, message: str) -> None:
        """Keep a problem.

        Args:
            place: Its path in the manifest.
        """
        self.problems.append(Problem(place, message))

    def names(self, content: Mapping[str, Any], known: tuple[str, ...], path: str) -> None:
        """Report keys that do not exist, each with the nearest one that does."""
        for key in content:
            if key not in known:
                near = get_close_matches(str(key), known, n=1, cutoff=0.5)
                hint = f"; did you mean {near[0]}?" if near else ""
                self.bad(f"{path}{key}", f"is not known{hint} (known: {', '.join(known)})")

    def mapping(self, place: str, value: object, known: tuple[str, ...]) -> Mapping[str, Any]:
        """A mapping with some of these keys; empty if it is something else."""
        if not isinstance(value, Mapping):
            self.bad(place, f"is {found(value)}; {' and '.join(known)} are expected")
            return {}
        self.names(value, known, f"{place}.")
        return value

    def records(
        self, place: str, value: object, known: tuple[str, ...], most: int
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The mappings in a list, each with its place."""
        if not isinstance(value, list | tuple) or len(value) > most:
            self.bad(place, f"is {found(value)}; a list of up to {most} is expected")
            return
        for index, each in enumerate(value):
            yield f"{place}[{index}]", self.mapping(f"{place}[{index}]", each, known)

    def text(self, place: str, value: object) -> str:
        """A text."""
        if isinstance(value, str):
            return value
        self.bad(place, f"is {found(value)}; a text is expected")
        return ""

    def one_of(self, place: str, value: object, allowed: tuple[str, ...]) -> str:
        """One of these texts."""
        if not isinstance(value, str) or value not in allowed:
            self.bad(place, f"is {found(value)}; one of {', '.join(allowed)} is expected")
            return allowed[0]
        return value

    def number(self, place: str, value: object, least: int, most: int) -> int:
        """A whole number within bounds."""
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.bad(place, f"is {found(value)}; {least} to {most} are allowed")
            return least
        return value

    def duration(self, place: str, value: object, least: timedelta, most: timedelta) -> timedelta:
        """A duration within bounds."""
        if isinstance(value, timedelta):
            length = value
        else:
            try:
                length = parse_duration(value if isinstance(value, str) else repr(value))
            except ValueError as error:
                self.bad(place, str(error))
                return least
        if not least <= length <= most:
            self.bad(
                place, f"is {value}; {duration_text(least)} to {duration_text(most)} are allowed"
            )
        return length

    def pairs(self, place: str, value: object) -> dict[str, str]:
        """A mapping of texts to texts, none of them too long."""
        if not isinstance(value, Mapping):
            self.bad(place, f"is {found(value)}; names with values are expected")
            return {}
        pairs: dict[str, str] = {}
        for name, each in value.items():
            at = f'{place}["{name}"]'
            if not isinstance(name, str) or not isinstance(each, str):
                self.bad(at, f"is {found(each)}; a text is expected (put it in quotes)")
                continue
            if len(each) > LONGEST_VALUE:
                self.bad(at, f"is {len(each)} characters long; {LONGEST_VALUE} are allowed")
            pairs[name] = each
        return pairs


def found(value: object) -> str:
    """A value as people wrote it; long ones are cut."""
    text = repr(value) if not isinstance(value, Mapping) else "a mapping"
    return text if len(text) <= 60 else text[:57] + "…"  # noqa: PLR2004 - a line's worth
