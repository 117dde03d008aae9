"""Writes docs/settings.md from the settings themselves: `python -m runtime.settings_page FILE`.

Pure but for the last two lines.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from runtime.setting_values import variable
from runtime.settings import HIDDEN, Settings

#: The first field of each section, in the order of the class.
SECTIONS = {
    "kafka_bootstrap_servers": "Kafka",
    "topic_prefix": "Topics",
    "schemas_dir": "Schemas",
    "secret_keys": "Secrets at rest",
    "log_level": "Every service",
    "gateway_host": "Gateway",
    "entity": "Entity services",
    "workflow_group": "Workflow service",
    "webhook_group": "Webhook service",
}
HEAD = """\
# Settings

Every process reads its settings from environment variables, once, when it starts. A name that is
not in these tables, a value out of its bounds, or two that contradict each other stop the start
with one line that says which and why. An empty value counts as not set. Times carry their unit in
their name: `_MS` milliseconds, `_S` seconds.

This page is written by `make docs` from `runtime/settings.py`; a test keeps the two in step.
"""
_MS = timedelta(milliseconds=1)


def page() -> str:
    """The whole page."""
    return "\n".join((HEAD.rstrip(), *_lines())) + "\n"


def _lines() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        if name in SECTIONS:
            yield from ("", f"## {SECTIONS[name]}", "")
            yield from ("| variable | default | allowed | meaning |", "|---|---|---|---|")
        cells = (f"`{variable(name)}`", _default(field), allowed(field), _line(field.description))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _line(text: str | None) -> str:
    """A description on one line."""
    return " ".join((text or "").split())


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value == ():
        return ""
    parts = value if isinstance(value, tuple) else (value,)
    return "`" + ",".join(map(_text, parts)) + "`"


def _text(value: object) -> str:
    return str(value // _MS) if isinstance(value, timedelta) else str(value)


def allowed(field: FieldInfo) -> str:
    """The words or bounds that a field accepts, for people."""
    words = _words(field.annotation)
    if words:
        return ", ".join(f"`{word}`" for word in words)
    bounds: dict[str, Any] = {}
    for rule in field.metadata:
        for key in ("ge", "le", "pattern"):
            if getattr(rule, key, None) is not None:
                bounds[key] = getattr(rule, key)
    if "ge" in bounds and "le" in bounds:
        return f"{bounds['ge']} to {bounds['le']}"
    return f"`{bounds['pattern']}`" if "pattern" in bounds else ""


def _words(annotation: object) -> tuple[str, ...]:
    """The words of a Literal, optional or not."""
    if typing.get_origin(annotation) is Literal:
        return typing.get_args(annotation)
    return tuple(word for part in typing.get_args(annotation) for word in _words(part))


def shows_a_secret(name: str, field: FieldInfo) -> bool:
    """True for a field that holds a secret and is not in `HIDDEN`: our mistake, for a test."""
    return name not in HIDDEN and _holds_secret(field.annotation)


def _holds_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(map(_holds_secret, typing.get_args(annotation)))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page())
