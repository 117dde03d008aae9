"""Laws of conditions under three values, of lists, of entering, and of the stored form."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Event
from tests.crm import catalog, compiled_of
from tests.workflow_strategies import Drawing
from workflow_service.language.findings import always, contradictions
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import Workflow
from workflow_service.matching.match import Matcher

#: Nothing is gained by shrinking what is drawn: one seed is drawn for it all.
SEEDS = st.integers(0, 2**64)
SIDES = ("after", "before", "event", "both")
LISTS = ("texts", "addresses", "records")
Asked = dict[str, Any]


def drawing_of(seed: int, entity: str | None = None) -> Drawing:
    chance = Random(seed)
    drawing = Drawing(entity or chance.choice(catalog().entities), chance)
    for _ in range(4):
        drawing.event()
    return drawing


def verdicts(drawing: Drawing, asked: Asked) -> list[bool | None]:
    condition = compiled_of(entity=drawing.entity, only_if=asked).condition
    assert condition is not None
    return [condition.decide(event) for event in drawing.events]


def opposite(asked: Asked) -> Asked:
    return {"not": asked}


@given(SEEDS)
def test_not_not_is_nothing(seed: int) -> None:
    drawing = drawing_of(seed)
    asked = drawing.condition(SIDES, 2)

    assert verdicts(drawing, opposite(opposite(asked))) == verdicts(drawing, asked)


@given(SEEDS)
def test_de_morgan_holds_for_three_values(seed: int) -> None:
    drawing = drawing_of(seed)
    of = [drawing.condition(SIDES, 1) for _ in range(3)]
    turned = [opposite(each) for each in of]

    assert verdicts(drawing, opposite({"all": of})) == verdicts(drawing, {"any": turned})
    assert verdicts(drawing, opposite({"any": of})) == verdicts(drawing, {"all": turned})


@given(SEEDS)
def test_the_order_and_repetition_of_conditions_do_not_matter(seed: int) -> None:
    drawing = drawing_of(seed)
    of = [drawing.condition(SIDES, 1) for _ in range(3)]
    shuffled = drawing.chance.sample(of, len(of))

    for mode in ("all", "any"):
        expected = verdicts(drawing, {mode: of})
        assert verdicts(drawing, {mode: shuffled}) == expected
        assert verdicts(drawing, {mode: [*of, *shuffled]}) == expected
        assert verdicts(drawing, {mode: [{mode: of[:2]}, of[2]]}) == expected


@given(SEEDS)
def test_any_item_no_item_and_all_items_are_one_another_turned_around(seed: int) -> None:
    entity = ("lead", "person", "quote", "activity")[seed % 4]
    drawing = drawing_of(seed, entity)
    place = drawing.chance.choice([each for each in drawing.places if each.kind in LISTS])
    inner = drawing.condition(SIDES, 1, place.item_fields, text=place.kind == "texts")

    def of(quantifier: str, asked: Asked) -> Asked:
        return {"field": f"after.{place.path}", quantifier: asked}

    any_item = verdicts(drawing, of("any_item", inner))
    assert verdicts(drawing, opposite(of("no_item", inner))) == any_item
    assert verdicts(drawing, opposite(of("all_items", opposite(inner)))) == any_item


@given(SEEDS)
def test_an_operator_and_its_negation_are_opposites(seed: int) -> None:
    drawing = drawing_of(seed)
    pairs = {"equals": "not_equals", "in": "not_in", "contains": "not_contains"}
    for _ in range(20):
        asked = drawing.condition(SIDES, 0)
        operator = next(iter(pairs.keys() & asked.keys()), None)
        if operator is not None:
            negated = {name: each for name, each in asked.items() if name != operator}
            negated[pairs[operator]] = asked[operator]
            assert verdicts(drawing, negated) == verdicts(drawing, opposite(asked))


def entering(seed: int) -> Iterator[tuple[Event, bool, bool, Asked]]:
    """Events, whether a workflow fires on entering, whether its like fires for every event."""
    drawing = drawing_of(seed)
    for _ in range(4):
        asked = drawing.condition(("after", "event"), 2)
        shared: dict[str, Any] = {"entity": drawing.entity, "only_if": asked}
        on_entering = compiled_of(fire="on_entering", **shared)
        every = compiled_of(fire="every", **shared)
        for event in drawing.events:
            yield event, on_entering.matches(event), every.matches(event), shared


@given(SEEDS)
def test_what_enters_would_have_fired_for_every_event(seed: int) -> None:
    for event, enters, fires, _ in entering(seed):
        if event.operation == "created":
            assert enters is fires
        elif event.before is None or event.after is None:
            assert not enters
        else:
            assert fires or not enters


@given(SEEDS)
def test_nothing_enters_twice_in_a_row_nor_by_staying_as_it_is(seed: int) -> None:
    for event, enters, fires, shared in entering(seed):
        if event.before is None or event.after is None:
            continue
        on_entering = compiled_of(fire="on_entering", **shared)
        stayed = dataclasses.replace(event, before=event.after)
        undone = dataclasses.replace(event, before=event.after, after=event.before)
        assert not on_entering.matches(stayed)
        assert not (enters and on_entering.matches(undone))
        was = compiled_of(**shared).matches(undone)
        assert enters is (fires and not was)


@given(SEEDS)
def test_a_workflow_means_the_same_in_its_stored_form_and_each_time(seed: int) -> None:
    drawing = drawing_of(seed)
    content = drawing.workflow("w")
    compiled = compiled_of(**content)
    stored = json.loads(json.dumps(compiled.workflow.manifest()))
    read = parse_workflow(stored)

    assert isinstance(read, Workflow)
    assert read == compiled.workflow
    again = compiled_of(**stored)
    for event in drawing.events:
        found = [each.takes(event) and each.matches(event) for each in (compiled, again, compiled)]
        assert len(set(found)) == 1


@given(SEEDS)
def test_what_was_removed_and_put_back_matches_as_if_nothing_had_been(seed: int) -> None:
    drawing = drawing_of(seed)
    compiled = [compiled_of(**drawing.workflow(f"w{index}")) for index in range(6)]
    straight, detour = Matcher(), Matcher()
    for each in compiled:
        straight.put(each)
    for each in (*compiled[::-1], *drawing.chance.sample(compiled, 3)):
        detour.put(each)
    for each in drawing.chance.sample(compiled, 3):
        detour.remove(each.workflow.id)
        detour.put(each)

    for event in drawing.events:
        assert detour.match(event) == straight.match(event)


@given(SEEDS)
def test_what_is_said_to_contradict_itself_never_holds_and_what_always_holds_never_fails(
    seed: int,
) -> None:
    drawing = drawing_of(seed)
    for _ in range(6):
        place = drawing.chance.choice(drawing.places)
        side = drawing.chance.choice(("after", "before"))
        of = [
            drawing.comparison(f"{side}.{place.path}", place.kind, place.type, SIDES, 0)
            for _ in range(drawing.chance.choice((2, 2, 3)))
        ]
        of = [opposite(each) if drawing.often(0.3) else each for each in of]
        for mode in ("all", "any"):
            asked = {mode: of}
            found = verdicts(drawing, asked)
            compiled = compiled_of(entity=drawing.entity, only_if=asked)
            if mode == "all" and contradictions(compiled):
                assert True not in found, asked
            if any(each.place == "only_if" for each in always(compiled)):
                assert False not in found, asked
