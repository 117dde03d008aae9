"""An export of Krayin's tables `workflows` and `webhooks` → their rows, or what is wrong with it.

Pure.  Two forms of JSON are read: `{"workflows": [row, …], "webhooks": [row, …]}`, and what
phpMyAdmin exports, a list whose items name a table and have its rows as `data`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.errors import ConfigurationError

Row = Mapping[str, Any]
#: MySQL's JSON columns arrive as texts, or as what is in them.
JSON_COLUMNS = ("conditions", "actions", "query_params", "headers", "payload")
TABLES = ("workflows", "webhooks")
FORMS = (
    'expected {"workflows": [...], "webhooks": [...]} with the rows of the two tables, or '
    "phpMyAdmin's export of them as JSON"
)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of the two tables; their JSON columns are values."""

    workflows: tuple[Row, ...]
    webhooks: tuple[Row, ...]


def read_rows(text: str) -> Rows:
    """The rows of an export.

    Raises:
        ConfigurationError: It is not one; says what was found and what is expected.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"the file is not JSON: {error}; {FORMS}"
        raise ConfigurationError(message) from error
    tables = _tables(content)
    if not tables.keys() & set(TABLES):
        message = f"the file has neither of the tables workflows and webhooks; {FORMS}"
        raise ConfigurationError(message)
    return Rows(*(_rows(name, tables.get(name) or []) for name in TABLES))


def description_of(row: Row) -> str:
    """Its name and description; a manifest has no name beside its id."""
    named = [str(row[key]).strip() for key in ("name", "description") if row.get(key)]
    return ": ".join(filter(None, named)) or "imported from Krayin"


def _tables(content: object) -> Mapping[str, Any]:
    """Rows by the name of their table; prefixes of table names are passed over."""
    if isinstance(content, Mapping):
        named = content.items()
    elif isinstance(content, list):
        items = [item for item in content if isinstance(item, Mapping)]
        named = {str(item.get("name")): item.get("data") for item in items}.items()
    else:
        return {}
    return {table: rows for name, rows in named for table in TABLES if str(name).endswith(table)}


def _rows(table: str, rows: object) -> tuple[Row, ...]:
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        message = f"the table {table} is not a list of rows; {FORMS}"
        raise ConfigurationError(message)
    return tuple({name: _column(name, value) for name, value in row.items()} for row in rows)


def _column(name: str, value: object) -> object:
    """A column's value; that of a JSON column is decoded."""
    if name not in JSON_COLUMNS or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
