"""Krayin's rows → manifests that `hookline apply` takes, and notes on everything that is not the same.

Pure.  What was converted was also checked as `apply` checks it: it is taken whole, or not at all.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

from console.krayin.notes import Note, Notes
from console.krayin.rows import Row, Rows
from console.krayin.webhooks import webhook_of
from console.krayin.workflows import workflow_of
from schemas.catalog import Catalog
from schemas.errors import DefinitionError, Problem
from schemas.templates import check_body
from schemas.wording import shown
from webhook_service.address import Network
from webhook_service.parse import parse_webhook
from webhook_service.render import check_places
from workflow_service import check, parse_workflow
from workflow_service.language.workflow import Workflow

State = Literal["active", "paused", "dry_run"]

#: What is different for every workflow, said once.
EVERYWHERE = (
    (
        "Krayin raises events on screens: mass updates, imports and changes that other workflows "
        "made raised none. Here every change is an event, whatever made it; "
        "`source: {not_in: [import]}` leaves imports out"
    ),
    "Krayin's update fired on saves that changed nothing; here such a save is no event",
    "deliveries are signed: each webhook is given a secret when it is applied (hookline webhooks show)",
)


@dataclass(frozen=True, slots=True)
class Conversion:
    """What came of an import.

    Attributes:
        manifests: With their `kind`, webhooks first.
        notes: In the order of the rows.
        total: Rows that were there.
    """

    manifests: tuple[dict[str, Any], ...]
    notes: tuple[Note, ...]
    total: int


def convert(
    rows: Rows,
    catalog: Catalog,
    *,
    state: State = "dry_run",
    zone: ZoneInfo,
    allowed: Iterable[Network] = (),
) -> Conversion:
    """Convert everything that can be converted.

    Args:
        state: Of the workflows; `dry_run` shows what they would send before anything is sent.
        zone: Krayin's own time zone (`APP_TIMEZONE`).
        allowed: Networks that webhooks may reach although they are special.
    """
    notes: list[Note] = []
    manifests: list[dict[str, Any]] = []
    webhooks: dict[str, str | None] = {}
    accepts: dict[str, tuple[str, ...] | None] = {}
    networks = tuple(allowed)
    for row, id in _named(rows.webhooks, "webhook"):
        own = Notes(_place("webhook", row))
        manifest = webhook_of(row, id, own)
        if manifest is not None and _is_webhook(manifest, catalog, networks, own):
            manifests.append(manifest)
            accepts[id] = tuple(manifest["entities"])
            webhooks[str(row.get("id"))] = id
        else:
            webhooks[str(row.get("id"))] = None
        notes += own.found
    for row, id in _named(rows.workflows, "workflow"):
        own = Notes(_place("workflow", row))
        manifest = workflow_of(row, id, webhooks, state, zone, own)
        if manifest is not None and _is_workflow(manifest, catalog, accepts, own):
            manifests.append(manifest)
        notes += own.found
    return Conversion(tuple(manifests), tuple(notes), len(rows.webhooks) + len(rows.workflows))


def _is_webhook(
    manifest: dict[str, Any], catalog: Catalog, allowed: tuple[Network, ...], notes: Notes
) -> bool:
    """Whether `apply` would take it; what it would say is noted."""
    if not _is_text(manifest, notes):
        return False
    content = {key: value for key, value in manifest.items() if key != "kind"}
    try:
        webhook = parse_webhook({**content, "secret": _ANY_SECRET}, allowed=allowed)
    except DefinitionError as error:
        _refuse(error.problems, notes)
    else:
        body = check_body(webhook.body, catalog, webhook.entities)
        _refuse((*body, *check_places(webhook, catalog)), notes)
    return not notes.refused


def _is_workflow(
    manifest: dict[str, Any],
    catalog: Catalog,
    webhooks: dict[str, tuple[str, ...] | None],
    notes: Notes,
) -> bool:
    """As `_is_webhook`."""
    if not _is_text(manifest, notes):
        return False
    parsed = parse_workflow({key: value for key, value in manifest.items() if key != "kind"})
    if isinstance(parsed, Workflow):
        _refuse(check(parsed, catalog, webhooks), notes)
    else:
        _refuse(parsed, notes)
    return not notes.refused


def _is_text(manifest: dict[str, Any], notes: Notes) -> bool:
    """Whether a file can hold it: JSON can name half a character, and no text has one."""
    try:
        json.dumps(manifest, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        notes.refuse("", "holds half a Unicode character (a surrogate); mend the row")
        return False
    return True


def _refuse(problems: Iterable[Problem], notes: Notes) -> None:
    for problem in problems:
        notes.refuse(problem.place, problem.message)


def _place(kind: str, row: Row) -> str:
    return f"{kind} {row.get('id')} {shown(row.get('name'))}"


def _named(rows: Iterable[Row], fallback: str) -> Iterator[tuple[Row, str]]:
    """Each row with an id made of its name, different from all others."""
    taken: set[str] = set()
    for row in rows:
        plain = unicodedata.normalize("NFKD", str(row.get("name") or ""))
        slug = re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode().lower())
        stem = slug.strip("-")[:50].strip("-") or fallback
        id, number = stem, 2
        while id in taken:
            id, number = f"{stem}-{number}", number + 1
        taken.add(id)
        yield row, id


#: Stands for the secret that `apply` makes for a webhook without one.
_ANY_SECRET = "whsec_" + "A" * 32
