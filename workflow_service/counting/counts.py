"""Keeps the tallies of this member's partitions: read back, counted on, and written now and then.

Counting never holds up matching.  What a member counted since it wrote last is lost when it is
killed, half a minute's worth; what a graceful stop leaves behind is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from runtime import metrics
from runtime.broker import Broker, Outgoing, Publisher, Span, TopicPartition
from runtime.clock import Clock
from runtime.logs import get_logger
from runtime.registry import Registry
from runtime.settings import Settings
from schemas import headers
from schemas.codec import Codec
from schemas.errors import BrokerError, SchemaError, UnknownSchemaError
from schemas.records import Definition, Event, WorkflowCounts
from workflow_service.counting.partition_tallies import PartitionTallies, latest, read_back
from workflow_service.counting.quiet import Rhythm, is_quiet, minute_of, together
from workflow_service.counting.tallies import ActiveWorkflow, Counted, Tally
from workflow_service.language.compiled import CompiledWorkflow
from workflow_service.language.explain import explain_compiled, first_failed

log = get_logger(__name__)

#: Of so many events one is looked into, for one workflow after the other.
SAMPLE_EVERY = 16
#: How often newly assigned partitions are looked for.
LOOK_EVERY = timedelta(seconds=1)
#: So often a new partition is seen before it is read back: its former owner, which notices no later,
#: has written its last by then.
SEEN_BEFORE = 2
#: Batches that wait until their partition's earlier counts are read; later ones are not counted.
MAX_WAITING = 10_000

QUIET = metrics.gauge(
    "hookline_workflows_quiet",
    "Workflows that used to match and have gone quiet, by this member's partitions.",
)


class Counting:
    """The tallies of one member."""

    def __init__(
        self,
        broker: Broker,
        publisher: Publisher,
        codec: Codec,
        registry: Registry,
        current: Callable[[], Collection[TopicPartition]],
        *,
        settings: Settings,
        clock: Clock,
    ) -> None:
        """Nothing was counted yet.

        Args:
            current: The partitions of events topics that are this member's now.
        """
        self._reader = broker.reader()
        self._publisher = publisher
        self._codec = codec
        self._registry = registry
        self._current = current
        self._topic = settings.topics.workflow_counts
        self._every = timedelta(milliseconds=settings.workflow_counts_interval_ms)
        self._clock = clock
        self._in_force: dict[str, ActiveWorkflow] = {}
        self._compiled: dict[str, CompiledWorkflow] = {}
        self._turns: dict[tuple[str, str], list[str]] = {}
        self._tallies: dict[int, PartitionTallies] = {}
        self._waiting: dict[int, list[tuple[Counted, int]]] = {}
        self._seen = 0
        self._looks: dict[int, int] = {}
        self._quiet: set[str] = set()

    def taken_up(self, compiled: CompiledWorkflow, definition: Definition) -> None:
        """A version of a workflow is in force from now on."""
        workflow = compiled.workflow
        self.dropped(workflow.id)
        in_force = ActiveWorkflow(
            workflow.id, compiled.version, workflow.entity, workflow.on, definition.saved_at
        )
        self._in_force[workflow.id], self._compiled[workflow.id] = in_force, compiled
        for operation in workflow.on:
            self._turns.setdefault((workflow.entity, operation), []).append(workflow.id)
        for tallies in self._tallies.values():
            tallies.taken_up(in_force)

    def dropped(self, workflow_id: str) -> None:
        """A workflow is out of force; nothing happens if it was not in force."""
        known = self._in_force.pop(workflow_id, None)
        if known is None:
            return
        del self._compiled[workflow_id]
        for operation in known.operations:
            self._turns[known.entity, operation].remove(workflow_id)
        for tallies in self._tallies.values():
            tallies.dropped(workflow_id)

    def sample(self, event: Event) -> tuple[str, str | None] | None:
        """Look into what one workflow says about the event, if it is one event's turn.

        Returns:
            The workflow and the path of its first condition that failed, if one did.
        """
        self._seen += 1
        if self._seen % SAMPLE_EVERY:
            return None
        turns = self._turns.get((event.entity, event.operation))
        if not turns:
            return None
        id = turns[(self._seen // SAMPLE_EVERY) % len(turns)]
        failed = first_failed(explain_compiled(self._compiled[id], event).verdicts)
        return id, failed.path if failed else None

    def count(self, counted: Mapping[int, Counted], now: datetime) -> None:
        """Count what a batch said, by partition, now that it is committed."""
        minute = minute_of(now)
        for partition, of_partition in counted.items():
            tallies = self._tallies.get(partition)
            if tallies is not None:
                tallies.count(of_partition, self._in_force, minute)
                continue
            waiting = self._waiting.setdefault(partition, [])
            if len(waiting) < MAX_WAITING:
                waiting.append((of_partition, minute))

    async def keep(self) -> None:
        """Read back, write and look for quiet workflows, until cancelled; then write once more."""
        written_at = self._clock.now()
        try:
            while True:
                await self._clock.sleep(LOOK_EVERY)
                await self._read_back_new()
                if self._clock.now() - written_at >= self._every:
                    written_at = self._clock.now()
                    await self._write()
                    self._look_for_quiet()
        finally:
            await self._write()

    async def _read_back_new(self) -> None:
        """Take up the counts of partitions that came, forget those that went."""
        current = {partition for _, partition in self._current()}
        gone = self._tallies.keys() - current
        if gone:
            await self._write()
        for partition in gone:
            del self._tallies[partition]
        for partition in self._waiting.keys() - current:
            del self._waiting[partition]
        new = current - self._tallies.keys()
        self._looks = {partition: self._looks.get(partition, 0) + 1 for partition in new}
        for partition in [one for one, looks in self._looks.items() if looks > SEEN_BEFORE]:
            try:
                records = await self._last_records(partition)
            except BrokerError as error:
                log.info("counts.not_read", partition=partition, error=str(error))
                return
            tallies = read_back(records, self._in_force.values())
            for counted, minute in self._waiting.pop(partition, ()):
                tallies.count(counted, self._in_force, minute)
            self._tallies[partition] = tallies

    async def _last_records(self, partition: int) -> Iterable[WorkflowCounts]:
        """What was written last of each chunk."""
        found: list[tuple[bytes | None, WorkflowCounts]] = []
        async for record in self._reader.scan(Span(self._topic, partition=partition)):
            try:
                found.append((record.key, await self._decoded(record.value)))
            except SchemaError as error:
                log.warning("counts.unreadable", place=record.place, error=str(error))
        return latest(found)

    async def _decoded(self, value: bytes | None) -> WorkflowCounts:
        """Counts, also of a release whose schema was not known when this process started."""
        try:
            return self._codec.decode_workflow_counts(value)
        except UnknownSchemaError as unknown:
            await self._registry.catch_up(unknown.reference)  # type: ignore[arg-type]
        return self._codec.decode_workflow_counts(value)

    async def _write(self) -> None:
        """Write what changed; what cannot be written now is written with the next change."""
        now = self._clock.now()
        changed = [
            (tallies, counts)
            for partition, tallies in self._tallies.items()
            for counts in tallies.take_changed(partition, now)
        ]
        try:
            await self._publisher.publish_all([self._record(counts) for _, counts in changed])
        except BrokerError as error:
            log.warning("counts.not_written", records=len(changed), error=str(error))
            for tallies, counts in changed:
                tallies.mark_changed(counts)

    def _record(self, counts: WorkflowCounts) -> Outgoing:
        return Outgoing(
            self._topic,
            f"{counts.partition}/{counts.chunk}".encode(),
            self._codec.encode(counts),
            ((headers.CONTENT_TYPE, headers.AVRO),),
            counts.partition,
        )

    def _look_for_quiet(self) -> None:
        """Say once of each workflow that it has gone quiet, and once that it matches again."""
        quiet = {id for id, rhythm in self.rhythms() if is_quiet(rhythm)}
        for id in sorted(quiet - self._quiet):
            log.warning("workflow.quiet", workflow=id, see=f"hookline workflows list, explain {id}")
        for id in sorted(self._quiet - quiet):
            log.info("workflow.matches_again", workflow=id)
        self._quiet = quiet
        QUIET.set(len(quiet))

    def rhythms(self) -> Iterator[tuple[str, Rhythm]]:
        """How regularly each workflow matches, by this member's partitions."""
        for id, tallies in self.tallies().items():
            yield id, together(tally.rhythm for tally in tallies)

    def tallies(self) -> Mapping[str, list[Tally]]:
        """The tallies of each workflow that has any."""
        found: dict[str, list[Tally]] = {}
        for of_partition in self._tallies.values():
            for tally in of_partition.tallies:
                found.setdefault(tally.id, []).append(tally)
        return found
