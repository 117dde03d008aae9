"""Events in, actions and dead letters out: one batch, decoded, matched and built; no I/O."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from runtime.broker import Outgoing, Received, TopicPartition
from schemas import headers as names
from schemas.codec import Codec
from schemas.errors import SchemaError, UnknownSchemaError
from schemas.records import Action, Event, Firing, action_key_of, firing_key_of
from schemas.topics import Topics
from workflow_service.actions import Origin, action_headers, actions_of
from workflow_service.chains import too_many_hops
from workflow_service.counting.tallies import Counted
from workflow_service.dead_letter import Reason, dead_letter_headers
from workflow_service.firings import Fired, Firings, digest_of
from workflow_service.language.compiled import CompiledWorkflow
from workflow_service.matching.match import Failure, Matched, Matcher
from workflow_service.produced import Produced

#: A broker takes records of 1 MiB (1,048,588 bytes) unless told otherwise; key, headers and the
#: batch's own frame need room beside the value.
MAX_VALUE = 1_040_000


class Sampler(Protocol):
    """Looks into some verdicts, so that one can see where workflows fail."""

    def sample(self, event: Event) -> tuple[str, str | None] | None:
        """A workflow and the path of its first condition that failed, if it is the event's turn."""


class Stage:
    """Decides what a batch of events leads to; asks nobody and writes nothing."""

    def __init__(
        self,
        codec: Codec,
        topics: Topics,
        matcher: Matcher,
        webhooks: Container[str],
        max_hops: int,
        firings: Firings,
        sampler: Sampler,
    ) -> None:
        """Take what deciding needs.

        Args:
            webhooks: The ids of those there are; looked at each time.
            firings: What has fired before the batch; only looked at.
        """
        self._codec = codec
        self._topics = topics
        self._actions_topic = topics.actions
        self._dead_actions = topics.dead(topics.actions)
        self._dry_run_topic = topics.actions_dryrun
        self._firings_topic = topics.firings
        self._matcher = matcher
        self._webhooks = webhooks
        self._max_hops = max_hops
        self._firings = firings
        self._sampler = sampler
        self._entities: dict[str, str] = {}

    def process(self, records: Sequence[Received], now: datetime) -> Produced:
        """Everything that is to be written for these events, in their order."""
        produced = Produced()
        match, decode = self._matcher.match, self._codec.decode_event
        for record in records:
            entity = self._entities.get(record.topic) or self._entity_of(record.topic)
            try:
                event = decode(entity, record.value)
            except SchemaError as error:
                self._unreadable(record, error, produced)
                continue
            produced.readable += 1
            produced.trailing = 0
            matched = match(event)
            self._count(record.partition, event, matched, produced)
            if matched.matches:
                self._act(matched.matches, record, event, now, produced)
            if matched.failures:
                self._report(matched.failures, record, produced)
        return produced

    def _count(self, partition: int, event: Event, matched: Matched, produced: Produced) -> None:
        counted = produced.counted.get(partition)
        if counted is None:
            counted = produced.counted[partition] = Counted()
        counted.add_event(event.entity, event.operation)
        for compiled in matched.matches:
            counted.matches.append((compiled.workflow.id, event.event_id))
        sample = self._sampler.sample(event)
        if sample is not None:
            counted.samples.append(sample)

    def _entity_of(self, topic: str) -> str:
        entity = self._entities[topic] = self._topics.entity_of(topic)
        return entity

    def _unreadable(self, record: Received, error: SchemaError, produced: Produced) -> None:
        produced.trailing += 1
        exception = f"schemas.errors.{type(error).__name__}"
        if isinstance(error, UnknownSchemaError):
            produced.unknown.add(error.reference)  # type: ignore[arg-type]
            reason = Reason("unknown-schema", str(error), "decode", exception)
        else:
            reason = Reason("undecodable", str(error), "decode", exception)
        self._bury(record, reason, produced)

    def _bury(self, record: Received, reason: Reason, produced: Produced) -> None:
        """An event becomes a dead letter: key and value verbatim, same partition."""
        topic, partition = record.topic, record.partition
        headers = dead_letter_headers(record.headers, reason, topic, partition, record.offset)
        dead = self._topics.dead(topic)
        produced.records.append(Outgoing(dead, record.key, record.value, headers, partition))
        produced.letters.append((record, reason))

    def _act(
        self,
        matches: Iterable[CompiledWorkflow],
        record: Received,
        event: Event,
        now: datetime,
        produced: Produced,
    ) -> None:
        origin = Origin(record.topic, record.partition, record.offset, record.value or b"")
        for compiled in matches:
            once = compiled.workflow.fire == "once_per_record"
            if once and self._has_fired(compiled, event, record, produced):
                continue
            try:
                actions = actions_of(compiled, event, origin, now)
            except Exception as error:  # noqa: BLE001 - kept with the workflow it belongs to
                self._report([Failure(compiled, error)], record, produced)
                continue
            if compiled.workflow.state == "dry_run":
                self._show(actions, record, produced)
                continue
            if once:
                self._fire(compiled, event, record, now, produced)
            produced.matches += 1
            for action in actions:
                self._write(action, event, record, produced)

    def _has_fired(
        self, compiled: CompiledWorkflow, event: Event, record: Received, produced: Produced
    ) -> bool:
        """Whether a once-per-record workflow is done with the record, or that is not known yet."""
        place = (record.topic, record.partition)
        digest = digest_of(firing_key_of(compiled.workflow.id, event.entity, event.entity_id))
        fired = self._firings.fired(*place, digest)
        if fired is Fired.UNKNOWN:
            produced.unread.add(TopicPartition(*place))
        return fired is not Fired.NO or digest in produced.fired.get(place, ())

    def _fire(
        self,
        compiled: CompiledWorkflow,
        event: Event,
        record: Received,
        now: datetime,
        produced: Produced,
    ) -> None:
        """A once-per-record workflow fires: written beside its event, and known in this batch."""
        id, partition = compiled.workflow.id, record.partition
        key = firing_key_of(id, event.entity, event.entity_id)
        produced.fired.setdefault((record.topic, partition), set()).add(digest_of(key))
        firing = Firing(id, compiled.version, event.entity, event.entity_id, event.event_id, now)
        value, headers = self._codec.encode(firing), ((names.CONTENT_TYPE, names.AVRO),)
        produced.records.append(Outgoing(self._firings_topic, key, value, headers, partition))

    def _show(self, actions: Iterable[Action], record: Received, produced: Produced) -> None:
        """A match of a workflow that is tried out: to be looked at, and delivered to nobody."""
        produced.dry_run_matches += 1
        for action in actions:
            value = self._codec.encode(action)
            if len(value) > MAX_VALUE:
                produced.notes.append((record, _too_large(action, len(value))))
                continue
            produced.dry_run_actions += 1
            key = action_key_of(action.webhook_id, action.entity, action.entity_id)
            headers = action_headers(action)
            produced.records.append(Outgoing(self._dry_run_topic, key, value, headers))

    def _write(self, action: Action, event: Event, record: Received, produced: Produced) -> None:
        value = self._codec.encode(action)
        if len(value) > MAX_VALUE:
            self._bury(record, _too_large(action, len(value)), produced)
            return
        key = action_key_of(action.webhook_id, action.entity, action.entity_id)
        headers = action_headers(action)
        reason = self._refused(action, event, produced)
        if reason is None:
            produced.actions += 1
            produced.records.append(Outgoing(self._actions_topic, key, value, headers))
            return
        headers = dead_letter_headers(
            headers, reason, record.topic, record.partition, record.offset
        )
        produced.records.append(Outgoing(self._dead_actions, key, value, headers))
        produced.letters.append((record, reason))

    def _refused(self, action: Action, event: Event, produced: Produced) -> Reason | None:
        """Why an action must not be delivered, if so."""
        workflow = action.workflow_id
        if action.hops > self._max_hops:
            return too_many_hops(action, event, self._max_hops)
        if action.webhook_id not in self._webhooks:
            produced.webhooks.add(action.webhook_id)
            text = (
                f"the workflow {workflow!r} names the webhook {action.webhook_id!r}, which does not "
                "exist (any more): apply it again and replay, or take it out of the workflow"
            )
            return Reason("unknown-webhook", text, "act", "", workflow)
        return None

    def _report(self, failures: Iterable[Failure], record: Received, produced: Produced) -> None:
        """One dead letter for each workflow that broke on the event: replaying gives it a chance."""
        for failure in failures:
            workflow = failure.compiled.workflow.id
            kind = f"{type(failure.error).__module__}.{type(failure.error).__qualname__}"
            text = (
                f"the workflow {workflow!r} broke on the event: {kind}: {failure.error}; "
                "other workflows were matched as usual"
            )
            reason = Reason("workflow-failed", text, "match", kind, workflow)
            if failure.compiled.workflow.state == "dry_run":
                produced.notes.append((record, reason))
            else:
                self._bury(record, reason, produced)


def _too_large(action: Action, size: int) -> Reason:
    text = (
        f"the workflow {action.workflow_id!r} matched, but the event is too large to travel in an "
        f"action: {size} bytes, and {MAX_VALUE} are allowed"
    )
    return Reason("too-large", text, "act", "", action.workflow_id)
