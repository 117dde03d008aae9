"""`hookline workflows backtest`: what would have been done, and what is different from now."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from console import backtest
from console.session import Session
from runtime.broker import Outgoing
from tests.desks import Office, lead, lead_event, office
from tests.fakes import NOON

LOWER = """\
kind: Workflow
id: big-lead
entity: lead
on: [created]
state: paused
only_if: {field: after.lead_value, at_least: 100}
then: [{webhook: sales}, {webhook: sales, if: {field: after.lead_value, at_least: 5000}}]
"""


def with_leads(*values: int) -> Office:
    """A system in which leads of these values were created, an hour apart."""
    shop = office()
    shop.publish(
        *(
            lead_event(
                event_id=uuid.UUID(int=number),
                entity_id=str(number),
                occurred_at=NOON + timedelta(hours=number),
                after=lead(id=str(number), lead_value=Decimal(value)),
            )
            for number, value in enumerate(values, 1)
        )
    )
    return shop


def told(
    shop: Office, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, dict[str, Any]]:
    """The exit code and the answer."""
    capsys.readouterr()
    code = shop.call("workflows", "backtest", *arguments, "--json")
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


def file_with(folder: Path, text: str) -> str:
    path = folder / "w.yaml"
    path.write_text(text)
    return str(path)


def records(samples: list[dict[str, Any]]) -> set[str]:
    return {each["entity_id"] for each in samples}


def test_a_saved_workflow_is_asked_about_every_event_and_nothing_is_written(capsys):
    shop = with_leads(12_000, 5, 20_000)
    before = {place: log.end for place, log in shop.broker.storage.logs.items()}

    code, found = told(shop, capsys, "big-lead")

    assert code == 0
    assert (found["events"], found["evaluated"], found["matched"]) == (3, 3, 2)
    assert records(found["matches"]) == {"1", "3"}
    assert found["difference"] is None
    assert {place: log.end for place, log in shop.broker.storage.logs.items()} == before
    assert shop.broker.committed(shop.settings.workflow_group) == {}


def test_requests_are_counted_by_webhook_and_hour_and_by_each_actions_own_if(capsys, tmp_path):
    shop = with_leads(12_000, 200)

    _, found = told(shop, capsys, file_with(tmp_path, LOWER))

    counts = [
        (each["webhook"], each["hour"][11:13], each["requests"]) for each in found["requests"]
    ]
    assert counts == [("sales", "13", 2), ("sales", "14", 1)]


def test_a_near_miss_names_the_one_part_that_failed(capsys, tmp_path):
    both = "all: [{field: after.title, equals: Engine}, {field: after.lead_value, at_least: 100}]"
    text = LOWER.replace("{field: after.lead_value, at_least: 100}", f"{{{both}}}", 1)

    _, found = told(with_leads(5), capsys, file_with(tmp_path, text))

    assert (found["matched"], found["near"], found["looked_into"]) == (0, 1, 1)
    assert found["near_misses"][0]["path"] == "only_if.all[1]"


def test_a_file_is_compared_with_the_version_in_force_event_by_event(capsys, tmp_path):
    shop = with_leads(12_000, 200, 5)

    _, found = told(shop, capsys, file_with(tmp_path, LOWER))

    difference = found["difference"]
    assert found["version_in_force"] == 1
    assert (difference["both"], difference["only_new"], difference["only_old"]) == (1, 1, 0)
    assert records(difference["samples_new"]) == {"2"}


def test_once_per_record_fires_for_the_first_event_in_the_window(capsys, tmp_path):
    shop = with_leads(12_000)
    shop.publish(lead_event(event_id=uuid.UUID(int=99), entity_id="1", version=2))

    _, found = told(shop, capsys, file_with(tmp_path, LOWER + "fire: once_per_record\n"))

    assert (found["evaluated"], found["matched"]) == (2, 1)
    assert found["once_per_record"] is True


def test_what_cannot_be_read_is_counted_and_does_not_stop_it(capsys):
    shop = with_leads(12_000)

    async def spoil(session: Session) -> None:
        publisher = await session.publisher()
        await publisher.publish(Outgoing(shop.topics.events("lead"), b"x", b"no event"))

    shop.within(spoil)

    _, found = told(shop, capsys, "big-lead")

    assert (found["events"], found["unreadable"], found["matched"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("kind: Workflow\nid: x\n", 2, id="a workflow that is none"),
        pytest.param(LOWER + "---\n" + LOWER.replace("big-lead", "other"), 2, id="two workflows"),
        pytest.param(LOWER.replace("lead_value", "lead_valu"), 2, id="a field that is none"),
    ],
)
def test_a_wrong_file_is_refused(capsys, tmp_path, text, code):
    assert told(office(), capsys, file_with(tmp_path, text)) == (code, {})


def test_a_name_that_is_neither_file_nor_workflow_lists_the_workflows(capsys):
    assert office().call("workflows", "backtest", "nothing") == 1
    assert "big-lead" in capsys.readouterr().err


def test_people_see_the_counts_and_the_samples(capsys, tmp_path):
    shop = with_leads(12_000, 200, 5)
    capsys.readouterr()

    assert shop.call("workflows", "backtest", file_with(tmp_path, LOWER)) == 0

    said = " ".join(capsys.readouterr().out.split())
    assert "3 events, 3 evaluated, 2 matched" in said
    assert "1 only by the new" in said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(LOWER.replace("big-lead", "unheard-of"), "no workflow", id="nothing saved"),
        pytest.param(
            "kind: Workflow\nid: big-lead\nentity: person\non: [created]\n"
            "then: [{webhook: people}]\n",
            "about lead, the file about person",
            id="another entity",
        ),
    ],
)
def test_a_file_that_is_compared_with_nothing_says_why(capsys, tmp_path, text, reason):
    shop = with_leads(12_000)
    capsys.readouterr()

    assert shop.call("workflows", "backtest", file_with(tmp_path, text)) == 0
    assert reason in capsys.readouterr().err


def test_requests_of_too_many_hours_are_counted_by_the_day(capsys, monkeypatch):
    shop = with_leads(*[12_000] * 14)  # from 13:00 on, into the next day
    monkeypatch.setattr(backtest, "MOST_ROWS", 5)

    _, found = told(shop, capsys, "big-lead")

    assert found["requests_per"] == "day"
    counts = [(each["hour"][11:], each["requests"]) for each in found["requests"]]
    assert counts == [("00:00Z", 11), ("00:00Z", 3)]


def test_near_misses_are_sought_in_all_of_the_window(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("console.backtest.LOOKED_INTO", 4)
    monkeypatch.setattr("console.backtest.SAMPLES", 3)
    both = "all: [{field: after.title, is_empty: false}, {field: after.lead_value, at_least: 100}]"
    text = LOWER.replace("{field: after.lead_value, at_least: 100}", f"{{{both}}}", 1)

    _, found = told(with_leads(*range(60)), capsys, file_with(tmp_path, text))

    assert (found["evaluated"], found["matched"]) == (60, 0)
    assert 4 + 4 < found["looked_into"] < 60 / 2
    shown = [sample["offset"] for sample in found["near_misses"]]
    assert len(shown) == 3
    assert shown == sorted(shown)
    assert shown[-1] >= 8
