"""docs/testing-workflows.md: its example passes, and fails when what it tests is broken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.desks import office

PAGE = (Path(__file__).parents[2] / "docs" / "testing-workflows.md").read_text()
HOOKS, CASES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_on_the_page_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hooks.yaml").write_text(HOOKS)
    (tmp_path / "hooks-test.yaml").write_text(CASES)

    code = office().call("workflows", "test", str(tmp_path / "hooks-test.yaml"))

    said = capsys.readouterr()
    assert code == 0, said.out + said.err


def test_the_example_on_the_page_notices_a_broken_workflow(tmp_path: Path) -> None:
    broken = HOOKS.replace("at_least: 10000", "at_least: 1")
    assert broken != HOOKS
    (tmp_path / "hooks.yaml").write_text(broken)
    (tmp_path / "hooks-test.yaml").write_text(CASES)

    assert office().call("workflows", "test", str(tmp_path / "hooks-test.yaml")) == 1
