"""What one request says: JSON into changes of records, or every problem with its pointer.

Pure: no clock, no I/O.  The form of an event is built from the catalog, so a new entity needs
nothing here; `openapi` documents the same form.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from producers.change import Fields, Origin, default_source, problem_with_hops
from producers.gateway.refusal import INVALID, TOO_LARGE, Fault, Refusal
from schemas.catalog import Catalog
from schemas.json_form import from_json
from schemas.links import problem_with
from schemas.records import Operation
from schemas.types import FieldType, RecordType

#: Parts of the envelope that the gateway finds out itself unless the caller says them.
OPTIONAL = (
    "event_id",
    "entity_id",
    "version",
    "occurred_at",
    "source",
    "actor",
    "correlation_id",
    "causation_id",
    "hops",
    "chain",
)
#: Which sides an operation has.
SIDES: Mapping[Operation, tuple[bool, bool]] = {
    "created": (False, True),
    "updated": (True, True),
    "deleted": (True, False),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """One change as a caller described it, checked; its ids and instants may still be open.

    Attributes:
        event_id: None lets the gateway choose.
        entity_id: None where the record's own `id` says it.
        occurred_at: None means now.
    """

    before: Fields | None
    after: Fields | None
    event_id: uuid.UUID | None
    entity_id: str | None
    occurred_at: datetime | None
    origin: Mapping[str, Any]

    def from_here(self, now: datetime) -> Origin:
        """Where the change comes from, as the event says it."""
        return Origin(occurred_at=self.occurred_at or now, **self.origin)


def event_form(catalog: Catalog, entity: str) -> RecordType:
    """What the JSON of one event of an entity must look like."""
    envelope, record = catalog.envelope_fields, catalog.record(entity)
    fields: dict[str, FieldType] = {
        "operation": envelope["operation"],
        "before": replace(record, nullable=True, default=None, doc=_BEFORE),
        "after": replace(record, nullable=True, default=None, doc=_AFTER),
    }
    for name in OPTIONAL:
        doc = _DOCS.get(name, envelope[name].doc)
        fields[name] = replace(envelope[name], nullable=True, default=None, doc=doc)
    return RecordType(f"{record.name}Change", fields, doc=f"One change of one {entity}.")


def drafts_of(value: object, form: RecordType, max_batch: int) -> tuple[Draft, ...] | Refusal:
    """The changes in a body: one event, or an array of them, refused as a whole if one is wrong."""
    if not isinstance(value, list):
        draft, faults = _draft(value, form)
        return (draft,) if draft else _invalid(faults)
    if not value:
        return _invalid([Fault("", "the array is empty: send at least one event")])
    if len(value) > max_batch:
        return Refusal(
            TOO_LARGE, f"the array has {len(value)} events; at most {max_batch} go in one request"
        )
    drafts: list[Draft] = []
    all_faults: list[Fault] = []
    for index, item in enumerate(value):
        draft, faults = _draft(item, form)
        all_faults += [Fault(f"/{index}{fault.pointer}", fault.detail) for fault in faults]
        if draft:
            drafts.append(draft)
    return _invalid(all_faults) if all_faults else tuple(drafts)


def _invalid(faults: list[Fault]) -> Refusal:
    """All faults in one answer."""
    count = "one problem" if len(faults) == 1 else f"{len(faults)} problems"
    return Refusal(INVALID, f"{count} found; nothing was published", tuple(faults))


def _draft(item: object, form: RecordType) -> tuple[Draft | None, list[Fault]]:
    """One change, or what is wrong with it."""
    if not isinstance(item, dict):
        return None, [Fault("", f"an event is an object, got {_kind(item)}")]
    hints = [Fault(f"/{name}", hint) for name, hint in _NOT_TAKEN.items() if name in item]
    values, problems = from_json(form, {k: v for k, v in item.items() if k not in _NOT_TAKEN})
    faults = hints + [Fault(problem.pointer, problem.message) for problem in problems]
    if values is None or faults:
        return None, faults
    faults = list(_inconsistencies(values))
    return (None, faults) if faults else (_drafted(values), [])


def _drafted(values: Mapping[str, Any]) -> Draft:
    """Values of the form, as a draft."""
    chain = tuple(values["chain"] or ())
    return Draft(
        before=values["before"],
        after=values["after"],
        event_id=values["event_id"],
        entity_id=values["entity_id"],
        occurred_at=values["occurred_at"],
        origin={
            "version": values["version"] or 1,
            "source": values["source"] or default_source(values["causation_id"], chain),
            "actor": values["actor"],
            "correlation_id": values["correlation_id"],
            "causation_id": values["causation_id"],
            "hops": len(chain) if values["hops"] is None else values["hops"],
            "chain": chain,
        },
    )


def _inconsistencies(values: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong although each field by itself is right."""
    operation: Operation = values["operation"]
    wrong_sides = list(_wrong_sides(values, operation))
    yield from wrong_sides
    yield from _wrong_numbers(values, operation)
    yield from _wrong_chain(values)
    if not wrong_sides:
        yield from _wrong_ids(values)


