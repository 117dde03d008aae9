"""The schema catalog, loaded once per process and directory."""

from __future__ import annotations

import functools
from pathlib import Path

from schemas.catalog import Catalog


@functools.cache
def catalog_of(schemas_dir: Path | None) -> Catalog:
    """The catalog with the operator's entities; composing and checking it takes a while.

    Raises:
        ConfigurationError: A file in the directory is no entity.
    """
    return Catalog.load(schemas_dir)
