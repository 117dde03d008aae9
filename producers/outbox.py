"""The outbox: events wait here from the commit of their change until the broker has them.

The columns are those that Debezium's outbox event router expects (`id`, `aggregatetype`,
`aggregateid`, `type`, `payload`, and `timestamp`), so it can take the relay's place; see
docs/entity-services.md.  `payload` is the event exactly as it is published, framing included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.exc import SQLAlchemyError

from producers.database import Database, DatabaseError, reason
from producers.turn import Turn, turn_of
from runtime.broker import Headers
from schemas.headers import CE_TYPE
from schemas.records import Event

T = TypeVar("T")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

METADATA = sa.MetaData()
#: Text that a database may compare only byte by byte, whatever its default collation.
EXACT = "utf8mb4_bin"


def exact_text(length: int) -> sa.String:
    """Text in which `A` is not `a` on any of the databases."""
    same = mysql.VARCHAR(length, collation=EXACT)
    return sa.String(length).with_variant(same, "mysql", "mariadb")


OUTBOX = sa.Table(
    "hookline_outbox",
    METADATA,
    sa.Column(
        "sequence",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
        comment="Rises with every event of one record: its row is locked while this is drawn.",
    ),
    sa.Column(
        "id",
        sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql"),
        nullable=False,
        unique=True,
        comment="The event's id.",
    ),
    sa.Column("aggregatetype", exact_text(64), nullable=False, comment="The entity."),
    sa.Column("aggregateid", exact_text(255), nullable=False, comment="The record's id: the key."),
    sa.Column("type", sa.String(255), nullable=False, comment="As in the header ce_type."),
    sa.Column(
        "payload",
        sa.LargeBinary().with_variant(mysql.LONGBLOB, "mysql", "mariadb"),
        nullable=False,
        comment="The event as it is published.",
    ),
    sa.Column("timestamp", sa.BigInteger, nullable=False, comment="occurred_at, Unix ms."),
    sa.Column("headers", sa.Text, nullable=False, comment="The record headers, a JSON array."),
    sa.Index("hookline_outbox_order", "aggregatetype", "sequence"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that was committed and is not marked as published.

    Attributes:
        sequence: Its place in the order of its record's events.
        key: The record's id.
    """

    sequence: int
    event_id: str
    key: str
    payload: bytes
    headers: Headers
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in the outbox.

    Attributes:
        oldest: When the longest waiting change was committed; None when nothing waits.
    """

    events: int
    oldest: datetime | None


def append(connection: sa.Connection, event: Event, payload: bytes, headers: Headers) -> None:
    """Add an event to the transaction that makes its change; the record's row must be locked."""
    texts = {name: value.decode() for name, value in headers}
    connection.execute(
        OUTBOX.insert(),
        {
            "id": str(event.event_id),
            "aggregatetype": event.entity,
            "aggregateid": event.entity_id,
            "type": texts[CE_TYPE],
            "payload": payload,
            "timestamp": (event.occurred_at - EPOCH) // MILLISECOND,
            "headers": orjson.dumps(list(texts.items())).decode(),
        },
    )


class Outbox:
    """One entity's rows as the relay sees them, on a connection and a thread of its own.

    Only one process at a time has the turn to publish them: see `producers.turn`.
    """

    def __init__(self, database: Database, entity: str) -> None:
        """Nothing is connected before the first call."""
        self._database = database
        self._entity = entity
        self._turn: Turn = turn_of(database.engine, entity)
        self._connection: sa.Connection | None = None
        # One thread: the session that holds the turn is never used by two at once.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")

    async def take_turn(self) -> bool:
        """Whether it is this process that may publish; ask before each look.

        Raises:
            DatabaseError: The database, or the file beside it, cannot be used.
        """
        return await self._do(self._turn.take)

    async def waiting(self, limit: int) -> list[Waiting]:
        """The oldest rows, in the order of their sequence.

        Raises:
            DatabaseError: They cannot be read.
        """
        query = (
            sa.select(
                OUTBOX.c.sequence,
                OUTBOX.c.id,
                OUTBOX.c.aggregateid,
                OUTBOX.c.payload,
                OUTBOX.c.headers,
                OUTBOX.c.timestamp,
            )
            .where(OUTBOX.c.aggregatetype == self._entity)
            .order_by(OUTBOX.c.sequence)
            .limit(limit)
        )
        rows = await self._do(lambda connection: connection.execute(query).all())
        return [_waiting(row) for row in rows]

    async def remove(self, rows: Sequence[Waiting]) -> None:
        """Mark rows as published: their task is done, so they go.

        Not forced to disk: should the machine lose power, they are published again, as the same
        events.

        Raises:
            DatabaseError: They are still there.
        """
        gone = sa.delete(OUTBOX).where(OUTBOX.c.sequence.in_([row.sequence for row in rows]))
        await self._do(lambda connection: connection.execute(gone), writes=True)

    async def backlog(self) -> Backlog:
        """How much waits, and since when.

        Raises:
            DatabaseError: It cannot be read.
        """
        query = sa.select(sa.func.count(), sa.func.min(OUTBOX.c.timestamp)).where(
            OUTBOX.c.aggregatetype == self._entity
        )
        events, oldest = await self._do(lambda connection: connection.execute(query).one())
        return Backlog(events, None if oldest is None else EPOCH + oldest * MILLISECOND)

    async def close(self) -> None:
        """Give the turn back and free everything."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _do(self, work: Callable[[sa.Connection], T], *, writes: bool = False) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, work, writes)

    def _run(self, work: Callable[[sa.Connection], T], writes: bool) -> T:  # noqa: FBT001 - an executor passes by place
        """One transaction on the outbox's own connection, which a failure ends."""
        try:
            with self._database.writing if writes else nullcontext():
                if self._connection is None:
                    self._connection = self._database.connect_alone()
                result = work(self._connection)
                self._connection.commit()
        except SQLAlchemyError as error:
            self._drop_connection()
            raise DatabaseError(reason(error)) from error
        except OSError as error:
            raise DatabaseError(f"{error.strerror}: {error.filename}") from error
        return result

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                self._connection.close()
            self._connection = None
            self._turn.lost()

    def _close(self) -> None:
        self._turn.give_back()
        self._drop_connection()


def _waiting(row: sa.Row[int, str, str, bytes, str, int]) -> Waiting:
    """One row as the relay uses it."""
    sequence, event_id, key, payload, headers, timestamp = row
    return Waiting(
        sequence,
        event_id,
        key,
        bytes(payload),
        tuple((name, value.encode()) for name, value in orjson.loads(headers)),
        EPOCH + timestamp * MILLISECOND,
    )
