"""A workflow's verdicts as a tree for people, with the first that failed marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from console.comparisons import place_of
from schemas.json_form import dumps

if TYPE_CHECKING:
    from console.comparisons import Comparison
    from console.verdicts import Opinion, Part
    from workflow_service.language.verdict import Verdict

Compared = Mapping[str, "Comparison"]
_MARKS = {True: ("✓ ", "green"), False: ("✗ ", "red"), None: ("? ", "yellow")}
_WORDS = {True: "matches", False: "does not match", None: "is invalid"}
FIRST = "  ◀ the first that failed"


def tree(opinion: Opinion, instead: str | None = None) -> Tree:
    """Every part of the workflow with its verdict.

    Args:
        instead: What to say in place of its word, where there is none.
    """
    said = instead or f"{_WORDS[opinion.matched]}: {opinion.reason}"
    root = Tree(Text(f"{opinion.workflow} (version {opinion.version}) {said}", style="bold"))
    first = opinion.first_failed
    for verdict in opinion.verdicts:
        _branch(root, verdict, first, opinion.compared)
    for part in opinion.then:
        _part(root, part, first, opinion.compared)
    return root


def _part(parent: Tree, part: Part, first: Verdict | None, compared: Compared) -> None:
    """One action, with the condition that it has of its own."""
    if part.verdict is None:
        parent.add(Text(f"then[{part.index}] → {part.webhook}"))
        return
    made = "" if part.made else ", not made"
    node = parent.add(
        Text.assemble(_MARKS[part.made], f"then[{part.index}] → {part.webhook}{made}")
    )
    _branch(node, part.verdict, first, compared)


def _branch(parent: Tree, verdict: Verdict, first: Verdict | None, compared: Compared) -> None:
    """One verdict with the ones inside it."""
    node = parent.add(
        Text.assemble(
            _MARKS[verdict.verdict],
            f"{verdict.condition}: {verdict.reason}",
            _sides(compared.get(place_of(verdict.path))),
            (FIRST if verdict is first else "", "bold red"),
        )
    )
    for inner in verdict.inner:
        _branch(node, inner, first, compared)


def _sides(comparison: Comparison | None) -> str:
    """The two sides of the change, where they say more than the verdict does."""
    if comparison is None or comparison.before == comparison.after:
        return ""
    before, after = (_plain(each) for each in (comparison.before, comparison.after))
    return f"  [{before} → {after}]"


def _plain(value: object) -> str:
    return "null" if value is None else dumps(value).decode()
