"""`hookline workflows replay`: the same actions under the same ids, counted first, gone on with."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import click
import pytest

from console import workflow_replay
from schemas import headers
from schemas.errors import BrokerError
from schemas.records import Action, action_id_of, action_key_of
from tests.desks import Office, lead, lead_event, office
from tests.fakes import NOON, MemoryTransactionalPublisher
from workflow_service.language.compiled import CompiledWorkflow

#: Of leads that were published at noon, asked for an hour later.
WINDOW = ("--from", "7d", "--to", "30m")
EXACT = ("--from", "2020-01-01T00:00:00Z", "--to", f"{NOON + timedelta(minutes=30):%FT%TZ}")
OTHER = """\
kind: Workflow
id: other
entity: lead
on: [created]
{more}
then: [{{webhook: sales}}]
"""


def with_leads(*values: int) -> Office:
    shop = office()
    shop.publish(
        *(
            lead_event(
                event_id=uuid.UUID(int=number),
                entity_id=str(number),
                after=lead(id=str(number), lead_value=Decimal(value)),
            )
            for number, value in enumerate(values, 1)
        )
    )
    later(shop)
    return shop


def later(shop: Office) -> None:
    """An hour goes by."""
    shop.clock._now += timedelta(hours=1)


def told(
    shop: Office, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, dict[str, Any], str]:
    """The exit code, the answer, and what was said beside it."""
    capsys.readouterr()
    code = shop.call("workflows", "replay", *arguments, "--json")
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else {}, said.err


def actions(shop: Office) -> list[Action]:
    records = shop.broker.written(shop.topics.actions)

    async def read(session: Any) -> list[Action]:
        return [await session.action(record.value) for record in records]

    found: list[Action] = shop.within(read)
    return found


def test_what_would_have_matched_is_sent_as_the_service_writes_it(capsys):
    shop = with_leads(12_000, 5)

    code, answer, _ = told(shop, capsys, "big-lead", *WINDOW, "--yes")

    (action,) = actions(shop)
    (record,) = shop.broker.written(shop.topics.actions)
    assert (code, answer["sent"], answer["matched"], answer["events"]) == (0, 1, 1, 2)
    assert action.action_id == action_id_of(uuid.UUID(int=1), "big-lead", 1, 0)
    assert record.key == action_key_of("sales", "lead", "1")
    assert dict(record.headers)[headers.ACTION_ID] == str(action.action_id).encode()
    assert dict(record.headers)[headers.REPLAY] == answer["replay"].encode()
    (event, _) = sorted(
        shop.broker.written(shop.topics.events("lead")), key=lambda it: it.key or b""
    )
    assert action.event == event.value


def test_a_dry_run_counts_and_writes_nothing(capsys):
    shop = with_leads(12_000, 13_000)

    code, answer, _ = told(shop, capsys, "big-lead", *WINDOW, "--dry-run")

    assert (code, answer["actions"], answer["sent"]) == (0, {"sales": 2}, 0)
    assert actions(shop) == []


def test_the_same_replay_again_sends_nothing_twice(capsys):
    shop = with_leads(12_000, 13_000)
    told(shop, capsys, "big-lead", *EXACT, "--yes")

    code, answer, _ = told(shop, capsys, "big-lead", *EXACT, "--yes")

    assert (code, answer["sent"], answer["done_before"]) == (1, 0, 2)
    assert len(actions(shop)) == 2


def test_a_replay_that_was_stopped_goes_on_and_leaves_nothing_out(capsys, monkeypatch):
    shop = with_leads(*[12_000] * 5)
    transact, calls = MemoryTransactionalPublisher.transact, [0]

    async def fail(self: MemoryTransactionalPublisher, records: Any) -> Any:
        calls[0] += 1
        if calls[0] == 2:
            raise BrokerError("away")
        return await transact(self, records)

    monkeypatch.setattr(MemoryTransactionalPublisher, "transact", fail)
    code, _, said = told(shop, capsys, "big-lead", *EXACT, "--rate", "2/s", "--yes")
    monkeypatch.undo()
    assert code == 3
    assert "2 of 5 were sent before this stopped; to go on" in said
    assert "--rate 2/s" in said

    code, answer, _ = told(shop, capsys, "big-lead", *EXACT, "--rate", "2/s", "--yes")

    assert (code, answer["sent"], answer["done_before"]) == (0, 3, 2)
    assert len({action.action_id for action in actions(shop)}) == len(actions(shop)) == 5


def test_what_was_sent_before_is_counted_and_left_out_if_asked(capsys):
    shop = with_leads(12_000, 13_000)
    told(shop, capsys, "big-lead", *WINDOW, "--yes")
    later(shop)

    _, all_of_it, _ = told(shop, capsys, "big-lead", *WINDOW, "--dry-run")
    code, rest, _ = told(shop, capsys, "big-lead", *WINDOW, "--skip-sent", "--yes")

    assert (all_of_it["sent_before"], all_of_it["actions"]) == (2, {"sales": 2})
    assert (code, rest["sent"], rest["actions"]) == (1, 0, {})


def test_the_rate_is_kept(capsys):
    shop = with_leads(*[12_000] * 6)

    told(shop, capsys, "big-lead", *WINDOW, "--rate", "2/s", "--yes")

    assert sum(shop.clock.slept, timedelta()) >= timedelta(seconds=3)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        pytest.param("state: dry_run", "dry run", id="a dry run"),
        pytest.param("fire: once_per_record", "once per record", id="once per record"),
    ],
)
def test_what_a_replay_would_do_wrong_is_refused(capsys, more, sentence):
    shop = with_leads(12_000)
    shop.apply(OTHER.format(more=more))

    code, answer, said = told(shop, capsys, "other", *WINDOW, "--yes")

    assert (code, answer) == (1, {})
    assert sentence in said
    assert actions(shop) == []


def test_an_event_at_the_limit_of_its_chain_is_left_out_and_counted(capsys):
    shop = office()
    shop.publish(lead_event(hops=shop.settings.max_hops))
    later(shop)

    code, answer, _ = told(shop, capsys, "big-lead", *WINDOW, "--yes")

    assert (code, answer["too_many_hops"], answer["sent"]) == (1, 1, 0)


def test_a_window_that_ends_before_it_begins_is_wrong_usage(capsys):
    assert told(office(), capsys, "big-lead", "--from", "1h", "--to", "2h")[0] == 2


@pytest.mark.parametrize("answer", [pytest.param("n\n", id="no"), pytest.param("", id="nobody")])
def test_without_a_yes_nothing_is_sent(capsys, monkeypatch, answer):
    shop = with_leads(12_000)
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))

    code, _, said = told(shop, capsys, "big-lead", *WINDOW)

    assert code != 0
    assert "Send 1 actions of big-lead version 1?" in said
    assert actions(shop) == []


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        pytest.param("2099-01-01T00:00:00Z", "in the future", id="in the future"),
        pytest.param("10s", "still be on their way", id="just now"),
    ],
)
def test_a_window_that_events_may_still_come_into_is_refused(capsys, to, reason):
    shop = with_leads(12_000)

    code, answer, said = told(shop, capsys, "big-lead", "--from", "7d", "--to", to, "--yes")

    assert (code, answer) == (1, {})
    assert reason in said
    assert actions(shop) == []


@pytest.mark.parametrize(
    ("since", "until", "events"),
    [
        pytest.param(timedelta(0), timedelta(minutes=30), 1, id="at its start: in"),
        pytest.param(-timedelta(hours=1), timedelta(milliseconds=1), 1, id="just before its end"),
        pytest.param(-timedelta(hours=1), timedelta(0), 0, id="at its end: out"),
        pytest.param(
            timedelta(milliseconds=1), timedelta(minutes=30), 0, id="just before its start: out"
        ),
    ],
)
def test_an_event_at_noon_is_in_the_window_or_not(capsys, since, until, events):
    shop = with_leads(12_000)
    window = ("--from", (NOON + since).isoformat(), "--to", (NOON + until).isoformat())

    _, answer, _ = told(shop, capsys, "big-lead", *window, "--yes")

    assert (answer["events"], answer["sent"], len(actions(shop))) == (events, events, events)


CHANGED = """\
kind: Workflow
id: big-lead
entity: lead
on: [created]
only_if: {field: after.lead_value, at_least: 12500}
then: [{webhook: sales}]
"""


def stopped_after_two(shop: Office, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> str:
    """A replay of which two actions were sent; what it said."""
    transact, calls = MemoryTransactionalPublisher.transact, [0]

    async def fail(self: MemoryTransactionalPublisher, records: Any) -> Any:
        calls[0] += 1
        if calls[0] == 2:
            raise BrokerError("away")
        return await transact(self, records)

    with monkeypatch.context() as broken:
        broken.setattr(MemoryTransactionalPublisher, "transact", fail)
        return told(shop, capsys, "big-lead", *EXACT, "--rate", "2/s", "--yes")[2]


def test_a_replay_goes_on_with_its_own_version_after_the_workflow_was_saved_anew(
    capsys, monkeypatch
):
    shop = with_leads(*[12_000, 13_000] * 2)
    assert "--version 1" in stopped_after_two(shop, monkeypatch, capsys)
    shop.apply(CHANGED)

    unsaid = told(shop, capsys, "big-lead", *EXACT, "--yes")
    code, answer, _ = told(shop, capsys, "big-lead", *EXACT, "--version", "1", "--yes")

    assert unsaid[0] == 1
    assert "--version 1 goes on with it" in unsaid[2]
    assert (code, answer["sent"], answer["done_before"], answer["version"]) == (0, 2, 2, 1)
    made = actions(shop)
    assert len({action.action_id for action in made}) == len(made) == 4
    assert {action.workflow_version for action in made} == {1}


def test_a_version_that_is_named_is_sent_although_another_was(capsys, monkeypatch):
    shop = with_leads(*[12_000, 13_000] * 2)
    stopped_after_two(shop, monkeypatch, capsys)
    shop.apply(CHANGED)

    code, answer, _ = told(shop, capsys, "big-lead", *EXACT, "--version", "2", "--yes")

    assert (code, answer["sent"], answer["version"]) == (0, 2, 2)


def test_a_version_that_never_was_is_refused(capsys):
    assert told(with_leads(12_000), capsys, "big-lead", *WINDOW, "--version", "9")[0] == 1


def test_whoever_starts_the_same_replay_again_fences_who_is_sending_it(capsys, monkeypatch):
    shop = with_leads(*[12_000] * 5)
    transact, calls = MemoryTransactionalPublisher.transact, [0]

    async def overtaken(self: MemoryTransactionalPublisher, records: Any) -> Any:
        calls[0] += 1
        if calls[0] == 2:  # another operator begins between two batches
            await MemoryTransactionalPublisher(shop.broker, self._id).start()
        return await transact(self, records)

    with monkeypatch.context() as other:
        other.setattr(MemoryTransactionalPublisher, "transact", overtaken)
        code, _, said = told(shop, capsys, "big-lead", *EXACT, "--rate", "2/s", "--yes")
    assert code == 4
    assert "2 of 5 were sent before this stopped" in said

    _, answer, _ = told(shop, capsys, "big-lead", *EXACT, "--yes")

    assert answer["sent"] == 3
    assert len({action.action_id for action in actions(shop)}) == len(actions(shop)) == 5


def test_what_another_operator_sent_since_the_counting_is_not_sent_again(capsys, monkeypatch):
    shop = with_leads(*[12_000] * 3)
    start, calls = MemoryTransactionalPublisher.start, [0]

    async def late(self: MemoryTransactionalPublisher) -> None:
        calls[0] += 1
        if calls[0] == 1:  # the other one, between this one's counting and its taking over
            other = await asyncio.to_thread(shop.call, "workflows", "replay", *same)
            assert other == 0
        await start(self)

    same = ("big-lead", *EXACT, "--yes")
    monkeypatch.setattr(MemoryTransactionalPublisher, "start", late)
    capsys.readouterr()
    shop.call("workflows", "replay", *same)
    said = capsys.readouterr()

    assert said.out.splitlines() == ["3 sent", "0 sent"]
    assert len(actions(shop)) == 3
    assert "3 were sent by another operator meanwhile" in said.err


def test_what_comes_after_the_counting_is_not_sent(capsys, monkeypatch):
    shop = with_leads(12_000)
    late = lead_event(event_id=uuid.UUID(int=99), entity_id="99")

    def answer_late(*arguments: Any, **named: Any) -> bool:
        thread = threading.Thread(target=shop.publish, args=(late,))
        thread.start()
        thread.join()
        return True

    monkeypatch.setattr(click, "confirm", answer_late)
    code, answer, _ = told(shop, capsys, "big-lead", *WINDOW)

    assert (code, answer["sent"]) == (0, 1)
    assert len(actions(shop)) == 1


def test_a_paused_workflow_is_sent_and_that_it_is_paused_is_said(capsys, monkeypatch):
    shop = with_leads(12_000)
    shop.apply(OTHER.format(more="state: paused"))
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

    code, answer, said = told(shop, capsys, "other", *WINDOW)

    assert (code, answer["sent"], answer["state"]) == (0, 1, "paused")
    assert "other is paused" in said
    assert "version 1, paused?" in said


def test_an_event_that_is_too_large_is_left_out_and_named_and_the_rest_is_sent(capsys, monkeypatch):
    shop = with_leads(12_000, 13_000)
    big = lead(id="3", lead_value=Decimal(14_000), description="x" * 2_000)
    shop.publish(lead_event(event_id=uuid.UUID(int=3), entity_id="3", after=big))
    monkeypatch.setattr(workflow_replay, "MAX_VALUE", 2_000)

    code, answer, said = told(shop, capsys, "big-lead", *WINDOW, "--yes")

    assert (code, answer["sent"], answer["too_large"]) == (1, 2, 1)
    assert "too large to travel in an action" in said
    assert shop.topics.events("lead") in answer["problems"][0]


def test_an_event_that_the_workflow_breaks_on_is_counted_and_named_and_the_rest_is_sent(
    capsys, monkeypatch
):
    shop, matches = with_leads(12_000, 13_000), CompiledWorkflow.matches

    def breaks(self: CompiledWorkflow, event: Any) -> bool:
        if event.entity_id == "2":
            raise ZeroDivisionError("odd")
        return matches(self, event)

    monkeypatch.setattr(CompiledWorkflow, "matches", breaks)

    code, answer, said = told(shop, capsys, "big-lead", *WINDOW, "--yes")

    assert (code, answer["sent"], answer["broken"]) == (1, 1, 1)
    assert "ZeroDivisionError('odd')" in said
    assert "Traceback" not in said
