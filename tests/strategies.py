"""Hypothesis strategies made from the schemas: any record that a field's type allows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from schemas.avro import NamedSchema
from schemas.catalog import Catalog
from schemas.codec import Fingerprint, Reference
from schemas.records import (
    Action,
    Attempt,
    Definition,
    Event,
    Firing,
    LaneState,
    WorkflowCounts,
)
from schemas.types import (
    FieldType,
    ListType,
    MapType,
    RecordType,
    ScalarType,
    UnionType,
    record_type,
)

CATALOG = Catalog.load()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Text with the things that break careless code: quotes, braces, non-Latin, emoji, NUL, length.
WORDS = (
    *(
        "",
        "a",
        '"',
        "\\",
        "{{x}}",
        "\n",
        "\0",
        "2026-01-31",
        "1e2",
        "null",
        "žluťoučký",
        "ß",
        "اسم",
    ),
    *("😀" * 20, "x" * 63, "x" * 64, "y" * 8192),
)


class OwnSchemas:
    """A source of schemas for which everything of the catalog counts as registered."""

    def __init__(self, texts: Mapping[Reference, str] | None = None) -> None:
        self.texts = dict(texts or {})

    def reference_of(self, schema: NamedSchema) -> Reference:
        return Fingerprint(schema.fingerprint)

    def find(self, reference: Reference) -> str | None:
        return self.texts.get(reference)


def sample(type_: FieldType, chance: Random) -> Any:
    """One value of a type; extremes come often."""
    if type_.nullable and chance.random() < 0.3:
        return None
    match type_:
        case ScalarType():
            return _scalar(type_, chance)
        case ListType():
            return [sample(type_.item, chance) for _ in range(chance.randrange(3))]
        case MapType():
            return {
                chance.choice(WORDS): sample(type_.values, chance)
                for _ in range(chance.randrange(4))
            }
        case RecordType():
            return {name: sample(field, chance) for name, field in type_.fields.items()}
        case UnionType():
            return sample(chance.choice(type_.members), chance)


def _scalar(type_: ScalarType, chance: Random) -> Any:
    match type_.kind:
        case "enum":
            return chance.choice(type_.symbols)
        case "int":
            return _whole(1 << (type_.bits - 1), chance)
        case "decimal":
            return Decimal(_whole(10**type_.precision - 1, chance)).scaleb(-type_.scale)
        case kind:
            return _SCALARS[kind](chance)


def _whole(bound: int, chance: Random) -> int:
    edges = (0, 1, -1, 63, 64, -64, -65, bound - 1, 1 - bound)
    return chance.choice(edges) if chance.random() < 0.5 else chance.randrange(1 - bound, bound)


def _moment(chance: Random) -> datetime:
    zone = chance.choice((UTC, timezone(timedelta(hours=5, minutes=45))))
    return EPOCH.astimezone(zone) + timedelta(microseconds=chance.randrange(-(2**55), 2**56))


_SCALARS: Mapping[str, Callable[[Random], Any]] = {
    "text": lambda chance: chance.choice(WORDS),
    "bool": lambda chance: chance.random() < 0.5,
    "date": lambda chance: date.fromordinal(chance.randrange(1, date.max.toordinal() + 1)),
    "datetime": _moment,
    "uuid": lambda chance: UUID(int=chance.getrandbits(128)),
    "float": lambda chance: chance.choice((0.0, -1.5, 1e308, chance.random())),
    "bytes": lambda chance: chance.randbytes(chance.choice((0, 1, 63, 64, 300))),
}


def event_of(entity: str, chance: Random, catalog: Catalog = CATALOG) -> Event:
    """An event of an entity."""
    own = replace(catalog.record(entity), nullable=True)
    fields = {**catalog.envelope_fields, "before": own, "after": own}
    drawn = sample(RecordType("Event", fields), chance)
    if drawn["before"] and chance.random() < 0.5:  # as updates are: most of it stays the same
        changed = chance.sample(sorted(own.fields), chance.randrange(4))
        drawn["after"] = drawn["before"] | {n: sample(own.fields[n], chance) for n in changed}
    tuples = {name: tuple(drawn[name]) for name in ("changed_fields", "chain")}
    return Event(**drawn | tuples | {"entity": entity})


def record_of(name: str, chance: Random) -> Any:
    """An `action`, `attempt` or `definition`, else an event of the entity of that name."""
    if name not in FLAT:
        return event_of(name, chance)
    kind, schema = FLAT[name]
    drawn = sample(record_type(json.loads(schema.text)), chance)
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in drawn.items()})


FLAT: Mapping[str, tuple[type[Any], NamedSchema]] = {
    "action": (Action, CATALOG.action),
    "attempt": (Attempt, CATALOG.attempt),
    "definition": (Definition, CATALOG.definition),
    "firing": (Firing, CATALOG.firing),
    "lane_state": (LaneState, CATALOG.lane_state),
    "workflow_counts": (WorkflowCounts, CATALOG.workflow_counts),
}
#: The names of all records.
RECORDS = (*CATALOG.entities, *FLAT)
#: An event has hundreds of values, which would each cost a draw, and nothing is gained by shrinking
#: them, since errors name the field: one seed is drawn for them all.
SEEDS = st.integers(0, 2**64).map(Random)


def values(type_: FieldType) -> st.SearchStrategy[Any]:
    """Python values of a type, null included where it is allowed."""
    return SEEDS.map(lambda chance: sample(type_, chance))


def records(entity: str, catalog: Catalog = CATALOG) -> st.SearchStrategy[dict[str, Any]]:
    """Records of an entity, as `before` and `after` hold them."""
    return values(catalog.record(entity))


def events(entity: str | None = None, catalog: Catalog = CATALOG) -> st.SearchStrategy[Event]:
    """Events of one entity, or of any."""
    if entity is None:
        return SEEDS.map(lambda chance: event_of(chance.choice(catalog.entities), chance, catalog))
    return SEEDS.map(lambda chance: event_of(entity, chance, catalog))


def actions() -> st.SearchStrategy[Action]:
    return SEEDS.map(lambda chance: record_of("action", chance))


def attempts() -> st.SearchStrategy[Attempt]:
    return SEEDS.map(lambda chance: record_of("attempt", chance))


def firings() -> st.SearchStrategy[Firing]:
    return SEEDS.map(lambda chance: record_of("firing", chance))


def lane_states() -> st.SearchStrategy[LaneState]:
    return SEEDS.map(lambda chance: record_of("lane_state", chance))


def workflow_counts() -> st.SearchStrategy[WorkflowCounts]:
    return SEEDS.map(lambda chance: record_of("workflow_counts", chance))


def definitions() -> st.SearchStrategy[Definition]:
    return SEEDS.map(lambda chance: record_of("definition", chance))
