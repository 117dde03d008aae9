"""`hookline webhooks pause|resume|disable|enable`, and how list and show tell what is in force."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from runtime.broker import Outgoing
from schemas import headers
from schemas.records import LaneState, lane_key_of
from tests.delivery_rig import CODEC
from tests.desks import Office, death, lead_action, office, parsed

DLT = "crm.actions-dlt"


def lane(shop: Office, capsys: Any, webhook: str = "sales") -> dict[str, Any]:
    """How list shows the lane; show says the same."""
    capsys.readouterr()
    assert shop.call("webhooks", "list", "--json") == 0
    rows = {row["id"]: row for row in parsed(capsys.readouterr().out)["webhooks"]}
    assert shop.call("webhooks", "show", webhook, "--json") == 0
    assert parsed(capsys.readouterr().out)["lane"] == rows[webhook]["lane"]
    found: dict[str, Any] = rows[webhook]["lane"]
    return found


def written(shop: Office) -> list[LaneState]:
    return [CODEC.decode_lane_state(one.value) for one in shop.broker.written("crm.lanes")]


def write(shop: Office, state: LaneState) -> None:
    """As a member of the service does."""
    record = Outgoing("crm.lanes", lane_key_of(state.webhook_id, state.aspect), CODEC.encode(state))

    async def publish(session: Any) -> None:
        await (await session.publisher()).publish(record)

    shop.within(publish)


def test_a_pause_is_shown_with_its_reason_until_it_is_resumed(capsys):
    shop = office()
    assert lane(shop, capsys)["state"] == "active"

    assert shop.call("webhooks", "pause", "sales", "standby", "--reason", "maintenance") == 0

    paused = lane(shop, capsys)
    assert (paused["state"], paused["reason"]) == ("paused", "maintenance")
    assert paused["by"]
    assert shop.call("webhooks", "show", "sales") == 0
    assert "# lane: paused since" in capsys.readouterr().out
    assert shop.call("webhooks", "resume", "sales") == 0
    assert lane(shop, capsys)["state"] == "active"
    assert lane(shop, capsys, "standby")["state"] == "paused"


def test_a_decision_is_newer_than_what_a_member_with_a_fast_clock_wrote(capsys):
    shop = office()
    shop.call("webhooks", "disable", "sales")
    [before] = written(shop)
    ahead = before.written_at + timedelta(hours=1)
    write(shop, LaneState(**{**_fields(before), "written_at": ahead}))

    assert shop.call("webhooks", "resume", "sales") == 0

    assert written(shop)[-1].written_at > ahead
    assert lane(shop, capsys)["state"] == "active"


def test_an_open_breaker_is_shown_with_its_next_probe(capsys):
    shop = office()
    now = shop.clock.now()
    write(
        shop,
        LaneState(
            webhook_id="sales",
            aspect="breaker",
            state="open",
            cause="failing",
            reason="the endpoint answered 503",
            webhook_version=1,
            since=now,
            next_probe_at=now + timedelta(seconds=5),
            opened=1,
            failing_since=now,
            written_at=now,
            written_by="m1",
        ),
    )

    shown = lane(shop, capsys)

    assert shown["state"] == "open"
    assert shown["reason"] == "the endpoint answered 503"
    assert shown["next_probe_at"]


def test_what_the_service_disabled_is_active_again_in_a_newer_version(capsys):
    shop = office()
    shop.call("webhooks", "disable", "sales")
    [decided] = written(shop)
    for version, state in ((1, "disabled"), (0, "active")):
        gone = LaneState(**{**_fields(decided), "cause": "gone", "webhook_version": version})
        write(shop, gone)

        assert lane(shop, capsys)["state"] == state


def test_unknown_webhooks_and_contradicting_manifests_are_refused_and_nothing_is_written(capsys):
    shop = office()

    assert shop.call("webhooks", "pause", "sales", "nobody") == 1
    assert "no webhook 'nobody'; there are" in capsys.readouterr().err
    shop.apply("kind: Webhook\nid: sales\nurl: http://127.0.0.1:9/h\nstate: paused\n")
    assert shop.call("webhooks", "resume", "sales") == 1
    assert "its manifest" in (err := capsys.readouterr().err) or "the manifest of sales" in err

    assert written(shop) == []


def missed(shop: Office) -> None:
    """Two deliveries died of the disabling, one of something else, one of another webhook."""
    for number, (error, webhook) in enumerate(
        [("disabled", "sales"), ("gone", "sales"), ("status", "sales"), ("disabled", "standby")]
    ):
        action = lead_action(
            action_id=uuid.UUID(int=number), entity_id=str(number), webhook_id=webhook
        )
        shop.die(death(action, **{headers.ERROR_CLASS: error, headers.WEBHOOK: webhook}))


def test_enabling_replays_what_was_missed_and_nothing_else(capsys):
    shop = office()
    missed(shop)
    shop.call("webhooks", "disable", "sales")
    before = len(shop.broker.written("crm.actions"))
    capsys.readouterr()

    assert shop.call("webhooks", "enable", "sales", "--replay-missed", "--json") == 0

    answer = parsed(capsys.readouterr().out)
    assert (answer["replayed"], answer["discarded"], answer["left"]) == (2, 0, 0)
    assert len(shop.broker.written("crm.actions")) == before + 2
    assert lane(shop, capsys)["state"] == "active"


def test_enabling_may_discard_what_was_missed_or_leave_it(capsys):
    shop = office()
    missed(shop)
    capsys.readouterr()
    assert shop.call("webhooks", "enable", "sales") == 0
    assert "2 missed deliveries are dead letters" in capsys.readouterr().out

    assert shop.call("webhooks", "enable", "sales", "--discard-missed", "--json") == 0

    answer = parsed(capsys.readouterr().out)
    assert (answer["replayed"], answer["discarded"], answer["left"]) == (0, 2, 0)
    assert shop.call("webhooks", "enable", "sales", "--replay-missed", "--json") == 0
    assert parsed(capsys.readouterr().out)["replayed"] == 0


def _fields(state: LaneState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in LaneState.__slots__}
