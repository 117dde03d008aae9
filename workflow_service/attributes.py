"""What the index reads of an event: each attribute once, in the form that operands have.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime
from typing import Any
from weakref import WeakValueDictionary

from schemas.paths import Field
from workflow_service.hints import Attribute, Form, Read
from workflow_service.inline import Pattern, can_read
from workflow_service.kinds import Slot, folded, nfc, slots_of
from workflow_service.operators import LISTS, SCALAR

Shape = Callable[[Any], Any]
#: Stands between the texts of one value.  A part that contains it may be found across two of them;
#: then a workflow is judged in vain.
BETWEEN = "\n"


class Attributes:
    """All attributes that workflows ask for now; one object for each, however many ask."""

    def __init__(self) -> None:
        """None is asked for yet."""
        self._known: WeakValueDictionary[Hashable, Attribute] = WeakValueDictionary()
        self.changed = Attribute("many", lambda event: event.changed_fields)
        self.source = Attribute("one", lambda event: event.source)

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
            attribute = Attribute(form, _reader(form, field, fold=fold, only=only))
            self._known[name] = attribute
        return attribute


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


def _reader(form: Form, field: Field, *, fold: bool, only: type | None) -> Read:
    """Reads the field in the form; None where it holds nothing that has it."""
    slots = [folded(slot) or slot if fold else slot for slot in slots_of(field.type)]
    shapes = {
        slot.python: _shape(form, slot)
        for slot in slots
        if _has(form, slot) and only in (None, slot.python)
    }
    if len(slots) == 1 and shapes and can_read(field):
        return _of_one(form, field, slots[0])
    return _of_union(field.read, shapes)


def _has(form: Form, slot: Slot) -> bool:
    """Whether values of a slot have a form."""
    if form == "text":
        return slot.kind == "addresses" or slot.taken.kind == "text"
    return slot.kind in (LISTS if form == "many" else SCALAR)


def _shape(form: Form, slot: Slot) -> Shape | None:
    """How a value is brought into the form; None: it is in it."""
    shape, normalise = _SHAPES[form], slot.normalise
    if normalise is None or (shape is _itself and normalise is not None):
        return normalise if shape is _itself else shape

    def both(value: Any) -> Any:
        normal = normalise(value)
        return None if normal is None else shape(normal)

    return both


def _of_one(form: Form, field: Field, slot: Slot) -> Read:
    """Of a field whose values are of one type, the usual case: in one function."""
    pattern = Pattern("None")
    pattern.read(field)
    if slot.normalise is nfc:
        pattern.line("if not v.isascii(): return nfc(v)")
    elif slot.normalise is not None:
        if slot.kind == "elements" and slot.taken.normalise is nfc:
            pattern.line("if ''.join(v).isascii(): return v")
        pattern.line(f"v = {pattern.constant(slot.normalise)}(v)")
    shape = _SHAPES[form]
    if form == "number" and slot.kind == "number":
        pattern.line("return None if v is None else int(v)")
    elif shape is _itself or slot.kind == "text":
        pattern.line("return v")
    else:
        pattern.line(f"return None if v is None else {pattern.constant(shape)}(v)")
    return pattern.function()


def _of_union(read: Read, shapes: Mapping[type, Shape | None]) -> Read:
    """By the class of the value."""

    def of_class(event: Any) -> Any:
        value = read(event)
        python = type(value)
        if python not in shapes:
            return None
        shape = shapes[python]
        return value if shape is None else shape(value)

    return of_class
