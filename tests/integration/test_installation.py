"""What is installed works without the repository: the wheel, and `make setup` where it cannot."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "runtime", "producers", "workflow_service", "webhook_service", "console")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's contents, as an installer lays them out."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "--target",
            "wheel",
            "--directory",
            str(folder),
        ],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("hookline-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_schemas_and_type_marks_are_in_the_wheel(installed: Path):
    wanted = {
        path.relative_to(ROOT)
        for package in PACKAGES
        for pattern in ("*.avsc", "py.typed", "*.py")
        for path in (ROOT / package).rglob(pattern)
    }

    assert [path for path in sorted(wanted) if not (installed / path).exists()] == []


def test_the_installed_command_works_without_the_repository(installed: Path, tmp_path: Path):
    program = (
        "import schemas, sys; from schemas.catalog import Catalog; from console.cli import main;"
        "print(schemas.__file__, len(Catalog.load().entities)); sys.argv = ['hookline', '--version']; main()"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    where, count = done.stdout.splitlines()[0].split()
    assert where.startswith(str(installed))
    assert int(count) >= 6


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_alone_explains_itself():
    said = make().stdout

    assert "make demo" in said
    assert "make test " in said
    assert all(line.startswith("  make ") for line in said.splitlines())


def test_an_old_python_is_refused_in_one_sentence(tmp_path: Path):
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    stamp = tmp_path / "stamp"

    refused = make("setup", f"PYTHON={old}", f"STAMP={stamp}")

    assert refused.returncode != 0
    assert refused.stderr.startswith("Hookline needs Python 3.11 or newer, and ")
    assert not stamp.exists()


def test_check_is_everything():
    steps = make("--dry-run", "check", f"STAMP={ROOT / 'requirements.lock'}").stdout

    for tool in (
        "ruff check .",
        "ruff format --check",
        "mypy",
        "lint-imports",
        "codespell",
        "schemas check",
    ):
        assert tool in steps
    assert steps.rstrip().endswith("pytest")
