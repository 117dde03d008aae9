"""Records to bytes and back, in both framings; what cannot be read is one `SchemaError`.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, Protocol, TypeVar

from schemas.avro import named_schema
from schemas.catalog import Catalog, NamedSchema
from schemas.errors import SchemaError, UnknownSchemaError
from schemas.framing import (
    CONFLUENT_HEAD,
    SINGLE_OBJECT_HEAD,
    Fingerprint,
    Reference,
    SchemaId,
    head_of,
    reference_in,
)
from schemas.reading import Reader
from schemas.records import Action, Attempt, Definition, Event, Firing, LaneState, WorkflowCounts
from schemas.resolution import adapter, with_aliases
from schemas.wire import MisfitError
from schemas.writing import Writer

__all__ = ["Codec", "Fingerprint", "Reference", "SchemaId", "SchemaSource"]

Record = Event | Action | Attempt | Definition | Firing | LaneState | WorkflowCounts
R = TypeVar("R", Event, Action, Attempt, Definition, Firing, LaneState, WorkflowCounts)
#: Reads the record that begins at an index of the bytes.
Read = Callable[[bytes, int], Any]


class SchemaSource(Protocol):
    """What the codec needs of a registry, and no more."""

    def reference_of(self, schema: NamedSchema) -> Reference:
        """How records written with the schema name it.

        Raises:
            ConfigurationError: The schema was not registered yet.
        """

    def find(self, reference: Reference) -> str | None:
        """The text of a schema, if it is known by now."""


class Codec:
    """Encodes and decodes every record there is, with the schemas of one catalog.

    Schemas are compiled when a record first needs them and kept; a record after that costs no
    more than its own bytes.
    """

    def __init__(self, catalog: Catalog, source: SchemaSource) -> None:
        """Nothing is asked of the source before the first record."""
        self._source = source
        self._events = {name: catalog.event(name) for name in catalog.entities}
        self._catalog = catalog
        self._writers: dict[str, tuple[Writer, bytes]] = {}
        #: By the name of the record that is expected, then by its framing.
        self._readers: dict[str, dict[bytes, Read]] = {
            schema.name: {} for schema in catalog.schemas
        }

    def encode(self, record: Record) -> bytes:
        """A record as bytes, framed as the registry says.

        Raises:
            SchemaError: A value does not fit its field; names the field.
            ConfigurationError: The record's schema was not registered yet, or its entity is unknown.
        """
        schema = self._schema_of(record)
        known = self._writers.get(schema.name)
        if known is None:
            head = self._source.reference_of(schema).head
            known = (Writer(schema.name, json.loads(schema.text)), head)
            self._writers[schema.name] = known
        return known[0].write(record, known[1])

    def decode_event(self, entity: str, data: bytes | None) -> Event:
        """Read an event of one entity.

        Raises:
            SchemaError: It is not one.
            UnknownSchemaError: It names a schema that is not known (yet).
            ConfigurationError: There is no such entity.
        """
        schema = self._events.get(entity) or self._catalog.event(entity)
        return _of_entity(entity, self._decode(schema, _event, data))

    def event_reader(self, entity: str, wanted: frozenset[str]) -> Callable[[bytes | None], Event]:
        """A function that reads events as `decode_event` does, but of the record only some fields.

        The others are absent before and after.  What stands in them is not looked at: a text that
        is no UTF-8 there goes unnoticed, a length that leads astray does not.  Keep the function:
        each compiles its readers anew.

        Args:
            wanted: Names of fields of the record; those that it does not have are no mistake.
        """
        schema = self._events.get(entity) or self._catalog.event(entity)
        readers: dict[bytes, Read] = {}

        def read(data: bytes | None) -> Event:
            return _of_entity(entity, self._decode(schema, _event, data, readers, wanted))

        return read

    def decode_action(self, data: bytes | None) -> Action:
        """Read an action; raises as `decode_event`."""
        action: Action = self._decode(self._catalog.action, Action, data)
        return action

    def decode_attempt(self, data: bytes | None) -> Attempt:
        """Read an attempt; raises as `decode_event`."""
        attempt: Attempt = self._decode(self._catalog.attempt, Attempt, data)
        return attempt

    def decode_definition(self, data: bytes | None) -> Definition:
        """Read a definition; raises as `decode_event`."""
        definition: Definition = self._decode(self._catalog.definition, Definition, data)
        return definition

    def decode_firing(self, data: bytes | None) -> Firing:
        """Read a firing; raises as `decode_event`."""
        firing: Firing = self._decode(self._catalog.firing, Firing, data)
        return firing

    def decode_lane_state(self, data: bytes | None) -> LaneState:
        """Read a lane's state; raises as `decode_event`."""
        state: LaneState = self._decode(self._catalog.lane_state, LaneState, data)
        return state

    def decode_workflow_counts(self, data: bytes | None) -> WorkflowCounts:
        """Read counts of workflows; raises as `decode_event`."""
        counts: WorkflowCounts = self._decode(self._catalog.workflow_counts, _counts, data)
        return counts

    def _schema_of(self, record: Record) -> NamedSchema:
        """The schema that writes a record."""
        match record:
            case Event():
                return self._events.get(record.entity) or self._catalog.event(record.entity)
            case Action():
                return self._catalog.action
            case Attempt():
                return self._catalog.attempt
            case Definition():
                return self._catalog.definition
            case Firing():
                return self._catalog.firing
            case LaneState():
                return self._catalog.lane_state
            case WorkflowCounts():
                return self._catalog.workflow_counts

    def _decode(
        self,
        schema: NamedSchema,
        make: Callable[..., R],
        data: bytes | None,
        readers: dict[bytes, Read] | None = None,
        wanted: frozenset[str] | None = None,
    ) -> Any:
        """Read a record as the schema says, with the readers made so far for the same `wanted`."""
        if data is None:
            message = f"the record is a tombstone (no value at all); expected a {schema.name}"
            raise SchemaError(message)
        if readers is None:
            readers = self._readers[schema.name]
        read = readers.get(data[:SINGLE_OBJECT_HEAD])
        if read is not None:
            return read(data, SINGLE_OBJECT_HEAD)
        read = readers.get(data[:CONFLUENT_HEAD])
        if read is not None:
            return read(data, CONFLUENT_HEAD)
        head = head_of(data)
        read = readers[head] = self._reader(schema, make, reference_in(head), wanted)
        return read(data, len(head))

    def _reader(
        self,
        schema: NamedSchema,
        make: Callable[..., R],
        reference: Reference,
        wanted: frozenset[str] | None,
    ) -> Read:
        """What reads records of the schema that were written with the referenced one."""
        text = self._source.find(reference)
        if text is None and reference == Fingerprint(schema.fingerprint):
            text = schema.text
        if text is None:
            raise UnknownSchemaError(reference)
        if text == schema.text:
            return Reader(schema.name, json.loads(text), make, wanted).read
        try:
            return _resolving(schema, make, text, reference, wanted)
        except ValueError as error:
            message = f"{reference} cannot be read as {schema.name}: {error}"
            raise SchemaError(message) from error


