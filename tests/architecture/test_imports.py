"""Who may import whom: the contracts in pyproject.toml hold, and they would notice."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint_imports(cwd: Path, config: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter without its cache, which has told yesterday's verdict before."""
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--no-cache",
        "--config",
        str(config),
    ]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_the_import_contracts_hold():
    verdict = lint_imports(ROOT, ROOT / "pyproject.toml")

    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        pytest.param(
            "schemas/records.py",
            "import runtime.clock",
            "Services meet",
            id="schemas know no runtime",
        ),
        pytest.param(
            "producers/publisher.py",
            "import workflow_service.language.workflow",
            "Services meet",
            id="services do not know each other",
        ),
        pytest.param(
            "runtime/clock.py", "import kafka", "Kafka client", id="one module knows Kafka"
        ),
        pytest.param("schemas/records.py", "import time", "The core", id="the core has no clock"),
    ],
)
def test_a_forbidden_import_is_noticed(tmp_path: Path, module: str, line: str, contract: str):
    for package in (
        "schemas",
        "runtime",
        "producers",
        "workflow_service",
        "webhook_service",
        "console",
    ):
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / module).open("a") as file:
        file.write(f"\n{line}\n")

    verdict = lint_imports(tmp_path, tmp_path / "pyproject.toml")

    assert verdict.returncode == 1
    assert any(contract in row and "BROKEN" in row for row in verdict.stdout.splitlines())
