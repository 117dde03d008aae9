"""The table of cases, tests/unit/semantics.yaml, as manifests and events."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from runtime.yaml_core import Document, documents
from schemas.records import Event
from schemas.types import FieldType, ListType, RecordType
from tests.crm import NOON, blank, catalog, event_of, record_of

TABLE = Path(__file__).parent / "unit" / "semantics.yaml"
VERDICTS: Mapping[object, bool | None] = {True: True, False: False, "unknown": None}
SIDES = ("after", "before", "event", "item")
TRUE = {"field": "after.title", "equals": "x"}
FALSE = {"field": "after.title", "equals": "y"}
UNKNOWN = {"field": "after.lead_value", "equals": 1}
#: What the letters of `combined` stand for.
LETTERS = {"T": TRUE, "F": FALSE, "U": UNKNOWN}
Content = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        content: The workflow, as far as it is not the usual one.
        event: None where only saving is asked about.
        expected: A verdict, the indices of the actions that are made, or what is said on saving.
        name: Line and row, for people.
        re2: Only RE2 can say.
    """

    content: Content
    event: Event | None
    expected: Any
    name: str
    re2: bool = False


def groups() -> Iterator[Document]:
    """The documents of the table."""
    for document in documents(TABLE.read_text(encoding="utf-8"), TABLE.name):
        assert not document.problems, document.problems
        yield document


def conditions() -> dict[str, list[Case]]:
    """Rows about comparisons, and about groups of them, by the sentence of their group."""
    event = event_of(None, record_of("lead"))
    found = _grouped(
        (group, _comparison(group, row, name)) for group, row, name in _rows("field", "cases")
    )
    return found | _grouped(
        (group, Case({"only_if": _spelled(condition)}, event, VERDICTS[verdict], name))
        for group, (condition, verdict, _), name in _rows("combined", "combined")
    )


def workflows() -> dict[str, list[Case]]:
    """Rows about whole workflows, by the sentence of their group."""
    return _grouped(
        (group, Case(group["workflow"] | content, _event(event), expected, name))
        for group, (content, event, expected, _), name in _rows("workflow", "cases")
    )


def saved() -> dict[str, list[Case]]:
    """Rows about what is said when a workflow is saved, by the sentence of their group."""
    return _grouped(
        (group, Case(_workflow(content), None, expected, name))
        for group, (content, expected, _), name in _rows("saved", "saved")
    )


def _grouped(cases: Iterable[tuple[Content, Case]]) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for group, case in cases:
        found.setdefault(group["about"], []).append(case)
    return found


def _rows(kind: str, key: str) -> Iterator[tuple[Content, list[Any], str]]:
    for document in groups():
        if kind in document.value:
            for index, row in enumerate(document.value[key]):
                yield document.value, row, f"line {document.line_of(f'{key}[{index}]')}: {row}"


# Comparisons


def _comparison(group: Content, row: list[Any], name: str) -> Case:
    operator, operand, value, verdict, _, *options = row
    said: Content = {"now": NOON.isoformat(), "time_zone": "UTC", "ignore_case": False} | group
    for each in options:
        said |= each
    entity, field = group.get("entity", "lead"), group["field"]
    condition = {"field": field, operator: operand}
    if said["ignore_case"]:
        condition["ignore_case"] = True
    content = {"entity": entity, "time_zone": said["time_zone"], "only_if": condition}
    event = _event_with(entity, _places(group, value), datetime.fromisoformat(said["now"]))
    return Case(content, event, VERDICTS[verdict], name, bool(said.get("re2")))


def _places(group: Content, value: Any) -> dict[str, Any]:
    """The values by the fields, each with its side, that a row is about."""
    field = group["field"]
    if "other" in group:
        return {field: value[0], group["other"]: value[1]}
    if field.partition(".")[0] in SIDES:
        return {field: value}
    return {f"before.{field}": value[0], f"after.{field}": value[1]}


def _event_with(entity: str, places: Mapping[str, Any], now: datetime) -> Event:
    """An event in which fields have the values that a row gives them."""
    records: dict[str, dict[str, Any] | None] = {
        "before": record_of(entity),
        "after": record_of(entity),
    }
    changes: dict[str, Any] = {"occurred_at": now}
    for path, value in places.items():
        side, _, rest = path.partition(".")
        if side == "event":
            changes[rest] = _plain(rest, value)
        elif value == "no record":
            records[side] = None
        elif isinstance(value, str) and value.startswith("unsaid"):
            same = value.endswith("same")
            changes |= {
                "before": None,
                "operation": "updated",
                "changed_fields": () if same else (rest.partition(".")[0],),
            }
        else:
            _set(entity, records[side], rest, value)
    return dataclasses.replace(
        event_of(records["before"], records["after"], entity=entity), **changes
    )


def _plain(name: str, value: Any) -> Any:
    """A value of the envelope, which a row says as text."""
    if isinstance(value, str) and name == "occurred_at":
        return datetime.fromisoformat(value)
    return UUID(value) if isinstance(value, str) and name.endswith("_id") else value


def _set(entity: str, record: dict[str, Any] | None, path: str, value: Any) -> None:
    """Give a field of a record a value."""
    assert record is not None
    top, _, below = path.partition(".")
    if value == "absent":
        if below:
            record[top].pop(below, None)
        else:
            del record[top]
        return
    type_ = catalog().fields(entity)[top]
    if value == "no reference":
        given = None
    elif below and isinstance(type_, RecordType):
        given = blank(type_) | {below: value}
    else:
        given = {below: value} if below else filled(type_, value)
    record[top] = record_of(entity, **{top: given})[top]


def filled(type_: FieldType, value: Any) -> Any:
    """A value, with what its elements or fields do not say."""
    match type_, value:
        case ListType(item=RecordType() as item), list():
            return [filled(item, each) for each in value]
        case RecordType(fields=fields), dict():
            known = {name: filled(fields[name], each) for name, each in value.items()}
            return blank(type_) | known
        case _:
            return value


# Groups, workflows, saving


def _spelled(condition: Any) -> Any:
    """A condition in which letters stand for conditions."""
    if isinstance(condition, str):
        return LETTERS[condition]
    ((mode, of),) = condition.items()
    return {mode: [_spelled(each) for each in of] if isinstance(of, list) else _spelled(of)}


def _event(said: Content) -> Event:
    fields = catalog().fields("lead")
    sides = [
        None
        if said.get(side) == "none"
        else record_of("lead", **{k: filled(fields[k], v) for k, v in said.get(side, {}).items()})
        for side in ("before", "after")
    ]
    changes = {name: each for name, each in said.items() if name not in ("before", "after")}
    if "changed_fields" in changes:
        changes["changed_fields"] = tuple(changes["changed_fields"])
    return event_of(*sides, **changes)


def _workflow(said: Content) -> Content:
    """What a row of `saved` says, written out."""
    match said:
        case {"nested": int(depth)}:
            condition: Any = TRUE
            for index in range(depth):
                condition = {
                    ("any", "all")[index % 2]: [
                        condition,
                        {"field": "after.tags", "contains": str(index)},
                    ]
                }
            return {"only_if": condition}
        case {"comparisons": int(count)}:
            return {"only_if": {"any": [FALSE | {"equals": str(n)} for n in range(count)]}}
        case {"field": _} | {"all": _} | {"any": _} | {"not": _}:
            return {"only_if": _repeated(said)}
        case _:
            return said


def _repeated(value: Any) -> Any:
    match value:
        case {"repeat": [text, int(times)]}:
            return text * times
        case dict():
            return {name: _repeated(each) for name, each in value.items()}
        case _:
            return value
