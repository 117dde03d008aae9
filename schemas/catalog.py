"""Every schema there is: those of this package and those of a directory the operator names.

Reads `.avsc` files when it is loaded, and nothing after that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from schemas import entity_file
from schemas.avro import NamedSchema, Schema, full_name, named_schema
from schemas.composition import composed, inlined, text_of
from schemas.errors import ConfigurationError
from schemas.reading import Reader
from schemas.types import FieldType, RecordType, record_type
from schemas.writing import Writer

__all__ = ["Catalog", "NamedSchema"]

HERE = Path(__file__).parent
#: Fields of the envelope that hold the entity's record.
RECORD_FIELDS = frozenset({"before", "after"})


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity's schema and type.

    Attributes:
        event: The schema of its events.
        record: The type of its record.
        envelope: What its events say around the record; the same for every entity.
    """

    event: NamedSchema
    record: RecordType
    envelope: Mapping[str, FieldType]


@dataclass(frozen=True, slots=True)
class Catalog:
    """All schemas by what they are for.

    Attributes:
        action, attempt, definition, firing, lane_state, workflow_counts: The schemas of the records
            that are not events.
    """

    _entities: Mapping[str, Entity]
    action: NamedSchema
    attempt: NamedSchema
    definition: NamedSchema
    firing: NamedSchema
    lane_state: NamedSchema
    workflow_counts: NamedSchema

    @classmethod
    def load(cls, extra_dir: Path | None = None) -> Self:
        """Read the schemas of this package, and the entities in a further directory.

        Raises:
            ConfigurationError: Naming each file that cannot be used and what is wrong with it.
        """
        shapes = {full_name(shape): shape for shape in map(_read, _files(HERE / "shapes"))}
        envelope = _read(HERE / "envelope.avsc")
        schemas = {path.stem: _read(path) for path in _files(HERE / "entities")}
        entities = {stem: _entity(envelope, schema, shapes) for stem, schema in schemas.items()}
        if extra_dir is not None:
            taken = dict.fromkeys(shapes, "Hookline itself")
            for schema in schemas.values():
                name = full_name(schema)
                taken |= {name: "Hookline itself", f"{name}Event": "Hookline itself"}
            entities |= _extra(extra_dir, envelope, shapes, taken)
        others = (
            named_schema(text_of(inlined(_read(HERE / f"{name}.avsc"), shapes, set())))
            for name in (
                "action",
                "attempt",
                "definition",
                "firing",
                "lane_state",
                "workflow_counts",
            )
        )
        return cls(dict(sorted(entities.items())), *others)

    @property
    def entities(self) -> tuple[str, ...]:
        """The names of all entities, sorted."""
        return tuple(self._entities)

    @property
    def envelope_fields(self) -> Mapping[str, FieldType]:
        """What every event says around the record, without `before` and `after`."""
        return next(iter(self._entities.values())).envelope

    @property
    def schemas(self) -> tuple[NamedSchema, ...]:
        """Every schema that travels: events by entity, then what else is written."""
        events = (entity.event for entity in self._entities.values())
        others = (self.action, self.attempt, self.definition, self.firing, self.lane_state)
        return (*events, *others, self.workflow_counts)

    def event(self, entity: str) -> NamedSchema:
        """The event schema of an entity.

        Raises:
            ConfigurationError: There is no such entity.
        """
        return self._known(entity).event

    def record(self, entity: str) -> RecordType:
        """The type of an entity's record; raises as `event`."""
        return self._known(entity).record

    def fields(self, entity: str) -> Mapping[str, FieldType]:
        """The fields of an entity's record; raises as `event`."""
        return self.record(entity).fields

    def _known(self, entity: str) -> Entity:
        """The entity of a name, or an error that says which there are."""
        known = self._entities.get(entity)
        if known is None:
            message = f"there is no entity {entity!r}; there are {', '.join(self._entities)}"
            raise ConfigurationError(message)
        return known


def _files(directory: Path) -> list[Path]:
    """The schemas in a directory, by name."""
    return sorted(directory.glob("*.avsc"))


def _read(path: Path) -> Schema:
    """The schema in one of this package's files."""
    schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    return schema


def _entity(envelope: Schema, schema: Schema, shapes: Mapping[str, Schema]) -> Entity:
    """An entity from its own schema.

    Raises:
        ValueError: The schema is not Avro, or uses what records cannot hold here.
    """
    event = composed(envelope, schema, shapes)
    text = text_of(event)
    named = named_schema(text)
    fields = record_type(event).fields
    record = fields["after"]
    if not isinstance(record, RecordType):
        message = f"{named.name} carries no record"
        raise TypeError(message)
    whole = RecordType(record.name, record.fields, doc=schema.get("doc", ""))
    return Entity(named, whole, {k: v for k, v in fields.items() if k not in RECORD_FIELDS})


def _extra(
    directory: Path, envelope: Schema, shapes: Mapping[str, Schema], taken: dict[str, str]
) -> dict[str, Entity]:
    """The entities of the operator's directory."""
    if not directory.is_dir():
        message = (
            f"HOOKLINE_SCHEMAS_DIR={directory} is not a directory; put entities' .avsc files in one"
        )
        raise ConfigurationError(message)
    found: dict[str, Entity] = {}
    problems: list[str] = []
    for path in _files(directory):
        wrong = list(_wrong(path, taken))
        if not wrong:
            try:
                found[path.stem] = _usable(_entity(envelope, _read(path), shapes))
            except ValueError as error:
                wrong = [str(error)]
            name = full_name(_read(path))
            taken |= {name: str(path), f"{name}Event": str(path)}
        problems += [f"{path}: {each}" for each in wrong]
    if problems:
        raise ConfigurationError("\n".join(problems))
    return found


def _wrong(path: Path, taken: Mapping[str, str]) -> Iterator[str]:
    """Everything wrong with one of the operator's files."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        yield f"it cannot be read: {error}"
        return
    problems = list(entity_file.problems(path.stem, text))
    yield from problems
    if not problems:
        yield from entity_file.clashes(path.stem, json.loads(text), taken)
    if (HERE / "entities" / path.name).exists():
        yield f"the entity {path.stem} exists already; rename the file to define another"


def _usable(entity: Entity) -> Entity:
    """The entity, once it is certain that its events can be written and read.

    Raises:
        ValueError: They cannot.
    """
    Writer(entity.event.name, json.loads(entity.event.text))
    Reader(entity.event.name, json.loads(entity.event.text))
    return entity
