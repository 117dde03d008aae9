"""`hookline schemas`: exit codes and answers; the comparison itself is tested with the schemas."""

from __future__ import annotations

from console.cli.root import run
from tests.desks import parsed


def test_a_release_is_recorded_once_and_then_found_compatible(tmp_path, capsys):
    released = ("--released", str(tmp_path))

    assert run(["schemas", "release", "1.0.0", *released], {}) == 0
    capsys.readouterr()
    assert run(["schemas", "check", "--json", *released], {}) == 0

    report = parsed(capsys.readouterr().out)
    assert report == {"releases": ["1.0.0"], "changed": [], "added": [], "problems": []}
    assert run(["schemas", "release", "1.0.0", *released], {}) == 2


def test_an_incompatible_change_is_a_negative_answer_with_the_reason(tmp_path, capsys):
    released = ("--released", str(tmp_path))
    run(["schemas", "release", "1.0.0", *released], {})
    (lead,) = [one for one in (tmp_path / "1.0.0").glob("*.avsc") if one.stem.endswith("LeadEvent")]
    lead.write_text(lead.read_text().replace('"title"', '"headline"'))
    capsys.readouterr()

    assert run(["schemas", "check", "--json", *released], {}) == 1

    problems = parsed(capsys.readouterr().out)["problems"]
    assert problems
    assert any("headline" in one["reason"] for one in problems)
