"""The indices of all items as tokens, and as paths in the trie of what may be written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from llm4idrec.nn.catalogue_trie import CatalogueTrie
from llm4idrec.recommenders.generative.vocabulary import PAD


class Catalogue:
    """Tokens of each item's index, and the node of the trie that each of them leads to.

    `codes` and `nodes` have shape (n_items, longest); behind the end of shorter indices they hold
    `PAD` and 0, the root, to which nothing leads.
    """

    def __init__(self, codes: Tensor) -> None:
        self.codes = codes
        rows = [[token for token in row if token != PAD] for row in codes.tolist()]
        self.trie = CatalogueTrie(rows, []).to(codes.device)
        path = self.trie.item_path
        self.nodes = torch.where(path < self.trie.n_nodes, path, 0)

    @classmethod
    def of(cls, index: Sequence[Sequence[int]]) -> Catalogue:
        """From the tokens of each item; raises `ValueError` if one is the beginning of another."""
        codes = np.full((len(index), max(map(len, index))), PAD)
        for item, tokens in enumerate(index):
            codes[item, : len(tokens)] = tokens
        return cls(torch.from_numpy(codes))

    def to(self, device: torch.device) -> Catalogue:
        self.codes, self.nodes = self.codes.to(device), self.nodes.to(device)
        self.trie.to(device)
        return self

    def edges(self, node: Tensor) -> tuple[Tensor, Tensor]:
        """Every edge from the nodes (m,): the place of its node in `node`, and its number."""
        start = self.trie.child_start[node]
        count = self.trie.child_start[node + 1] - start
        row = torch.arange(len(node), device=node.device).repeat_interleave(count)
        place = torch.arange(len(row), device=node.device) - (count.cumsum(0) - count)[row]
        return row, start[row] + place


def log_softmax_by(row: Tensor, logits: Tensor, rows: int) -> Tensor:
    """Log-softmax of `logits` (m,) within each of the `rows` groups that `row` (m,) names."""
    highest = logits.new_full((rows,), -torch.inf)
    highest = highest.scatter_reduce(0, row, logits.detach(), "amax")
    shifted = logits - highest[row]
    total = torch.zeros_like(highest).index_add(0, row, shifted.exp())
    return shifted - total.log()[row]
