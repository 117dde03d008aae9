"""Compiles a schema into a function that writes its records as bytes.

Pure: no clock, no I/O.  Strict: a field that does not exist, a value of another type, a naive
datetime, a decimal with too many digits are errors that name the field.  Fields that were left out
take their default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from struct import Struct
from typing import Any
from uuid import UUID

from schemas import wire
from schemas.avro import Avro, Schema, definitions, full_name, resolved
from schemas.errors import SchemaError
from schemas.generated import Source

_NAMES: dict[str, Any] = {
    "number": wire.number,
    "micros": wire.micros,
    "unscaled": wire.unscaled,
    "uuid_text": wire.uuid_text,
    "complete": wire.complete,
    "EPOCH_ORDINAL": wire.EPOCH_ORDINAL,
    "MisfitError": wire.MisfitError,
    "FLOAT": Struct("<f").pack,
    "DOUBLE": Struct("<d").pack,
    "SHORT": tuple(wire.number(n) for n in range(64)),
    "UUID": UUID,
    "Decimal": Decimal,
    "Mapping": Mapping,
    "date": date,
    "datetime": datetime,
}
#: What a value of each type is in Python, tested on `v`; the first that holds is the union's branch.
_TESTS: Mapping[tuple[str, str | None], tuple[str, str]] = {
    ("string", "uuid"): ("isinstance(v, UUID)", "a UUID"),
    ("string", None): ("isinstance(v, str)", "a str"),
    ("bytes", "decimal"): (
        "isinstance(v, Decimal) or v.__class__ is int",
        "a Decimal, or an int",
    ),
    ("bytes", None): ("isinstance(v, bytes)", "bytes"),
    ("long", "timestamp-micros"): ("isinstance(v, datetime)", "an aware datetime"),
    ("int", "date"): (
        "isinstance(v, date) and not isinstance(v, datetime)",
        "a date without a time",
    ),
    ("int", None): ("v.__class__ is int", "an int"),
    ("long", None): ("v.__class__ is int", "an int"),
    ("null", None): ("v is None", "None"),
    ("boolean", None): ("v is True or v is False", "a bool"),
    ("float", None): ("v.__class__ is float or v.__class__ is int", "a float"),
    ("double", None): ("v.__class__ is float or v.__class__ is int", "a float"),
}

#: How each primitive is appended to `o`; whole numbers have their own way.
_LINES: Mapping[tuple[str, str | None], tuple[str, ...]] = {
    ("string", None): (
        "d = v.encode(); n = len(d)",
        "o += SHORT[n] if n < 64 else number(n)",
        "o += d",
    ),
    ("string", "uuid"): ("o.append(72); o += uuid_text(v)",),
    ("bytes", None): ("o += number(len(v)); o += v",),
    ("bytes", "decimal"): ("o += unscaled(v, {digits})",),
    ("long", "timestamp-micros"): ("o += micros(v)",),
    ("int", "date"): ("o += number(v.toordinal() - EPOCH_ORDINAL)",),
    ("null", None): (),
    ("boolean", None): ("o.append(v)",),
    ("float", None): ("o += FLOAT(v)",),
    ("double", None): ("o += DOUBLE(v)",),
}


class Writer:
    """Writes one record type as bytes."""

    def __init__(self, name: str, schema: Mapping[str, Any]) -> None:
        """Compile.

        Args:
            name: For messages.
            schema: A self-contained record schema.  The record itself is an object with the
                fields as attributes; records within it are mappings.
        """
        self._name = name
        self._source = Source(f"writer of {name}", _NAMES)
        self._write = _Compiler(self._source, definitions(schema)).compile(schema)

    def write(self, record: object, head: bytes) -> bytes:
        """The record's bytes after its framing.

        Raises:
            SchemaError: Naming the field whose value does not fit.
        """
        out = bytearray(head)
        try:
            self._write(record, out)
        except Exception as error:
            path, _ = self._source.place(error.__traceback__)
            message = f"{self._name} cannot be written: {path or 'record'}: {_reason(error)}"
            raise SchemaError(message) from error
        return bytes(out)


def _reason(error: Exception) -> str:
    """What was wrong with a value, without the value: it may be personal."""
    match error:
        case wire.MisfitError():
            return str(error)
        case UnicodeEncodeError():
            return "holds half of a surrogate pair, which UTF-8 cannot say"
        case TypeError():
            return "is a datetime without an offset from UTC; give an aware one"
        case _:
            return str(error) or type(error).__name__


class _Compiler:
    """Writes the source of one writer."""

    def __init__(self, source: Source, named: Mapping[str, Schema]) -> None:
        self._source = source
        self._named = named
        self._functions: dict[str, str] = {}
        self._pending: list[tuple[str, Mapping[str, Any]]] = []

    def compile(self, schema: Mapping[str, Any]) -> Callable[[Any, bytearray], None]:
        """The function that appends a record's bytes."""
        top = self._source.fresh("write")
        with self._source.block("", f"def {top}(r, o):"):
            for field in schema["fields"]:
                path = field["name"]
                self._source.add(path, f"v = {self._source.constant(attrgetter(path))}(r)")
                self._value(field["type"], path)
        while self._pending:
            self._record_function(*self._pending.pop())
        return self._source.function(top)

    def _record_function(self, name: str, schema: Mapping[str, Any]) -> None:
        """A function for a record within another: a mapping that must be complete."""
        fields = schema["fields"]
        defaults = {field["name"]: field["default"] for field in fields if "default" in field}
        known = self._source.constant(tuple(field["name"] for field in fields))
        given = self._source.constant(defaults)
        with self._source.block("", f"def {name}(r, o):"):
            self._source.add("", f"if len(r) != {len(fields)}: r = complete(r, {known}, {given})")
            for field in fields:
                path = field["name"]
                with self._source.block(path, "try:"):
                    self._source.add(path, f"v = r[{path!r}]")
                with self._source.block(path, "except KeyError:"):
                    self._source.add("", f"r = complete(r, {known}, {given}); v = r[{path!r}]")
                self._value(field["type"], path)

    def _value(self, schema: Avro, path: str) -> None:
        """Write `v`, which must be of the schema."""
        member = resolved(schema, self._named)
        if isinstance(member, list):
            self._union(member, path)
            return
        test, words = self._test(member)
        self._source.add(path, f"if not ({test}): raise MisfitError({_found(words)})")
        self._known(member, path)

    def _union(self, schema: list[Any], path: str) -> None:
        """Write `v` as the first branch that it is of; its number goes first."""
        words = []
        for place, (index, member) in enumerate(self._ordered(schema)):
            test, word = self._test(member)
            words.append(word)
            with self._source.block(path, f"{'elif' if place else 'if'} {test}:"):
                self._source.add(path, f"o.append({index * 2})")
                self._known(member, path)
        self._source.add(path, f"else: raise MisfitError({_found(' or '.join(words))})")

    def _ordered(self, schema: list[Any]) -> list[tuple[int, Any]]:
        """The branches with their numbers."""
        return [(index, resolved(member, self._named)) for index, member in enumerate(schema)]

    def _test(self, schema: Schema) -> tuple[str, str]:
        """The Python expression that tells whether `v` is of the schema, and what that is."""
        match schema:
            case {"type": "record", "name": name}:
                return (
                    "v.__class__ is dict or isinstance(v, Mapping)",
                    f"a mapping with the fields of {name}",
                )
            case {"type": "map"}:
                return "v.__class__ is dict or isinstance(v, Mapping)", "a mapping"
            case {"type": "array"}:
                return "isinstance(v, (list, tuple))", "a list"
            case {"type": "enum", "symbols": symbols}:
                known = self._source.constant(frozenset(symbols))
                return f"isinstance(v, str) and v in {known}", f"one of {', '.join(symbols)}"
            case {"type": base, "logicalType": logical} if (base, logical) in _TESTS:
                return _TESTS[base, logical]
            case {"type": base} if (base, None) in _TESTS:
                return _TESTS[base, None]
        message = f"a {schema.get('type')} is not written"
        raise ValueError(message)

    def _known(self, schema: Schema, path: str) -> None:
        """Write `v`, which was tested."""
        match schema:
            case {"type": "record"}:
                self._source.add(path, f"{self._function_of(schema)}(v, o)")
            case {"type": "enum", "symbols": symbols}:
                codes = {symbol: wire.number(index) for index, symbol in enumerate(symbols)}
                self._source.add(path, f"o += {self._source.constant(codes)}[v]")
            case {"type": "array", "items": items}:
                self._items(items, "", "v", f"{path}[]")
            case {"type": "map", "values": values}:
                self._items(values, "k", "v.items()", f"{path}{{}}")
            case _:
                self._primitive(schema, path)

    def _function_of(self, schema: Mapping[str, Any]) -> str:
        """The function that writes a named record."""
        name = full_name(schema, "")
        if name not in self._functions:
            self._functions[name] = self._source.fresh("write")
            self._pending.append((self._functions[name], schema))
        return self._functions[name]

    def _items(self, schema: Avro, key: str, items: str, path: str) -> None:
        """Write the items of a list, or the keys and values of a map, as one block."""
        with self._source.block(path, "if v:"):
            self._source.add(path, "o += number(len(v))")
            with self._source.block(path, f"for {'k, v' if key else 'v'} in {items}:"):
                if key:
                    self._source.add(path, "if not isinstance(k, str): raise MisfitError('key')")
                    self._source.add(path, "d = k.encode(); o += number(len(d)); o += d")
                self._value(schema, path)
        self._source.add(path, "o.append(0)")

    def _primitive(self, schema: Schema, path: str) -> None:
        """Write a primitive."""
        base, logical = schema["type"], schema.get("logicalType")
        if base in {"int", "long"} and logical is None:
            self._whole(31 if base == "int" else 63, path)
            return
        lines = _LINES.get((base, logical)) or _LINES[base, None]
        digits = f"{schema.get('precision')}, {schema.get('scale', 0)}"
        self._source.add(path, *(line.format(digits=digits) for line in lines))

    def _whole(self, bits: int, path: str) -> None:
        """Write a whole number."""
        with self._source.block(path, "if 0 <= v < 64:"):
            self._source.add(path, "o.append(v << 1)")
        with self._source.block(path, "else:"):
            self._source.add(
                path,
                f"if not -(1 << {bits}) <= v < 1 << {bits}: "
                f"raise MisfitError('has more than {bits + 1} bits')",
                "o += number(v)",
            )


def _found(words: str) -> str:
    """The source of a message about a value of the wrong type."""
    return f"'is of type ' + type(v).__name__ + {f'; expected {words}'!r}"
