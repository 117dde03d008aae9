"""YAML manifests of workflows and webhooks: files → what they define, each thing with its line.

A file holds any number of documents; a document has a `kind`, an `id`, and what the kind needs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.yaml_core import Document, documents
from schemas.errors import Problem
from schemas.records import DefinitionKind

KINDS: Mapping[str, DefinitionKind] = {"Workflow": "workflow", "Webhook": "webhook"}
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One definition as it was written.

    Attributes:
        content: All of the document but `kind`.
    """

    kind: DefinitionKind
    id: str
    content: Mapping[str, Any]
    file: str
    document: Document

    @property
    def place(self) -> str:
        """Where it begins: `hooks.yaml:12`."""
        return f"{self.file}:{self.document.line_of('')}"

    def at(self, problem: Problem) -> Problem:
        """A problem with a path in this manifest, as one with file and line too."""
        return self.document.placed(problem, self.file)


@dataclass(frozen=True, slots=True)
class Manifests:
    """What some files define, and what is wrong with them as files."""

    definitions: tuple[Manifest, ...]
    problems: tuple[Problem, ...]


def load(paths: Iterable[Path]) -> Manifests:
    """Read files, and all YAML files below directories."""
    texts: list[tuple[str, str]] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found = list(_files(path))
        except OSError as error:
            problems.append(Problem(str(path), f"cannot be read: {error.strerror or error}"))
            continue
        if not found:
            problems.append(Problem(str(path), f"has no files {' or '.join(SUFFIXES)} in it"))
        for each in dict.fromkeys(found):
            text = _text(each)
            if isinstance(text, Problem):
                problems.append(text)
            else:
                texts.append((str(each), text))
    read = read_texts(texts)
    return Manifests(read.definitions, (*problems, *read.problems))


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(each for each in path.rglob("*") if each.suffix in SUFFIXES)
        return
    path.stat()  # raises if it is not there
    yield path


def _text(path: Path) -> str | Problem:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        return Problem(str(path), f"cannot be read: {error.strerror or error}")
    except UnicodeDecodeError as error:
        return Problem(
            str(path), f"is not UTF-8: byte {error.start} is {error.object[error.start]:#x}"
        )


def read_texts(texts: Sequence[tuple[str, str]]) -> Manifests:
    """Read texts, each with the name of its file."""
    definitions: list[Manifest] = []
    problems: list[Problem] = []
    for name, text in texts:
        for document in documents(text, name):
            problems += document.problems
            if document.problems or document.value is None:
                continue
            read = _manifest(name, document)
            if isinstance(read, Manifest):
                definitions.append(read)
            else:
                problems += read
    problems += _doubles(definitions)
    return Manifests(tuple(definitions), tuple(problems))


def _manifest(name: str, document: Document) -> Manifest | list[Problem]:
    place = f"{name}:{document.line_of('')}"
    content = document.value
    if not isinstance(content, dict):
        return [Problem(place, "a document is a mapping that begins with `kind: Workflow` or so")]
    problems = []
    kind, id = content.get("kind"), content.get("id")
    if not isinstance(kind, str) or kind not in KINDS:
        problems.append(Problem(f"{name}:{document.line_of('kind')}: kind", _kind(kind)))
    if not isinstance(id, str) or not id:
        said = "is missing" if "id" not in content else f"is {id!r}"
        where = f"{name}:{document.line_of('id')}: id"
        problems.append(Problem(where, f"{said}; every definition has an id, a text"))
    if problems:
        return problems
    rest = {key: value for key, value in content.items() if key != "kind"}
    return Manifest(KINDS[str(kind)], str(id), rest, name, document)


def _kind(kind: object) -> str:
    allowed = " or ".join(KINDS)
    if kind is None:
        return f"is missing; it is {allowed}"
    near = difflib.get_close_matches(str(kind).capitalize(), KINDS, n=1)
    return f"is {kind!r}; it is {allowed}" + (f" (did you mean {near[0]}?)" if near else "")


def _doubles(definitions: Iterable[Manifest]) -> Iterator[Problem]:
    """One problem for every definition whose id an earlier one of the same kind has."""
    first: dict[tuple[str, str], Manifest] = {}
    for each in definitions:
        earlier = first.setdefault((each.kind, each.id), each)
        if earlier is not each:
            message = f'the {each.kind} "{each.id}" is defined at {earlier.place} already'
            yield each.at(Problem("id", message))
