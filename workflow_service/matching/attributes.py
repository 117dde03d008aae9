"""What the index reads of an event: each attribute once, in the form that operands have.

Pure.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime
from typing import Any
from weakref import WeakValueDictionary

from schemas.paths import Field
from workflow_service.language.kinds import Slot, folded, nfc, slots_of
from workflow_service.language.operators import LISTS, SCALAR
from workflow_service.matching.hints import Attribute, Form, Read
from workflow_service.matching.inline import Pattern, can_read

Shape = Callable[[Any], Any]
#: Stands between the texts of one value.  A part that contains it may be found across two of them;
#: then a workflow is judged in vain.
BETWEEN = "\n"


class Attributes:
    """All attributes that workflows ask for now; one object for each, however many ask."""

    def __init__(self) -> None:
        """None is asked for yet."""
        self._known: WeakValueDictionary[Hashable, Attribute] = WeakValueDictionary()
        self.changed = Attribute("many", functools.partial(_read_envelope, "changed_fields"))
        self.operation = Attribute("one", functools.partial(_read_envelope, "operation"))
        self.source = Attribute("one", functools.partial(_read_envelope, "source"))

    def of(
        self, form: Form, field: Field, *, fold: bool = False, only: type | None = None
    ) -> Attribute:
        """What a field holds.

        Args:
            fold: Texts that differ only in case are the same.
            only: Values of another class count as null.
        """
        name = (form, field.path, fold, only)
        attribute = self._known.get(name)
        if attribute is None:
            attribute = Attribute(form, _reader(form, field, fold, only))
            self._known[name] = attribute
        return attribute


def _read_envelope(name: str, pattern: Pattern) -> None:
    pattern.line(f"v = event.{name}")


def number(value: Any) -> int:
    """A whole number that is no smaller for a larger value: of a number, a day, an instant."""
    if isinstance(value, datetime):
        return int(value.timestamp())
    return value.toordinal() if isinstance(value, date) else int(value)


def _joined(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else BETWEEN.join(value)


def _itself(value: Any) -> Any:
    return value


_SHAPES: Mapping[Form, Shape] = {
    "one": _itself,
    "many": _itself,
    "number": number,
    "text": _joined,
}


def _reader(form: Form, field: Field, fold: bool, only: type | None) -> Read:  # noqa: FBT001
    """Reads the field in the form; None where it holds nothing that has it."""
    slots = [folded(slot) or slot if fold else slot for slot in slots_of(field.type)]
    shapes = {
        slot.python: _shape(form, slot)
        for slot in slots
        if _has(form, slot) and only in (None, slot.python)
    }
    if len(slots) == 1 and shapes and can_read(field):
        return functools.partial(_read_one, form, field, slots[0])
    return functools.partial(_read_union, field, shapes)


def _has(form: Form, slot: Slot) -> bool:
    """Whether values of a slot have a form."""
    if form == "text":
        return slot.kind == "addresses" or slot.taken.kind == "text"
    return slot.kind in (LISTS if form == "many" else SCALAR)


def _shape(form: Form, slot: Slot) -> Shape | None:
    """How a value is brought into the form; None: it is in it."""
    shape, normalise = _SHAPES[form], slot.normalise
    if form == "number" and slot.kind == "number" and normalise is None:
        return int
    if normalise is None or (shape is _itself and normalise is not None):
        return normalise if shape is _itself else shape

    def both(value: Any) -> Any:
        normal = normalise(value)
        return None if normal is None else shape(normal)

    return both


def _read_one(form: Form, field: Field, slot: Slot, pattern: Pattern) -> None:
    """A field whose values are of one type, the usual case: written out."""
    pattern.read(field)
    normal = slot.normalise
    if normal is nfc:
        pattern.line("if not v.isascii(): v = nfc(v)")
    elif normal is not None:
        texts = slot.kind == "elements" and slot.taken.normalise is nfc
        guard = "if not ''.join(v).isascii(): " if texts else ""
        pattern.line(f"{guard}v = {pattern.constant(normal)}(v)")
        if not texts:
            pattern.escape("v is None")
    if form == "number" and slot.kind == "number":
        pattern.line("v = int(v)")
    elif _SHAPES[form] is not _itself and slot.kind != "text":
        pattern.line(f"v = {pattern.constant(_SHAPES[form])}(v)")


def _read_union(field: Field, shapes: Mapping[type, Shape | None], pattern: Pattern) -> None:
    """A field whose values are of several types: by the class of the value."""
    if can_read(field):
        pattern.read(field)
    else:
        pattern.line(f"v = {pattern.constant(field.read)}(event)")
    by_class = {python: _itself if shape is None else shape for python, shape in shapes.items()}
    pattern.line(f"s = {pattern.constant(by_class.get)}(type(v))")
    pattern.escape("s is None")
    pattern.line("v = s(v)")
    pattern.escape("v is None")
