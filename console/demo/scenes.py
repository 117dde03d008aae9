"""The story, scene by scene; a scene raises NotSeenError when it misses what it waits for."""

from __future__ import annotations

import asyncio

from rich.text import Text

from console.dead_letters import DeadLetter
from console.demo.manifests import ATTEMPTS
from console.demo.stage import Stage
from console.demo.witness import NotSeenError
from console.letter_details import details
from console.replay import Decision
from console.takeover import open_letters, settle_open
from schemas.records import Action, Attempt

#: Records of the last scene: enough that every partition gets some.
CROWD = 48


async def a_person(stage: Stage) -> None:
    """A record is created; its event is published, matched, delivered, verified."""
    stage.screen.chapter("1  A person is created in the person service")
    url = f"{stage.system.plan.entities['person']}/persons"
    ada = {"name": "Ada Lovelace", "emails": [{"value": "ada@example.com", "label": "work"}]}
    record, event_id = await stage.change("POST", url, ada, 201)
    stage.screen.fact("record created", f"POST {url} → 201, id {record['id']}")
    event = await stage.event(event_id)
    stage.judged(event)
    await stage.delivered(event, "welcome-person", "people")


async def a_lead(stage: Stage) -> str:
    """A lead that no workflow wants, with the reasons; then it grows, and one does."""
    stage.screen.chapter("2  A small lead: no workflow matches, and each says why")
    url = f"{stage.system.plan.entities['lead']}/leads"
    lead = {
        "title": "Analytical engine",
        "lead_value": "4800.00",
        "status": True,
        "stage": {"id": "1", "code": "new", "name": "New"},
    }
    record, event_id = await stage.change("POST", url, lead, 201)
    stage.screen.fact("record created", f"POST {url} → 201, id {record['id']}")
    unmatched = stage.judged(await stage.event(event_id))
    if not unmatched or any(opinion.matched for opinion in unmatched):
        message = "workflows that do not match the small lead, with their reasons"
        raise NotSeenError(message)
    stage.screen.chapter("3  The lead grows: one workflow matches")
    one = f"{url}/{record['id']}"
    _, event_id = await stage.change("PATCH", one, {"lead_value": "25000.00"}, 200)
    stage.screen.fact("record updated", f"PATCH {one} → 200")
    event = await stage.event(event_id)
    stage.judged(event)
    await stage.delivered(event, "big-lead", "sales")
    return one


async def a_failure(stage: Stage, lead: str) -> DeadLetter:
    """An endpoint fails until the delivery is a dead letter; the other one is not held up."""
    stage.screen.chapter("4  The lead is won; sales is told at once, billing's endpoint is broken")
    await stage.control("billing", 503)
    stage.screen.aside(
        "endpoint broken", f"{stage.system.plan.hook('billing')} answers 503 from now on"
    )
    won = {"stage": {"id": "5", "code": "won", "name": "Won"}}
    _, event_id = await stage.change("PATCH", lead, won, 200)
    stage.screen.fact("record updated", f"PATCH {lead} → 200")
    event = await stage.event(event_id)
    stage.judged(event)
    await stage.delivered(event, "lead-won", "sales")
    action = await stage.action(event, "lead-won", "billing")
    for number in range(1, ATTEMPTS + 1):
        await stage.attempt(action, lambda one, n=number: one.attempt == n, f"attempt {number}")  # type: ignore[misc]
    letter = await _letter(stage, action)
    stage.screen.fact("dead letter", f"{letter.record.place}: {letter.reason}", "red")
    return letter


async def _letter(stage: Stage, action: Action) -> DeadLetter:
    """Wait for the dead letter of an action."""

    async def look() -> DeadLetter | None:
        if not stage.witness.letters:
            return None
        found = await open_letters(stage.session)
        return next((one for one in found if one.action_id == str(action.action_id)), None)

    return await stage.witness.see_async(f"a dead letter of action {action.action_id}", look)


