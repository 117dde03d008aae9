"""Every schema there is: those of this package and those of a directory the operator names.

Reads `.avsc` files when it is loaded, and nothing after that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from schemas.composition import (
    NamedSchema,
    Schema,
    composed,
    full_name,
    inlined,
    named_schema,
    text_of,
)
from schemas.errors import ConfigurationError
from schemas.types import FieldType, RecordType, record_type

__all__ = ["Catalog", "NamedSchema"]

HERE = Path(__file__).parent
RECORD_FIELDS = frozenset({"before", "after"})


@dataclass(frozen=True, slots=True)
class Catalog:
    """All schemas by what they are for.

    Attributes:
        records: The type of each entity's record.
        envelope_fields: What every event says around the record (without before and after).
    """

    _events: Mapping[str, NamedSchema]
    records: Mapping[str, RecordType]
    envelope_fields: Mapping[str, FieldType]
    action: NamedSchema
    attempt: NamedSchema
    definition: NamedSchema

    @classmethod
    def load(cls, extra_dir: Path | None = None) -> Self:
        """Read the schemas of this package, and the entities in a further directory.

        Raises:
            ConfigurationError: Naming each file that cannot be used and what is wrong with it.
        """
        shapes = _shapes()
        envelope = _read(HERE / "envelope.avsc")
        entities = {path.stem: _read(path) for path in sorted((HERE / "entities").glob("*.avsc"))}
        if extra_dir is not None:
            entities |= {path.stem: _read(path) for path in sorted(extra_dir.glob("*.avsc"))}
        events = {name: composed(envelope, entities[name], shapes) for name in sorted(entities)}
        first = record_type(events["lead"])
        return cls(
            {name: named_schema(text_of(event)) for name, event in events.items()},
            {name: _record_of(event) for name, event in events.items()},
            {k: v for k, v in first.fields.items() if k not in RECORD_FIELDS},
            *(
                named_schema(text_of(inlined(_read(HERE / f"{name}.avsc"), shapes, set())))
                for name in ("action", "attempt", "definition")
            ),
        )

    @property
    def entities(self) -> tuple[str, ...]:
        """The names of all entities, sorted."""
        return tuple(self._events)

    def event(self, entity: str) -> NamedSchema:
        """The event schema of an entity.

        Raises:
            ConfigurationError: There is no such entity.
        """
        self._known(entity)
        return self._events[entity]

    def record(self, entity: str) -> RecordType:
        """The type of an entity's record."""
        self._known(entity)
        return self.records[entity]

    def fields(self, entity: str) -> Mapping[str, FieldType]:
        """The fields of an entity's record."""
        return self.record(entity).fields

    def _known(self, entity: str) -> None:
        """Refuse the name of an entity that does not exist."""
        if entity not in self._events:
            message = f"there is no entity {entity!r}; there are {', '.join(self._events)}"
            raise ConfigurationError(message)


def _read(path: Path) -> Schema:
    """One file's schema."""
    schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    return schema


def _shapes() -> dict[str, Schema]:
    """The named types that entities share."""
    shapes = [_read(path) for path in sorted((HERE / "shapes").glob("*.avsc"))]
    return {full_name(shape): shape for shape in shapes}


def _record_of(event: Mapping[str, Any]) -> RecordType:
    """The type of the record that an event carries."""
    before = record_type(event).fields["before"]
    if not isinstance(before, RecordType):
        message = f"{event['name']}: before and after hold a record"
        raise ConfigurationError(message)
    return RecordType(before.name, before.fields, doc=before.doc)
