"""Reads attributes of an event and looks each up, in one function written for those that are asked.

Pure.  An attribute is read once, however many ask for it: its value leads to slots of the split by it,
and to bits of the signature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from schemas.records import Event
from workflow_service.matching.hints import Attribute
from workflow_service.matching.inline import Pattern
from workflow_service.matching.signature import MAGNITUDE, Signature
from workflow_service.matching.splits import Keys, Spans, Split, Texts

#: Adds the slots that an event leads to, and returns its bits.
Find = Callable[[Event, list[Any]], int]


def finder(
    attributes: Iterable[Attribute], splits: dict[Attribute, Split], signature: Signature
) -> Find:
    """A function that looks these attributes up; it sees what is put into the tables later."""
    pattern = Pattern("break", "event, slots")
    pattern.line("bits = 0")
    pattern.line("found = slots.append")
    for attribute in attributes:
        with pattern.block():
            attribute.read(pattern)
            _look_up(pattern, attribute, splits.get(attribute), signature)
    pattern.line("return bits")
    return pattern.function()


def _look_up(
    pattern: Pattern, attribute: Attribute, split: Split | None, signature: Signature
) -> None:
    """Add what the value in `v` leads to."""
    table = signature.tables.get(attribute)
    bits_of = None if table is None else pattern.constant(table.get)
    if isinstance(split, Spans | Texts):
        pattern.line(f"{pattern.constant(split.find)}(v, found)")
    slot_of = pattern.constant(split.get) if isinstance(split, Keys) else None
    if attribute.form == "number":
        pattern.line(MAGNITUDE)
    each = "for k in v: " if attribute.form == "many" else ""
    key = "k" if each else "v"
    if bits_of is not None:
        pattern.line(f"{each}bits |= {bits_of}({key}, 0)")
    if slot_of is not None:
        pattern.line(f"{each}found({slot_of}({key}, ()))")
