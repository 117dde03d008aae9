"""What a field may hold, in the words of workflows and JSON rather than of Avro.

Pure: no clock, no I/O.  Read from Avro once, when the catalog is loaded; the checks of workflows,
the gateway's JSON and the masking of personal data all go by these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

Kind = Literal[
    "text", "int", "decimal", "bool", "date", "datetime", "enum", "uuid", "float", "bytes"
]


class Absent(Enum):
    """The mark of a field that has no default."""

    NO_DEFAULT = "no default"


NO_DEFAULT: Final = Absent.NO_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class _Type:
    """What every type says besides its shape.

    Attributes:
        nullable: Null is allowed.
        personal: The field holds personal data: masked unless asked for.
        doc: The field's description.
        default: What a field that was left out means.
    """

    nullable: bool = False
    personal: bool = False
    doc: str = ""
    default: Any = NO_DEFAULT

    @property
    def optional(self) -> bool:
        """Whether the field may be left out."""
        return self.nullable or self.default is not NO_DEFAULT


@dataclass(frozen=True, slots=True)
class ScalarType(_Type):
    """One value.

    Attributes:
        symbols: The allowed values of an `enum`; empty for other kinds.
        bits: Width of an `int`: 32 or 64.
        precision, scale: Digits in all and after the point of a `decimal`.
    """

    kind: Kind
    symbols: tuple[str, ...] = ()
    bits: int = 64
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class RecordType(_Type):
    """A record with named fields; a mapping in Python, an object in JSON."""

    name: str
    fields: Mapping[str, FieldType]


@dataclass(frozen=True, slots=True)
class ListType(_Type):
    """Many values of one type."""

    item: FieldType


@dataclass(frozen=True, slots=True)
class MapType(_Type):
    """Values of one type by free text keys."""

    values: FieldType


@dataclass(frozen=True, slots=True)
class UnionType(_Type):
    """One of several types (custom attributes); null is said by `nullable`, not by a member."""

    members: tuple[FieldType, ...]


FieldType = ScalarType | RecordType | ListType | MapType | UnionType

_PRIMITIVES: Mapping[str, Mapping[str, Any]] = {
    "string": {"kind": "text"},
    "int": {"kind": "int", "bits": 32},
    "long": {"kind": "int", "bits": 64},
    "boolean": {"kind": "bool"},
    "float": {"kind": "float"},
    "double": {"kind": "float"},
    "bytes": {"kind": "bytes"},
}
_LOGICAL: Mapping[tuple[str, str], Kind] = {
    ("bytes", "decimal"): "decimal",
    ("int", "date"): "date",
    ("long", "timestamp-micros"): "datetime",
    ("string", "uuid"): "uuid",
}


def record_type(schema: Mapping[str, Any]) -> RecordType:
    """The type of a record schema in which every named type is defined where it is first used.

    Raises:
        ValueError: Naming the field whose Avro type has no counterpart here.
    """
    named: dict[str, FieldType] = {}
    found = _type(schema, named, {}, str(schema["name"]))
    if not isinstance(found, RecordType):
        message = f"{schema['name']} is not a record"
        raise ValueError(message)  # noqa: TRY004 (a wrong schema, not a wrong argument)
    return found


def walk(fields: Mapping[str, FieldType], prefix: str = "") -> Iterator[tuple[str, FieldType]]:
    """Every field with its dotted path, those of nested records and of lists' items included."""
    for name, type_ in fields.items():
        path = f"{prefix}{name}"
        yield path, type_
        inner = type_.item if isinstance(type_, ListType) else type_
        if isinstance(inner, RecordType):
            yield from walk(inner.fields, f"{path}.")


def _fields(
    schema: Mapping[str, Any], named: dict[str, FieldType], path: str
) -> dict[str, FieldType]:
    """The types of a record's fields."""
    return {
        field["name"]: _type(field["type"], named, _about(field), f"{path}.{field['name']}")
        for field in schema["fields"]
    }


def _about(field: Mapping[str, Any]) -> dict[str, Any]:
    """What a field says about itself beside its type."""
    return {
        "doc": field.get("doc", ""),
        "personal": bool(field.get("personal", False)),
        "default": field.get("default", NO_DEFAULT),
    }


def _type(schema: Any, named: dict[str, FieldType], about: dict[str, Any], path: str) -> FieldType:
    """The type of one schema; `about` carries doc, personal, default and nullable."""
    match schema:
        case str():
            return _by_name(schema, named, about, path)
        case list():
            return _union(schema, named, about, path)
        case {"type": "record" | "enum"}:
            return _definition(schema, named, about, path)
        case {"type": "array", "items": items}:
            return ListType(_type(items, named, {}, f"{path}[]"), **about)
        case {"type": "map", "values": values}:
            return MapType(_type(values, named, {}, f"{path}{{}}"), **about)
        case {"type": str() as base, "logicalType": logical}:
            return _logical(base, logical, schema, about, path)
        case {"type": inner} if inner != "fixed":
            return _type(inner, named, about, path)
        case _:
            raise ValueError(f"{path}: {schema!r} is not a type that records may use here")


def _definition(
    schema: Mapping[str, Any], named: dict[str, FieldType], about: dict[str, Any], path: str
) -> FieldType:
    """A named type; other fields may use it by its name after this."""
    found: FieldType
    if schema["type"] == "enum":
        found = ScalarType("enum", tuple(schema["symbols"]))
    else:
        found = RecordType(schema["name"], _fields(schema, named, path), doc=schema.get("doc", ""))
    named[_full_name(schema)] = found
    return _with(found, about)


def _full_name(schema: Mapping[str, Any]) -> str:
    """A named type's name with its namespace."""
    name, namespace = schema["name"], schema.get("namespace", "")
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _by_name(name: str, named: dict[str, FieldType], about: dict[str, Any], path: str) -> FieldType:
    """A primitive, or a type defined before."""
    if name in _PRIMITIVES:
        return ScalarType(**_PRIMITIVES[name], **about)
    if name in named:
        return _with(named[name], about)
    message = f"{path}: the type {name!r} is not defined"
    raise ValueError(message)


def _with(found: FieldType, about: dict[str, Any]) -> FieldType:
    """A named type as one field uses it."""
    if isinstance(found, ScalarType):
        return ScalarType("enum", found.symbols, **about)
    if isinstance(found, RecordType):
        return RecordType(found.name, found.fields, **{"doc": found.doc, **about})
    message = f"only records and enums have names, not {found!r}"
    raise TypeError(message)


def _union(
    schema: list[Any], named: dict[str, FieldType], about: dict[str, Any], path: str
) -> FieldType:
    """A nullable type, or one of several."""
    nullable = "null" in schema
    members = [member for member in schema if member != "null"]
    if len(members) == 1:
        return _type(members[0], named, {**about, "nullable": nullable}, path)
    types = tuple(_type(member, named, {}, path) for member in members)
    return UnionType(types, **about, nullable=nullable)


def _logical(
    base: str, logical: str, schema: Mapping[str, Any], about: dict[str, Any], path: str
) -> ScalarType:
    """A primitive with a meaning."""
    kind = _LOGICAL.get((base, logical))
    if kind is None:
        allowed = ", ".join(f"{name} on {on}" for on, name in _LOGICAL)
        message = (
            f"{path}: logical type {logical!r} on {base!r} is not used here; allowed: {allowed}"
        )
        raise ValueError(message)
    if kind == "decimal":
        about = {**about, "precision": schema["precision"], "scale": schema.get("scale", 0)}
    return ScalarType(kind, **about)
