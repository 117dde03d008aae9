"""A schema registry over HTTP, as small as the protocol allows: for tests of its clients."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from schemas.evolution import incompatibilities

USERNAME, PASSWORD = "hookline", "päss"
ACCOUNT = aiohttp.encode_basic_auth(USERNAME, PASSWORD)


@dataclass
class RegistryServer:
    """Subjects and ids in memory; can be told to fail, or to want credentials.

    Attributes:
        failing: So many requests to come are answered 503.
        requests: Every request's method and path.
    """

    url: str = ""
    texts: dict[int, str] = field(default_factory=dict)
    subjects: dict[str, list[int]] = field(default_factory=dict)
    failing: int = 0
    guarded: bool = False
    requests: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self, *, port: int = 0) -> AsyncIterator[RegistryServer]:
        """Serve on a free port of the loopback address."""
        app = web.Application(middlewares=[self._troubles])
        app.router.add_post("/subjects/{subject}/versions", self._register)
        app.router.add_post("/subjects/{subject}", self._look_up)
        app.router.add_get("/schemas/ids/{id}", self._by_id)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    def add(self, subject: str, text: str) -> int:
        """Register without asking whether it is compatible."""
        known = next((n for n, other in self.texts.items() if _same(other, text)), None)
        number = known or len(self.texts) + 1
        self.texts[number] = self.texts.get(number, text)
        if number not in self.subjects.setdefault(subject, []):
            self.subjects[subject].append(number)
        return number

    @web.middleware
    async def _troubles(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        if self.failing:
            self.failing -= 1
            return _error(503, 50302, "the leader is not known")
        if self.guarded and request.headers.get("Authorization") != ACCOUNT:
            return _error(401, 401, "Unauthorized")
        return await handler(request)

    async def _register(self, request: web.Request) -> web.StreamResponse:
        subject, text = request.match_info["subject"], (await request.json())["schema"]
        for number in self.subjects.get(subject, ()):
            reasons = incompatibilities(self.texts[number], text)
            if reasons:
                return _error(409, 409, f"incompatible with version 1: {reasons[0]}")
        return web.json_response({"id": self.add(subject, text)})

    async def _look_up(self, request: web.Request) -> web.StreamResponse:
        subject, text = request.match_info["subject"], (await request.json())["schema"]
        for version, number in enumerate(self.subjects.get(subject, ()), 1):
            if _same(self.texts[number], text):
                found = {"subject": subject, "id": number, "version": version}
                return web.json_response(found | {"schema": self.texts[number]})
        return _error(404, 40403, "Schema not found")

    async def _by_id(self, request: web.Request) -> web.StreamResponse:
        text = self.texts.get(int(request.match_info["id"]))
        if text is None:
            return _error(404, 40403, "Schema not found")
        return web.json_response({"schema": text})


def _same(one: str, other: str) -> bool:
    return bool(json.loads(one) == json.loads(other))


def _error(status: int, code: int, message: str) -> web.Response:
    return web.json_response({"error_code": code, "message": message}, status=status)
