"""A workflow's verdicts as a tree for people, with the first that failed marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from console.comparisons import place_of
from schemas.json_form import dumps

if TYPE_CHECKING:
    from console.comparisons import Comparison
    from console.verdicts import Opinion
    from workflow_service.verdict import Verdict

_MARKS = {True: ("✓ ", "green"), False: ("✗ ", "red"), None: ("? ", "yellow")}
_WORDS = {True: "matches", False: "does not match", None: "is invalid"}
FIRST = "  ◀ the first that failed"


def tree(opinion: Opinion, instead: str | None = None) -> Tree:
    """Every part of the workflow with its verdict.

    Args:
        instead: What to say in place of the word, where there is none.
    """
    word = instead or _WORDS[opinion.matched]
    head = f"{opinion.workflow} (version {opinion.version}) {word}: {opinion.reason}"
    root = Tree(Text(head, style="bold"))
    for verdict in opinion.verdicts:
        _branch(root, verdict, opinion)
    return root


def _branch(parent: Tree, verdict: Verdict, opinion: Opinion) -> None:
    """One verdict with the ones inside it."""
    first = verdict.path == opinion.first_failed
    node = parent.add(
        Text.assemble(
            _MARKS[verdict.verdict],
            f"{verdict.condition}: {verdict.reason}",
            _sides(opinion.compared.get(place_of(verdict.path))),
            (FIRST if first else "", "bold red"),
        )
    )
    for inner in verdict.inner:
        _branch(node, inner, opinion)


def _sides(comparison: Comparison | None) -> str:
    """The two sides of the change, where they say more than the verdict does."""
    if comparison is None or comparison.before == comparison.after:
        return ""
    before, after = (_plain(each) for each in (comparison.before, comparison.after))
    return f"  [{before} → {after}]"


def _plain(value: object) -> str:
    return "null" if value is None else dumps(value).decode()
