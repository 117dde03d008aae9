"""Avro schemas as data: named types, fingerprints, what two texts have in common.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

#: A schema as JSON: a name, a list of branches, or an object.
Avro = Any
#: A schema that is an object.
Schema = dict[str, Any]

NAMESPACE = "crm"
PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
NAMED = frozenset({"record", "enum", "fixed"})


@dataclass(frozen=True, slots=True)
class NamedSchema:
    """A schema ready for use.

    Attributes:
        name: Full name of its record: `crm.LeadEvent`.
        text: The schema as JSON, as it is registered: every named type is defined in it.
        parsed: What fastavro made of it.
        fingerprint: CRC-64-AVRO of its parsing canonical form, in wire order.
    """

    name: str
    text: str
    parsed: Any
    fingerprint: bytes


def named_schema(text: str) -> NamedSchema:
    """Parse a self-contained schema.

    Raises:
        ValueError: It is not JSON, or not Avro.
    """
    try:
        parsed = parse_schema(json.loads(text))
        canonical = to_parsing_canonical_form(parsed)
    except Exception as error:  # fastavro's errors have no common base; a KeyError may come too
        message = f"not an Avro schema: {type(error).__name__}: {error}"
        raise ValueError(message) from error
    mark = bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))
    name = parsed["name"] if isinstance(parsed, dict) else str(parsed)
    return NamedSchema(name, text, parsed, mark)


def full_name(schema: Mapping[str, Any], namespace: str = NAMESPACE) -> str:
    """A named type's name with its namespace."""
    name = str(schema["name"])
    return name if "." in name else f"{schema.get('namespace', namespace)}.{name}"


def definitions(schema: Avro) -> dict[str, Schema]:
    """Every named type that a schema defines, by full name."""
    found: dict[str, Schema] = {}
    _define(schema, found)
    return found


def _define(schema: Avro, found: dict[str, Schema]) -> None:
    """Add what a schema defines."""
    match schema:
        case list():
            for member in schema:
                _define(member, found)
        case {"type": "record" | "enum" | "fixed"}:
            found[full_name(schema, "")] = schema
            for field in schema.get("fields", ()):
                _define(field["type"], found)
        case dict():
            for key in ("items", "values", "type"):
                _define(schema.get(key), found)
        case _:
            pass  # a primitive, or a name


def resolved(schema: Avro, named: Mapping[str, Schema]) -> Avro:
    """A schema with its name looked up: an object, or a union's list.

    Args:
        named: What `definitions` found.

    Raises:
        ValueError: The name is not defined.
    """
    match schema:
        case str() if schema in PRIMITIVES:
            return {"type": schema}
        case str():
            if schema not in named:
                raise ValueError(f"the type {schema!r} is not defined")
            return named[schema]
        case {"type": dict() | list() as inner}:
            return resolved(inner, named)
        case _:
            return schema


#: What a reader may ignore: it changes neither the bytes nor what they mean.
_ASIDE = frozenset({"doc", "default", "aliases", "order", "personal"})


def same_meaning(one: str, other: str) -> bool:
    """Whether two texts with one fingerprint give the same bytes the same meaning.

    Fingerprints cover neither defaults nor logical types; of these only logical types matter to
    bytes that are already written.
    """
    return one == other or _essence(json.loads(one)) == _essence(json.loads(other))


def _essence(schema: Avro) -> Avro:
    """A schema without what is said aside."""
    if isinstance(schema, dict):
        return {key: _essence(value) for key, value in schema.items() if key not in _ASIDE}
    if isinstance(schema, list):
        return [_essence(member) for member in schema]
    return schema
