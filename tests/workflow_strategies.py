"""Random workflows that make sense, and random events near the borders of their conditions.

Seeded and plain: what a run draws follows from its `Random` alone.  Values come from small pools,
and operands are often taken from the events at hand, so that equality, borders and matches are
frequent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.events import changed_fields
from schemas.records import Event
from schemas.types import FieldType, ListType, MapType, RecordType, ScalarType, UnionType
from tests.crm import catalog, event_of

OPERATIONS = ("created", "updated", "deleted")
SOURCES = ("ui", "api", "import", "webform", "workflow", "system")
TEXTS = (
    "",
    "a",
    "won",
    "lost",
    "new",
    "Renewal",
    "RENEWAL",
    "Caf\u00e9",
    "stra\u00dfe",
    "STRASSE",
    "100",
    "1e2",
)
PARTS = ("", "a", "e", "n", "ne", "RE", "ss", "0", "won", "\u00e9", "\u00df")
PATTERNS = ("^won$", "n", "(a|e)l$", "^[A-Z]+$", "[0-9]+", "^$", "R.*l", "^w|t$", "s{2}")
ADDRESSES = ("ada@gmail.com", "ADA@Gmail.com", "bob@x.de", "+49 30 1", "work@home.org", "")
NUMBERS = tuple(
    map(
        Decimal,
        (
            "-100",
            "-5",
            "-0.0001",
            "0",
            "0.1",
            "1",
            "2",
            "99.9999",
            "100",
            "100.0000",
            "100.5",
            "110",
            "150",
        ),
    )
)
WHOLE = (-1, 0, 1, 2, 3, 5, 10)
CODES = ("size", "limit", "due", "flag", "colors")
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Australia/Lord_Howe",
)
#: Around changes of clocks, ends of months and years, a leap day, a day that was left out.
MOMENTS = tuple(
    datetime.fromisoformat(each)
    for each in (
        "2026-03-29T00:30:00+00:00",
        "2026-03-28T01:30:00+00:00",
        "2026-10-25T00:30:00+00:00",
        "2026-10-25T01:30:00+00:00",
        "2026-03-08T06:59:59.999999+00:00",
        "2018-11-04T03:00:00+00:00",
        "2011-12-29T22:00:00+00:00",
        "2026-01-31T23:30:00+00:00",
        "2024-02-29T12:00:00+00:00",
        "2026-12-31T23:59:59.999999+00:00",
        "2026-06-15T12:00:00+00:00",
    )
)
ORDERS = ("greater_than", "at_least", "less_than", "at_most")
#: Of each kind of field, the operators that make sense for it.
EQUAL = ("equals", "not_equals", "in", "not_in", "is_empty")
TEXTUAL = ("contains", "not_contains", "starts_with", "ends_with", "matches")
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "text": (*EQUAL, *TEXTUAL),
    "enum": EQUAL,
    "uuid": EQUAL,
    "bool": EQUAL,
    "int": (*EQUAL, *ORDERS, "between"),
    "decimal": (*EQUAL, *ORDERS, "between"),
    "date": (*EQUAL, *ORDERS, "between"),
    "datetime": (*EQUAL, *ORDERS, "between"),
    "record": ("is_empty",),
    "map": ("is_empty",),
    "texts": ("contains", "not_contains", "is_empty", "any_item", "all_items", "no_item", "count"),
    "addresses": (
        "contains",
        "not_contains",
        "starts_with",
        "ends_with",
        "matches",
        "is_empty",
        "any_item",
        "all_items",
        "no_item",
        "count",
    ),
    "records": ("is_empty", "any_item", "all_items", "no_item", "count"),
}
SAME = {"decimal": ("decimal", "int"), "int": ("int", "decimal")}
FOLDING = ("equals", "not_equals", "in", "not_in", *TEXTUAL)


@dataclass(frozen=True)
class Place:
    """A field that conditions can name, without its side."""

    path: str
    kind: str
    type: FieldType

    @property
    def item_fields(self) -> RecordType | None:
        """Of a list of records, what an element is."""
        item = self.type.item if isinstance(self.type, ListType) else None
        return item if isinstance(item, RecordType) else None


def kind_of(type_: FieldType) -> str:
    """What `OPERATORS` calls a type."""
    match type_:
        case ScalarType(kind=kind):
            return kind
        case ListType(item=RecordType(fields=fields)):
            return "addresses" if {"value", "label"} == set(fields) else "records"
        case ListType():
            return "texts"
        case RecordType():
            return "record"
        case MapType():
            return "map"
        case UnionType():
            return "custom"


def places(fields: Mapping[str, FieldType], prefix: str = "") -> Iterator[Place]:
    """All fields of a record, those of records within it and custom attributes included."""
    for name, type_ in fields.items():
        path = f"{prefix}{name}"
        yield Place(path, kind_of(type_), type_)
        if isinstance(type_, RecordType):
            yield from places(type_.fields, f"{path}.")
        if isinstance(type_, MapType):
            yield from (Place(f"{path}.{code}", "custom", type_.values) for code in CODES)


@dataclass
class Drawing:
    """Draws events and workflows of one entity; events first, so that operands can be theirs."""

    entity: str
    chance: Random
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fields = catalog().fields(self.entity)
        self.places = list(places(self.fields))
        rarely = ("uuid", "record", "map")
        self.weights = [1 if each.kind in rarely else 3 for each in self.places]
        self.envelope = [
            Place(name, kind_of(type_), type_)
            for name, type_ in catalog().envelope_fields.items()
            if name not in ("entity", "changed_fields", "chain")
        ]

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    # Events

    def event(self) -> Event:
        """A creation, update or deletion; some updates do not carry the record before."""
        now = self.chance.choice(MOMENTS)
        before: dict[str, Any] | None = self.record(now)
        after: dict[str, Any] | None = None
        operation = self.chance.choices(OPERATIONS, (3, 6, 1))[0]
        if operation == "created":
            before, after = None, before
        elif operation == "updated":
            after = self.changed(before or {}, now)
        changes: dict[str, Any] = {
            "operation": operation,
            "occurred_at": now,
            "source": self.chance.choice(SOURCES),
            "actor": self.chance.choice((None, "ada", "won")),
            "hops": self.chance.choice(WHOLE[1:]),
            "version": self.chance.choice(WHOLE[2:]),
            "causation_id": self.chance.choice((None, UUID(int=1), UUID(int=2))),
            "changed_fields": changed_fields(before, after),
        }
        if operation == "updated" and self.often(0.15):
            before = None
        drawn = event_of(before, after, entity=self.entity, **changes)
        self.events.append(drawn)
        return drawn

    def record(self, now: datetime) -> dict[str, Any]:
        record = {name: self.value(type_, now) for name, type_ in self.fields.items()}
        for name in list(record):
            if self.often(0.04):
                del record[name]  # the writer's schema was older
        return record

    def changed(self, record: dict[str, Any], now: datetime) -> dict[str, Any]:
        """The same record a little later."""
        turned = dict(record)
        for name in self.chance.sample(sorted(self.fields), self.chance.randrange(5)):
            turned[name] = self.near(record.get(name), self.fields[name], now)
        return turned

    def near(self, value: Any, type_: FieldType, now: datetime) -> Any:
        """Another value, often one a step away."""
        if isinstance(value, Decimal) and self.often(0.7):
            return value + self.chance.choice((0, 1, -1, 10, 50, value, -value / 2))
        if isinstance(value, datetime) and self.often(0.7):
            return value + timedelta(hours=self.chance.choice((0, 1, 12, 24, -12, -24, 168)))
        if isinstance(value, date) and self.often(0.7):
            return value + timedelta(days=self.chance.choice((0, 1, -1, 7, -7, 31)))
        if isinstance(value, dict) and isinstance(type_, RecordType) and self.often(0.6):
            name = self.chance.choice(sorted(type_.fields))
            return value | {name: self.value(type_.fields[name], now)}
        if isinstance(value, dict) and isinstance(type_, MapType) and self.often(0.8):
            code = self.chance.choice(CODES)
            return value | {code: self.near(value.get(code), type_.values, now)}
        return self.value(type_, now)

    def value(self, type_: FieldType, now: datetime) -> Any:
        """A value of a type."""
        if type_.nullable and self.often(0.2):
            return None
        match type_:
            case ScalarType(kind=kind, symbols=symbols):
                return self.chance.choice(symbols) if symbols else self.scalar(kind, now)
            case ListType(item=item):
                return [self.value(item, now) for _ in range(self.chance.choice((0, 1, 1, 2, 3)))]
            case RecordType(fields=fields, name=name):
                drawn = {each: self.value(inner, now) for each, inner in fields.items()}
                own = {"value": self.chance.choice(ADDRESSES)} if name == "Labelled" else {}
                return drawn | own
            case MapType(values=values):
                return {code: self.value(values, now) for code in CODES if self.often(0.7)}
            case UnionType(members=members):
                return self.value(self.chance.choice(members), now)

    def scalar(self, kind: str, now: datetime) -> Any:
        draw: Mapping[str, Callable[[], Any]] = {
            "text": lambda: self.chance.choice(TEXTS),
            "int": lambda: self.chance.choice(WHOLE),
            "decimal": lambda: self.chance.choice(NUMBERS),
            "bool": lambda: self.often(0.5),
            "date": lambda: (
                now.date() + timedelta(self.chance.choice((-31, -7, -1, 0, 0, 1, 7, 30)))
            ),
            "datetime": lambda: self.instant(now),
            "uuid": lambda: UUID(int=self.chance.choice((1, 2))),
        }
        return draw[kind]()

    def instant(self, now: datetime) -> datetime:
        if self.often(0.4):
            zone = ZoneInfo(self.chance.choice(ZONES))
            day = now.astimezone(zone).date() + timedelta(self.chance.choice((-1, 0, 1)))
            return datetime.combine(day, time(0), zone).astimezone(UTC)
        hours = self.chance.choice((0, 0, 1, -1, 23, 24, 25, -24, -36, 168))
        return now + timedelta(hours=hours, microseconds=self.chance.choice((0, 0, 0, 1, -1)))

    # Workflows

    def workflow(self, id: str) -> dict[str, Any]:
        """A manifest that makes sense."""
        entering = self.often(0.2)
        on = self.chance.sample(OPERATIONS, self.chance.choice((2, 3, 3)))
        content: dict[str, Any] = {
            "id": id,
            "entity": self.entity,
            "on": on,
            "then": [{"webhook": "hook"}],
            "time_zone": self.chance.choice(ZONES),
            "state": self.chance.choice(("active", "active", "active", "dry_run", "paused")),
            "fire": "on_entering" if entering else self.chance.choice(("every", "once_per_record")),
        }
        sides = ("after", "event") if entering else ("after", "after", "before", "event", "both")
        if entering or self.often(0.95):
            content["only_if"] = self.condition(sides, 3)
        if self.often(0.15):
            chosen = self.chance.sample(self.places, 2)
            content["when_changed"] = [each.path for each in chosen]
        if self.often(0.15):
            some = self.chance.sample(SOURCES, self.chance.randrange(1, 5))
            content["source"] = self.chance.choice((some, {"not_in": some}))
        if self.often(0.2):
            content["then"].append({"webhook": "hook", "if": self.condition(sides, 1)})
        return content

    def condition(
        self,
        sides: tuple[str, ...],
        depth: int,
        item: RecordType | None = None,
        *,
        text: bool = False,
    ) -> dict[str, Any]:
        """A condition no deeper than said; inside a list one about its elements."""
        drawn = self.chance.random()
        if depth and drawn < 0.4:
            mode = self.chance.choice(("all", "any"))
            count = self.chance.randrange(1, 4)
            return {mode: [self.condition(sides, depth - 1, item, text=text) for _ in range(count)]}
        if depth and drawn < 0.5:
            return {"not": self.condition(sides, depth - 1, item, text=text)}
        if text:
            return self.comparison("item", "text", ScalarType("text"), sides, depth)
        if item is not None:
            place = self.chance.choice(list(places(item.fields)))
            return self.comparison(f"item.{place.path}", place.kind, place.type, sides, depth)
        side = self.chance.choice(sides)
        if side == "both":
            return self.change(self.chance.choices(self.places, self.weights)[0])
        if side == "event":
            place = self.chance.choice(self.envelope)
        else:
            place = self.chance.choices(self.places, self.weights)[0]
        return self.comparison(f"{side}.{place.path}", place.kind, place.type, sides, depth)

    def comparison(
        self, path: str, kind: str, type_: FieldType, sides: tuple[str, ...], depth: int
    ) -> dict[str, Any]:
        if kind == "custom":
            if self.often(0.15):
                return {"field": path, "is_empty": self.often(0.5)}
            kind = self.chance.choice(("text", "decimal", "bool", "date", "datetime"))
            type_ = ScalarType(kind)  # type: ignore[arg-type]
        operator = self.chance.choice(OPERATORS[kind])
        operand = self.operand(path, operator, kind, type_, sides, depth)
        found = {"field": path, operator: operand}
        if operator in FOLDING and kind == "text" and self.often(0.3):
            found["ignore_case"] = True
        return found

    def operand(
        self,
        path: str,
        operator: str,
        kind: str,
        type_: FieldType,
        sides: tuple[str, ...],
        depth: int,
    ) -> Any:
        if operator == "is_empty":
            return self.often(0.5)
        if operator in ("any_item", "all_items", "no_item"):
            item = type_.item if isinstance(type_, ListType) else None
            record = item if isinstance(item, RecordType) else None
            return self.condition(sides, max(depth - 1, 0), record, text=record is None)
        if operator == "count":
            return self.count()
        if operator in ("in", "not_in"):
            return [self.plain(path, kind, type_) for _ in range(self.chance.randrange(1, 4))]
        if operator == "between":
            return self.bounds(path, kind, type_, sides)
        return self.valued(path, operator, kind, type_, sides)

    def valued(
        self, path: str, operator: str, kind: str, type_: FieldType, sides: tuple[str, ...]
    ) -> Any:
        """The operand of an operator that takes one value."""
        if operator == "matches":
            return self.chance.choice(PATTERNS)
        if kind == "addresses":  # of which every one contains the empty text
            return self.chance.choice((*PARTS[1:], *ADDRESSES[:-1]))
        if operator in TEXTUAL and self.often(0.7):
            return self.chance.choice(PARTS)
        if kind == "texts":
            return self.chance.choice(TEXTS)
        return self.one(path, kind, type_, sides)

    def count(self) -> dict[str, Any]:
        operator = self.chance.choice((*EQUAL[:4], *ORDERS, "between"))
        if operator in ("in", "not_in"):
            return {operator: self.chance.sample(range(4), 2)}
        if operator == "between":
            return {operator: sorted(self.chance.sample(range(4), 2))}
        return {operator: self.chance.randrange(4)}

    def bounds(self, path: str, kind: str, type_: FieldType, sides: tuple[str, ...]) -> list[Any]:
        """Two bounds in the right order, as far as that can be told."""
        if self.often(0.5) and kind in ("date", "datetime"):
            return [
                self.chance.choice(("today - 7d", "today")),
                self.chance.choice(("today", "today + 1w", "today + 1mo")),
            ]
        other = self.other(path, kind, sides) if self.often(0.3) else None
        if other is not None:
            return [self.plain(path, kind, type_), other]
        numbers: tuple[Any, ...] = WHOLE if kind == "int" else NUMBERS
        if kind in ("int", "decimal"):
            return [self.said(each) for each in sorted(self.chance.sample(numbers, 2))]
        two = sorted(self.scalar(kind, self.chance.choice(MOMENTS)) for _ in range(2))
        return [self.said(each) for each in two]

    def one(self, path: str, kind: str, type_: FieldType, sides: tuple[str, ...]) -> Any:
        """A single operand: plain, relative or another field."""
        if self.often(0.25):
            found = self.other(path, kind, sides)
            if found is not None:
                return found
        return self.plain(path, kind, type_)

    def other(self, path: str, kind: str, sides: tuple[str, ...]) -> dict[str, str] | None:
        """Another field of the same kind."""
        side = self.chance.choice([each for each in sides if each in ("after", "before")])
        wanted = SAME.get(kind, (kind,))
        there = [f"{side}.{each.path}" for each in self.places if each.kind in wanted]
        there = [each for each in there if each != path and kind != "enum"]
        return {"field": self.chance.choice(there)} if there else None

    def plain(self, path: str, kind: str, type_: FieldType) -> Any:
        """A value as a manifest says it, often one that an event has there."""
        if kind in ("date", "datetime") and self.often(0.5):
            return self.relative(kind)
        if kind == "enum":
            assert isinstance(type_, ScalarType)
            return self.chance.choice(type_.symbols)
        if self.events and self.often(0.5):
            found = _found(self.chance.choice(self.events), path)
            if _is(kind, found):
                return self.said(found)
        return self.said(self.scalar(kind, self.chance.choice(MOMENTS)))

    def relative(self, kind: str) -> str:
        amount, sign = self.chance.choice((1, 1, 2, 7, 13)), self.chance.choice("+-")
        if kind == "datetime" and self.often(0.5):
            unit = self.chance.choice(("min", "h", "h", "d", "w", "mo", "y"))
            amount = self.chance.choice((1, 24, 36, 60)) if unit in ("min", "h") else amount
            return self.chance.choice(("now", f"now {sign} {amount}{unit}"))
        unit = self.chance.choice(("d", "d", "d", "w", "mo", "y"))
        return self.chance.choice(("today", f"today {sign} {amount}{unit}"))

    def said(self, value: Any) -> Any:
        """A value in the words of a manifest."""
        match value:
            case Decimal():
                return self.chance.choice((float(value), f"{value:f}"))
            case datetime() | date():
                return value.isoformat()
            case UUID():
                return str(value)
            case _:
                return value

    def change(self, place: Place) -> dict[str, Any]:
        """One of the `changed` family."""
        kind, type_ = place.kind, place.type
        if kind == "custom":
            kind = self.chance.choice(("text", "decimal", "bool", "date", "datetime"))
            type_ = ScalarType(kind)  # type: ignore[arg-type]
        operators = ["changed"]
        if kind in ("text", "enum", "bool", "int", "decimal", "date", "datetime"):
            operators += ["changed_to", "changed_from"] * 2
        if kind in ("int", "decimal", "date", "datetime"):
            operators += ["increased_by", "decreased_by"] * 2
        operator = self.chance.choice(operators)
        found: dict[str, Any] = {"field": place.path, operator: self.often(0.5)}
        if operator in ("changed_to", "changed_from"):
            sides = [
                self.unmoving(place.path, kind, type_) for _ in range(self.chance.randrange(1, 3))
            ]
            found[operator] = sides if len(sides) > 1 or self.often(0.3) else sides[0]
            if kind == "text" and self.often(0.3):
                found["ignore_case"] = True
        elif operator != "changed":
            found[operator] = self.amount(kind)
        return found

    def unmoving(self, path: str, kind: str, type_: FieldType) -> Any:
        """A plain value that is not relative."""
        while True:
            found = self.plain(f"{self.chance.choice(('after', 'before'))}.{path}", kind, type_)
            if kind not in ("date", "datetime") or found[0] not in "tn":
                return found

    def amount(self, kind: str) -> Any:
        if kind in ("int", "decimal"):
            return self.chance.choice((1, 10, 50, "10%", "50%", "100%", "12.5%"))
        return self.chance.choice(
            ("1d", "7d", "1w") if kind == "date" else ("1d", "12h", "60min", "24h")
        )


def _found(event: Event, path: str) -> Any:
    """What an event has at a path; None where it has nothing."""
    side, *keys = path.split(".")
    value = getattr(event, keys.pop(0)) if side == "event" and keys else getattr(event, side, None)
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _is(kind: str, value: Any) -> bool:
    """Whether a value is of a scalar kind."""
    kinds: Mapping[str, type] = {
        "text": str, "bool": bool, "int": int, "decimal": Decimal, "date": date, "datetime": datetime, "uuid": UUID,
    }  # fmt: skip
    return type(value) is kinds.get(kind)
