"""`fire: on_entering`: whether a condition has just become true of a record.

Pure.  Decided from the event alone: the condition is asked a second time with `before` in the place
of `after`.
"""

from __future__ import annotations

from typing import Any

from schemas.problems import Problems
from schemas.records import Event
from workflow_service.language.leaf import Decide
from workflow_service.language.sides import looks
from workflow_service.language.workflow import Workflow


class Earlier:
    """An event as it would look if nothing had changed yet; everything else is the event's."""

    __slots__ = ("_event", "after")

    def __init__(self, event: Event) -> None:
        """Put `before` in the place of `after`."""
        self._event = event
        self.after = event.before

    def __getattr__(self, name: str) -> Any:
        """What an event says besides."""
        return getattr(self._event, name)


def enters(decide: Decide, event: Event) -> bool:
    """Whether a condition that is true of the record now was not true of it before.

    A creation enters; a deletion does not, and an update without `before` does not say.
    """
    if event.before is None:
        return event.operation == "created"
    return event.after is not None and decide(Earlier(event)) is not True


def entering_problems(workflow: Workflow, problems: Problems) -> None:
    """Report what `on_entering` cannot be asked of."""
    if workflow.on == ("deleted",):
        problems.add(
            "fire", "a record that was deleted enters nothing; add created or updated to on"
        )
    if workflow.only_if is None:
        problems.add("fire", "on_entering fires when only_if becomes true; there is no only_if")
        return
    for place, field in looks(workflow.only_if, "only_if"):
        side = field.partition(".")[0]
        if side in ("before", "changed"):
            what = "looks at the record before" if side == "before" else "is about the change"
            problems.add(
                place,
                f"{what}, and on_entering itself compares after with before, so its only_if looks "
                "at after.* and event.* only; write the condition for after, or leave fire out",
            )