def _resolving(
    schema: NamedSchema,
    make: Callable[..., R],
    text: str,
    reference: Reference,
    wanted: frozenset[str] | None,
) -> Read:
    """What reads records of another version of a schema."""
    writer = named_schema(text)
    if isinstance(reference, Fingerprint) and writer.fingerprint != reference.value:
        message = f"the schema that is known by it is another ({writer.fingerprint.hex()})"
        raise ValueError(message)
    written = wanted if wanted is None else with_aliases(schema.text, wanted)
    reader = Reader(writer.name, json.loads(text), wanted=written)
    adapt = adapter(text, schema.text, wanted)

    def read(data: bytes, start: int) -> R:
        values = reader.read(data, start)
        try:
            return make(**adapt(values))
        except MisfitError as error:
            message = f"written with {reference}, not readable as {schema.name}: {error}"
            raise SchemaError(message) from error

    return read


def _of_entity(entity: str, event: Event) -> Event:
    """The event, if it is of the entity."""
    if event.entity != entity:
        message = f"the event is of the entity {event.entity!r}; expected {entity!r}"
        raise SchemaError(message)
    return event


def _event(
    *values: Any, changed_fields: Sequence[str] = (), chain: Sequence[str] = (), **named: Any
) -> Event:
    """An event from its values in order, or by name; lists become tuples."""
    if named:
        return Event(**named, changed_fields=tuple(changed_fields), chain=tuple(chain))
    made = Event.__new__(Event)  # past a frozen record's own constructor, at a third of its price
    for put, value in zip(_PUT, values, strict=True):
        put(made, value)
    _PUT[-2](made, tuple(values[-2]))
    _PUT[-1](made, tuple(values[-1]))
    return made


#: What sets each field of an event, in order.
_PUT = tuple(getattr(Event, each.name).__set__ for each in fields(Event))


def _counts(
    *values: Any, streams: Sequence[Any] = (), workflows: Sequence[Any] = (), **named: Any
) -> WorkflowCounts:
    """Counts of workflows from their values in order, or by name; lists become tuples."""
    if named:
        return WorkflowCounts(**named, streams=tuple(streams), workflows=tuple(workflows))
    *most, first, second = values
    return WorkflowCounts(*(*most, tuple(first), tuple(second)))
