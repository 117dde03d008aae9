"""What follows from an entity's schema: its path, its ids, its stamps, how its records are kept."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from producers.entity_service.entity import Entity, kept, known_part, plural_of
from schemas.catalog import Catalog
from schemas.errors import ConfigurationError, SchemaError

CATALOG = Catalog.load()
LEAD = Entity.of(CATALOG, "lead")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 12, tzinfo=UTC)


def lead(**values):
    record, problems = LEAD.created({"title": "Big", **values}, "7", NOON)
    assert problems == []
    return record


@pytest.mark.parametrize(
    ("name", "plural"),
    [
        ("lead", "leads"),
        ("person", "persons"),
        ("activity", "activities"),
        ("survey", "surveys"),
        ("address", "addresses"),
        ("box", "boxes"),
        ("branch", "branches"),
    ],
)
def test_the_path_is_the_plural(name, plural):
    assert plural_of(name) == plural


@pytest.mark.parametrize("name", CATALOG.entities)
def test_every_entity_of_the_catalog_can_be_served(name):
    assert Entity.of(CATALOG, name).stamps == ("created_at", "updated_at")


def test_an_unknown_entity_is_refused_with_those_there_are():
    with pytest.raises(ConfigurationError, match=r"'leed'.*lead"):
        Entity.of(CATALOG, "leed")


def test_a_new_record_has_its_id_and_stamps_and_every_field():
    record = lead()

    assert record["id"] == "7"
    assert record["created_at"] == record["updated_at"] == NOON
    assert set(record) == set(LEAD.record.fields)


def test_everything_wrong_with_a_new_record_is_named_at_once():
    value = {"tile": "x", "lead_value": "much", "created_at": "2026-01-01T00:00:00Z"}

    record, problems = LEAD.created(value, "7", NOON)

    assert record is None
    assert {problem.pointer for problem in problems} == {
        "/tile",
        "/title",
        "/lead_value",
        "/created_at",
    }


@pytest.mark.parametrize("value", [None, [], "x", 3])
def test_a_record_is_an_object(value):
    record, problems = LEAD.created(value, "7", NOON)

    assert record is None
    assert "object" in problems[0].message


@pytest.mark.parametrize("given", ["7", "a-b_c.d~e:f@g+h", "Z" * 200])
def test_a_caller_may_choose_an_id(given):
    assert LEAD.id_in({"id": given}) == (given, [])


@pytest.mark.parametrize("given", ["", "a/b", "..", "ä", "a b", "a\n", "Z" * 201, 7, ["7"], True])
def test_an_id_that_does_not_fit_into_a_path_is_refused(given):
    chosen, problems = LEAD.id_in({"id": given})

    assert chosen is None
    assert [problem.pointer for problem in problems] == ["/id"]


def test_without_an_id_the_choice_is_the_services():
    assert LEAD.id_in({"title": "x"}) == LEAD.id_in({"id": None}) == (None, [])


def test_what_is_kept_is_read_back_exactly():
    record = lead(
        lead_value="12.5",
        expected_close_date="2026-04-01",
        closed_at="2026-03-01T10:00:00.000001+02:00",
        person={"id": "1", "name": "Ada"},
        tags=["a", "ü"],
        custom_attributes={
            "number": 12.5,
            "text_that_is_a_number": "12.5",
            "yes": True,
            "day": "2026-01-31",
            "list": ["x"],
            "nothing": None,
        },
    )

    read = LEAD.load(kept(record)).record

    assert read == record
    assert read["custom_attributes"]["number"] == Decimal("12.5000")
    assert read["custom_attributes"]["text_that_is_a_number"] == "12.5"
    assert read["custom_attributes"]["day"] == date(2026, 1, 31)


def test_a_patch_changes_what_it_names_and_nothing_else():
    before = LEAD.load(kept(lead(lead_value="1", custom_attributes={"n": 2.5, "t": "2.5"})))

    after, problems = LEAD.patched(before, {"lead_value": "2", "custom_attributes": {"x": "y"}})

    assert problems == []
    assert after == before.record | {
        "lead_value": Decimal("2.0000"),
        "custom_attributes": {"n": Decimal("2.5000"), "t": "2.5", "x": "y"},
    }


def test_null_in_a_patch_empties_a_field():
    before = LEAD.load(kept(lead(lead_value="1", tags=["a"])))

    after, _ = LEAD.patched(before, {"lead_value": None, "tags": None})

    assert after is not None
    assert after["lead_value"] is None
    assert after["tags"] == []


@pytest.mark.parametrize(
    ("patch", "pointers"),
    [
        pytest.param({"title": None}, {"/title"}, id="a required field cannot be emptied"),
        pytest.param({"tile": None}, {"/tile"}, id="null for an unknown field"),
        pytest.param({"tile": {"a": 1}, "title": 3}, {"/tile", "/title"}, id="all at once"),
        pytest.param({"id": "8"}, {"/id"}, id="another id"),
        pytest.param({"updated_at": None}, {"/updated_at"}, id="a stamp emptied"),
        pytest.param({"created_at": "2020-01-01T00:00:00Z"}, {"/created_at"}, id="a stamp changed"),
        pytest.param([], {""}, id="a list is no patch"),
    ],
)
def test_a_patch_that_does_not_fit_is_refused(patch, pointers):
    before = LEAD.load(kept(lead()))

    after, problems = LEAD.patched(before, patch)

    assert after is None
    assert {problem.pointer for problem in problems} == pointers


def test_a_whole_record_sent_back_as_a_patch_changes_nothing():
    before = LEAD.load(kept(lead(lead_value="3")))

    after, problems = LEAD.patched(before, json.loads(kept(before.record)))

    assert problems == []
    assert after == before.record


def test_a_change_stamps_the_record():
    assert LEAD.touched(lead(), LATER)["updated_at"] == LATER


def test_a_field_that_the_schema_lost_is_dropped_from_what_was_kept():
    text = kept(lead(person={"id": "1", "name": "Ada"}))
    old = json.loads(text) | {"fax": "none"}
    old["person"]["fax"] = "none"

    assert LEAD.load(json.dumps(old)).record == LEAD.load(text).record
    assert "fax" not in known_part(LEAD.record, old)


def test_a_kept_record_that_does_not_fit_any_more_says_where():
    with pytest.raises(SchemaError, match=r"stored lead .* /id is missing"):
        LEAD.load("{}")
