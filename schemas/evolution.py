"""Whether two versions of a schema can read each other's records, and if not, why not.

Pure: no clock, no I/O.  Stricter than Avro: what its resolution lets pass although values would
change their meaning (another scale, another logical type) is an incompatibility here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from schemas.avro import PRIMITIVES, Avro, Schema, definitions, full_name, resolved

_WIDER: Mapping[str, frozenset[str]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}


def incompatibilities(old_text: str, new_text: str) -> tuple[str, ...]:
    """Why records of one of the schemas cannot be read by the other, in either direction.

    Returns:
        Sentences for people, in the schema's order; empty if both directions work (FULL).
    """
    old, new = json.loads(old_text), json.loads(new_text)
    backward = _Reading(old, new, "the old version", "the new one")
    forward = _Reading(new, old, "the new version", "the old one")
    found = [
        *backward.differences(),
        *forward.differences(),
        *_meanings(old, new),
    ]
    return tuple(dict.fromkeys(found))


class _Reading:
    """Records of one schema, read by another."""

    def __init__(self, writer: Avro, reader: Avro, writer_is: str, reader_is: str) -> None:
        self._writer = writer
        self._reader = reader
        self._writers = definitions(writer)
        self._readers = definitions(reader)
        self._writer_is = writer_is
        self._reader_is = reader_is
        self._seen: set[tuple[str, str]] = set()

    def differences(self) -> Iterator[str]:
        """Everything that stands in the way."""
        yield from self._pair(self._writer, self._reader, "")

    def _pair(self, writer: Avro, reader: Avro, path: str) -> Iterator[str]:
        """One value."""
        one, other = resolved(writer, self._writers), resolved(reader, self._readers)
        if isinstance(one, list) or isinstance(other, list):
            yield from self._union(one, other, path)
            return
        kinds = one["type"], other["type"]
        match kinds:
            case ("record", "record") | ("enum", "enum") | ("fixed", "fixed"):
                yield from self._named(one, other, path)
            case "array", "array":
                yield from self._pair(one["items"], other["items"], f"{path}[]")
            case "map", "map":
                yield from self._pair(one["values"], other["values"], f"{path}{{}}")
            case _ if kinds[0] != kinds[1] and kinds[1] not in _WIDER.get(kinds[0], ()):
                yield (
                    f"{path}: {self._writer_is} writes {_said(one)}, which {self._reader_is} cannot "
                    f"read as {_said(other)}; keep the type, or add a field with a new name"
                )

    def _named(self, one: Avro, other: Avro, path: str) -> Iterator[str]:
        """Records, enums and fixed types: their names, and what is in them."""
        if full_name(one, "") != full_name(other, "") and not _is_alias(one, other):
            where = path or "the record"
            yield (
                f"{where}: is {full_name(one, '')} in {self._writer_is} and {full_name(other, '')} in "
                f"{self._reader_is}; keep the name"
            )
            return
        pair = full_name(one, ""), full_name(other, "")
        if pair in self._seen:
            return
        self._seen.add(pair)
        if one["type"] == "record":
            yield from self._fields(one, other, path)
        elif one["type"] == "enum":
            yield from self._symbols(one, other, path)
        elif one["size"] != other["size"]:
            yield f"{path}: {one['size']} bytes cannot be read as {other['size']} bytes; keep the size"

    def _fields(self, one: Avro, other: Avro, path: str) -> Iterator[str]:
        """A record's fields."""
        written = {field["name"]: field for field in one["fields"]}
        for field in other["fields"]:
            there = f"{path}.{field['name']}".lstrip(".")
            names = (field["name"], *field.get("aliases", ()))
            source = next((written[name] for name in names if name in written), None)
            if source is not None:
                yield from self._pair(source["type"], field["type"], there)
            elif "default" not in field:
                yield (
                    f"{there}: is in {self._reader_is} without a default, and not in {self._writer_is}, "
                    "whose records therefore cannot be read; a field that is added or removed needs "
                    "a default, such as null"
                )

    def _symbols(self, one: Avro, other: Avro, path: str) -> Iterator[str]:
        """An enum's symbols."""
        extra = [symbol for symbol in one["symbols"] if symbol not in other["symbols"]]
        if extra and "default" not in other:
            yield (
                f"{path}: {self._reader_is} does not know the symbol {', '.join(extra)} of "
                f"{self._writer_is} and has no default for it; give the enum a default one release "
                "before its symbols change"
            )

    def _union(self, one: Avro, other: Avro, path: str) -> Iterator[str]:
        """Every branch that can be written must have one that reads it."""
        readers = other if isinstance(other, list) else [other]
        for member in one if isinstance(one, list) else [one]:
            nearest = self._nearest(member, readers)
            if nearest is not None:
                yield from self._pair(member, nearest, path)
            elif all(any(self._pair(member, reader, path)) for reader in readers):
                yield (
                    f"{path}: {self._writer_is} may hold {_said(resolved(member, self._writers))}, "
                    f"which {self._reader_is} does not allow; keep every branch of the union"
                )

    def _nearest(self, member: Avro, readers: list[Avro]) -> Avro | None:
        """The branch that is meant to read another: of the same name, else of the same type."""
        plain = resolved(member, self._writers)
        alike = [
            reader
            for each in readers
            if (reader := resolved(each, self._readers))["type"] == plain["type"]
        ]
        named = [each for each in alike if each.get("name") == plain.get("name")]
        return (named or alike or [None])[0]


