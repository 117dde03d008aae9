"""Dead letters as an operator sees them: which there are, where from, why, open or resolved.

A dead letter is settled by a later record on the same topic and partition (`hookline-resolves`), so
what is open follows from reading the topic, and from nothing else.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from console.errors import NotFoundError
from runtime.broker import Reader, Received, Span
from schemas import headers
from schemas.errors import ConfigurationError
from schemas.topics import Topics

State = Literal["open", "replayed", "discarded"]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What settled a dead letter.

    Attributes:
        by: Who ran the command, as far as their system says.
        place: `topic:partition:offset` of the record that says so.
    """

    kind: Literal["replayed", "discarded"]
    reason: str
    by: str
    at: datetime
    place: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record of a dead-letter topic, with its resolution if it has one.

    Attributes:
        origin: The topic it would be replayed to.
        headers: As text; the last one of a name counts.
    """

    record: Received
    origin: str
    headers: Mapping[str, str]
    resolution: Resolution | None = None

    @property
    def state(self) -> State:
        """Open until a resolution stands behind it."""
        return self.resolution.kind if self.resolution else "open"

    @property
    def place(self) -> str:
        """`partition:offset`, as resolutions name it."""
        return f"{self.record.partition}:{self.record.offset}"

    @property
    def address(self) -> str:
        """What commands take: `partition:offset` for actions, with the topic before it for events."""
        return self.place if self.is_action else self.record.place

    @property
    def is_action(self) -> bool:
        """Whether it is an action that could not be delivered; else an event nobody could match."""
        return not self.origin.endswith(".events")

    @property
    def died_at(self) -> datetime:
        """When it was written."""
        return instant(self.record.timestamp_ms)

    @property
    def action_id(self) -> str | None:
        """The action's id; None for an event."""
        return self.headers.get(headers.ACTION_ID)

    @property
    def webhook(self) -> str | None:
        """The webhook it could not be delivered to; None for an event."""
        return self.headers.get(headers.WEBHOOK) or (self._key_parts[0] if self.is_action else None)

    @property
    def workflow(self) -> str | None:
        """The workflow that asked for it."""
        return self.headers.get(headers.WORKFLOW)

    @property
    def entity(self) -> str:
        """The entity of the record that changed."""
        return self._key_parts[1]

    @property
    def entity_id(self) -> str:
        """The id of the record that changed."""
        return self._key_parts[2]

    @property
    def error_class(self) -> str:
        """A stable word for what went wrong."""
        return (
            self.headers.get(headers.ERROR_CLASS)
            or self.headers.get(headers.ERROR_EXCEPTION_CLASS)
            or "unknown"
        )

    @property
    def reason(self) -> str:
        """What went wrong, in a sentence."""
        return (
            self.headers.get(headers.REASON)
            or self.headers.get(headers.ERROR_EXCEPTION_MESSAGE)
            or "no reason was recorded"
        )

    @property
    def attempts(self) -> int:
        """How many attempts were spent."""
        text = self.headers.get(headers.ATTEMPTS, "")
        return int(text) if text.isdecimal() else 0

    @property
    def _key_parts(self) -> tuple[str, str, str]:
        """Webhook, entity and record id, as the key and the topic say."""
        key = (self.record.key or b"").decode(errors="replace")
        if not self.is_action:
            return "", self.origin.rsplit(".", 2)[-2], key
        webhook, _, rest = key.partition("/")
        entity, _, entity_id = rest.partition("/")
        return webhook, entity, entity_id

    def field(self, name: str) -> str:
        """The value that `--where <name>=…` looks at."""
        return _FIELDS[name](self) or ""


#: What `--where` can filter by.
_FIELDS: dict[str, Callable[[DeadLetter], str | None]] = {
    "webhook": lambda letter: letter.webhook,
    "workflow": lambda letter: letter.workflow,
    "entity": lambda letter: letter.entity,
    "record": lambda letter: letter.entity_id,
    "error": lambda letter: letter.error_class,
    "status": lambda letter: letter.headers.get(headers.LAST_STATUS),
    "reason": lambda letter: letter.reason,
    "action": lambda letter: letter.action_id,
    "topic": lambda letter: letter.record.topic,
    "partition": lambda letter: str(letter.record.partition),
    "state": lambda letter: letter.state,
}
FIELDS = tuple(_FIELDS)


