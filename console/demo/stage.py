"""What the scenes of the demo share: the running system, HTTP calls, and the witness of the topics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from console.demo.expectations import Tally
from console.demo.screen import Screen
from console.demo.witness import NotSeenError, Witness
from console.session import Session
from console.system import System
from console.verdicts import Opinion, opinions
from runtime.broker import Received
from runtime.clock import Clock
from schemas.records import Action, Attempt, Event


@dataclass(slots=True)
class Stage:
    """Everything a scene needs.

    Attributes:
        changes: Changes that a service or the gateway accepted: each must become one event.
        matches: Actions that the story has brought about: each must be on the topic once.
        replays: Dead letters that were replayed.
    """

    system: System
    session: Session
    witness: Witness
    screen: Screen
    clock: Clock
    tally: Tally = field(default_factory=Tally)
    changes: int = 0
    matches: int = 0
    replays: int = 0

    async def ask(
        self, method: str, url: str, body: object = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        """An HTTP call to one of the system's own processes: status, JSON, headers.

        Raises:
            NotSeenError: There was no answer.
        """
        try:
            async with self.system.http.request(method, url, json=body) as answer:
                return answer.status, await answer.json(content_type=None), answer.headers
        except aiohttp.ClientError as error:
            message = f"an answer to {method} {url}: {error}"
            raise NotSeenError(message) from error

    async def change(self, method: str, url: str, body: object, expected: int) -> tuple[Any, str]:
        """Change a record; its JSON and the id of its event.

        Raises:
            NotSeenError: The service did not accept it.
        """
        status, answer, headers = await self.ask(method, url, body)
        if status != expected:
            message = f"{method} {url} answered {status} instead of {expected}: {answer}"
            raise NotSeenError(message)
        self.changes += 1
        return answer, headers.get("X-Event-Id", "")

    async def arrivals(self) -> Sequence[dict[str, Any]]:
        """The receiver's own log."""
        _, found, _ = await self.ask("GET", f"{self.system.plan.receiver}/arrivals")
        return list(found)

    async def control(self, endpoint: str, status: int) -> None:
        """Tell an endpoint what to answer from now on."""
        await self.ask("PUT", self.system.plan.control(endpoint), {"status": status})

    async def event(self, event_id: str) -> Event:
        """Wait for an event on its topic and say where it stands."""

        def look() -> tuple[Event, Received] | None:
            return next(
                (one for one in self.witness.events if str(one[0].event_id) == event_id), None
            )

        event, record = await self.witness.see(f"event {event_id} on its topic", look)
        self.screen.fact(
            "event published",
            f"{event.entity} {event.operation}, version {event.version} → {record.topic}"
            f", partition {record.partition}, offset {record.offset}",
        )
        if event.operation == "updated":
            self.screen.aside("what changed", ", ".join(event.changed_fields), "dim")
        return event

    def judged(self, event: Event) -> list[Opinion]:
        """What each workflow says about an event, shown with the reason."""
        found = opinions(self.session.workflows.current, event, self.session.catalog)
        for opinion in found:
            if opinion.matched:
                self.screen.fact("workflow matched", opinion.workflow)
            else:
                self.screen.aside("workflow did not", f"{opinion.workflow}: {opinion.reason}")
        return found

    async def action(self, event: Event, workflow: str, webhook: str) -> Action:
        """Wait for the action that a workflow makes of an event."""

        def look() -> Action | None:
            wanted = (event.event_id, workflow, webhook)
            return next(
                (
                    action
                    for action, _ in self.witness.actions
                    if (action.event_id, action.workflow_id, action.webhook_id) == wanted
                ),
                None,
            )

        self.matches += 1
        return await self.witness.see(f"an action of {workflow} for {webhook}", look)

    async def attempt(self, action: Action, hope: Callable[[Attempt], bool], what: str) -> Attempt:
        """Wait for an attempt of an action, and show it."""

        def look() -> Attempt | None:
            mine = (one for one in self.witness.attempts if one.action_id == action.action_id)
            return next((one for one in mine if hope(one)), None)

        attempt = await self.witness.see(f"{what} of {action.webhook_id}", look)
        words = f"attempt {attempt.attempt} → {attempt.webhook_id}: {attempt.method} {attempt.url}"
        answer = f"answer {attempt.status}" if attempt.status else str(attempt.error_class)
        if attempt.outcome == "delivered":
            self.screen.fact("delivered", f"{words}, {answer}, {attempt.total_ms:.0f} ms")
        else:
            due = attempt.next_due_at
            then = f", next at {due:%H:%M:%S.%f}"[:-3] if due else ", no more attempts"
            self.screen.aside(
                attempt.outcome, f"{words}, {answer}{then}", "yellow" if due else "red"
            )
        return attempt

    async def verified(self, action: Action, endpoint: str) -> dict[str, Any]:
        """Wait until the receiver has verified and accepted the action's request."""

        async def look() -> dict[str, Any] | None:
            return next(
                (
                    one
                    for one in await self.arrivals()
                    if one["webhook_id"] == str(action.action_id)
                    and one["endpoint"] == endpoint
                    and one["verified"]
                    and one["answered"] == 200  # noqa: PLR2004
                ),
                None,
            )

        found = await self.witness.see_async(f"webhook-id {action.action_id} at {endpoint}", look)
        self.screen.fact(
            "receiver verified it",
            f"{endpoint}: webhook-id {found['webhook_id']}, type {found['body']['type']}",
        )
        return found

    async def delivered(self, event: Event, workflow: str, webhook: str) -> Action:
        """Follow a match to the receiver."""
        action = await self.action(event, workflow, webhook)
        await self.attempt(action, lambda one: one.outcome == "delivered", "a delivery")
        await self.verified(action, webhook)
        return action
