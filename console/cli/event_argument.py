"""The argument EVENT: an event id, `topic:partition:offset`, or a file with the event as JSON."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

from schemas.errors import ConfigurationError


def event_text(event: str) -> str | None:
    """The event itself, if the argument names a file; None if it is an id or a place.

    Raises:
        ConfigurationError: It is neither of the three.
    """
    from console.find_events import Place  # noqa: PLC0415

    if event == "-":
        return sys.stdin.read()
    if event_id(event) or (Place.parse(event) and not Path(event).exists()):
        return None
    try:
        return Path(event).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{event} is not UTF-8") from error
    except OSError as error:
        message = (
            f"{event!r} is no event id, no topic:partition:offset, and cannot be read as a file: "
            f"{error.strerror}"
        )
        raise ConfigurationError(message) from error


def event_id(text: str) -> str | None:
    """An event id as headers write it; None if the text is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
