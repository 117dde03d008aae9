"""Manifest content → `Workflow`, or every problem with its path.

Pure.  Only form is looked at here: keys, shapes, bounds.  Whether fields, types and webhooks exist
is for `workflow_service.language.check`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from sys import intern
from typing import Any, TypeVar, cast

from schemas.errors import Problem
from schemas.problems import Problems
from schemas.wording import found, nearest, shown, unknown
from workflow_service.language import workflow as model
from workflow_service.language.parse_condition import ConditionReader
from workflow_service.language.relative import zone_names
from workflow_service.language.workflow import Fire, SourceFilter, State, Step, Workflow

T = TypeVar("T")

ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
KEYS = (
    "id",
    "entity",
    "description",
    "on",
    "source",
    "when_changed",
    "only_if",
    "then",
    "state",
    "fire",
    "time_zone",
)
REQUIRED = ("id", "entity", "on", "then")


def parse_workflow(content: Mapping[str, Any]) -> Workflow | tuple[Problem, ...]:
    """The workflow that a manifest (without its `kind`) describes, or all that is wrong with it."""
    problems = Problems()
    problems.keys(content, "", KEYS, REQUIRED)
    conditions = ConditionReader(problems)
    only_if = conditions.read(content["only_if"], "only_if") if "only_if" in content else None
    workflow = Workflow(
        id=_text(content, "id", problems, _id),
        entity=_text(content, "entity", problems, intern),
        on=_on(content.get("on"), problems) if "on" in content else (),
        then=_then(content.get("then"), problems, conditions) if "then" in content else (),
        source=_source(content["source"], problems) if "source" in content else None,
        when_changed=_watched(content, problems),
        only_if=only_if,
        state=_state(content.get("state", "active"), problems),
        description=_text(content, "description", problems, str),
        fire=_fire(content, problems),
        time_zone=_time_zone(content.get("time_zone", "UTC"), problems),
    )
    return problems.found or workflow


def _text(
    content: Mapping[str, Any], key: str, problems: Problems, check: Callable[[str], str]
) -> str:
    """A text; empty when it is absent, which was reported if it must not be."""
    if key not in content:
        return ""
    value = content[key]
    if not isinstance(value, str) or not value.strip() or len(value) > model.MAX_TEXT:
        problems.add(key, f"{found(value)}; a text is expected")
        return ""
    try:
        return check(value)
    except ValueError as error:
        problems.add(key, str(error))
        return ""


def _id(value: str) -> str:
    if not ID.fullmatch(value):
        raise ValueError(
            f"{found(value)}; an id has 1 to 63 lower-case letters, digits, '.', '_' or '-' "
            "and begins with a letter or digit"
        )
    return value


def _on(value: object, problems: Problems) -> tuple[str, ...]:
    names = problems.texts(value, "on", model.OPERATIONS, "operation")
    return _shared(tuple(name for name in model.OPERATIONS if name in names))


@lru_cache(maxsize=16)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """One object for all workflows that look at the same operations."""
    return names


def _source(value: object, problems: Problems) -> SourceFilter | None:
    if isinstance(value, list):
        names = problems.texts(value, "source", model.SOURCES, "source")
        return SourceFilter("in", names)
    if (
        not isinstance(value, Mapping)
        or len(value) != 1
        or next(iter(value)) not in ("in", "not_in")
    ):
        problems.add(
            "source",
            f"{found(value)}; a list of sources, {{in: [...]}} or {{not_in: [...]}} is expected",
        )
        return None
    mode, names = next(iter(value.items()))
    checked = problems.texts(names, f"source.{mode}", model.SOURCES, "source")
    read = SourceFilter(mode, checked)
    if checked and not read.accepted:
        problems.add("source", "it excludes every source, so the workflow could never match")
    return read


def _watched(content: Mapping[str, Any], problems: Problems) -> tuple[str, ...]:
    if "when_changed" not in content:
        return ()
    names = problems.texts(content["when_changed"], "when_changed", None, "field")
    if len(names) > model.MAX_WATCHED:
        problems.add("when_changed", f"names {len(names)} fields; {model.MAX_WATCHED} are allowed")
    return names


def _then(value: object, problems: Problems, conditions: ConditionReader) -> tuple[Step, ...]:
    if not isinstance(value, list) or not value:
        problems.add("then", f"{found(value)}; a list of at least one action is expected")
        return ()
    if len(value) > model.MAX_ACTIONS:
        problems.add("then", f"has {len(value)} actions; {model.MAX_ACTIONS} are allowed")
    return tuple(
        _step(each, f"then[{index}]", problems, conditions) for index, each in enumerate(value)
    )


def _step(value: object, path: str, problems: Problems, conditions: ConditionReader) -> Step:
    if not isinstance(value, Mapping):
        problems.add(path, f"{found(value)}; an action is written {{webhook: ID}}")
        return Step("")
    problems.keys(value, path, ("webhook", "if", "template"), ("webhook",))
    webhook = value.get("webhook", "")
    if "webhook" in value and (not isinstance(webhook, str) or not webhook):
        problems.add(f"{path}.webhook", f"{found(webhook)}; the id of a webhook is expected")
        webhook = ""
    if "template" in value and value["template"] is None:
        problems.add(
            f"{path}.template",
            "half-filled: found nothing (null); a body is expected, or no template, which is the "
            "webhook's own",
        )
    condition = conditions.read(value["if"], f"{path}.if") if "if" in value else None
    return Step(intern(cast("str", webhook)), condition, value.get("template"))


def _state(value: object, problems: Problems) -> State:
    if value not in model.STATES:
        problems.add("state", unknown("the state", value, model.STATES))
        return "active"
    return cast("State", value)


def _fire(content: Mapping[str, Any], problems: Problems) -> Fire:
    value = content.get("fire", "every")
    if value not in model.FIRES:
        problems.add("fire", unknown("the way to fire", value, model.FIRES))
        return "every"
    if value == "on_entering" and "only_if" not in content:
        problems.add(
            "fire",
            "on_entering fires when only_if becomes true of a record, and there is no only_if; "
            "write one, or leave fire out",
        )
    return cast("Fire", value)


def _time_zone(value: object, problems: Problems) -> str:
    if isinstance(value, str) and value in zone_names():
        return value
    expected = "a name of the time zone database is expected, as UTC or Europe/Berlin"
    if isinstance(value, str):
        near = nearest(value, sorted(zone_names()))
        problems.add("time_zone", f"the time zone {shown(value)} is unknown{near}; {expected}")
    else:
        problems.add("time_zone", f"{found(value)}; {expected}")
    return "UTC"
