"""Saves manifests and removes definitions: shown first, then written in one transaction.

Whoever writes takes over the transactional id of all writers, which fences the one before, then
reads the definitions to their end, and only then decides on versions.  So versions rise without
a race, and of two who write at once one is refused; never half of each is saved.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from console.changes import Change, Ground, Plan, Stored, plan, removals
from console.errors import NotFoundError, RefusedError
from console.hosts import Resolve, problem_with_host, system_resolver
from console.session import Session
from runtime.broker import Outgoing, TransactionalPublisher
from runtime.clock import Clock
from runtime.manifests import Manifests
from runtime.secrets import SecretBox
from schemas.errors import DefinitionError, FencedError, Problem
from schemas.records import Definition, DefinitionKind
from webhook_service.address import networks
from webhook_service.keys import SECRET_BYTES, secret_of

#: Bytes of a generated signing secret: within the bounds of Standard Webhooks.
NEW_SECRET_BYTES = max(SECRET_BYTES[0], 32)


@dataclass(frozen=True, slots=True)
class Author:
    """Who saves, and when: part of each version."""

    name: str
    clock: Clock


async def prepare(
    session: Session,
    manifests: Manifests,
    *,
    prune: bool = False,
    resolve: Resolve | None = system_resolver,
) -> Plan:
    """What saving these manifests would change, as far as the session knows; writes nothing.

    Args:
        prune: Also remove whatever is stored and not in the manifests.
        resolve: How the hosts of new URLs are looked up; None leaves that out.

    Raises:
        DefinitionError: Everything that is wrong with them.
        ConfigurationError: Secrets are needed, and HOOKLINE_SECRET_KEYS is not (rightly) set.
    """
    ground = ground_of(session)
    planned = plan(manifests, stored_of(session), ground, prune=prune)
    places = {
        manifest.id: manifest for manifest in manifests.definitions if manifest.kind == "webhook"
    }
    problems = []
    for change in planned.writes if resolve else ():
        if resolve and change.kind == "webhook" and change.what != "remove":
            found = await problem_with_host(json.loads(change.spec)["url"], ground.allowed, resolve)
            problems += [places[change.id].at(Problem("url", found))] if found else []
    if problems:
        raise DefinitionError(tuple(problems))
    return planned


async def apply(
    session: Session,
    manifests: Manifests,
    author: Author,
    *,
    shown: Plan | None = None,
    prune: bool = False,
    resolve: Resolve | None = system_resolver,
) -> Plan:
    """Save manifests, all or none; returns what was changed.

    Args:
        shown: What the operator agreed to; if it is no longer what would be written, nothing is.

    Raises:
        DefinitionError: Everything that is wrong with them.
        RefusedError: Definitions were changed meanwhile by somebody else.
    """

    async def decide() -> Plan:
        return await prepare(session, manifests, prune=prune, resolve=resolve)

    first = shown or await decide()
    if not first.writes:
        return first
    return await write(session, author, decide, shown)


async def remove(
    session: Session,
    kind: DefinitionKind,
    ids: Sequence[str],
    author: Author,
    *,
    force: bool = False,
) -> Plan:
    """Remove workflows or webhooks, all or none.

    Args:
        force: Also remove a webhook that workflows name; what they match becomes dead letters.

    Raises:
        NotFoundError: One does not exist.
        RefusedError: A webhook is in use, or definitions were changed meanwhile.
    """

    async def decide() -> Plan:
        return _removal(session, kind, ids, force=force)

    await _catch_up(session)
    return await write(session, author, decide, await decide())


def users_of(session: Session, webhook: str) -> tuple[str, ...]:
    """The workflows that name a webhook."""
    current = session.workflows.current
    return tuple(sorted(id for id, one in current.items() if webhook in _webhooks_in(one)))


def _removal(session: Session, kind: DefinitionKind, ids: Sequence[str], *, force: bool) -> Plan:
    current = session.workflows.current if kind == "workflow" else session.webhooks.current
    missing = [id for id in ids if id not in current]
    if missing:
        known = ", ".join(sorted(current)) or "none"
        raise NotFoundError(f"no {kind} {', '.join(map(repr, missing))}; there are {known}")
    if kind == "webhook" and not force:
        used = {id: users for id in ids if (users := users_of(session, id))}
        if used:
            said = "; ".join(f"{id} by {', '.join(users)}" for id, users in used.items())
            raise RefusedError(
                f"in use: {said}. Remove these workflows first; with --force the webhook goes all "
                "the same, and whatever they match becomes a dead letter"
            )
    return Plan(tuple(removals(kind, tuple(dict.fromkeys(ids)), stored_of(session))))


async def write(
    session: Session,
    author: Author,
    decide: Callable[[], Awaitable[Plan]],
    shown: Plan | None = None,
) -> Plan:
    """Take over, catch up, decide, write.

    Args:
        decide: Says what to write, by what the session knows by then.
        shown: What the operator agreed to; if it is no longer what would be written, nothing is.

    Raises:
        RefusedError: Definitions were changed meanwhile by somebody else.
    """
    await session.publisher()  # the registry writes through it
    await session.registry.register(session.catalog.definition)
    async with _taken_over(session) as writer:
        await _catch_up(session)
        decided = await decide()
        if shown is not None and decided != shown:
            raise RefusedError(
                "definitions were changed by somebody else meanwhile, so what was shown is no "
                "longer what would be written: nothing was; run the command again"
            )
        records = [*await _first_history(session, decided)]
        for change in decided.writes:
            records += _records(session, change, author)
        if records:
            try:
                await writer.transact(records)
            except FencedError as error:
                raise RefusedError(
                    "somebody else is saving definitions right now and has taken over: nothing "
                    "was written; run the command again"
                ) from error
    return decided


async def _catch_up(session: Session) -> None:
    await session.workflows.catch_up()
    await session.webhooks.catch_up()


@asynccontextmanager
async def _taken_over(session: Session) -> AsyncIterator[TransactionalPublisher]:
    """The one publisher of definitions; whoever was it before is fenced."""
    writer = session.broker.transactional_publisher(f"{session.settings.topic_prefix}-apply")
    try:
        await writer.start()
        yield writer
    finally:
        await writer.close()


def _records(session: Session, change: Change, author: Author) -> Iterator[Outgoing]:
    """A change as the definitions topic has it, and a workflow's as its history keeps it."""
    topics = session.topics
    definition = Definition(
        change.kind, change.id, change.version, author.clock.now(), author.name, change.spec
    )
    key, value = change.id.encode(), session.codec.encode(definition)
    if change.kind == "webhook":
        yield Outgoing(topics.webhooks, key, value)
    else:
        yield Outgoing(topics.workflows, key, value)
        yield Outgoing(topics.workflows_history, key, value)


async def _first_history(session: Session, decided: Plan) -> Sequence[Outgoing]:
    """What a history without a record begins with: the workflows that were saved before it was.

    Raises:
        ConfigurationError: There is no history topic; names the command that makes it.
    """
    topic = session.topics.workflows_history
    if all(change.kind == "webhook" for change in decided.writes):
        return ()
    if any((await session.reader.ends([topic])).values()):
        return ()
    return [
        Outgoing(topic, id.encode(), session.codec.encode(definition))
        for id, definition in session.workflows.current.items()
    ]


def stored_of(session: Session) -> Stored:
    """The definitions as the session knows them."""
    return Stored(
        session.workflows.current,
        session.webhooks.current,
        session.workflows.versions,
        session.webhooks.versions,
    )


def ground_of(session: Session) -> Ground:
    """What definitions are judged by here."""
    allowed = networks(session.settings.webhook_allow_networks)
    box = SecretBox(session.settings.secret_keys)
    return Ground(session.catalog, box, allowed, _new_secret)


def _webhooks_in(workflow: Definition) -> set[str]:
    return {step["webhook"] for step in json.loads(workflow.spec)["then"]}


def _new_secret() -> str:
    return secret_of(secrets.token_bytes(NEW_SECRET_BYTES))
