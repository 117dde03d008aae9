"""Laws of the index: it finds what looking at every workflow finds, whatever changed before."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import rules
from schemas.records import Event
from tests.crm import compiled_of, event_of, record_of
from workflow_service.language.compiled import CompiledWorkflow
from workflow_service.matching import entries, signature
from workflow_service.matching.match import Matcher

STAGES = ["new", "won", "lost", "follow-up"]
TEXTS = [
    "",
    "vip",
    "Renewal of seats",
    "renewal of SEATS",
    "Cafe\u0301 machine",
    "Caf\u00e9 mach",
    "\u212a",
]
PARTS = ["vip", "Renewal of s", "f seats", "Caf\u00e9 mach", "K", "renewal", "\u00e9 machine"]
NUMBERS = ["-3", "0", "0.5", "7", "7.0000", "99.5", "100", "12345"]
MAILS = [[], [{"value": "ada@Example.com", "label": "work"}], [{"value": "x@y.z", "label": "home"}]]
SIZES = [None, True, False, "7", "vip", "2026-01-31", ["vip", "7"]]
DAYS = [None, "2026-01-01", "2026-01-31", "2026-03-01"]
ORDERED = ["equals", "at_least", "less_than", "greater_than", "at_most"]
SPELLED = ["equals", "not_equals", "contains", "starts_with", "ends_with"]


@pytest.fixture(autouse=True, scope="module")
def slots_that_soon_are_full() -> Iterator[None]:
    """So few workflows as are drawn here would otherwise hardly ever be grouped or moved."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entries, "FEW", 2)
        patch.setattr(signature, "MOST_OF_ONE", 3)
        patch.setattr(signature, "MOST", 12)
        yield


def words(chance: Random, field: str) -> dict[str, object]:
    fold = {"ignore_case": True} if chance.random() < 0.3 else {}
    if chance.random() < 0.3:
        operator = chance.choice(["in", "not_in"])
        return {"field": field, operator: chance.sample(PARTS, 2), **fold}
    return {"field": field, chance.choice(SPELLED): chance.choice([*PARTS, *TEXTS[1:]]), **fold}


def leaf(chance: Random) -> dict[str, object]:
    low = chance.randrange(-5, 110)
    size, other = "after.custom_attributes.size", {"field": "before.lead_value"}
    turned = chance.choice(["changed_to", "changed_from"])
    leaves: tuple[dict[str, object], ...] = (
        words(chance, "after.title"),
        words(chance, "before.title"),
        words(chance, "after.stage.id"),
        {"field": "after.stage.id", "equals": chance.choice(STAGES)},
        {"field": "after.stage.id", "in": chance.sample(STAGES, 2)},
        {"field": "stage.id", turned: chance.choice(STAGES)},
        {"field": "after.lead_value", chance.choice(ORDERED): chance.choice(NUMBERS)},
        {"field": "after.lead_value", "between": [low, low + chance.choice([0, 5, 900])]},
        {"field": "lead_value", "increased_by": chance.choice([1, "10%"])},
        {"field": "after.lead_value", "greater_than": other},
        {"field": "after.tags", chance.choice(["contains", "not_contains"]): "vip"},
        {"field": size, chance.choice(["equals", "contains", "starts_with"]): "7"},
        {"field": size, "at_least": chance.choice(["2026-01-30", "7", "2026-02-01"])},
        {"field": "after.expected_close_date", "at_most": "2026-01-31"},
        {"field": "after.expected_close_date", "greater_than": "today + 7d"},
        {"field": "event.source", "equals": "ui"},
        {"field": "title", "changed": chance.choice([True, False])},
    )
    return chance.choice(leaves)


def condition(chance: Random, depth: int = 0) -> dict[str, object]:
    at = chance.random()
    if depth == 3 or at < 0.4:
        return leaf(chance)
    if at < 0.5:
        return {"not": condition(chance, depth + 1)}
    mode = "all" if at < 0.8 else "any"
    return {mode: [condition(chance, depth + 1) for _ in range(chance.randint(1, 3))]}