async def an_inspection(stage: Stage, letter: DeadLetter) -> None:
    """The dead letter, decoded, as `hookline dead-letters show` shows it."""
    stage.screen.chapter("5  The dead letter is inspected")
    found = await details(stage.session, letter, personal=False)
    if found.event is None or found.request is None or found.delivery is None:
        message = f"the dead letter decoded: {'; '.join(found.problems)}"
        raise NotSeenError(message)
    event = found.event
    lines = (
        f"address      {letter.address} (hookline dead-letters show {letter.address})",
        f"webhook-id   {letter.action_id}",
        f"workflow     {letter.workflow} → webhook {letter.webhook}",
        f"event        {event.entity} {event.operation}, version {event.version}",
        f"record       {event.entity}/{event.entity_id}",
        f"changed      {', '.join(event.changed_fields)}",
        f"attempts     {len(found.delivery.attempts)}, last answer {found.delivery.last.status}",
        f"request      {found.request.method} {found.request.url}, {len(found.request.body)} characters",
    )
    for line in lines:
        stage.screen.show(Text(line))


async def a_replay(stage: Stage, letter: DeadLetter, *, repair: bool) -> None:
    """The endpoint is repaired, the dead letter replayed, the same webhook-id arrives."""
    stage.screen.chapter("6  The endpoint is repaired and the dead letter replayed")
    if repair:
        await stage.control("billing", 200)
        stage.screen.fact(
            "endpoint repaired", f"{stage.system.plan.hook('billing')} answers 200 again"
        )
    else:
        stage.screen.aside("endpoint left broken", "as asked: --without-repair")
    action = await stage.session.action(letter.record.value)
    before = len(stage.witness.attempts)
    decision = Decision("replayed", "endpoint repaired", "demo")
    settled: list[DeadLetter] = []
    await settle_open(
        stage.session, {letter.record.place}, decision, clock=stage.clock, settled=settled.extend
    )
    stage.replays += len(settled)
    stage.screen.fact(
        "replayed", f"{letter.record.place} → {letter.origin}, same bytes, same action id"
    )

    def is_after(one: Attempt) -> bool:
        return one.outcome == "delivered" and one in stage.witness.attempts[before:]

    await stage.attempt(action, is_after, "the replayed delivery")
    await stage.verified(action, "billing")
    same = [one for one in await stage.arrivals() if one["webhook_id"] == str(action.action_id)]
    stage.screen.fact(
        "same webhook-id",
        f"{len(same)} requests with it: answered {[one['answered'] for one in same]}",
    )


async def an_organization(stage: Stage) -> None:
    """Any program in any language publishes through the gateway."""
    stage.screen.chapter("7  An event through the gateway, as from any program")
    url = f"{stage.system.plan.gateway}/events/organization"
    body = {"operation": "created", "after": {"id": "acme", "name": "Acme & Sons"}}
    answer, _ = await stage.change("POST", url, body, 202)
    stage.screen.fact("gateway accepted", f"POST {url} → 202")
    event = await stage.event(str(answer["events"][0]["event_id"]))
    stage.judged(event)
    await stage.delivered(event, "new-organization", "organizations")


async def a_crowd(stage: Stage) -> None:
    """Many records at once: both members of each service do part of the work."""
    stage.screen.chapter(f"8  {CROWD} people at once: the members share the work")
    url = f"{stage.system.plan.entities['person']}/persons"
    made = await asyncio.gather(
        *(
            stage.change("POST", url, {"name": f"Person {number}", "emails": []}, 201)
            for number in range(1, CROWD + 1)
        )
    )
    stage.matches += CROWD
    stage.screen.fact("records created", f"{len(made)} times POST {url} → 201")
    wanted = {event_id for _, event_id in made}

    def all_delivered() -> bool:
        done = {str(one.event_id) for one in stage.witness.attempts if one.outcome == "delivered"}
        return wanted <= done

    await stage.witness.see(f"{CROWD} deliveries to people", all_delivered)
    stage.screen.fact("all delivered", f"{CROWD} events, each with its own webhook-id")