def _meanings(old: Avro, new: Avro) -> Iterator[str]:
    """Fields whose bytes are the same and mean something else."""
    before = dict(_logical(old, definitions(old), "", set()))
    after = dict(_logical(new, definitions(new), "", set()))
    for path, (base, meaning) in before.items():
        other_base, other = after.get(path, (base, meaning))
        if other_base == base and other != meaning:
            yield (
                f"{path}: is {meaning} in the old version and {other} in the new one; Avro "
                "does not see the difference, but values would change; add a field with a new name"
            )


def _logical(
    schema: Avro, named: Mapping[str, Schema], path: str, seen: set[str]
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Every primitive's type and meaning, by path; a named record once."""
    plain = resolved(schema, named)
    match plain:
        case list():
            several = sum(member != "null" for member in plain) > 1
            for member in plain:
                suffix = f"<{resolved(member, named)['type']}>" if several else ""
                yield from _logical(member, named, f"{path}{suffix}", seen)
        case {"type": "record", "fields": fields}:
            fresh = full_name(plain, "") not in seen
            seen.add(full_name(plain, ""))
            for field in fields if fresh else ():
                there = f"{path}.{field['name']}".lstrip(".")
                yield from _logical(field["type"], named, there, seen)
        case {"type": "array" | "map"}:
            inner, mark = (plain["items"], "[]") if "items" in plain else (plain["values"], "{}")
            yield from _logical(inner, named, f"{path}{mark}", seen)
        case {"type": base} if base in PRIMITIVES - {"null"} or base == "fixed":
            yield path, (base, _said(plain) if "logicalType" in plain else f"plain {base}")


def _said(schema: Avro) -> str:
    """A type as people say it."""
    if isinstance(schema, list):
        return "a union"
    if schema["type"] in {"record", "enum", "fixed"}:
        return full_name(schema, "")
    logical = schema.get("logicalType")
    if logical == "decimal":
        return f"decimal({schema['precision']},{schema.get('scale', 0)})"
    return f"{logical} ({schema['type']})" if logical else str(schema["type"])


def _is_alias(one: Avro, other: Avro) -> bool:
    """Whether the reader says that it was called as the writer is."""
    name = full_name(one, "")
    return name in other.get("aliases", ()) or name.rpartition(".")[2] in other.get("aliases", ())