def content(chance: Random) -> dict[str, object]:
    found: dict[str, object] = {"only_if": condition(chance)}
    if chance.random() < 0.2:
        found["when_changed"] = chance.sample(["title", "stage", "stage.id"], 2)
    if chance.random() < 0.2:
        found["source"] = chance.choice((["ui"], {"not_in": ["import"]}))
    found["on"] = chance.choice((["updated"], ["created", "updated"], ["updated", "deleted"]))
    found["state"] = chance.choice(("active", "active", "active", "dry_run", "paused"))
    return found


def record(chance: Random) -> dict[str, Any]:
    return record_of(
        "lead",
        title=chance.choice(TEXTS),
        lead_value=chance.choice([None, *NUMBERS]),
        stage=chance.choice([None, *({"id": each} for each in STAGES)]),
        tags=chance.sample([*TEXTS, *PARTS], chance.randrange(3)),
        custom_attributes={"size": chance.choice(SIZES)},
        expected_close_date=chance.choice(DAYS),
    )


def event(chance: Random) -> Event:
    before, after = record(chance), record(chance)
    sides = chance.choice(((None, after), (before, None), *[(before, after)] * 4))
    return event_of(*sides, source=chance.choice(("ui", "api", "import")))


def compiled(contents: list[dict[str, Any]]) -> list[CompiledWorkflow]:
    """Those that make sense: a few drawn ones ask a record that their operations never have."""
    found = []
    for number, content in enumerate(contents):
        try:
            found.append(compiled_of(id=f"w{number:03}", **content))
        except AssertionError:
            continue
    return found


def plain(workflows: list[CompiledWorkflow], event: Event) -> tuple[CompiledWorkflow, ...]:
    """What looking at every workflow finds."""
    return tuple(each for each in workflows if each.takes(event) and each.matches(event))


SEEDS = st.integers(0, 2**64).map(Random)


@given(SEEDS)
def test_the_index_finds_what_looking_at_every_workflow_finds(chance: Random) -> None:
    workflows = compiled([content(chance) for _ in range(40)])
    matcher = Matcher()
    for each in workflows:
        matcher.put(each)

    for happened in [event(chance) for _ in range(15)]:
        assert matcher.match(happened).matches == plain(workflows, happened)


@given(SEEDS)
def test_after_any_changes_the_index_is_as_good_as_a_new_one(chance: Random) -> None:
    workflows = compiled([content(chance) for _ in range(30)])
    matcher, left = Matcher(), {}
    for each in chance.choices(workflows, k=3 * len(workflows)):
        if chance.random() < 0.4:
            matcher.remove(each.workflow.id)
            left.pop(each.workflow.id, None)
        else:
            matcher.put(each)
            left[each.workflow.id] = each

    for happened in [event(chance) for _ in range(10)]:
        rest = [left[id] for id in sorted(left)]
        assert matcher.match(happened).matches == plain(rest, happened)
    for id in left:
        matcher.remove(id)
    assert not matcher._indexes


def test_ten_thousand_changes_leave_what_a_new_matcher_has() -> None:
    chance = Random(7)
    pool = [compiled_of(**content) for content in rules.workflows(1_500)]
    matcher, left = Matcher(), {}
    for _ in range(10_000):
        each = chance.choice(pool)
        if each.workflow.id in left and chance.random() < 0.5:
            matcher.remove(each.workflow.id)
            del left[each.workflow.id]
        else:
            matcher.put(each)
            left[each.workflow.id] = each
    fresh = Matcher()
    for id in sorted(left):
        fresh.put(left[id])

    happened = list(rules.events(100, 1_500))

    assert len(matcher) == len(fresh) == len(left)
    assert [matcher.match(event) for event in happened] == [
        fresh.match(event) for event in happened
    ]
    for id in left:
        matcher.remove(id)
    assert (len(matcher), matcher._indexes) == (0, {})
