"""The Python source of tests whether two values are certainly written as the same bytes.

Pure: no clock, no I/O.  Equality is not enough: true equals 1, 0.0 equals -0.0, an hour that a
clock shows twice equals itself, and a subclass may say what it likes.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.avro import Avro, Schema, full_name, resolved
from schemas.generated import Source

#: The class, by type, of which two equal values are written as the same bytes; floats have none.
_EXACT: Mapping[tuple[str, str | None], str] = {
    ("string", None): "str",
    ("string", "uuid"): "UUID",
    ("enum", None): "str",
    ("bytes", None): "bytes",
    ("bytes", "decimal"): "Decimal",
    ("int", None): "int",
    ("int", "date"): "date",
    ("long", None): "int",
    ("long", "timestamp-micros"): "datetime",
}


class Sameness:
    """Writes the tests for one writer."""

    def __init__(self, source: Source, named: Mapping[str, Schema]) -> None:
        """`named` are the types that the schema defines."""
        self._source = source
        self._named = named
        self._functions: dict[str, str] = {}
        self._pending: list[tuple[str, Schema]] = []

    def test(self, schema: Avro, new: str, old: str) -> str:
        """The source that tells whether a new value is certainly written as the bytes of an old one.

        Lists, maps and unions of several types are so only if they are one object, or empty.
        """
        plain = self._only(resolved(schema, self._named))
        same = f"{new} is {old}"
        match plain["type"]:
            case "record":
                return f"{same} or {self._function_of(plain)}({new}, {old})"
            case "array":
                return f"{same} or {_both(new, old, 'list')} and not {new} and not {old}"
            case "map":
                return f"{same} or {_both(new, old, 'dict')} and not {new} and not {old}"
            case _:
                return same + self._equal(plain, new, old)

    def _equal(self, scalar: Schema, new: str, old: str) -> str:
        """The part of a test that asks for equality, if that is enough for a scalar."""
        exact = _EXACT.get((scalar["type"], scalar.get("logicalType")))
        if exact is None:
            return ""
        fold = f" and {new}.fold == {old}.fold" if exact == "datetime" else ""
        return f" or {_both(new, old, exact)} and {new} == {old}{fold}"

    def _only(self, schema: Avro) -> Schema:
        """A schema, or what a union has besides null."""
        if not isinstance(schema, list):
            return dict(schema)
        members = [resolved(member, self._named) for member in schema if member != "null"]
        return dict(members[0]) if len(members) == 1 else {"type": "union"}

    def _function_of(self, schema: Schema) -> str:
        """The function that compares two records within a record; the old one was written."""
        name = full_name(schema, "")
        if name not in self._functions:
            self._functions[name] = self._source.fresh("same")
            self._pending.append((self._functions[name], schema))
        return self._functions[name]

    def write(self) -> None:
        """Write the functions that the tests call."""
        while self._pending:
            self._compare(*self._pending.pop())

    def _compare(self, name: str, schema: Schema) -> None:
        """A function that compares two records, neither of which takes a default."""
        fields = schema["fields"]
        with self._source.block("", f"def {name}(r, old):"):
            sizes = f"len(r) == len(old) == {len(fields)}"
            self._source.add("", f"if not ({_both('r', 'old', 'dict')} and {sizes}): return False")
            with self._source.block("", "try:"):
                for field in fields:
                    key = repr(field["name"])
                    self._source.add("", f"v = r[{key}]; w = old[{key}]")
                    self._source.add(
                        "", f"if not ({self.test(field['type'], 'v', 'w')}): return False"
                    )
                self._source.add("", "return True")
            self._source.add("", "except KeyError: return False")


def _both(new: str, old: str, exact: str) -> str:
    """The source that tells whether two values are of one class, and of none derived from it."""
    return f"{new}.__class__ is {old}.__class__ is {exact}"
