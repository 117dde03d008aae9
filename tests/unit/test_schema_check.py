"""The check of schemas against every release of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console.schema_check import check_schemas, release_schemas
from schemas.catalog import Catalog
from schemas.errors import ConfigurationError
from tests.strategies import CATALOG


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_repositorys_own_schemas_suit_every_release():
    report = check_schemas(CATALOG)

    assert report.problems == ()
    assert "0.1.0" in report.releases


def test_a_release_holds_every_schema_and_suits_itself(tmp_path):
    written = release_schemas(CATALOG, "1.0.0", tmp_path)

    assert sorted(path.stem for path in written) == sorted(s.name for s in CATALOG.schemas)
    assert check_schemas(CATALOG, tmp_path).problems == ()
    assert check_schemas(CATALOG, tmp_path).changed == ()


def test_without_a_release_everything_is_new(tmp_path):
    report = check_schemas(CATALOG, tmp_path)

    assert report.releases == ()
    assert report.problems == ()
    assert report.added == tuple(schema.name for schema in CATALOG.schemas)


def test_a_change_is_compared_with_all_releases_not_only_the_last(tmp_path):
    release_schemas(CATALOG, "1.0.0", tmp_path)
    release_schemas(CATALOG, "1.10.0", tmp_path)
    release_schemas(CATALOG, "1.9.0", tmp_path)
    rewrite(tmp_path / "1.0.0" / "crm.Action.avsc", '"webhook_id"', '"hook_id"')

    report = check_schemas(CATALOG, tmp_path)

    assert report.releases == ("1.0.0", "1.9.0", "1.10.0")
    assert {problem.release for problem in report.problems} == {"1.0.0"}
    assert str(report.problems[0]).startswith("crm.Action against release 1.0.0: webhook_id: is in")


def test_a_compatible_change_is_listed_and_is_no_problem(tmp_path):
    release_schemas(CATALOG, "1.0.0", tmp_path)
    rewrite(tmp_path / "1.0.0" / "crm.Attempt.avsc", "HTTP method.", "The method.")

    report = check_schemas(CATALOG, tmp_path)

    assert report.changed == ("crm.Attempt",)
    assert report.problems == ()


def test_an_entity_that_is_gone_is_a_problem(tmp_path):
    extra = tmp_path / "extra"
    extra.mkdir()
    doc = {"doc": "Words."}
    ticket: dict[str, Any] = {"type": "record", "name": "Ticket", **doc}
    ticket["fields"] = [{"name": "id", "type": "string", **doc}]
    (extra / "ticket.avsc").write_text(json.dumps(ticket), encoding="utf-8")
    released = tmp_path / "released"
    release_schemas(Catalog.load(extra), "1.0.0", released)

    (problem,) = check_schemas(CATALOG, released).problems

    assert problem.schema == "crm.TicketEvent"
    assert "its records may still stand in topics" in problem.reason


def test_an_incompatible_change_is_not_released(tmp_path):
    release_schemas(CATALOG, "1.0.0", tmp_path)
    rewrite(tmp_path / "1.0.0" / "crm.LeadEvent.avsc", '"title"', '"subject"')

    with pytest.raises(ConfigurationError, match=r"crm\.LeadEvent against release 1.0.0"):
        release_schemas(CATALOG, "2.0.0", tmp_path)

    assert not (tmp_path / "2.0.0").exists()


def test_a_release_is_never_overwritten(tmp_path):
    release_schemas(CATALOG, "1.0.0", tmp_path)

    with pytest.raises(ConfigurationError, match="what is released stays as it is"):
        release_schemas(CATALOG, "1.0.0", tmp_path)


def test_a_version_that_is_none_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="'next' is not a version"):
        release_schemas(CATALOG, "next", tmp_path)


def test_a_damaged_release_is_named(tmp_path):
    release_schemas(CATALOG, "1.0.0", tmp_path)
    (tmp_path / "1.0.0" / "crm.Action.avsc").write_text("{")

    with pytest.raises(ConfigurationError, match=r"crm\.Action\.avsc is damaged"):
        check_schemas(CATALOG, tmp_path)
