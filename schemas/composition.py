"""Puts event schemas together: shapes into entities, entities into the envelope.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from schemas.avro import NAMED, NAMESPACE, PRIMITIVES, Avro, Schema, full_name

#: The name in the envelope that stands for the entity's own record.
PLACEHOLDER = "crm.Record"


def inlined(
    schema: Avro, shapes: Mapping[str, Schema], seen: set[str], namespace: str = NAMESPACE
) -> Avro:
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
    if kind in NAMED:
        return _definition(schema, shapes, seen, namespace)
    inner = (
        {"array": "items", "map": "values"}.get(kind, "type") if isinstance(kind, str) else "type"
    )
    return {**schema, inner: inlined(schema[inner], shapes, seen, namespace)}


def _named(name: str, shapes: Mapping[str, Schema], seen: set[str], namespace: str) -> Avro:
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


def text_of(schema: Avro) -> str:
    """A schema as compact JSON, the same bytes every time."""
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)
