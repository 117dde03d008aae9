"""What must hold of an event before a workflow can fire: the hints by which the index finds it.

Pure.  A hint is a *necessary* condition and no more: whoever follows it finds every workflow that
fires and some that do not, and the workflow itself still judges.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Literal

from workflow_service.matching.inline import Pattern

#: What reading an attribute gives: `one` key, `many` keys, a `number`, or a `text`; None: nothing.
Form = Literal["one", "many", "number", "text"]
#: Writes the lines that put an attribute's value into `v`, and escape where there is none.
Read = Callable[[Pattern], None]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Attribute:
    """Something about an event that many workflows ask for, and that is read once for all of them.

    There is one object for each attribute, so that looking it up costs nothing.
    """

    form: Form
    read: Read


@dataclass(frozen=True, slots=True)
class Among:
    """The key, or one of the keys, is one of these."""

    attribute: Attribute
    keys: frozenset[Hashable]


@dataclass(frozen=True, slots=True)
class Within:
    """The number lies between these, both included; None is no bound."""

    attribute: Attribute
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """The text contains this."""

    attribute: Attribute
    text: str


Hint = Among | Within | Part
