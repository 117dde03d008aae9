"""A Confluent-compatible schema registry over its REST protocol."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from runtime.clock import Clock, SystemClock
from schemas.catalog import NamedSchema
from schemas.errors import BrokerError, ConfigurationError, SchemaError
from schemas.framing import Reference, SchemaId

_JSON = "application/vnd.schemaregistry.v1+json"
#: 0.2 + 0.4 + 0.8 + 1.6 + 3.2 s: outlasts a registry's failover, not a long absence.
_WAITS = tuple(timedelta(milliseconds=200 * 2**n) for n in range(5))
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class RestRegistry:
    """Schemas in a registry that other systems share.

    A schema is registered under its record's full name (RecordNameStrategy): one schema travels on
    many topics here (actions on all their retry tiers), so a topic's name would not do.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        ca_file: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Nothing is connected before `start`.

        Args:
            url: Base address: `https://registry:8081`.
            username: For basic authentication, with `password`.
            ca_file: PEM certificates to trust instead of the system's.

        Raises:
            ConfigurationError: The address is none.
        """
        self._url = _checked(url)
        self._headers = {"Accept": _JSON}
        if username:
            self._headers["Authorization"] = aiohttp.encode_basic_auth(username, password or "")
        self._ca_file = ca_file
        self._clock = clock or SystemClock()
        self._session: aiohttp.ClientSession | None = None
        self._ids: dict[str, SchemaId] = {}
        self._texts: dict[int, str] = {}

    async def start(self) -> None:
        """Prepare connections; the registry itself is first asked when it is first needed."""
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._trust(), limit=4)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=_TIMEOUT, headers=self._headers
            )

    async def register(self, schema: NamedSchema) -> Reference:
        """Register the schema under its record's name; the registry answers its id.

        Raises:
            ConfigurationError: The registry refused it; its reason is in the message.
            BrokerError: The registry cannot be reached.
        """
        known = self._ids.get(schema.text)
        if known is None:
            path = f"/subjects/{quote(schema.name, safe='')}/versions"
            answer = await self._ask("POST", path, {"schema": schema.text, "schemaType": "AVRO"})
            if answer is None:
                message = f"the schema registry at {self._url} has no {path}: is it a registry?"
                raise ConfigurationError(message)
            known = SchemaId(int(answer["id"]))
            self._ids[schema.text] = known
            self._texts[known.value] = schema.text
        return known

    def reference_of(self, schema: NamedSchema) -> Reference:
        """The schema's id, once it was registered."""
        known = self._ids.get(schema.text)
        if known is None:
            message = f"{schema.name} was not registered at {self._url} before its first use"
            raise ConfigurationError(message)
        return known

    def find(self, reference: Reference) -> str | None:
        """The text of a schema that was asked for before."""
        return self._texts.get(reference.value) if isinstance(reference, SchemaId) else None

    async def catch_up(self, reference: Reference) -> bool:
        """Ask the registry for the id; whether it knows it."""
        if not isinstance(reference, SchemaId):
            return False
        if reference.value not in self._texts:
            answer = await self._ask("GET", f"/schemas/ids/{reference.value}", None)
            if answer is None:
                return False
            self._texts[reference.value] = _avro(answer, reference)
        return True

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _trust(self) -> ssl.SSLContext | bool:
        """Whom to trust: the given certificates, else the system's."""
        if self._ca_file is None:
            return True
        try:
            return ssl.create_default_context(cafile=str(self._ca_file))
        except OSError as error:
            message = f"HOOKLINE_REGISTRY_CA_FILE={self._ca_file}: {error}"
            raise ConfigurationError(message) from error

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> Mapping[str, Any] | None:
        """One request, repeated while the registry is away; None if it knows no such thing."""
        trouble = ""
        for wait in (*_WAITS, None):
            try:
                status, answer = await self._once(method, path, body)
            except (aiohttp.ClientConnectorCertificateError, aiohttp.InvalidURL) as error:
                message = f"the schema registry at {self._url} cannot be used ({error}); correct HOOKLINE_REGISTRY_URL"
                raise ConfigurationError(message) from error
            except (aiohttp.ClientError, TimeoutError) as error:
                trouble = str(error) or type(error).__name__
            else:
                if (
                    status < HTTPStatus.INTERNAL_SERVER_ERROR
                    and status != HTTPStatus.TOO_MANY_REQUESTS
                ):
                    return self._judged(status, answer, path)
                trouble = f"{status} {_reason(answer)}"
            if wait is not None:
                await self._clock.sleep(wait)
        message = (
            f"the schema registry at {self._url} does not answer {method} {path} after "
            f"{len(_WAITS) + 1} tries: {trouble}; start it or correct HOOKLINE_REGISTRY_URL"
        )
        raise BrokerError(message)

    async def _once(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[int, Mapping[str, Any]]:
        """One request and the answer's status and content."""
        if self._session is None:
            await self.start()
        session = self._session
        if session is None:
            message = "the registry's connections are closed"
            raise BrokerError(message)
        async with session.request(
            method, f"{self._url}{path}", json=body, allow_redirects=False
        ) as response:
            try:
                answer = await response.json(content_type=None)
            except ValueError:
                answer = {"message": (await response.text(errors="replace"))[:200]}
            return response.status, answer if isinstance(answer, dict) else {}

    def _judged(
        self, status: int, answer: Mapping[str, Any], path: str
    ) -> Mapping[str, Any] | None:
        """What a final answer means."""
        if status == HTTPStatus.OK:
            return answer
        if status == HTTPStatus.NOT_FOUND:
            return None
        why = {
            401: "refused the credentials; check HOOKLINE_REGISTRY_USERNAME and _PASSWORD",
            403: "forbids it to these credentials",
            409: "says that the schema is incompatible with an earlier version",
        }.get(status, f"answered {status}")
        message = f"the schema registry at {self._url} {why} ({path}): {_reason(answer)}"
        raise ConfigurationError(message)


def _checked(url: str) -> str:
    """The base address, without a slash at its end."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or " " in url:
        raise ConfigurationError(
            f"HOOKLINE_REGISTRY_URL={url!r} is no address; write one like https://registry:8081"
        )
    if parts.username or parts.password:
        raise ConfigurationError(
            "HOOKLINE_REGISTRY_URL holds credentials, which would reach logs; put them into "
            "HOOKLINE_REGISTRY_USERNAME and HOOKLINE_REGISTRY_PASSWORD"
        )
    return url.rstrip("/")


def _reason(answer: Mapping[str, Any]) -> str:
    """The registry's own words."""
    return str(answer.get("message", "no reason given"))


def _avro(answer: Mapping[str, Any], reference: SchemaId) -> str:
    """The text of a schema, if it is one that can be read by itself."""
    if answer.get("schemaType", "AVRO") != "AVRO" or answer.get("references"):
        kind = "refers to others" if answer.get("references") else f"is {answer['schemaType']}"
        message = f"{reference} {kind}; only self-contained Avro schemas are read"
        raise SchemaError(message)
    return str(answer["schema"])
