"""Writes by a registry's ids and reads both framings, since one topic may hold both."""

from __future__ import annotations

from runtime.broker import Publisher, Tables
from runtime.registry.port import Registry
from runtime.registry.rest import RestRegistry
from runtime.registry.topic import TopicRegistry
from runtime.settings import Settings
from schemas.catalog import NamedSchema
from schemas.framing import Fingerprint, Reference


class BothRegistries:
    """A REST registry for writing; the topic for what was written before there was one."""

    def __init__(self, rest: RestRegistry, topic: TopicRegistry) -> None:
        """Both are this one's from here on."""
        self._rest = rest
        self._topic = topic

    async def start(self) -> None:
        """Start both."""
        await self._rest.start()
        await self._topic.start()

    async def register(self, schema: NamedSchema) -> Reference:
        """Register at the REST registry."""
        return await self._rest.register(schema)

    def reference_of(self, schema: NamedSchema) -> Reference:
        """The schema's id."""
        return self._rest.reference_of(schema)

    def find(self, reference: Reference) -> str | None:
        """The text of a schema by whichever reference."""
        return self._of(reference).find(reference)

    async def catch_up(self, reference: Reference) -> bool:
        """Look again where such a reference belongs."""
        return await self._of(reference).catch_up(reference)

    async def close(self) -> None:
        """Close both."""
        await self._rest.close()
        await self._topic.close()

    def _of(self, reference: Reference) -> Registry:
        """Who knows such references."""
        return self._topic if isinstance(reference, Fingerprint) else self._rest


def registry_from(settings: Settings, publisher: Publisher, tables: Tables) -> Registry:
    """The registry that the settings name; built before `tables.start()`."""
    topic = TopicRegistry(publisher, tables, settings.topics.schemas)
    if settings.registry_url is None:
        return topic
    password = settings.registry_password
    rest = RestRegistry(
        settings.registry_url,
        username=settings.registry_username,
        password=password.get_secret_value() if password else None,
        ca_file=settings.registry_ca_file,
    )
    return BothRegistries(rest, topic)
