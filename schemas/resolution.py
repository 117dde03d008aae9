"""Turns what an older or newer schema wrote into what ours says: Avro's schema resolution.

Pure: no clock, no I/O.  Works on values that a strict reader has read by the writer's schema, so
that no second parser of bytes is needed; where both schemas agree nothing is done at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from schemas.avro import Avro, Schema, definitions, resolved
from schemas.wire import MisfitError, fitting

Adapt = Callable[[Any], Any]
#: The fields of an event that hold the record.
SIDES = frozenset({"before", "after"})

_WIDER: Mapping[str, frozenset[str]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}
_PYTHON: Mapping[str, type] = {
    "null": type(None),
    "boolean": bool,
    "int": int,
    "long": int,
    "float": float,
    "double": float,
    "bytes": bytes,
    "fixed": bytes,
    "string": str,
    "enum": str,
    "array": list,
    "map": dict,
    "record": dict,
    "decimal": Decimal,
    "date": date,
    "timestamp-micros": datetime,
    "uuid": UUID,
}


def adapter(writer_text: str, reader_text: str, wanted: frozenset[str] | None = None) -> Adapt:
    """What makes a record of the reader's schema from one of the writer's.

    The adapter raises `MisfitError` for a value that the reader's schema cannot say.

    Args:
        wanted: Of an event's record before and after only these fields, by the reader's names.

    Raises:
        MisfitError: No record of the writer's schema could ever be one of the reader's.
    """
    writer, reader = json.loads(writer_text), json.loads(reader_text)
    return _Resolution(definitions(writer), definitions(reader), wanted).value(writer, reader, "")


def with_aliases(reader_text: str, wanted: frozenset[str]) -> frozenset[str]:
    """Names of fields, and every name by which an older writer may have called the same ones."""
    fields = [
        field
        for record in definitions(json.loads(reader_text)).values()
        for field in record.get("fields", ())
        if field["name"] in wanted
    ]
    return wanted.union(*(field.get("aliases", ()) for field in fields))


class _Resolution:
    """One writer's schema against one reader's."""

    def __init__(
        self,
        writers: Mapping[str, Schema],
        readers: Mapping[str, Schema],
        wanted: frozenset[str] | None,
    ) -> None:
        self._writers = writers
        self._readers = readers
        self._wanted = wanted

    def value(self, writer: Avro, reader: Avro, path: str) -> Adapt:
        """The adapter of one value."""
        one, other = resolved(writer, self._writers), resolved(reader, self._readers)
        if isinstance(one, list):
            return self._from_branches(one, other, path)
        if isinstance(other, list):
            return self._to_branch(one, other, path)
        match one["type"], other["type"]:
            case "record", "record":
                return self._record(one, other, path)
            case "enum", "enum":
                return _enum(other, path)
            case "array", "array":
                item = self.value(one["items"], other["items"], f"{path}[]")
                return lambda value: [item(each) for each in value]
            case "map", "map":
                item = self.value(one["values"], other["values"], f"{path}{{}}")
                return lambda value: {key: item(each) for key, each in value.items()}
            case _:
                return _scalar(one, other, path)

    def _record(self, one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> Adapt:
        """Fields by name or alias; what only the reader has takes its default."""
        if not _same_name(one, other):
            message = f"{path or 'the record'} is a {one['name']}; expected a {other['name']}"
            raise MisfitError(message)
        written = {field["name"]: field for field in one["fields"]}
        moves: list[tuple[str, str, Adapt]] = []
        defaults: dict[str, Any] = {}
        for field in other["fields"]:
            name = field["name"]
            source = next((n for n in (name, *field.get("aliases", ())) if n in written), None)
            there = f"{path}.{name}".lstrip(".")
            if source is not None:
                moves.append(
                    (name, source, self.value(written[source]["type"], field["type"], there))
                )
            elif "default" in field:
                defaults[name] = field["default"]
            else:
                message = f"{there} is missing in the writer's schema and has no default"
                raise MisfitError(message)
        if self._wanted is not None and path in SIDES:
            moves = [move for move in moves if move[0] in self._wanted]
            defaults = {name: defaults[name] for name in defaults if name in self._wanted}

        def adapt(value: Mapping[str, Any]) -> dict[str, Any]:
            made = {name: change(value[source]) for name, source, change in moves}
            made.update({name: _own(default) for name, default in defaults.items()})
            return made

        return adapt

    def _from_branches(self, writer: list[Any], reader: Avro, path: str) -> Adapt:
        """The written value's Python type tells its branch."""
        branches: dict[type, Adapt] = {}
        for member in writer:
            plain = resolved(member, self._writers)
            kind = _PYTHON[_kind(plain)]
            if kind in branches:
                message = f"{path}: a choice between two kinds of {kind.__name__} is not resolved"
                raise MisfitError(message)
            branches[kind] = self._branch(plain, reader, path)
        return lambda value: branches[type(value)](value)

    def _branch(self, writer: Mapping[str, Any], reader: Avro, path: str) -> Adapt:
        """One branch of the writer's; if it does not fit, only its values are refused."""
        try:
            return self.value(writer, reader, path)
        except MisfitError as error:
            return _refuse(str(error))

    def _to_branch(self, writer: Mapping[str, Any], reader: list[Any], path: str) -> Adapt:
        """The reader's first branch of the same kind, else the first that it can be promoted to."""
        members = [resolved(member, self._readers) for member in reader]
        same = [member for member in members if _kind(member) == _kind(writer)]
        for member in (*same, *members):
            try:
                return self.value(writer, member, path)
            except MisfitError:
                continue
        kinds = ", ".join(_kind(member) for member in members)
        message = f"{path}: is of type {_kind(writer)}; expected {kinds}"
        raise MisfitError(message)


