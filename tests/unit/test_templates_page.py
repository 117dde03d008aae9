"""docs/templates.md: every example on the page is what comes out."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from schemas.catalog import Catalog
from schemas.json_form import from_json
from schemas.templates import Bodies, Body, canonical, check_body
from schemas.templates.bounds import MAX_DEPTH, MAX_OUTPUT, MAX_PLACEHOLDERS, MAX_TEMPLATE
from schemas.templates.formats import rounded
from schemas.templates.pipes import PIPES
from schemas.templates.syntax import MAX_PIPES
from schemas.templates.texts import text_of
from tests.delivery_rig import CATALOG, action_for, person_event

PAGE = (Path(__file__).parents[2] / "docs" / "templates.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
LINES = [
    tuple(re.split(r"\s+→ ", line))
    for language, block in BLOCKS
    if language == "text"
    for line in block.splitlines()
]
BODIES = Bodies(CATALOG)


def lead(catalog: Catalog = CATALOG):
    content = next(yaml.safe_load(block) for _, block in BLOCKS if block.startswith("id:"))
    record, problems = from_json(catalog.record("lead"), content)
    assert record is not None, problems
    return record


def rendered(body):
    event = person_event(
        entity="lead",
        operation="updated",
        entity_id="7",
        source="ui",
        occurred_at=datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
        before=lead(),
        after=lead(),
    )
    action = action_for(event, "slack", workflow="big-lead")
    assert check_body(body, CATALOG, ["lead"]) == ()
    made = BODIES.of(canonical(body), "lead")
    assert isinstance(made, Body), made
    return made.render(replace(action, workflow_version=3), event)


@pytest.mark.parametrize(("template", "expected"), LINES, ids=[line[0] for line in LINES])
def test_each_text_on_the_left_becomes_the_one_on_the_right(template, expected):
    assert rendered({"text": template}).decode() == expected


def test_the_json_of_the_page_is_what_its_template_makes():
    (template,) = (yaml.safe_load(block) for _, block in BLOCKS if block.startswith("json:"))
    (expected,) = (block.strip() for language, block in BLOCKS if language == "json")

    assert rendered(template).decode() == expected
    json.loads(expected)


def test_the_webhook_of_the_page_may_be_saved():
    content = next(yaml.safe_load(block) for _, block in BLOCKS if "kind: Webhook" in block)

    assert check_body(content["body"], CATALOG, content["entities"]) == ()


def test_the_page_names_every_pipe_and_no_other():
    rows = re.search(r"\| pipe \|.*?\n\n", PAGE, re.DOTALL)
    assert rows is not None
    first_cells = " ".join(line.split("|")[1] for line in rows[0].splitlines()[2:] if line)

    assert set(re.findall(r"`(\w+)", first_cells)) == set(PIPES)


def test_the_page_names_the_bounds():
    for bound in (MAX_TEMPLATE, MAX_OUTPUT):
        assert f"{bound:,}" in PAGE
    assert f"{MAX_PLACEHOLDERS} placeholders with {MAX_PIPES} pipes" in PAGE
    assert f"{MAX_DEPTH} levels" in PAGE


def test_an_instant_before_time_zones_is_said_in_utc():
    early = datetime(1880, 1, 1, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin"))

    assert text_of(early) == "1880-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("number", "places", "written"),
    [
        ("-0.004", 2, "0.00"),
        ("-0.005", 2, "-0.01"),
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("9", 1, "9.0"),
    ],
)
def test_a_number_is_rounded_as_people_do(number, places, written):
    assert text_of(rounded(Decimal(number), places)) == written


def test_numbers_that_are_none_and_huge_ones_are_written_as_they_are():
    assert text_of(rounded(float("nan"), 2)) == "NaN"
    assert text_of(rounded(1e300, 2)).startswith("1" + "0" * 300)
