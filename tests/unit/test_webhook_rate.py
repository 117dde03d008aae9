"""`webhook_service.rate`: what all members together may send, whoever has which partitions."""

from __future__ import annotations

import random

import pytest

from webhook_service.rate import BURST_MS, Bucket, Rate, parse_rate, rate_text


@pytest.mark.parametrize("text", ["50/s", "600/min", "1000/h", "1/s"])
def test_a_rate_is_read_as_it_is_written(text):
    assert rate_text(parse_rate(text)) == text


@pytest.mark.parametrize("text", ["0/s", "50", "50/day", "-1/s", "1.5/s", " 5/s", "12345678/s"])
def test_what_is_no_rate_is_refused_with_examples(text):
    with pytest.raises(ValueError, match="such as 50/s, 600/min or 1000/h"):
        parse_rate(text)


def test_a_bucket_begins_empty_and_fills_at_its_part_of_the_rate():
    bucket = Bucket(0)
    bucket.share(parse_rate("60/s"), 0.5, 0)

    assert not bucket.take(0)
    assert bucket.wait_ms(0) == pytest.approx(1_000 / 30)
    assert bucket.take(34)
    assert not bucket.take(34)


def test_what_was_saved_is_at_most_one_second_of_the_rate():
    bucket = Bucket(0)
    bucket.share(parse_rate("10/s"), 1.0, 0)

    assert sum(bucket.take(3_600_000) for _ in range(100)) == 10


def test_a_slow_rate_still_gives_a_token_in_the_end():
    bucket = Bucket(0)
    bucket.share(parse_rate("1/min"), 0.25, 0)

    assert bucket.wait_ms(0) == pytest.approx(240_000)
    assert bucket.take(240_000)


def test_without_partitions_nothing_is_sent():
    bucket = Bucket(0)
    bucket.share(parse_rate("10/s"), 1.0, 0)
    bucket.share(parse_rate("10/s"), 0.0, 5_000)

    assert not bucket.take(5_000)
    assert bucket.wait_ms(1e9) == float("inf")


def test_a_clock_that_is_set_back_gives_nothing():
    bucket = Bucket(10_000)
    bucket.share(parse_rate("10/s"), 1.0, 10_000)
    assert bucket.take(10_100)

    assert not bucket.take(5_000)
    assert bucket.take(5_100)


@pytest.mark.parametrize("seed", range(6))
def test_members_together_never_exceed_the_limit_and_one_burst_while_partitions_move(seed):
    chance, partitions = random.Random(seed), 12
    rate = Rate(count=chance.randint(1, 200), per=chance.choice(["s", "min"]))
    members = [Bucket(0) for _ in range(4)]
    owned = [partitions, 0, 0, 0]
    sent: list[float] = []
    members[0].share(rate, 1.0, 0)
    now = 0.0
    for _ in range(600):
        now += chance.uniform(0, 40)
        if chance.random() < 0.05:
            giver, taker = chance.sample(range(4), 2)
            moved = chance.randint(0, owned[giver])
            owned[giver] -= moved
            members[giver].share(rate, owned[giver] / partitions, now)
            # It may take a while until the other knows; never the other way round.
            owned[taker] += moved
            members[taker].share(rate, owned[taker] / partitions, now)
        for member in chance.sample(members, 4):
            while member.take(now):
                sent.append(now)

    burst = max(rate.per_ms * BURST_MS, 0) + len(members)
    for first in range(0, len(sent), 11):
        for last in range(first, len(sent), 17):
            allowed = rate.per_ms * (sent[last] - sent[first]) + burst
            assert last - first + 1 <= allowed + 1e-6
