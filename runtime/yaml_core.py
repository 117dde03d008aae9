"""YAML text → plain values with the line of each: YAML 1.2's core rules, nothing that can surprise.

PyYAML reads YAML 1.1, where `on`, `off`, `yes` and `no` are booleans, `12:30` is 750 and a date is
an object.  Here they are texts.  Keys are texts and stand once; tags of one's own are refused;
depth, size and what aliases may blow up to are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.composer import Composer, ComposerError
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from schemas.errors import Problem

#: A manifest file is text that people write.
MAX_CHARACTERS = 4 * 1024 * 1024
MAX_DEPTH = 60
#: Values in one document, counted each time an alias repeats them.
MAX_VALUES = 200_000
_INT_BOUND = 2**63
#: What YAML's core schema knows: null, bool, int, float, str, lists and dicts of them.
Value = Any

_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"(~|null|Null|NULL|)\Z")
_BOOL = re.compile(r"(true|True|TRUE|false|False|FALSE)\Z")
_INT = re.compile(r"([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(
    r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z"
)


class _Resolver(BaseResolver):
    """Which plain scalars are not texts: the core schema of YAML 1.2.2, chapter 10.3."""


_Resolver.add_implicit_resolver(_TAG + "null", _NULL, ["~", "n", "N", ""])
_Resolver.add_implicit_resolver(_TAG + "bool", _BOOL, list("tTfF"))
_Resolver.add_implicit_resolver(_TAG + "int", _INT, list("-+0123456789"))
_Resolver.add_implicit_resolver(_TAG + "float", _FLOAT, list("-+.0123456789"))


class _Loader(Reader, Scanner, Parser, Composer, _Resolver):
    """Text to nodes, no deeper than bearable."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _Resolver.__init__(self)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self._depth >= MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ComposerError(None, None, f"nested deeper than {MAX_DEPTH}", mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document.

    Attributes:
        lines: The line (from 1) of every path in it: `then[0].webhook`; of the root: ``.
    """

    value: Any
    lines: dict[str, int]
    problems: tuple[Problem, ...] = ()

    def line_of(self, path: str) -> int:
        """The line of a path, or of the nearest thing around it."""
        while path not in self.lines and path:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines[path]

    def placed(self, problem: Problem, name: str) -> Problem:
        """A problem with a path in this document, as one with its file and line too."""
        place = f"{name}:{self.line_of(problem.place)}"
        return Problem(f"{place}: {problem.place}" if problem.place else place, problem.message)


def documents(text: str, name: str) -> Iterator[Document]:
    """The documents of a text that are not empty; problems are in them, syntax errors in the last.

    Args:
        name: What places begin with: `hooks.yaml`.
    """
    if len(text) > MAX_CHARACTERS:
        message = f"has {len(text)} characters; {MAX_CHARACTERS} are allowed"
        yield Document(None, {"": 1}, (Problem(name, message),))
        return
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield _Building(name).document(node)
    except yaml.YAMLError as error:
        yield Document(None, {"": 1}, (_syntax(error, name),))


def _syntax(error: yaml.YAMLError, name: str) -> Problem:
    """A problem of a YAML error, at its place."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}" if mark else name
        said = ", ".join(part for part in (error.context, error.problem) if part)
        return Problem(place, f"is not YAML: {said}")
    return Problem(name, f"is not YAML: {str(error).splitlines()[0]}")


@dataclass
class _Building:
    """Builds one document's value out of its nodes."""

    name: str
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    built: int = 0

    def document(self, node: yaml.Node) -> Document:
        value = self.value(node, "", node.start_mark.line + 1)
        return Document(value, self.lines, tuple(self.problems))

    def value(self, node: yaml.Node, path: str, line: int) -> Value:
        self.lines[path] = line
        self.built += 1
        if self.built > MAX_VALUES:
            if self.built == MAX_VALUES + 1:
                self.problem(line, path, f"has more than {MAX_VALUES} values, aliases included")
            return None
        if id(node) in self.open:
            self.problem(line, path, "contains itself through an alias")
            return None
        self.open.add(id(node))
        try:
            return self.inner(node, path, line)
        finally:
            self.open.discard(id(node))

    def inner(self, node: yaml.Node, path: str, line: int) -> Value:
        match node:
            case yaml.MappingNode() if node.tag == _TAG + "map":
                return self.mapping(node, path)
            case yaml.SequenceNode() if node.tag == _TAG + "seq":
                return [
                    self.value(each, f"{path}[{index}]", each.start_mark.line + 1)
                    for index, each in enumerate(node.value)
                ]
            case yaml.ScalarNode() if node.tag.startswith(_TAG):
                return self.scalar(node, path, line)
        self.problem(line, path, f"has the tag {node.tag}; tags are not used here")
        return None

    def mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != _TAG + "str":
                self.problem(line, path, f"a key is a text; write {_quoted(key_node)}")
            elif key in content:
                self.problem(line, path, f"the key {key} stands here twice")
            else:
                place = f"{path}.{key}" if path else key
                content[key] = self.value(value_node, place, line)
        return content

    def scalar(self, node: yaml.ScalarNode, path: str, line: int) -> Value:
        try:
            return _scalar(node.tag.removeprefix(_TAG), node.value)
        except ValueError as error:
            self.problem(line, path, str(error))
            return None

    def problem(self, line: int, path: str, message: str) -> None:
        place = f"{self.name}:{line}"
        self.problems.append(Problem(f"{place}: {path}" if path else place, message))


def _quoted(node: yaml.Node) -> str:
    return f'"{node.value}" in quotes' if isinstance(node, yaml.ScalarNode) else "one"


def _scalar(tag: str, text: str) -> Value:
    """The value of a scalar.

    Raises:
        ValueError: It has none that can be kept; says why.
    """
    match tag:
        case "null" if _NULL.match(text):
            return None
        case "bool" if _BOOL.match(text):
            return text.lower() == "true"
        case "int" if _INT.match(text):
            return _whole(text)
        case "float" if _FLOAT.match(text):
            return _number(text)
        case "str":
            if any("\ud800" <= each <= "\udfff" for each in text):
                raise ValueError("holds half a Unicode character (a surrogate)")
            return text
        case _:
            pass
    raise ValueError(f"{text!r} is not a value of the tag !!{tag}")


def _whole(text: str) -> int:
    plain = text.lstrip("-+")
    base = {"0o": 8, "0x": 16}.get(plain[:2], 10)
    if len(plain) > len(str(_INT_BOUND)) + 60 or abs(number := int(text, base)) >= _INT_BOUND:
        raise ValueError("a whole number that needs more than 64 bits; write it in quotes")
    return number


def _number(text: str) -> float:
    infinite = "n" in text.lower()  # .inf, .nan
    number = float("inf") if infinite else float(text)
    if abs(number) == float("inf"):
        raise ValueError(f"{text} is not a number that can be kept")
    return number
