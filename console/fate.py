"""What really became of an event in one workflow's hands, as the topics tell it.

The verdict says what a workflow thinks of an event; this says what happened: actions were made, it was
a dry run, it is a dead letter, the service has not come to it yet, or nothing was made of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from console.dead_letters import DeadLetter
from console.find_events import Placed
from console.follow import Followed, follow
from console.session import Session
from console.views import letter_view
from runtime.broker import Received, Span, TopicPartition
from schemas.errors import ConfigurationError, SchemaError
from schemas.records import Event, Firing, firing_key_of

Kind = Literal[
    "acted",  # actions were made
    "dry_run",  # what would have been sent was written down, and nothing was sent
    "dead_letter",  # it, or the action, is a dead letter of the workflow service
    "behind",  # the workflow service has not read it yet
    "nothing",  # it was read, and no action of this workflow was made
    "unreadable",  # it stands on its topic and cannot be read
    "not_found",  # it is not on its topic
    "not_published",  # it was handed over as a file
]


#: What to look at when an event is not on its topic.
WHERE_EVENTS_STAY = (
    (
        "published through the gateway: its answer says topic, partition and offset; anything but "
        "2xx means that nothing was published"
    ),
    (
        "published through an outbox: the row stays until the relay has published it; do the "
        "entity service and the relay run, and do they reach Kafka?"
    ),
    "a change that changed nothing is no event",
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the workflow service's group has come on an event's partition.

    Attributes:
        committed: The next offset it will read; None if it never committed anything there.
    """

    group: str
    record: Received
    committed: int | None

    @property
    def done(self) -> bool:
        """Whether the event was read."""
        return self.committed is not None and self.committed > self.record.offset

    @property
    def behind(self) -> int | None:
        """How many offsets it has to go until it has read the event; 0 if it has."""
        if self.committed is None:
            return None
        return max(0, self.record.offset + 1 - self.committed)

    @property
    def sentence(self) -> str:
        """Where it is, for people."""
        place = f"{self.record.topic}:{self.record.partition}"
        hint = "see HOOKLINE_WORKFLOW_GROUP, and whether the workflow service runs"
        if self.committed is None:
            return f"the group {self.group} has never finished anything on {place}: {hint}"
        if self.done:
            return f"the group {self.group} has read it"
        return (
            f"the workflow service has not come to it yet: on {place} the group {self.group} is "
            f"{self.behind} behind (it reads {self.committed} next, the event is at "
            f"{self.record.offset}): {hint}"
        )

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {"group": self.group, "committed": self.committed, "behind": self.behind}


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an event.

    Attributes:
        sentences: For people, what happened first, then what to look at next.
        letters: Dead letters that stand for the event, or an action of it, before any delivery.
        firing: What a once-per-record workflow has fired for on this record.
    """

    kind: Kind
    sentences: tuple[str, ...]
    followed: tuple[Followed, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    progress: Progress | None = None
    firing: Firing | None = None
    notes: tuple[str, ...] = ()

    @property
    def version(self) -> int | None:
        """The version of the workflow that made an action; None if none did."""
        versions = [one.action.workflow_version for one in self.followed]
        return versions[-1] if versions else None

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "kind": self.kind,
            "sentences": list(self.sentences),
            "actions": [one.view() for one in self.followed],
            "dead_letters": [letter_view(letter) for letter in self.letters],
            "consumer": self.progress.view() if self.progress else None,
            "fired": _firing_view(self.firing),
        }


async def fate_of(session: Session, placed: Placed, workflow: str, *, once: bool) -> Fate:
    """What became of an event.

    Args:
        once: The workflow fires once per record: look for what it has fired for, too.
    """
    progress = await progress_of(session, placed.record)
    found = await follow(session, placed, workflow)
    notes = list(found.notes)
    firing = await _firing(session, placed, workflow, notes) if once else None
    kind, sentences = _told(found.followed, found.letters, progress, firing, placed.event)
    return Fate(kind, sentences, found.followed, found.letters, progress, firing, tuple(notes))


async def progress_of(session: Session, record: Received) -> Progress:
    """How far the workflow service has come on a record's partition."""
    group, admin = session.settings.workflow_group, session.broker.admin()
    try:
        committed = await admin.committed(group)
    finally:
        await admin.close()
    return Progress(group, record, committed.get(TopicPartition(record.topic, record.partition)))


