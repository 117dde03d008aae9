"""A compiled condition with every `not` pushed down to its comparisons.

Pure.  In three values, too, `not` of `all` is `any` of the opposites, so nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workflow_service.language.conditions import CompiledGroup, CompiledNot
from workflow_service.language.items import CompiledItems
from workflow_service.language.leaf import Compiled, CompiledLeaf
from workflow_service.language.workflow import Mode


@dataclass(frozen=True, slots=True)
class Literal:
    """A comparison that is to be true, or if `wanted` is not, false."""

    leaf: CompiledLeaf
    wanted: bool

    @property
    def opposite(self) -> Literal:
        """The same comparison, to come out the other way."""
        return Literal(self.leaf, not self.wanted)


@dataclass(frozen=True, slots=True)
class Elements:
    """A condition on elements, to be true or false."""

    items: CompiledItems
    wanted: bool


@dataclass(frozen=True, slots=True)
class Together:
    """Nodes that are all, or any of them, to be as they say."""

    path: str
    mode: Mode
    of: tuple[Node, ...]


Node = Literal | Elements | Together


def node_of(condition: Compiled, *, wanted: bool = True) -> Node:
    """The condition, to be true (or false), without any `not`."""
    match condition:
        case CompiledNot():
            return node_of(condition.of, wanted=not wanted)
        case CompiledGroup():
            of = tuple(node_of(each, wanted=wanted) for each in condition.of)
            other: Mode = "any" if condition.mode == "all" else "all"
            return Together(condition.path, condition.mode if wanted else other, of)
        case CompiledItems():
            return Elements(condition, wanted)
        case CompiledLeaf():
            return Literal(condition, wanted)
        case _:
            raise TypeError(f"{type(condition).__name__} is no compiled condition")


def joined(node: Node, mode: Mode) -> Iterator[Node]:
    """What stands together with a node: itself, or through groups of the mode their members."""
    if isinstance(node, Together) and (node.mode == mode or len(node.of) == 1):
        for each in node.of:
            yield from joined(each, mode)
    else:
        yield node
