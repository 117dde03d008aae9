"""Reading only some fields of an event: the same values as reading all, and as strict about form."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, cast

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro import named_schema
from schemas.catalog import Catalog
from schemas.codec import Codec, Fingerprint, SchemaId
from schemas.errors import ConfigurationError, SchemaError
from schemas.glimpse import Glimpse
from schemas.records import Event
from tests.crm import lead_event
from tests.strategies import CATALOG, OwnSchemas, events

CODEC = Codec(CATALOG, OwnSchemas())


#: Each compiles a reader of its own, which takes most of the time.
few = settings(max_examples=25)


def names_of(entity: str) -> list[str]:
    envelope = {field["name"]: field for field in json.loads(CATALOG.event(entity).text)["fields"]}
    return [field["name"] for field in envelope["before"]["type"][1]["fields"]]


def wanted_of(entity: str) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from([*names_of(entity), "no_such_field"]))


def only(event: Event, wanted: frozenset[str]) -> Event:
    def side(record):
        return record and {name: value for name, value in record.items() if name in wanted}

    return dataclasses.replace(event, before=side(event.before), after=side(event.after))


@pytest.mark.parametrize("entity", CATALOG.entities)
@few
@given(data=st.data())
def test_wanted_fields_are_what_reading_everything_gives_and_the_others_are_absent(entity, data):
    written = [CODEC.encode(data.draw(events(entity))) for _ in range(2)]
    wanted = data.draw(wanted_of(entity))
    read = CODEC.event_reader(entity, wanted)

    for one in written:
        assert read(one) == only(CODEC.decode_event(entity, one), wanted)


@few
@given(event=events("lead"), wanted=wanted_of("lead"))
def test_confluents_framing_is_read_as_well(event, wanted):
    codec = Codec(CATALOG, OwnSchemas({SchemaId(7): CATALOG.event("lead").text}))
    bare = CODEC.encode(event)[10:]

    read = codec.event_reader("lead", wanted)

    assert read(b"\x00\x00\x00\x00\x07" + bare) == only(event, wanted)


def older(text: str) -> Any:
    """The schema of leads before a field was renamed, others dropped, one added and one moved."""
    schema = json.loads(text)
    lead = next(field for field in schema["fields"] if field["name"] == "before")["type"][1]
    fields = {field["name"]: field for field in lead["fields"]}
    fields["title"]["name"] = "subject"
    del fields["status"], fields["updated_at"]
    moved = fields.pop("expected_close_date")
    lead["fields"] = [{"name": "urgency", "type": "int"}, *fields.values(), moved]
    return schema


def renamed(text: str) -> str:
    """Today's schema, in which the title still answers to its old name."""
    return text.replace('"name":"title"', '"name":"title","aliases":["subject"]', 1)


@few
@given(event=events("lead"), wanted=wanted_of("lead"))
def test_events_of_an_older_schema_are_read_as_reading_everything_does(event, wanted):
    ours = CATALOG.event("lead")
    new = named_schema(renamed(ours.text))
    assert new.text != ours.text
    catalog = cast("Catalog", OtherLead(new))
    old = named_schema(json.dumps(older(ours.text)))

    def side(record):
        return record and {"urgency": 3, "subject": record["title"], **record}

    values = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    values |= {"before": side(event.before), "after": side(event.after)}
    values |= {"changed_fields": list(event.changed_fields), "chain": list(event.chain)}
    out = BytesIO()
    fastavro.schemaless_writer(out, old.parsed, values)
    framed = Fingerprint(old.fingerprint).head + out.getvalue()
    codec = Codec(catalog, OwnSchemas({Fingerprint(old.fingerprint): old.text}))

    whole = codec.decode_event("lead", framed)

    assert whole.after is None or whole.after["title"] == event.after["title"]
    assert codec.event_reader("lead", wanted)(framed) == only(whole, wanted)


