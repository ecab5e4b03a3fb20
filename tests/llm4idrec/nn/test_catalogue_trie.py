import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.nn.catalogue_trie import Available, CatalogueTrie

COMMA = 10


def digits(number: int) -> list[int]:
    return [int(digit) for digit in str(number)]


def reachable(available: Available) -> set[int]:
    """Items that a walk from the root of row 0 can end at."""
    found, nodes, leaf_item = set(), [0], available.trie.leaf_item
    while nodes:
        node = nodes.pop()
        if leaf_item[node] >= 0:
            found.add(int(leaf_item[node]))
            continue
        _, children, allowed = available.options(torch.tensor([node]))
        nodes += children[allowed].tolist()
    return found


@pytest.mark.slow
@given(st.integers(1, 130), st.sets(st.integers(0, 129)))
def test_exactly_what_was_not_removed_is_reachable(n_items: int, removed: set[int]) -> None:
    trie = CatalogueTrie([digits(item) for item in range(n_items)], [COMMA])
    removed = {item for item in removed if item < n_items}
    available = trie.available(1)
    item = torch.tensor(sorted(removed), dtype=torch.long)
    available.remove(torch.zeros_like(item), item)
    assert reachable(available) == set(range(n_items)) - removed
    assert int(available.left[0]) == n_items - len(removed)


def test_one_token_items_need_no_separator() -> None:
    trie = CatalogueTrie([[5], [7]], [])
    columns, _, allowed = trie.available(2).options(torch.tensor([0, 0]))
    assert trie.alphabet[columns].tolist() == [[5, 7], [5, 7]]
    assert allowed.all()


def test_an_item_that_begins_like_another_needs_a_separator() -> None:
    with pytest.raises(ValueError, match="beginning"):
        CatalogueTrie([[1], [1, 2]], [])
    CatalogueTrie([[1], [1, 2]], [COMMA])
