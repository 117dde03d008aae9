"""From a body to changes of records, or every problem with its pointer."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from producers.gateway.refusal import INVALID, TOO_LARGE, Refusal
from producers.gateway.request import drafts_of, event_form
from schemas.catalog import Catalog

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CATALOG = Catalog.load()
LEAD = event_form(CATALOG, "lead")
PERSON = event_form(CATALOG, "person")
LINK = "win-back/3/0/6f6e5a0e-5a58-5f0c-9a53-8f1c6f0f7f11"
ADA = {"id": "7", "name": "Ada Lovelace"}


def faults(value, form=PERSON):
    refusal = drafts_of(value, form, max_batch=3)
    assert isinstance(refusal, Refusal)
    assert refusal.kind is INVALID
    return {fault.pointer: fault.detail for fault in refusal.errors}


def only_draft_of(value):
    drafts = drafts_of(value, PERSON, max_batch=3)
    assert not isinstance(drafts, Refusal)
    [draft] = drafts
    return draft


def test_a_creation_needs_no_more_than_the_operation_and_the_record():
    draft = only_draft_of({"operation": "created", "after": ADA})

    assert draft.before is None
    assert draft.after["name"] == "Ada Lovelace"
    assert draft.after["emails"] == []
    origin = draft.from_here(NOON)
    assert (origin.version, origin.source, origin.hops) == (1, "api", 0)
    assert origin.occurred_at == NOON


def test_everything_that_is_said_about_a_change_is_kept():
    said: dict[str, Any] = {
        "operation": "updated",
        "event_id": "9b2f8a54-4c47-4a0e-9b9e-0d5f0a5b0001",
        "entity_id": "7",
        "version": 4,
        "occurred_at": "2026-01-31T10:30:00.000001+01:00",
        "source": "import",
        "actor": "ann",
        "correlation_id": "9b2f8a54-4c47-4a0e-9b9e-0d5f0a5b0002",
        "causation_id": "9b2f8a54-4c47-4a0e-9b9e-0d5f0a5b0003",
        "hops": 2,
        "chain": [LINK],
        "before": ADA,
        "after": {**ADA, "job_title": "Countess"},
    }

    draft = only_draft_of(said)

    origin = draft.from_here(NOON)
    assert draft.event_id == uuid.UUID(said["event_id"])
    assert draft.entity_id == "7"
    assert origin.occurred_at == datetime(2026, 1, 31, 9, 30, 0, 1, tzinfo=UTC)
    assert (origin.version, origin.source, origin.actor, origin.hops) == (4, "import", "ann", 2)
    assert origin.correlation_id == uuid.UUID(said["correlation_id"])
    assert origin.causation_id == uuid.UUID(said["causation_id"])
    assert origin.chain == (LINK,)


@pytest.mark.parametrize("said", [{"causation_id": str(uuid.UUID(int=1))}, {"chain": [LINK]}])
def test_a_change_that_names_its_cause_came_by_a_workflow_unless_it_says_otherwise(said):
    event = {"operation": "created", "after": ADA, **said}

    assert only_draft_of(event).from_here(NOON).source == "workflow"
    assert only_draft_of(event | {"source": "ui"}).from_here(NOON).source == "ui"


@pytest.mark.parametrize(
    ("stated", "taken"),
    [
        pytest.param({}, 2, id="not stated"),
        pytest.param({"hops": 5}, 5, id="more than are known"),
    ],
)
def test_hops_are_at_least_the_links_of_the_chain(stated, taken):
    draft = only_draft_of({"operation": "created", "after": ADA, "chain": [LINK, LINK], **stated})

    assert draft.from_here(NOON).hops == taken


def test_decimals_may_be_numbers_or_text():
    lead = {"id": "1", "title": "A", "lead_value": Decimal("1234.5")}
    also = {"id": "1", "title": "A", "lead_value": "1234.5"}

    drafts = drafts_of(
        [{"operation": "created", "after": lead}, {"operation": "created", "after": also}],
        LEAD,
        max_batch=3,
    )

    assert {draft.after["lead_value"] for draft in drafts} == {Decimal("1234.5000")}


def test_all_problems_of_all_events_are_named():
    found = faults(
        [
            {"operation": "created", "after": {"id": "1", "nam": "x", "emails": [{"value": 3}]}},
            {"operation": "created", "after": ADA},
            {"operation": "vanished", "hops": 1.5},
        ]
    )

    assert set(found) == {
        "/0/after/nam",
        "/0/after/name",
        "/0/after/emails/0/value",
        "/2/operation",
        "/2/hops",
    }
    assert "created" in found["/2/operation"]


@pytest.mark.parametrize(
    ("event", "place", "said"),
    [
        pytest.param({"operation": "created"}, "/after", "is missing", id="no after"),
        pytest.param(
            {"operation": "created", "before": ADA, "after": ADA},
            "/before",
            "must be left out",
            id="before a creation",
        ),
        pytest.param(
            {"operation": "updated", "after": ADA, "version": 2},
            "/before",
            "is missing",
            id="an update without before",
        ),
        pytest.param(
            {"operation": "deleted", "before": ADA, "after": ADA, "version": 2},
            "/after",
            "must be left out",
            id="after a deletion",
        ),
        pytest.param(
            {"operation": "deleted", "before": ADA}, "/version", "is missing", id="no version"
        ),
        pytest.param(
            {"operation": "created", "after": ADA, "version": 0},
            "/version",
            "counted from 1",
            id="version 0",
        ),
        pytest.param(
            {"operation": "created", "after": ADA, "chain": [LINK, LINK], "hops": 1},
            "/hops",
            "names 2 actions",
            id="fewer hops than the chain has links",
        ),
        pytest.param(
            {"operation": "created", "after": ADA, "hops": 10_001},
            "/hops",
            "at most 10000",
            id="hops beyond all reason",
        ),
        pytest.param(
            {"operation": "created", "after": ADA, "hops": -1}, "/hops", "from 0", id="hops below 0"
        ),
        pytest.param(
            {"operation": "created", "after": ADA, "chain": ["x"]},
            "/chain",
            "has 'x' as link 1; expected workflow/version",
            id="no link",
        ),
        pytest.param(
            {"operation": "created", "after": {**ADA, "id": ""}},
            "/after/id",
            "is empty",
            id="no id",
        ),
        pytest.param(
            {"operation": "created", "after": ADA, "entity_id": "8"},
            "/after/id",
            "must be equal",
            id="another id in the envelope",
        ),
        pytest.param(
            {"operation": "updated", "before": ADA, "after": {**ADA, "id": "8"}, "version": 2},
            "/after/id",
            "must be equal",
            id="an id that changes",
        ),
        pytest.param(
            {"operation": "created", "after": ADA, "entity": "person"},
            "/entity",
            "said by the path",
            id="the entity again",
        ),
        pytest.param(
            {"operation": "created", "after": ADA, "changed_fields": []},
            "/changed_fields",
            "follows from",
            id="changed fields",
        ),
        pytest.param(
            {"operation": "created", "after": ADA, "occurred_at": "2026-01-31T10:30:00"},
            "/occurred_at",
            "no offset",
            id="a naive instant",
        ),
        pytest.param(
            {"operation": "created", "after": ADA, "occurred_at": "0001-01-01T00:00:00+01:00"},
            "/occurred_at",
            "expected a date and time",
            id="an instant before the first year",
        ),
        pytest.param([], "", "the array is empty", id="an empty array"),
        pytest.param("hello", "", "got a string", id="text"),
        pytest.param(None, "", "got null", id="null"),
        pytest.param([[{"operation": "created"}]], "/0", "got an array", id="nested arrays"),
    ],
)
def test_contradictions_are_refused_with_their_place(event, place, said):
    found = faults(event)

    assert list(found) == [place]
    assert said in found[place]


def test_a_batch_above_the_limit_is_refused():
    refusal = drafts_of([{"operation": "created", "after": ADA}] * 4, PERSON, max_batch=3)

    assert isinstance(refusal, Refusal)
    assert refusal.kind is TOO_LARGE
    assert "at most 3" in refusal.detail
