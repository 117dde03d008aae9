"""`webhook_service.waiting` and `.dead_letter`: what records carry in their headers."""

from __future__ import annotations

from typing import Any

from schemas import headers as names
from webhook_service.dead_letter import Epitaph, dead_letter_headers
from webhook_service.waiting import FRESH, History, Wait, own_headers, wait_headers, wait_in

OWN = ((names.CONTENT_TYPE, names.AVRO), (names.WEBHOOK, b"mirror"), ("x", b"\xff"))
HISTORY = History(attempts=2, first_ms=1_000, last_ms=2_000, last_status=503)


def test_a_wait_comes_back_from_its_headers():
    wait = Wait(origin=0, due_ms=9_000, leave_ms=8_000, reason="retry", history=HISTORY)

    assert wait_in(wait_headers(OWN, wait), offset=77, written_ms=5) == wait


def test_a_second_wait_replaces_the_first_and_keeps_what_is_not_ours():
    first = wait_headers(OWN, Wait(3, 9_000, 8_000, "retry", HISTORY))

    second = wait_headers(first, Wait(3, 9_500, 8_500, "parked", FRESH))

    assert own_headers(second) == OWN
    assert len({name for name, _ in second}) == len(second)
    assert wait_in(second, 0, 0) == Wait(3, 9_500, 8_500, "parked", FRESH)


def test_headers_that_are_missing_or_damaged_count_as_due_at_once():
    damaged = ((names.DUE_AT, b"soon"), (names.ATTEMPTS, b"-1"), (names.ORIGIN_OFFSET, b"\xff"))

    assert wait_in(damaged, offset=7, written_ms=5_000) == Wait(7, 5_000, 5_000, "parked", FRESH)


def epitaph(**changes):
    values: dict[str, Any] = {
        "topic": "crm.actions-retry-1000",
        "partition": 4,
        "offset": 12,
        "origin": 3,
        "webhook": "mirror",
        "workflow": "welcome",
        "action_id": "a-1",
        "error_class": "status",
        "reason": "no success in 2 attempts; the last: the endpoint answered 503",
        "history": HISTORY,
    }
    return Epitaph(**(values | changes))


def test_a_dead_letter_says_where_why_and_how_often():
    waiting = wait_headers(OWN, Wait(3, 9_000, 8_000, "retry", HISTORY))

    found = dead_letter_headers(waiting, epitaph())

    by_name = dict(found)
    assert len(by_name) == len(found)
    assert by_name["x"] == b"\xff"
    assert by_name[names.ERROR_TOPIC] == b"crm.actions-retry-1000"
    assert by_name[names.ERROR_PARTITION] == b"4"
    assert by_name[names.ERROR_OFFSET] == b"12"
    assert by_name[names.ERROR_STAGE] == b"DELIVERY"
    assert by_name[names.ERROR_EXCEPTION_CLASS] == b"status"
    assert by_name[names.ERROR_EXCEPTION_MESSAGE] == by_name[names.REASON]
    assert by_name[names.ATTEMPTS] == b"2"
    assert by_name[names.FIRST_ATTEMPT_AT] == b"1000"
    assert by_name[names.LAST_ATTEMPT_AT] == b"2000"
    assert by_name[names.LAST_STATUS] == b"503"
    assert by_name[names.ORIGIN_OFFSET] == b"3"
    assert names.DUE_AT not in by_name


def test_what_is_not_known_of_an_unreadable_record_is_left_out():
    found = dict(dead_letter_headers((), epitaph(workflow="", action_id="", history=FRESH)))

    assert names.WORKFLOW not in found
    assert names.ACTION_ID not in found
    assert names.LAST_STATUS not in found
    assert found[names.ATTEMPTS] == b"0"


def test_the_history_of_attempts_travels_along_and_ends_in_the_dead_letter():
    history = FRESH.lengthened(1_000, 0, "timeout", 15_000.2).lengthened(2_000, 503, "status", 12.4)
    waiting = wait_headers(OWN, Wait(3, 9_000, 8_000, "retry", history))

    read = wait_in(waiting, offset=0, written_ms=0).history
    third = read.lengthened(3_000, 400, "status", 7)

    found = dict(dead_letter_headers(waiting, epitaph(history=third)))
    assert read == history
    assert found[names.ATTEMPT_LOG] == (
        b"1000 - timeout 15000;2000 503 status 12;3000 400 status 7"
    )
    assert found[names.ATTEMPTS] == b"3"
