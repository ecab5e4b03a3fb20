"""What has to be read of a catalogue's trie to know the probability of every item."""

from __future__ import annotations

import torch
from torch import Tensor

from llm4idrec.nn.catalogue_trie import CatalogueTrie


class InnerTree:
    """The nodes of a trie on the paths to where there is a choice, the root left out.

    In order of depth: `column` (n,) is the place of each node's token in the trie's alphabet,
    `depth` (n,) counts from 1, and `above` (n, n) says which nodes the path to each has, itself
    included. `place` (n_nodes,) is where a node of the trie stands in (root, *these), or 0.
    """

    def __init__(self, trie: CatalogueTrie) -> None:
        self._trie = trie
        count = trie.child_start.diff()
        line = torch.arange(trie.n_nodes, device=count.device)
        self._parent = torch.zeros_like(count)
        self._parent[trie.child_node] = line.repeat_interleave(count)
        column, self._depth = torch.zeros_like(count), torch.zeros_like(count)
        column[trie.child_node] = trie.child_column
        for depth, node in enumerate(trie.item_path.unbind(1), 1):
            self._depth[node[node < trie.n_nodes]] = depth
        node = self._read(count > 1)
        self.column, self.depth = column[node], self._depth[node]
        self.place = torch.zeros_like(count)
        self.place[node] = line[: len(node)] + 1
        self.above = self._ancestors(node)

    def levels(self) -> list[Tensor]:
        """The nodes of the trie that have children, from the root down, those of a depth
        together."""
        inner = self._trie.child_start.diff() > 0
        return [(inner & (self._depth == d)).nonzero()[:, 0] for d in range(self._trie.depth)]

    def _read(self, choice: Tensor) -> Tensor:
        """Nodes at or below which there is a `choice` (n_nodes,), without the root, by depth."""
        read = choice.clone()
        for depth in range(self._trie.depth, 0, -1):
            read[self._parent[read & (self._depth == depth)]] = True
        read[0] = False
        node = read.nonzero()[:, 0]
        return node[self._depth[node].argsort(stable=True)]

    def _ancestors(self, node: Tensor) -> Tensor:
        above = torch.eye(len(node), dtype=torch.bool, device=node.device)
        line, ancestor = self.place[node] - 1, node
        while bool((ancestor > 0).any()):
            above[line[ancestor > 0], self.place[ancestor[ancestor > 0]] - 1] = True
            ancestor = self._parent[ancestor]
        return above
