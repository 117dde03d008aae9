"""Laws of the index: it finds what looking at every workflow finds, whatever changed before."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bench import rules
from schemas.records import Event
from tests.crm import compiled_of, event_of, record_of
from workflow_service.compiled import CompiledWorkflow
from workflow_service.match import Matcher

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
SIZES = st.none() | st.booleans() | st.sampled_from(["7", "vip", "2026-01-31", ["vip", "7"]])


def leaf(field: str, operator: str, value: object, **more: object) -> dict[str, object]:
    return {"field": field, operator: value, **more}


def words(field: str) -> st.SearchStrategy[dict[str, object]]:
    folding = st.sampled_from([{}, {"ignore_case": True}])
    return st.one_of(
        st.builds(
            lambda operator, text, fold: leaf(field, operator, text, **fold),
            st.sampled_from(["equals", "not_equals", "contains", "starts_with", "ends_with"]),
            st.sampled_from(PARTS),
            folding,
        ),
        st.builds(
            lambda operator, texts, fold: leaf(field, operator, texts, **fold),
            st.sampled_from(["in", "not_in"]),
            st.lists(st.sampled_from([*PARTS, *TEXTS]), min_size=1, max_size=3),
            folding,
        ),
    )


LEAVES = st.one_of(
    words("after.title"),
    words("before.title"),
    words("after.stage.id"),
    st.builds(
        lambda operator, stage: leaf("stage.id", operator, stage),
        st.sampled_from(["changed_to", "changed_from"]),
        st.sampled_from(STAGES) | st.lists(st.sampled_from(STAGES), min_size=1, max_size=2),
    ),
    st.builds(
        lambda operator, number: leaf("after.lead_value", operator, number),
        st.sampled_from(["equals", "at_least", "less_than", "greater_than", "at_most"]),
        st.sampled_from(NUMBERS),
    ),
    st.builds(
        lambda low, width: leaf("after.lead_value", "between", [low, low + width]),
        st.integers(-5, 110),
        st.sampled_from([0, 1, 5, 90, 20_000]),
    ),
    st.builds(lambda by: leaf("lead_value", "increased_by", by), st.sampled_from([1, "10%"])),
    st.just(leaf("after.lead_value", "greater_than", {"field": "before.lead_value"})),
    st.builds(
        lambda operator, tag: leaf("after.tags", operator, tag),
        st.sampled_from(["contains", "not_contains"]),
        st.sampled_from(PARTS),
    ),
    st.builds(
        lambda operator, value: leaf("after.custom_attributes.size", operator, value),
        st.sampled_from(["equals", "contains", "starts_with"]),
        st.sampled_from(["7", "vip", "2026-01-31"]),
    ),
    st.builds(
        lambda day: leaf("after.custom_attributes.size", "at_least", day),
        st.sampled_from(["2026-01-30", "7", "2026-02-01"]),
    ),
    st.builds(
        lambda operator, day: leaf("after.expected_close_date", operator, day),
        st.sampled_from(["at_most", "greater_than"]),
        st.sampled_from(["2026-01-31", "today + 7d"]),
    ),
    st.just(leaf("event.source", "equals", "ui")),
    st.builds(lambda flag: leaf("title", "changed", flag), st.booleans()),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda mode, of: {mode: of},
            st.sampled_from(["all", "all", "any"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda of: {"not": of}, inner),
    ),
    max_leaves=6,
)
CONTENTS = st.fixed_dictionaries(
    {"only_if": CONDITIONS},
    optional={
        "when_changed": st.lists(
            st.sampled_from(["title", "stage", "stage.id"]), min_size=1, max_size=2, unique=True
        ),
        "source": st.sampled_from([["ui"], {"not_in": ["import"]}]),
        "on": st.sampled_from([["created"], ["updated"], ["created", "updated"]]),
        "state": st.sampled_from(["active", "paused", "dry_run"]),
    },
)
RECORDS = st.builds(
    lambda title, value, stage, tags, size, day: record_of(
        "lead",
        title=title,
        lead_value=value,
        stage=stage,
        tags=tags,
        custom_attributes={"size": size},
        expected_close_date=day,
    ),
    st.sampled_from(TEXTS),
    st.none() | st.sampled_from(NUMBERS),
    st.none() | st.sampled_from([{"id": each} for each in STAGES]),
    st.lists(st.sampled_from([*TEXTS, *PARTS]), max_size=2),
    SIZES,
    st.none() | st.sampled_from(["2026-01-01", "2026-01-31", "2026-03-01"]),
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    before, after = draw(st.none() | RECORDS), draw(st.none() | RECORDS)
    if before is None and after is None:
        after = draw(RECORDS)
    return event_of(before, after, source=draw(st.sampled_from(["ui", "api", "import"])))


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


@given(st.lists(CONTENTS, max_size=30), st.lists(events(), min_size=1, max_size=8))
def test_the_index_finds_what_looking_at_every_workflow_finds(contents, happened) -> None:
    workflows = compiled(contents)
    matcher = Matcher()
    for each in workflows:
        matcher.put(each)

    for event in happened:
        assert matcher.match(event).matches == plain(workflows, event)


@given(
    st.lists(CONTENTS, min_size=1, max_size=30),
    st.lists(events(), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_after_any_changes_the_index_is_as_good_as_a_new_one(contents, happened, random) -> None:
    workflows = compiled(contents)
    matcher, left = Matcher(), {}
    for each in random.choices(workflows, k=3 * len(workflows)) if workflows else ():
        if random.random() < 0.4:
            matcher.remove(each.workflow.id)
            left.pop(each.workflow.id, None)
        else:
            matcher.put(each)
            left[each.workflow.id] = each

    for event in happened:
        rest = [left[id] for id in sorted(left)]
        assert matcher.match(event).matches == plain(rest, event)
    for id in left:
        matcher.remove(id)
    assert not matcher._trees


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
    assert (len(matcher), matcher._trees) == (0, {})
