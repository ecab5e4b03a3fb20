import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.generative.collaborative import (
    collaborative_index,
    cooccurrence,
    spectral_clusters,
)
from llm4idrec.recommenders.generative.indexing import numbers, random_index, sequential_index
from tests.llm4idrec.arrays import interactions


def lists(*histories: list[int], n_items: int) -> Interactions:
    user = np.repeat(np.arange(len(histories)), [len(items) for items in histories])
    item = np.concatenate([np.array(items, int) for items in histories])
    return interactions(user, item, (len(histories), n_items), timestamp=np.arange(len(item)))


def blocks(n_blocks: int, size: int, seed: int = 0) -> Interactions:
    """Users who take half of the items of one block each."""
    rng = np.random.default_rng(seed)
    histories = [
        (rng.permutation(size)[: size // 2] + block * size).tolist()
        for block in range(n_blocks)
        for _ in range(3 * size)
    ]
    return lists(*histories, n_items=n_blocks * size)


@given(st.integers(1, 1200))
def test_numbers_have_equal_length(count: int) -> None:
    index = numbers(np.arange(count))
    assert len(set(index)) == count
    assert len({len(number) for number in index}) == 1
    assert index == sorted(index)


def test_sequential_index_is_the_order_of_appearance() -> None:
    train = lists([5, 2, 7], [2, 0], [9, 5], n_items=10)
    places = (3, 5, 1, 6, 7, 0, 8, 2, 9, 4)  # 5, 2, 7, 0, 9, and those that nobody has
    assert sequential_index(train) == [str(10 + place) for place in places]


def test_random_index_by_seed() -> None:
    one, same, other = (random_index(50, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == same != other
    assert sorted(one) == [str(number) for number in range(10, 60)]


def test_cooccurrence_counts_shared_users() -> None:
    graph = cooccurrence(lists([0, 1], [1, 0, 2], [3], n_items=5)).toarray()
    assert graph[0, 1] == graph[1, 0] == 2
    assert graph[0, 2] == graph[1, 2] == 1
    assert graph[3].sum() == graph[4].sum() == graph.diagonal().sum() == 0


@pytest.mark.parametrize("size", [8, 250])
def test_blocks_are_clusters(size: int) -> None:
    """Exactly, in dense and in sparse decomposition."""
    rng = np.random.default_rng(0)
    order = rng.permutation(3 * size)
    train = blocks(3, size)
    shuffled = interactions(
        train.user, order[train.item], (train.n_users, train.n_items), timestamp=train.timestamp
    )
    label = spectral_clusters(cooccurrence(shuffled), 3, rng)[order].reshape(3, size)
    assert (label == label[:, :1]).all()
    assert len(set(label[:, 0])) == 3


def test_first_token_is_the_block() -> None:
    index = collaborative_index(
        blocks(4, 10), clusters=4, leaf_size=12, independent=True, rng=np.random.default_rng(0)
    )
    first = np.array([path.split(">")[0] for path in index]).reshape(4, 10)
    assert (first == first[:, :1]).all()
    assert len(set(first[:, 0])) == 4


def test_independent_tokens_repeat_nowhere() -> None:
    index = collaborative_index(
        blocks(4, 10), clusters=3, leaf_size=4, independent=True, rng=np.random.default_rng(0)
    )
    paths = [path[1:-1].split("><") for path in index]
    assert len({path[-1] for path in paths}) == 40
    parents: dict[str, set[tuple[str, ...]]] = {}
    for path in paths:
        for depth, token in enumerate(path):
            parents.setdefault(token, set()).add(tuple(path[:depth]))
    assert all(len(above) == 1 for above in parents.values())


@settings(max_examples=25)
@given(
    st.integers(0, 5), st.booleans(), st.integers(2, 4), st.integers(4, 9), st.sampled_from([3, 8])
)
def test_collaborative_index_is_unique_and_limited(
    seed: int, independent: bool, clusters: int, leaf_size: int, n_blocks: int
) -> None:
    train = blocks(n_blocks, 5, seed)
    more = interactions(
        train.user, train.item, (train.n_users, train.n_items + 7), timestamp=train.timestamp
    )

    index = collaborative_index(
        more,
        clusters=clusters,
        leaf_size=leaf_size,
        independent=independent,
        rng=np.random.default_rng(seed),
    )

    assert len(set(index)) == more.n_items
    leaves = [path[: path.rindex("<")] for path in index]
    assert max(leaves.count(leaf) for leaf in leaves) <= leaf_size
    again = collaborative_index(
        more,
        clusters=clusters,
        leaf_size=leaf_size,
        independent=independent,
        rng=np.random.default_rng(seed),
    )
    assert again == index
    if not independent:
        tokens = {token for path in index for token in path[1:-1].split("><")}
        assert tokens <= {f"CI{number}" for number in range(leaf_size)}


def test_items_that_nothing_tells_apart_are_still_split() -> None:
    nobody = interactions([0], [0], (1, 9), timestamp=[0])
    assert (
        len(
            set(
                collaborative_index(
                    nobody, clusters=2, leaf_size=3, independent=False, rng=np.random.default_rng(0)
                )
            )
        )
        == 9
    )
