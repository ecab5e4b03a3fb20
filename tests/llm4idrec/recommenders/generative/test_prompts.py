import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.recommenders.generative.history import fill_up, latest
from llm4idrec.recommenders.generative.pieces import Pieces, bucketed
from llm4idrec.recommenders.generative.prompts import (
    SEQUENTIAL,
    STRAIGHTFORWARD,
    Templates,
    fixed_texts,
)
from llm4idrec.recommenders.generative.vocabulary import PAD, CompactVocabulary

TEXTS = fixed_texts()
USERS = ["10", "11"]
ITEMS = ["<CI0><I0>", "<CI0><I1>", "<CI1><CI2><I2>"]
USER, ITEM = len(TEXTS), len(TEXTS) + len(USERS)


class Words:
    """One token a character; they can be read back."""

    size = 1 << 16

    def __init__(self) -> None:
        self.end: list[int] = []

    def encode(self, piece: str) -> list[int]:
        return [ord(character) for character in f"{piece} "]


def read(row: torch.Tensor) -> str:
    return "".join(map(chr, row[row != PAD].tolist())).strip()


def test_prompts_as_text() -> None:
    pieces = Pieces.of([*TEXTS, *USERS, *ITEMS], Words())
    history = np.array([[-1, ITEM + 2, ITEM], [-1, -1, -1], [-1, -1, ITEM + 1]])
    template = np.array([0, len(SEQUENTIAL), len(SEQUENTIAL) - 1])
    prompts = Templates.all().fill(template, np.array([USER, USER + 1, USER]), history)

    tokens, _ = pieces.encode(prompts).batch(torch.arange(3), torch.device("cpu"))

    assert [read(row) for row in tokens] == [
        "Considering user_ 10 has interacted with items <CI1><CI2><I2> <CI0><I0> "
        ". What is the next recommendation for the user ?",
        "What should we recommend for user_ 11 ?",
        "After buying items <CI0><I1> , what is the next item that could be recommended for "
        "user_ 10 ?",
    ]


def test_every_template_names_the_user_and_its_history() -> None:
    user, item = np.array([USER]), np.array([[ITEM]])
    for number in range(len(SEQUENTIAL) + len(STRAIGHTFORWARD)):
        straightforward = number >= len(SEQUENTIAL)
        history = np.full_like(item, -1) if straightforward else item
        prompt = Templates.all().fill(np.array([number]), user, history)[0].tolist()
        assert prompt.count(USER) == 1
        assert prompt.count(ITEM) == int(not straightforward)


def test_words_are_counted_from_the_end() -> None:
    pieces = Pieces.of(["a", "bc", "def"], Words())
    encoded = pieces.encode(np.array([[0, 1, -1, 2], [-1, 2, 0, -1]]))
    tokens, words = encoded.batch(torch.tensor([1, 0]), torch.device("cpu"))
    assert [read(row) for row in tokens] == ["def a", "a bc def"]
    assert words.tolist() == [[1, 1, 1, 1, 0, 0, 0, 0, 0], [2, 2, 1, 1, 1, 0, 0, 0, 0]]


def test_numbers_are_pairs_of_digits_from_the_right() -> None:
    vocabulary = CompactVocabulary(["22100", "2101", "What is"])
    two, pair, zero = vocabulary.encode("22100")
    assert vocabulary.encode("2101")[0] == pair
    assert len({two, pair, zero, *vocabulary.encode("What is")}) == 4
    assert len(vocabulary.encode("What is")) == 1
    assert PAD not in (two, pair, zero)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=90), st.integers(1, 7))
def test_buckets_hold_each_row_once(lengths: list[int], size: int) -> None:
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(lengths)))
    batches = bucketed(torch.tensor(lengths), size, order)
    assert sorted(torch.cat(batches).tolist()) == list(range(len(lengths)))
    assert max(map(len, batches)) <= size


def test_buckets_have_little_padding() -> None:
    lengths = torch.from_numpy(np.random.default_rng(0).integers(1, 100, 4000))
    order = torch.from_numpy(np.random.default_rng(1).permutation(4000))
    padded = sum(int(lengths[rows].max()) * len(rows) for rows in bucketed(lengths, 50, order))
    assert padded < 1.1 * int(lengths.sum())


def test_latest() -> None:
    first, end = np.array([0, 2, 2, 5]), np.array([2, 5, 2, 5])
    items = np.array([7, 3, 9, 1, 4], np.int32)
    assert latest(items, first, end, width=2).tolist() == [[7, 3], [1, 4], [-1, -1], [-1, -1]]
    assert latest(items[:0], first[:1] * 0, end[:1] * 0, width=2).tolist() == [[-1, -1]]


def test_fill_up_by_popularity() -> None:
    ranked = np.array([[2, -1, -1], [0, 1, 2], [-1, -1, -1]])
    row, item = np.array([0, 2, 2, 2]), np.array([3, 0, 1, 2])
    popular = np.array([3, 1, 0, 2])
    assert fill_up(ranked, row, item, popular=popular).tolist() == [
        [2, 1, 0],
        [0, 1, 2],
        [3, -1, -1],
    ]
