"""runtime.logs: one JSON object a line, the libraries' lines too, secrets never."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from runtime.logs import Format, Level, configure, get_logger


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Logging is the process's own; each test gives it back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def logging_to_memory(level: Level = "info", form: Format = "json") -> io.StringIO:
    stream = io.StringIO()
    configure(level, form, "test_service", stream=stream)
    return stream


def test_a_line_holds_the_event_its_keys_and_where_it_comes_from():
    stream = logging_to_memory()

    get_logger("somewhere").info("delivery.attempted", webhook="billing", attempt=2)

    line = json.loads(stream.getvalue())
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "delivery.attempted",
        "level": "info",
        "service": "test_service",
        "module": "somewhere",
        "webhook": "billing",
        "attempt": 2,
    }


def test_secrets_are_masked_whoever_logs_them():
    stream = logging_to_memory()

    get_logger("somewhere").info("webhook.saved", secret="whsec_1", token="t0ken", body=b"{}")

    assert "whsec_1" not in stream.getvalue()
    assert "t0ken" not in stream.getvalue()
    assert json.loads(stream.getvalue())["secret"] == "***"


def test_lines_below_the_level_are_dropped():
    stream = logging_to_memory("warning")

    get_logger("somewhere").info("quiet")
    get_logger("somewhere").warning("heard")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["heard"]


def test_libraries_log_in_the_same_form_from_warnings_up():
    stream = logging_to_memory("debug")

    logging.getLogger("aiohttp.server").info("chatter")
    logging.getLogger("aiohttp.server").warning("connection to %s lost", "broker 1")

    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["event"] == "connection to broker 1 lost"
    assert json.loads(line)["module"] == "aiohttp.server"
    assert json.loads(line)["level"] == "warning"


def test_an_exception_stays_on_its_line():
    stream = logging_to_memory()

    get_logger("somewhere").critical("process.crashed", exc_info=RuntimeError("boom"))

    (line,) = stream.getvalue().splitlines()
    assert "RuntimeError: boom" in json.loads(line)["exception"]


def test_what_json_does_not_know_is_written_as_text():
    stream = logging_to_memory()

    get_logger("somewhere").info("odd", value={1: {"a"}})

    assert json.loads(stream.getvalue())["value"] == {"1": "{'a'}"}


def test_people_get_text():
    stream = logging_to_memory(form="console")

    get_logger("somewhere").info("delivery.attempted", webhook="billing")

    assert "delivery.attempted" in stream.getvalue()
    assert "webhook=billing" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
