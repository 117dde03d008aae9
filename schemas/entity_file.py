"""Judges one entity's `.avsc` file: what is wrong with it, and what to write instead.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.avro import PRIMITIVES, Schema, full_name

#: What an entity may be called: it becomes part of a topic's name, a route and a header.
ENTITY_NAME = re.compile(r"[a-z][a-z0-9_]{0,48}")
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Names of topics that are not events; an entity of that name could be mistaken for them.
RESERVED = frozenset({"actions", "attempts", "workflows", "webhooks", "schemas"})
_SCALAR_DEFAULTS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "int": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "bytes": (),
    "null": (),
}


def problems(stem: str, text: str) -> Iterator[str]:
    """Everything wrong with an entity's file, in sentences; nothing if it can be used.

    Args:
        stem: The file's name without `.avsc`: the entity's name.
    """
    if not ENTITY_NAME.fullmatch(stem) or stem in RESERVED:
        yield (
            f"the file's name is the entity's, and {stem!r} cannot be one: small letters, digits "
            f"and _ in at most 49 characters, a letter first, and none of {', '.join(sorted(RESERVED))}"
        )
    try:
        schema = json.loads(text)
    except ValueError as error:
        yield f"it is not JSON: {error}"
        return
    if not isinstance(schema, dict) or schema.get("type") != "record":
        yield 'it must be one Avro record: {"type": "record", "name": …, "fields": […]}'
        return
    yield from _record(schema, str(schema.get("name", stem)), top=True)


def _record(schema: Schema, path: str, *, top: bool = False) -> Iterator[str]:
    """A record: its name, its doc, its fields."""
    if not isinstance(schema.get("name"), str):
        yield f"{path}: the record has no name"
    if top and not schema.get("doc"):
        yield f'{path}: the record has no "doc"; say in one sentence what it is'
    fields = schema.get("fields")
    if not isinstance(fields, list) or not fields:
        yield f'{path}: "fields" must be a list of fields'
        return
    if top and not any(_is_id(field) for field in fields):
        yield f'{path}: an entity has a field {{"name": "id", "type": "string"}}: the key of its events'
    names = [field.get("name") for field in fields if isinstance(field, dict)]
    for name in sorted({str(name) for name in names if names.count(name) > 1}):
        yield f"{path}.{name}: is there more than once"
    for field in fields:
        yield from _field(field, path)


def _is_id(field: Any) -> bool:
    """Whether a field is the record's id."""
    return isinstance(field, dict) and field.get("name") == "id" and field.get("type") == "string"


def _field(field: Any, path: str) -> Iterator[str]:
    """One field: name, type, doc and default."""
    if not isinstance(field, dict) or not isinstance(field.get("name"), str):
        yield f"{path}: {json.dumps(field)[:60]} is not a field: it needs name, type and doc"
        return
    there = f"{path}.{field['name']}"
    if not _FIELD_NAME.fullmatch(field["name"]):
        yield f"{there}: a field's name has letters, digits and _, and no digit first"
    if "type" not in field:
        yield f"{there}: has no type"
        return
    if not field.get("doc"):
        yield f'{there}: has no "doc"; say in one sentence what it holds'
    if not isinstance(field.get("personal", False), bool):
        yield f'{there}: "personal" is true or false'
    if "default" in field and not _default_fits(field["type"], field["default"]):
        yield (
            f"{there}: the default {json.dumps(field['default'])} does not fit; allowed are null first "
            "in a union, [] and {}, text, whole numbers, true and false, and an enum's symbol"
        )
    yield from _nested(field["type"], there)


def _nested(schema: Any, path: str) -> Iterator[str]:
    """The types within a field."""
    if isinstance(schema, list):
        for member in schema:
            yield from _nested(member, path)
        yield from _ambiguous(schema, path)
    elif isinstance(schema, dict):
        if schema.get("type") == "record":
            yield from _record(schema, path)
        for key in ("items", "values"):
            if key in schema:
                yield from _nested(schema[key], f"{path}[]")
        if isinstance(schema.get("type"), dict | list):
            yield from _nested(schema["type"], path)


def _ambiguous(union: list[Any], path: str) -> Iterator[str]:
    """A value must tell its branch by itself."""
    texts = [member for member in union if _python(member) == "text"]
    records = [member for member in union if _python(member) == "record"]
    if len(texts) > 1 or len(records) > 1:
        yield f"{path}: a value could be of more than one branch of {json.dumps(union)[:80]}"


def _python(member: Any) -> str:
    """The kind of Python value that a branch takes, as far as branches can be mixed up."""
    if isinstance(member, str) and member not in PRIMITIVES:
        return "record"  # a shape; the only enum among them is never in a union with another
    kind = member.get("type") if isinstance(member, dict) else member
    if kind in {"record", "map"}:
        return "record"
    return (
        "text" if kind in {"string", "enum"} and "logicalType" not in _dict(member) else str(kind)
    )


def _dict(member: Any) -> Mapping[str, Any]:
    """A branch's attributes."""
    return member if isinstance(member, dict) else {}


def _default_fits(schema: Any, default: Any) -> bool:
    """Whether a default is one that means the same in Avro, Python and JSON."""
    match schema:
        case ["null", *_]:
            return default is None
        case str():
            # A name is a shape that is an enum; whether the symbol exists Avro will say.
            return type(default) in _SCALAR_DEFAULTS.get(schema, (str,))
        case {"type": "array" | "map" as kind}:
            empty: Any = [] if kind == "array" else {}
            return bool(default == empty)
        case {"type": "enum", "symbols": list() as symbols}:
            return default in symbols
        case {"type": str() as base} if "logicalType" not in schema and base in PRIMITIVES:
            return _default_fits(base, default)
        case _:
            return False


def clashes(stem: str, schema: Schema, taken: Mapping[str, str]) -> Iterator[str]:
    """Why an entity's record cannot be called what it is called.

    Args:
        taken: Full names of records and shapes that exist, with where they stand.
    """
    name = full_name(schema)
    for each in (name, f"{name}Event"):
        if each in taken:
            yield f"{stem}: the name {each} is taken by {taken[each]}; choose another"
