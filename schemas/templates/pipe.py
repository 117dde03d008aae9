"""What a pipe is, and how a call of one is checked against the type that it is applied to.

Pure.  Null goes through every pipe as null but `default`; and where a field may be of several types,
as a custom attribute may, a value that the pipe is not for goes through as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from schemas.templates.bounds import MAX_ARGUMENT
from schemas.templates.syntax import Argument, PipeCall
from schemas.templates.texts import Digits
from schemas.types import FieldType, ListType, RecordType, ScalarType, UnionType
from schemas.wording import found, unknown

Apply = Callable[[Any], Any]
Arguments = Sequence[Argument]
TEXT: Final = ScalarType("text")

#: Kinds of values, as pipes speak of them: their name for people, and their Python classes.
CLASSES: Final[Mapping[str, tuple[type, ...]]] = {
    "text": (str,),
    "number": (int, Decimal, float),
    "date": (date,),
    "instant": (datetime,),
    "true or false": (bool,),
    "list": (list, tuple),
    "other": (UUID, bytes, dict, Digits),
}
_KIND_OF: Final[Mapping[str, str]] = {
    "text": "text",
    "enum": "text",
    "int": "number",
    "decimal": "number",
    "float": "number",
    "date": "date",
    "datetime": "instant",
    "bool": "true or false",
}


@dataclass(frozen=True, slots=True)
class Made:
    """A pipe made ready: the type of what it gives, and what it does with a value.

    Attributes:
        empty_too: It is asked about empty values, null included.
    """

    type: FieldType
    apply: Apply
    empty_too: bool = False


@dataclass(frozen=True, slots=True)
class Pipe:
    """One row of the table.

    Attributes:
        example: How it is written.
        takes: The kinds of values it is for; empty for every one.
        arguments: What each argument is: `text`, `number` or `any`; those from `needed` on may be
            left out.
        make: Makes it ready for one type and its arguments, or says what is wrong with these.
    """

    example: str
    takes: tuple[str, ...]
    make: Callable[[FieldType, Arguments], Made | str]
    arguments: tuple[str, ...] = ()
    needed: int = 0


def kind_of(type_: FieldType) -> str:
    """The kind of a type that is no union."""
    if isinstance(type_, ListType):
        return "list"
    return _KIND_OF.get(type_.kind, "other") if isinstance(type_, ScalarType) else "other"


def name_of(type_: FieldType) -> str:
    """A type for people: `a list of records`."""
    match type_:
        case ScalarType(kind=kind):
            return _NAMES.get(kind, f"a {kind}")
        case ListType(item=item):
            return "a list of records" if isinstance(item, RecordType) else "a list"
        case UnionType(members=members):
            return " or ".join(dict.fromkeys(name_of(each) for each in members))
        case _:
            return "a record" if isinstance(type_, RecordType) else "a map"


_NAMES: Final = {
    "int": "a number",
    "decimal": "a number",
    "float": "a number",
    "bool": "true or false",
    "datetime": "an instant",
    "enum": "a text",
    "uuid": "a UUID",
    "bytes": "bytes",
}


def members_of(type_: FieldType) -> tuple[FieldType, ...]:
    """The types that a field may be of."""
    return type_.members if isinstance(type_, UnionType) else (type_,)


def either(types: Sequence[FieldType]) -> FieldType:
    """One of several types; each is there once."""
    flat = [member for type_ in types for member in members_of(type_)]
    distinct = tuple(each for index, each in enumerate(flat) if each not in flat[:index])
    return distinct[0] if len(distinct) == 1 else UnionType(distinct, nullable=True)


def applied(call: PipeCall, type_: FieldType, pipes: Mapping[str, Pipe]) -> Made | str:
    """A call made ready for a type, or what is wrong with it."""
    pipe = pipes.get(call.name)
    if pipe is None:
        return unknown("the pipe", call.name, pipes)
    wrong = problem_with_arguments(call, pipe)
    if wrong is not None:
        return wrong
    if not pipe.takes:
        return pipe.make(type_, call.arguments)
    fitting = [each for each in members_of(type_) if kind_of(each) in pipe.takes]
    if not fitting:
        return (
            f"{call.name} is for {' and '.join(map(_plural, pipe.takes))}, not for {name_of(type_)}"
        )
    others = [each for each in members_of(type_) if kind_of(each) not in pipe.takes]
    return _for_some(pipe, fitting, others, call.arguments)


def _for_some(
    pipe: Pipe, fitting: Sequence[FieldType], others: Sequence[FieldType], arguments: Arguments
) -> Made | str:
    """The pipe for those members of a union that it is for; the others go through."""
    by_class: dict[type, Apply] = {}
    types: list[FieldType] = list(others)
    problems: list[str] = []
    for member in fitting:
        made = pipe.make(member, arguments)
        if isinstance(made, str):
            problems.append(made)
            types.append(member)
            continue
        types.append(made.type)
        by_class |= dict.fromkeys(CLASSES[kind_of(member)], made.apply)
    if not by_class:
        return problems[0]

    def apply(value: Any) -> Any:
        step = by_class.get(value.__class__)
        return value if step is None else step(value)

    return Made(either(types), apply)


def problem_with_arguments(call: PipeCall, pipe: Pipe) -> str | None:
    """What is wrong with a call's arguments, whatever it is applied to."""
    given, allowed = len(call.arguments), len(pipe.arguments)
    if not pipe.needed <= given <= allowed:
        count = str(allowed) if pipe.needed == allowed else f"{pipe.needed} to {allowed}"
        return (
            f"{call.name}: found {given} arguments and takes {count}; it is written {pipe.example}"
        )
    if any(isinstance(each, str) and len(each) > MAX_ARGUMENT for each in call.arguments):
        return f"{call.name}: an argument has at most {MAX_ARGUMENT} characters"
    for argument, kind in zip(call.arguments, pipe.arguments, strict=False):
        is_number = isinstance(argument, int) and not isinstance(argument, bool)
        right = {"text": isinstance(argument, str), "number": is_number, "any": True}[kind]
        if not right:
            return f"{call.name}: {found(argument)}; it is written {pipe.example}"
    return None


def _plural(kind: str) -> str:
    return kind if kind == "true or false" else f"{kind}s"


def nullable(type_: FieldType) -> FieldType:
    """The same type, which may be null."""
    return replace(type_, nullable=True)
