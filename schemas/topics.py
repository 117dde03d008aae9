"""The wiring diagram: every topic, the record on it, its key, its retention.

Pure: names and figures only.  `hookline topics create|check` makes and checks what stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

DAY = timedelta(days=1)
#: The default tiers.  Any wait up to 7 days is reached in few steps; the smallest bounds lateness.
DEFAULT_TIERS = (
    timedelta(seconds=1),
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=10),
    timedelta(days=1),
)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it should be.

    Attributes:
        record: The Avro record it carries, for people.
        key: What the key is, for people.
        retention: None keeps everything; of a compacted topic, the last record of each key.
    """

    name: str
    record: str
    key: str
    partitions: int
    cleanup: Literal["delete", "compact"]
    retention: timedelta | None


@dataclass(frozen=True, slots=True)
class Topics:
    """The names and shapes of all topics, from the three settings that decide them.

    Attributes:
        prefix: First part of every name.
        partitions: Of each data topic; actions and their retry tiers must have the same number,
            because one member reads a partition number of all of them.
        tiers: The delays of the retry topics, rising.
    """

    prefix: str = "crm"
    partitions: int = 6
    tiers: tuple[timedelta, ...] = DEFAULT_TIERS

    def events(self, entity: str) -> str:
        """Events of one entity, keyed by record id."""
        return f"{self.prefix}.{entity}.events"

    def entity_of(self, events_topic: str) -> str:
        """The entity whose events the topic carries: the inverse of `events`."""
        return events_topic.removeprefix(f"{self.prefix}.").removesuffix(".events")

    @property
    def actions(self) -> str:
        """Matches to be delivered, keyed by webhook and record."""
        return f"{self.prefix}.actions"

    @property
    def actions_dryrun(self) -> str:
        """Matches of workflows that are tried out, delivered to nobody; keyed as actions are."""
        return f"{self.actions}-dryrun"

    @property
    def firings(self) -> str:
        """What once-per-record workflows have fired for, compacted by workflow and record.

        A firing has the partition number of its event, which only the event's owner writes to.
        """
        return f"{self.prefix}.firings"

    @property
    def workflow_counts(self) -> str:
        """What workflows have said so far, compacted by partition and chunk of workflows."""
        return f"{self.prefix}.workflow-counts"

    @property
    def attempts(self) -> str:
        """The log of every delivery attempt, keyed by action id."""
        return f"{self.prefix}.attempts"

    @property
    def workflows(self) -> str:
        """Workflow definitions, compacted by id."""
        return f"{self.prefix}.workflows"

    @property
    def workflows_history(self) -> str:
        """Every version of every workflow, in the order of saving; never deleted."""
        return f"{self.workflows}-history"

    @property
    def webhooks(self) -> str:
        """Webhook definitions, compacted by id."""
        return f"{self.prefix}.webhooks"

    @property
    def lanes(self) -> str:
        """How each webhook's lane stands, compacted by webhook and aspect."""
        return f"{self.prefix}.lanes"

    @property
    def schemas(self) -> str:
        """Writer schemas, compacted by fingerprint."""
        return f"{self.prefix}.schemas"

    def retry(self, tier: timedelta) -> str:
        """The retry topic whose records all wait for the same time."""
        return f"{self.actions}-retry-{tier // timedelta(milliseconds=1)}"

    @property
    def retries(self) -> dict[str, timedelta]:
        """Every retry topic with its delay, shortest first."""
        return {self.retry(tier): tier for tier in self.tiers}

    def dead(self, topic: str) -> str:
        """The dead-letter topic of a topic."""
        return f"{topic}-dlt"

    def all(self, entities: Iterable[str]) -> Iterator[Topic]:
        """Every topic of the system, in the order of the data flow."""
        data, week, month = self.partitions, 7 * DAY, 30 * DAY
        for entity in entities:
            events = self.events(entity)
            record = f"{entity} event"
            yield Topic(events, record, "record id", data, "delete", week)
            yield Topic(self.dead(events), record, "record id", data, "delete", month)
        key = "webhook/entity/record id"
        yield Topic(self.actions, "Action", key, data, "delete", week)
        for name in self.retries:
            # Longer than the longest schedule (about 4 days) plus the cap on Retry-After.
            yield Topic(name, "Action", key, data, "delete", 2 * week)
        yield Topic(self.dead(self.actions), "Action", key, data, "delete", month)
        yield Topic(self.actions_dryrun, "Action", key, data, "delete", week)
        yield Topic(self.firings, "Firing", "workflow/entity/record id", data, "compact", None)
        counts = "partition/chunk of workflows"
        yield Topic(self.workflow_counts, "WorkflowCounts", counts, data, "compact", None)
        yield Topic(self.attempts, "Attempt", "action id", data, "delete", month)
        yield Topic(self.workflows, "Definition", "workflow id", 1, "compact", None)
        yield Topic(self.workflows_history, "Definition", "workflow id", 1, "delete", None)
        yield Topic(self.webhooks, "Definition", "webhook id", 1, "compact", None)
        yield Topic(self.lanes, "LaneState", "webhook id/aspect", 1, "compact", None)
        yield Topic(self.schemas, "Avro schema (JSON text)", "fingerprint", 1, "compact", None)
