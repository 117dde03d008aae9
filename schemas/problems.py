"""Collects what is wrong with a manifest, so that one look shows all of it.

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from schemas.errors import Problem
from schemas.wording import found, listed, nearest, unknown


class Problems:
    """The problems found so far, each with its path; the root's path is empty."""

    def __init__(self) -> None:
        """Nothing was found yet."""
        self._found: list[Problem] = []

    @property
    def found(self) -> tuple[Problem, ...]:
        """All of them, in the order of finding."""
        return tuple(self._found)

    def add(self, path: str, message: str) -> None:
        """Add one."""
        self._found.append(Problem(path, message))

    def keys(
        self,
        content: Mapping[str, Any],
        path: str,
        allowed: Collection[str],
        required: Collection[str],
    ) -> None:
        """Report keys that are unknown and keys that are missing."""
        for key in content:
            if key not in allowed:
                self.add(joined(path, str(key)), unknown("the key", key, allowed))
        for key in required:
            if key not in content:
                near = nearest(key, [str(each) for each in content if each not in allowed])
                self.add(path, f"the key {key} is missing{near.replace('did you mean', 'is it')}")

    def texts(
        self, value: object, path: str, allowed: Collection[str] | None, what: str
    ) -> tuple[str, ...]:
        """A list of at least one text, each of them allowed and there only once."""
        if not isinstance(value, list) or not value:
            options = f" of {listed(allowed)}" if allowed else ""
            self.add(path, f"{found(value)}; a list of at least one {what}{options} is expected")
            return ()
        good: dict[str, None] = {}
        for index, each in enumerate(value):
            place = f"{path}[{index}]"
            if not isinstance(each, str) or not each:
                self.add(place, f"{found(each)}; the name of a {what} is expected")
            elif allowed is not None and each not in allowed:
                self.add(place, unknown(f"the {what}", each, allowed))
            elif each in good:
                self.add(place, f'"{each}" stands here twice')
            else:
                good[each] = None
        return tuple(good)


def joined(path: str, key: str) -> str:
    """The path of a key below a path."""
    return f"{path}.{key}" if path else key
