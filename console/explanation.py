"""Why a workflow fired for an event or stayed silent: the verdict, and what really happened.

The verdict comes from the code that matching runs.  Beside it stand the version that is explained, the
one that was in force at the time, and the event's fate as the topics tell it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from console.dead_letters import instant
from console.fate import Fate, fate_of, firing_sentence
from console.given_event import given_event
from console.history import History, history_of
from console.personal import MASK, masked_event
from console.seek import Asked, Lost, sought
from console.session import Session
from console.verdicts import (
    Opinion,
    masked_opinion,
    opinion_of,
    opinion_view,
    spec_of,
)
from console.versions import Then, then_of, version_notes
from console.views import event_view, place_view
from runtime.broker import Received
from schemas.records import Definition, Event, Firing
from workflow_service.language.explain import first_failed
from workflow_service.language.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """What there is to say.

    Attributes:
        opinion: Of the version that was asked for; without an event its reason says why.
        event, record: None if it was not found or cannot be read.
        then: The version in force when the event was worked on; None if there was none, or if that
            is no question, because there is no record.
        notes: What a reader must know to take the verdict rightly.
    """

    opinion: Opinion
    event: Event | None
    record: Received | None
    fate: Fate
    in_force: int | None
    then: Then | None = None
    notes: tuple[str, ...] = ()

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            **opinion_view(self.opinion),
            "event": event_view(self.event, self.record) if self.event else self._place(),
            "version_in_force": self.in_force,
            "version_then": self.then.view() if self.then else None,
            "fate": self.fate.view(),
            "notes": list(self.notes),
        }

    def masked(self, session: Session) -> Answer:
        """The answer without personal values."""
        if self.event is None:
            return self
        fields = session.catalog.fields(self.event.entity)
        return replace(
            self,
            opinion=masked_opinion(self.opinion),
            event=masked_event(self.event, fields),
        )

    def _place(self) -> dict[str, Any] | None:
        return place_view(self.record) if self.record else None


async def explanation(session: Session, asked: Asked) -> Answer:
    """Explain one workflow and one event.

    Raises:
        NotFoundError: There never was such a workflow, or such a version of it.
        ConfigurationError: The event that was handed over is none.
    """
    history = await history_of(session, asked.workflow)
    definition = _chosen(history, asked.version)
    entity = spec_of(definition).get("entity", "")
    if asked.text is not None:
        event = given_event(asked.text, session.catalog, entity, asked.now)
        return _of_given(session, history, definition, event, masked=MASK in asked.text)
    found = await sought(session, asked, entity)
    if isinstance(found, Lost):
        return _of_lost(session, history, definition, found)
    once = _is_once(definition)
    fate = await fate_of(session, found, definition.id, once=once)
    opinion = opinion_of(definition, found.event, session.catalog)
    if once:
        opinion = _with_firing(opinion, fate.firing, found.event)
    then = then_of(history, fate.version, instant(found.record.timestamp_ms))
    return Answer(
        opinion,
        found.event,
        found.record,
        fate,
        _in_force(history),
        then,
        (
            *version_notes(history, definition, then, found.record, opinion),
            *_state_notes(opinion),
            *_contradiction(opinion, fate, then),
            *fate.notes,
        ),
    )


def _chosen(history: History, version: int | None) -> Definition:
    """The version to be explained."""
    if version is None and history.last is not None:
        return history.last
    return history.content(version or history.versions[-1].version)


def _in_force(history: History) -> int | None:
    return None if history.removed else history.versions[-1].version


def _is_once(definition: Definition) -> bool:
    return bool(spec_of(definition).get("fire") == "once_per_record")


def _of_given(
    session: Session, history: History, definition: Definition, event: Event, *, masked: bool
) -> Answer:
    """The verdict on an event that was handed over."""
    opinion = opinion_of(definition, event, session.catalog)
    notes = list(_state_notes(opinion))
    if history.removed:
        notes += version_notes(history, definition, None, None, opinion)
    if masked:
        notes.append(
            f"the event has {MASK} in place of personal values, and these were judged as they "
            "stand; `hookline events show --personal --json` prints the values"
        )
    if _is_once(definition):
        notes.append("it fires once per record; whether it already has was not looked at")
    fate = Fate("not_published", ("the event was handed over, not read from its topic",))
    return Answer(opinion, event, None, fate, _in_force(history), None, tuple(notes))


def _of_lost(session: Session, history: History, definition: Definition, lost: Lost) -> Answer:
    """What can be said of an event that is not (readable) on its topic."""
    if lost.event is not None:
        opinion = opinion_of(definition, lost.event, session.catalog)
    else:
        reason = lost.fate.sentences[0]
        opinion = Opinion(definition.id, definition.version, None, reason)
    return Answer(opinion, lost.event, lost.record, lost.fate, _in_force(history))


def _with_firing(opinion: Opinion, firing: Firing | None, event: Event) -> Opinion:
    """The opinion with its last part: has it fired for this record before?"""
    if opinion.matched is None:
        return opinion
    other = firing is not None and firing.event_id != event.event_id
    if firing is None:
        reason = f"it has not fired for {event.entity} {event.entity_id} before"
    else:
        reason = firing_sentence(firing) if other else "it has fired for this very event"
    verdict = Verdict(
        "fire", "fire once_per_record", firing and str(firing.event_id), not other, reason
    )
    refused = bool(opinion.matched) and other
    return replace(
        opinion,
        matched=bool(opinion.matched) and not other,
        reason=reason if refused else opinion.reason,
        verdicts=(*opinion.verdicts, verdict),
    )


def _contradiction(opinion: Opinion, fate: Fate, then: Then | None) -> tuple[str, ...]:
    """What to look at when the version of that time matches and nothing was made of the event."""
    same = then is not None and then.version == opinion.version
    if fate.kind != "nothing" or not opinion.matched or opinion.makes_nothing or not same:
        return ()
    said = (
        f"it matches, and yet nothing was made of it: the service may have read the event before it "
        f"took version {opinion.version} up, or may not run it (hookline_workflows_broken counts "
        "those, the log's workflow.broken says why); `hookline workflows history` says when it was "
        "saved"
    )
    return (said,)


def _state_notes(opinion: Opinion) -> tuple[str, ...]:
    """What keeps a workflow that would match from firing."""
    if opinion.makes_nothing:
        return ("it matches and makes no action: the `if` of none of them holds",)
    state = next((one for one in opinion.verdicts if one.path == "state"), None)
    if state is None or state.verdict is True:
        return ()
    rest = tuple(one for one in opinion.verdicts if one.path != "state")
    failed = first_failed(rest)
    if failed is None:
        return (f"apart from its state ({state.actual}) every part holds: active, it would fire",)
    return (f"apart from its state ({state.actual}), {failed.path} does not hold either",)
