"""Definitions as a diff shows them: line by line, secrets masked.

Pure.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any, Final

import yaml

from console.previews import hidden_webhook
from schemas.records import Definition, DefinitionKind
from webhook_service.stored import masked_spec
from webhook_service.url import masked_url
from webhook_service.webhook import Webhook

#: The diff of a change that touches nothing but secrets.
HIDDEN_DIFF: Final = ("  (only values that are not shown differ)",)


def shown_webhook(webhook: Webhook) -> list[str]:
    """A webhook as a diff shows it: secrets masked, and what a URL says behind the question mark."""
    content = json.loads(masked_spec(webhook))
    return _written({**content, "url": masked_url(webhook.url)})


def stored_lines(kind: DefinitionKind, definition: Definition) -> list[str]:
    """A stored definition as a diff shows it."""
    if kind == "workflow":
        return plain_lines(definition.spec)
    return shown_webhook(hidden_webhook(definition))


def plain_lines(spec: str) -> list[str]:
    """A spec without secrets as a diff shows it."""
    return _written(json.loads(spec))


def _written(content: Mapping[str, Any]) -> list[str]:
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True).splitlines()


def diff_of(id: str, old: list[str], new: list[str]) -> tuple[str, ...]:
    """A unified diff; empty if the lines are the same."""
    before, after = (id if lines else "(nothing)" for lines in (old, new))
    return tuple(difflib.unified_diff(old, new, before, after, lineterm="", n=2))
