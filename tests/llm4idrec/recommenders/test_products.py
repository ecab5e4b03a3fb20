"""The products of ranking, whoever makes them."""

from __future__ import annotations

import pytest
import torch

from llm4idrec.recommenders.products import products


@pytest.mark.parametrize("n", [0, 1, 7])
def test_products(n: int) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors, items = (torch.randn(count, 8, generator=generator) for count in (n, 11))
    found = products(vectors, items)
    torch.testing.assert_close(found, vectors @ items.T)
    found.zero_()  # a tensor of its own
    assert not torch.equal(items, torch.zeros_like(items))
