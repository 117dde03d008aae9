"""A text with placeholders → its parts: `Dear {{ after.person.name | default("customer") }}`.

Pure.  Grammar: `{{ HEAD | PIPE | PIPE(ARGUMENT, …) }}`; HEAD is the path of a field or a text in
quotes, arguments are texts in quotes, numbers, true and false.  What is not in `{{ }}` stays as it
is.  A text is read in one pass, so the time it takes grows with its length alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from schemas.wording import shown

OPEN: Final = "{{"
CLOSE: Final = "}}"
#: Pipes of one placeholder.
MAX_PIPES: Final = 10

Argument = str | int | bool

_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<close>\}\})
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>-?[0-9]{1,18}(?![^\s|(),}]))
    | (?P<sign>[|(),])
    | (?P<name>[^\s|(),{}"']+)
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r"}
_WORDS: Final[dict[str, Argument]] = {"true": True, "false": False}


class TemplateError(ValueError):
    """A text that is not a template; says what was found and what is expected."""


@dataclass(frozen=True, slots=True)
class PipeCall:
    """One `| name(arguments)`."""

    name: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One `{{ … }}`.

    Attributes:
        path: The field that it names; None for a text in quotes.
        constant: The text in quotes.
        source: As it is written, for messages.
    """

    path: str | None
    constant: str
    pipes: tuple[PipeCall, ...]
    source: str


Part = str | Placeholder


def parts_of(text: str) -> tuple[Part, ...]:
    """The parts of a text, in order; a text without placeholders is one part, an empty one none.

    Raises:
        TemplateError: A placeholder is not well-formed.
    """
    parts: list[Part] = []
    at = 0
    while (opening := text.find(OPEN, at)) >= 0:
        if opening > at:
            parts.append(text[at:opening])
        placeholder, at = _Reading(text, opening).placeholder()
        parts.append(placeholder)
    if at < len(text):
        parts.append(text[at:])
    return tuple(parts)


class _Reading:
    """Reads one placeholder, token by token."""

    def __init__(self, text: str, opening: int) -> None:
        self._text = text
        self._opening = opening
        self._at = opening + len(OPEN)
        self._kind = self._token = ""
        self._begun = False
        self._advance()

    def placeholder(self) -> tuple[Placeholder, int]:
        """The placeholder, and the position behind it."""
        path, constant = self._head()
        pipes: list[PipeCall] = []
        while self._takes("sign", "|"):
            pipes.append(self._pipe())
            if len(pipes) > MAX_PIPES:
                raise self._error(f"{MAX_PIPES} pipes are allowed in one placeholder")
        if self._kind != "close":
            raise self._unexpected("| or }}")
        source = self._text[self._opening : self._at]
        return Placeholder(path, constant, tuple(pipes), source), self._at

    def _head(self) -> tuple[str | None, str]:
        if self._kind not in ("name", "text"):
            raise self._unexpected("a field such as after.title, or a text in quotes,")
        self._begun = True
        if self._kind == "name":
            return self._taken(), ""
        return None, _unquoted(self._taken())

    def _pipe(self) -> PipeCall:
        if self._kind != "name":
            raise self._unexpected("the name of a pipe")
        name, arguments = self._taken(), list[Argument]()
        if self._takes("sign", "("):
            while not self._takes("sign", ")"):
                if arguments and not self._takes("sign", ","):
                    raise self._unexpected(", or )")
                arguments.append(self._argument())
        return PipeCall(name, tuple(arguments))

    def _argument(self) -> Argument:
        match self._kind:
            case "text":
                return _unquoted(self._taken())
            case "number":
                return int(self._taken())
            case "name" if self._token in _WORDS:
                return _WORDS[self._taken()]
            case _:
                raise self._unexpected("a text in quotes, a whole number, true or false")

    def _takes(self, kind: str, token: str) -> bool:
        if (self._kind, self._token) != (kind, token):
            return False
        self._advance()
        return True

    def _taken(self) -> str:
        token = self._token
        self._advance()
        return token

    def _advance(self) -> None:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.lastgroup is None:
            rest = self._text[self._at :].lstrip()
            why = "its quotes are not closed" if rest[:1] in ('"', "'") else "}} is expected"
            raise self._error(f"found {shown(rest[:20])}; {why}")
        self._kind, self._token = found.lastgroup, found[found.lastgroup]
        self._at = found.end()

    def _unexpected(self, expected: str) -> TemplateError:
        what = "the end of the text" if self._kind == "end" else shown(self._token)
        return self._error(f"found {what}; {expected} is expected")

    def _error(self, message: str) -> TemplateError:
        written = self._text[self._opening : max(self._at, self._opening + 20)]
        hint = "" if self._begun else '; two braces that are meant as such are written {{ "{{" }}'
        return TemplateError(
            f"the placeholder at character {self._opening + 1} ({shown(written)}): {message}{hint}"
        )


def _unquoted(token: str) -> str:
    """The text in quotes; a backslash stands before quotes, backslashes, n, t and r."""
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), token[1:-1])