class OtherLead:
    """A catalog with another schema of leads."""

    def __init__(self, lead) -> None:
        self._lead = lead
        self.entities = CATALOG.entities
        self.schemas = CATALOG.schemas

    def event(self, entity: str):
        return self._lead if entity == "lead" else CATALOG.event(entity)


@few
@given(event=events("lead"), wanted=wanted_of("lead"), data=st.data())
def test_an_event_that_is_cut_short_or_goes_on_is_refused(event, wanted, data):
    whole = CODEC.encode(event)
    read = CODEC.event_reader("lead", wanted)
    end = data.draw(st.integers(10, len(whole) - 1))

    with pytest.raises(SchemaError):
        read(whole[:end])
    with pytest.raises(SchemaError):
        read(whole + b"\x00")


@few
@given(event=events("lead"), wanted=wanted_of("lead"), data=st.data())
def test_of_damaged_bytes_comes_an_event_or_a_schema_error(event, wanted, data):
    damaged = bytearray(CODEC.encode(event))
    at = data.draw(st.integers(10, len(damaged) - 1))
    damaged[at] = data.draw(st.integers(0, 255))

    try:
        read = CODEC.event_reader("lead", wanted)(bytes(damaged))
    except SchemaError:
        return

    assert isinstance(read, Event)
    for each in dataclasses.fields(Event):
        getattr(read, each.name)  # what is read later is known to be readable


def outcome(read, data: bytes) -> Event | str:
    try:
        event = read(data)
    except SchemaError as error:
        return str(error)
    return only(event, frozenset())


def test_a_damaged_head_ends_as_it_does_when_everything_is_read():
    read = CODEC.event_reader("lead", frozenset())
    whole = CODEC.encode(dataclasses.replace(lead_event(), before=None, after=None))

    for at in range(10, len(whole)):
        for value in (0, 1, 2, 14, 65, 71, 127, 128, 255):
            damaged = whole[:at] + bytes((value,)) + whole[at + 1 :]

            assert outcome(read, damaged) == outcome(
                lambda data: CODEC.decode_event("lead", data), damaged
            )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actor", None),
        ("actor", "žluťoučký kůň"),
        ("actor", "x" * 200),
        ("entity_id", "š"),
        ("hops", 3),
        ("version", 2**40),
        ("occurred_at", datetime(1, 1, 1, tzinfo=UTC)),
        ("occurred_at", datetime(9999, 12, 31, tzinfo=UTC)),
        ("chain", ("won/1/0/e4eaaaf2-d142-11e1-b3e4-080027620cdd",)),
        ("changed_fields", ()),
        ("changed_fields", ("x" * 70_000,)),
    ],
)
def test_an_unusual_value_around_the_record_is_read_as_ever(field, value):
    event = dataclasses.replace(lead_event(), **{field: value})
    read = CODEC.event_reader("lead", frozenset({"title"}))

    assert [read(CODEC.encode(event)) for _ in range(2)] == [only(event, frozenset({"title"}))] * 2


def test_ids_instant_and_actor_of_a_usual_event_are_read_when_they_are_looked_at():
    event = lead_event()

    read = CODEC.event_reader("lead", frozenset({"title"}))(CODEC.encode(event))

    assert isinstance(read, Glimpse)
    assert (read.entity, read.operation, read.source) == ("lead", event.operation, event.source)
    assert (read.event_id, read.occurred_at) == (event.event_id, event.occurred_at)
    assert read == only(event, frozenset({"title"}))
    assert read != dataclasses.replace(only(event, frozenset({"title"})), version=77)
    with pytest.raises(AttributeError):
        read.colour  # noqa: B018


def test_an_event_of_another_entity_a_tombstone_and_an_unknown_entity_are_refused():
    read = CODEC.event_reader("lead", frozenset())

    with pytest.raises(SchemaError, match="tombstone"):
        read(None)
    with pytest.raises(ConfigurationError):
        CODEC.event_reader("unicorn", frozenset())
