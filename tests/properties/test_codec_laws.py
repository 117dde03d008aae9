"""The codec: what is written is read again, by us and by another implementation of Avro."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Codec, Fingerprint
from schemas.framing import SINGLE_OBJECT_HEAD, SchemaId
from schemas.records import Definition
from schemas.types import record_type
from tests.strategies import (
    CATALOG,
    OwnSchemas,
    actions,
    attempts,
    definitions,
    events,
    firings,
    lane_states,
    values,
    workflow_counts,
)

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
CODEC = Codec(CATALOG, OwnSchemas())
OTHERS = {
    "action": (CODEC.decode_action, actions(), CATALOG.action),
    "attempt": (CODEC.decode_attempt, attempts(), CATALOG.attempt),
    "definition": (CODEC.decode_definition, definitions(), CATALOG.definition),
    "workflow_counts": (
        CODEC.decode_workflow_counts,
        workflow_counts(),
        CATALOG.workflow_counts,
    ),
    "lane_state": (CODEC.decode_lane_state, lane_states(), CATALOG.lane_state),
    "firing": (CODEC.decode_firing, firings(), CATALOG.firing),
}


def as_dict(record: Any) -> dict[str, Any]:
    """A record as fastavro takes and gives it."""
    made = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    return {name: list(value) if type(value) is tuple else value for name, value in made.items()}


@pytest.mark.parametrize("entity", CATALOG.entities)
@given(data=st.data())
def test_an_event_is_read_as_it_was_written(entity, data):
    event = data.draw(events(entity))

    assert CODEC.decode_event(entity, CODEC.encode(event)) == event


@pytest.mark.parametrize("name", OTHERS)
@given(data=st.data())
def test_any_other_record_is_read_as_it_was_written(name, data):
    decode, strategy, _ = OTHERS[name]
    record = data.draw(strategy)

    assert decode(CODEC.encode(record)) == record


@given(text=st.text())
def test_any_text_is_read_as_it_was_written(text):
    definition = Definition("workflow", text, 1, NOON, text, text)

    assert CODEC.decode_definition(CODEC.encode(definition)) == definition


@given(event=events())
def test_fastavro_reads_what_we_write(event):
    schema = CATALOG.event(event.entity)
    data = CODEC.encode(event)

    source = BytesIO(data[SINGLE_OBJECT_HEAD:])
    assert fastavro.schemaless_reader(source, schema.parsed) == as_dict(event)
    assert source.read() == b""


@given(event=events())
def test_we_read_what_fastavro_writes(event):
    schema = CATALOG.event(event.entity)
    out = BytesIO()
    fastavro.schemaless_writer(out, schema.parsed, as_dict(event), strict=True)

    framed = Fingerprint(schema.fingerprint).head + out.getvalue()
    assert CODEC.decode_event(event.entity, framed) == event
    assert CODEC.encode(event) == framed


@pytest.mark.parametrize("name", OTHERS)
@given(data=st.data())
def test_other_records_are_the_bytes_that_fastavro_writes(name, data):
    _, strategy, schema = OTHERS[name]
    record = data.draw(strategy)
    out = BytesIO()

    fastavro.schemaless_writer(out, schema.parsed, as_dict(record), strict=True)

    assert CODEC.encode(record)[SINGLE_OBJECT_HEAD:] == out.getvalue()


@given(event=events("lead"), number=st.integers(0, 2**32 - 1))
def test_both_framings_of_one_topic_are_read(event, number):
    text = CATALOG.event("lead").text
    codec = Codec(CATALOG, OwnSchemas({SchemaId(number): text}))
    own = CODEC.encode(event)
    confluent = b"\0" + number.to_bytes(4, "big") + own[SINGLE_OBJECT_HEAD:]

    assert codec.decode_event("lead", confluent) == codec.decode_event("lead", own) == event


@given(data=st.data())
def test_a_record_of_a_newer_schema_is_read(data):
    newer = json.loads(CATALOG.event("person").text)
    added = [
        {"name": "score", "type": ["null", "long"], "default": None, "doc": "Added later."},
        {"name": "places", "type": {"type": "array", "items": "double"}, "default": []},
    ]
    person = next(f for f in newer["fields"] if f["name"] == "before")["type"][1]
    person["fields"][3:3] = added
    parsed = fastavro.parse_schema(newer)
    reference = Fingerprint(
        bytes.fromhex(
            fastavro.schema.fingerprint(
                fastavro.schema.to_parsing_canonical_form(parsed), "CRC-64-AVRO"
            )
        )
    )
    codec = Codec(CATALOG, OwnSchemas({reference: json.dumps(newer)}))
    event = data.draw(events("person"))
    extra = data.draw(values(record_type({"type": "record", "name": "X", "fields": added})))
    wide = as_dict(event)
    for side in ("before", "after"):
        wide[side] = wide[side] and {**wide[side], **extra}
    out = BytesIO()
    fastavro.schemaless_writer(out, parsed, wide, strict=True)

    assert codec.decode_event("person", reference.head + out.getvalue()) == event
