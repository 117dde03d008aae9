"""What the services need of a schema registry, whichever it is."""

from __future__ import annotations

from typing import Protocol

from schemas.catalog import NamedSchema
from schemas.framing import Reference


class Registry(Protocol):
    """Where writers put their schemas and readers find them.

    It is a `schemas.codec.SchemaSource` too: `reference_of` and `find` answer from memory, because
    they are asked for every record; the rest is awaited.
    """

    async def start(self) -> None:
        """Connect, if there is anything to connect to."""

    async def register(self, schema: NamedSchema) -> Reference:
        """Make the schema known before its first use; at once if it is already.

        Raises:
            ConfigurationError: Refused for good: it is incompatible, or the credentials are wrong.
            BrokerError: The registry cannot be reached.
        """

    def reference_of(self, schema: NamedSchema) -> Reference:
        """How records written with the schema name it.

        Raises:
            ConfigurationError: It was not registered in this process.
        """

    def find(self, reference: Reference) -> str | None:
        """The text of a schema, if it is known by now."""

    async def catch_up(self, reference: Reference) -> bool:
        """Look again for a schema that `find` did not know; whether it is known now.

        Raises:
            BrokerError: The registry cannot be reached, so nobody can say.
        """

    async def close(self) -> None:
        """Free everything."""
