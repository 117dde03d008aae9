"""The rules as straightforward Quix Streams code has them: one filter each, exactly-once on.

Not part of the package: it runs with the interpreter of an environment that holds
`bench/peer/requirements.lock`, and says on its last line of output how it went.
"""

from __future__ import annotations

import functools
import json
import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
from quixstreams import Application  # type: ignore[import-not-found]

Event = dict[str, Any]
Test = Callable[[Event], bool]
#: Bytes in front of an Avro record: marker and fingerprint of its schema.
HEAD = 10
#: With a thousand rules it does some ten events a second; what it did by then is what counts.
LIMIT_S = 60


def read(event: Event, path: str) -> Any:
    """A field of the event; None where there is nothing."""
    value: Any = event
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def operand(event: Event, value: Any) -> Any:
    """A value, or what another field holds."""
    if isinstance(value, dict):
        return read(event, value["field"])
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def text(value: Any, *, fold: bool) -> Any:
    """A text as it is compared."""
    return value.casefold() if fold and isinstance(value, str) else value


def holds(operator: str, found: Any, value: Any) -> bool:
    """One comparison; what is not there is unlike everything."""
    if operator == "is_empty":
        return (found in (None, "", [])) is value
    if found is None:
        return operator in ("not_equals", "not_contains")
    return OPERATORS[operator](found, value)


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda found, value: found == value,
    "not_equals": lambda found, value: found != value,
    "in": lambda found, value: found in value,
    "at_least": lambda found, value: found >= value,
    "greater_than": lambda found, value: value is not None and found > value,
    "between": lambda found, value: value[0] <= found <= value[1],
    "contains": lambda found, value: value in found,
    "not_contains": lambda found, value: value not in found,
    "starts_with": lambda found, value: found.startswith(value),
    "ends_with": lambda found, value: found.endswith(value),
    "matches": lambda found, value: re.search(value, found) is not None,
}


def condition(spec: dict[str, Any]) -> Test:
    """A condition as a function."""
    if "all" in spec:
        tests = [condition(each) for each in spec["all"]]
        return lambda event: all(test(event) for test in tests)
    if "not" in spec:
        test = condition(spec["not"])
        return lambda event: not test(event)
    fold = spec.get("ignore_case", False)
    ((operator, value),) = ((k, v) for k, v in spec.items() if k not in ("field", "ignore_case"))
    path, value = spec["field"], text(value, fold=fold)
    if operator == "changed_to":
        return lambda event: (
            read(event, f"after.{path}") == value and read(event, f"before.{path}") != value
        )
    return lambda event: holds(operator, text(read(event, path), fold=fold), operand(event, value))


def rule(content: dict[str, Any]) -> Test:
    """A whole workflow as a function."""
    operations, sources = set(content["on"]), content.get("source")
    watched = content.get("when_changed", ())
    only_if = condition(content["only_if"]) if "only_if" in content else None

    def test(event: Event) -> bool:
        return (
            event["operation"] in operations
            and (sources is None or event["source"] in sources)
            and (
                not watched
                or any(read(event, f"before.{p}") != read(event, f"after.{p}") for p in watched)
            )
            and (only_if is None or only_if(event))
        )

    return test


class Clock:
    """When the first event came and the latest, and how many did."""

    started = latest = 0.0
    cpu = cpu_latest = 0.0
    count = 0


def decode(schema: Any, data: bytes) -> Event:
    """An event with its bytes."""
    if not Clock.count:
        Clock.started, Clock.cpu = time.monotonic(), time.process_time()
    Clock.count += 1
    Clock.latest, Clock.cpu_latest = time.monotonic(), time.process_time()
    event: Event = fastavro.schemaless_reader(BytesIO(data[HEAD:]), schema)  # type: ignore[assignment]
    return {**event, "raw": data}


def main(arguments: list[str]) -> None:
    """Write a record for each match, a transaction for each batch, until no more events come."""
    servers, source, target, group, batch, given, patience_s = arguments
    rules, schema = (json.loads(text) for text in Path(given).read_text().splitlines())
    app = Application(
        broker_address=servers,
        consumer_group=group,
        processing_guarantee="exactly-once",
        auto_offset_reset="earliest",
        commit_every=int(batch),
        loglevel=logging.WARNING,
    )
    out = app.topic(target, value_serializer="bytes", key_serializer="bytes")
    stream = app.dataframe(app.topic(source, value_deserializer="bytes", key_deserializer="bytes"))
    events = stream.apply(functools.partial(decode, fastavro.parse_schema(schema)))
    matched = [0]

    def action(event: Event) -> bytes:
        matched[0] += 1
        raw: bytes = event["raw"]
        return raw

    for each in rules:
        events.filter(rule(each)).apply(action).to_topic(out)
    timer = threading.Timer(LIMIT_S, app.stop)
    timer.daemon = True
    timer.start()
    app.run(timeout=float(patience_s), collect=False)
    said = {
        "events": Clock.count,
        "matches": matched[0],
        "wall_s": Clock.latest - Clock.started,
        "cpu_s": Clock.cpu_latest - Clock.cpu,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1:])
