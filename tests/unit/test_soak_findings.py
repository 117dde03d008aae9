"""The soak's judge: it is silent about what is right, and names everything that is not."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from schemas.records import Action, action_id_of
from soak import plan as plans
from soak.findings import Findings, Saved
from soak.plan import Plan
from tests.crm import NOON

PLAN = Plan(events=64, records=8, partitions=2)
#: The changing workflows get their second version when this event comes.
CHANGE = 32


def action(number: int, workflow: str, webhook: str = "a", version: int = 1) -> Action:
    record, event_id = plans.record_of(number, PLAN.records), plans.event_id_of(number)
    return Action(
        action_id=action_id_of(event_id, workflow, version, 0),
        event_id=event_id,
        entity="lead",
        entity_id=record,
        operation="created",
        workflow_id=workflow,
        workflow_version=version,
        action_index=0,
        webhook_id=webhook,
        matched_at=NOON + timedelta(seconds=number),
        correlation_id=uuid.UUID(int=0),
        hops=1,
        event_topic="soak.lead.events",
        event_partition=number % 2,
        event_offset=number // 2,
        event=b"",
    )


def right() -> list[Action]:
    """What a run without a flaw leaves, in order."""
    found: list[Action] = []
    for number in range(PLAN.events):
        version = 1 if number < CHANGE else 2
        found.append(action(number, plans.STEADY))
        if number % 2 == 0:
            found.append(action(number, plans.EVEN))
        if plans.is_close(number):
            webhooks = sorted(plans.MASKS[version % 3])
            found += [action(number, plans.TURNING, one, version) for one in webhooks]
        if plans.matches_flipping(version, number):
            found.append(action(number, plans.FLIPPING, "a", version))
        if number < PLAN.records:
            found += [action(number, plans.ONCE), action(number, plans.ONCE_CHANGING)]
    return found


def judged(actions: list[Action]) -> list[str]:
    findings = Findings(PLAN)
    for one in actions:
        findings.take(0, one)
    findings.conclude()
    return findings.problems


def place(actions: list[Action], workflow: str, nth: int = 0) -> int:
    """Where the nth action of a workflow stands."""
    return [at for at, one in enumerate(actions) if one.workflow_id == workflow][nth]


def without(workflow: str, nth: int = 0) -> list[Action]:
    actions = right()
    del actions[place(actions, workflow, nth)]
    return actions


def twice(workflow: str) -> list[Action]:
    actions = right()
    at = place(actions, workflow)
    return [*actions[:at], actions[at], *actions[at:]]


def changed(workflow: str, nth: int, version: int) -> list[Action]:
    actions = right()
    at = place(actions, workflow, nth)
    actions[at] = dataclasses.replace(actions[at], workflow_version=version)
    return actions


def swapped() -> list[Action]:
    actions = right()
    first = next(at for at, one in enumerate(actions) if one.entity_id == plans.record_of(0, 8))
    last = max(at for at, one in enumerate(actions) if one.entity_id == plans.record_of(0, 8))
    actions[first], actions[last] = actions[last], actions[first]
    return actions


def test_a_run_without_a_flaw_leaves_nothing_to_say():
    assert judged(right()) == []


@pytest.mark.parametrize(
    ("made", "words"),
    [
        pytest.param(lambda: without(plans.STEADY), "steady, not exactly once", id="lost"),
        pytest.param(lambda: twice(plans.STEADY), "steady, not exactly once", id="twice"),
        pytest.param(lambda: twice(plans.EVEN), "even, not exactly once", id="even twice"),
        pytest.param(lambda: without(plans.TURNING), "not one whole version", id="undecided"),
        pytest.param(lambda: without(plans.TURNING, -1), "not one whole version", id="half"),
        pytest.param(lambda: twice(plans.TURNING), "not one whole version", id="version twice"),
        pytest.param(
            lambda: changed(plans.TURNING, -1, 5), "acted in two versions", id="two versions"
        ),
        pytest.param(lambda: changed(plans.TURNING, 0, 4), "went back", id="versions go back"),
        pytest.param(lambda: twice(plans.FLIPPING), "fired twice", id="flipping twice"),
        pytest.param(
            lambda: changed(plans.FLIPPING, 0, 2), "cannot be explained", id="not its version's"
        ),
        pytest.param(lambda: without(plans.ONCE), "records fired for", id="a record left out"),
        pytest.param(lambda: twice(plans.ONCE), "once, not exactly once", id="once twice"),
        pytest.param(swapped, "out of order", id="order"),
    ],
)
def test_whatever_is_wrong_is_named(made: Callable[[], list[Action]], words: str):
    assert any(words in problem for problem in judged(made())), judged(made())


def test_a_version_counts_from_when_it_was_saved():
    findings, noon = Findings(PLAN), NOON.timestamp()
    saves = {1: Saved(noon - 9, noon - 8), 2: Saved(noon + 3, noon + 4), 3: Saved(noon + 90, None)}

    findings.timely(saves, action(6, plans.TURNING, version=1))
    findings.timely(saves, action(7, plans.TURNING, version=2))
    assert (findings.problems, findings.latest_s) == ([], 2.0)
    findings.timely(saves, action(7, plans.TURNING, version=3))

    assert "before it was saved" in findings.problems[0]
