"""Which parts of its variables an expression reads: `tasks.list.outputs.rows` as a path of names.

An access is the longest chain of selections and constant keys from a free variable. A variable of `cel.bind` stands
for the chain it was bound to; a variable of a loop stands for nothing, its list is read as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tidegate.engine.expressions.tree import (
    Bind,
    Collect,
    Constant,
    ExistsOne,
    Has,
    Index,
    Name,
    Node,
    Quantifier,
    Select,
    children,
)

COMPUTED = "*"
"""Stands in a path for a key that is not a constant string."""


@dataclass(frozen=True, slots=True)
class Access:
    """One chain: `path` has the names, `nodes` the node of each, `is_contiguous` is false when `cel.bind` joined it."""

    path: tuple[str, ...]
    nodes: tuple[Node, ...]
    is_contiguous: bool = True


_Bound = Mapping[str, Access | None]


def accesses(tree: Node) -> tuple[Access, ...]:
    """Give every chain of the expression, those of macro copies once, in the order of the text."""
    search = _Search()
    search.use(tree, {})
    once = {(access.path, access.nodes[0].offset): access for access in search.found}
    return tuple(sorted(once.values(), key=lambda access: access.nodes[0].offset))


@dataclass(slots=True)
class _Search:
    found: list[Access] = field(default_factory=list)

    def use(self, node: Node, bound: _Bound) -> None:
        """Note the chain that ends at this node, or what lies below it."""
        access = self.chain(node, bound)
        if access is not None:
            self.found.append(access)

    def chain(self, node: Node, bound: _Bound) -> Access | None:
        """Give the chain that this node continues or starts; note everything else below it."""
        if isinstance(node, Name):
            return bound[node.name] if node.name in bound else Access((node.name.lstrip("."),), (node,))
        if isinstance(node, Select | Has):
            return _extended(self.chain(node.operand, bound), node.field, node)
        if isinstance(node, Index):
            return _extended(self.chain(node.operand, bound), self.key(node.key, bound), node)
        if isinstance(node, Bind):
            value = self.chain(node.value, bound)
            alias = None if value is None else replace(value, is_contiguous=False)
            return self.chain(node.body, {**bound, node.variable: alias})
        self.below(node, bound)
        return None

    def key(self, key: Node, bound: _Bound) -> str:
        """Give the element of the path for a key."""
        if isinstance(key, Constant) and isinstance(key.value, str):
            return key.value
        self.use(key, bound)
        return COMPUTED

    def below(self, node: Node, bound: _Bound) -> None:
        """Note the chains below a node that is not part of one."""
        first, *others = children(node) or (None,)
        if first is not None:
            self.use(first, bound)
        inner = {**bound, node.variable: None} if isinstance(node, Quantifier | ExistsOne | Collect) else bound
        for other in others:
            self.use(other, inner)


def _extended(base: Access | None, name: str, node: Node) -> Access | None:
    return None if base is None else Access((*base.path, name), (*base.nodes, node), base.is_contiguous)
