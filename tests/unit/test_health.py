"""runtime.health.Health: ready when everything that must report has, and is fine."""

from __future__ import annotations

from runtime.health import Health


def test_what_was_announced_must_report_before_the_process_is_ready():
    health = Health(["broker", "tables"])

    health.set("broker", ok=True)

    assert not health.ready
    assert health.report()["checks"] == {
        "broker": {"ok": True, "detail": ""},
        "tables": {"ok": False, "detail": "has not reported yet"},
    }


def test_one_bad_check_is_enough_to_be_unready_but_alive():
    health = Health()

    health.set("broker", ok=True)
    health.set("tables", ok=False, detail="reading crm.workflows")

    assert health.alive
    assert not health.ready


def test_a_check_that_recovers_makes_the_process_ready_again():
    health = Health(["broker"])
    health.set("broker", ok=False, detail="away")

    health.set("broker", ok=True)

    assert health.ready


def test_what_only_a_restart_mends_ends_life_and_readiness():
    health = Health()

    health.fail("the loop of the lanes has ended")

    assert not health.alive
    assert not health.ready
    assert health.report()["reason"] == "the loop of the lanes has ended"
