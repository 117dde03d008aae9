"""What the demo expects and what it saw; the exit code follows from nothing else.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Count:
    """One row of the table at the end.

    Attributes:
        seen_in: Where the number was read: a topic, an HTTP answer, the receiver's log.
        at_least: More than expected is as good: attempts may be repeated, never left out.
    """

    what: str
    expected: int
    observed: int
    seen_in: str
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether it is as expected."""
        return self.observed >= self.expected if self.at_least else self.observed == self.expected

    @property
    def complaint(self) -> str:
        """What is wrong with it, in one line."""
        word = "at least " if self.at_least else ""
        return f"{self.what}: expected {word}{self.expected}, observed {self.observed} ({self.seen_in})"


@dataclass(slots=True)
class Tally:
    """What was seen and what was missed, in the order of the story."""

    counts: list[Count] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """Everything expected and not observed; empty means that the demo succeeded."""
        return [*self.missed, *(count.complaint for count in self.counts if not count.holds)]
