"""What a webhook's receiver writes back: which records it changes on account of a delivery.

Pure.  Nobody can see that from outside, so a manifest may declare it, for `hookline workflows lint`;
nothing at run time depends on it:

    writes:
      lead: [updated]                             # operations, or `any`
      person: {on: [updated], fields: [tags]}     # only these top-level fields
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from schemas.catalog import Catalog
from schemas.errors import Problem
from schemas.records import Operation
from schemas.wording import unknown

OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)
_EXPECTED: Final = (
    f"a list of {', '.join(OPERATIONS)} is expected, or any, or a mapping with on and fields"
)
_KEYS: Final = ("on", "fields")


@dataclass(frozen=True, slots=True)
class Write:
    """The records of one entity are changed.

    Attributes:
        fields: The top-level fields that an update changes; empty where any may change.
    """

    entity: str
    on: tuple[Operation, ...]
    fields: tuple[str, ...] = ()


def parse_writes(value: object) -> tuple[tuple[Write, ...], list[Problem]]:
    """What a manifest's `writes` declares, and all that is wrong with it."""
    if not isinstance(value, Mapping):
        message = (
            "entities with their operations are expected, such as {lead: [updated]}; {} is none"
        )
        return (), [Problem("writes", message)]
    writes: list[Write] = []
    problems: list[Problem] = []
    for entity, given in value.items():
        place = f"writes.{entity}"
        content = given if isinstance(given, Mapping) else {"on": given}
        on = _operations(place, content.get("on", "any"), problems)
        fields = _fields(place, content.get("fields", ()), problems)
        problems += [
            Problem(f"{place}.{key}", unknown("the key", str(key), _KEYS))
            for key in content
            if key not in _KEYS
        ]
        writes.append(Write(str(entity), on, fields))
    return tuple(writes), problems


def plain_writes(writes: Sequence[Write]) -> dict[str, Any]:
    """The same as JSON says it."""
    return {
        write.entity: {"on": list(write.on), "fields": list(write.fields)}
        if write.fields
        else list(write.on)
        for write in writes
    }


def check_writes(writes: Sequence[Write], catalog: Catalog) -> Iterator[Problem]:
    """What does not exist of what is declared."""
    for write in writes:
        place = f"writes.{write.entity}"
        if write.entity not in catalog.entities:
            yield Problem(place, unknown("the entity", write.entity, catalog.entities))
            continue
        known = list(catalog.fields(write.entity))
        for index, name in enumerate(write.fields):
            if name not in known:
                message = f"on {write.entity}, " + unknown("the field", name, known)
                yield Problem(f"{place}.fields[{index}]", message)


def _operations(place: str, value: object, problems: list[Problem]) -> tuple[Operation, ...]:
    """The operations that are declared."""
    if value == "any":
        return OPERATIONS
    if not isinstance(value, list | tuple) or not value:
        problems.append(Problem(place, f"is {value!r}; {_EXPECTED}"))
        return ()
    problems += [
        Problem(f"{place}[{index}]", unknown("the operation", str(each), OPERATIONS))
        for index, each in enumerate(value)
        if each not in OPERATIONS
    ]
    return tuple(each for each in OPERATIONS if each in value)


def _fields(place: str, value: object, problems: list[Problem]) -> tuple[str, ...]:
    """The fields that are declared."""
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        problems.append(Problem(f"{place}.fields", "is no list of names of top-level fields"))
        return ()
    return tuple(dict.fromkeys(value))
