"""Workflows and events as a CRM has them, for any number of workflows.

The first ten are the **house rules** that every company has: the feed of a warehouse, the channel where
won leads are cheered, an alarm for large ones.  They are there at every number and are nearly all that
matches: some 2.7 for each event.  What comes with growth is people:

| share | whose | asks for |
|---|---|---|
| 60 % | an owner's own (10 each, so N/16 owners) | `user.id` equals, and: a stage reached, a stage and a value, a term in the title, a tag, a change of the value, one of two sources |
| 25 % | a team's (25 each, so N/100 pipelines) | `pipeline.id` equals, and: a stage reached and a value, a source, a band of values, a type, several stages |
| 8 % | key accounts and segments | `person.id` equals, or custom attributes `segment` and `seats`, one of which may be a range |
| 5 % | campaigns | a tag of their own, or a term in the title, at its beginning or its end |
| 2 % | of finance | narrow bands of the value, thresholds far up, of a value that changed |
| N/5,000 | that no index helps | `not_equals`, `not_contains`, a regular expression, a comparison of two fields |

On top of the last line, two house rules have no selective condition either: one has none at all, one
compares two fields.  An event is the update of a lead (one in ten: its creation) by one of the
owners, who are equally busy; stages, sources and types are skewed as in a real pipeline; values are
log-normal about 3,000; two fields besides `updated_at` changed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from bench import samples
from schemas.events import changed_fields
from schemas.records import Event, Source

STAGES = ("new", "follow-up", "prospect", "negotiation", "won", "lost")
STAGE_WEIGHTS = (30, 25, 20, 15, 4, 6)
SOURCES = ("1", "2", "3", "4", "5")
SOURCE_WEIGHTS = (35, 30, 20, 10, 5)
WORDS = (
    *("annual", "audit", "branch", "cloud", "contract", "design", "delivery", "expansion", "fleet"),
    *("hosting", "kitchen", "licence", "machine", "migration", "network", "office", "packaging"),
    *("pilot", "pump", "retrofit", "rollout", "sample", "seats", "sensor", "service", "solar"),
    *("storage", "support", "system", "training", "upgrade", "valve", "warehouse", "workshop"),
)
SYLLABLES = ("ka", "lo", "mi", "ne", "ru", "sa", "to", "vi", "be", "dro", "fen", "gar")
CAME_BY: tuple[Source, ...] = ("ui", "api", "import", "webform")
UPDATED = ["updated"]
BOTH = ["created", "updated"]

HOUSE: tuple[dict[str, Any], ...] = (
    {"on": ["created", "updated", "deleted"]},
    {"on": UPDATED, "when_changed": ["stage.id"]},
    {"on": BOTH, "only_if": {"field": "after.lead_value", "at_least": 10_000}},
    {"on": UPDATED, "only_if": {"field": "stage.id", "changed_to": "won"}},
    {"on": UPDATED, "only_if": {"field": "stage.id", "changed_to": "lost"}},
    {"on": BOTH, "only_if": {"field": "after.tags", "contains": "vip"}},
    {
        "on": UPDATED,
        "when_changed": ["lead_value"],
        "only_if": {"field": "after.lead_value", "greater_than": {"field": "before.lead_value"}},
    },
    {"on": BOTH, "only_if": {"field": "after.title", "contains": "renewal", "ignore_case": True}},
    {"on": BOTH, "source": ["webform"]},
    {"on": BOTH, "source": ["ui", "api"]},
)


@dataclass(frozen=True, slots=True)
class Market:
    """How many there are of whom, at a number of workflows."""

    workflows: int

    @property
    def owners(self) -> int:
        """Ten own rules each."""
        return max(2, self.workflows * 6 // 100)

    @property
    def pipelines(self) -> int:
        """Twenty-five rules each."""
        return max(1, self.workflows // 100)

    @property
    def persons(self) -> int:
        """Those whom leads are with; one in four is a key account of somebody."""
        return max(4, self.workflows // 5)

    @property
    def campaigns(self) -> int:
        """Each has about two rules."""
        return max(1, self.workflows // 40)


def term(number: int) -> str:
    """A made-up name of a campaign or a product."""
    text = ""
    for _ in range(4):
        number, digit = divmod(number, len(SYLLABLES))
        text += SYLLABLES[digit]
    return text


def workflows(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """The content of `count` manifests."""
    chance, market = Random(seed), Market(count)
    for number in range(count):
        body = HOUSE[number] if number < len(HOUSE) else _grown(number, chance, market)
        yield {
            "id": f"rule-{number:06d}",
            "entity": "lead",
            "then": [{"webhook": f"hook-{number % 50}"}],
            **body,
        }


def _grown(number: int, chance: Random, market: Market) -> dict[str, Any]:
    """One of the rules that come with growth."""
    if number % 5_000 == len(HOUSE):
        return _unhelped(chance)
    at = chance.random()
    for share, kind in ((0.60, _own), (0.85, _team), (0.93, _account), (0.98, _campaign)):
        if at < share:
            return kind(chance, market)
    return _finance(chance)


def _all(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"all": list(conditions)}


def _stage(chance: Random) -> str:
    return chance.choice(STAGES)


def _value(chance: Random) -> int:
    return round(chance.lognormvariate(8, 1.2) / 100) * 100


def _own(chance: Random, market: Market) -> dict[str, Any]:
    mine = {"field": "after.user.id", "equals": f"user-{chance.randrange(market.owners)}"}
    reached = {"field": "stage.id", "changed_to": _stage(chance)}
    valued = {"field": "after.lead_value", "at_least": _value(chance) * 3}
    staged = {"field": "after.stage.id", "equals": _stage(chance)}
    titled = {"field": "after.title", "contains": chance.choice(WORDS)}
    tagged = {"field": "after.tags", "contains": f"tag-{chance.randrange(40)}"}
    came = {"field": "after.source.id", "in": chance.sample(SOURCES[2:], 2)}
    return chance.choice(
        (
            {"on": UPDATED, "only_if": _all(mine, reached)},
            {"on": BOTH, "only_if": _all(mine, staged, valued)},
            {"on": BOTH, "only_if": _all(mine, titled, staged)},
            {"on": BOTH, "only_if": _all(mine, tagged)},
            {"on": UPDATED, "when_changed": ["lead_value"], "only_if": _all(staged, valued, mine)},
            {"on": BOTH, "only_if": _all(mine, came, staged, {"not": titled})},
        )
    )


def _team(chance: Random, market: Market) -> dict[str, Any]:
    ours = {"field": "after.pipeline.id", "equals": f"pipe-{chance.randrange(market.pipelines)}"}
    low = _value(chance)
    staged = {"field": "after.stage.id", "equals": _stage(chance)}
    reached = {"field": "stage.id", "changed_to": _stage(chance)}
    came = {"field": "after.source.id", "equals": chance.choice(SOURCES[1:])}
    banded = {"field": "after.lead_value", "between": [low, low + 500]}
    typed = {"field": "after.type.id", "equals": chance.choice(("1", "2"))}
    some = {"field": "after.stage.id", "in": chance.sample(STAGES, 2)}
    return chance.choice(
        (
            {"on": UPDATED, "only_if": _all(ours, reached, banded)},
            {"on": BOTH, "only_if": _all(ours, staged, came, typed)},
            {"on": BOTH, "only_if": _all(ours, banded, some)},
            {"on": ["created"], "only_if": _all(ours, came)},
            {"on": UPDATED, "when_changed": ["type"], "only_if": _all(ours, came, staged)},
        )
    )


def _account(chance: Random, market: Market) -> dict[str, Any]:
    person = {"field": "after.person.id", "equals": f"person-{chance.randrange(market.persons)}"}
    attributes = "after.custom_attributes"
    segment = {"field": f"{attributes}.segment", "equals": f"segment-{chance.randrange(200)}"}
    seats = {"field": f"{attributes}.seats", "at_least": chance.randrange(100, 2_000)}
    staged = {"field": "after.stage.id", "equals": _stage(chance)}
    return chance.choice(
        (
            {"on": BOTH, "only_if": _all(person, staged)},
            {"on": BOTH, "only_if": _all(person, {"field": "after.title", "is_empty": False})},
            {"on": UPDATED, "only_if": _all(segment, seats, staged)},
        )
    )


def _campaign(chance: Random, market: Market) -> dict[str, Any]:
    name = term(chance.randrange(market.campaigns))
    return chance.choice(
        (
            {"on": BOTH, "only_if": {"field": "after.tags", "contains": name}},
            {"on": BOTH, "only_if": {"field": "after.title", "contains": name}},
            {"on": BOTH, "only_if": {"field": "after.title", "starts_with": f"{name} "}},
            {"on": BOTH, "only_if": {"field": "after.title", "ends_with": f" {name}"}},
        )
    )


def _finance(chance: Random) -> dict[str, Any]:
    low = chance.randrange(200_000)
    banded = {"field": "after.lead_value", "between": [low, low + 10]}
    far_up = {"field": "after.lead_value", "greater_than": 500_000 + low}
    return chance.choice(
        (
            {"on": BOTH, "only_if": banded},
            {"on": BOTH, "only_if": far_up},
            {"on": UPDATED, "when_changed": ["lead_value"], "only_if": far_up},
        )
    )


def _unhelped(chance: Random) -> dict[str, Any]:
    title = "after.title"
    lost = {"field": "after.lost_reason", "not_equals": "price"}
    return chance.choice(
        (
            {"on": BOTH, "only_if": _all(lost, {"not": {"field": title, "contains": "seats"}})},
            {"on": BOTH, "only_if": {"field": title, "matches": r"^(SLA|RMA)-[0-9]{4,}"}},
            {"on": BOTH, "only_if": _all({"field": "after.description", "not_contains": "e"})},
            {"on": BOTH, "only_if": {"not": {"field": "after.lead_value", "at_least": 0}}},
        )
    )


def events(count: int, of: int, seed: int = 2) -> Iterator[Event]:
    """Events for `of` workflows: they name the owners, pipelines and campaigns that these know."""
    chance, market = Random(seed), Market(of)
    for number in range(count):
        after = _lead(number, chance, market)
        before = None if chance.random() < 0.1 else after | _changes(chance)
        source = chance.choices(CAME_BY, (60, 25, 10, 5))[0]
        event_id = uuid.UUID(int=number)
        yield Event(
            event_id=event_id,
            entity="lead",
            operation="created" if before is None else "updated",
            entity_id=after["id"],
            version=1 if before is None else 2,
            occurred_at=after["updated_at"],
            source=source,
            actor="grace",
            correlation_id=event_id,
            causation_id=None,
            hops=0,
            before=before,
            after=after,
            changed_fields=changed_fields(before, after),
        )


def _lead(number: int, chance: Random, market: Market) -> dict[str, Any]:
    """A lead of one of the owners."""
    stage = chance.choices(STAGES, STAGE_WEIGHTS)[0]
    owner = f"user-{chance.randrange(market.owners)}"
    title = f"{' '.join(chance.sample(WORDS, 3)).capitalize()} {number}"
    if chance.random() < 0.1:
        title += f" {term(chance.randrange(market.campaigns))}"
    if chance.random() < 0.05:
        title += " Renewal"
    person = f"person-{chance.randrange(market.persons)}"
    pipeline = f"pipe-{chance.randrange(market.pipelines)}"
    source = chance.choices(SOURCES, SOURCE_WEIGHTS)[0]
    type_ = chance.choice("112")
    return samples.lead(number, stage, samples.NOON + timedelta(seconds=number)) | {
        "title": title,
        "lead_value": Decimal(_value(chance)).quantize(Decimal("0.0001")),
        "user": {"id": owner, "name": "Grace Hopper"},
        "person": {"id": person, "name": "Ada Lovelace"},
        "pipeline": {"id": pipeline, "name": pipeline},
        "source": {"id": source, "name": source},
        "type": {"id": type_, "name": type_},
        "tags": [f"tag-{chance.randrange(40)}", "vip" if chance.random() < 0.05 else "regular"],
        "custom_attributes": {
            "segment": f"segment-{chance.randrange(200)}",
            "seats": Decimal(chance.randrange(1_000)),
        },
    }


def _changes(chance: Random) -> dict[str, Any]:
    """What two of the fields were before."""
    other = _stage(chance)
    fields: dict[str, Any] = {
        "stage": {"id": other, "code": other, "name": other.title()},
        "lead_value": Decimal(_value(chance)).quantize(Decimal("0.0001")),
        "type": {"id": "2", "name": "2"},
        "expected_close_date": datetime(2026, 1, 1, tzinfo=UTC).date(),
        "tags": ["regular"],
    }
    names = chance.sample(list(fields), 2)
    return {name: fields[name] for name in names} | {"updated_at": samples.NOON}
