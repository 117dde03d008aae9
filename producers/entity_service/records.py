"""Records and their changes: each change and its event commit together or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import IntegrityError

from producers.cause import Cause
from producers.change import event_of
from producers.database import Database
from producers.entity_service.entity import Entity, Record, Stored, kept
from producers.entity_service.outcomes import (
    MAX_EVENT_BYTES,
    Changed,
    Exists,
    Found,
    Invalid,
    Missing,
    Stale,
    TooLarge,
)
from producers.entity_service.precondition import Expected
from producers.outbox import METADATA, append, exact_text
from runtime.broker import Headers
from schemas.errors import IllegalStepError
from schemas.records import Event

T = TypeVar("T")

RECORDS = sa.Table(
    "hookline_records",
    METADATA,
    sa.Column("entity", exact_text(64), primary_key=True),
    sa.Column("id", exact_text(200), primary_key=True),
    sa.Column(
        "version",
        sa.BigInteger,
        nullable=False,
        comment="Of the last change; a deletion counts, and a record made anew goes on from there.",
    ),
    sa.Column(
        "fields",
        sa.Text().with_variant(mysql.LONGTEXT, "mysql", "mariadb"),
        comment="The record as JSON; null once it is deleted.",
    ),
    sa.Column("changed_at", sa.String(32), nullable=False, comment="ISO 8601, UTC."),
)


Seal = Callable[[Event], tuple[bytes, Headers]]


class _TooLargeError(Exception):
    """Ends the transaction; the outcome is a `TooLarge`."""


class Records:
    """The records of one entity."""

    def __init__(
        self,
        database: Database,
        entity: Entity,
        seal: Seal,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], uuid.UUID],
    ) -> None:
        """Keep records of `entity` in `database`.

        Args:
            seal: Turns an event into the bytes and headers that are published.
            now: Asked within the transaction, on its thread.
            new_id: Draws ids of records and events.
        """
        self._database = database
        self._entity = entity
        self._seal = seal
        self._now = now
        self._new_id = new_id

    async def get(self, record_id: str) -> Found | Missing:
        """One record; raises DatabaseError, as everything here does."""
        row = await self._database.read(
            lambda connection: connection.execute(self._one(record_id)).one_or_none()
        )
        if row is None or row.fields is None:
            return Missing()
        return Found(record_id, row.version, self._entity.load(row.fields).record)

    async def page(self, after: str, limit: int) -> list[Found]:
        """Up to `limit` records whose ids come after `after`, in the order of their ids."""
        query = (
            sa.select(RECORDS.c.id, RECORDS.c.version, RECORDS.c.fields)
            .where(RECORDS.c.entity == self._entity.name)
            .where(RECORDS.c.fields.is_not(None))
            .where(RECORDS.c.id > after)
            .order_by(RECORDS.c.id)
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Found(row.id, row.version, self._entity.load(row.fields).record) for row in rows]

    async def create(self, value: object, cause: Cause) -> Changed | Exists | Invalid | TooLarge:
        """Make a record from JSON."""
        given, problems = self._entity.id_in(value)
        if problems:
            return Invalid(tuple(problems))
        record_id = given or str(self._new_id())

        def work(connection: sa.Connection) -> Changed | Exists | Invalid:
            row = connection.execute(self._one(record_id)).one_or_none()
            if row is not None:
                row = connection.execute(self._one(record_id).with_for_update()).one()
                if row.fields is not None:
                    return Exists(record_id)
            now = self._now()
            after, problems = self._entity.created(value, record_id, now)
            if after is None:
                return Invalid(tuple(problems))
            return self._change(
                connection,
                record_id,
                before=None,
                after=after,
                version=1 if row is None else row.version + 1,
                now=now,
                cause=cause,
            )

        try:
            return await self._write(work)
        except IntegrityError:
            # Somebody made it at the same moment.
            return Exists(record_id)

    async def update(
        self, record_id: str, patch: object, expected: Expected, cause: Cause
    ) -> Changed | Found | Missing | Stale | Invalid | TooLarge:
        """Apply a merge patch; `Found` where nothing changes, and no event is raised."""

        def work(connection: sa.Connection) -> Changed | Found | Missing | Stale | Invalid:
            found = self._lock(connection, record_id, expected)
            if not isinstance(found, _Locked):
                return found
            before = found.stored
            after, problems = self._entity.patched(before, patch)
            if after is None:
                return Invalid(tuple(problems))
            if kept(after) == kept(before.record):
                return Found(record_id, found.version, before.record)
            now = self._now()
            return self._change(
                connection,
                record_id,
                before=before.record,
                after=self._entity.touched(after, now),
                version=found.version + 1,
                now=now,
                cause=cause,
            )

        return await self._write(work)

    async def delete(
        self, record_id: str, expected: Expected, cause: Cause
    ) -> Changed | Missing | Stale | TooLarge:
        """Remove a record; its version is remembered."""

        def work(connection: sa.Connection) -> Changed | Missing | Stale:
            found = self._lock(connection, record_id, expected)
            if not isinstance(found, _Locked):
                return found
            return self._change(
                connection,
                record_id,
                before=found.stored.record,
                after=None,
                version=found.version + 1,
                now=self._now(),
                cause=cause,
            )

        return await self._write(work)

    async def _write(self, work: Callable[[sa.Connection], T]) -> T | TooLarge:
        try:
            return await self._database.write(work)
        except _TooLargeError as error:
            return TooLarge(error.args[0])

    def _one(self, record_id: str) -> sa.Select[int, str | None]:
        return sa.select(RECORDS.c.version, RECORDS.c.fields).where(
            RECORDS.c.entity == self._entity.name, RECORDS.c.id == record_id
        )

    def _lock(
        self, connection: sa.Connection, record_id: str, expected: Expected
    ) -> _Locked | Missing | Stale:
        """The record, nobody else's until the transaction ends."""
        row = connection.execute(self._one(record_id).with_for_update()).one_or_none()
        if row is None or row.fields is None:
            return Missing()
        if not expected.accepts(row.version):
            return Stale(row.version)
        return _Locked(row.version, self._entity.load(row.fields))

    def _change(
        self,
        connection: sa.Connection,
        record_id: str,
        *,
        before: Record | None,
        after: Record | None,
        version: int,
        now: datetime,
        cause: Cause,
    ) -> Changed:
        """Write one version of a record, and its event."""
        event = event_of(
            self._entity.name,
            self._new_id(),
            cause.origin(version, now),
            before=before,
            after=after,
            entity_id=record_id,
        )
        if event is None:
            raise IllegalStepError(f"{self._entity.name} {record_id}: nothing changed")
        payload, headers = self._seal(event)
        if len(payload) > MAX_EVENT_BYTES:
            raise _TooLargeError(len(payload))
        self._store(connection, record_id, after, version, now)
        append(connection, event, payload, headers)
        return Changed(record_id, version, after, event.event_id)

    def _store(
        self,
        connection: sa.Connection,
        record_id: str,
        after: Record | None,
        version: int,
        now: datetime,
    ) -> None:
        """Write one version of a record."""
        values = {
            "version": version,
            "fields": None if after is None else kept(after),
            "changed_at": now.isoformat(timespec="microseconds"),
        }
        entity = self._entity.name
        if version == 1:
            connection.execute(RECORDS.insert(), {"entity": entity, "id": record_id, **values})
            return
        there = (RECORDS.c.entity == entity) & (RECORDS.c.id == record_id)
        connection.execute(RECORDS.update().where(there).values(values))


@dataclass(frozen=True, slots=True)
class _Locked:
    """A record that this transaction alone may change."""

    version: int
    stored: Stored
