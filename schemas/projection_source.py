"""The Python source of a function that reads an event, but of the record only some fields.

Pure: no clock, no I/O.  What nobody asked for is passed over as quickly as its structure allows:
lengths, branches and counts are checked as ever, what stands between them is not looked at.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schemas.avro import Avro, Schema, full_name, resolved
from schemas.generated import Source
from schemas.passing import expression, pattern_of
from schemas.reader_source import BLOCKS, CHUNK, ReaderSource
from schemas.wire import length, rest

#: The fields of an event that hold the record.
SIDES = frozenset({"before", "after"})
#: Present-day instants take 8 bytes, of which all but the last say that another one follows.
_EIGHT, _CONTINUED = 0x0080808080808080, 0x8080808080808080
#: A byte from here on says that another one follows.
_GOES_ON = 128

#: Small records, and ends of events, that are remembered by their bytes: some 200 KB each.
_REMEMBERED = 1_024
#: Matches bytes from an index.
Match = Callable[[bytes, int], "re.Match[bytes] | None"]


def long(b: bytes, p: int) -> int:
    """What a text at `p` takes with its length, if that is not one byte."""
    n, more = b[p], b[p + 1]
    if not n & 1 and more < _GOES_ON:
        return 2 + ((n & 127 | more << 7) >> 1)
    n, start = length(b, p + 1, n)
    return start - p + (n >> 1)


def past(b: bytes, p: int) -> int:
    """Where the number at `p` ends, if it has more than one byte."""
    if int.from_bytes(b[p : p + 8], "little") & _CONTINUED == _EIGHT:
        return p + 8
    return rest(b, p + 1, b[p])[1]


def keep(known: dict[bytes, Any], raw: bytes, value: Any) -> None:
    """Remember what bytes say, in bounded room."""
    if len(known) >= _REMEMBERED:
        known.clear()
    known[raw] = value


NAMES: Mapping[str, Any] = {"long": long, "past": past, "keep": keep}
#: How each primitive is passed over.
_LINES: Mapping[str, str] = {
    "string": "p += SHORT[b[p]] or long(b, p)",
    "bytes": "p += SHORT[b[p]] or long(b, p)",
    "long": "p = past(b, p) if b[p] > 127 else p + 1",
    "int": "p = past(b, p) if b[p] > 127 else p + 1",
    "null": "pass",
    "boolean": "BOOL[b[p]]; p += 1",
    "float": "p += 4",
    "double": "p += 8",
}
#: The same of a text behind the byte that says its branch, in one step.
_TEXT_BRANCH = "p += 1 + (SHORT[b[p + 1]] or long(b, p + 1))"


class ProjectionSource(ReaderSource):
    """Writes the source of a reader of events that keeps to the wanted fields of the record."""

    def __init__(
        self, source: Source, schema: Schema, named: Mapping[str, Schema], wanted: frozenset[str]
    ) -> None:
        """`schema` is the event's; `wanted` names fields of the record, known or not."""
        super().__init__(source, named)
        source.names |= NAMES
        self._wanted = wanted
        self._records = _records_of(schema, named)
        self._picks = False

    def _function(self, name: str, schema: Schema, make: Callable[..., Any] | None = None) -> None:
        self._picks = full_name(schema, "") in self._records
        super()._function(name, schema, make)

    def _pair(self, name: str, schema: Schema) -> None:
        self._picks = full_name(schema, "") in self._records
        super()._pair(name, schema)

    def _fields(self, fields: Sequence[Schema], path: str) -> dict[str, str]:
        if not (path in SIDES or (self._picks and not path)):
            return super()._fields(fields, path)
        values: dict[str, str] = {}
        for run in self._runs(fields):
            if run[0]["name"] in self._wanted:
                values |= self._read_wanted(run[0], path)
            else:
                self._pass_run(run)
        return values

    def _read_wanted(self, field: Schema, path: str) -> dict[str, str]:
        """Read a field; what is a small record often says the same, and is then read once."""
        match = self._small_record(field["type"])
        if match is None:
            return super()._fields([field], path)
        target, known = self._source.fresh(), self._source.constant({})
        name = field["name"]
        self._source.add(name, f"m = {self._source.constant(match)}(b, p)")
        self._source.add(name, f"{target} = m and {known}.get(m[0])")
        with self._source.block(name, f"if {target}:"):
            self._source.add(name, "p = m.end()")
        with self._source.block(name, "else:"):
            self._value(field["type"], target, f"{path}.{name}".lstrip("."))
            self._source.add(name, f"if m and {target}: keep({known}, m[0], {target})")
        return {name: target}

    def _small_record(self, schema: Avro) -> Match | None:
        """What matches a record that may be null, of scalars as short as usual."""
        match resolved(schema, self._named):
            case ["null", member] if "fields" in resolved(member, self._named):
                found = expression([schema], self._named)
                return found and found.match
            case _:
                return None

    def _chunks(self, fields: Sequence[Schema]) -> list[Sequence[Schema]]:
        if not self._picks:
            return super()._chunks(fields)
        chunks: list[list[Schema]] = [[]]
        for run in self._runs(fields):
            if chunks[-1] and len(chunks[-1]) + len(run) > CHUNK:
                chunks.append([])
            chunks[-1].extend(run)
        return [*chunks]

    def _runs(self, fields: Sequence[Schema]) -> list[list[Schema]]:
        """Fields that are read or passed over one by one, and runs that are passed over at once."""
        runs: list[list[Schema]] = []
        for can_run, group in itertools.groupby(fields, self._can_run):
            run = list(group)
            runs.extend([run] if can_run else [[field] for field in run])
        return runs

    def _can_run(self, field: Schema) -> bool:
        """Whether a field is nobody's wish, and short: the texts of the record itself may be long."""
        if field["name"] in self._wanted or self._is_text(field["type"]):
            return False
        return pattern_of(field["type"], self._named) is not None

    def _is_text(self, schema: Avro) -> bool:
        plain = resolved(schema, self._named)
        if isinstance(plain, list):
            return any(self._is_text(member) for member in plain)
        return plain["type"] in {"string", "bytes"}

    def _pass_run(self, run: Sequence[Schema]) -> None:
        """Go past fields, by one match if that is worth it and they are as short as usual."""
        match = expression([field["type"] for field in run], self._named)
        if match is None:
            for field in run:
                self._pass(field["type"], field["name"])
            return
        path = run[0]["name"]
        self._source.add(path, f"m = {self._source.constant(match.match)}(b, p)")
        with self._source.block(path, "if m:"):
            self._source.add(path, "p = m.end()")
        with self._source.block(path, "else:"):
            for field in run:
                self._pass(field["type"], field["name"])

    def _pass(self, schema: Avro, path: str) -> None:
        """Go past any value."""
        match resolved(schema, self._named):
            case list() as branches:
                self._pass_union(branches, path)
            case {"type": "record"} as record:
                self._pass_record(record, path)
            case {"type": "enum", "symbols": symbols}:
                self._enum(symbols, "_", path)
            case {"type": "array", "items": items}:
                self._pass_blocks(items, path)
            case {"type": "map", "values": values}:
                self._pass_blocks(values, path, key=_LINES["string"])
            case {"type": "fixed", "size": size}:
                self._source.add(path, f"p += {int(size)}")
            case primitive:
                self._source.add(path, _LINES[primitive["type"]])

    def _pass_union(self, branches: Sequence[Avro], path: str) -> None:
        numbered = sorted(enumerate(branches), key=lambda it: it[1] == "null")
        for place, (index, member) in enumerate(numbered):
            with self._source.block(path, f"{'elif' if place else 'if'} b[p] == {index * 2}:"):
                if _is_text(resolved(member, self._named)):
                    self._source.add(path, _TEXT_BRANCH)
                else:
                    self._source.add(path, "p += 1")
                    self._pass(member, path)
        self._source.add(path, "else: raise KeyError(b[p])")

    def _pass_record(self, schema: Schema, path: str) -> None:
        """In place, unless it holds itself."""
        name = full_name(schema, "")
        if name in self._open:
            function = self._function_of(f"{name} passed", lambda made: self._passing(made, schema))
            self._source.add(path, f"p = {function}(b, p)")
            return
        self._open.append(name)
        for field in schema["fields"]:
            self._pass(field["type"], f"{path}.{field['name']}")
        self._open.pop()

    def _passing(self, name: str, schema: Schema) -> None:
        """A function that goes past one record."""
        self._open.append(full_name(schema, ""))
        with self._source.block("", f"def {name}(b, p):"):
            for field in schema["fields"]:
                self._pass(field["type"], field["name"])
            self._source.add("", "return p")
        self._open.pop()

    def _pass_blocks(self, items: Avro, path: str, key: str = "") -> None:
        """A list's or map's items."""
        with self._source.blocks(path, *BLOCKS, after="p += 1"):
            if key:
                self._source.add(path, key)
            self._pass(items, f"{path}[]")
        if not key:
            self._costs(items, path)


def _is_text(schema: Avro) -> bool:
    return isinstance(schema, dict) and schema["type"] in {"string", "bytes"}


def _records_of(event: Schema, named: Mapping[str, Schema]) -> frozenset[str]:
    """The records that are before and after; one that holds itself is not told apart inside."""
    members = [
        resolved(member, named)
        for field in event["fields"]
        if field["name"] in SIDES and isinstance(field["type"], list)
        for member in field["type"]
    ]
    records = {full_name(each, ""): each for each in members if "fields" in each}
    return frozenset(
        name for name, each in records.items() if f'"{name}"' not in json.dumps(each["fields"])
    )
