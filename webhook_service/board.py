"""What all members know of the lanes: a compacted topic, followed, and written to by who saw something.

The order of the topic decides: of two members that write about the same lane the later one counts,
for both of them and for every one that starts afterwards.  What was seen counts here at once, and
for the others when it is written; while Kafka is away it waits in memory, the newest of each lane.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from runtime.broker import Outgoing, Publisher, Received, Tables
from runtime.logs import get_logger
from runtime.registry import Registry
from schemas.codec import Codec
from schemas.errors import BrokerError, SchemaError, UnknownSchemaError
from schemas.records import LaneAspect, LaneState, lane_key_of
from webhook_service.lane_states import aspect_key

log = get_logger(__name__)

#: Before a write that failed is tried again; the publisher has tried for long by itself.
AGAIN_AFTER_S: Final = 1.0
#: Called with each state that somebody else wrote.
Listener = Callable[[LaneState], None]


class Board:
    """The newest state of each lane."""

    def __init__(
        self, tables: Tables, topic: str, codec: Codec, registry: Registry, publisher: Publisher
    ) -> None:
        """Follow the topic; `tables` must not have been started yet."""
        self._topic = topic
        self._codec = codec
        self._registry = registry
        self._publisher = publisher
        self._states: dict[tuple[str, LaneAspect], LaneState] = {}
        self._unwritten: dict[tuple[str, LaneAspect], LaneState] = {}
        self._mine: dict[tuple[str, LaneAspect], LaneState] = {}
        self._unread: list[Received] = []
        self._something = asyncio.Event()
        self._listeners: list[Listener] = []
        tables.follow(topic, self._on_record)

    def find(self, webhook: str, aspect: LaneAspect) -> LaneState | None:
        """The newest state that is known, if any is."""
        return self._states.get((webhook, aspect))

    def listen(self, listener: Listener) -> None:
        """Be told of what others write from now on."""
        self._listeners.append(listener)

    def tell(self, state: LaneState) -> None:
        """Tell everybody what was seen here."""
        key = aspect_key(state)
        self._states[key] = self._unwritten[key] = self._mine[key] = state
        self._something.set()

    async def run(self) -> None:
        """Write what was told and read what waits for its schema, until cancelled."""
        while True:
            await self._something.wait()
            self._something.clear()
            try:
                await self._read_late()
                await self._write()
            except BrokerError as error:
                log.warning("lane.untold", waiting=len(self._unwritten), error=str(error))
                self._something.set()
                await asyncio.sleep(AGAIN_AFTER_S)

    async def _write(self) -> None:
        while self._unwritten:
            states = list(self._unwritten.values())
            await self._publisher.publish_all([self._record(state) for state in states])
            for state in states:
                if self._unwritten.get(aspect_key(state)) is state:
                    del self._unwritten[aspect_key(state)]

    def _record(self, state: LaneState) -> Outgoing:
        key = lane_key_of(state.webhook_id, state.aspect)
        return Outgoing(self._topic, key, self._codec.encode(state))

    async def _read_late(self) -> None:
        """Read what was written by a newer version of this service."""
        while self._unread:
            record = self._unread[0]
            try:
                self._take(self._codec.decode_lane_state(record.value))
            except UnknownSchemaError as unknown:
                if not await self._registry.catch_up(unknown.reference):  # type: ignore[arg-type]
                    self._unreadable(record, unknown)
                    self._unread.pop(0)
                continue
            except SchemaError as error:
                self._unreadable(record, error)
            self._unread.pop(0)

    def _on_record(self, key: bytes, value: bytes | None, record: Received) -> None:
        if value is None:
            self._drop(key)
            return
        try:
            self._take(self._codec.decode_lane_state(value))
        except UnknownSchemaError:
            self._unread.append(record)
            self._something.set()
        except SchemaError as error:
            self._unreadable(record, error)

    def _take(self, state: LaneState) -> None:
        key = aspect_key(state)
        mine = self._mine.get(key)
        if mine is not None:
            # Ours stands behind it on the topic, or is this one.
            if mine == state:
                del self._mine[key]
            return
        self._states[key] = state
        for listener in self._listeners:
            listener(state)

    def _drop(self, key: bytes) -> None:
        """Forget what somebody removed from the topic by hand."""
        for known in [one for one in self._states if lane_key_of(*one) == key]:
            del self._states[known]

    def _unreadable(self, record: Received, error: SchemaError) -> None:
        log.warning("lane.unreadable", place=record.place, error=str(error))
