"""What a service must know of its entity: its path, its ids, its stamps, how its records are kept.

Pure: no clock, no I/O.  All of it follows from the schema, so a new entity needs nothing here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

import orjson

from producers.entity_service.merge_patch import merged
from schemas.catalog import Catalog
from schemas.errors import SchemaError
from schemas.json_form import JsonProblem, dumps, from_json
from schemas.types import FieldType, ListType, MapType, RecordType, ScalarType

#: An id is part of a path, a key in Kafka and in logs, so it is plain; 200 fit every index.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:@+-]{0,199}")
ID_RULE = (
    "an id is 1 to 200 letters, digits or . _ ~ : @ + - and begins with a letter or digit; "
    "leave it out and the service chooses one"
)
CREATED_AT = "created_at"
UPDATED_AT = "updated_at"

Record = dict[str, Any]
Problems = list[JsonProblem]


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity as its service sees it.

    Attributes:
        plural: The first part of every path: `leads`.
        stamps: Which of `created_at` and `updated_at` its schema has.
    """

    name: str
    plural: str
    record: RecordType
    stamps: tuple[str, ...]

    @classmethod
    def of(cls, catalog: Catalog, name: str) -> Self:
        """The entity of this name.

        Raises:
            ConfigurationError: There is none.
        """
        record = catalog.record(name)
        known = (CREATED_AT, UPDATED_AT)
        stamps = tuple(each for each in known if is_instant(record.fields.get(each)))
        return cls(name, plural_of(name), record, stamps)

    def created(
        self, value: object, record_id: str, now: datetime
    ) -> tuple[Record | None, Problems]:
        """A new record from JSON, or everything that is wrong with it.

        Args:
            value: What the caller sent; an `id` in it is `record_id`.
        """
        if not isinstance(value, Mapping):
            return None, [JsonProblem("", f"a {self.name} is a JSON object")]
        stamped = [each for each in self.stamps if value.get(each) is not None]
        problems = [JsonProblem(f"/{each}", _STAMPED) for each in stamped]
        own = {"id": record_id} | dict.fromkeys(self.stamps, now.isoformat())
        record, found = from_json(self.record, {**value, **own})
        return (record if not problems else None), problems + found

    def patched(self, before: Stored, patch: object) -> tuple[Record | None, Problems]:
        """The record after a merge patch, its stamps untouched, or everything that is wrong."""
        if not isinstance(patch, Mapping):
            return None, [JsonProblem("", "a patch is a JSON object with the fields that change")]
        unknown = [name for name in patch if name not in self.record.fields]
        # Unknown names are put back as they are: `null` for one would otherwise pass unnoticed.
        tree = merged(before.tree, patch) | {name: patch[name] for name in unknown}
        after, problems = from_json(self.record, tree)
        if after is None:
            return None, problems
        for name, why in (("id", _KEPT), *((stamp, _STAMPED) for stamp in self.stamps)):
            if after[name] != before.record[name]:
                problems.append(JsonProblem(f"/{name}", why))
        return (None, problems) if problems else (after, [])

    def touched(self, record: Record, now: datetime) -> Record:
        """The record with the time of its change, where its schema has a field for it."""
        return {**record, UPDATED_AT: now} if UPDATED_AT in self.stamps else record

    def id_in(self, value: object) -> tuple[str | None, Problems]:
        """The id that a caller gave a new record; None where the choice is the service's."""
        given = value.get("id") if isinstance(value, Mapping) else None
        if given is None:
            return None, []
        if not isinstance(given, str) or not ID.fullmatch(given):
            return None, [JsonProblem("/id", ID_RULE)]
        return given, []

    def load(self, text: str) -> Stored:
        """A record as it was kept.

        Raises:
            SchemaError: It does not fit the schema of today.
        """
        tree = known_part(self.record, json.loads(text, parse_float=Decimal))
        record, problems = from_json(self.record, tree)
        if record is None:
            first = problems[0]
            raise SchemaError(
                f"a stored {self.name} does not fit its schema any more: {first.pointer} "
                f"{first.message}"
            )
        return Stored(tree, record)


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it was kept.

    Attributes:
        tree: Its JSON, numbers with a point as exact decimals: what a merge patch applies to.
        record: Its values.
    """

    tree: object
    record: Record


def kept(record: Record) -> str:
    """A record as JSON text that says every value exactly.

    Decimals are JSON numbers here, not strings: in a custom attribute `"12.5"` is another value.
    """
    return dumps(_exact(record)).decode()


def _exact(value: object) -> object:
    match value:
        case Decimal():
            return orjson.Fragment(format(value, "f"))
        case Mapping():
            return {name: _exact(inner) for name, inner in value.items()}
        case list():
            return [_exact(inner) for inner in value]
        case _:
            return value


def known_part(type_: FieldType, value: object) -> object:
    """A stored value without the fields that its schema no longer has."""
    match type_, value:
        case RecordType(), dict():
            fields = type_.fields
            return {k: known_part(fields[k], v) for k, v in value.items() if k in fields}
        case ListType(), list():
            return [known_part(type_.item, item) for item in value]
        case MapType(), dict():
            return {name: known_part(type_.values, item) for name, item in value.items()}
        case _:
            return value


def is_instant(type_: FieldType | None) -> bool:
    """Whether there is such a field, and it holds an instant."""
    return isinstance(type_, ScalarType) and type_.kind == "datetime"


def plural_of(name: str) -> str:
    """The entity's name in a path: `lead` -> `leads`, `activity` -> `activities`."""
    if name.endswith("y") and name[-2:-1] not in set("aeiou"):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "z", "ch", "sh")) else f"{name}s"


_STAMPED = "is set by the service; leave it out"
_KEPT = "a record keeps its id; leave it out"
