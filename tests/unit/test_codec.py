"""The codec: strict when it writes, and clear about what it cannot read."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from schemas.avro import named_schema
from schemas.codec import Codec, Fingerprint
from schemas.errors import ConfigurationError, SchemaError
from schemas.records import Event
from tests.strategies import CATALOG, OwnSchemas, event_of

CODEC = Codec(CATALOG, OwnSchemas())
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LEAD: dict[str, Any] = {"id": "1", "title": "Panels"}
PRODUCT = {"product": {"id": "5"}, "quantity": 1, "price": Decimal(3), "amount": Decimal(3)}


def lead(**fields: Any) -> Event:
    """A lead that was just created, with these fields."""
    event = event_of("lead", Random(0))
    return dataclasses.replace(event, before=None, after=LEAD | fields)


def after(**fields: Any) -> Any:
    """What a reader gets of these fields."""
    event = CODEC.decode_event("lead", CODEC.encode(lead(**fields)))
    assert event.after is not None
    return {name: event.after[name] for name in fields}


def test_fields_that_were_left_out_take_their_defaults():
    event = CODEC.decode_event("lead", CODEC.encode(lead()))

    assert event.after is not None
    assert set(event.after) == set(CATALOG.fields("lead"))
    assert event.after["tags"] == []
    assert event.after["custom_attributes"] == {}
    assert event.after["lead_value"] is None


def test_values_come_back_as_python_values():
    fields = {
        "lead_value": Decimal("12500.5000"),
        "expected_close_date": date(2026, 12, 1),
        "closed_at": NOON,
        "status": False,
        "tags": ["a"],
        "custom_attributes": {
            "amount": Decimal(5),
            "day": date(2026, 1, 1),
            "at": NOON,
            "looks like a day": "2026-01-01",
            "many": ["a", "b"],
            "yes": True,
            "none": None,
        },
    }

    assert after(**fields) == fields
    assert isinstance(after(custom_attributes={"n": 7})["custom_attributes"]["n"], Decimal)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param(
            {"titel": "x"}, "after: 'titel' is no field here; the fields are id", id="extra"
        ),
        pytest.param({"title": 5}, "after.title: is of type int; expected a str", id="type"),
        pytest.param({"title": None}, "after.title: is of type NoneType", id="null"),
        pytest.param(
            {"closed_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - that is the point
            "after.closed_at: is a datetime without an offset",
            id="naive datetime",
        ),
        pytest.param(
            {"expected_close_date": NOON},
            "after.expected_close_date: is of type datetime; expected None or a date",
            id="datetime for a date",
        ),
        pytest.param(
            {"lead_value": Decimal("1.00001")}, "more than 4 digits after the point", id="scale"
        ),
        pytest.param({"lead_value": Decimal("1e8")}, "more than 8 digits before", id="precision"),
        pytest.param(
            {"lead_value": Decimal("NaN")}, "is NaN; expected a finite", id="not a number"
        ),
        pytest.param({"lead_value": 1.5}, "after.lead_value: is of type float", id="float"),
        pytest.param(
            {"lead_value": True}, "after.lead_value: is of type bool", id="bool for a number"
        ),
        pytest.param({"status": 1}, "after.status: is of type int", id="int for a bool"),
        pytest.param({"tags": "solar"}, "after.tags: is of type str; expected a list", id="text"),
        pytest.param(
            {"tags": ["\ud800"]}, r"after.tags\[\]: holds half of a surrogate", id="surrogate"
        ),
        pytest.param(
            {"products": [PRODUCT | {"quantity": 2**31}]},
            r"after.products\[\].quantity: has more than 32 bits",
            id="too large",
        ),
        pytest.param(
            {"products": [{"quantity": 1}]},
            r"after.products\[\]: product, price, amount is missing",
            id="missing",
        ),
        pytest.param(
            {"products": [PRODUCT | {"product": {"id": "5", "sku": "x"}}]},
            r"after.products\[\].product: 'sku' is no field here",
            id="extra in a nested record",
        ),
        pytest.param(
            {"custom_attributes": {"a": 1.5}},
            r"after.custom_attributes\{\}: is of type float",
            id="union",
        ),
        pytest.param({"custom_attributes": {5: "a"}}, r"after.custom_attributes\{\}", id="key"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(fields, message):
    with pytest.raises(SchemaError, match=f"^crm.LeadEvent cannot be written: .*{message}"):
        CODEC.encode(lead(**fields))


def test_a_refused_value_is_not_in_the_message():
    with pytest.raises(SchemaError) as caught:
        CODEC.encode(lead(description=["Jo Doe, 12 Main Street"]))

    assert "Jo Doe" not in str(caught.value)


def test_a_missing_and_an_extra_field_are_both_found():
    event = dataclasses.replace(lead(), after={"id": "1", "titel": "x"})

    with pytest.raises(SchemaError, match="'titel' is no field"):
        CODEC.encode(event)


def test_an_instant_before_the_year_1_is_refused_when_written():
    early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))

    with pytest.raises(SchemaError, match=r"after\.closed_at: is before the year 1"):
        CODEC.encode(lead(closed_at=early))


def test_an_unknown_entity_is_named_with_those_that_exist():
    with pytest.raises(ConfigurationError, match="no entity 'deal'; there are activity, lead"):
        CODEC.decode_event("deal", b"")


def test_a_schema_that_was_not_registered_is_not_written_with():
    class Nothing(OwnSchemas):
        def reference_of(self, schema: Any) -> Any:
            raise ConfigurationError(f"{schema.name} was not registered")

    with pytest.raises(ConfigurationError, match=r"crm\.LeadEvent was not registered"):
        Codec(CATALOG, Nothing()).encode(lead())


def renamed(text: str) -> str:
    return text.replace('"name":"lead_value"', '"name":"worth"')


def test_a_field_that_the_writer_did_not_have_takes_its_default_and_one_we_lack_is_dropped():
    other = named_schema(renamed(CATALOG.event("lead").text))
    theirs = Codec(CATALOG, OwnSchemas({Fingerprint(other.fingerprint): other.text}))
    data = CODEC.encode(lead(lead_value=Decimal(5)))

    event = theirs.decode_event("lead", Fingerprint(other.fingerprint).head + data[10:])

    assert event.after is not None
    assert event.after["lead_value"] is None
    assert "worth" not in event.after


def test_a_writer_with_another_scale_and_the_same_fingerprint_is_read_by_its_own_text():
    own = CATALOG.event("lead")
    coarse = own.text.replace('"precision":12,"scale":4', '"precision":12,"scale":2')
    assert named_schema(coarse).fingerprint == own.fingerprint
    theirs = Codec(CATALOG, OwnSchemas({Fingerprint(own.fingerprint): coarse}))

    event = theirs.decode_event("lead", CODEC.encode(lead(lead_value=Decimal("1.2345"))))

    assert event.after is not None
    assert event.after["lead_value"] == Decimal("123.4500")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda s: s.replace("LeadEvent", "DealEvent"),
            "DealEvent; expected a LeadEvent",
            id="name",
        ),
        pytest.param(lambda _: "{", "not an Avro schema", id="not JSON"),
        pytest.param(lambda _: '{"type": "record"}', "not an Avro schema", id="not Avro"),
        pytest.param(
            lambda _: CATALOG.action.text, "known by it is another", id="another fingerprint"
        ),
    ],
)
def test_a_writer_schema_that_cannot_be_used_is_a_schema_error(change, message):
    text = change(CATALOG.event("lead").text)
    mark = b"12345678"
    if "another" not in message:
        with contextlib.suppress(ValueError):
            mark = named_schema(text).fingerprint
    codec = Codec(CATALOG, OwnSchemas({Fingerprint(mark): text}))

    with pytest.raises(SchemaError, match=message):
        codec.decode_event("lead", Fingerprint(mark).head + CODEC.encode(lead())[10:])


def test_the_schemas_text_is_parsed_by_anybody():
    for schema in CATALOG.schemas:
        assert named_schema(json.dumps(json.loads(schema.text))).fingerprint == schema.fingerprint


@pytest.mark.parametrize("field", ["id", "title", "tags", "custom_attributes", "updated_at", None])
def test_a_record_that_is_mostly_the_same_before_and_after_is_read_whole(field):
    changes: dict[str, Any] = {
        "id": "2",
        "title": "x" * 300,
        "tags": ["a"] * 70,
        "custom_attributes": {"a": True},
        "updated_at": NOON,
    }
    before = CODEC.decode_event("lead", CODEC.encode(lead(tags=["a", "b"]))).after
    assert before is not None
    after = {**before, field: changes[field]} if field else before
    event = dataclasses.replace(lead(), before=before, after=after)

    read = CODEC.decode_event("lead", CODEC.encode(event))

    assert read == event
    assert read.before is not read.after


def test_an_error_in_the_second_record_is_found_there():
    before = lead().after
    event = dataclasses.replace(lead(), before=before, after=before, changed_fields=())
    data = bytearray(CODEC.encode(event))
    second = data.rindex(b"Panels")
    data[second : second + 6] = b"\xff" * 6

    with pytest.raises(SchemaError, match=r"after\.title at byte"):
        CODEC.decode_event("lead", bytes(data))
