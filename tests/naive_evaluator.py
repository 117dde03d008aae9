"""What a workflow means, worked out the slow way from its manifest, as a second opinion.

Written from docs/semantics.md alone and sharing nothing with the workflow service: no types are
looked up and nothing is compiled, each question is asked of the plain values anew.  True, false and
None for unknown.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

Verdict = bool | None
Manifest = Mapping[str, Any]
#: An event's fields by name: the envelope's, `before`, `after` and `changed_fields`.
Plain = Mapping[str, Any]

RELATIVE = re.compile(r"(today|now)(?:\s*([+-])\s*(\d+)\s*(min|h|d|w|mo|y))?\Z")
PLAIN_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?\Z")
DURATION = re.compile(r"(\d+)\s*(min|h|d|w|mo|y)\Z")
ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "greater_than": lambda value, bound: value > bound,
    "at_least": lambda value, bound: value >= bound,
    "less_than": lambda value, bound: value < bound,
    "at_most": lambda value, bound: value <= bound,
}
NEGATED = {"not_equals": "equals", "not_in": "in", "not_contains": "contains"}


class Missing:
    """What a field of a side that is not there holds."""


class MisfitError(Exception):
    """Two values that cannot be compared, or one of them is null: nobody can say."""


@dataclass(frozen=True)
class World:
    """What a condition looks at.

    Attributes:
        item: The element that the condition is asked about, inside `any_item` and its like.
        turned: Look at the record before the change wherever `after` is written.
        fold: The comparison ignores case.
        custom: The field is a custom attribute, which may hold anything.
    """

    event: Plain
    zone: ZoneInfo
    item: Any = None
    turned: bool = False
    fold: bool = False
    custom: bool = False


def fires(manifest: Manifest, event: Plain) -> bool:
    """Whether the workflow fires, but for what `once_per_record` remembers."""
    return all(verdict is True for verdict in parts(manifest, event).values())


def steps(manifest: Manifest, event: Plain) -> list[bool]:
    """Of each action in `then`, whether it is made once the workflow has fired."""
    world = world_of(manifest, event)
    return [
        condition(each["if"], world) is True if "if" in each else True for each in manifest["then"]
    ]


def parts(manifest: Manifest, event: Plain) -> dict[str, Verdict]:
    """Everything that has to hold, by the name that the manifest has for it."""
    world = world_of(manifest, event)
    found: dict[str, Verdict] = {
        "state": manifest.get("state", "active") != "paused",
        "entity": event["entity"] == manifest["entity"],
        "on": event["operation"] in manifest["on"],
    }
    if not found["entity"]:
        return found
    if "source" in manifest:
        found["source"] = passes(manifest["source"], event["source"])
    if "when_changed" in manifest:
        found["when_changed"] = some(changed(path, world) for path in manifest["when_changed"])
    if "only_if" in manifest:
        found["only_if"] = condition(manifest["only_if"], world)
    if manifest.get("fire") == "on_entering":
        found["fire"] = enters(manifest, world)
    return found


def world_of(manifest: Manifest, event: Plain) -> World:
    return World(event, ZoneInfo(manifest.get("time_zone", "UTC")))


def passes(source: Any, actual: str) -> bool:
    return actual not in source["not_in"] if isinstance(source, Mapping) else actual in source


def enters(manifest: Manifest, world: World) -> bool:
    """True of the record now and not before; an update that has no before does not say."""
    if world.event["before"] is None and world.event["operation"] != "created":
        return False
    asked = manifest["only_if"]
    now = condition(asked, world)
    if world.event["before"] is None:
        return now is True
    return now is True and condition(asked, replace(world, turned=True)) is not True


def every(verdicts: Iterable[Verdict]) -> Verdict:
    found = list(verdicts)
    if False in found:
        return False
    return None if None in found else True


def some(verdicts: Iterable[Verdict]) -> Verdict:
    found = list(verdicts)
    if True in found:
        return True
    return None if None in found else False


def negation(verdict: Verdict) -> Verdict:
    return None if verdict is None else not verdict


def condition(asked: Mapping[str, Any], world: World) -> Verdict:
    """The verdict of any condition."""
    if "all" in asked:
        return every([condition(each, world) for each in asked["all"]])
    if "any" in asked:
        return some([condition(each, world) for each in asked["any"]])
    if "not" in asked:
        return negation(condition(asked["not"], world))
    custom = "custom_attributes." in asked["field"]
    return leaf(asked, replace(world, fold=asked.get("ignore_case", False), custom=custom))


def leaf(asked: Mapping[str, Any], world: World) -> Verdict:
    """The verdict of one comparison."""
    (operator,) = set(asked) - {"field", "ignore_case"}
    operand = asked[operator]
    if operator in CHANGES:
        return CHANGES[operator](asked["field"], operand, world)
    value = read(asked["field"], world)
    if operator == "is_empty":
        return None if value is Missing else (value in (None, "", [], {}, ())) is operand
    if value is Missing or value is None:
        return None
    if operator in ("any_item", "all_items", "no_item"):
        return of_items(operator, value, operand, world)
    if operator == "count":
        return counted(value, operand, world)
    try:
        return comparison(operator, value, operand, world)
    except MisfitError:
        return None


def of_items(operator: str, value: Any, asked: Mapping[str, Any], world: World) -> Verdict:
    if not isinstance(value, (list, tuple)):
        return None
    verdicts = [condition(asked, replace(world, item=each)) for each in value]
    match operator:
        case "all_items":
            return every(verdicts)
        case "any_item":
            return some(verdicts)
        case _:
            return negation(some(verdicts))


def counted(value: Any, asked: Mapping[str, Any], world: World) -> Verdict:
    if not isinstance(value, (list, tuple)):
        return None
    ((operator, operand),) = asked.items()
    return comparison(operator, len(value), operand, world)


# Reading


def read(path: str, world: World) -> Any:
    """The value of a field; None for null and for whatever is not in the record."""
    first, _, rest = path.partition(".")
    if first == "item":
        return below(world.item, rest) if rest else world.item
    if first == "event":
        return world.event[rest]
    side = "before" if world.turned and first == "after" else first
    record = world.event[side]
    return Missing if record is None else below(record, rest)


def below(record: Any, path: str) -> Any:
    """The value at the end of a path; what is left of it below custom attributes is one code."""
    first, _, rest = path.partition(".")
    value = record.get(first)
    if not rest or value is None:
        return value
    return value.get(rest) if first == "custom_attributes" else below(value, rest)


# Comparing


def comparison(operator: str, value: Any, operand: Any, world: World) -> bool:
    """The verdict of an operator on a value that is there.

    Raises:
        MisfitError: It is unknown.
    """
    if operator in NEGATED:
        return not comparison(NEGATED[operator], value, operand, world)
    match operator:
        case "equals":
            return equal(value, operand, world)
        case "in":
            return True in [equal(value, each, world) for each in operand]
        case "between":
            low, high = (fitted(value, each, world) for each in operand)
            return ordered(value) and low <= value <= high
        case "contains" | "starts_with" | "ends_with" | "matches":
            return textual(operator, value, operand, world)
        case _:
            return ordered(value) and ORDERS[operator](value, fitted(value, operand, world))


def equal(value: Any, operand: Any, world: World) -> bool:
    found = fitted(value, operand, world)
    if isinstance(value, str):
        return plain_text(value, fold=world.fold) == plain_text(found, fold=world.fold)
    return bool(value == found)


def ordered(value: Any) -> bool:
    if isinstance(value, (bool, str, list, tuple, Mapping, uuid.UUID)):
        raise MisfitError
    return True


def fitted(value: Any, operand: Any, world: World) -> Any:
    """The operand as something of the kind of the value."""
    if isinstance(operand, Mapping):
        operand = read(operand["field"], world)
        if operand is Missing or operand is None:
            raise MisfitError
        if isinstance(operand, str) and not isinstance(value, str):
            raise MisfitError  # texts of a record are no way of writing numbers or days
    for kind, fit in FITS.items():
        if isinstance(value, kind):
            return fit(operand, world)
    raise MisfitError


def as_is(kind: type) -> Callable[[Any, World], Any]:
    """Nothing but values of the kind itself fits."""
    return lambda operand, _: operand if isinstance(operand, kind) else misfit()


def misfit() -> NoReturn:
    raise MisfitError


def number(operand: Any, _: World) -> Decimal:
    """A number, which a manifest may put in quotes, without an exponent then."""
    if isinstance(operand, bool) or not isinstance(operand, (int, float, Decimal, str)):
        misfit()
    if isinstance(operand, str) and not PLAIN_NUMBER.match(operand):
        misfit()
    return Decimal(str(operand))


def plain_text(text: str, *, fold: bool) -> str:
    composed = unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", composed.casefold()) if fold else composed


def textual(operator: str, value: Any, operand: Any, world: World) -> bool:
    """The operators on text, on lists of it, and on addresses."""
    if isinstance(operand, Mapping):
        operand = read(operand["field"], world)
    if not isinstance(operand, str):
        misfit()
    if isinstance(value, str):
        return part(operator, value, operand, fold=world.fold)
    if not isinstance(value, (list, tuple)):
        misfit()
    if not value and not world.custom:
        return False
    if value and isinstance(value[0], Mapping):
        return any(part(operator, each["value"], operand, fold=True) for each in value)
    if operator != "contains":
        misfit()
    wanted = plain_text(operand, fold=world.fold)
    return any(plain_text(each, fold=world.fold) == wanted for each in value)


def part(operator: str, text: str, operand: str, *, fold: bool) -> bool:
    if operator == "matches":
        flags = re.ASCII | (re.IGNORECASE if fold else 0)
        whole = re.sub(r"\$\Z", r"\\Z", operand)  # RE2's end is the very end
        return re.search(whole, plain_text(text, fold=fold), flags) is not None
    text, operand = plain_text(text, fold=fold), plain_text(operand, fold=fold)
    match operator:
        case "contains":
            return operand in text
        case "starts_with":
            return text.startswith(operand)
        case _:
            return text.endswith(operand)


# Days and instants


def day(operand: Any, world: World) -> date:
    if isinstance(operand, date) and not isinstance(operand, datetime):
        return operand
    if not isinstance(operand, str):
        misfit()
    if operand.startswith("today"):
        return _relative_day(operand, world)
    try:
        return date.fromisoformat(operand)
    except ValueError:
        misfit()


def _relative_day(text: str, world: World) -> date:
    sign, amount, unit = offset(text)
    today = world.event["occurred_at"].astimezone(world.zone).date()
    return today if sign is None else later(today, int(sign + amount), unit)


def offset(text: str) -> tuple[Any, Any, Any]:
    """Sign, amount and unit of `today + 7d`; all None without one."""
    found = RELATIVE.match(text) or misfit()
    return found[2], found[3], found[4]


def instant(operand: Any, world: World) -> datetime:
    if isinstance(operand, datetime):
        return operand
    if not isinstance(operand, str):
        misfit()
    if operand.startswith("today"):
        midnight = _relative_day(operand, world)
        first = datetime(midnight.year, midnight.month, midnight.day, tzinfo=world.zone)
        return first.astimezone(UTC)
    if operand.startswith("now"):
        sign, amount, unit = offset(operand)
        now = world.event["occurred_at"]
        return now if sign is None else moved(now, int(sign + amount), unit, world.zone)
    try:
        found = datetime.fromisoformat(operand)
    except ValueError:
        misfit()
    return found if found.tzinfo is not None else misfit()


def moved(at: datetime, amount: int, unit: str, zone: ZoneInfo) -> datetime:
    """Hours and minutes pass; days and more are turned over on the calendar of the zone."""
    if unit in ("min", "h"):
        return at + timedelta(minutes=amount * (60 if unit == "h" else 1))
    if amount == 0:
        return at
    local = at.astimezone(zone)
    there = datetime.combine(later(local.date(), amount, unit), local.time().replace(fold=0))
    return there.replace(tzinfo=zone).astimezone(UTC)


def later(start: date, amount: int, unit: str) -> date:
    if unit in ("d", "w"):
        return start + timedelta(days=amount * (7 if unit == "w" else 1))
    months = start.year * 12 + start.month - 1 + amount * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(start.day, last))


#: By the kind of a value, what makes an operand one of the kind; the narrower kinds come first.
FITS: Mapping[Any, Callable[[Any, World], Any]] = {
    bool: as_is(bool),
    (int, Decimal): number,
    datetime: instant,
    date: day,
    uuid.UUID: lambda operand, _: uuid.UUID(str(operand)),
    str: as_is(str),
}

# Changes


def sides(path: str, world: World) -> tuple[Any, Any]:
    """The value before and after; null where there is no record."""
    before, after = world.event["before"], world.event["after"]
    return (
        None if before is None else below(before, path),
        None if after is None else below(after, path),
    )


def without_before(world: World) -> bool:
    return world.event["operation"] == "updated" and world.event["before"] is None


def changed(path: str, world: World) -> Verdict:
    if without_before(world):
        top = path.partition(".")[0]
        if top not in world.event["changed_fields"]:
            return False
        return True if top == path else None
    old, new = sides(path, world)
    return not identical(old, new)


def identical(old: Any, new: Any) -> bool:
    if isinstance(old, bool) != isinstance(new, bool):
        return False
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return all(identical(old.get(name), new.get(name)) for name in {*old, *new})
    if isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)):
        return len(old) == len(new) and all(map(identical, old, new))
    if isinstance(old, str) and isinstance(new, str):
        return plain_text(old, fold=False) == plain_text(new, fold=False)
    return bool(old == new)


def _changed(path: str, operand: Any, world: World) -> Verdict:
    found = changed(path, world)
    return found if operand else negation(found)


def one_of(value: Any, operand: Any, world: World) -> Verdict:
    if value is None:
        return False
    try:
        wanted = operand if isinstance(operand, (list, tuple)) else [operand]
        return True in [equal(value, each, world) for each in wanted]
    except MisfitError:
        return None


def _changed_to(path: str, operand: Any, world: World) -> Verdict:
    now = one_of(sides(path, world)[1], operand, world)
    return every([changed(path, world), now])


def _changed_from(path: str, operand: Any, world: World) -> Verdict:
    was = None if without_before(world) else one_of(sides(path, world)[0], operand, world)
    return every([changed(path, world), was])


def _risen(path: str, operand: Any, world: World, sign: int) -> Verdict:
    old, new = sides(path, world)
    if old is None or new is None:
        return None
    if isinstance(old, date) and type(old) is type(new):
        return _moved_on(old, new, operand, world, sign)
    if any(isinstance(each, bool) or not isinstance(each, (int, Decimal)) for each in (old, new)):
        return None
    rise = (Decimal(new) - Decimal(old)) * sign
    if isinstance(operand, str) and operand.endswith("%"):
        return None if old == 0 else bool(rise * 100 >= abs(old) * Decimal(operand[:-1]))
    try:
        return bool(rise >= number(operand, world))
    except MisfitError:
        return None


def _moved_on(old: Any, new: Any, operand: Any, world: World, sign: int) -> Verdict:
    found = DURATION.match(operand) if isinstance(operand, str) else None
    if found is None:
        return None
    amount, unit = int(found[1]) * sign, found[2]
    if not isinstance(old, datetime) and found[2] in ("min", "h"):
        return None
    if isinstance(old, datetime):
        bound: date = moved(old, amount, unit, world.zone)
    else:
        bound = later(old, amount, unit)
    return bool(new >= bound if sign > 0 else new <= bound)


CHANGES: Mapping[str, Callable[[str, Any, World], Verdict]] = {
    "changed": _changed,
    "changed_to": _changed_to,
    "changed_from": _changed_from,
    "increased_by": lambda path, operand, world: _risen(path, operand, world, 1),
    "decreased_by": lambda path, operand, world: _risen(path, operand, world, -1),
}
