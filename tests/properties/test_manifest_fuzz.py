"""50,000 random and mutated manifests: none crashes, none takes long, none is saved by half."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from console.apply import Author, apply
from console.session import opened
from runtime import topics
from runtime.manifests import read_texts
from runtime.secrets import new_key
from runtime.settings import Settings
from schemas.errors import ConfigurationError, DefinitionError
from tests.crm import catalog
from tests.fakes import InMemoryBroker, VirtualClock
from tests.workflow_strategies import Drawing
from workflow_service.language.check import check, check_warnings
from workflow_service.language.compiled import CompiledWorkflow, compile_workflow
from workflow_service.language.explain import explain_compiled
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import Workflow
from workflow_service.matching.match import Matcher

PARTS, VALUES, TEXTS, SAVES = 10, 4_850, 150, 4
#: Seconds of processor time that no manifest may take: a hundred times what the slowest does.
BOUND_S = 5.0
DEEP = 10_000


def deep(step: Callable[[Any], Any], depth: int = DEEP) -> Any:
    value: Any = {"field": "after.id", "equals": "x"}
    for _ in range(depth):
        value = step(value)
    return value


class Own(dict[Any, Any]):
    """A mapping that is not quite a dictionary."""


#: What is put in the place of anything else.
JUNK: tuple[Callable[[], Any], ...] = (
    *(
        (lambda value=value: value)
        for value in (
            None, True, False, 0, -1, 1, 2**63, 10**400, -(10**400), 0.1, 1e308, float("nan"),
            float("inf"), float("-inf"), "", " ", "x", "\ud800", "\udfff x", "\0", "\u202e",
            "x" * 501, "x" * 100_000, "now", "today", "today + 1h", "now + 99999999999999y",
            "today - 4000y", "now + 1", "today+7d", "now - 0d", "10%", "-10%", "1e999%", "%",
            "9" * 5_000, "9" * 5_000 + "%", "7d", "99999999999d", "0001-01-01", "9999-12-31",
            "9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30",
            "24:00", "1e2", "NaN", "Infinity", "sNaN", "0x10", "1_000", "\u0661\u0662",
            "Europe/Atlantis", "../../etc/passwd", "/etc/localtime", "Europe/", "utc", "UTC\0",
            "(a+)+$", "(" * 400, "a{1000}{1000}", "(?P<x>a)(?P=x)", "[", "\\", "(?i", "\\C",
            "(((((a{1,30}){1,30}){1,30}){1,30}){1,30})", "x*" * 250, "[[:alpha:]]", "(?=a)",
            "after", "after.", ".", "..", "after..id", "item", "item.", "item.x", "event.before",
            "before.before", "custom_attributes", "after.custom_attributes.", "after.tags.0",
            "__class__", "after.__class__", "only_if", "equals", "lead", "hook", "on_entering",
            [], {}, [[]], [{}], [None], {"field": "after.id"}, {"field": "x"}, {"field": None},
            {"all": []}, {"not": {}}, {"not": None}, {"any": [None]}, {"not_in": []},
            {"equals": 1}, {"in": [1, "x"]}, {"between": [3, 1]}, {1: 2}, {None: 1}, {(): 1},
            {"\ud800": 1}, ("x",), b"x", Own(field="after.id", equals="x"),
        )
    ),
)  # fmt: skip
#: What is large or deep comes seldom, because it takes long to build.
VAST: tuple[Callable[[], Any], ...] = (
    lambda: deep(lambda inner: {"not": inner}),
    lambda: deep(lambda inner: {"all": [inner]}),
    lambda: deep(lambda inner: [inner]),
    lambda: deep(lambda inner: {"field": "after.tags", "any_item": inner}),
    lambda: deep(lambda inner: {"not": inner}, 9),
    lambda: list(range(20_000)),
    lambda: ["x"] * 20_000,
    lambda: [{"field": "after.id", "equals": "x"}] * 201,
    lambda: {f"k{number}": number for number in range(5_000)},
)  # fmt: skip


def junk(chance: Random) -> Any:
    return chance.choice(VAST if chance.random() < 0.01 else JUNK)()


KEYS = (
    "field", "all", "any", "not", "equals", "in", "between", "matches", "count", "any_item",
    "changed", "changed_to", "increased_by", "is_empty", "ignore_case", "if", "webhook", "template",
    "on", "then", "entity", "id", "source", "when_changed", "only_if", "fire", "state", "time_zone",
    "kind", "", "Field", "feild", 1, None, True, 1.5, (), "\ud800", "x" * 10_000, "__proto__",
)  # fmt: skip


def spots(value: Any) -> list[tuple[Any, Any]]:
    """All places in a value: what holds them, and the key or index."""
    found: list[tuple[Any, Any]] = []
    pending = [value]
    while pending and len(found) < 500:
        holder = pending.pop()
        keys = list(holder) if isinstance(holder, dict) else range(min(len(holder), 50))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                pending.append(holder[key])
    return found


def mutated(value: dict[str, Any], chance: Random) -> dict[str, Any]:
    """The same with one to three things wrong with it, or not."""
    value = copy.deepcopy(value)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        places = spots(value)
        if not places:
            return value
        holder, key = chance.choice(places)
        MUTATIONS[chance.randrange(len(MUTATIONS))](holder, key, chance, places)
    return value


def put_junk(holder: Any, key: Any, chance: Random, _: Any) -> None:
    holder[key] = junk(chance)


def drop(holder: Any, key: Any, _: Random, __: Any) -> None:
    del holder[key]


def rename(holder: Any, key: Any, chance: Random, _: Any) -> None:
    if isinstance(holder, dict):
        holder[chance.choice(KEYS)] = holder.pop(key)


def add(holder: Any, key: Any, chance: Random, _: Any) -> None:
    if isinstance(holder, dict):
        holder[chance.choice(KEYS)] = junk(chance)
    else:
        holder.insert(key, copy.copy(holder[key]))


def move(holder: Any, key: Any, chance: Random, places: list[tuple[Any, Any]]) -> None:
    other, there = chance.choice(places)
    if there in (other if isinstance(other, dict) else range(len(other))):
        with suppress(RecursionError):  # what is too deep to copy stays where it is
            holder[key] = copy.deepcopy(other[there])


MUTATIONS = (put_junk, put_junk, drop, rename, add, move)


def entity_of(value: Any) -> str:
    return value if isinstance(value, str) and value in catalog().entities else "lead"


def take(content: Any, chance: Random) -> bool:
    """Do with a manifest's content all that is ever done; whether it is accepted."""
    started = time.process_time()
    parsed = parse_workflow(content)
    if isinstance(parsed, Workflow):
        problems = check(parsed, catalog(), {"hook": None})
        assert all(each.message for each in (*problems, *check_warnings(parsed, catalog())))
        if not problems:
            run(parsed, chance)
    else:
        problems = parsed
        assert problems
        assert all(each.message for each in problems)
    for each in problems:
        str(each)
    assert time.process_time() - started < BOUND_S, repr(content)[:500]
    return not problems


