"""By how much a value must have moved: an amount, a share of what it was, or a span of time.

Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from schemas.wording import found
from workflow_service.language.kinds import Mistyped, Slot
from workflow_service.language.relative import span_of
from workflow_service.language.workflow import DAY_UNITS, UNITS, Unit, Value

_SHARE = re.compile(r"([-+]?[0-9]{1,20}(?:\.[0-9]{1,20})?) ?%")
#: Digits of an amount; more than any number of a record has.
_DIGITS = 100


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the size of the value before, in per cent."""

    per_cent: Decimal


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time on the calendar."""

    amount: int
    unit: Unit


Amount = Decimal | Share | Span


def amount_of(value: Value, slot: Slot) -> Amount:
    """The amount in a manifest, for a type of field.

    Raises:
        Mistyped: The type does not take it.
    """
    return _number(value, slot) if slot.kind == "number" else _span(value, slot)


def _number(value: Value, slot: Slot) -> Decimal | Share:
    share = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if share is not None:
        return Share(_positive(Decimal(share[1]), value))
    if isinstance(value, str) and value.rstrip().endswith("%"):
        raise Mistyped(f'{found(value)}; a share is written "10%"')
    number = Decimal(slot.operand(value))
    if len(number.as_tuple().digits) > _DIGITS:
        raise Mistyped(f"{found(value)}; an amount has at most {_DIGITS} digits")
    return _positive(number, value)


def _positive(number: Decimal, value: Value) -> Decimal:
    if number <= 0:
        raise Mistyped(
            f"{found(value)}; an amount is greater than 0 (a fall is decreased_by; whether it rose "
            "at all is asked by comparing after with before)"
        )
    return number


def _span(value: Value, slot: Slot) -> Span:
    units = DAY_UNITS if slot.kind == "date" else UNITS
    span = span_of(value) if isinstance(value, str) else None
    if span is None or span[1] not in units:
        raise Mistyped(
            f"{found(value)}; a span of time is expected, as 7d: a number and one of "
            f"{', '.join(units)}"
        )
    if span[0] == 0:
        raise Mistyped(f"{found(value)}; a span is greater than 0")
    return Span(*span)
