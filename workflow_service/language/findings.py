"""What is odd about conditions that make sense one by one: contradictions, and what always holds.

Pure.  A contradiction is refused when a workflow is saved; what always holds is only reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schemas.errors import Problem
from schemas.wording import shown
from workflow_service.language.compiled import CompiledWorkflow
from workflow_service.language.contradictions import contradictory
from workflow_service.language.leaf import CompiledLeaf
from workflow_service.language.literals import Elements, Literal, Node, Together, joined, node_of
from workflow_service.language.workflow import Condition, Group, Items, Leaf, Not, written


def contradictions(compiled: CompiledWorkflow) -> tuple[Problem, ...]:
    """Conditions that can never hold together."""
    found: list[Problem] = []
    outer: tuple[Node, ...] = ()
    if compiled.condition is not None:
        node = node_of(compiled.condition)
        found += _never(node, ())
        outer = tuple(joined(node, "all"))
    for step in compiled.steps:
        if step.condition is not None:
            own = list(_never(node_of(step.condition), ()))
            found += own or ([] if found else list(_never(node_of(step.condition), outer)))
    return tuple(dict.fromkeys(found))


def _never(node: Node, outer: tuple[Node, ...]) -> Iterator[Problem]:
    """Where a node can never hold.

    Args:
        outer: What holds besides.
    """
    members = list(joined(node, "all"))
    every = [*outer, *members]
    few = contradictory(_plain(every))
    if few:
        yield Problem(_place(few, node), _sentence(few))
        return
    for member in members:
        if isinstance(member, Together):
            yield from _never_any(member, every)
        elif isinstance(member, Elements) and _looks_inside(member):
            yield from _never(node_of(member.items.of), ())


def _looks_inside(elements: Elements) -> bool:
    return elements.wanted and elements.items.items.quantifier != "no_item"


def _never_any(group: Together, outer: Sequence[Node]) -> Iterator[Problem]:
    """Where an `any` can never hold, or a branch of it contradicts itself."""
    own = [problem for branch in group.of for problem in _never(branch, ())]
    if own:
        yield from own
        return
    besides = _plain(outer)
    dead = [contradictory([*_plain(joined(branch, "all")), *besides]) for branch in group.of]
    if all(dead):
        yield Problem(
            group.path,
            f"none of these can hold beside what else must: {_sentence(dead[0])}",
        )


def _plain(nodes: Sequence[Node] | Iterator[Node]) -> list[Node]:
    """What can be compared with each other."""
    return [node for node in nodes if not isinstance(node, Together)]


def _place(few: Sequence[Node], node: Node) -> str:
    if len(few) == 1:
        return _path(few[0])
    return node.path if isinstance(node, Together) else _path(few[-1])


def _path(node: Node) -> str:
    match node:
        case Literal(leaf=leaf):
            return leaf.path
        case Elements(items=items):
            return items.path
        case Together(path=path):
            return path


def _sentence(few: Sequence[Node]) -> str:
    said = [_words(node) for node in few[:4]]
    if len(few) == 1:
        return f"{said[0]} can never hold"
    more = f" and {len(few) - 4} more" if len(few) > 4 else ""  # noqa: PLR2004 - as cut above
    return f"contradict each other: {' and '.join(said)}{more} can never hold together"


def _words(node: Node) -> str:
    match node:
        case Literal(leaf=leaf, wanted=wanted):
            return _of_leaf(leaf, wanted=wanted)
        case Elements(items=items, wanted=wanted):
            return f"{'' if wanted else 'not '}{items.items.field} {items.items.quantifier}"
        case Together(path=path):
            return path


def _of_leaf(leaf: CompiledLeaf, *, wanted: bool) -> str:
    words = f"{leaf.leaf.field} {leaf.leaf.operator} {shown(leaf.leaf.value)}"
    return words if wanted else f"not ({words})"


def always(compiled: CompiledWorkflow) -> tuple[Problem, ...]:
    """Conditions that always hold where their fields have values, and such as stand twice."""
    found: list[Problem] = []
    if compiled.condition is not None and compiled.workflow.only_if is not None:
        found += _always(node_of(compiled.condition))
        found += _twice(compiled.workflow.only_if, "only_if")
    for step in compiled.steps:
        if step.condition is not None and step.step.condition is not None:
            found += _always(node_of(step.condition))
            found += _twice(step.step.condition, f"then[{step.index}].if")
    return tuple(dict.fromkeys(found))


def _always(node: Node) -> Iterator[Problem]:
    members = list(joined(node, "any"))
    few = contradictory([_turned(each) for each in members if not isinstance(each, Together)])
    if few:
        said = " or ".join(_words(_turned(each)) for each in few[:4])
        yield Problem(
            _place(few, node),
            f"always true wherever there is something to compare: {said}",
        )
    for member in members:
        if isinstance(member, Together):
            for each in member.of:
                yield from _always(each)
        elif isinstance(member, Elements) and _looks_inside(member):
            yield from _always(node_of(member.items.of))


def _turned(node: Node) -> Node:
    match node:
        case Literal():
            return node.opposite
        case Elements(items=items, wanted=wanted):
            return Elements(items, not wanted)
        case Together():
            return node


def _twice(condition: Condition, path: str) -> Iterator[Problem]:
    """Conditions that stand twice in one group."""
    match condition:
        case Group():
            seen: dict[str, str] = {}
            for index, each in enumerate(condition.of):
                place = f"{path}.{condition.mode}[{index}]"
                first = seen.setdefault(repr(written(each)), place)
                if first != place:
                    yield Problem(place, f"says the same as {first}")
                yield from _twice(each, place)
        case Not():
            yield from _twice(condition.of, f"{path}.not")
        case Items():
            yield from _twice(condition.of, f"{path}.{condition.quantifier}")
        case Leaf():
            return
