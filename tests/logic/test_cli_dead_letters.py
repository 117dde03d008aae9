"""`hookline dead-letters`: answers, exit codes, and what replays and discards write."""

from __future__ import annotations

import base64
import io
import json
import uuid

import pytest

from runtime.broker import Outgoing
from schemas import headers
from schemas.records import action_id_of
from tests.desks import EVENT_ID, Office, death, lead_action, office, parsed

ACTION_ID = str(action_id_of(EVENT_ID, "big-lead", 1, 0))
DLT = "crm.actions-dlt"


@pytest.fixture
def shop() -> Office:
    """A system with one dead letter."""
    made = office()
    made.die(death(lead_action()))
    return made


def other(number: int, **changes: str) -> tuple:
    """The death of another action."""
    action = lead_action(action_id=uuid.UUID(int=number), entity_id=str(number))
    return death(action, **changes)


def address_of(office: Office, place: int = 0) -> str:
    """The address of a dead letter."""
    record = office.broker.written(DLT)[place]
    return f"{record.partition}:{record.offset}"


def test_the_list_groups_by_webhook_and_error(shop, capsys):
    shop.die(other(1), other(2, **{headers.ERROR_CLASS: "timeout"}))

    assert shop.call("dead-letters", "list", "--json") == 0

    answer = parsed(capsys.readouterr().out)
    assert (answer["open"], answer["resolved"]) == (3, 0)
    assert [(one["webhook"], one["error_class"], one["open"]) for one in answer["groups"]] == [
        ("sales", "status", 2),
        ("sales", "timeout", 1),
    ]
    assert set(answer["groups"][0]) == {
        "webhook", "error_class", "reason", "open", "resolved", "oldest_at", "newest_at", "newest",
    }  # fmt: skip


def test_each_lists_every_dead_letter_with_its_address_and_origin(shop, capsys):
    assert shop.call("dead-letters", "list", "--each", "--json") == 0

    (letter,) = parsed(capsys.readouterr().out)["dead_letters"]
    assert letter["address"] == address_of(shop)
    assert letter["origin"] == {"topic": "crm.actions", "partition": 0, "offset": 4}
    assert (letter["state"], letter["attempts"], letter["last_status"]) == ("open", 3, 503)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        pytest.param(["error=time*"], 1, id="a pattern"),
        pytest.param(["error=timeout", "record=2"], 1, id="both hold"),
        pytest.param(["error=timeout", "record=1"], 0, id="one does not hold"),
        pytest.param(["status=503"], 3, id="the last status"),
        pytest.param([f"action={ACTION_ID}"], 1, id="the action id"),
    ],
)
def test_where_filters_and_every_pair_must_hold(shop, capsys, where, expected):
    shop.die(other(1), other(2, **{headers.ERROR_CLASS: "timeout"}))

    shop.call("dead-letters", "list", "--json", *(f"--where={one}" for one in where))

    assert parsed(capsys.readouterr().out)["open"] == expected


def test_an_unknown_key_of_where_is_refused_with_the_keys_there_are(shop, capsys):
    assert shop.call("dead-letters", "list", "--where", "colour=red") == 2

    error = capsys.readouterr().err
    assert "colour=red" in error
    assert "webhook" in error
    assert error.count("\n") == 1


def test_show_has_the_event_the_headers_and_the_request_with_personal_fields_masked(shop, capsys):
    assert shop.call("dead-letters", "show", address_of(shop), "--json") == 0

    out = capsys.readouterr().out
    answer = parsed(out)
    assert answer["event"]["after"]["title"] == "Engine"
    assert answer["event"]["after"]["description"] == "•••"
    assert answer["headers"][headers.REASON] == "answered 503"
    assert answer["request"]["method"] == "POST"
    assert answer["request"]["headers"]["webhook-id"] == ACTION_ID
    assert answer["request"]["exact"] is False
    assert "private" not in out
    assert "hush" not in out


