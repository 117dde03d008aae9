"""Removes definitions for `hookline workflows remove` and `hookline webhooks remove`."""

from __future__ import annotations

from collections.abc import Sequence

from console.apply import Author, remove
from console.cli.desk import Desk
from console.session import opened
from schemas.records import DefinitionKind


async def removed(desk: Desk, kind: DefinitionKind, ids: Sequence[str], *, force: bool) -> None:
    """Remove them, all or none.

    Raises:
        NotFoundError: One does not exist.
        RefusedError: A webhook is in use.
    """
    async with opened(desk.settings, desk.broker) as session:
        await remove(session, kind, ids, Author(desk.operator, desk.clock), force=force)
