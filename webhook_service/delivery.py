"""The states of a delivery, and the steps between them: one table.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from schemas.errors import IllegalStepError


class State(Enum):
    """Where a delivery is."""

    QUEUED = "queued"
    SENDING = "sending"
    WAITING = "waiting"
    PARKED = "parked"
    DELIVERED = "delivered"
    DEAD = "dead"


class Step(Enum):
    """What happens to it."""

    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    GIVE_UP = "give up"
    PARK = "park"
    STEP_DOWN = "step down"
    COME_DUE = "come due"


#: `WAITING` has spent an attempt and waits for the next; `PARKED` waits without having spent one:
#: its lane is full or paused, another delivery of the same key waits before it, or
#: it turned out just before sending that what it needs cannot be had now.
TRANSITIONS: Final[Mapping[State, Mapping[Step, State]]] = {
    State.QUEUED: {
        Step.START: State.SENDING,
        Step.PARK: State.PARKED,
        Step.GIVE_UP: State.DEAD,
    },
    State.SENDING: {
        Step.SUCCEED: State.DELIVERED,
        Step.FAIL: State.WAITING,
        Step.GIVE_UP: State.DEAD,
        Step.PARK: State.PARKED,
    },
    State.WAITING: {Step.STEP_DOWN: State.WAITING, Step.COME_DUE: State.QUEUED},
    State.PARKED: {Step.STEP_DOWN: State.PARKED, Step.COME_DUE: State.QUEUED},
    State.DELIVERED: {},
    State.DEAD: {},
}
FINAL: Final = frozenset(state for state, steps in TRANSITIONS.items() if not steps)


def after(state: State, step: Step) -> State:
    """The state that a step leads to.

    Raises:
        IllegalStepError: The table has no such step from that state.
    """
    try:
        return TRANSITIONS[state][step]
    except KeyError:
        raise IllegalStepError(f"a delivery that is {state.value} cannot {step.value}") from None
