"""The chain of workflow actions that a dead letter tells of, for people and programs.

Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from schemas import headers

#: What a link says, as `workflow_service.chains` writes it.
KEYS = ("workflow", "version", "action_index", "event_id", "action_id")


def chain_of(texts: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """The links, oldest first; None where no chain is the reason, or nobody can read it."""
    try:
        found = json.loads(texts[headers.CHAIN])
        return [{key: link[key] for key in KEYS} for link in found]
    except (KeyError, TypeError, ValueError):
        return None
