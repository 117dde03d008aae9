"""Has a workflow that used to match gone quiet?  The rule, and the few numbers it needs.

Pure.  Time is counted in *active minutes*: minutes of the clock in which at least one event of the
workflow's entity and operations was processed.  So nights and week-ends without events do not
count, and an import of ten thousand records counts as the few minutes that it took.

A workflow is quiet when all of this holds:

1. it matched in at least `MIN_MATCHED` active minutes, the first and the last of them at least
   `MIN_DAYS` apart, so there is a habit to break with, of which nights and a week-end are a part;
2. the present pause is at least `TIMES_LONGEST` times the longest one before it;
3. a pause of that length would be a coincidence of less than `MAX_CHANCE`, if every active minute
   had the same chance to see a match as all of them before the pause.

The third is Bayes' rule with a flat prior: after M matching minutes of E, the chance of s more
without a match is B(M + 1, E - M + 1 + s) / B(M + 1, E - M + 1), where B is Euler's beta function.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

MIN_MATCHED = 20
#: A week and a day: the longest pause of a weekly pattern was seen once, wherever it began.
MIN_DAYS = 8
TIMES_LONGEST = 3
#: With 10,000 workflows looked at in every minute of a year, rule 3 alone would err now and then;
#: together with rule 2 the error of steady, daily and bursty patterns is held by a test.
MAX_CHANCE = 1e-6
_MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How regularly a workflow has matched.

    Attributes:
        minutes: Active minutes up to and with the last one that had a match.
        matched: Those of them that had a match.
        longest: The longest pause that a match ended, in active minutes.
        pause: Active minutes since the last match.
        first_match: The minute of the clock of the first match, counted from 1970; 0: none yet.
        last_match: The minute of the clock of the last match.
        last_active: The same of the last active minute.
    """

    minutes: int = 0
    matched: int = 0
    longest: int = 0
    pause: int = 0
    first_match: int = 0
    last_match: int = 0
    last_active: int = 0


def minute_of(at: datetime) -> int:
    """The minute of the clock, counted from 1970."""
    return int(at.timestamp()) // 60


def chance_of(rhythm: Rhythm) -> float:
    """How likely a pause as long as the present one is, by rule 3."""
    missed = rhythm.minutes - rhythm.matched
    return math.exp(
        math.lgamma(missed + 1 + rhythm.pause)
        - math.lgamma(missed + 1)
        + math.lgamma(rhythm.minutes + 2)
        - math.lgamma(rhythm.minutes + 2 + rhythm.pause)
    )


def is_quiet(rhythm: Rhythm) -> bool:
    """Whether all three rules hold."""
    return (
        rhythm.matched >= MIN_MATCHED
        and rhythm.last_match - rhythm.first_match >= MIN_DAYS * _MINUTES_A_DAY
        and rhythm.pause >= TIMES_LONGEST * max(rhythm.longest, 1)
        and chance_of(rhythm) < MAX_CHANCE
    )


def together(parts: Iterable[Rhythm]) -> Rhythm:
    """The rhythm of one workflow over the partitions that it was counted on.

    Each partition has its own minutes, so minutes and matches add up.  So do the present pauses, of
    which only what lies after the last match on any partition counts.
    """
    known = tuple(parts)
    last = max((each.last_match for each in known), default=0)
    return Rhythm(
        minutes=sum(each.minutes for each in known),
        matched=sum(each.matched for each in known),
        longest=max((each.longest for each in known), default=0),
        pause=sum(min(each.pause, max(each.last_active - last, 0)) for each in known),
        first_match=min((each.first_match for each in known if each.first_match), default=0),
        last_match=last,
        last_active=max((each.last_active for each in known), default=0),
    )
