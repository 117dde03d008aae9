"""What a webhook's receiver writes back, as its manifest declares it."""

from __future__ import annotations

import json

import pytest

from schemas.errors import DefinitionError
from tests.strategies import CATALOG
from webhook_service.parse import parse_webhook
from webhook_service.stored import from_spec, to_spec
from webhook_service.writes import Write, check_writes

BASE = {"id": "m", "url": "https://example.com", "secret": "whsec_" + "A" * 32}


def parsed(writes):
    return parse_webhook({**BASE, "writes": writes}).writes


def kept(text):
    """Sealing that seals nothing."""
    return text


def test_without_it_nothing_is_declared_which_is_not_nothing():
    assert parse_webhook(BASE).writes is None
    assert parsed({}) == ()


def test_operations_may_be_listed_or_any_and_fields_named():
    found = parsed(
        {
            "lead": ["updated", "created"],
            "person": "any",
            "quote": {"on": ["updated"], "fields": ["subject"]},
        }
    )

    assert found == (
        Write("lead", ("created", "updated")),
        Write("person", ("created", "updated", "deleted")),
        Write("quote", ("updated",), ("subject",)),
    )


@pytest.mark.parametrize(
    "writes", [None, {}, {"lead": ["updated"], "person": {"fields": ["tags"]}}]
)
def test_it_is_stored_and_read_back(writes):
    webhook = parse_webhook(BASE if writes is None else {**BASE, "writes": writes})

    spec = to_spec(webhook, kept)

    assert from_spec(spec, kept) == webhook
    assert ("writes" in json.loads(spec)) is (writes is not None)


@pytest.mark.parametrize(
    ("writes", "place", "said"),
    [
        pytest.param(["lead"], "writes", "such as {lead: [updated]}", id="a list"),
        pytest.param({"lead": []}, "writes.lead", "is []; a list of created", id="no operation"),
        pytest.param({"lead": ["update"]}, "writes.lead[0]", "updated", id="unknown operation"),
        pytest.param({"lead": {"when": 1}}, "writes.lead.when", "on, fields", id="unknown key"),
        pytest.param({"lead": {"fields": "a"}}, "writes.lead.fields", "no list", id="fields"),
        pytest.param({"lead": [["x"]]}, "writes.lead[0]", "created", id="a list in a list"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(writes, place, said):
    with pytest.raises(DefinitionError) as refused:
        parsed(writes)

    (problem,) = refused.value.problems
    assert problem.place == place
    assert said in problem.message


def test_entities_and_fields_that_do_not_exist_are_named_with_the_nearest():
    writes = parsed({"leed": "any", "person": {"fields": ["name", "tag"]}})

    found = {problem.place: problem.message for problem in check_writes(writes, CATALOG)}

    assert set(found) == {"writes.leed", "writes.person.fields[1]"}
    assert "lead" in found["writes.leed"]
    assert "tags" in found["writes.person.fields[1]"]


def test_what_exists_is_fine():
    assert list(check_writes(parsed({"lead": {"fields": ["stage"]}}), CATALOG)) == []
