"""Is this process alive, is it ready: named checks, and a small server that tells them."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from runtime import metrics
from runtime.logs import get_logger
from runtime.settings import Settings
from schemas.errors import ConfigurationError

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """What one part of the process last said about itself.

    Attributes:
        detail: For people: what is wrong, or what is right.
    """

    ok: bool
    detail: str


class Health:
    """The state of a process: alive until told otherwise, ready when every check is."""

    def __init__(self, checks: Iterable[str] = ()) -> None:
        """Name the checks that must report before the process counts as ready."""
        self._checks = {name: Check(ok=False, detail="has not reported yet") for name in checks}
        self._fatal = ""

    def set(self, name: str, ok: bool, detail: str = "") -> None:  # noqa: FBT001 - (name, ok, why) reads well
        """Report a check; a name that was not announced is added."""
        self._checks[name] = Check(ok, detail)

    def fail(self, reason: str) -> None:
        """Say that only a restart helps: the process is no longer alive."""
        self._fatal = reason

    @property
    def alive(self) -> bool:
        """False once `fail` was called; whoever supervises should restart the process."""
        return not self._fatal

    @property
    def ready(self) -> bool:
        """True when the process is alive and every check is fine."""
        return self.alive and all(check.ok for check in self._checks.values())

    def report(self) -> dict[str, object]:
        """All that is known, as JSON shows it."""
        return {
            "alive": self.alive,
            "ready": self.ready,
            "reason": self._fatal or None,
            "checks": {
                name: {"ok": check.ok, "detail": check.detail}
                for name, check in sorted(self._checks.items())
            },
        }


class HealthServer:
    """Serves `/health/live`, `/health/ready` and `/metrics`."""

    def __init__(self, health: Health, host: str, port: int) -> None:
        """Prepare; nothing listens before `start`.

        Args:
            port: 0 takes any free one; `HealthServer.port` tells which.
        """
        self._health = health
        self._host = host
        self._asked = port
        app = web.Application()
        app.router.add_get("/health/live", self._live)
        app.router.add_get("/health/ready", self._ready)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        return int(self._runner.addresses[0][1])

    async def start(self) -> Self:
        """Listen.

        Raises:
            ConfigurationError: The address is taken or not this machine's.
        """
        await self._runner.setup()
        try:
            await listen(self._runner, self._host, self._asked, setting="HOOKLINE_HEALTH_PORT")
        except ConfigurationError:
            await self._runner.cleanup()
            raise
        log.info("health.listening", host=self._host, port=self.port)
        return self

    async def close(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _live(self, _: web.Request) -> web.Response:
        return _answer(self._health, ok=self._health.alive)

    async def _ready(self, _: web.Request) -> web.Response:
        return _answer(self._health, ok=self._health.ready)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})


def _answer(health: Health, *, ok: bool) -> web.Response:
    return web.json_response(health.report(), status=200 if ok else 503)


async def listen(runner: web.AppRunner, host: str, port: int, *, setting: str) -> web.TCPSite:
    """Listen on an address, for any HTTP server of the system.

    Args:
        setting: The variable that holds the port, for the message.

    Raises:
        ConfigurationError: The address is taken or not this machine's, in one sentence.
    """
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        raise ConfigurationError(_refused(host, port, setting, error)) from error
    return site


def _refused(host: str, port: int, setting: str, error: OSError) -> str:
    """Why an address cannot be listened on, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is already in use, perhaps by a second start of this service: "
            f"stop the other process, or set {setting} to another port (0 takes any free one)"
        )
    return f"cannot listen on {host} port {port} ({setting}): {error.strerror or error}"


@asynccontextmanager
async def serving(settings: Settings, *checks: str) -> AsyncIterator[Health]:
    """Serve a service's health for as long as the block runs; yields what it reports to."""
    health = Health(checks)
    server = await HealthServer(health, settings.health_host, settings.health_port).start()
    try:
        yield health
    finally:
        await server.close()
