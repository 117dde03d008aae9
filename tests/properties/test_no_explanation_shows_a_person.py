"""No explanation shows what is marked as personal, whatever the workflow compares, and how."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from console.cli.verdict_tree import tree
from console.verdicts import Opinion, masked_opinion, opinion_of, opinion_view
from schemas.json_form import dumps
from schemas.records import Definition, Event
from schemas.types import FieldType, ListType, MapType, RecordType, ScalarType, UnionType, walk
from tests.crm import NOON, blank, catalog, event_of
from workflow_service.language.compiled import CompiledWorkflow, compile_workflow
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import Workflow

SECRET = "Ada Lovelace"
ENTITIES = catalog().entities


def filled(type_: FieldType, *, personal: bool) -> Any:
    """A value with the secret in every personal text, and something else in every other."""
    personal = personal or type_.personal
    match type_:
        case ScalarType(kind="text"):
            return SECRET if personal else "plain"
        case RecordType(fields=fields):
            return {name: filled(each, personal=personal) for name, each in fields.items()}
        case ListType(item=item):
            return [filled(item, personal=personal), filled(item, personal=personal)]
        case MapType(values=values):
            return {"code": filled(values, personal=personal)}
        case UnionType(members=members):
            texts = [each for each in members if getattr(each, "kind", "") == "text"]
            return filled(texts[0] if texts else members[0], personal=personal)
        case _:
            return None if type_.nullable else blank(type_)


def side(entity: str, suffix: str) -> dict[str, Any]:
    fields = RecordType(entity, catalog().fields(entity))
    return {**filled(fields, personal=False), "id": f"1{suffix}"}


def event_with_secrets(entity: str) -> Event:
    before = side(entity, "")
    after = {**side(entity, ""), "id": before["id"]}
    changed = tuple(sorted(after))
    return event_of(before, after, entity=entity, changed_fields=changed)


TEXTS = ("equals", "not_equals", "contains", "not_contains", "starts_with", "ends_with", "matches")


def comparisons_of(entity: str) -> Iterator[dict[str, Any]]:
    """Every comparison that text in a field of the entity could be part of, sensible or not."""
    fields = catalog().fields(entity)
    paths = [path for path, _ in walk(fields)] + ["custom_attributes.code"]
    texts = [path for path, kind in walk(fields) if isinstance(kind, ScalarType)][:2]
    for path in paths:
        for operator in TEXTS:
            yield {"field": f"after.{path}", operator: "x"}
        for other in texts:
            yield {"field": f"after.{path}", "equals": {"field": f"before.{other}"}}
            inner = {"field": "item", "equals": {"field": f"after.{other}"}}
            yield {"field": f"after.{path}", "any_item": inner}
        yield {"field": f"before.{path}", "in": ["x", "y"]}
        yield {"field": f"after.{path}", "is_empty": True}
        yield {"field": f"after.{path}", "count": {"at_least": 9}}
        yield {"field": path, "changed": True}
        yield {"field": path, "changed_to": "x"}
        yield {"field": path, "changed_from": ["x", "y"]}
        head, _, last = path.rpartition(".")
        for quantifier in ("any_item", "all_items", "no_item") if head else ():
            yield {"field": f"after.{head}", quantifier: {"field": f"item.{last}", "equals": "x"}}


@functools.cache
def sensible(entity: str) -> tuple[dict[str, Any], ...]:
    """Those of them that can be saved."""
    return tuple(one for one in comparisons_of(entity) if compiles(entity, one))


def compiles(entity: str, condition: dict[str, Any]) -> bool:
    workflow = parse_workflow(manifest(entity, condition))
    if not isinstance(workflow, Workflow):
        return False
    return isinstance(compile_workflow(workflow, 1, catalog()), CompiledWorkflow)


def manifest(entity: str, condition: dict[str, Any]) -> dict[str, Any]:
    then = [{"webhook": "hook", "if": condition}]
    return {
        "id": "w",
        "entity": entity,
        "on": ["updated"],
        "only_if": condition,
        "then": then,
    }


def opinion(entity: str, condition: dict[str, Any]) -> Opinion:
    spec = dumps(manifest(entity, condition)).decode()
    definition = Definition("workflow", "w", 1, NOON, "test", spec)
    return opinion_of(definition, event_with_secrets(entity), catalog())


def everything_shown(one: Opinion) -> str:
    """For programs and for people."""
    paper = StringIO()
    Console(file=paper, width=10_000).print(tree(one))
    return dumps(opinion_view(one)).decode() + paper.getvalue()


@pytest.mark.parametrize("entity", ENTITIES)
def test_no_single_comparison_shows_one(entity):
    shown = 0
    for condition in sensible(entity):
        whole = opinion(entity, condition)
        assert whole.matched is not None, whole.reason
        shown += SECRET in everything_shown(whole)
        assert SECRET not in everything_shown(masked_opinion(whole)), condition

    has_personal_texts = any(
        kind.personal and isinstance(kind, ScalarType) and kind.kind == "text"
        for _, kind in walk(catalog().fields(entity))
    )
    assert shown > 0 or not has_personal_texts


def groups(entity: str) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.sampled_from(sensible(entity)),
        lambda inner: st.one_of(
            st.builds(
                lambda mode, of: {mode: of},
                st.sampled_from(["all", "any"]),
                st.lists(inner, min_size=1, max_size=3),
            ),
            st.builds(lambda of: {"not": of}, inner),
        ),
        max_leaves=6,
    )


@given(st.data())
def test_no_combination_of_them_shows_one(data):
    entity = data.draw(st.sampled_from(ENTITIES))
    whole = opinion(entity, data.draw(groups(entity)))

    assert SECRET not in everything_shown(masked_opinion(whole))
