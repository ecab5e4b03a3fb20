"""What a fit is trained on, and what is known before the test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.config import EvaluationConfig, Placement
from llm4idrec.experiment import Data, Experiment, Fit
from llm4idrec.files import read_json
from llm4idrec.interactions import Interactions
from llm4idrec.recommenders.config import SASRecConfig
from llm4idrec.recommenders.sasrec import SASRec

ITEMS = 10


def timed(
    pairs: list[tuple[int, int, int]], n_items: int = ITEMS, time: bool = True
) -> Interactions:
    user, item, stamp = np.array(pairs).T
    return Interactions(user, item, 2, n_items, stamp if time else None)


def generated(rows: list[tuple[int, int, float]]) -> pa.Table:
    user, item, share = zip(*rows, strict=True)
    types = (pa.int32(), pa.int32(), pa.float32())
    columns = zip(("user", "item", "share"), (user, item, share), types, strict=True)
    return pa.table({name: pa.array(values, kind) for name, values, kind in columns})


def data(placement: Placement = "before", time: bool = True) -> Data:
    """User 0 takes 3, 1, 2, then 5 (validation), then 6 (test); user 1 takes 0, 4."""
    train = timed([(0, 1, 20), (0, 2, 30), (0, 3, 10), (1, 0, 5), (1, 4, 6)], time=time)
    valid = timed([(0, 5, 40), (1, ITEMS, 7)], ITEMS + 1, time)
    test = timed([(0, 6, 50)], ITEMS + 1, time)
    # The order of the rows means nothing: the share is the rank.
    rows = generated([(0, 9, 1.0), (1, 7, 0.5), (0, 8, 0.67), (0, 7, 0.33)])
    return Data(train, valid, test, rows, placement)


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        ("before", [8, 7, 3, 1, 2]),
        ("spread", [3, 8, 1, 7, 2]),
        ("after", [3, 1, 2, 7, 8]),
    ],
)
def test_training_set_places_the_best_by_share(placement: Placement, expected: list[int]) -> None:
    assert data(placement).training_set(0.7).items_of(0).tolist() == expected


def test_amounts_nest() -> None:
    assert data().training_set(0) == data().train
    assert [len(data().training_set(amount)) - 5 for amount in (0.2, 0.4, 0.5, 1.0)] == [0, 1, 2, 4]


def test_what_is_known_before_the_test_stands_in_time_order() -> None:
    known = data().train_and_valid
    assert known.items_of(0).tolist() == [3, 1, 2, 5]
    assert known.items_of(1).tolist() == [0, 4]  # the other one is not in the catalogue
    assert known.timestamp is not None
    assert known.timestamp.tolist() == [10, 20, 30, 40, 5, 6]


def test_refit_keeps_the_validation_item_last() -> None:
    assert data("before").training_set(1.0, with_valid=True).items_of(0).tolist() == [
        9, 8, 7, 3, 1, 2, 5,
    ]  # fmt: skip


def test_without_time_there_is_none() -> None:
    without = data(time=False)
    assert without.train_and_valid.timestamp is None
    assert without.training_set(1.0).timestamp is None
    assert sorted(without.training_set(1.0).items_of(0).tolist()) == [1, 2, 3, 7, 8, 9]


def test_a_sequential_recommender_continues_the_original_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Generated items are trained on; train is continued, and at the test validation too."""
    tables = data("after")
    tables.train.write(tmp_path / "train.parquet")
    tables.valid.write(tmp_path / "heldout" / "valid.parquet")
    tables.test.write(tmp_path / "heldout" / "test.parquet")
    pairs = zip(tables.train.user, tables.train.item, strict=True)
    original = generated([(user, item, 0.0) for user, item in pairs])
    origin = ["original"] * len(original) + ["generated"] * len(tables.generated)
    both = pa.concat_tables([original, tables.generated]).append_column("origin", [origin])
    pq.write_table(both, tmp_path / "augmented.parquet")
    experiment = Experiment(
        train_file=tmp_path / "train.parquet",
        heldout=tmp_path / "heldout",
        augmented_file=tmp_path / "augmented.parquet",
        recommender="sasrec",
        settings=SASRecConfig(embedding_size=4, max_epochs=1),
        evaluation=EvaluationConfig(amounts=(1.0,), cutoffs=(3,), placement="after"),
        seed=0,
        device="cpu",
        fits=tmp_path / "fits",
    )
    trained: list[Interactions] = []
    continued: list[Interactions] = []
    start, recommend = SASRec.start, SASRec.recommend
    monkeypatch.setattr(
        SASRec, "start", lambda self, train: trained.append(train) or start(self, train)
    )
    monkeypatch.setattr(
        SASRec,
        "recommend",
        lambda self, users, k, seen: continued.append(seen) or recommend(self, users, k, seen),
    )

    experiment.select(Fit(1.0, 0))
    experiment.examine(Fit(1.0, 0))

    assert [train.items_of(0).tolist() for train in trained] == [[3, 1, 2, 7, 8, 9]]
    assert [seen.items_of(0).tolist() for seen in continued] == [
        [3, 1, 2],  # at the only epoch
        [3, 1, 2],  # for the choice of the amount
        [3, 1, 2, 5],
    ]
    assert read_json(tmp_path / "fits" / "amount=1" / "seed=0" / "training.json")["best_epoch"] == 1
