"""The repository keeps the shape that its style promises."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "runtime", "producers", "workflow_service", "webhook_service", "console")
LONGEST_MODULE = 300
#: Names that say nothing; the field has a word for everything.
EMPTY_WORDS = re.compile(
    r"(^|_)(manager|helper|helpers|util|utils|common|misc|handler2|base|stuff)(_|$)"
)
LOCKS = sorted(ROOT.glob("requirements*.lock"))


def listed_files() -> list[Path]:
    """The files under version control, and those that are about to be."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for line in listing.stdout.splitlines() if (path := ROOT / line).is_file()]


FILES = listed_files()
MODULES = [
    path for path in FILES if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES
]


def name_of(path: Path) -> str:
    """A file's place, for messages and test ids."""
    return str(path.relative_to(ROOT))


def test_no_module_is_longer_than_the_limit():
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in MODULES}

    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_module_has_a_name_that_says_nothing():
    assert [name_of(path) for path in MODULES if EMPTY_WORDS.search(path.stem)] == []


def test_every_module_opens_with_its_sentence():
    without = [
        name_of(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert without == []


def test_an_init_file_holds_only_docstring_imports_and_a_sorted_list_of_names():
    wrong = {}
    for path in MODULES:
        if path.name == "__init__.py" and (problem := init_problem(ast.parse(path.read_text()))):
            wrong[name_of(path)] = problem

    assert wrong == {}


def init_problem(tree: ast.Module) -> str | None:
    """What is wrong with a package's `__init__.py`, if anything."""
    for node in tree.body[1:]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if not isinstance(node, ast.Assign) or ast.unparse(node.targets[0]) != "__all__":
            return f"line {node.lineno} is neither an import nor __all__"
        names = ast.literal_eval(node.value)
        if list(names) != sorted(names):
            return "__all__ is not sorted"
    return None


def test_nothing_runs_when_a_module_is_imported():
    """No connection, thread or environment at import: only definitions, constants and loggers."""
    allowed = (
        ast.AnnAssign
        | ast.Assign
        | ast.AsyncFunctionDef
        | ast.ClassDef
        | ast.FunctionDef
        | ast.If
        | ast.Import
        | ast.ImportFrom
        | ast.Try
    )
    found = []
    for path in MODULES:
        for node in ast.parse(path.read_text()).body[1:]:
            if not isinstance(node, allowed) and not registers(node):
                found += [f"{name_of(path)}:{node.lineno}"]

    assert found == []


def registers(node: ast.stmt) -> bool:
    """Names something in a table of this process: a command in its group, a metric in its registry."""
    call = r"(ProcessCollector|PlatformCollector|[\w.]+\.(add|register)\w*)\("
    return isinstance(node, ast.Expr) and bool(re.match(call, ast.unparse(node)))


def test_test_files_have_names_of_their_own():
    names = Counter(path.name for path in FILES if path.name.startswith("test_"))

    assert [name for name, count in names.items() if count > 1] == []


def test_tests_do_not_sleep():
    """They wait on conditions; only a fault that strikes at a drawn moment is waited for."""
    sleeping = re.compile(r"\b(time|asyncio)\.sleep\((?!0\)|chance\.)")
    tests = [path for path in FILES if path.is_relative_to(ROOT / "tests") and path.suffix == ".py"]
    exempt = {ROOT / "tests" / "waiting.py", Path(__file__)}

    assert [
        name_of(path) for path in tests if path not in exempt and sleeping.search(path.read_text())
    ] == []


@pytest.mark.parametrize("path", LOCKS, ids=name_of)
def test_a_lock_pins_everything_with_hashes_and_names_no_address(path: Path):
    text = path.read_text()
    pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]

    assert "://" not in text
    assert not re.search(r"--(index-url|extra-index-url|find-links|trusted-host)", text)
    assert [
        line for line in pinned if not re.match(r"[a-z0-9._-]+(\[[a-z0-9,]+\])?==\S+", line)
    ] == []
    assert text.count("--hash=sha256:") >= len(pinned)


def test_the_locks_agree():
    versions: dict[str, set[str]] = {}
    for path in LOCKS:
        for name, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", path.read_text(), re.MULTILINE):
            versions.setdefault(name, set()).add(version)

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_what_the_project_needs_is_in_the_lock_that_runs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = set(
        re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements-run.lock").read_text(), re.MULTILINE)
    )
    needed = {re.split(r"[\[<>=!~ ]", need)[0].lower() for need in project["dependencies"]}

    assert needed <= locked


def test_every_package_tells_that_it_is_typed():
    assert [package for package in PACKAGES if not (ROOT / package / "py.typed").exists()] == []


def test_hookline_speaks_of_itself_alone():
    """No paths of somebody's machine and no address of a package index in any file."""
    foreign = re.compile(
        r"/work/|/home/\w|/root/|/tmp/(?!hookline)\w|/Users/\w|pypi\.org|pythonhosted|repo\d?\.maven|npmjs"
    )
    found = []
    for path in FILES:
        if path == Path(__file__) or path.suffix == ".lock":
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [
            f"{name_of(path)}:{number}: {line.strip()}"
            for number, line in enumerate(text.splitlines(), start=1)
            if foreign.search(line)
        ]

    assert found == []


def test_every_target_of_the_makefile_is_explained():
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)", text, re.MULTILINE)
    assert phony is not None
    targets = set(phony.group(1).replace("\\\n", " ").split())

    assert targets == set(re.findall(r"^([a-z0-9-]+):.*## \w", text, re.MULTILINE))