@dataclass(frozen=True, slots=True)
class Where:
    """A filter: every pair must hold; a value may use `*` and `?`."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Where:
        """Read `key=value` texts.

        Raises:
            ConfigurationError: A text without `=`, or an unknown key, with the keys there are.
        """
        pairs = []
        for text in texts:
            name, equals, value = text.partition("=")
            if not equals or name not in _FIELDS:
                message = f"--where {text!r}: expected key=value with a key of {', '.join(FIELDS)}"
                raise ConfigurationError(message)
            pairs.append((name, value))
        return cls(tuple(pairs))

    def holds(self, letter: DeadLetter) -> bool:
        """Whether the dead letter passes."""
        return all(fnmatch.fnmatchcase(letter.field(name), value) for name, value in self.pairs)


@dataclass(frozen=True, slots=True)
class Group:
    """Dead letters with the same cause: one line of the list.

    Attributes:
        webhook: The webhook, or for events the topic they could not be read from.
        reason: Of the newest one.
        newest: Its address, to look at one example.
    """

    webhook: str
    error_class: str
    reason: str
    open: int
    resolved: int
    oldest_at: datetime
    newest_at: datetime
    newest: str


def instant(timestamp_ms: int) -> datetime:
    """A record's timestamp as an aware instant."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC)


def topics_of(topics: Topics, entities: Iterable[str]) -> dict[str, str]:
    """Every dead-letter topic and the topic its records came from, actions first."""
    origins = [topics.actions, *(topics.events(entity) for entity in entities)]
    return {topics.dead(origin): origin for origin in origins}


async def read(
    reader: Reader, dead_letter_topics: Mapping[str, str], since: datetime | None = None
) -> list[DeadLetter]:
    """Every dead letter there is, with its resolution, oldest first."""
    found: list[DeadLetter] = []
    for topic, origin in dead_letter_topics.items():
        records = [record async for record in reader.scan(Span(topic, since=since))]
        found += letters(records, origin)
    return sorted(found, key=lambda letter: (letter.record.timestamp_ms, letter.record.place))


def letters(records: Sequence[Received], origin: str) -> list[DeadLetter]:
    """The dead letters among the records of one topic; resolutions are joined to what they settle."""
    found: dict[str, DeadLetter] = {}
    for record in records:
        texts = {name: value.decode(errors="replace") for name, value in record.headers}
        settled = texts.get(headers.RESOLVES)
        if settled is None:
            letter = DeadLetter(record, origin, texts)
            found[letter.place] = letter
        elif settled in found and found[settled].resolution is None:
            found[settled] = replace(found[settled], resolution=_resolution(record, texts))
    return list(found.values())


def _resolution(record: Received, texts: Mapping[str, str]) -> Resolution:
    """The resolution that a record states."""
    return Resolution(
        kind="replayed" if texts.get(headers.RESOLUTION) == "replayed" else "discarded",
        reason=texts.get(headers.RESOLUTION_REASON, ""),
        by=texts.get(headers.RESOLVED_BY, ""),
        at=instant(record.timestamp_ms),
        place=record.place,
    )


def groups(found: Iterable[DeadLetter]) -> list[Group]:
    """One line per webhook and error, the most open ones first."""
    by_cause: dict[tuple[str, str], list[DeadLetter]] = {}
    for letter in found:
        by_cause.setdefault((letter.webhook or letter.origin, letter.error_class), []).append(
            letter
        )
    lines = [_group(cause, alike) for cause, alike in by_cause.items()]
    return sorted(lines, key=lambda line: (-line.open, line.webhook, line.error_class))


def _group(cause: tuple[str, str], alike: Sequence[DeadLetter]) -> Group:
    """One line of the list."""
    newest = max(alike, key=lambda letter: letter.died_at)
    still_open = sum(letter.state == "open" for letter in alike)
    return Group(
        webhook=cause[0],
        error_class=cause[1],
        reason=newest.reason,
        open=still_open,
        resolved=len(alike) - still_open,
        oldest_at=min(letter.died_at for letter in alike),
        newest_at=newest.died_at,
        newest=newest.address,
    )


def pick(found: Sequence[DeadLetter], address: str) -> DeadLetter:
    """The dead letter that an address names.

    Args:
        address: `partition:offset`, `topic:partition:offset`, or an action id.  An action that
            died more than once is the newest open one, else the newest.

    Raises:
        NotFoundError: There is none.
    """
    named = [letter for letter in found if address in {letter.address, letter.record.place}]
    named = named or [letter for letter in found if letter.action_id == address]
    if not named:
        message = (
            f"no dead letter {address!r}: give partition:offset (crm.lead.events-dlt:0:3 for one of"
            f" another topic) or an action id; {len(found)} were read; see hookline dead-letters list"
        )
        raise NotFoundError(message)
    return max(named, key=lambda letter: (letter.state == "open", letter.died_at))
