"""The embedded registry: a compacted topic of schema texts, keyed by fingerprint in hexadecimal."""

from __future__ import annotations

from runtime.broker import Outgoing, Publisher, Received, Tables
from runtime.logs import get_logger
from schemas.avro import named_schema, same_meaning
from schemas.catalog import NamedSchema
from schemas.errors import ConfigurationError
from schemas.framing import Fingerprint, Reference

_log = get_logger(__name__)


class TopicRegistry:
    """Schemas in Kafka itself; the default, which needs nothing else to run."""

    def __init__(self, publisher: Publisher, tables: Tables, topic: str) -> None:
        """Follow the topic; the tables are started, and closed, by whoever made them."""
        self._publisher = publisher
        self._tables = tables
        self._topic = topic
        self._texts: dict[bytes, str] = {}
        self._registered: set[str] = set()
        tables.follow(topic, self._seen)

    async def start(self) -> None:
        """Nothing to do: the tables are started elsewhere."""

    async def register(self, schema: NamedSchema) -> Reference:
        """Write the schema and wait for the acknowledgement, unless the topic has it.

        Raises:
            ConfigurationError: The topic has another schema with the same fingerprint, by which
                the same bytes mean something else.
            BrokerError: Not acknowledged.
        """
        known = self._texts.get(schema.fingerprint)
        if known is None:
            key = schema.fingerprint.hex().encode()
            await self._publisher.publish(Outgoing(self._topic, key, schema.text.encode()))
            self._texts.setdefault(schema.fingerprint, schema.text)
        elif not same_meaning(known, schema.text):
            message = (
                f"{self._topic} has another {schema.name} with the fingerprint "
                f"{schema.fingerprint.hex()}, in which the same bytes have another meaning (a logical "
                "type, precision or scale differs, which fingerprints do not cover); give the field "
                "a new name or another Avro type instead"
            )
            raise ConfigurationError(message)
        self._registered.add(schema.text)
        return Fingerprint(schema.fingerprint)

    def reference_of(self, schema: NamedSchema) -> Reference:
        """The schema's fingerprint, once it was registered."""
        if schema.text not in self._registered:
            message = f"{schema.name} was not registered in {self._topic} before its first use"
            raise ConfigurationError(message)
        return Fingerprint(schema.fingerprint)

    def find(self, reference: Reference) -> str | None:
        """The text of a schema, if the topic had it by now."""
        return self._texts.get(reference.value) if isinstance(reference, Fingerprint) else None

    async def catch_up(self, reference: Reference) -> bool:
        """Read the topic to its end as of now; whether the schema is known then."""
        if not isinstance(reference, Fingerprint):
            return False
        if reference.value not in self._texts:
            await self._tables.catch_up(self._topic)
        return reference.value in self._texts

    async def close(self) -> None:
        """Nothing of its own to free."""

    def _seen(self, key: bytes, value: bytes | None, record: Received) -> None:
        """Take up a schema; a removal is ignored, because records that need it may remain."""
        if value is None:
            return
        try:
            text = value.decode()
            mark = named_schema(text).fingerprint
        except ValueError as error:
            _log.error("schema.unusable", place=record.place, error=str(error))
            return
        if key != mark.hex().encode():
            _log.error("schema.unusable", place=record.place, error="key is not its fingerprint")
            return
        self._texts[mark] = text
