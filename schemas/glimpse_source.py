"""The Python source of a function that takes a glimpse of an event: of its head, only what counts.

Pure: no clock, no I/O.  One match takes what every workflow asks from the head (entity, operation,
source) and makes sure that the rest of it can be read later; where it does not match, everything is
read at once, so that what is wrong is found as ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from schemas.avro import Avro, Schema, resolved
from schemas.generated import Source
from schemas.glimpse import Glimpse, put
from schemas.passing import pattern_of
from schemas.projection_source import SIDES, ProjectionSource
from schemas.reader_source import dict_of

#: What is taken from the head at once.
_TAKEN = ("entity", "operation", "source")
#: Of a longer event the end is not remembered.
_LONGEST = 65_536
_HEX = rb"[0-9a-fA-F]"
#: Values of these that match are read without fail; as what passes over others looks at no text.
_SURE: Mapping[tuple[str, str | None], bytes] = {
    ("string", "uuid"): b"H" + b"-".join(_HEX + b"{%d}" % size for size in (8, 4, 4, 4, 12)),
    ("string", None): b"(?>"
    + b"|".join(rb"\x%02x[\x00-\x7f]{%d}" % (2 * size, size) for size in range(64))
    + b")",
    ("long", "timestamp-micros"): rb"[\x80-\xff]{7}[\x01-\x7f]",
    ("int", None): rb"[\x80-\xff]{0,3}+[\x00-\x7f]",
    ("long", None): rb"[\x80-\xff]{0,8}+[\x00-\x7f]",
}


class GlimpseSource(ProjectionSource):
    """Writes the source of a reader of glimpses, where the head of the event allows for them."""

    def __init__(
        self, source: Source, schema: Schema, named: Mapping[str, Schema], wanted: frozenset[str]
    ) -> None:
        """`schema` is an event's; see `ProjectionSource`."""
        super().__init__(source, schema, named, wanted)
        names = [field["name"] for field in schema["fields"]]
        cut = min(map(names.index, SIDES)) if {*names} >= SIDES else 0
        end = cut + len(SIDES)
        self._head, self._sides = schema["fields"][:cut], schema["fields"][cut:end]
        self._lists = schema["fields"][end:]

    def compile(
        self, schema: Schema, make: Callable[..., Any] | None
    ) -> Callable[[bytes, int], tuple[Any, int]]:
        """The function that reads the event and says where it ends; of dicts there is no glimpse."""
        match = None if make is None or not self._is_usual() else self._match()
        if match is None:
            return super().compile(schema, make)
        name, whole, head = map(self._source.fresh, ("glimpse", "whole", "head"))
        self._function(whole, schema, make)
        with self._source.block("", f"def {head}(b, p):"):
            self._source.add("", f"return {dict_of(self._fields(self._head, ''))}")
        self._twice, self._first = self._read_twice(schema), {}
        with self._source.block("", f"def {name}(b, p):"):
            self._source.add("", f"m = {self._source.constant(match)}(b, p)")
            self._source.add("", f"if not m: return {whole}(b, p)")
            self._source.add("", f"start = p; p = m.end(); {', '.join(_TAKEN)} = m.groups()")
            values = self._taken() | self._fields(self._sides, "")
            self._made(values | self._end(), head)
        while self._pending:
            self._pending.pop()()
        return self._source.function(name)

    def _is_usual(self) -> bool:
        """Whether the event ends with before, after and lists."""
        sides = {field["name"] for field in self._sides}
        return sides == SIDES and bool(self._lists) and all(map(_is_list, self._lists))

    def _match(self) -> Callable[[bytes, int], re.Match[bytes] | None] | None:
        """What matches the head; None: it is not one that every value of can be relied on."""
        parts = [self._part(field) for field in self._head]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or not {*_TAKEN} <= {each["name"] for each in self._head}:
            return None
        return re.compile(b"".join(known), re.DOTALL).match

    def _part(self, field: Schema) -> bytes | None:
        pattern = self._sure(field["type"])
        if pattern is None or field["name"] not in _TAKEN:
            return pattern
        return b"(" + pattern + b")"

    def _sure(self, schema: Avro) -> bytes | None:
        """What matches a value that is read without fail."""
        match resolved(schema, self._named):
            case ["null", other]:
                pattern = self._sure(other)
                return None if pattern is None else rb"(?>\x00|\x02" + pattern + b")"
            case {"type": "enum"} as enum:
                found = pattern_of(enum, self._named)
                return found and found[0]
            case {"type": str() as base} as plain:
                return _SURE.get((base, plain.get("logicalType")))
            case _:
                return None

    def _taken(self) -> dict[str, str]:
        """The source of what the match took."""
        values = {}
        for field in self._head:
            name, schema = field["name"], resolved(field["type"], self._named)
            if name in _TAKEN and schema["type"] == "string":
                values[name] = f"{name}[1:].decode()"
            elif name in _TAKEN:
                symbols = {bytes((2 * at,)): each for at, each in enumerate(schema["symbols"])}
                values[name] = f"{self._source.constant(symbols)}[{name}]"
        return values

    def _end(self) -> dict[str, str]:
        """The lists at the event's end, which say nothing new mostly: the same few fields change."""
        known = self._source.constant({})
        self._source.add("", "end = b[p:]", f"ends = {known}.get(end)")
        with self._source.block("", "if ends:"):
            self._source.add("", "p = len(b)")
        with self._source.block("", "else:"):
            values = self._fields(self._lists, "")
            made = "".join(f"tuple({local}), " for local in values.values())
            self._source.add("", f"ends = ({made})")
            self._source.add("", f"if p == len(b) < start + {_LONGEST}: keep({known}, end, ends)")
        return {name: f"ends[{index}]" for index, name in enumerate(values)}

    def _made(self, values: Mapping[str, str], head: str) -> None:
        """Lines that make the glimpse."""
        constant, add = self._source.constant, self._source.add
        add("", f"made = {constant(object.__new__)}({constant(Glimpse)})")
        for name, local in values.items():
            add("", f"{constant(put(Glimpse, name))}(made, {local})")
        add("", f"{constant(put(Glimpse, 'head'))}(made, ({head}, b, start))")
        add("", "return made, p")


def _is_list(field: Schema) -> bool:
    return isinstance(field["type"], dict) and field["type"]["type"] == "array"
