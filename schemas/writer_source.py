"""The Python source of a function that writes the records of one schema.

Pure: no clock, no I/O.  An event holds its record twice, before and after a change, and most of it
is the same: of the second one, a field that is certainly the same is copied as the bytes that the
first one took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from struct import Struct
from typing import Any
from uuid import UUID

from schemas import wire
from schemas.avro import Avro, Schema, full_name, resolved
from schemas.generated import Source
from schemas.sameness import Sameness

NAMES: dict[str, Any] = {
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


class WriterSource:
    """Writes the source of one writer."""

    def __init__(self, source: Source, named: Mapping[str, Schema]) -> None:
        """`named` are the types that the schema defines."""
        self._source = source
        self._named = named
        self._sameness = Sameness(source, named)
        self._functions: dict[str, str] = {}
        self._pending: list[Callable[[], None]] = []
        #: The record that is written twice, in the function that does so.
        self._twice = frozenset[str]()

    def compile(self, schema: Schema) -> Callable[[Any, bytearray], None]:
        """The function that appends a record's bytes."""
        top = self._source.fresh("write")
        self._twice = self._written_twice(schema)
        with self._source.block("", f"def {top}(r, o):"):
            self._source.add("", "old = spots = None")
            for field in schema["fields"]:
                path = field["name"]
                self._source.add(path, f"v = {self._source.constant(attrgetter(path))}(r)")
                self._value(field["type"], path)
        self._twice = frozenset()
        while self._pending:
            self._pending.pop()()
        self._sameness.write()
        return self._source.function(top)

    def _written_twice(self, schema: Schema) -> frozenset[str]:
        """The record of which two fields are one each (or null)."""
        names = [
            full_name(plain, "")
            for field in schema["fields"]
            if isinstance(field["type"], list)
            for _, plain in self._ordered(field["type"])
            if plain["type"] == "record"
        ]
        twice = [name for name in names if names.count(name) > 1]
        return frozenset(twice[:1])

    def _record_function(self, name: str, schema: Schema) -> None:
        """A function for a record within another: a mapping that must be complete."""
        with self._source.block("", f"def {name}(r, o):"):
            complete = self._completion(schema)
            for field in schema["fields"]:
                self._take(field["name"], complete)
                self._value(field["type"], field["name"])

    def _pair(self, name: str, schema: Schema) -> None:
        """Two functions: one says what it wrote where, the other writes a second record by that."""
        fields = schema["fields"]
        values = [self._source.fresh("w") for _ in fields]
        spots = [self._source.fresh("s") for _ in (*fields, None)]
        with self._source.block("", f"def {name}(r, o):"):
            complete = self._completion(schema)
            self._source.add("", f"{spots[0]} = len(o)")
            for field, value, end in zip(fields, values, spots[1:], strict=True):
                self._take(field["name"], complete)
                self._source.add("", f"{value} = v")
                self._value(field["type"], field["name"])
                self._source.add("", f"{end} = len(o)")
            self._source.add("", f"return {_tuple(values)}, {_tuple(spots)}")
        self._again(f"{name}_again", schema, values, spots)

    def _again(self, name: str, schema: Schema, values: list[str], spots: list[str]) -> None:
        """A function that copies what is the same, in runs of fields as long as they go."""
        with self._source.block("", f"def {name}(r, o, old, spots):"):
            complete = self._completion(schema)
            self._source.add("", f"{_tuple(values)} = old", f"{_tuple(spots)} = spots")
            self._source.add("", f"a = {spots[0]}")
            for index, field in enumerate(schema["fields"]):
                self._take(field["name"], complete)
                same = self._sameness.test(field["type"], values[index])
                with self._source.block(field["name"], f"if not ({same}):"):
                    self._source.add("", f"o += o[a:{spots[index]}]; a = {spots[index + 1]}")
                    self._value(field["type"], field["name"])
            self._source.add("", f"o += o[a:{spots[-1]}]")

    def _completion(self, schema: Schema) -> str:
        """Complete the record `r` if it is not, and the source that does so at any time."""
        fields = schema["fields"]
        defaults = {field["name"]: field["default"] for field in fields if "default" in field}
        known = self._source.constant(tuple(field["name"] for field in fields))
        complete = f"r = complete(r, {known}, {self._source.constant(defaults)})"
        self._source.add("", f"if len(r) != {len(fields)}: {complete}")
        return complete

    def _take(self, name: str, complete: str) -> None:
        """Let `v` be a field of the record."""
        with self._source.block(name, "try:"):
            self._source.add(name, f"v = r[{name!r}]")
        with self._source.block(name, "except KeyError:"):
            self._source.add("", f"{complete}; v = r[{name!r}]")

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
                self._record(schema, path)
            case {"type": "enum", "symbols": symbols}:
                codes = {symbol: wire.number(index) for index, symbol in enumerate(symbols)}
                self._source.add(path, f"o += {self._source.constant(codes)}[v]")
            case {"type": "array", "items": items}:
                self._items(items, "", "v", f"{path}[]")
            case {"type": "map", "values": values}:
                self._items(values, "k", "v.items()", f"{path}{{}}")
            case _:
                self._primitive(schema, path)

    def _record(self, schema: Schema, path: str) -> None:
        """Write a record; the second of two by the first, if there was one."""
        name = full_name(schema, "")
        if name not in self._twice:
            function = self._function_of(name, lambda made: self._record_function(made, schema))
            self._source.add(path, f"{function}(v, o)")
            return
        function = self._function_of(f"{name} twice", lambda made: self._pair(made, schema))
        self._source.add(path, f"if old is None: old, spots = {function}(v, o)")
        self._source.add(path, f"else: {function}_again(v, o, old, spots)")

    def _function_of(self, key: str, write: Callable[[str], None]) -> str:
        """The name of a function that is written once, after the present one."""
        if key not in self._functions:
            made = self._functions[key] = self._source.fresh("write")
            self._pending.append(lambda: write(made))
        return self._functions[key]

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


def _tuple(names: Iterable[str]) -> str:
    """The source of a tuple of local names."""
    return f"({''.join(f'{name}, ' for name in names)})"