def run(workflow: Workflow, chance: Random) -> None:
    """What was accepted compiles, matches anything, and survives its stored form."""
    compiled = compile_workflow(workflow, 1, catalog())
    assert isinstance(compiled, CompiledWorkflow)
    stored = json.loads(json.dumps(workflow.manifest()).encode())
    assert parse_workflow(stored) == workflow
    matcher = Matcher()
    matcher.put(compiled)
    drawing = Drawing(entity_of(workflow.entity), chance)
    for event in [drawing.event()]:
        found = matcher.match(event)
        assert not found.failures
        assert explain_compiled(compiled, event).matched is bool(found.matches)
        assert all(isinstance(step.takes(event), bool) for step in compiled.steps)


def drawn(part: int, salt: int, count: int) -> Iterator[tuple[dict[str, Any], Random]]:
    """Manifests to be mutated; each is used a few times."""
    chance = Random(part * 1_000 + salt)
    for index in range(count):
        if index % 8 == 0:
            drawing = Drawing(chance.choice(catalog().entities), chance)
            drawing.event()
            content = drawing.workflow("w")
        yield content, chance


@pytest.mark.parametrize("part", range(PARTS))
def test_no_value_makes_saving_or_matching_crash(part: int) -> None:
    accepted = [
        take(mutated(content, chance), chance) for content, chance in drawn(part, 1, VALUES)
    ]

    assert 0.03 < sum(accepted) / VALUES < 0.9


