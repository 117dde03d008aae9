"""The way to a field of a list's elements: `product.name`.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from schemas.types import FieldType, MapType, RecordType
from schemas.wording import unknown


def inner_field(type_: FieldType, path: str) -> tuple[FieldType, Callable[[Any], Any]] | str:
    """The type of a field of a record and what reads it, or what is wrong with its name."""
    keys: list[str] = []
    rest = path
    while rest:
        if isinstance(type_, MapType):
            type_, key, rest = type_.values, rest, ""
        elif not isinstance(type_, RecordType):
            above = ".".join(keys) or "an element"
            return f"{above} is not a record, so it has no field {rest}"
        else:
            key, _, rest = rest.partition(".")
            if key not in type_.fields:
                return unknown("the field", key, type_.fields)
            type_ = type_.fields[key]
        keys.append(key)

    def read(value: Any) -> Any:
        for key in keys:
            if not isinstance(value, Mapping):  # null, or masked for a preview
                return value
            value = value.get(key)
        return value

    return type_, read
