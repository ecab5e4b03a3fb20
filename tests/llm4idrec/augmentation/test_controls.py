from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm4idrec.augmentation.controls import (
    fit_sasrec,
    recommender_candidates,
    write_controls,
)
from llm4idrec.config import Config
from llm4idrec.config.recommenders import EASEConfig, PopularityConfig, SASRecConfig
from llm4idrec.data.candidates import SCHEMA
from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.item_based.popularity import Popularity
from llm4idrec.runtime.files import read_json
from tests.conftest import tiny_values
from tests.llm4idrec.arrays import interactions

SASREC = SASRecConfig(
    embedding_size=16, max_epochs=30, evaluate_every=5, patience=2, dropout=0.0, learning_rate=1e-2
)
N_ITEMS = 12


def config(controls: tuple[str, ...], items: int) -> Config:
    """With as many items a user."""
    tiny = Config.parse(tiny_values(generation={"items": items}))
    changes = {
        "controls": controls,
        "ease": EASEConfig(l2=1),
        "sasrec": SASREC,
        "seed": 0,
    }
    return tiny.model_copy(update=changes)


def cycle(n_users: int = 24, length: int = 7, timed: bool = True) -> Interactions:
    """User u takes items u, u + 1, u + 2... of a circle of twelve; a last user takes none."""
    user = np.repeat(np.arange(n_users), length)
    step = np.tile(np.arange(length), n_users)
    return interactions(
        user, (user + step) % N_ITEMS, (n_users + 1, N_ITEMS), timestamp=step if timed else None
    )


def items_of(table: pa.Table, user: int) -> list[int]:
    return [row["item"] for row in table.to_pylist() if row["user"] == user]


def random_candidates(train: Interactions, n: int, seed: int) -> pa.Table:
    """What the control `random` proposes."""
    with TemporaryDirectory() as folder:
        asked = config(("random",), n).model_copy(update={"seed": seed})
        write_controls(train, Path(folder), asked)
        return pq.read_table(Path(folder) / "random.parquet")


def test_the_most_popular_unseen_items_by_hand() -> None:
    train = interactions([0, 1, 1, 2, 2], [3, 3, 1, 1, 0], (4, 5))
    popularity = Popularity(PopularityConfig())
    popularity.learn(train)
    table = recommender_candidates(popularity, train, 2)
    assert table.schema == SCHEMA
    nothing = {"votes": None, "mentions": None, "mean_log_probability": None}
    assert table.to_pylist()[:2] == [
        {"user": 0, "text": "i1", "item": 1, "rank": 1, **nothing},
        {"user": 0, "text": "i0", "item": 0, "rank": 2, **nothing},
    ]
    assert table["user"].to_pylist() == [0, 0, 1, 1, 2, 2]


def test_a_user_with_few_unseen_items_gets_those() -> None:
    train = interactions([0, 0, 1], [0, 1, 2], (2, 3))
    table = random_candidates(train, 5, seed=0)
    assert table["user"].to_pylist() == [0, 1, 1]
    assert (items_of(table, 0), sorted(items_of(table, 1))) == ([2], [0, 1])


@settings(max_examples=20)
@given(st.integers(0, 2**31 - 1), st.integers(1, 20))
def test_random_items_are_unseen_distinct_and_follow_the_seed(seed: int, n: int) -> None:
    train = cycle()
    table = random_candidates(train, n, seed)
    assert not train.contains(table["user"], table["item"]).any()
    pairs = table["user"].to_numpy() * N_ITEMS + table["item"].to_numpy()
    assert len(np.unique(pairs)) == len(pairs) == 24 * min(n, 5)
    assert table.equals(random_candidates(train, n, seed))


def test_random_items_are_uniform() -> None:
    train = interactions(np.arange(6000), np.zeros(6000), (6000, 5))
    first = random_candidates(train, 1, seed=3)
    counts = np.bincount(first["item"].to_numpy(), minlength=5)
    assert counts[0] == 0
    assert np.abs(counts[1:] - 1500).max() < 4 * np.sqrt(6000 * 0.25 * 0.75)


def test_sasrec_learns_what_comes_next_and_chooses_its_epochs_on_train() -> None:
    train = cycle()
    recommender = fit_sasrec(train, SASREC, seed=0, device="cpu")
    table = recommender_candidates(recommender, train, 1)
    following = (np.arange(24) + 7) % N_ITEMS
    assert np.mean(table["item"].to_numpy() == following) > 0.9


def test_every_control_but_self_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("random", "popularity", "itemknn", "ease", "sasrec", "self")
    write_controls(cycle(), tmp_path, config(names, 3))
    files = {file.stem: pq.read_table(file) for file in tmp_path.glob("*.parquet")}
    assert sorted(files) == sorted(names[:-1])
    for table in files.values():
        assert table.schema == SCHEMA
        assert table["user"].to_pylist() == [user for user in range(24) for _ in range(3)]
        assert table["rank"].to_pylist() == [1, 2, 3] * 24
        assert not cycle().contains(table["user"], table["item"]).any()
    summary = read_json(tmp_path / "summary.json")
    assert summary["ease_candidates"] == 72
    assert summary["random_items"] == N_ITEMS
    assert capsys.readouterr().err.splitlines() == [f"control {name}" for name in names[:-1]]


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        (cycle(timed=False), "the interactions have no time"),
        (cycle(length=1), "no user has two interactions"),
    ],
)
def test_sasrec_is_left_out_where_there_is_no_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], train: Interactions, reason: str
) -> None:
    write_controls(train, tmp_path, config(("sasrec", "ease"), 3))
    assert [file.name for file in tmp_path.glob("*.parquet")] == ["ease.parquet"]
    assert capsys.readouterr().err.splitlines()[0] == f"control sasrec: left out, {reason}"


def test_ease_is_left_out_where_the_catalogue_is_too_large(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = interactions([0, 0, 1], [0, 20_000, 2], (2, 20_001))
    write_controls(train, tmp_path, config(("ease", "popularity"), 1))
    assert [file.name for file in tmp_path.glob("*.parquet")] == ["popularity.parquet"]
    reason = "20001 items are more than 20000"
    assert capsys.readouterr().err.splitlines()[0] == f"control ease: left out, {reason}"


def test_no_control_is_no_fault(tmp_path: Path) -> None:
    write_controls(cycle(), tmp_path, config((), 3))
    assert read_json(tmp_path / "summary.json") == {}
