"""Masking of personal fields in what operators see."""

from __future__ import annotations

from console.catalogs import catalog_of
from console.personal import MASK, masked, masked_event
from tests.desks import lead, lead_event

FIELDS = catalog_of(None).fields


def test_fields_that_the_schema_marks_are_masked_and_others_are_not():
    event = masked_event(lead_event(), FIELDS("lead"))

    assert event.after is not None
    assert event.after["description"] == MASK
    assert event.after["title"] == "Engine"
    assert event.before is None


def test_who_made_the_change_is_masked_and_nobody_stays_nobody():
    assert masked_event(lead_event(actor="ada"), FIELDS("lead")).actor == MASK
    assert masked_event(lead_event(actor=None), FIELDS("lead")).actor is None


def test_what_is_null_or_empty_stays_so():
    record = masked(lead(description=None, custom_attributes={}), FIELDS("lead"))

    assert record["description"] is None
    assert record["custom_attributes"] == {}


def test_lists_of_addresses_are_masked_as_a_whole():
    person = {"name": "Ada", "emails": [{"value": "ada@example.com", "label": "work"}]}

    assert masked(person, FIELDS("person")) == {"name": MASK, "emails": MASK}


def test_personal_fields_inside_a_reference_are_masked_and_its_id_is_not():
    record = masked(lead(user={"id": "u1", "name": "Grace"}), FIELDS("lead"))

    assert record["user"] == {"id": "u1", "name": MASK}


def test_a_field_that_the_catalog_does_not_know_is_masked():
    assert masked({"new_field": "x"}, FIELDS("lead")) == {"new_field": MASK}
