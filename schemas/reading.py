"""Compiles a schema into a function that reads its records from bytes.

Pure: no clock, no I/O.  Stricter than Avro libraries are: a number, length, branch or truth value
that no writer produces is an error and never another value, and nothing is allocated by a length
that the bytes do not bear out.  fastavro parses the schemas and is the reference in the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.avro import Schema, definitions
from schemas.errors import SchemaError
from schemas.generated import Source
from schemas.glimpse_source import GlimpseSource
from schemas.reader_source import NAMES, ReaderSource


class Reader:
    """Reads one record type from bytes."""

    def __init__(
        self,
        name: str,
        schema: Schema,
        make: Callable[..., Any] | None = None,
        wanted: frozenset[str] | None = None,
    ) -> None:
        """Compile.

        Args:
            name: For messages.
            schema: A self-contained record schema.
            make: Takes the fields' values in the schema's order; None makes a dict.
            wanted: Fields of the record before and after that are read, of an event that `make` makes
                if it is not a `Glimpse`; None: all, and nothing else.

        Raises:
            ValueError: The schema has lists whose items take no bytes, or nests too deeply.
        """
        self._name = name
        self._source = Source(f"reader of {name}", NAMES)
        named = definitions(schema)
        if wanted is None:
            source = ReaderSource(self._source, named)
        else:
            source = GlimpseSource(self._source, schema, named, wanted)
        self._read = source.compile(schema, make)

    def read(self, data: bytes, start: int) -> Any:
        """The record that begins at `start` and ends with the bytes.

        Raises:
            SchemaError: Naming the field and the byte where it went wrong.
        """
        try:
            value, end = self._read(data, start)
        except Exception as error:
            raise self._failed(error, data) from error
        if end != len(data):
            if end > len(data):
                message = f"the {self._name} ends {end - len(data)} bytes too early"
            else:
                message = f"{len(data) - end} bytes are left over after the {self._name}"
            raise SchemaError(message)
        return value

    def _failed(self, error: Exception, data: bytes) -> SchemaError:
        """The error that says what could not be read."""
        path, local = self._source.place(error.__traceback__)
        at = local.get("p", 0)
        if at > len(data):
            at, what = len(data), "a length before it goes beyond the record's end"
        elif isinstance(error, IndexError) or at == len(data):
            what = f"the record ends too early, after {len(data)} bytes"
        elif isinstance(error, KeyError):
            what = f"{error} is neither a branch, a symbol nor a truth value"
        else:
            what = str(error)
        return SchemaError(f"not a readable {self._name}: {path or 'record'} at byte {at}: {what}")
