"""`hookline workflows replay`: the same actions under the same ids, counted first, gone on with."""

from __future__ import annotations

import io
import json
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from schemas import headers
from schemas.errors import BrokerError
from schemas.records import Action, action_id_of, action_key_of
from tests.desks import Office, lead, lead_event, office
from tests.fakes import MemoryPublisher

WINDOW = ("--from", "7d", "--to", "2099-01-01T00:00:00Z")
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
    return shop


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
    window = ("--from", "2020-01-01T00:00:00Z", "--to", "2099-01-01T00:00:00Z")
    told(shop, capsys, "big-lead", *window, "--yes")

    code, answer, _ = told(shop, capsys, "big-lead", *window, "--yes")

    assert (code, answer["sent"], answer["done_before"]) == (1, 0, 2)
    assert len(actions(shop)) == 2


def test_a_replay_that_was_stopped_goes_on_and_leaves_nothing_out(capsys, monkeypatch):
    shop = with_leads(*[12_000] * 5)
    window = ("--from", "2020-01-01T00:00:00Z", "--to", "2099-01-01T00:00:00Z")
    publish, calls = MemoryPublisher.publish_all, [0]

    async def fail(self: MemoryPublisher, records: Any) -> Any:
        if records and records[0].topic == shop.topics.actions:
            calls[0] += 1
            if calls[0] == 2:
                raise BrokerError("away")
        return await publish(self, records)

    monkeypatch.setattr(MemoryPublisher, "publish_all", fail)
    code, _, said = told(shop, capsys, "big-lead", *window, "--rate", "2/s", "--yes")
    monkeypatch.undo()
    assert code == 3
    assert "2 of 5 were sent before this stopped; to go on" in said
    assert "--rate 2/s" in said

    code, answer, _ = told(shop, capsys, "big-lead", *window, "--rate", "2/s", "--yes")

    assert (code, answer["sent"], answer["done_before"]) == (0, 3, 2)
    assert len({action.action_id for action in actions(shop)}) == len(actions(shop)) == 5


def test_what_was_sent_before_is_counted_and_left_out_if_asked(capsys):
    shop = with_leads(12_000, 13_000)
    told(shop, capsys, "big-lead", *WINDOW, "--yes")
    shop.clock._now += timedelta(hours=1)

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
    assert "Send 1 actions?" in said
    assert actions(shop) == []