def _kind(schema: Mapping[str, Any]) -> str:
    """What values of a schema are: its logical type if it has one that is known here."""
    logical = schema.get("logicalType")
    return str(logical) if logical in _PYTHON else str(schema["type"])


def _same_name(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a named type is meant to be the other: by its last name, as Avro says, or an alias."""
    name = one["name"].rpartition(".")[2]
    names = {other["name"], *other.get("aliases", ())}
    return name in {each.rpartition(".")[2] for each in names}


def _enum(reader: Mapping[str, Any], path: str) -> Adapt:
    """A symbol, or the reader's default for one that it does not know."""
    symbols: frozenset[str] = frozenset(reader["symbols"])
    default: str | None = reader.get("default")

    def adapt(value: str) -> str:
        if value in symbols:
            return value
        if default is not None:
            return default
        raise MisfitError(f"{path}: {value!r} is none of {', '.join(reader['symbols'])}")

    return adapt


def _scalar(one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> Adapt:
    """A scalar of the same kind, or one that a wider one can say."""
    kind, target = _kind(one), _kind(other)
    if kind == target == "decimal":
        precision, scale = int(other["precision"]), int(other.get("scale", 0))
        return lambda value: fitting(value, precision, scale)
    if kind == target and (kind != "fixed" or one["size"] == other["size"]):
        return _same
    if target in _WIDER.get(kind, ()):
        return _WIDEN[target]
    message = f"{path}: is of type {kind}; expected {target}"
    raise MisfitError(message)


def _same(value: Any) -> Any:
    return value


def _to_bytes(value: str) -> bytes:
    return value.encode()


def _to_text(value: bytes) -> str:
    return value.decode()


_WIDEN: Mapping[str, Adapt] = {
    "long": _same,
    "float": float,
    "double": float,
    "bytes": _to_bytes,
    "string": _to_text,
}


def _refuse(message: str) -> Adapt:
    """An adapter that takes nothing."""

    def adapt(_: Any) -> Any:
        raise MisfitError(message)

    return adapt


def _own(default: Any) -> Any:
    """A default that the record may own."""
    return default.copy() if isinstance(default, list | dict) else default