def _wrong_sides(values: Mapping[str, Any], operation: Operation) -> Iterator[Fault]:
    """A side that is missing, or there although the operation has none."""
    for side, wanted in zip(("before", "after"), SIDES[operation], strict=True):
        if wanted and values[side] is None:
            yield Fault(f"/{side}", f"is missing: {operation} needs the record {_WHEN[side]}")
        if not wanted and values[side] is not None:
            yield Fault(f"/{side}", f"must be left out: a record that is {operation} has no {side}")


def _wrong_numbers(values: Mapping[str, Any], operation: Operation) -> Iterator[Fault]:
    """A version out of its bounds."""
    version = values["version"]
    if version is None and operation != "created":
        yield Fault("/version", f"is missing: {operation} needs the record's version, which rises")
    if version is not None and version < 1:
        yield Fault("/version", f"versions are counted from 1, got {version}")


def _wrong_chain(values: Mapping[str, Any]) -> Iterator[Fault]:
    """A chain that is none, or that contradicts the hops."""
    chain, hops = tuple(values["chain"] or ()), values["hops"]
    if (problem := problem_with(chain)) is not None:
        yield Fault("/chain", problem)
    elif hops is not None and (problem := problem_with_hops(hops, chain)) is not None:
        yield Fault("/hops", problem)


def _wrong_ids(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Ids that are missing, empty or contradict each other."""
    ids = _ids(values)
    empty = [place for place, value in ids.items() if not value]
    for place in empty:
        yield Fault(place, "is empty; it must be the record's id, the key of its events")
    if not ids:
        yield Fault("/entity_id", "is missing: this entity's fields have no id of their own")
    if len(set(ids.values())) > 1 and not empty:
        first, *others = ids
        for place in others:
            if ids[place] != ids[first]:
                yield Fault(
                    place, f"is {ids[place]!r}, but {first} is {ids[first]!r}: must be equal"
                )


def _ids(values: Mapping[str, Any]) -> dict[str, str]:
    """Every place where the record's id stands."""
    ids = {"/entity_id": values["entity_id"]}
    for side in ("before", "after"):
        ids[f"/{side}/id"] = (values[side] or {}).get("id")
    return {place: value for place, value in ids.items() if isinstance(value, str)}


def _kind(value: object) -> str:
    """What a JSON value is, in JSON's words."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "a number"


_WHEN = {"before": "before the change", "after": "after the change"}
_BEFORE = "The record before the change: needed unless the record was created."
_AFTER = "The record after the change: needed unless the record was deleted."
_DOCS = {
    "event_id": "Only to publish an event again as the same one; the default is a new id.",
    "entity_id": "Id of the record; the default is the record's own `id`, and it must be equal.",
    "version": "Rises with every change of the record; may be left out (1) for a creation only.",
    "occurred_at": "When the change was committed; the default is now.",
    "source": "By what way the change was made; the default is `workflow` for a change that names "
    "its cause (`causation_id` or `chain`) and `api` for any other.",
    "correlation_id": "Shared by all that follows from one cause; the default is the event's id.",
    "hops": "How many workflow actions lie between the first cause and this: a delivery's X-Hops, "
    "never less than the number of links in `chain`, which is the default.",
    "chain": "Those actions, oldest first: the links in a delivery's X-Chain, as they came.",
}
_NOT_TAKEN = {
    "entity": "is said by the path; leave it out",
    "changed_fields": "follows from before and after; leave it out",
}
