"""What tests of entity services share: a database in a directory, events that can be sealed."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer

from producers.database import Database
from producers.entity_service.app import Routes
from producers.entity_service.entity import Entity
from producers.entity_service.records import Records
from producers.entity_service.request import Door
from producers.gateway.admission import Admission
from producers.outbox import METADATA, OUTBOX
from runtime.broker import Headers
from schemas.catalog import Catalog, NamedSchema
from schemas.codec import Codec
from schemas.events import event_headers
from schemas.framing import Fingerprint, Reference
from schemas.records import Event
from tests.fakes import VirtualClock

CATALOG = Catalog.load()
NEVER = ""


class EverySchema:
    """A registry in which everything is registered."""

    def reference_of(self, schema: NamedSchema) -> Reference:
        return Fingerprint(schema.fingerprint)

    def find(self, _: Reference) -> str | None:
        return None


CODEC = Codec(CATALOG, EverySchema())


def seal(event: Event) -> tuple[bytes, Headers]:
    """As the service does it."""
    return CODEC.encode(event), event_headers(event, "/test")


def numbered_ids() -> Callable[[], uuid.UUID]:
    """Ids 1, 2, 3…, each a UUID."""
    numbers: Iterator[int] = itertools.count(1)
    return lambda: uuid.UUID(int=next(numbers))


@dataclass
class Rig:
    """A service without a broker: HTTP client, database, and what is in its outbox."""

    entity: Entity
    database: Database
    records: Records
    client: TestClient
    clock: VirtualClock
    #: Set to a reason, changes are not taken.
    closed: list[str] = field(default_factory=lambda: [NEVER])
    #: How often the service said that it had committed something.
    changes: list[datetime] = field(default_factory=list)

    async def events(self) -> list[Event]:
        """Every event in the outbox, in order."""
        query = sa.select(OUTBOX.c.payload).order_by(OUTBOX.c.sequence)
        rows = await self.database.read(lambda c: c.execute(query).scalars().all())
        return [CODEC.decode_event(self.entity.name, bytes(payload)) for payload in rows]


@asynccontextmanager
async def rig(
    url: str, entity_name: str = "lead", *, body_bytes: int = 64 * 1024, body_s: float = 30.0
) -> AsyncIterator[Rig]:
    """A service of an entity on the database at `url`."""
    entity = Entity.of(CATALOG, entity_name)
    clock = VirtualClock()
    database = Database.open(url, METADATA)
    records = Records(database, entity, seal, now=clock.now, new_id=numbered_ids())
    closed = [NEVER]
    changes: list[datetime] = []
    door = Door(
        admission=Admission(1024 * 1024),
        body_bytes=body_bytes,
        body_time=timedelta(seconds=body_s),
        why_not=lambda: closed[0],
    )
    routes = Routes(entity, records, door, on_change=lambda: changes.append(clock.now()))
    try:
        async with TestClient(TestServer(routes.app())) as client:
            yield Rig(entity, database, records, client, clock, closed, changes)
    finally:
        await database.close()
