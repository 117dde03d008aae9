"""The Python source of a function that writes the records of one schema.

Pure: no clock, no I/O.  An event holds its record twice, before and after a change, and most of it
is the same: of the second one, a field that is certainly the same is copied as the bytes that the
first one took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter, itemgetter
from struct import Struct
from typing import Any
from uuid import UUID

from schemas import wire
from schemas.avro import Avro, Schema, full_name, resolved
from schemas.generated import Source
from schemas.python_types import test_of
from schemas.sameness import Sameness

#: The numbers that take one byte, if they are not negative.
_SHORT = tuple(wire.number(n) for n in range(64))
NAMES: dict[str, Any] = {
    "number": wire.number,
    "micros": wire.micros,
    "unscaled": wire.unscaled,
    "uuid_text": wire.uuid_text,
    "complete": wire.complete,
    "days": wire.days,
    "MisfitError": wire.MisfitError,
    "FLOAT": Struct("<f").pack,
    "DOUBLE": Struct("<d").pack,
    "SHORT": _SHORT,
    "UUID": UUID,
    "Decimal": Decimal,
    "Mapping": Mapping,
    "date": date,
    "datetime": datetime,
}
#: How each primitive is appended to the parts `o`; texts and whole numbers have their own way.
_LINES: Mapping[tuple[str, str | None], str] = {
    ("string", "uuid"): "o.append(b'H'); o.append(uuid_text(v))",
    ("bytes", None): "o.append(number(len(v))); o.append(v)",
    ("bytes", "decimal"): "o.append(unscaled(v, {digits}))",
    ("long", "timestamp-micros"): "o.append(micros(v))",
    ("int", "date"): "o.append(days(v.toordinal()))",
    ("null", None): "",
    ("boolean", None): "o.append(b'\\1' if v else b'\\0')",
    ("float", None): "o.append(FLOAT(v))",
    ("double", None): "o.append(DOUBLE(v))",
}


class WriterSource:
    """Writes the source of one writer."""

    def __init__(self, source: Source, named: Mapping[str, Schema]) -> None:
        """`named` are the types that the schema defines."""
        self._source = source
        self._named = named
        self._sameness = Sameness(source, named)
        self._functions: dict[str, str] = {}
        self._lengths = {b"": "SHORT"}
        self._pending: list[Callable[[], None]] = []
        #: The record that is written twice, in the function that does so.
        self._twice = frozenset[str]()

    def compile(self, schema: Schema) -> Callable[[Any, list[bytes]], None]:
        """The function that appends a record's bytes to a list of parts."""
        top = self._source.fresh("write")
        self._twice = self._written_twice(schema)
        with self._source.block("", f"def {top}(r, o):"):
            self._source.add("", "old = spots = None")
            get = self._source.constant(_getter(attrgetter, schema))
            values = [self._source.fresh() for _ in schema["fields"]]
            self._source.add("", f"{_tuple(values)} = {get}(r)")
            for field, value in zip(schema["fields"], values, strict=True):
                self._field(field, value)
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
                path = field["name"]
                with self._source.block(path, "try:"):
                    self._source.add(path, f"v = r[{path!r}]")
                with self._source.block(path, "except KeyError:"):
                    self._source.add("", f"{complete}; v = r[{path!r}]")
                self._value(field["type"], path)

    def _pair(self, name: str, schema: Schema) -> None:
        """Two functions: one says what it wrote where, the other writes a second record by that."""
        spots = [self._source.fresh("s") for _ in (*schema["fields"], None)]
        with self._source.block("", f"def {name}(r, o):"):
            values = self._values_of(schema)
            self._source.add("", f"{spots[0]} = len(o)")
            for (field, value), end in zip(values, spots[1:], strict=True):
                self._field(field, value)
                self._source.add("", f"{end} = len(o)")
            self._source.add("", f"return values, {_tuple(spots)}")
        self._again(f"{name}_again", schema, spots)

    def _again(self, name: str, schema: Schema, spots: list[str]) -> None:
        """A function that copies what is the same, in runs of fields as long as they go."""
        olds = [self._source.fresh("w") for _ in schema["fields"]]
        with self._source.block("", f"def {name}(r, o, old, spots):"):
            values = self._values_of(schema)
            self._source.add("", f"{_tuple(olds)} = old", f"{_tuple(spots)} = spots")
            self._source.add("", f"a = {spots[0]}")
            for index, (field, value) in enumerate(values):
                same = self._sameness.test(field["type"], value, olds[index])
                with self._source.block(field["name"], f"if not ({same}):"):
                    self._source.add("", f"o += o[a:{spots[index]}]; a = {spots[index + 1]}")
                    self._field(field, value)
            self._source.add("", f"o += o[a:{spots[-1]}]")

    def _completion(self, schema: Schema) -> str:
        """Complete the record `r` if it is not, and the source that does so at any time."""
        fields = schema["fields"]
        defaults = {field["name"]: field["default"] for field in fields if "default" in field}
        known = self._source.constant(tuple(field["name"] for field in fields))
        complete = f"r = complete(r, {known}, {self._source.constant(defaults)})"
        self._source.add("", f"if len(r) != {len(fields)}: {complete}")
        return complete

    def _values_of(self, schema: Schema) -> list[tuple[Schema, str]]:
        """Take all fields of `r` at once; the local names that hold them."""
        complete = self._completion(schema)
        get = self._source.constant(_getter(itemgetter, schema))
        values = [self._source.fresh() for _ in schema["fields"]]
        self._source.add("", f"try: values = {get}(r)")
        self._source.add("", f"except KeyError: {complete}; values = {get}(r)")
        self._source.add("", f"{_tuple(values)} = values")
        return list(zip(schema["fields"], values, strict=True))

    def _field(self, field: Schema, value: str) -> None:
        """Write the field that a local name holds."""
        self._source.add("", f"v = {value}")
        self._value(field["type"], field["name"])

    def _value(self, schema: Avro, path: str) -> None:
        """Write `v`, which must be of the schema."""
        member = resolved(schema, self._named)
        if isinstance(member, list):
            self._union(member, path)
            return
        test, words = test_of(member, self._source)
        self._source.add(path, f"if not ({test}): raise MisfitError({_found(words)})")
        self._known(member, path)

    def _union(self, schema: list[Any], path: str) -> None:
        """Write `v` as the first branch that it is of; its number goes first."""
        words = []
        for place, (index, member) in enumerate(self._ordered(schema)):
            test, word = test_of(member, self._source)
            words.append(word)
            with self._source.block(path, f"{'elif' if place else 'if'} {test}:"):
                self._known(member, path, wire.number(index))
        self._source.add(path, f"else: raise MisfitError({_found(' or '.join(words))})")

    def _ordered(self, schema: list[Any]) -> list[tuple[int, Any]]:
        """The branches with their numbers."""
        return [(index, resolved(member, self._named)) for index, member in enumerate(schema)]

    def _known(self, schema: Schema, path: str, branch: bytes = b"") -> None:
        """Write `v`, which was tested, and before it which branch of a union it is."""
        if schema["type"] == "string" and "logicalType" not in schema:
            self._text(path, branch)
            return
        if branch:
            self._source.add(path, f"o.append({branch!r})")
        match schema:
            case {"type": "record"}:
                self._record(schema, path)
            case {"type": "enum", "symbols": symbols}:
                codes = {symbol: wire.number(index) for index, symbol in enumerate(symbols)}
                self._source.add(path, f"o.append({self._source.constant(codes)}[v])")
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
            self._source.add(path, "n = len(v); o.append(SHORT[n] if n < 64 else number(n))")
            with self._source.block(path, f"for {'k, v' if key else 'v'} in {items}:"):
                if key:
                    self._source.add(path, "if not isinstance(k, str): raise MisfitError('key')")
                    self._source.add(
                        path,
                        "d = k.encode(); n = len(d)",
                        "o.append(SHORT[n] if n < 64 else number(n)); o.append(d)",
                    )
                self._value(schema, path)
        self._source.add(path, "o.append(b'\\0')")

    def _text(self, path: str, branch: bytes) -> None:
        """Write a text; most are short, so that one byte says their length."""
        if branch not in self._lengths:
            lengths = tuple(branch + length for length in _SHORT)
            self._lengths[branch] = self._source.constant(lengths)
        self._source.add(
            path,
            "d = v.encode(); n = len(d)",
            f"o.append({self._lengths[branch]}[n] if n < 64 else {branch!r} + number(n))",
            "o.append(d)",
        )

    def _primitive(self, schema: Schema, path: str) -> None:
        """Write a primitive."""
        base, logical = schema["type"], schema.get("logicalType")
        if base in {"int", "long"} and logical is None:
            self._whole(31 if base == "int" else 63, path)
            return
        line = _LINES.get((base, logical)) or _LINES[base, None]
        digits = f"{schema.get('precision')}, {schema.get('scale', 0)}"
        self._source.add(path, line.format(digits=digits))

    def _whole(self, bits: int, path: str) -> None:
        """Write a whole number."""
        with self._source.block(path, "if 0 <= v < 64:"):
            self._source.add(path, "o.append(SHORT[v])")
        with self._source.block(path, "else:"):
            self._source.add(
                path,
                f"if not -(1 << {bits}) <= v < 1 << {bits}: "
                f"raise MisfitError('has more than {bits + 1} bits')",
                "o.append(number(v))",
            )


def _found(words: str) -> str:
    """The source of a message about a value of the wrong type."""
    return f"'is of type ' + type(v).__name__ + {f'; expected {words}'!r}"


def _getter(kind: Callable[..., Callable[[Any], Any]], schema: Schema) -> Callable[[Any], Any]:
    """What gets all fields of a record at once, as a tuple."""
    names = [field["name"] for field in schema["fields"]]
    if len(names) > 1:
        return kind(*names)
    return lambda record: tuple(kind(name)(record) for name in names)


def _tuple(names: Iterable[str]) -> str:
    """The source of a tuple of local names."""
    return f"({''.join(f'{name}, ' for name in names)})"
