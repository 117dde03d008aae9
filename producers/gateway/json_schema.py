"""JSON Schema (2020-12) of what `schemas.json_form` reads, so that documents say what is taken.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from schemas.json_form import to_json
from schemas.types import (
    NO_DEFAULT,
    FieldType,
    ListType,
    MapType,
    RecordType,
    ScalarType,
    UnionType,
)

Json = dict[str, Any]


def json_schema(type_: FieldType) -> Json:
    """The schema of one type, with descriptions and defaults."""
    schema = _shape(type_)
    if type_.nullable:
        schema = _or_null(schema)
    if type_.doc:
        schema["description"] = type_.doc
    if type_.default is not NO_DEFAULT and type_.default is not None:
        schema["default"] = to_json(type_.default)
    return schema


def _shape(type_: FieldType) -> Json:
    """The schema without what the field says about itself."""
    match type_:
        case ScalarType():
            return _SCALARS[type_.kind](type_)
        case RecordType():
            return _record(type_)
        case ListType():
            return {"type": "array", "items": json_schema(type_.item)}
        case MapType():
            return {"type": "object", "additionalProperties": json_schema(type_.values)}
        case UnionType():
            return {"anyOf": [json_schema(member) for member in type_.members]}


def _record(type_: RecordType) -> Json:
    """An object that takes its fields and no others."""
    schema: Json = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: json_schema(field) for name, field in type_.fields.items()},
    }
    required = [name for name, field in type_.fields.items() if not field.optional]
    return {**schema, "required": required} if required else schema


def _or_null(schema: Json) -> Json:
    """The same, or null."""
    if isinstance(kind := schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [kind, "null"]}
    if members := schema.get("anyOf"):
        return {**schema, "anyOf": [*members, {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]}


def _int(type_: ScalarType) -> Json:
    bound = 1 << (type_.bits - 1)
    return {"type": "integer", "minimum": -bound, "maximum": bound - 1}


def _decimal(type_: ScalarType) -> Json:
    """A number, or a string for those whose JSON library knows only doubles."""
    whole, fraction = type_.precision - type_.scale, type_.scale
    digits = f"[0-9]{{1,{whole}}}" if whole else "0"
    pattern = rf"^-?{digits}(\.[0-9]{{1,{fraction}}})?$" if fraction else f"^-?{digits}$"
    bound = 10**whole
    return {
        "anyOf": [
            {
                "type": "number",
                "exclusiveMinimum": -bound,
                "exclusiveMaximum": bound,
                "multipleOf": 10**-fraction if fraction else 1,
            },
            {"type": "string", "pattern": pattern},
        ]
    }


_SCALARS: Mapping[str, Callable[[ScalarType], Json]] = {
    "text": lambda _: {"type": "string"},
    "enum": lambda type_: {"enum": list(type_.symbols)},
    "int": _int,
    "decimal": _decimal,
    "bool": lambda _: {"type": "boolean"},
    "date": lambda _: {"type": "string", "format": "date"},
    "datetime": lambda _: {"type": "string", "format": "date-time"},
    "uuid": lambda _: {"type": "string", "format": "uuid"},
    "float": lambda _: {"type": "number"},
    "bytes": lambda _: {"type": "string", "contentEncoding": "base64"},
}
