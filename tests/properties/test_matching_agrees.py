"""The matcher, a single workflow, its explanation and a second opinion agree on whatever is drawn.

A run looks at more than 20,000 pairs of a workflow and an event, the same ones each time.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from schemas.records import Event
from tests import naive_evaluator as naive
from tests.crm import catalog, compiled_of
from tests.workflow_strategies import Drawing
from workflow_service.language.compiled import CompiledWorkflow
from workflow_service.language.explain import Explanation, explain_compiled
from workflow_service.language.verdict import Verdict
from workflow_service.matching import entries, signature
from workflow_service.matching.match import Matcher

PARTS, ROUNDS, WORKFLOWS, EVENTS = 12, 8, 24, 9
PAIRS_PROMISED = 20_000
#: Of all verdicts on a condition, the least share that each must have, lest the test look away.
LEAST_SHARE = 0.1


@pytest.fixture(autouse=True, scope="module")
def slots_that_soon_are_full() -> Iterator[None]:
    """So few workflows as are drawn here would otherwise hardly ever be grouped or moved."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entries, "FEW", 2)
        patch.setattr(signature, "MOST_OF_ONE", 3)
        yield


def plain(event: Event) -> dict[str, Any]:
    return {each.name: getattr(event, each.name) for each in dataclasses.fields(event)}


def rounds(part: int) -> Iterator[tuple[list[dict[str, Any]], list[Event]]]:
    """Workflows, by their manifests, with events, most of which are of their entity."""
    for number in range(ROUNDS):
        chance = Random(part * 1_000 + number)
        own, other = chance.sample(catalog().entities, 2)
        drawing = Drawing(own, chance)
        events = [drawing.event() for _ in range(EVENTS - 1)]
        manifests = [drawing.workflow(f"w{index:02}") for index in range(WORKFLOWS)]
        yield manifests, [*events, Drawing(other, chance).event()]


@pytest.mark.parametrize("part", range(PARTS))
def test_matching_explaining_and_the_second_opinion_agree(part: int) -> None:
    for manifests, events in rounds(part):
        compiled = [compiled_of(**each) for each in manifests]
        matcher = Matcher()
        for each in compiled:
            matcher.put(each)
        for event in events:
            seen = plain(event)
            expected = [each["id"] for each in manifests if naive.fires(each, seen)]

            found = matcher.match(event)

            assert not found.failures
            assert [each.workflow.id for each in found.matches] == expected
            for workflow, manifest in zip(compiled, manifests, strict=True):
                agree(workflow, manifest, event, seen)


def agree(
    compiled: CompiledWorkflow, manifest: dict[str, Any], event: Event, seen: dict[str, Any]
) -> None:
    """One workflow and one event, asked in every way there is."""
    explanation = explain_compiled(compiled, event)
    fires = naive.fires(manifest, seen)
    assert (compiled.takes(event) and compiled.matches(event)) is fires, manifest
    assert explanation.matched is fires, manifest
    assert explanation.reason
    if event.entity != manifest["entity"]:
        return
    world = naive.world_of(manifest, seen)
    if "only_if" in manifest:
        assert compiled.condition is not None
        assert compiled.condition.decide(event) is naive.condition(manifest["only_if"], world)
    assert [each.takes(event) for each in compiled.steps] == naive.steps(manifest, seen)
    agree_part_by_part(explanation, manifest, seen)


def agree_part_by_part(
    explanation: Explanation, manifest: dict[str, Any], seen: dict[str, Any]
) -> None:
    expected = naive.parts(manifest, seen)
    assert [each.path for each in explanation.verdicts] == list(expected)
    for verdict in explanation.verdicts:
        if verdict.path == "only_if":
            agree_below(verdict, manifest["only_if"], naive.world_of(manifest, seen))
        else:
            assert (verdict.verdict is True) is (expected[verdict.path] is True), verdict


def agree_below(verdict: Verdict, asked: dict[str, Any], world: naive.World) -> None:
    """A condition's verdict, and those of the conditions in it."""
    assert verdict.verdict is naive.condition(asked, world), verdict
    assert verdict.reason
    inner = asked.get("all") or asked.get("any") or ([asked["not"]] if "not" in asked else [])
    if inner:
        for each, below in zip(verdict.inner, inner, strict=True):
            agree_below(each, below, world)


def test_enough_pairs_are_drawn_and_no_verdict_is_rare() -> None:
    pairs, verdicts, fired = 0, Counter[Any](), 0
    for part in range(PARTS):
        for manifests, events in rounds(part):
            for event in map(plain, events):
                pairs += len(manifests)
                for each in manifests:
                    found = naive.parts(each, event)
                    verdicts[found.get("only_if", "none")] += 1
                    fired += naive.fires(each, event)

    asked = sum(verdicts[each] for each in (True, False, None))
    assert pairs >= PAIRS_PROMISED
    assert all(verdicts[each] >= LEAST_SHARE * asked for each in (True, False, None)), verdicts
    assert fired >= LEAST_SHARE * pairs, fired