def test_show_tells_the_chain_of_a_loop(shop, capsys):
    link = {
        "workflow": "echo",
        "version": 3,
        "action_index": 0,
        "action_id": ACTION_ID,
        "event_id": str(EVENT_ID),
    }
    shop.die(other(5, **{headers.CHAIN: json.dumps([link, link])}))

    shop.call("dead-letters", "show", address_of(shop, 1), "--json")
    assert parsed(capsys.readouterr().out)["chain"] == [link, link]

    shop.call("dead-letters", "show", address_of(shop, 1))
    said = capsys.readouterr().out
    assert "the chain that led here, oldest first" in said
    assert said.count(f"echo      3        0       {EVENT_ID}") == 2


@pytest.mark.parametrize("text", ["", "{}", "[1]", "[{}]", "7"])
def test_a_chain_that_cannot_be_read_hides_nothing_else(shop, capsys, text):
    shop.die(other(5, **{headers.CHAIN: text}))

    assert shop.call("dead-letters", "show", address_of(shop, 1), "--json") == 0

    assert not parsed(capsys.readouterr().out)["chain"]


def test_personal_shows_the_exact_body(shop, capsys):
    shop.call("dead-letters", "show", ACTION_ID, "--personal", "--json")

    answer = parsed(capsys.readouterr().out)
    assert answer["request"]["exact"] is True
    assert parsed(answer["request"]["body"])["data"]["after"]["description"] == "told me in private"


def test_show_of_what_is_not_there_is_a_negative_answer(shop, capsys):
    assert shop.call("dead-letters", "show", "1:99") == 1

    assert "no dead letter '1:99'" in capsys.readouterr().err


def test_a_replay_writes_the_original_bytes_and_the_resolution(shop, capsys):
    dead = shop.broker.written(DLT)[0]

    assert shop.call("dead-letters", "replay", address_of(shop), "--yes", "--json") == 0

    assert parsed(capsys.readouterr().out)["replayed"] == 1
    (again,) = shop.broker.written("crm.actions")
    assert (again.key, again.value, again.partition) == (dead.key, dead.value, dead.partition)
    named = dict(again.headers)
    assert named[headers.ACTION_ID] == ACTION_ID.encode()
    assert named[headers.REPLAY_OF] == dead.place.encode()
    assert headers.ATTEMPTS not in named
    assert headers.REASON not in named
    assert not any(name.startswith("__connect.") for name in named)
    resolution = shop.broker.written(DLT)[-1]
    assert (resolution.partition, resolution.key) == (dead.partition, dead.key)
    assert dict(resolution.headers)[headers.RESOLVES] == address_of(shop).encode()


def test_a_dead_letter_is_replayed_once(shop, capsys):
    address = address_of(shop)
    shop.call("dead-letters", "replay", address, "--yes")

    assert shop.call("dead-letters", "replay", address, "--yes") == 1

    assert "was replayed already by" in capsys.readouterr().err
    assert len(shop.broker.written("crm.actions")) == 1


def test_what_is_resolved_is_listed_only_with_all(shop, capsys):
    shop.call("dead-letters", "discard", address_of(shop), "--reason", "cancelled", "--yes")
    capsys.readouterr()

    shop.call("dead-letters", "list", "--each", "--json")
    assert parsed(capsys.readouterr().out)["dead_letters"] == []
    shop.call("dead-letters", "list", "--each", "--all", "--json")
    (letter,) = parsed(capsys.readouterr().out)["dead_letters"]
    assert letter["state"] == "discarded"
    assert letter["resolution"]["reason"] == "cancelled"


def test_a_dry_run_writes_nothing(shop, capsys):
    assert shop.call("dead-letters", "replay", "--all-open", "--dry-run", "--json") == 0

    answer = parsed(capsys.readouterr().out)
    assert (answer["replayed"], answer["dry_run"], len(answer["dead_letters"])) == (0, True, 1)
    assert shop.broker.written("crm.actions") == []
    assert len(shop.broker.written(DLT)) == 1


