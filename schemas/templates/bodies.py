"""The bodies in use, each compiled once for an entity and kept while there is room.

Pure: the same text and entity always give the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from schemas.catalog import Catalog
from schemas.errors import ConfigurationError, Problem
from schemas.templates.body import Body, compiled
from schemas.templates.checks import scope_of
from schemas.templates.lines import Lines, compiled_lines
from schemas.templates.source import Source, source_of

#: Bodies kept ready: some KB each.
MOST_KEPT: Final = 512
#: Problems that are named in a reason.
_SAID: Final = 3


class Bodies:
    """Compiles bodies as they are stored, and remembers those that were used last.

    Attributes:
        of: The body that a canonical text and an entity's name stand for, or why there is none.
        lines: The lines that a JSON object of texts and an entity's name stand for, likewise.
    """

    of: Callable[[str, str], Body | str]
    lines: Callable[[str, str], Lines | str]

    def __init__(self, catalog: Catalog, most: int = MOST_KEPT) -> None:
        """Nothing is compiled yet."""
        self._catalog = catalog
        self.of = lru_cache(most)(self._compiled)
        self.lines = lru_cache(most)(self._compiled_lines)

    def _compiled(self, text: str, entity: str) -> Body | str:
        try:
            source = source_of(json.loads(text))
            scope = scope_of(self._catalog, entity)
        except (ValueError, RecursionError, ConfigurationError) as error:
            return f"the body cannot be read: {error}"
        made = compiled(source, scope) if isinstance(source, Source) else source
        return made if isinstance(made, Body) else f"the body cannot be made: {_said(made)}"

    def _compiled_lines(self, text: str, entity: str) -> Lines | str:
        try:
            made = compiled_lines(json.loads(text), scope_of(self._catalog, entity))
        except ConfigurationError as error:
            return f"the request cannot be made: {error}"
        return made if isinstance(made, Lines) else f"the request cannot be made: {_said(made)}"


def _said(problems: Sequence[Problem]) -> str:
    """The first of them, and how many more there are."""
    more = f"; and {len(problems) - _SAID} more" if len(problems) > _SAID else ""
    return "; ".join(map(str, problems[:_SAID])) + more
