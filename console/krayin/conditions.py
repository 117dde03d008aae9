"""Krayin's conditions → ours, with a note wherever PHP compared in a way of its own.

Pure.  Krayin counts null as different from everything (`!=`, `!{}`) and as neither greater nor
less than anything; here null is unknown, so "different or empty" is written out where it was meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from console.krayin.fields import Target, target_of
from console.krayin.notes import Notes
from schemas.wording import found, shown

Condition = dict[str, Any]

_ORDERED = {">=": "at_least", "<=": "at_most", ">": "greater_than", "<": "less_than"}
_OPERATORS = ("==", "!=", ">=", "<=", ">", "<", "{}", "!{}")
_NUMERIC = re.compile(r"\s*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?\s*")
_LABELS = ("work", "home")
#: PHP's truth and its texts for it.
_BOOLEANS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class Conditions:
    """Converts the conditions of one workflow."""

    def __init__(self, entity: str, side: str, zone: ZoneInfo, notes: Notes) -> None:
        """Everything that its conditions have in common.

        Args:
            side: `after`, or `before` for a deletion.
            zone: Of Krayin's datetimes, which have none.
        """
        self._entity = entity
        self._side = side
        self._zone = zone
        self._notes = notes
        self._where = ""

    def tree(self, rows: object, condition_type: object) -> Condition | None:
        """All of them together; None if there is nothing to ask."""
        if rows is None:
            return None
        if isinstance(rows, Mapping):  # MySQL keeps lists with gaps as objects
            rows = list(rows.values())
        if not isinstance(rows, list):
            self._notes.refuse("conditions", f"{found(rows)}; a list of conditions is expected")
            return None
        read = [self._one(row, f"conditions[{index}]") for index, row in enumerate(rows)]
        made = [each for each in read if each is not None]
        if not made:
            return None
        if len(made) == 1:
            return made[0]
        return {"all" if condition_type == "and" else "any": made}

    def _one(self, row: object, where: str) -> Condition | None:
        self._where = where
        if not isinstance(row, Mapping):
            self._refuse(f"{found(row)}; a condition is expected")
            return None
        code, operator, value = row.get("attribute"), row.get("operator"), row.get("value")
        if not code or value is None or value in ("", []):
            self._notes.left_out(
                where,
                f"it is half-filled ({shown(code)} {shown(operator)} {shown(value)}); Krayin passed "
                "over it, as if it were not there, and so does this",
            )
            return None
        if operator not in _OPERATORS:
            self._refuse(f"the operator {shown(operator)} is not one of Krayin's")
            return None
        target = target_of(self._entity, str(code), str(row.get("attribute_type")))
        if target is None:
            self._refuse(f"{self._entity} has no attribute {shown(code)}")
            return None
        if target.custom:
            self._differs(
                f"{code} is a user-defined attribute: it is looked for in custom_attributes, under "
                "the value that your connector publishes there (Krayin compares an option's id)"
            )
        return self._compared(target, str(operator), value)

    def _compared(self, target: Target, operator: str, value: object) -> Condition | None:
        convert: Mapping[str, Callable[[Target, str, Any], Condition | None]] = {
            "text": self._text,
            "number": self._number,
            "bool": self._bool,
            "date": self._date,
            "datetime": self._datetime,
            "reference": self._reference,
            "addresses": self._addresses,
            "several": self._several,
        }
        if target.kind not in convert:
            self._refuse(f"Krayin offers no conditions on {target.path}")
            return None
        return convert[target.kind](target, operator, value)

    def _text(self, target: Target, operator: str, value: Any) -> Condition | None:
        field = f"{self._side}.{target.path}"
        if isinstance(value, list):
            return self._any_text(field, operator, value)
        text = str(value)
        if operator in {"==", "!="}:
            if _NUMERIC.fullmatch(text):
                self._differs(
                    f"PHP takes texts that look like numbers for numbers, so {shown(text)} also "
                    'equalled "1e2"-like spellings of it; here texts are compared as texts'
                )
            return _equality(field, operator, text)
        if operator in {"{}", "!{}"}:
            return _containment(field, operator, text)
        self._refuse(f"{operator} is for numbers and dates, and {target.path} is a text")
        return None

    def _any_text(self, field: str, operator: str, values: list[Any]) -> Condition | None:
        if operator not in {"{}", "!{}"}:
            self._refuse("a text was compared with a list, which never held; take it out")
            return None
        parts: list[Condition] = [
            {"field": field, "contains": str(each), "ignore_case": True} for each in values
        ]
        any_of = parts[0] if len(parts) == 1 else {"any": parts}
        return any_of if operator == "{}" else {"not": any_of}

    def _number(self, target: Target, operator: str, value: Any) -> Condition | None:
        field, text = f"{self._side}.{target.path}", str(value).strip()
        if isinstance(value, list) or not _NUMERIC.fullmatch(text):
            self._refuse(f"{target.path} is a number and was compared with {shown(value)}")
            return None
        if operator in _ORDERED:
            return {"field": field, _ORDERED[operator]: _plain(text)}
        if operator in {"==", "!="}:
            return _equality(field, operator, _plain(text))
        self._refuse(f"{operator} is for texts and lists, and {target.path} is a number")
        return None

    def _bool(self, target: Target, operator: str, value: Any) -> Condition | None:
        truth = _BOOLEANS.get(str(value).lower())
        if truth is None or operator not in {"==", "!="}:
            self._refuse(f"{target.path} is yes or no and was asked {operator} {shown(value)}")
            return None
        return _equality(f"{self._side}.{target.path}", operator, truth)

    def _date(self, target: Target, operator: str, value: Any) -> Condition | None:
        day = str(value)[:10]
        try:
            date.fromisoformat(day)
        except ValueError:
            self._refuse(f"{target.path} is a date and was compared with {shown(value)}")
            return None
        return self._ordered(target, operator, day)

    def _datetime(self, target: Target, operator: str, value: Any) -> Condition | None:
        text = str(value).replace("T", " ")
        try:
            naive = datetime.fromisoformat(text)
        except ValueError:
            self._refuse(
                f"{target.path} is a date with a time and was compared with {shown(value)}"
            )
            return None
        instant = naive.replace(tzinfo=naive.tzinfo or self._zone).astimezone(UTC)
        self._differs(
            f"Krayin's times are in its own time zone; {text} was read in {self._zone.key} "
            "(say --time-zone if that is not the one)"
        )
        return self._ordered(target, operator, f"{instant:%Y-%m-%dT%H:%M:%SZ}")

    def _ordered(self, target: Target, operator: str, value: str) -> Condition | None:
        field = f"{self._side}.{target.path}"
        if target.cast:
            self._differs(
                f"in Krayin a condition on {target.path} never held, or broke, because it is a date "
                "object there; here it holds as written"
            )
        if operator in _ORDERED:
            return {"field": field, _ORDERED[operator]: value}
        if operator in {"==", "!="}:
            return _equality(field, operator, value)
        self._refuse(f"{operator} is for texts and lists, and {target.path} is a date")
        return None

    def _reference(self, target: Target, operator: str, value: Any) -> Condition | None:
        if operator not in {"==", "!="} or isinstance(value, list | dict):
            self._refuse(f"{target.path} is one record and was asked {operator} {shown(value)}")
            return None
        return _equality(f"{self._side}.{target.path}.id", operator, str(value))

    def _addresses(self, target: Target, operator: str, value: Any) -> Condition | None:
        field = f"{self._side}.{target.path}"
        if operator not in {"{}", "!{}", "==", "!="} or isinstance(value, list | dict):
            self._refuse(f"{target.path} is a list and was asked {operator} {shown(value)}")
            return None
        text, negative = str(value), operator in {"!=", "!{}"}
        if text in _LABELS:
            self._differs(
                f"Krayin compared labels, too: {shown(text)} is taken for the label it is; to look "
                "at addresses, write contains"
            )
            held = {"field": field, "any_item": {"field": "item.label", "equals": text}}
        else:
            self._differs(
                "Krayin compared with whole addresses, to the letter; here it is part of any address "
                f"that is looked for, without case (a whole one: any_item item.value equals {text})"
            )
            held = {"field": field, "contains": text}
        return {"any": [{"not": held}, _empty(field)]} if negative else held

    def _several(self, target: Target, operator: str, value: Any) -> Condition | None:
        field = f"{self._side}.{target.path}"
        values = value if isinstance(value, list) else [value]
        if operator in _ORDERED:
            self._refuse(f"{target.path} is a list and was asked {operator}")
            return None
        parts = [{"field": field, "contains": str(each)} for each in values]
        held: Condition = parts[0] if len(parts) == 1 else {"any": parts}
        return {"any": [{"not": held}, _empty(field)]} if operator in {"!=", "!{}"} else held

    def _refuse(self, message: str) -> None:
        self._notes.refuse(self._where, message)

    def _differs(self, message: str) -> None:
        self._notes.differs(self._where, message)


def _empty(field: str) -> Condition:
    return {"field": field, "is_empty": True}


def _equality(field: str, operator: str, value: object) -> Condition:
    """`==`, or `!=` with what is null."""
    if operator == "==":
        return {"field": field, "equals": value}
    return {"any": [{"field": field, "not_equals": value}, _empty(field)]}


def _containment(field: str, operator: str, text: str) -> Condition:
    """`{}`, or `!{}` with what is null."""
    if operator == "{}":
        return {"field": field, "contains": text}
    return {"any": [{"field": field, "not_contains": text}, _empty(field)]}


def _plain(text: str) -> str:
    """A number without PHP's exponents and lone points."""
    return format(Decimal(text), "f")
