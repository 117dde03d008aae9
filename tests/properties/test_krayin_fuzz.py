"""20,000 random and mutated Krayin exports: none crashes, and none is taken by half."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from console.apply import Author, apply
from console.krayin import Conversion, Rows, convert, read_rows
from console.session import opened
from runtime import topics
from runtime.manifests import read_texts
from runtime.secrets import new_key
from runtime.settings import Settings
from schemas.errors import ConfigurationError, DefinitionError
from tests.crm import catalog
from tests.fakes import InMemoryBroker, VirtualClock
from webhook_service.address import networks

PARTS, IMPORTS, SAVES = 10, 2_000, 4
#: Of so many conversions one is read back as the YAML that it is written as.
READ_EVERY = 20
LOOPBACK, ZONE = networks(["127.0.0.0/8"]), ZoneInfo("Europe/Berlin")
ATTRIBUTES = (
    ("title", "text"), ("lead_value", "price"), ("emails", "email"), ("closed_at", "datetime"),
    ("expected_close_date", "date"), ("lead_source_id", "select"), ("status", "boolean"),
    ("sizes", "multiselect"), ("user_id", "lookup"), ("nothing", "text"),
)  # fmt: skip
OPERATORS = ("==", "!=", ">", "<", ">=", "<=", "{}", "!{}")
VALUES = ("x", "", None, 0, 12, "1e3", "2026-01-31", "2026-07-01 00:00:00", "0", True, ["1", "2"])
EVENTS = (
    ("leads", "lead.create.after"), ("leads", "lead.update.after"), ("leads", "lead.delete.before"),
    ("persons", "contacts.person.create.after"), ("quotes", "quote.update.after"), ("emails", "x"),
)  # fmt: skip
JUNK = (
    "title", "lead_value", "emails", "==", "!{}", "", None, 0, -1, 1.5, float("nan"), 10**400, True,
    [], {}, "1", ["x"], [[]], [None], {"key": None}, "\ud800", "\0", "x" * 5_000, "{%leads.title%}",
    "{%leads.", "{{ after.title }}", "http://127.0.0.1:9/\n", "javascript:x", "9" * 400, "a\r\nb: c",
)  # fmt: skip
PAYLOADS = (
    None, "", "{", '{"a": "{%leads.title%}"}', "{%leads.title%}", [{"key": "a", "value": "{%leads.id%}"}],
)  # fmt: skip


def rule(chance: Random, number: int) -> dict[str, Any]:
    entity, event = chance.choice(EVENTS) if chance.random() < 0.3 else EVENTS[1]
    conditions = [
        {"attribute": code, "attribute_type": kind, "operator": chance.choice(OPERATORS),
         "value": chance.choice(VALUES)}
        for code, kind in chance.choices(ATTRIBUTES, k=chance.choice((0, 0, 1, 1, 2)))
    ]  # fmt: skip
    return {
        "id": number,
        "name": chance.choice(("Big lead", "Bïg", "", None, "Big lead")),
        "entity_type": entity,
        "event": event,
        "condition_type": chance.choice(("and", "or")),
        "conditions": chance.choice((conditions, json.dumps(conditions))),
        "actions": [{"id": "trigger_webhook", "value": str(chance.choice((1, 1, 2, 2, 2, 3)))}],
    }


def hook(chance: Random, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": chance.choice(("Slack", "Slack", "Ümläut", None)),
        "entity_type": chance.choice(("leads",) * 7 + ("persons",)),
        "method": chance.choice(("post", "post", "get")),
        "end_point": f"http://127.0.0.1:9/{number}",
        "query_params": chance.choice((None, [{"key": "a", "value": "b"}])),
        "headers": chance.choice((None, [{"key": "Content Type", "value": "application/json"}])),
        "payload_type": chance.choice(("default", "default", "raw")),
        "raw_payload_type": chance.choice(("json", "text")),
        "payload": chance.choice(PAYLOADS),
    }


def mutated(chance: Random, value: Any, rate: float, depth: int = 0) -> Any:
    """The value with some of its parts replaced by others that make no sense there."""
    if chance.random() < rate:
        return chance.choice(JUNK)
    if isinstance(value, dict) and depth < 5:
        kept = {
            key: mutated(chance, each, rate, depth + 1)
            for key, each in value.items()
            if chance.random() > rate / 3
        }
        if chance.random() < rate:
            kept[chance.choice(("id", "name", "x", ""))] = chance.choice(JUNK)
        return kept
    if isinstance(value, list) and depth < 5:
        return [mutated(chance, each, rate, depth + 1) for each in value]
    return value


def export(chance: Random) -> dict[str, list[Any]]:
    """Two webhooks and one or two workflows; half of the exports are as Krayin writes them."""
    rate = chance.choice((0.0, 0.02, 0.05, 0.15))
    webhooks = [hook(chance, number) for number in (1, 2)]
    workflows = [rule(chance, number) for number in range(1, chance.choice((2, 3)))]
    return {
        "workflows": [mutated(chance, each, rate, 1) for each in workflows],
        "webhooks": [mutated(chance, each, rate, 1) for each in webhooks],
    }


def converted(content: dict[str, list[Any]]) -> Conversion:
    def rows(name: str) -> tuple[dict[str, Any], ...]:
        return tuple(each for each in content[name] if isinstance(each, dict))

    return convert(
        Rows(rows("workflows"), rows("webhooks")), catalog(), zone=ZONE, allowed=LOOPBACK
    )


def check_whole(found: Conversion) -> None:
    """Each row is there whole, or refused with a reason; nothing names what is not there."""
    refused = {note.place.split(":")[0] for note in found.notes if note.kind == "not-converted"}
    assert all(note.message for note in found.notes)
    assert len(found.manifests) >= found.total - sum(
        note.kind == "not-converted" for note in found.notes
    )
    assert bool(refused) is (len(found.manifests) < found.total)
    there = {each["id"] for each in found.manifests if each["kind"] == "Webhook"}
    for each in found.manifests:
        if each["kind"] == "Workflow":
            assert {step["webhook"] for step in each["then"]} <= there
    names = [(each["kind"], each["id"]) for each in found.manifests]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_export_crashes_and_each_row_is_converted_whole_or_refused(part: int) -> None:
    chance, workflows = Random(part), 0
    for number in range(IMPORTS):
        found = converted(export(chance))
        check_whole(found)
        workflows += any(each["kind"] == "Workflow" for each in found.manifests)
        if number % READ_EVERY == 0:
            texts = [("k.yaml", json.dumps(each)) for each in found.manifests]
            assert read_texts(texts).problems == ()

    assert 0.1 < workflows / IMPORTS < 0.95


@pytest.mark.parametrize("part", range(PARTS))
def test_no_text_crashes_the_reading_of_an_export(part: int) -> None:
    chance, read = Random(part), 0
    refused = 0
    for _ in range(200):
        text = json.dumps(export(chance))
        at, to = sorted(chance.randrange(len(text)) for _ in range(2))
        cut = text[:at] + chance.choice(("", "{", "]", '"', "null", "[" * 5_000)) + text[to:]
        try:
            rows = read_rows(chance.choice((text, cut)))
        except ConfigurationError as error:
            refused += bool(str(error))
        else:
            check_whole(convert(rows, catalog(), zone=ZONE, allowed=LOOPBACK))
            read += 1

    assert read
    assert refused


SETTINGS = Settings(secret_keys=new_key(), webhook_allow_networks="127.0.0.0/8", topic_partitions=1)


async def saved(texts: list[str]) -> int | None:
    """How many definitions were written; None if the manifests were refused."""
    wanted = SETTINGS.topics.all(catalog().entities)
    broker = InMemoryBroker([topics.config_of(topic) for topic in wanted])
    named = (SETTINGS.topics.workflows, SETTINGS.topics.webhooks)
    async with opened(SETTINGS, broker) as session:
        try:
            manifests = read_texts([("k.yaml", "\n---\n".join(texts))])
            await apply(session, manifests, Author("a", VirtualClock()))
        except (DefinitionError, ConfigurationError):
            assert sum(len(broker.written(topic)) for topic in named) == 0
            return None
    return sum(len(broker.written(topic)) for topic in named)


@pytest.mark.parametrize("part", range(PARTS))
def test_what_was_converted_is_saved_whole_and_with_one_wrong_not_at_all(part: int) -> None:
    chance = Random(1_000 + part)
    for _ in range(SAVES):
        found = converted(export(chance))
        texts = [json.dumps(each) for each in found.manifests]
        if not texts:
            continue
        spoilt = json.dumps(found.manifests[-1] | {"id": "spoilt", "feild": 1})

        assert asyncio.run(saved(texts)) == len(texts)
        assert asyncio.run(saved([*texts, spoilt])) is None
