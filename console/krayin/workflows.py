"""A row of Krayin's table `workflows` → a workflow's manifest.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from console.krayin.conditions import Conditions
from console.krayin.fields import ENTITIES
from console.krayin.notes import Notes
from console.krayin.rows import Row, description_of
from schemas.wording import found, shown

_OPERATIONS = {
    "create.after": "created",
    "update.after": "updated",
    "delete.before": "deleted",
    "delete.after": "deleted",
}
_WEBHOOK = "trigger_webhook"


def workflow_of(
    row: Row, id: str, webhooks: Mapping[str, str | None], state: str, zone: ZoneInfo, notes: Notes
) -> dict[str, Any] | None:
    """The manifest; None if the notes say why there is none.

    Args:
        webhooks: Krayin's id of each webhook → its id here; None where it was not converted.
    """
    entity = ENTITIES.get(str(row.get("entity_type")))
    if entity is None:
        known = ", ".join(ENTITIES)
        notes.refuse("entity_type", f"{shown(row.get('entity_type'))} is not one of {known}")
        return None
    event = str(row.get("event"))
    operation = _OPERATIONS.get(".".join(event.split(".")[-2:]))
    if operation is None:
        notes.refuse("event", f"{shown(event)} is not one that Krayin raises")
        return None
    if operation == "deleted":
        notes.differs(
            "event", "Krayin announced a deletion before it happened; here it has happened"
        )
    side = "before" if operation == "deleted" else "after"
    conditions = Conditions(entity, side, zone, notes)
    condition = conditions.tree(row.get("conditions"), row.get("condition_type", "and"))
    then = _actions(row.get("actions"), webhooks, notes)
    manifest: dict[str, Any] = {"kind": "Workflow", "id": id, "entity": entity, "on": [operation]}
    manifest["description"] = description_of(row)
    if condition is not None:
        manifest["only_if"] = condition
    manifest |= {"then": then, "state": state}
    return None if notes.refused else manifest


def _actions(
    rows: object, webhooks: Mapping[str, str | None], notes: Notes
) -> list[dict[str, str]]:
    """The actions that call webhooks; what else Krayin did is said and left out."""
    if isinstance(rows, Mapping):
        rows = list(rows.values())
    if not isinstance(rows, list):
        notes.refuse("actions", f"{found(rows)}; a list of actions is expected")
        return []
    then = []
    for index, row in enumerate(rows):
        where = f"actions[{index}]"
        kind = row.get("id") if isinstance(row, Mapping) else None
        if kind != _WEBHOOK:
            notes.left_out(where, f"{shown(kind)} is not done by a webhook, so it is not done here")
            continue
        value = str(row.get("value"))
        if value not in webhooks:
            notes.refuse(where, f"the webhook {value} does not exist (any more)")
        elif webhooks[value] is None:
            notes.refuse(where, f"the webhook {value} was not converted")
        else:
            then.append({"webhook": str(webhooks[value])})
    if not then and not notes.refused:
        notes.refuse("actions", "none of them calls a webhook")
    return then
