"""Replaces signing secrets, and the keys that seal what is stored; nothing is lost in between."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from console.apply import Author, ground_of, stored_of, write
from console.changes import Plan, resealed
from console.errors import NotFoundError, RefusedError
from console.session import Session
from runtime.secrets import SecretBox
from schemas.errors import ConfigurationError
from schemas.records import Definition
from webhook_service.keys import SEED_BYTES, fresh_secret, private_of, public_key_of, secret_of
from webhook_service.parse_signing import MOST_PREVIOUS
from webhook_service.sign import PreviousSecret
from webhook_service.stored import from_spec, sealed_texts
from webhook_service.webhook import Webhook

#: Kinds of secrets by the name that the command line has for them.
KINDS = {
    "hmac": lambda: secret_of(secrets.token_bytes(SEED_BYTES)),
    "ed25519": lambda: private_of(secrets.token_bytes(SEED_BYTES)),
}


@dataclass(frozen=True, slots=True)
class Rotated:
    """A webhook with a new secret.

    Attributes:
        previous_until: When the replaced secret stops signing; None if it has stopped.
        public_key: What receivers verify with, if it is an asymmetric secret.
    """

    id: str
    version: int
    previous_until: datetime | None
    public_key: str | None

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "id": self.id,
            "version": self.version,
            "previous_until": self.previous_until,
            "public_key": self.public_key,
        }


async def rotate_secret(
    session: Session, id: str, author: Author, *, overlap: timedelta, kind: str | None = None
) -> Rotated:
    """Give a webhook a new secret; the one it has signs, too, until the overlap is over.

    Args:
        kind: One of `KINDS`; None for the kind that it has.

    Raises:
        NotFoundError: There is no such webhook.
        RefusedError: Too many secrets sign already, or definitions were changed meanwhile.
        ConfigurationError: Its secret cannot be opened.
    """
    ground = ground_of(session)
    fresh = KINDS[kind]() if kind else None
    now = author.clock.now()
    made: list[Webhook] = []

    async def decide() -> Plan:
        old = _opened(session, id, ground.box)
        secret = fresh or fresh_secret(old.secret, secrets.token_bytes)
        webhook = replaced(old, secret, now, overlap)
        made.append(webhook)
        return Plan((resealed(webhook, stored_of(session), ground),))

    (change,) = (await write(session, author, decide)).changes
    until = now + overlap if overlap else None
    return Rotated(id, change.version, until, public_key_of(made[-1].secret))


def replaced(old: Webhook, secret: str, now: datetime, overlap: timedelta) -> Webhook:
    """A webhook with another secret.

    Raises:
        RefusedError: Too many secrets would sign.
    """
    living = tuple(one for one in old.previous_secrets if one.until > now)
    if overlap:
        living = (PreviousSecret(secret=old.secret, until=now + overlap), *living)
    if len(living) > MOST_PREVIOUS:
        soonest = min(one.until for one in living)
        raise RefusedError(
            f"{MOST_PREVIOUS} replaced secrets of {old.id} sign already, and no more may; the next "
            f"one stops at {soonest:%Y-%m-%d %H:%M:%S}Z (or give --overlap 0s)"
        )
    return old.model_copy(update={"secret": secret, "previous_secrets": living})


async def rotate_key(session: Session, author: Author) -> tuple[str, ...]:
    """Seal every secret that is stored with the newest key; the ids of the webhooks that changed.

    Raises:
        ConfigurationError: A secret cannot be opened, or there is no key; nothing is written.
        RefusedError: Definitions were changed meanwhile by somebody else.
    """
    ground = ground_of(session)

    async def decide() -> Plan:
        stored = stored_of(session)
        ids = _sealed_with_older(session.webhooks.current, ground.box)
        return Plan(tuple(resealed(_opened(session, id, ground.box), stored, ground) for id in ids))

    await session.webhooks.catch_up()
    if not _sealed_with_older(session.webhooks.current, ground.box):
        return ()
    return tuple(change.id for change in (await write(session, author, decide)).writes)


def keys_in_use(session: Session) -> dict[int, tuple[str, ...]]:
    """The webhooks by the key that opens them, keys counted from 1, newest first; 0 is none.

    Raises:
        ConfigurationError: There is no key.
    """
    box = SecretBox(session.settings.secret_keys)
    found: dict[int, list[str]] = {}
    for id, definition in sorted(session.webhooks.current.items()):
        for key in sorted({box.key_number(text) for text in sealed_texts(definition.spec)}):
            found.setdefault(key, []).append(id)
    return {key: tuple(ids) for key, ids in sorted(found.items())}


def _sealed_with_older(current: Mapping[str, Definition], box: SecretBox) -> list[str]:
    """The webhooks with anything that the newest key does not open."""
    return sorted(
        id
        for id, definition in current.items()
        if any(box.key_number(text) != 1 for text in sealed_texts(definition.spec))
    )


def _opened(session: Session, id: str, box: SecretBox) -> Webhook:
    definition = session.webhooks.current.get(id)
    if definition is None:
        known = ", ".join(sorted(session.webhooks.current)) or "none"
        raise NotFoundError(f"no webhook {id!r}; there are {known}")
    try:
        return from_spec(definition.spec, box.open)
    except ConfigurationError as error:
        raise ConfigurationError(f"webhook {id}: {error}") from error
