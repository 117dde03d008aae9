"""The bodies in use, each compiled once for an entity and kept while there is room.

Pure: the same text and entity always give the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from schemas.catalog import Catalog
from schemas.errors import ConfigurationError
from schemas.templates.body import Body, compiled
from schemas.templates.checks import scope_of
from schemas.templates.source import Source, source_of

#: Bodies kept ready: some KB each.
MOST_KEPT: Final = 512
#: Problems that are named in a reason.
_SAID: Final = 3


class Bodies:
    """Compiles bodies as they are stored, and remembers those that were used last.

    Attributes:
        of: The body that a canonical text and an entity's name stand for, or why there is none.
    """

    of: Callable[[str, str], Body | str]

    def __init__(self, catalog: Catalog, most: int = MOST_KEPT) -> None:
        """Nothing is compiled yet."""
        self._catalog = catalog
        self.of = lru_cache(most)(self._compiled)

    def _compiled(self, text: str, entity: str) -> Body | str:
        try:
            source = source_of(json.loads(text))
            scope = scope_of(self._catalog, entity)
        except (ValueError, RecursionError, ConfigurationError) as error:
            return f"the body cannot be read: {error}"
        made = compiled(source, scope) if isinstance(source, Source) else source
        if isinstance(made, Body):
            return made
        more = f"; and {len(made) - _SAID} more" if len(made) > _SAID else ""
        return "the body cannot be made: " + "; ".join(map(str, made[:_SAID])) + more