def scrambled(text: str, chance: Random) -> str:
    """A text with something cut out, doubled or put in."""
    at, to = sorted(chance.randrange(len(text)) for _ in range(2))
    to = min(to, at + 30)
    match chance.randrange(5):
        case 0:
            return text[:at] + text[to:]
        case 1:
            return text[:to] + text[at:]
        case 2:
            return text[:at] + chance.choice(SYNTAX) + text[at:]
        case 3:
            return text[:at] + chance.choice(SYNTAX) + text[to:]
        case _:
            return text


SYNTAX = (
    "&a ", "*a", "<<: *a", "!!python/object:x ", "!x ", "? ", "- ", ": ", "{", "}", "[", "]", "'", '"',
    "|\n", ">\n", "---\n", "...\n", "%YAML 1.1\n", "\t", "\0", "\u2028", "\ufeff", "#", "\n", "@", "`",
    "[" * 3_000, "{a: " * 3_000, "- " * 3_000, "yes", ".nan", ".inf", "1e999", "0o77", "9" * 500, "~",
    "\\ud800", '"\\ud800"', "!!int x", "!!binary eA==", "a: &b [*b]",
)  # fmt: skip
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(f'*{before}' for _ in range(10))}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def text_of(content: dict[str, Any], chance: Random) -> str:
    """A manifest as JSON, which is YAML, on several lines or one."""
    try:
        said = json.dumps({"kind": "Workflow"} | content, indent=chance.choice((None, 1)))
    except (TypeError, ValueError, RecursionError):
        return BOMB
    return said if len(said) < 20_000 else said[:20_000]


@pytest.mark.parametrize("part", range(PARTS))
def test_no_text_makes_saving_or_matching_crash(part: int) -> None:
    accepted = 0
    for content, chance in drawn(part, 2, TEXTS):
        started = time.process_time()
        whole = mutated(content, chance) if chance.random() < 0.3 else content
        text = scrambled(text_of(whole, chance), chance)
        read = read_texts([("m.yaml", text)])
        assert all(each.place.startswith("m.yaml") and each.message for each in read.problems)
        assert time.process_time() - started < BOUND_S, text[:500]
        accepted += sum(take(each.content, chance) for each in read.definitions) > 0

    assert 0.03 < accepted / TEXTS < 0.9


SETTINGS = Settings(secret_keys=new_key(), webhook_allow_networks="127.0.0.0/8", topic_partitions=1)
HOOK = {"kind": "Webhook", "id": "hook", "url": "http://127.0.0.1:9/x"}


async def saved(texts: list[str]) -> tuple[bool, int]:
    """Whether texts were taken, and how many definitions were written."""
    wanted = SETTINGS.topics.all(catalog().entities)
    broker = InMemoryBroker([topics.config_of(topic) for topic in wanted])
    async with opened(SETTINGS, broker) as session:
        try:
            await apply(
                session,
                read_texts([("m.yaml", "\n---\n".join(texts))]),
                Author("a", VirtualClock()),
            )
            taken = True
        except (DefinitionError, ConfigurationError):
            taken = False
    named = (SETTINGS.topics.workflows, SETTINGS.topics.webhooks)
    return taken, sum(len(broker.written(topic)) for topic in named)


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_saved_is_saved_whole_or_not_at_all(part: int) -> None:
    for content, chance in drawn(part, 3, SAVES):
        good = [json.dumps({"kind": "Workflow"} | content | {"id": f"good{n}"}) for n in range(2)]
        bad = scrambled(text_of(mutated(content, chance), chance), chance)
        texts = [json.dumps(HOOK), good[0], bad, good[1]]
        taken, written = asyncio.run(saved(texts))

        assert written >= 3 if taken else written == 0
