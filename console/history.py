"""Every version of a workflow that was saved, as its history topic keeps them.

A removal is a version too.  The topic is written in the same transaction as the workflow itself, so
what was ever in force is here; what was saved before there was such a topic is not.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import datetime

import yaml

from console.errors import NotFoundError
from console.session import Session
from console.verdicts import spec_of
from runtime.broker import Span
from runtime.definitions import is_removed
from schemas.errors import ConfigurationError, SchemaError
from schemas.records import Definition


@dataclass(frozen=True, slots=True)
class History:
    """The versions of one workflow that are known, oldest first.

    Attributes:
        versions: Removals included.
        unreadable: Records of the history that are no definitions, each with its place.
    """

    id: str
    versions: tuple[Definition, ...]
    unreadable: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether it goes back to the first version."""
        return bool(self.versions) and self.versions[0].version == 1

    @property
    def last(self) -> Definition | None:
        """The latest version that is no removal."""
        return next((one for one in reversed(self.versions) if not is_removed(one)), None)

    @property
    def removed(self) -> Definition | None:
        """The removal, if the workflow is removed now."""
        return self.versions[-1] if self.versions and is_removed(self.versions[-1]) else None

    def at(self, instant: datetime) -> Definition | None:
        """The version in force at an instant, by when it was saved; None if there was none."""
        before = [one for one in self.versions if one.saved_at <= instant]
        return before[-1] if before and not is_removed(before[-1]) else None

    def version(self, number: int) -> Definition:
        """One version.

        Raises:
            NotFoundError: It is not known; says which are.
        """
        for one in self.versions:
            if one.version == number:
                return one
        known = ", ".join(str(one.version) for one in self.versions)
        message = f"no version {number} of the workflow {self.id!r}; there is {known}"
        if not self.complete and number < self.versions[0].version:
            message += ". What was saved before there was a topic for the history is not kept"
        raise NotFoundError(message)

    def content(self, number: int) -> Definition:
        """One version that has a manifest.

        Raises:
            NotFoundError: It is not known, or it is a removal.
        """
        found = self.version(number)
        if is_removed(found):
            message = f"{self.id} has no manifest there: version {number} removed it"
            raise NotFoundError(message)
        return found

    def steps(self) -> list[tuple[Definition, tuple[str, ...]]]:
        """Each version with what it changed, as a diff of the manifest."""
        found = []
        for before, after in zip((None, *self.versions), self.versions, strict=False):
            found.append((after, difference(before, after)))
        return found


async def history_of(session: Session, id: str) -> History:
    """Everything known about a workflow, removed ones included.

    Raises:
        NotFoundError: There never was one of that id, as far as is known.
    """
    found, unreadable = await _kept(session, id)
    current = session.workflows.current.get(id)
    if current is not None:
        found.setdefault(current.version, current)
    if not found:
        known = ", ".join(sorted(session.workflows.current)) or "none"
        raise NotFoundError(f"no workflow {id!r}; there are {known}")
    versions = tuple(found[number] for number in sorted(found))
    return History(id, versions, tuple(unreadable))


async def _kept(session: Session, id: str) -> tuple[dict[int, Definition], list[str]]:
    """The versions on the history topic; none where there is no such topic yet."""
    key, found, unreadable = id.encode(), {}, []
    try:
        async for record in session.reader.scan(Span(session.topics.workflows_history)):
            if record.key == key:
                try:
                    definition = await session.definition(record.value)
                except SchemaError as error:
                    unreadable.append(f"{record.place}: {error}")
                else:
                    found[definition.version] = definition
    except ConfigurationError:
        pass  # a system from before there was such a topic; `topics check` reports it
    return found, unreadable


def difference(before: Definition | None, after: Definition) -> tuple[str, ...]:
    """What a version changed in the manifest, as the lines of a unified diff."""
    old, new = _lines(before), _lines(after)
    earlier, later = (f"version {one.version}" if one else "(nothing)" for one in (before, after))
    return tuple(difflib.unified_diff(old, new, earlier, later, lineterm="", n=2))


def _lines(definition: Definition | None) -> list[str]:
    if definition is None or is_removed(definition):
        return []
    content = spec_of(definition)
    if not content:
        return definition.spec.splitlines()
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True).splitlines()
