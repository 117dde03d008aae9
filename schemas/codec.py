"""Records to bytes and back, in both framings; what cannot be read is one `SchemaError`.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from io import BytesIO
from operator import attrgetter
from typing import Any, Protocol

from fastavro import schemaless_reader, schemaless_writer

from schemas.catalog import Catalog, NamedSchema
from schemas.composition import named_schema
from schemas.errors import SchemaError, UnknownSchemaError
from schemas.framing import Fingerprint, Reference, SchemaId, head_of, reference_in
from schemas.records import Action, Attempt, Definition, Event

__all__ = ["Codec", "Fingerprint", "Reference", "SchemaId", "SchemaSource"]

Record = Event | Action | Attempt | Definition


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
    """Encodes and decodes every record there is, with the schemas of one catalog."""

    def __init__(self, catalog: Catalog, source: SchemaSource) -> None:
        """Nothing is asked of the source before the first record."""
        self._catalog = catalog
        self._source = source
        self._writers: dict[str, tuple[bytes, Any]] = {}
        self._readers: dict[tuple[str, bytes], tuple[Any, Any]] = {}

    def encode(self, record: Record) -> bytes:
        """A record as bytes, framed as the registry says.

        Raises:
            SchemaError: A value does not fit its field; names the field.
            ConfigurationError: The record's schema was not registered yet, or its entity is unknown.
        """
        schema = self._schema_of(record)
        known = self._writers.get(schema.name)
        if known is None:
            known = (self._source.reference_of(schema).head, schema.parsed)
            self._writers[schema.name] = known
        head, parsed = known
        out = BytesIO()
        out.write(head)
        names, values = _PARTS[type(record)]
        try:
            schemaless_writer(
                out, parsed, dict(zip(names, values(record), strict=True)), strict_allow_default=True
            )
        except Exception as error:
            message = f"{schema.name} cannot be written: {error}"
            raise SchemaError(message) from error
        return out.getvalue()

    def decode_event(self, entity: str, data: bytes | None) -> Event:
        """Read an event of one entity.

        Raises:
            SchemaError: It is not one.
            UnknownSchemaError: It names a schema that is not known (yet).
        """
        values = self._decode(self._catalog.event(entity), data)
        values["changed_fields"] = tuple(values["changed_fields"])
        return Event(**values)

    def decode_action(self, data: bytes | None) -> Action:
        """Read an action; raises as `decode_event`."""
        return Action(**self._decode(self._catalog.action, data))

    def decode_attempt(self, data: bytes | None) -> Attempt:
        """Read an attempt; raises as `decode_event`."""
        return Attempt(**self._decode(self._catalog.attempt, data))

    def decode_definition(self, data: bytes | None) -> Definition:
        """Read a definition; raises as `decode_event`."""
        return Definition(**self._decode(self._catalog.definition, data))

    def _schema_of(self, record: Record) -> NamedSchema:
        """The schema that writes a record."""
        match record:
            case Event():
                return self._catalog.event(record.entity)
            case Action():
                return self._catalog.action
            case Attempt():
                return self._catalog.attempt
            case Definition():
                return self._catalog.definition

    def _decode(self, schema: NamedSchema, data: bytes | None) -> dict[str, Any]:
        """The fields of a record, by name."""
        if data is None:
            message = f"the record is a tombstone; expected a {schema.name}"
            raise SchemaError(message)
        head = head_of(data)
        writer, reader = self._readers.get((schema.name, head)) or self._reader(schema, head)
        source = BytesIO(data)
        source.seek(len(head))
        try:
            values: dict[str, Any] = schemaless_reader(source, writer, reader)
        except Exception as error:
            message = f"the record is not a readable {schema.name}: {type(error).__name__}: {error}"
            raise SchemaError(message) from error
        left = len(data) - source.tell()
        if left:
            message = f"{left} bytes are left over after the {schema.name}"
            raise SchemaError(message)
        return values

    def _reader(self, schema: NamedSchema, head: bytes) -> tuple[Any, Any]:
        """How to read what has this head as the schema: writer's, and ours if it differs."""
        reference = reference_in(head)
        text = self._source.find(reference)
        if text is None and reference == Fingerprint(schema.fingerprint):
            text = schema.text
        if text is None:
            raise UnknownSchemaError(reference)
        pair: tuple[Any, Any]
        if text == schema.text:
            pair = (schema.parsed, None)
        else:
            pair = (named_schema(text).parsed, schema.parsed)
        self._readers[schema.name, head] = pair
        return pair


def _parts(kind: type[Record]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of a record's fields, and what fetches them all."""
    names = tuple(field.name for field in fields(kind))
    return names, attrgetter(*names)


_PARTS = {kind: _parts(kind) for kind in (Event, Action, Attempt, Definition)}
