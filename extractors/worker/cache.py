"""What is kept in the KV cache between answers: instruction prefixes, and prompts up to their last image.

A kept `Node` owns one sequence id. Nodes form a tree (prefix ← prefix + image); a child shares its parent's cells, so each
cell is counted once. A node in use, or with children, is never evicted.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from extractors.worker.engine import LanguageModel

_clock = itertools.count(1)


@dataclass(eq=False)
class Node:
    """A kept beginning of prompts."""

    key: str
    sequence: int
    cells: int  # its own, without its parent's
    positions: int  # the position that follows it
    parent: Node | None
    users: int = 0  # children and answers that began from it
    used_at: int = field(default_factory=lambda: next(_clock))


class PromptCache:
    """The kept nodes and the cells they take. Used from the decode thread only."""

    def __init__(self, model: LanguageModel, sequences: Sequence[int]) -> None:
        self._model = model
        self._free = list(sequences)
        self._nodes: dict[str, Node] = {}

    @property
    def cells(self) -> int:
        """KV cells of all kept nodes."""
        return sum(node.cells for node in self._nodes.values())

    @property
    def idle_cells(self) -> int:
        """KV cells that eviction could free."""
        held: set[str] = set()
        for node in self._nodes.values():
            children = sum(other.parent is node for other in self._nodes.values())
            at: Node | None = node if node.users > children else None
            while at is not None:
                held.add(at.key)
                at = at.parent
        return sum(node.cells for key, node in self._nodes.items() if key not in held)

    def find(self, key: str) -> Node | None:
        """Return a kept node and mark it as used now."""
        node = self._nodes.get(key)
        if node is not None:
            node.used_at = next(_clock)
        return node

    def has(self, key: str) -> bool:
        """Tell whether a node is kept."""
        return key in self._nodes

    def add(self, key: str, cells: int, positions: int, parent: Node | None) -> Node | None:
        """Make a node with an empty sequence, evicting the longest unused one if need be. None when all are in use."""
        if parent is not None:
            parent.users += 1
        if not self._free and not self.evict_one():
            if parent is not None:
                parent.users -= 1
            return None
        node = Node(key, self._free.pop(), cells, positions, parent)
        self._nodes[key] = node
        return node

    def evict_one(self) -> bool:
        """Drop the longest unused node that nothing depends on. False when there is none."""
        idle = [node for node in self._nodes.values() if node.users == 0]
        if not idle:
            return False
        node = min(idle, key=lambda node: node.used_at)
        del self._nodes[node.key]
        self._model.forget(node.sequence)
        self._free.append(node.sequence)
        if node.parent is not None:
            node.parent.users -= 1
        return True
