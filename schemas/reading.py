"""Compiles a schema into a function that reads its records from bytes.

Pure: no clock, no I/O.  Stricter than Avro libraries are: a number, length, branch or truth value
that no writer produces is an error and never another value, and nothing is allocated by a length
that the bytes do not bear out.  fastavro parses the schemas and is the reference in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Any

from schemas import wire
from schemas.avro import Avro, Schema, definitions, full_name, resolved
from schemas.errors import SchemaError
from schemas.generated import Source

_NAMES: dict[str, Any] = {
    name: getattr(wire, name)
    for name in ("rest", "length", "count", "whole", "instant", "day", "decimal", "uuid_of", "text")
} | {
    "FLOAT": Struct("<f").unpack_from,
    "DOUBLE": Struct("<d").unpack_from,
    #: What a short string takes with its length, by the byte that says it; 0 for other bytes.
    "SHORT": [0 if first & 129 else 1 + (first >> 1) for first in range(256)],
    "BOOL": {0: False, 1: True},
}
#: How each primitive is made: of the bytes from `p` to `e`, of the number `n`, or of what is at `p`.
_LINES: Mapping[tuple[str, str | None], str] = {
    ("string", None): "{target} = b[p:e].decode(); p = e",
    ("string", "uuid"): "{target} = uuid_of(b[p:e]); p = e",
    ("bytes", None): "{target} = b[p:e]; p = e",
    ("bytes", "decimal"): "{target} = decimal(b[p:e], {digits}); p = e",
    ("long", "timestamp-micros"): "{target}, p = instant(b, p)",
    ("int", "date"): "{target} = day(n)",
    ("int", None): "{target} = n >> 1 if n < 128 and not n & 1 else whole(n, 32)",
    ("long", None): "{target} = n >> 1 if n < 128 and not n & 1 else whole(n, 64)",
    ("null", None): "{target} = None",
    ("boolean", None): "{target} = BOOL[b[p]]; p += 1",
    ("float", None): "{target} = FLOAT(b, p)[0]; p += 4",
    ("double", None): "{target} = DOUBLE(b, p)[0]; p += 8",
}
#: A record of more fields becomes a function of its own; smaller ones are read in place.
_IN_PLACE = 3


class Reader:
    """Reads one record type from bytes."""

    def __init__(
        self, name: str, schema: Mapping[str, Any], make: Callable[..., Any] | None = None
    ) -> None:
        """Compile.

        Args:
            name: For messages.
            schema: A self-contained record schema.
            make: Takes the fields' values in the schema's order; None makes a dict.

        Raises:
            ValueError: The schema has lists whose items take no bytes, or nests too deeply.
        """
        self._name = name
        self._source = Source(f"reader of {name}", _NAMES)
        self._read = _Compiler(self._source, definitions(schema)).compile(schema, make)

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


class _Compiler:
    """Writes the source of one reader."""

    def __init__(self, source: Source, named: Mapping[str, Schema]) -> None:
        self._source = source
        self._named = named
        self._functions: dict[str, str] = {}
        self._pending: list[tuple[str, Mapping[str, Any], Callable[..., Any] | None]] = []
        self._open: list[str] = []

    def compile(
        self, schema: Mapping[str, Any], make: Callable[..., Any] | None
    ) -> Callable[[bytes, int], tuple[Any, int]]:
        """The function that reads the record and says where it ends."""
        top = self._source.fresh("read")
        self._pending.append((top, schema, make))
        while self._pending:
            self._function(*self._pending.pop())
        return self._source.function(top)

    def _function(
        self, name: str, schema: Mapping[str, Any], make: Callable[..., Any] | None
    ) -> None:
        """A function for one record."""
        with self._source.block("", f"def {name}(b, p):"):
            values = self._fields(schema, "")
            if make is None:
                made = _dict_of(values)
            else:
                made = f"{self._source.constant(make)}({', '.join(values.values())})"
            self._source.add("", f"return {made}, p")

    def _fields(self, schema: Mapping[str, Any], path: str) -> dict[str, str]:
        """Read the fields of a record; the local names that hold them, by field."""
        values: dict[str, str] = {}
        for field in schema["fields"]:
            values[field["name"]] = target = self._source.fresh()
            self._value(field["type"], target, f"{path}.{field['name']}".lstrip("."))
        return values

    def _value(self, schema: Avro, target: str, path: str) -> None:
        """Read any value."""
        match resolved(schema, self._named):
            case list() as branches:
                self._union(branches, target, path)
            case {"type": "record"} as record:
                self._record(record, target, path)
            case {"type": "enum", "symbols": symbols}:
                self._enum(symbols, target, path)
            case {"type": "array", "items": items}:
                self._list(items, target, path)
            case {"type": "map", "values": values}:
                self._map(values, target, path)
            case {"type": "fixed", "size": size} as fixed:
                self._fixed(int(size), fixed, target, path)
            case primitive:
                self._primitive(primitive, target, path)

    def _record(self, schema: Mapping[str, Any], target: str, path: str) -> None:
        """A record inside another."""
        name = full_name(schema, "")
        if len(schema["fields"]) <= _IN_PLACE and name not in self._open:
            self._open.append(name)
            values = self._fields(schema, path)
            self._open.pop()
            self._source.add(path, f"{target} = {_dict_of(values)}")
            return
        if name not in self._functions:
            self._functions[name] = self._source.fresh("read")
            self._pending.append((self._functions[name], schema, None))
        self._source.add(path, f"{target}, p = {self._functions[name]}(b, p)")

    def _union(self, schema: list[Any], target: str, path: str) -> None:
        """One branch of several; its number must be what a writer writes: one byte."""
        for index, member in sorted(enumerate(schema), key=lambda it: it[1] == "null"):
            word = "if" if index == _first(schema) else "elif"
            with self._source.block(path, f"{word} b[p] == {index * 2}:"):
                if member == "string":
                    self._text(target, path, 1)
                else:
                    self._source.add(path, "p += 1")
                    self._value(member, target, path)
        self._source.add(path, "else: raise KeyError(b[p])")

    def _enum(self, symbols: Sequence[str], target: str, path: str) -> None:
        """A symbol by its number."""
        codes = {index * 2: symbol for index, symbol in enumerate(symbols)}
        self._number(path)
        self._source.add(path, f"{target} = {self._source.constant(codes)}[n]")

    def _list(self, items: Avro, target: str, path: str) -> None:
        """Blocks of items."""
        item = self._source.fresh()
        with self._blocks(target, "[]", path):
            self._value(items, item, f"{path}[]")
            self._source.add(path, f"{target}.append({item})")
        self._costs(items, path)

    def _map(self, values: Avro, target: str, path: str) -> None:
        """Blocks of keys and values."""
        key, item = self._source.fresh("k"), self._source.fresh()
        with self._blocks(target, "{}", path):
            self._text(key, f"{path}{{}}")
            self._value(values, item, f"{path}{{}}")
            self._source.add(path, f"{target}[{key}] = {item}")

    def _blocks(self, target: str, empty: str, path: str) -> Any:
        """The loop over the items of a list or map; the body reads one."""
        self._source.add(path, f"{target} = {empty}")
        return self._source.blocks(
            path, "while b[p]:", "n, p = count(b, p)", "for _ in range(n):", after="p += 1"
        )

    def _costs(self, items: Avro, path: str) -> None:
        """Refuse a list whose items take no bytes: nothing would bound it."""
        if not _takes_bytes(items, self._named):
            message = f"{path}: a list of items that take no bytes is not read"
            raise ValueError(message)

    def _number(self, path: str) -> None:
        """Read an unsigned number into `n`."""
        self._source.add(path, "n = b[p]; p += 1", "if n > 127: n, p = rest(b, p, n)")

    def _text(self, target: str, path: str, skip: int = 0) -> None:
        """A string, after so many bytes; most are short, so that one byte says their length."""
        self._source.add(
            path,
            f"n = SHORT[b[p + {skip}]]" if skip else "n = SHORT[b[p]]",
            f"if n: e = p + n + {skip}; {target} = b[p + {skip + 1}:e].decode(); p = e"
            if skip
            else f"if n: e = p + n; {target} = b[p + 1:e].decode(); p = e",
            f"else: {target}, p = text(b, p + {skip})",
        )

    def _span(self, path: str) -> None:
        """Read a length; the bytes are from `p` to `e`."""
        self._source.add(
            path,
            "n = b[p]; p += 1",
            "if n & 129: n, p = length(b, p, n)",
            "e = p + (n >> 1)",
        )

    def _fixed(self, size: int, schema: Mapping[str, Any], target: str, path: str) -> None:
        """So many bytes."""
        value = f"b[p:p + {size}]"
        if schema.get("logicalType") == "decimal":
            value = f"decimal({value}, {int(schema['precision'])}, {int(schema.get('scale', 0))})"
        self._source.add(path, f"{target} = {value}; p += {size}")

    def _primitive(self, schema: Schema, target: str, path: str) -> None:
        """A primitive, with its meaning if it has one."""
        base, logical = schema["type"], schema.get("logicalType")
        if base in {"string", "bytes"}:
            if (base, logical) == ("string", None):
                self._text(target, path)
                return
            self._span(path)
        elif base in {"int", "long"} and logical != "timestamp-micros":
            self._number(path)
        line = _LINES.get((base, logical)) or _LINES[base, None]
        digits = f"{schema.get('precision')}, {schema.get('scale', 0)}"
        self._source.add(path, line.format(target=target, digits=digits))


def _first(schema: list[Any]) -> int:
    """The branch that is tried first: the first that is not null, if there is one."""
    return next((index for index, member in enumerate(schema) if member != "null"), 0)


def _dict_of(values: Mapping[str, str]) -> str:
    """The source of a dict of local names."""
    return "{" + ", ".join(f"{name!r}: {local}" for name, local in values.items()) + "}"


def _takes_bytes(schema: Avro, named: Mapping[str, Schema]) -> bool:
    """Whether every value of a schema takes at least one byte."""
    match resolved(schema, named):
        case {"type": "null"}:
            return False
        case {"type": "record", "fields": fields}:
            return any(_takes_bytes(field["type"], named) for field in fields)
        case {"type": "fixed", "size": size}:
            return bool(size)
        case _:
            return True
