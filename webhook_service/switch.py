"""Whether a webhook is on: by its manifest, and else by what was decided about it since.

Pure.
"""

from __future__ import annotations

from schemas.records import LaneState
from webhook_service.webhook import State


def decided(state: State, version: int, switch: LaneState | None) -> State:
    """Active, paused or disabled.

    Args:
        state, version: What the manifest says, and which version of it.
        switch: The newest decision, if there is any.  One that the service made by itself holds
            for no newer version: somebody has mended the webhook.
    """
    if state != "active" or switch is None:
        return state
    if switch.cause != "operator" and version > switch.webhook_version:
        return "active"
    match switch.state:
        case "paused" | "disabled":
            return switch.state
        case _:
            return "active"
