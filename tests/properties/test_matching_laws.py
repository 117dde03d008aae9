"""Laws of matching: order does not matter, explanations agree, manifests survive the round trip."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runtime.definitions import is_removed
from runtime.manifests import read_texts
from schemas.records import Definition, Event
from tests.crm import NOON, catalog, compiled_of, event_of, record_of, workflow_of
from workflow_service.actions import Origin, actions_of
from workflow_service.language.check import check
from workflow_service.language.explain import explain_compiled
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import Workflow
from workflow_service.library import compile_definition
from workflow_service.matching.match import Matcher

TITLES = st.sampled_from(["", "Renewal", "renewal", "Caf\u00e9", "Cafe\u0301", "100"])
VALUES = st.none() | st.sampled_from(["0", "1", "99.5", "100.0000", "-3"])
TAGS = st.lists(st.sampled_from(["vip", "new", "VIP"]), max_size=2)
STAGES = st.none() | st.sampled_from([{"id": "new"}, {"id": "won", "name": "Won"}])
RECORDS = st.builds(
    lambda title, value, tags, stage: record_of(
        "lead", title=title, lead_value=value, tags=tags, stage=stage
    ),
    TITLES,
    VALUES,
    TAGS,
    STAGES,
)
SIDES = st.sampled_from(["after", "before"])


def leaf(field: str, operator: str, value: object) -> dict[str, object]:
    return {"field": field, operator: value}


LEAVES = st.one_of(
    st.builds(
        lambda side, operator, value: leaf(f"{side}.title", operator, value),
        SIDES,
        st.sampled_from(["equals", "not_equals", "contains", "not_contains"]),
        TITLES,
    ),
    st.builds(
        lambda side, operator, value: leaf(f"{side}.lead_value", operator, value),
        SIDES,
        st.sampled_from(
            ["equals", "not_equals", "at_least", "at_most", "less_than", "greater_than"]
        ),
        st.integers(-5, 105) | st.sampled_from([99.5, "100.00"]),
    ),
    st.builds(
        lambda operator, values: leaf("after.stage.id", operator, values),
        st.sampled_from(["in", "not_in"]),
        st.lists(st.sampled_from(["new", "won", "lost"]), min_size=1, max_size=3),
    ),
    st.builds(
        lambda field, flag: leaf(field, "is_empty", flag),
        st.sampled_from(["after.title", "before.stage", "after.tags", "after.stage.name"]),
        st.booleans(),
    ),
    st.builds(
        lambda field, flag: leaf(field, "changed", flag),
        st.sampled_from(["title", "stage", "stage.id", "lead_value"]),
        st.booleans(),
    ),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda mode, of: {mode: of},
        st.sampled_from(["all", "any"]),
        st.lists(inner, min_size=1, max_size=4),
    ),
    max_leaves=12,
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    before, after = draw(st.none() | RECORDS), draw(st.none() | RECORDS)
    if before is None and after is None:
        after = draw(RECORDS)
    return event_of(before, after, source=draw(st.sampled_from(["ui", "api", "import"])))


CONTENTS = st.fixed_dictionaries(
    {"only_if": CONDITIONS},
    optional={
        "when_changed": st.lists(
            st.sampled_from(["title", "stage", "stage.id"]), min_size=1, max_size=2, unique=True
        ),
        "source": st.sampled_from([["ui"], {"not_in": ["import"]}]),
        "state": st.sampled_from(["active", "paused"]),
    },
)


@given(CONTENTS, events())
def test_explaining_and_matching_agree(content: dict[str, Any], event: Event) -> None:
    compiled = compiled_of(**content)
    matcher = Matcher()
    matcher.put(compiled)

    explanation = explain_compiled(compiled, event)

    assert explanation.matched is bool(matcher.match(event).matches)
    assert explanation.reason


@given(st.lists(CONTENTS, min_size=1, max_size=6), events(), st.randoms(use_true_random=False))
def test_the_order_in_which_workflows_come_does_not_matter(contents, event, random) -> None:
    compiled = [compiled_of(id=f"w{index}", **each) for index, each in enumerate(contents)]
    shuffled = random.sample(compiled, len(compiled))
    in_order, otherwise = Matcher(), Matcher()
    for each in compiled:
        in_order.put(each)
    for each in (*shuffled, *shuffled[::-1]):
        otherwise.put(each)

    assert in_order.match(event) == otherwise.match(event)


@given(CONTENTS, events())
def test_the_order_of_conditions_does_not_matter(content: dict[str, Any], event: Event) -> None:
    turned = content | {"only_if": reversed_tree(content["only_if"])}

    assert compiled_of(**content).matches(event) is compiled_of(**turned).matches(event)


def reversed_tree(condition: dict[str, Any]) -> dict[str, Any]:
    for mode in ("all", "any"):
        if mode in condition:
            return {mode: [reversed_tree(each) for each in reversed(condition[mode])]}
    return condition


@given(st.lists(CONTENTS, min_size=1, max_size=4), events())
def test_what_was_removed_no_longer_matches_and_the_others_still_do(contents, event) -> None:
    matcher, rest = Matcher(), Matcher()
    for index, each in enumerate(contents):
        compiled = compiled_of(id=f"w{index}", **each)
        matcher.put(compiled)
        if index:
            rest.put(compiled)
    matcher.remove("w0")

    assert matcher.match(event) == rest.match(event)


@given(CONTENTS, events(), st.integers(1, 9))
def test_a_replay_yields_the_same_ids_and_another_version_others(content, event, version) -> None:
    origin, moved = Origin("t", 0, 1, b"x"), Origin("t", 2, 9, b"x")

    first = actions_of(compiled_of(version, **content), event, origin, NOON)
    again = actions_of(compiled_of(version, **content), event, moved, NOON)
    other = actions_of(compiled_of(version + 1, **content), event, origin, NOON)

    assert [one.action_id for one in first] == [one.action_id for one in again]
    assert not {one.action_id for one in first} & {one.action_id for one in other}


@given(CONTENTS)
def test_a_workflow_survives_its_stored_form(content: dict[str, Any]) -> None:
    workflow = workflow_of(**content)
    definition = Definition("workflow", "w", 3, NOON, "ada", json.dumps(workflow.manifest()))

    compiled = compile_definition(definition, catalog())

    assert not isinstance(compiled, tuple), compiled
    assert (compiled.workflow, compiled.version) == (workflow, 3)
    assert not is_removed(definition)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["after.title", "equals", "lead", "created", "hook", "all"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "entity", "on", "then", "only_if", "all", "any", "field", "equals"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["id", "entity", "on", "then", "only_if", "source"]), JUNK))
def test_no_content_makes_parsing_or_checking_crash(content: dict[str, Any]) -> None:
    good = {"id": "w", "entity": "lead", "on": ["created"], "then": [{"webhook": "hook"}]}
    for each in (content, good | content):
        parsed = parse_workflow(each)
        found = check(parsed, catalog(), {}) if isinstance(parsed, Workflow) else parsed
        assert all(problem.message for problem in found)


@given(st.text(max_size=200) | st.text(alphabet="{}[]:-&*!|>'\"\n ab?,#%@`0.~", max_size=60))
def test_no_text_makes_reading_manifests_crash(text: str) -> None:
    read = read_texts([("f.yaml", text)])

    assert all(problem.place.startswith("f.yaml") for problem in read.problems)


@given(VALUES, VALUES)
def test_numbers_are_compared_as_numbers(actual: str | None, operand: str | None) -> None:
    operand = operand or "7"
    event = event_of(None, record_of("lead", lead_value=actual))

    found = {
        operator: compiled_of(only_if=leaf("after.lead_value", operator, operand)).matches(event)
        for operator in ("equals", "not_equals", "less_than", "greater_than", "at_most", "at_least")
    }

    if actual is None:
        assert not any(found.values())
        return
    left, right = Decimal(actual), Decimal(operand)
    assert found == {
        "equals": left == right,
        "not_equals": left != right,
        "less_than": left < right,
        "greater_than": left > right,
        "at_most": left <= right,
        "at_least": left >= right,
    }
