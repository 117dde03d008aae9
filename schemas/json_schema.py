"""JSON Schema (2020-12) of records, for the gateway's OpenAPI document and other people's tools.

Pure: no clock, no I/O.  It describes exactly what `schemas.json_form.from_json` accepts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.types import (
    NO_DEFAULT,
    FieldType,
    ListType,
    MapType,
    RecordType,
    ScalarType,
    UnionType,
)

_SCALARS: Mapping[str, Mapping[str, Any]] = {
    "text": {"type": "string"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "uuid": {"type": "string", "format": "uuid"},
    "float": {"type": "number"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
}
_EXAMPLES: Mapping[str, Any] = {
    "text": "text",
    "bool": True,
    "int": 3,
    "decimal": "1250.5000",
    "date": "2026-01-31",
    "datetime": "2026-01-31T09:30:00.000000Z",
    "uuid": "6f6e5a0e-5a58-5f0c-9a53-8f1c6f0f7f11",
    "float": 1.5,
    "bytes": "aG9vaw==",
}


def json_schema(record_type: RecordType) -> dict[str, Any]:
    """The schema of a record: strict, with the documentation and an example of every field."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": record_type.name,
        **schema_of(record_type),
        "examples": [example_of(record_type)],
    }


def schema_of(type_: FieldType) -> dict[str, Any]:
    """The schema of any type, to stand within another."""
    schema = _bare(type_)
    if type_.nullable:
        schema = _or_null(schema)
    if type_.doc:
        schema["description"] = type_.doc
    if type_.default is not NO_DEFAULT:
        schema["default"] = type_.default
    if isinstance(type_, ScalarType):
        schema["examples"] = [example_of(type_)]
    return schema


def example_of(type_: FieldType) -> Any:
    """A value of the type, as JSON."""
    match type_:
        case ScalarType(kind="enum"):
            return type_.symbols[0]
        case ScalarType(kind="decimal"):
            return f"{12:d}.{'5'.ljust(type_.scale, '0')}" if type_.scale else "12"
        case ScalarType():
            return _EXAMPLES[type_.kind]
        case RecordType():
            return {name: example_of(field) for name, field in type_.fields.items()}
        case ListType():
            return [example_of(type_.item)]
        case MapType():
            return {"name": example_of(type_.values)}
        case UnionType():
            return example_of(type_.members[0])


def _bare(type_: FieldType) -> dict[str, Any]:
    """The schema of a type, null left aside."""
    match type_:
        case ScalarType():
            return _scalar(type_)
        case RecordType():
            return {
                "type": "object",
                "properties": {name: schema_of(field) for name, field in type_.fields.items()},
                "required": [name for name, field in type_.fields.items() if not field.optional],
                "additionalProperties": False,
            }
        case ListType():
            return {"type": "array", "items": schema_of(type_.item)}
        case MapType():
            return {"type": "object", "additionalProperties": schema_of(type_.values)}
        case UnionType():
            return {"anyOf": [_member(member) for member in type_.members]}


def _scalar(type_: ScalarType) -> dict[str, Any]:
    """The schema of one value."""
    match type_.kind:
        case "enum":
            return {"type": "string", "enum": list(type_.symbols)}
        case "int":
            bound = 1 << (type_.bits - 1)
            return {"type": "integer", "minimum": -bound, "maximum": bound - 1}
        case "decimal":
            return _decimal(type_)
        case kind:
            return dict(_SCALARS[kind])


def _member(type_: FieldType) -> dict[str, Any]:
    """One of several types: there a decimal is a number, because text would be text."""
    if isinstance(type_, ScalarType) and type_.kind == "decimal":
        return {**_number(type_)}
    return schema_of(type_)


def _decimal(type_: ScalarType) -> dict[str, Any]:
    """A decimal: text, so that nothing is rounded on the way, or a number."""
    before = type_.precision - type_.scale
    after = rf"(\.\d{{1,{type_.scale}}})?" if type_.scale else ""
    text = {"type": "string", "pattern": rf"^-?\d{{1,{before}}}{after}$"}
    return {"anyOf": [text, _number(type_)]}


def _number(type_: ScalarType) -> dict[str, Any]:
    """A decimal as a JSON number."""
    bound = 10 ** (type_.precision - type_.scale)
    step = {"multipleOf": 10**-type_.scale} if type_.scale else {"multipleOf": 1}
    return {"type": "number", "exclusiveMinimum": -bound, "exclusiveMaximum": bound, **step}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that takes null too."""
    if "anyOf" in schema:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    made = {**schema, "type": [schema["type"], "null"]}
    if "enum" in made:
        made["enum"] = [*made["enum"], None]
    return made
