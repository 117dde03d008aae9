"""Structured logs: an event's name and its keys, one line each, on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO, cast

import orjson
import structlog
from structlog.typing import FilteringBoundLogger, Processor

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "console"]

#: What a log line never shows, wherever a value with such a key comes from.
MASKED_KEYS = frozenset(
    {"authorization", "body", "cookie", "password", "secret", "secret_key", "secrets", "token"}
)
MASK = "***"


def get_logger(name: str) -> FilteringBoundLogger:
    """The logger of a module; usable before `configure`, silent about nothing."""
    return cast("FilteringBoundLogger", structlog.get_logger(module=name))


def configure(level: Level, format: Format, service: str, *, stream: TextIO | None = None) -> None:
    """Send every log line of the process, the libraries' too, to standard error.

    Args:
        level: Lines below it are dropped; libraries are heard from `warning` up in any case.
        format: `json` for machines, one object a line; `console` for people.
        service: Stands in every line as `service`.
        stream: Another place than standard error.
    """
    out = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]

    def name_service(
        _: object, __: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event.setdefault("service", service)
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        name_service,
        mask,
    ]
    render = _renderer(format, out)
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _name_module],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))
    logging.captureWarnings(capture=True)


def mask(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank the values that a log must not show (a structlog processor)."""
    for key in MASKED_KEYS & event.keys():
        event[key] = MASK
    return event


def _name_module(
    logger: logging.Logger, _: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A library's logger stands under the same key as ours."""
    record = event.get("_record")
    event["module"] = logger.name if record is None else record.name
    return event


def _renderer(format: Format, out: TextIO) -> list[Processor]:
    """The last steps of a line's way: how its exception and itself are written."""
    if format == "console":
        return [structlog.dev.ConsoleRenderer(colors=out.isatty())]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=_dumps),
    ]


def _dumps(value: object, **_: object) -> str:
    """JSON by orjson; what it does not know is written as text."""
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
