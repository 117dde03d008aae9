"""`hookline apply` reports what is odd about a workflow, and saves it all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.desks import office

MANIFEST = """\
kind: Workflow
id: either-way
entity: lead
on: [created]
only_if:
  any:
    - {field: after.title, is_empty: true}
    - {field: after.title, is_empty: false}
then: [{webhook: sales}]
"""


def test_a_condition_that_is_always_true_is_reported_and_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "workflow.yaml"
    file.write_text(MANIFEST)

    code = office().call("apply", "-f", str(file))

    said = capsys.readouterr()
    assert code == 0
    assert f"warning: {file}:5" in said.err
    assert "always true" in said.err
    assert "1 created" in said.out
