"""The Python source of a function that reads the records of one schema.

Pure: no clock, no I/O.  An event holds its record twice, before and after a change, and most of it
is the same: the second one is compared with the first in chunks of bytes, and only what differs is
read.  What is the same is one object in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from struct import Struct
from typing import Any

from schemas import wire
from schemas.avro import Avro, Schema, full_name, resolved
from schemas.generated import Source

NAMES: dict[str, Any] = {
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
#: Goes over the items of blocks; most have few, and say so in one byte.
_COUNT = "n, p = count(b, p) if b[p] & 129 else (b[p] >> 1, p + 1)"
BLOCKS = ("while b[p]:", _COUNT, "for _ in range(n):")
#: A record of more fields becomes a function of its own; smaller ones are read in place.
_IN_PLACE = 3
#: Fields that are compared at once; one that differs makes its chunk be read.
CHUNK = 4


class ReaderSource:
    """Writes the source of one reader."""

    def __init__(self, source: Source, named: Mapping[str, Schema]) -> None:
        """`named` are the types that the schema defines."""
        self._source = source
        self._named = named
        self._functions: dict[str, str] = {}
        self._pending: list[Callable[[], None]] = []
        self._open: list[str] = []
        #: In the function being written: records that it reads twice, and where the first one is.
        self._twice: frozenset[str] = frozenset()
        self._first: dict[str, str] = {}

    def compile(
        self, schema: Schema, make: Callable[..., Any] | None
    ) -> Callable[[bytes, int], tuple[Any, int]]:
        """The function that reads the record and says where it ends."""
        top = self._source.fresh("read")
        self._function(top, schema, make)
        while self._pending:
            self._pending.pop()()
        return self._source.function(top)

    def _function(self, name: str, schema: Schema, make: Callable[..., Any] | None = None) -> None:
        """A function for one record."""
        self._twice, self._first = self._read_twice(schema), {}
        with self._source.block("", f"def {name}(b, p):"):
            values = self._fields(schema["fields"], "")
            made = f"{self._source.constant(make)}({', '.join(values.values())})"
            self._source.add("", f"return {made if make else dict_of(values)}, p")

    def _read_twice(self, schema: Schema) -> frozenset[str]:
        """The records of which two fields of a record are one each (or null)."""
        names = [
            full_name(plain, "")
            for field in schema["fields"]
            if isinstance(field["type"], list)
            for member in field["type"]
            if _is_large(plain := resolved(member, self._named))
        ]
        return frozenset(name for name in names if names.count(name) > 1)

    def _pair(self, name: str, schema: Schema) -> None:
        """Two functions: one says where each chunk is, the other reads a second record by that."""
        chunks = self._chunks(schema["fields"])
        self._twice, self._first = frozenset(), {}
        with self._source.block("", f"def {name}(b, p):"):
            values: dict[str, str] = {}
            spots = [self._source.fresh("s") for _ in (*chunks, None)]
            self._source.add("", f"{spots[0]} = p")
            for chunk, spot in zip(chunks, spots[1:], strict=True):
                values |= self._fields(chunk, "")
                self._source.add("", f"{spot} = p")
            self._source.add("", f"return {dict_of(values)}, p, ({', '.join(spots)})")
        with self._source.block("", f"def {name}_again(b, p, old, spots):"):
            self._source.add("", f"{', '.join(spots)} = spots")
            values = {}
            for chunk, start, end in zip(chunks, spots, spots[1:], strict=False):
                values |= self._chunk_again(chunk, start, end)
            self._source.add("", f"return {dict_of(values)}, p")

    def _chunks(self, fields: Sequence[Schema]) -> list[Sequence[Schema]]:
        """The fields of a record that are compared at once."""
        return [fields[start : start + CHUNK] for start in range(0, len(fields), CHUNK)]

    def _chunk_again(self, chunk: Sequence[Schema], start: str, end: str) -> dict[str, str]:
        """Fields that are taken from the first record if all their bytes are the same."""
        with self._source.block("", f"if b[p:p + {end} - {start}] != b[{start}:{end}]:"):
            values = self._fields(chunk, "")
        with self._source.block("", "else:"):
            self._source.add("", f"p += {end} - {start}")
            for name, target in values.items():
                self._source.add("", f"{target} = old[{name!r}]")
        return values

    def _fields(self, fields: Sequence[Schema], path: str) -> dict[str, str]:
        """Read fields; the local names that hold them, by field."""
        values: dict[str, str] = {}
        for field in fields:
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

    def _record(self, schema: Schema, target: str, path: str) -> None:
        """A record inside another."""
        name = full_name(schema, "")
        if not _is_large(schema) and name not in self._open:
            self._open.append(name)
            values = self._fields(schema["fields"], path)
            self._open.pop()
            self._source.add(path, f"{target} = {dict_of(values)}")
        elif name in self._twice:
            self._one_of_two(name, schema, target, path)
        else:
            function = self._function_of(name, lambda made: self._function(made, schema))
            self._source.add(path, f"{target}, p = {function}(b, p)")

    def _one_of_two(self, name: str, schema: Schema, target: str, path: str) -> None:
        """A record of which there may be two: the second is read by the first, if there is one."""
        function = self._function_of(f"{name} twice", lambda made: self._pair(made, schema))
        first = self._first.setdefault(name, target)
        if first == target:
            self._source.add(path, f"{target}, p, {target}_spots = {function}(b, p)")
            return
        with self._source.block(path, f"if {first} is None:"):
            self._source.add(path, f"{target}, p, _ = {function}(b, p)")
        with self._source.block(path, "else:"):
            self._source.add(path, f"{target}, p = {function}_again(b, p, {first}, {first}_spots)")

    def _function_of(self, key: str, write: Callable[[str], None]) -> str:
        """The name of a function that is written once, after the present one."""
        if key not in self._functions:
            made = self._functions[key] = self._source.fresh("read")
            self._pending.append(lambda: write(made))
        return self._functions[key]

    def _union(self, schema: list[Any], target: str, path: str) -> None:
        """One branch of several; its number must be what a writer writes: one byte."""
        numbered = sorted(enumerate(schema), key=lambda it: it[1] == "null")
        for place, (index, member) in enumerate(numbered):
            with self._source.block(path, f"{'elif' if place else 'if'} b[p] == {index * 2}:"):
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

    def _blocks(self, target: str, empty: str, path: str) -> AbstractContextManager[None]:
        """The loop over the items of a list or map; the body reads one."""
        self._source.add(path, f"{target} = {empty}")
        return self._source.blocks(path, *BLOCKS, after="p += 1")

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

    def _fixed(self, size: int, schema: Schema, target: str, path: str) -> None:
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


def _is_large(schema: Avro) -> bool:
    """Whether a record becomes a function of its own."""
    return isinstance(schema, dict) and len(schema.get("fields", ())) > _IN_PLACE


def dict_of(values: Mapping[str, str]) -> str:
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
