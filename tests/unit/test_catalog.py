"""The catalog: one new file is one new entity, and a file that cannot be one says why."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from schemas.catalog import Catalog
from schemas.codec import Codec
from schemas.errors import ConfigurationError
from schemas.json_form import from_json, json_schema
from schemas.topics import Topics
from schemas.types import RecordType, ScalarType
from tests.strategies import CATALOG, OwnSchemas, event_of

ID = {"name": "id", "type": "string", "doc": "Id of the ticket."}
TICKET: dict[str, Any] = {
    "type": "record",
    "name": "Ticket",
    "namespace": "acme",
    "doc": "A question of a customer.",
    "fields": [
        ID,
        {"name": "customer", "type": ["null", "PersonRef"], "default": None, "doc": "Who asks."},
        {
            "name": "severity",
            "type": {
                "type": "enum",
                "name": "Severity",
                "symbols": ["low", "high"],
                "default": "low",
            },
            "doc": "How bad it is.",
        },
        {
            "name": "cost",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
            "doc": "What it costs.",
        },
        {
            "name": "history",
            "type": {
                "type": "array",
                "items": {
                    "type": "record",
                    "name": "Step",
                    "fields": [{"name": "text", "type": "string", "doc": "What was done."}],
                },
            },
            "default": [],
            "doc": "What was done.",
        },
    ],
}


def put(directory: Path, schema: Any, name: str = "ticket.avsc") -> Path:
    path = directory / name
    path.write_text(schema if isinstance(schema, str) else json.dumps(schema), encoding="utf-8")
    return path


def field(name: str = "x", **attributes: Any) -> dict[str, Any]:
    """The ticket with one more field."""
    extra = {"name": name, "type": "string", "doc": "X.", **attributes}
    return {**TICKET, "fields": [*TICKET["fields"], extra]}


def test_the_six_entities_are_there():
    assert CATALOG.entities == ("activity", "lead", "organization", "person", "product", "quote")


def test_an_entity_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(ConfigurationError, match="no entity 'deal'; there are activity, lead"):
        CATALOG.fields("deal")


def test_one_new_file_is_one_new_entity(tmp_path):
    put(tmp_path, TICKET)

    catalog = Catalog.load(tmp_path)

    assert catalog.entities == (*CATALOG.entities[:-1], "quote", "ticket")
    assert catalog.event("ticket").name == "acme.TicketEvent"
    assert "crm.ticket.events" in [topic.name for topic in Topics().all(catalog.entities)]
    assert list(catalog.fields("ticket")) == ["id", "customer", "severity", "cost", "history"]
    assert catalog.fields("ticket")["severity"] == ScalarType(
        "enum", ("low", "high"), doc="How bad it is."
    )
    customer = catalog.fields("ticket")["customer"]
    assert isinstance(customer, RecordType)
    assert customer.fields["name"].personal


def test_events_of_a_new_entity_are_written_and_read(tmp_path):
    put(tmp_path, TICKET)
    catalog = Catalog.load(tmp_path)
    codec = Codec(catalog, OwnSchemas())

    for seed in range(50):
        event = event_of("ticket", Random(seed), catalog)
        assert codec.decode_event("ticket", codec.encode(event)) == event


def test_a_new_entity_has_json_and_its_schema(tmp_path):
    put(tmp_path, TICKET)
    record = Catalog.load(tmp_path).record("ticket")

    read, problems = from_json(record, {"id": "7", "severity": "high", "cost": "1.50"})

    assert not problems
    assert read is not None
    assert read["customer"] is None
    assert json_schema(record)["required"] == ["id", "severity", "cost"]


def test_the_entities_of_hookline_stay_the_same_beside_new_ones(tmp_path):
    put(tmp_path, TICKET)

    assert Catalog.load(tmp_path).event("lead").text == CATALOG.event("lead").text


def test_an_empty_directory_adds_nothing(tmp_path):
    assert Catalog.load(tmp_path).entities == CATALOG.entities


def test_a_directory_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(
        ConfigurationError, match=r"HOOKLINE_SCHEMAS_DIR=.*nowhere is not a directory"
    ):
        Catalog.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        pytest.param("{", "it is not JSON: .*line 1 column 2", id="JSON"),
        pytest.param("[]", "it must be one Avro record", id="no record"),
        pytest.param({**TICKET, "type": "enum"}, "it must be one Avro record", id="enum"),
        pytest.param({**TICKET, "doc": ""}, 'the record has no "doc"', id="no doc"),
        pytest.param({**TICKET, "fields": []}, '"fields" must be a list', id="no fields"),
        pytest.param(
            {**TICKET, "fields": TICKET["fields"][1:]},
            'Ticket: an entity has a field .*"id"',
            id="no id",
        ),
        pytest.param(
            {**TICKET, "fields": [{**ID, "type": "long"}]},
            'an entity has a field .*"id"',
            id="id's type",
        ),
        pytest.param(field(doc=""), 'Ticket.x: has no "doc"', id="undocumented field"),
        pytest.param(
            {**TICKET, "fields": [ID, {"name": "x", "doc": "X."}]},
            "Ticket.x: has no type",
            id="no type",
        ),
        pytest.param({**TICKET, "fields": [ID, "x"]}, 'Ticket: "x" is not a field', id="no field"),
        pytest.param(field(personal="yes"), '"personal" is true or false', id="personal"),
        pytest.param(field(type="Nothing"), "Nothing", id="unknown type"),
        pytest.param(field(name="id"), "Ticket.id: is there more than once", id="same field twice"),
        pytest.param(
            field(name="a-b"), "Ticket.a-b: a field's name has letters", id="illegal name"
        ),
        pytest.param(field(default=5), "the default 5 does not fit", id="default"),
        pytest.param(
            field(type=["string", "null"], default=None),
            "null first in a union",
            id="default's branch",
        ),
        pytest.param(
            field(type={"type": "long", "logicalType": "timestamp-millis"}),
            "logical type 'timestamp-millis' on 'long' is not used here; allowed: decimal on bytes",
            id="logical type",
        ),
        pytest.param(
            field(type={"type": "fixed", "name": "F", "size": 4}), "is not a type that", id="fixed"
        ),
        pytest.param(
            field(type=["null", "Ref", "Address"]), "more than one branch", id="ambiguous union"
        ),
        pytest.param(
            field(type={"type": "array", "items": "null"}), "null|no bytes", id="list of nothing"
        ),
        pytest.param(
            {**TICKET, "name": "Lead", "namespace": "crm"},
            "crm.Lead is taken by Hookline",
            id="name",
        ),
        pytest.param(
            {**TICKET, "name": "Ref", "namespace": "crm"}, "crm.Ref is taken", id="shape's name"
        ),
    ],
)
def test_a_file_that_is_no_entity_is_named_with_what_is_wrong(tmp_path, schema, message):
    path = put(tmp_path, schema)

    with pytest.raises(ConfigurationError, match=f"(?s){path}: .*{message}"):
        Catalog.load(tmp_path)


@pytest.mark.parametrize("name", ["Ticket.avsc", "my-ticket.avsc", "9.avsc", "actions.avsc"])
def test_a_file_whose_name_cannot_be_a_topics_is_refused(tmp_path, name):
    put(tmp_path, TICKET, name)

    with pytest.raises(ConfigurationError, match=f"{name}: the file's name is the entity's"):
        Catalog.load(tmp_path)


def test_an_entity_of_hookline_is_not_replaced(tmp_path):
    put(tmp_path, TICKET, "lead.avsc")

    with pytest.raises(ConfigurationError, match="the entity lead exists already"):
        Catalog.load(tmp_path)


def test_two_files_with_one_name_are_told_apart(tmp_path):
    put(tmp_path, TICKET)
    put(tmp_path, TICKET, "request.avsc")

    with pytest.raises(
        ConfigurationError, match=r"ticket.avsc: .*acme.Ticket is taken by .*request.avsc"
    ):
        Catalog.load(tmp_path)


def test_all_problems_of_all_files_are_named_at_once(tmp_path):
    put(tmp_path, "{")
    put(tmp_path, field(doc="", personal=1), "request.avsc")

    with pytest.raises(ConfigurationError) as caught:
        Catalog.load(tmp_path)

    assert len(str(caught.value).splitlines()) == 3


def test_a_file_that_is_not_utf8_is_an_error(tmp_path):
    (tmp_path / "ticket.avsc").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match=r"ticket\.avsc: it cannot be read"):
        Catalog.load(tmp_path)