def test_a_replay_by_filter_leaves_the_others_open(shop, capsys):
    shop.die(other(1, **{headers.ERROR_CLASS: "timeout"}))

    shop.call("dead-letters", "replay", "--where", "error=timeout", "--yes")
    capsys.readouterr()

    shop.call("dead-letters", "list", "--json")
    assert parsed(capsys.readouterr().out)["open"] == 1


def test_a_rate_is_kept_by_the_clock(shop):
    shop.die(*(other(number) for number in range(1, 6)))

    assert shop.call("dead-letters", "replay", "--all-open", "--rate", "2/s", "--yes") == 0

    assert [wait.total_seconds() for wait in shop.clock.slept] == [1.0, 1.0]
    assert len(shop.broker.written("crm.actions")) == 6


def test_a_replay_to_another_webhook_keeps_the_action_id(shop):
    assert shop.call("dead-letters", "replay", ACTION_ID, "--to", "standby", "--yes") == 0

    (again,) = shop.broker.written("crm.actions")
    action = shop.within(lambda session: session.action(again.value))
    assert (action.webhook_id, str(action.action_id)) == ("standby", ACTION_ID)
    assert again.key == b"standby/lead/17"
    assert dict(again.headers)[headers.WEBHOOK] == b"standby"


@pytest.mark.parametrize(
    ("to", "message"),
    [
        pytest.param("nowhere", "no webhook 'nowhere'", id="unknown"),
        pytest.param("people", "webhook people is for person, not for lead", id="other entity"),
    ],
)
def test_a_replay_to_a_webhook_that_cannot_take_it_is_refused(shop, capsys, to, message):
    assert shop.call("dead-letters", "replay", ACTION_ID, "--to", to, "--yes") == 1

    assert message in capsys.readouterr().err
    assert shop.broker.written("crm.actions") == []


def test_without_yes_and_without_a_terminal_nothing_is_written(shop, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())

    assert shop.call("dead-letters", "replay", "--all-open") == 130

    assert "Replay 1 dead letters" in capsys.readouterr().err
    assert shop.broker.written("crm.actions") == []


@pytest.mark.parametrize(
    "choice",
    [
        pytest.param([], id="nothing chosen"),
        pytest.param(["0:0", "--all-open"], id="two ways"),
    ],
)
def test_what_is_to_be_replayed_is_chosen_in_exactly_one_way(shop, choice):
    assert shop.call("dead-letters", "replay", *choice, "--yes") == 2


def test_nothing_open_is_a_negative_answer(shop):
    assert shop.call("dead-letters", "replay", "--where", "webhook=none", "--yes") == 1


def test_an_export_holds_the_bytes_as_they_are(shop, capsys):
    assert shop.call("dead-letters", "export") == 0

    captured = capsys.readouterr()
    line = parsed(captured.out)
    assert base64.b64decode(line["value"]) == shop.broker.written(DLT)[0].value
    assert captured.err == "1 exported\n"


def test_an_event_that_could_not_be_read_is_replayed_to_its_own_topic(shop, capsys):
    async def write(session):
        dead = Outgoing("crm.lead.events-dlt", b"17", b"junk", ((headers.REASON, b"not Avro"),))
        await (await session.publisher()).publish(dead)

    shop.within(write)
    (record,) = shop.broker.written("crm.lead.events-dlt")
    shop.call("dead-letters", "show", record.place, "--json")
    shown = parsed(capsys.readouterr().out)
    assert shown["event"] is None
    assert "cannot be read" in shown["problems"][0]

    assert shop.call("dead-letters", "replay", record.place, "--yes") == 0

    (again,) = shop.broker.written("crm.lead.events")
    assert (again.key, again.value) == (b"17", b"junk")


def test_for_people_the_list_is_a_table(shop, capsys):
    shop.call("dead-letters", "list")

    out = capsys.readouterr().out
    assert "sales" in out
    assert "answered 503" in out


def test_for_people_show_names_everything_one_decides_by(shop, capsys):
    shop.call("dead-letters", "show", ACTION_ID)

    out = capsys.readouterr().out
    for words in ("open", "Engine", "POST http://127.0.0.1:9/hooks/sales", "the request a replay"):
        assert words in out
    assert "private" not in out
