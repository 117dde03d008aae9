"""Writes records as bytes, strictly, with a function compiled for their schema.

Pure: no clock, no I/O.  Strict: a field that does not exist, a value of another type, a naive
datetime, a decimal with too many digits are errors that name the field.  Fields that were left out
take their default.
"""

from __future__ import annotations

from decimal import InvalidOperation

from schemas import wire
from schemas.avro import Schema, definitions
from schemas.errors import SchemaError
from schemas.generated import Source
from schemas.writer_source import NAMES, WriterSource


class Writer:
    """Writes one record type as bytes."""

    def __init__(self, name: str, schema: Schema) -> None:
        """Compile.

        Args:
            name: For messages.
            schema: A self-contained record schema.  The record itself is an object with the
                fields as attributes; records within it are mappings.
        """
        self._name = name
        self._source = Source(f"writer of {name}", NAMES)
        self._write = WriterSource(self._source, definitions(schema)).compile(schema)

    def write(self, record: object, head: bytes) -> bytes:
        """The record's bytes after its framing.

        Raises:
            SchemaError: Naming the field whose value does not fit.
        """
        parts = [head]
        try:
            self._write(record, parts)
        except Exception as error:
            path, _ = self._source.place(error.__traceback__)
            message = f"{self._name} cannot be written: {path or 'record'}: {_reason(error)}"
            raise SchemaError(message) from error
        return b"".join(parts)


def _reason(error: Exception) -> str:
    """What was wrong with a value, without the value: it may be personal."""
    match error:
        case wire.MisfitError():
            return str(error)
        case UnicodeEncodeError():
            return "holds half of a surrogate pair, which UTF-8 cannot say"
        case InvalidOperation():
            return "is sNaN; expected a finite decimal"
        case _:
            return str(error) or type(error).__name__
