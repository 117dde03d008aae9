"""Workflows and webhooks as compacted topics hold them: the current versions, followed as they change.

A removal is a version too (`removed`), never a tombstone: the last record of an id stays in the
topic, so its versions go on rising when it is saved again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from runtime import metrics
from runtime.broker import Received, Tables
from runtime.logs import get_logger
from schemas.codec import Reference
from schemas.errors import BrokerError, ConfigurationError, SchemaError, UnknownSchemaError
from schemas.records import Definition

log = get_logger(__name__)

#: The spec of a definition that says: this id was removed.
REMOVED = '{"removed":true}'

UNREADABLE = metrics.counter(
    "hookline_definitions_unreadable_total",
    "Records on a definitions topic that could not be read; the version before stays in force.",
    ["topic"],
)
CHANGES = metrics.counter(
    "hookline_definitions_changes_total", "Definitions taken up or removed.", ["topic"]
)

#: Before a registry that could not be asked is asked again; it has tried for seconds by itself.
ASK_AGAIN_AFTER_S = 1.0

Decode = Callable[[bytes | None], Definition]
#: Called on the loop with an id and its new version; None when it was removed.
Listener = Callable[[str, Definition | None], None]


class SchemaCatchUp(Protocol):
    """What a table needs of the registry, and no more."""

    async def catch_up(self, reference: Reference) -> bool:
        """Learn of schemas that were registered since; True if this one is known now."""


def is_removed(definition: Definition) -> bool:
    """True for the version that removes an id."""
    return definition.spec == REMOVED


class DefinitionTable:
    """The definitions of one topic, as of now.

    A record that cannot be read is logged and counted, and changes nothing.  One whose schema is
    not known yet waits until `settle` has asked the registry.
    """

    def __init__(self, tables: Tables, topic: str, decode: Decode, registry: SchemaCatchUp) -> None:
        """Follow a topic; `tables` must not have been started yet.

        Args:
            decode: `Codec.decode_definition`.
        """
        self._tables = tables
        self._topic = topic
        self._decode = decode
        self._registry = registry
        self._current: dict[str, Definition] = {}
        self._versions: dict[str, int] = {}
        self._listeners: list[Listener] = []
        self._waiting: list[Received] = []
        self._unsettled = asyncio.Event()
        tables.follow(topic, self._on_record)

    @property
    def current(self) -> Mapping[str, Definition]:
        """The definitions in force, by id."""
        return MappingProxyType(self._current)

    @property
    def versions(self) -> Mapping[str, int]:
        """The highest version of each id that ever was, removed ones included."""
        return MappingProxyType(self._versions)

    def listen(self, listener: Listener) -> None:
        """Be told of every change from now on, and at once of everything there is."""
        self._listeners.append(listener)
        for id, definition in self._current.items():
            listener(id, definition)

    async def catch_up(self) -> None:
        """See everything that was committed to the topic before this call."""
        await self._tables.catch_up(self._topic)
        await self.settle()

    async def settle(self) -> None:
        """Read what waits for its schema; what has none even now is reported as unreadable.

        Raises:
            BrokerError: The registry cannot be asked; what waits goes on waiting.
            ConfigurationError: The registry refuses to be asked; likewise.
        """
        self._unsettled.clear()
        while self._waiting:
            record = self._waiting[0]
            try:
                self._take(record, self._decode(record.value))
            except UnknownSchemaError as error:
                await self._settle_one(record, error)
            except SchemaError as error:
                self._unreadable(record, error)
            if record in self._waiting:
                self._waiting.remove(record)

    async def keep_settled(self) -> None:
        """Settle whatever comes to wait, until cancelled; run it as a task beside the service."""
        while True:
            await self._unsettled.wait()
            try:
                await self.settle()
            except (BrokerError, ConfigurationError) as error:
                log.warning("definition.waiting", topic=self._topic, error=str(error))
                self._unsettled.set()
                await asyncio.sleep(ASK_AGAIN_AFTER_S)

    async def _settle_one(self, record: Received, unknown: UnknownSchemaError) -> None:
        try:
            if await self._registry.catch_up(unknown.reference):  # type: ignore[arg-type]
                self._take(record, self._decode(record.value))
                return
        except SchemaError as error:
            self._unreadable(record, error)
            return
        self._unreadable(record, unknown)

    def _on_record(self, key: bytes, value: bytes | None, record: Received) -> None:
        if value is None:
            self._drop(key.decode(errors="replace"))
            return
        try:
            self._take(record, self._decode(value))
        except UnknownSchemaError:
            self._waiting.append(record)
            self._unsettled.set()
        except SchemaError as error:
            self._unreadable(record, error)

    def _take(self, record: Received, definition: Definition) -> None:
        if record.key != definition.id.encode():
            self._unreadable(record, SchemaError(f"its key is not the id {definition.id!r}"))
            return
        if definition.version <= self._versions.get(definition.id, 0):
            return  # settled late: a newer version has come meanwhile
        self._versions[definition.id] = definition.version
        if is_removed(definition):
            self._drop(definition.id)
            return
        self._current[definition.id] = definition
        self._tell(definition.id, definition)

    def _drop(self, id: str) -> None:
        if self._current.pop(id, None) is not None:
            self._tell(id, None)

    def _tell(self, id: str, definition: Definition | None) -> None:
        CHANGES.labels(self._topic).inc()
        for listener in self._listeners:
            listener(id, definition)

    def _unreadable(self, record: Received, error: SchemaError) -> None:
        UNREADABLE.labels(self._topic).inc()
        log.warning("definition.unreadable", place=record.place, error=str(error))
