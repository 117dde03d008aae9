"""What a publisher stands on, made from settings and started: client, registry, codec."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from runtime.broker import Broker, Publisher
from runtime.registry import Registry, registry_from
from runtime.settings import Settings
from schemas.catalog import Catalog
from schemas.codec import Codec


@dataclass(frozen=True, slots=True)
class Connection:
    """The started parts."""

    publisher: Publisher
    registry: Registry
    codec: Codec
    catalog: Catalog


@asynccontextmanager
async def connected(settings: Settings, broker: Broker | None) -> AsyncIterator[Connection]:
    """A connection for as long as the block lasts.

    Args:
        broker: None connects to the Kafka that the settings name.

    Raises:
        ConfigurationError: A setting or topic must be mended first.
        BrokerError: Kafka cannot be reached.
    """
    broker = broker or _kafka(settings)
    catalog = Catalog.load(settings.schemas_dir)
    async with AsyncExitStack() as stack:
        publisher, tables = broker.publisher(), broker.tables()
        stack.push_async_callback(publisher.close)
        await publisher.start()
        registry = registry_from(settings, publisher, tables)
        stack.push_async_callback(registry.close)
        stack.push_async_callback(tables.close)
        await tables.start()
        await registry.start()
        yield Connection(publisher, registry, Codec(catalog, registry), catalog)


def _kafka(settings: Settings) -> Broker:
    """The real broker; its client is only loaded where it is used."""
    from runtime.client_choice import kafka_broker  # noqa: PLC0415 - as the docstring says

    return kafka_broker(settings)
