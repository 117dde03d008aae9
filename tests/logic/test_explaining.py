"""Why did a workflow fire for an event, or why not: every answer that there can be."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from console.session import Session
from runtime.broker import Outgoing, Position, Received, TopicPartition
from schemas import headers
from schemas.events import event_headers
from schemas.records import Definition, Firing, firing_key_of
from tests.desks import (
    EVENT_ID,
    SECRET,
    Office,
    death,
    lead,
    lead_action,
    lead_attempt,
    lead_event,
    office,
    parsed,
)
from tests.fakes import NOON

EVENTS = "crm.lead.events"
FLOW = """\
kind: Workflow
id: {id}
entity: {entity}
on: [{on}]
{extra}
then: [{{webhook: {webhook}}}]
"""


def flow(
    id: str = "flow",
    extra: str = "",
    *,
    on: str = "created",
    webhook: str = "standby",
    entity: str = "lead",
) -> str:
    return FLOW.format(id=id, extra=extra, on=on, webhook=webhook, entity=entity)


@pytest.fixture
def made() -> Office:
    """A system with one event on its topic, which the workflow service has read."""
    system = office()
    system.publish(lead_event())
    read(system)
    return system


def record_of(system: Office) -> Received:
    (record,) = system.broker.written(EVENTS)
    return record


def read(system: Office, offset: int | None = None) -> None:
    """Have the workflow service's group commit the event's partition."""
    record = record_of(system)
    after = record.offset + 1 if offset is None else offset
    place = TopicPartition(record.topic, record.partition)
    system.broker.group(system.settings.workflow_group).commit({place: Position(after)})


def explained(system: Office, capsys: Any, *arguments: str, code: int | None = None) -> Any:
    capsys.readouterr()
    ended = system.call("workflows", "explain", *arguments, "--json")
    assert code is None or ended == code
    return parsed(capsys.readouterr().out)


def said(system: Office, capsys: Any, *arguments: str) -> str:
    capsys.readouterr()
    system.call("workflows", "explain", *arguments)
    return str(capsys.readouterr().out)


def test_each_condition_says_operator_expectation_both_sides_and_the_first_failure(made, capsys):
    made.apply(
        flow(
            extra="only_if: {all: [{field: after.title, equals: Engine},"
            " {any: [{field: after.lead_value, at_least: 50000}, {field: after.id, equals: x}]}]}"
        )
    )
    answer = explained(made, capsys, "flow", str(EVENT_ID), "--personal", code=1)

    (condition,) = [one for one in answer["verdicts"] if one["path"] == "only_if"]
    title, group = condition["inner"]
    assert (title["verdict"], group["verdict"]) == (True, False)
    leaf = group["inner"][0]
    assert (leaf["field"], leaf["operator"], leaf["expected"]) == (
        "after.lead_value",
        "at_least",
        50000,
    )
    assert (leaf["before"], leaf["after"], leaf["verdict"]) == (None, "12000.0000", False)
    assert answer["first_failed"] == "only_if.all[1].any[0]"
    assert "12000" in answer["reason"]


def test_the_tree_marks_the_first_that_failed_and_nothing_else(made, capsys):
    out = said(made, capsys, "small-lead", str(EVENT_ID))

    (marked,) = [line for line in out.splitlines() if "the first that failed" in line]
    assert "after.lead_value" in marked
    assert "small-lead (version 1) does not match" in out


def test_a_match_has_no_first_failure(made, capsys):
    answer = explained(made, capsys, "big-lead", str(EVENT_ID), code=0)

    assert (answer["matched"], answer["first_failed"]) == (True, None)


def test_an_event_is_named_by_its_place_too(made, capsys):
    answer = explained(made, capsys, "big-lead", record_of(made).place, code=0)

    assert answer["event"]["event_id"] == str(EVENT_ID)


def test_an_event_of_another_entity_is_answered_with_that(made, capsys):
    made.apply(flow("people-flow", entity="person", webhook="people"))

    answer = explained(made, capsys, "people-flow", str(EVENT_ID), code=1)

    assert answer["first_failed"] == "entity"
    assert "lead" in answer["reason"]


def test_a_paused_workflow_says_what_it_would_do(made, capsys):
    made.apply(flow(extra="state: paused"))

    answer = explained(made, capsys, "flow", str(EVENT_ID), code=1)

    assert answer["first_failed"] == "state"
    assert any("active, it would fire" in note for note in answer["notes"])


def test_a_paused_workflow_with_another_reason_names_it(made, capsys):
    made.apply(flow(extra="state: paused\nonly_if: {field: after.lead_value, less_than: 1}"))

    answer = explained(made, capsys, "flow", str(EVENT_ID), code=1)

    assert any("only_if does not hold either" in note for note in answer["notes"])


def test_a_dry_run_is_told_from_a_delivery(made, capsys):
    made.act(lead_action(workflow_id="small-lead"), topic=made.topics.actions_dryrun)

    answer = explained(made, capsys, "small-lead", str(EVENT_ID))

    assert answer["fate"]["kind"] == "dry_run"
    assert answer["fate"]["actions"][0]["stand"] == "dry_run"


def test_an_action_is_followed_to_where_it_stands(made, capsys):
    made.act(lead_action())
    made.attempt(lead_attempt(outcome="delivered", status=200, error_class=None, error=None))

    answer = explained(made, capsys, "big-lead", str(EVENT_ID), code=0)

    assert answer["fate"]["kind"] == "acted"
    assert answer["fate"]["sentences"] == ["version 1 → sales: delivered at attempt 1"]
    assert answer["version_then"] == {"version": 1, "approximate": False}


def test_actions_of_other_workflows_are_not_its_own(made, capsys):
    made.act(lead_action())

    answer = explained(made, capsys, "small-lead", str(EVENT_ID), code=1)

    assert (answer["fate"]["kind"], answer["fate"]["actions"]) == ("nothing", [])


def test_an_event_that_the_service_has_not_read_says_how_far_it_is_behind(made, capsys):
    made.publish(*[lead_event(event_id=uuid.UUID(int=n)) for n in range(3)])
    last = made.broker.written(EVENTS)[-1]

    answer = explained(made, capsys, "big-lead", last.place, code=0)

    assert answer["fate"]["kind"] == "behind"
    assert answer["fate"]["consumer"] == {
        "group": "hookline-workflows",
        "committed": last.offset - 2,
        "behind": 3,
    }
    assert "3 behind" in answer["fate"]["sentences"][0]
    assert "HOOKLINE_WORKFLOW_GROUP" in answer["fate"]["sentences"][0]


def test_the_very_next_event_of_the_group_is_not_read_yet(made, capsys):
    read(made, record_of(made).offset)

    answer = explained(made, capsys, "big-lead", str(EVENT_ID), code=0)

    assert (answer["fate"]["kind"], answer["fate"]["consumer"]["behind"]) == ("behind", 1)


def test_a_group_that_never_committed_is_said_to_be_so(capsys):
    system = office()
    system.publish(lead_event())

    answer = explained(system, capsys, "big-lead", str(EVENT_ID))

    assert answer["fate"]["consumer"]["committed"] is None
    assert "has never finished anything" in answer["fate"]["sentences"][0]


def test_an_event_that_never_reached_the_topic_says_where_it_was_looked_for_and_what_next(
    made, capsys
):
    answer = explained(made, capsys, "big-lead", str(uuid.UUID(int=9)), code=1)

    assert answer["matched"] is None
    assert answer["event"] is None
    assert answer["fate"]["kind"] == "not_found"
    first, *rest = answer["fate"]["sentences"]
    assert EVENTS in first
    assert "since 2025-12-25" in first
    assert any("gateway" in one for one in rest)
    assert any("outbox" in one for one in rest)


def test_a_place_where_nothing_stands_is_answered_alike(made, capsys):
    answer = explained(made, capsys, "big-lead", f"{EVENTS}:0:99", code=1)

    assert answer["fate"]["kind"] == "not_found"


def test_a_place_on_a_topic_without_events_is_refused(made, capsys):
    assert made.call("workflows", "explain", "big-lead", "crm.actions:0:0") == 2

    assert "is no topic of events" in capsys.readouterr().err


def bury(system: Office, value: bytes | None, head: dict[str, str]) -> None:
    """Write a dead letter of an event."""

    async def write(session: Session) -> None:
        publisher = await session.publisher()
        texts = tuple((name, text.encode()) for name, text in head.items())
        await publisher.publish(Outgoing(f"{EVENTS}-dlt", b"17", value, texts))

    system.within(write)


def origin_of(record: Received) -> dict[str, str]:
    return {
        headers.ERROR_TOPIC: record.topic,
        headers.ERROR_PARTITION: str(record.partition),
        headers.ERROR_OFFSET: str(record.offset),
    }


def test_a_workflow_that_broke_on_the_event_names_the_dead_letter(made, capsys):
    record = record_of(made)
    broke = {headers.WORKFLOW: "big-lead", headers.REASON: "it broke", **origin_of(record)}
    bury(made, record.value, broke)

    mine = explained(made, capsys, "big-lead", str(EVENT_ID))
    other = explained(made, capsys, "small-lead", str(EVENT_ID))

    assert mine["fate"]["kind"] == "dead_letter"
    assert "it broke" in mine["fate"]["sentences"][0]
    assert mine["fate"]["dead_letters"][0]["address"] in mine["fate"]["sentences"][0]
    assert other["fate"]["kind"] == "nothing"


def test_an_action_that_was_refused_is_a_dead_letter_of_the_event(made, capsys):
    refused = {**origin_of(record_of(made)), headers.REASON: "no such webhook"}
    made.die(death(lead_action(), **refused))

    answer = explained(made, capsys, "big-lead", str(EVENT_ID))

    assert answer["fate"]["kind"] == "dead_letter"
    assert "its action for sales was refused: no such webhook" in answer["fate"]["sentences"][0]


def test_an_event_that_only_a_dead_letter_holds_is_judged_from_there(capsys):
    system = office()
    system.publish(lead_event())
    record = record_of(system)
    head = {name: value.decode() for name, value in event_headers(lead_event(), "/test")}
    bury(system, record.value, {**head, **origin_of(record), headers.REASON: "unknown schema"})
    system.broker.storage.logs[TopicPartition(record.topic, record.partition)].entries.clear()

    answer = explained(system, capsys, "big-lead", str(EVENT_ID), code=0)

    assert answer["matched"] is True
    assert answer["fate"]["kind"] == "dead_letter"
    assert "it is in the dead letters: " in answer["fate"]["sentences"][0]


def test_the_address_of_a_dead_letter_names_its_event(made, capsys):
    record = record_of(made)
    bury(made, record.value, {**origin_of(record), headers.REASON: "it broke"})
    (letter,) = made.broker.written(f"{EVENTS}-dlt")

    answer = explained(made, capsys, "big-lead", letter.place, code=0)

    assert answer["event"]["event_id"] == str(EVENT_ID)
    assert answer["fate"]["dead_letters"][0]["address"] == letter.place


def test_a_custom_attribute_may_have_dots_in_its_code(capsys):
    system = office()
    system.apply(flow(extra="only_if: {field: after.custom_attributes.a.b, equals: x}"))
    system.publish(lead_event(after=lead(custom_attributes={"a.b": "y"})))

    answer = explained(system, capsys, "flow", str(EVENT_ID), "--personal", code=1)

    assert answer["verdicts"][-1]["after"] == "y"


def test_an_event_that_cannot_be_read_says_so_with_its_dead_letter(capsys):
    system = office()

    async def write(session: Session) -> None:
        publisher = await session.publisher()
        head = event_headers(lead_event(), "/test")
        await publisher.publish(Outgoing(EVENTS, b"17", b"junk", head))

    system.within(write)
    bury(system, b"junk", {**origin_of(record_of(system)), headers.REASON: "no framing"})

    answer = explained(system, capsys, "big-lead", str(EVENT_ID), code=1)

    assert answer["fate"]["kind"] == "unreadable"
    assert answer["event"] == {
        "topic": EVENTS,
        "partition": record_of(system).partition,
        "offset": 0,
    }
    assert "no framing" in answer["fate"]["sentences"][1]


CHANGED = flow("big-lead", "only_if: {field: after.lead_value, at_least: 50000}", webhook="sales")


def test_the_version_in_force_is_explained_and_the_one_then_is_named(made, capsys):
    made.clock._now += timedelta(hours=1)
    made.apply(CHANGED)

    answer = explained(made, capsys, "big-lead", str(EVENT_ID), code=1)

    assert answer["version"] == answer["version_in_force"] == 2
    assert answer["version_then"] == {"version": 1, "approximate": True}
    (note,) = answer["notes"]
    assert "version 1 was in force when the event was worked on" in note
    assert "approximate" in note
    assert "--version 1" in note


def test_an_action_says_exactly_which_version_it_was(made, capsys):
    made.clock._now += timedelta(hours=1)
    made.apply(CHANGED)
    made.act(lead_action())

    answer = explained(made, capsys, "big-lead", str(EVENT_ID), code=1)

    assert answer["version_then"] == {"version": 1, "approximate": False}
    assert "approximate" not in answer["notes"][0]


def test_another_version_is_explained_on_request(made, capsys):
    made.clock._now += timedelta(hours=1)
    made.apply(CHANGED)
    made.act(lead_action())

    answer = explained(made, capsys, "big-lead", str(EVENT_ID), "--version", "1", code=0)

    assert (answer["version"], answer["version_in_force"], answer["notes"]) == (1, 2, [])


def test_a_version_that_never_was_is_answered_with_those_there_are(made, capsys):
    assert made.call("workflows", "explain", "big-lead", str(EVENT_ID), "--version", "9") == 1

    assert "no version 9" in capsys.readouterr().err


def test_a_workflow_that_did_not_exist_then_says_what_it_would_do_now(made, capsys):
    made.clock._now += timedelta(hours=1)
    made.apply(flow())

    answer = explained(made, capsys, "flow", str(EVENT_ID), code=0)

    assert answer["version_then"] == {"version": None, "approximate": True}
    (note,) = answer["notes"]
    assert "first saved at 2026-01-01 13:00:00Z by tester" in note
    assert "after this event was published at 2026-01-01 12:00:00Z" in note
    assert "as saved now it would fire" in note


def test_a_removed_workflow_is_explained_by_its_last_version(made, capsys):
    made.clock._now += timedelta(hours=1)
    assert made.call("workflows", "remove", "big-lead") == 0

    answer = explained(made, capsys, "big-lead", str(EVENT_ID), code=0)

    assert (answer["version"], answer["version_in_force"]) == (1, None)
    assert "was removed at 2026-01-01 13:00:00Z" in answer["notes"][0]


def test_an_event_between_removal_and_a_new_save_met_no_workflow(capsys):
    system = Office().with_topics()  # not a copy, so that the broker goes by this clock
    system.apply()
    system.clock._now += timedelta(hours=1)
    system.call("workflows", "remove", "big-lead")
    system.clock._now += timedelta(hours=1)
    system.publish(lead_event())
    system.clock._now += timedelta(hours=1)
    system.apply(CHANGED)

    answer = explained(system, capsys, "big-lead", str(EVENT_ID), code=1)

    assert answer["version_then"]["version"] is None
    assert "was removed at 2026-01-01 13:00:00Z" in answer["notes"][0]
    assert "it would not fire" in answer["notes"][0]


def test_without_a_history_the_version_then_is_said_to_be_unknown(made, capsys):
    made.clock._now += timedelta(hours=1)
    made.apply(CHANGED)
    made.broker.storage.delete("crm.workflows-history")

    answer = explained(made, capsys, "big-lead", str(EVENT_ID), code=1)

    assert answer["version_then"] is None
    assert "is not known" in answer["notes"][0]


def test_a_workflow_that_never_was_is_answered_with_those_there_are(made, capsys):
    assert made.call("workflows", "explain", "big-led", str(EVENT_ID)) == 1

    assert "big-lead" in capsys.readouterr().err


ONCE = flow("once", "fire: once_per_record")


def fire(system: Office, event_id: uuid.UUID) -> None:
    """Write that the workflow `once` fired for lead 17."""

    async def write(session: Session) -> None:
        publisher = await session.publisher()
        await session.registry.register(session.catalog.firing)
        firing = Firing("once", 1, "lead", "17", event_id, NOON)
        key = firing_key_of("once", "lead", "17")
        value = session.codec.encode(firing)
        place = record_of(system).partition
        await publisher.publish(Outgoing(system.topics.firings, key, value, partition=place))

    system.within(write)


def test_a_workflow_that_fires_once_names_the_event_it_fired_for(made, capsys):
    made.apply(ONCE)
    fire(made, uuid.UUID(int=7))

    answer = explained(made, capsys, "once", str(EVENT_ID), code=1)

    assert answer["first_failed"] == "fire"
    assert str(uuid.UUID(int=7)) in answer["reason"]
    assert answer["fate"]["fired"]["event_id"] == str(uuid.UUID(int=7))


@pytest.mark.parametrize(
    ("fired_for", "words"),
    [
        pytest.param(EVENT_ID, "it has fired for this very event", id="this event"),
        pytest.param(None, "it has not fired for lead 17 before", id="none"),
    ],
)
def test_a_workflow_that_fires_once_says_what_it_has_fired_for(made, capsys, fired_for, words):
    made.apply(ONCE)
    if fired_for:
        fire(made, fired_for)

    answer = explained(made, capsys, "once", str(EVENT_ID), code=0)

    assert answer["verdicts"][-1]["reason"] == words


def shown(system: Office, capsys: Any, *options: str) -> str:
    capsys.readouterr()
    assert system.call("events", "show", str(EVENT_ID), "--json", *options) == 0
    return str(capsys.readouterr().out)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(
            {"operation": "created", "after": {"id": "7", "title": "E", "lead_value": 20000}},
            id="as the gateway takes it",
        ),
        pytest.param({"after": {"id": "7", "title": "E", "lead_value": "20000"}}, id="bare sides"),
        pytest.param(
            {"entity": "lead", "after": {"id": "7", "title": "E", "lead_value": 20000}},
            id="with its entity",
        ),
    ],
)
def test_an_event_may_be_a_file(made, capsys, tmp_path, document):
    file = tmp_path / "event.json"
    file.write_text(json.dumps(document))

    answer = explained(made, capsys, "big-lead", str(file), code=0)

    assert answer["fate"]["kind"] == "not_published"
    assert answer["event"]["entity_id"] == "7"


def test_what_events_show_prints_is_taken_as_it_is(made, capsys, tmp_path):
    file = tmp_path / "event.json"
    file.write_text(shown(made, capsys, "--personal"))

    answer = explained(made, capsys, "big-lead", str(file), code=0)

    assert answer["event"]["event_id"] == str(EVENT_ID)
    assert answer["notes"] == []


def test_masked_values_in_a_file_are_pointed_out(made, capsys, tmp_path):
    file = tmp_path / "event.json"
    file.write_text(shown(made, capsys))

    answer = explained(made, capsys, "big-lead", str(file), code=0)

    assert any("in place of personal values" in note for note in answer["notes"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("nonsense", "is not JSON", id="no JSON"),
        pytest.param("[]", "one JSON object", id="an array"),
        pytest.param("{}", "before and after are both missing", id="no side"),
        pytest.param('{"after": {"id": "7", "titel": "E"}}', "/after/titel", id="unknown field"),
        pytest.param('{"after": {"title": "E"}}', "id", id="no id"),
        pytest.param(
            '{"operation": "deleted", "after": {"id": "7", "title": "E"}}', "/before", id="side"
        ),
        pytest.param('{"entity": "laed", "after": {"id": "7"}}', "laed", id="unknown entity"),
    ],
)
def test_a_file_that_is_no_event_is_refused_with_what_is_wrong(made, capsys, tmp_path, text, words):
    file = tmp_path / "event.json"
    file.write_text(text)

    assert made.call("workflows", "explain", "big-lead", str(file)) == 2

    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""


def test_what_is_neither_id_nor_place_nor_file_is_refused(made, capsys):
    assert made.call("workflows", "explain", "big-lead", "no-such-file.json") == 2

    assert "no event id, no topic:partition:offset" in capsys.readouterr().err


PERSONAL = flow(
    "private",
    "only_if: {all: [{field: after.description, equals: hush},"
    " {field: after.lead_value, at_least: 1}]}",
)


def test_personal_values_are_masked_wherever_they_are_quoted(made, capsys):
    made.apply(PERSONAL)

    capsys.readouterr()
    made.call("workflows", "explain", "private", str(EVENT_ID), "--json")
    masked = capsys.readouterr().out
    people = said(made, capsys, "private", str(EVENT_ID))
    made.call("workflows", "explain", "private", str(EVENT_ID), "--json", "--personal")
    plain = capsys.readouterr().out

    assert "told me in private" not in masked
    assert "told me in private" not in people
    assert "12000" in masked
    assert "told me in private" in plain
    leaf = json.loads(masked)["verdicts"][-1]["inner"][0]
    assert (leaf["after"], leaf["before"], leaf["expected"]) == ("•••", None, "hush")


def save_raw(system: Office, spec: str) -> None:
    """Write version 2 of big-lead as it could only come from elsewhere."""

    async def write(session: Session) -> None:
        publisher = await session.publisher()
        await session.registry.register(session.catalog.definition)
        value = session.codec.encode(Definition("workflow", "big-lead", 2, NOON, "tester", spec))
        await publisher.publish(Outgoing("crm.workflows", b"big-lead", value))

    system.within(write)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param(
            '{"id": "big-lead", "entity": "lead", "on": ["created"], "then": [{"webhook": "sales"}],'
            ' "only_if": {"field": "after.lead_valeu", "equals": 1}}',
            "lead_valeu",
            id="an unknown field",
        ),
        pytest.param('{"id": "big-lead"}', "entity", id="half a manifest"),
        pytest.param("nonsense", "no JSON object", id="no JSON"),
        pytest.param("[]", "no JSON object", id="no object"),
    ],
)
def test_a_stored_workflow_that_makes_no_sense_is_said_to_be_so(made, capsys, spec, words):
    save_raw(made, spec)

    answer = explained(made, capsys, "big-lead", str(EVENT_ID), code=1)
    traced = made.call("trace", str(EVENT_ID))

    assert answer["matched"] is None
    assert words in answer["reason"]
    assert traced == 0


def test_a_match_of_which_nothing_was_made_is_pointed_out(made, capsys):
    answer = explained(made, capsys, "big-lead", str(EVENT_ID), code=0)

    assert answer["fate"]["kind"] == "nothing"
    (note,) = answer["notes"]
    assert "nothing was made of it" in note
    assert "hookline_workflows_broken" in note


def test_nothing_is_written_by_an_explanation(made, capsys):
    before = {place: log.end for place, log in made.broker.storage.logs.items()}

    explained(made, capsys, "big-lead", str(EVENT_ID))

    assert {place: log.end for place, log in made.broker.storage.logs.items()} == before


def test_an_update_is_shown_with_both_sides(capsys):
    system = office()
    system.apply(flow(on="updated", extra="only_if: {field: after.lead_value, at_least: 50000}"))
    before = lead(lead_value=Decimal("9000.0000"))
    system.publish(
        lead_event(operation="updated", version=2, before=before, changed_fields=("lead_value",))
    )

    answer = explained(system, capsys, "flow", str(EVENT_ID), code=1)
    out = said(system, capsys, "flow", str(EVENT_ID))

    leaf = answer["verdicts"][-1]
    assert (leaf["before"], leaf["after"]) == ("9000.0000", "12000.0000")
    assert '["9000.0000" → "12000.0000"]' in out


def test_the_webhooks_secret_is_never_part_of_an_answer(made, capsys):
    capsys.readouterr()
    made.call("workflows", "explain", "big-lead", str(EVENT_ID), "--json", "--personal")

    assert SECRET not in capsys.readouterr().out
