"""Puts event schemas together: shapes into entities, entities into the envelope.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

Schema = dict[str, Any]
#: A schema as JSON: a name, a list of branches, or an object.
Avro = Any

NAMESPACE = "crm"
#: The name in the envelope that stands for the entity's own record.
PLACEHOLDER = "crm.Record"
PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


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


def inlined(
    schema: Any, shapes: Mapping[str, Schema], seen: set[str], namespace: str = NAMESPACE
) -> Any:
    """The schema with every shape defined where it is first used, and by full name after that.

    Args:
        shapes: Named types by full name.
        seen: Full names that are defined already; grows.
        namespace: The enclosing one, for names that say none.
    """
    if isinstance(schema, list):
        return [inlined(member, shapes, seen, namespace) for member in schema]
    if isinstance(schema, str):
        return _named(schema, shapes, seen, namespace)
    kind = schema.get("type")
    if kind in {"record", "enum", "fixed"}:
        return _definition(schema, shapes, seen, namespace)
    inner = (
        {"array": "items", "map": "values"}.get(kind, "type") if isinstance(kind, str) else "type"
    )
    return {**schema, inner: inlined(schema[inner], shapes, seen, namespace)}


def _named(name: str, shapes: Mapping[str, Schema], seen: set[str], namespace: str) -> Any:
    """What stands where a type is named."""
    if name in PRIMITIVES:
        return name
    for full in (name, f"{namespace}.{name}", f"{NAMESPACE}.{name}"):
        if full in seen:
            return full
        if full in shapes:
            return _definition(shapes[full], shapes, seen, namespace)
    return name


def _definition(
    schema: Schema, shapes: Mapping[str, Schema], seen: set[str], namespace: str
) -> Schema:
    """A named type, defined here."""
    full = full_name(schema, namespace)
    seen.add(full)
    inner, _, name = full.rpartition(".")
    named = {**schema, "name": name, "namespace": inner}
    if "fields" in schema:
        named["fields"] = [
            {**field, "type": inlined(field["type"], shapes, seen, inner)}
            for field in schema["fields"]
        ]
    return named


def composed(envelope: Schema, entity: Schema, shapes: Mapping[str, Schema]) -> Schema:
    """The event schema of an entity: the envelope around its record."""
    name = f"{entity['name'].rpartition('.')[2]}Event"
    doc = f"Something happened to one {entity['name']}: what, when, by whom, and the record before and after."
    known = {**shapes, PLACEHOLDER: {"namespace": NAMESPACE, **entity}}
    event = {
        **envelope,
        "name": name,
        "namespace": full_name(entity).rpartition(".")[0],
        "doc": doc,
    }
    event["fields"] = [_placed(field, entity) for field in envelope["fields"]]
    known[full_name(entity)] = known.pop(PLACEHOLDER)
    whole: Schema = inlined(event, known, set())
    return whole


def _placed(field: Schema, entity: Schema) -> Schema:
    """A field of the envelope with the entity's name for the placeholder."""
    if field["type"] == ["null", "Record"]:
        return {**field, "type": ["null", full_name(entity)]}
    return field


def text_of(schema: Any) -> str:
    """A schema as compact JSON, the same bytes every time."""
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


#: What a reader may ignore: it changes neither the bytes nor what they mean.
_ASIDE = frozenset({"doc", "default", "aliases", "order", "personal"})


def same_meaning(one: str, other: str) -> bool:
    """Whether two texts with one fingerprint give the same bytes the same meaning.

    Fingerprints cover neither defaults nor logical types; of these only logical types matter to
    bytes that are already written.
    """
    return one == other or _essence(json.loads(one)) == _essence(json.loads(other))


def _essence(schema: Any) -> Any:
    """A schema without what is said aside."""
    if isinstance(schema, dict):
        return {key: _essence(value) for key, value in schema.items() if key not in _ASIDE}
    if isinstance(schema, list):
        return [_essence(member) for member in schema]
    return schema
