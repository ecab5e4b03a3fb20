"""The catalogue as a prefix tree over tokens: what may follow, so that only real items appear."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class CatalogueTrie:
    """Token sequences of all items, each with the separator behind it, from one root.

    Node 0 is the root. `child_start`, `child_token` and `child_node` list the children of each
    node one after another (CSR); `child_column` is the token's place in `alphabet` (n_tokens,),
    which holds those that occur. `item_path` (n_items, depth) holds the nodes of each item, filled
    up with node `n_nodes`. `leaf[item]` is the node at which an item ends, `leaf_item[node]` the
    item that ends at a node, or -1.

    Raises `ValueError` if an item begins like another one and nothing tells their ends apart.
    """

    def __init__(self, catalogue: Sequence[Sequence[int]], separator: Sequence[int]) -> None:
        nodes: dict[tuple[int, int], int] = {}
        paths = []
        for item in catalogue:
            node, path = 0, []
            for token in (*item, *separator):
                node = nodes.setdefault((node, token), len(nodes) + 1)
                path.append(node)
            paths.append(path)
        self.n_nodes = len(nodes) + 1
        self.depth = max(map(len, paths))
        self.item_path = torch.full((len(paths), self.depth), self.n_nodes)
        for item_number, path in enumerate(paths):
            self.item_path[item_number, : len(path)] = torch.tensor(path)
        self.leaf = torch.tensor([path[-1] for path in paths])
        self.leaf_item = torch.full((self.n_nodes,), -1)
        self.leaf_item[self.leaf] = torch.arange(len(paths))
        self._set_children(nodes)
        ends = self.child_start[1:] == self.child_start[:-1]
        if int(ends.sum()) != len(paths) or bool((self.leaf_item[~ends] >= 0).any()):
            raise ValueError("the tokens of an item are the beginning of another item's")
        passing = torch.bincount(self.item_path.flatten(), minlength=self.n_nodes + 1)
        passing[0] = len(paths)
        self.items_below = passing.to(torch.int32)

    def _set_children(self, nodes: dict[tuple[int, int], int]) -> None:
        edges = np.asarray([(parent, token, child) for (parent, token), child in nodes.items()])
        edges = edges[np.lexsort((edges[:, 1], edges[:, 0]))]
        counts = np.bincount(edges[:, 0], minlength=self.n_nodes)
        self.child_start = torch.from_numpy(np.concatenate(([0], np.cumsum(counts))))
        self.child_token = torch.from_numpy(edges[:, 1].copy())
        self.child_node = torch.from_numpy(edges[:, 2].copy())
        alphabet, column = np.unique(edges[:, 1], return_inverse=True)
        self.alphabet, self.child_column = torch.from_numpy(alphabet), torch.from_numpy(column)

    def to(self, device: torch.device) -> CatalogueTrie:
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))
        return self

    def available(self, rows: int) -> Available:
        """All items for each of so many rows."""
        return Available(self, rows)

    def children(self, node: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(columns, nodes, inside): the children of each node, and whether there are as many."""
        start = self.child_start[node]
        count = self.child_start[node + 1] - start
        place = torch.arange(int(count.max()), device=node.device)
        inside = place < count[:, None]
        edge = torch.where(inside, start[:, None] + place, 0)
        return self.child_column[edge], self.child_node[edge], inside


class Available:
    """The items of a trie that each of some rows may still use.

    `counts` says how many of them are reached through each node, int32 (rows, n_nodes + 1).
    """

    def __init__(self, trie: CatalogueTrie, rows: int) -> None:
        self.trie, self.counts = trie, trie.items_below.repeat(rows, 1)

    @property
    def left(self) -> Tensor:
        """How many items each row has, (rows,)."""
        return self.counts[:, 0]

    def remove(self, row: Tensor, item: Tensor) -> None:
        """Make `item[j]` unreachable for row `row[j]`; pairs must be distinct."""
        path = self.trie.item_path[item]
        taken = torch.full_like(path, -1, dtype=self.counts.dtype)
        self.counts.index_put_((row[:, None].expand_as(path), path), taken, accumulate=True)
        self.counts[:, 0].index_put_((row,), taken[:, 0], accumulate=True)

    def options(self, node: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What may follow in each row: (columns, nodes, allowed), each (rows, most children)."""
        column, child, inside = self.trie.children(node)
        return column, child, inside & self.reaches(child)

    def reaches(self, node: Tensor) -> Tensor:
        """Whether each row may go through each of its nodes, both (rows, nodes)."""
        return self.counts.gather(1, node) > 0