def _told(
    followed: Sequence[Followed],
    letters: Sequence[DeadLetter],
    progress: Progress,
    firing: Firing | None,
    event: Event,
) -> tuple[Kind, tuple[str, ...]]:
    """What happened, in one word and in sentences."""
    refused = tuple(map(letter_sentence, letters))
    made = tuple(map(_action_sentence, followed))
    if letters:
        return "dead_letter", (*refused, *made)
    if any(not one.dry_run for one in followed):
        return "acted", made
    if followed:
        return "dry_run", made
    if not progress.done:
        return "behind", (progress.sentence,)
    if firing is not None and firing.event_id != event.event_id:
        return "nothing", (firing_sentence(firing),)
    return "nothing", ("it was read, and no action of this workflow was made for it",)


def letter_sentence(letter: DeadLetter) -> str:
    """Why the workflow service gave up, and where it wrote that down."""
    if letter.is_action:
        what = f"its action for {letter.webhook} was refused"
    else:
        what = f"it could not be matched{f' by {letter.workflow}' if letter.workflow else ''}"
    settled = "" if letter.state == "open" else f", {letter.state} since"
    return (
        f"{what}: {letter.reason} (dead letter {letter.address}{settled}; "
        f"`hookline dead-letters show {letter.address}` shows it)"
    )


def firing_sentence(firing: Firing) -> str:
    """What a once-per-record workflow has fired for."""
    return (
        f"it fires once per record, and did so for {firing.entity} {firing.entity_id} at "
        f"{firing.fired_at:%F %T}Z: event {firing.event_id}, version {firing.workflow_version}"
    )


def not_found(what: str, topics: Sequence[str], since: datetime | None) -> Fate:
    """The event is neither on its topics nor among the dead letters."""
    looked = f"looked for on {', '.join(topics)}"
    looked += f" since {since:%F %T}Z (--since looks further back)" if since else ""
    return Fate(
        "not_found",
        (
            f"{what} never reached the topic, or is no longer kept there: {looked}",
            *WHERE_EVENTS_STAY,
        ),
    )


def unreadable(record: Received, error: SchemaError, letters: Sequence[DeadLetter]) -> Fate:
    """The event stands on its topic and nobody can read it."""
    said = f"it stands at {record.place} and cannot be read: {error}"
    return Fate("unreadable", (said, *map(letter_sentence, letters)), letters=tuple(letters))


def _action_sentence(one: Followed) -> str:
    """One action and where it stands."""
    action = one.action
    return f"version {action.workflow_version} → {action.webhook_id}: {one.sentence}"


async def _firing(
    session: Session, placed: Placed, workflow: str, notes: list[str]
) -> Firing | None:
    """What a once-per-record workflow has fired for on the event's record; the latest word counts."""
    event, found = placed.event, None
    key = firing_key_of(workflow, event.entity, event.entity_id)
    # A firing has the partition number of its event, so one partition tells all.
    span = Span(session.topics.firings, partition=placed.record.partition)
    try:
        async for record in session.reader.scan(span):
            if record.key == key:
                found = await session.firing(record.value) if record.value is not None else None
    except (ConfigurationError, SchemaError) as error:
        notes.append(f"what {workflow} has fired for is not known: {error}")
    return found


def _firing_view(firing: Firing | None) -> dict[str, Any] | None:
    """For `--json`."""
    if firing is None:
        return None
    return {
        "event_id": firing.event_id,
        "version": firing.workflow_version,
        "fired_at": firing.fired_at,
    }
