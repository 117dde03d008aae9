"""An event that somebody hands over as JSON: as the gateway takes it, or as `events show` prints it.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from producers.change import id_of, operation_of
from producers.gateway.request import SIDES, event_form
from schemas.catalog import Catalog
from schemas.errors import ConfigurationError, SchemaError
from schemas.events import changed_fields
from schemas.json_form import from_json
from schemas.records import ACTION_NAMESPACE, Event
from schemas.wording import unknown

#: What `events show --json` says beside the change, none of which conditions look at.
_BESIDE = ("entity", "topic", "partition", "offset", "changed_fields", "chain")


def given_event(text: str, catalog: Catalog, entity: str, now: datetime) -> Event:
    """The event that a JSON text describes.

    Args:
        entity: Whose event it is if the text does not say so.
        now: When it occurred if the text does not say so.

    Raises:
        ConfigurationError: It is no event; every problem with its place.
    """
    content = _object(text)
    entity = content.get("entity", entity)
    if entity not in catalog.entities:
        raise ConfigurationError("the event: " + unknown("the entity", entity, catalog.entities))
    change = {name: value for name, value in content.items() if name not in _BESIDE}
    if "operation" not in change:
        change["operation"] = _operation(change)
    values, problems = from_json(event_form(catalog, entity), change)
    if values is None:
        raise ConfigurationError(_listed((one.pointer, one.message) for one in problems))
    _check_sides(values)
    return _event(entity, values, content.get("changed_fields"), now, text)


def _object(text: str) -> dict[str, Any]:
    """The JSON object that a text is."""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"the event is not JSON: {error}") from error
    if not isinstance(content, dict):
        message = "the event: expected one JSON object, as `hookline events show --json` prints it"
        raise ConfigurationError(message)
    return content


def _operation(change: Mapping[str, Any]) -> str:
    """What happened, as the sides say it."""
    try:
        return operation_of(change.get("before"), change.get("after"))
    except SchemaError as error:
        raise ConfigurationError(f"the event: {error}") from error


def _check_sides(values: Mapping[str, Any]) -> None:
    """Refuse sides that the operation does not have; an update may lack what was before."""
    operation = values["operation"]
    problems = []
    for side, wanted in zip(("before", "after"), SIDES[operation], strict=True):
        if wanted and values[side] is None and (operation, side) != ("updated", "before"):
            problems.append((f"/{side}", f"is missing: {operation} needs it"))
        if not wanted and values[side] is not None:
            problems.append((f"/{side}", f"a record that is {operation} has no {side}"))
    if problems:
        raise ConfigurationError(_listed(problems))


def _listed(problems: Any) -> str:
    """Every problem on a line of its own."""
    lines = "\n".join(f"  {pointer}: {message}" for pointer, message in problems)
    return f"the event does not fit the schema:\n{lines}"


def _event(
    entity: str, values: Mapping[str, Any], changed: object, now: datetime, text: str
) -> Event:
    """The event, with what was left open filled in."""
    before, after = values["before"], values["after"]
    event_id = values["event_id"] or uuid.uuid5(ACTION_NAMESPACE, text)
    if isinstance(changed, list) and all(isinstance(name, str) for name in changed):
        names = tuple(sorted(changed))
    else:
        names = changed_fields(before, after)
    try:
        entity_id = values["entity_id"] or id_of(before, after)
    except SchemaError as error:
        raise ConfigurationError(f"the event: {error}") from error
    return Event(
        event_id=event_id,
        entity=entity,
        operation=values["operation"],
        entity_id=entity_id,
        version=values["version"] or 1,
        occurred_at=values["occurred_at"] or now,
        source=values["source"] or "api",
        actor=values["actor"],
        correlation_id=values["correlation_id"] or event_id,
        causation_id=values["causation_id"],
        hops=values["hops"] or 0,
        before=before,
        after=after,
        changed_fields=names,
    )
