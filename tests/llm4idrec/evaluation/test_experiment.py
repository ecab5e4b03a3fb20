"""What a fit is trained on, and what is known before the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.augmentation.merging import generated_pairs
from llm4idrec.config import EvaluationConfig, FilterConfig, Placement
from llm4idrec.config.recommenders import EASEConfig, MFConfig, SASRecConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.evaluation.data import Data
from llm4idrec.evaluation.experiment import CANDIDATES, Experiment, Fit
from llm4idrec.recommenders.graph.mf import MF
from llm4idrec.recommenders.sequential.sasrec import SASRec
from llm4idrec.runtime.files import read_json

ITEMS = 10


def timed(
    pairs: list[tuple[int, int, int]], n_items: int = ITEMS, time: bool = True
) -> Interactions:
    user, item, stamp = np.array(pairs).T
    return Interactions(user, item, 2, n_items, stamp if time else None)


def generated(rows: list[tuple[int, int, float]], exponent: float | None = 0.0) -> pa.Table:
    user, item, relative_rank = zip(*rows, strict=True)
    return pa.table(
        {
            "user": pa.array(user, pa.int32()),
            "item": pa.array(item, pa.int32()),
            "popularity_exponent": pa.array([exponent] * len(rows), pa.float32()),
            "relative_rank": pa.array(relative_rank, pa.float32()),
        }
    )


def data(placement: Placement = "before", time: bool = True) -> Data:
    """User 0 takes 3, 1, 2, then 5 (validation), then 6 (test); user 1 takes 0, 4, the last, 3."""
    train = timed([(0, 1, 20), (0, 2, 30), (0, 3, 10), (1, 0, 5), (1, 4, 6)], time=time)
    valid = timed([(0, 5, 40), (1, ITEMS, 7)], ITEMS + 1, time)
    test = timed([(0, 6, 50), (1, 3, 8)], ITEMS + 1, time)
    # The order of the rows means nothing: the relative rank is the rank.
    first = generated([(0, 9, 1.0), (1, 7, 0.5), (0, 8, 0.67), (0, 7, 0.33)])
    other = generated([(0, 8, 0.33), (0, 9, 0.67), (0, 0, 1.0), (1, 8, 0.5)], exponent=0.7)
    rows = pa.concat_tables([first, other])
    controls = rows.slice(0, 1).add_column(0, "control", [["ease"]])
    return Data(train, valid, test, rows, controls, placement)


def training_set(
    tables: Data, amount: float, with_valid: bool = False, exponent: float = 0.0
) -> Interactions:
    return tables.training_set(tables.generated, Augmentation(amount, exponent), with_valid)


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        ("before", [8, 7, 3, 1, 2]),
        ("spread", [3, 8, 1, 7, 2]),
        ("after", [3, 1, 2, 7, 8]),
    ],
)
def test_training_set_places_the_best_by_relative_rank(
    placement: Placement, expected: list[int]
) -> None:
    assert training_set(data(placement), 0.7).items_of(0).tolist() == expected


def test_amounts_nest() -> None:
    assert training_set(data(), 0) == data().train
    assert [len(training_set(data(), amount)) - 5 for amount in (0.2, 0.4, 0.5, 1.0)] == [
        0,
        1,
        2,
        4,
    ]


def test_an_order_of_candidates_is_a_training_set_of_its_own() -> None:
    whole = training_set(data(), 1.0, exponent=0.7)
    assert whole.items_of(0).tolist() == [0, 9, 8, 3, 1, 2]
    assert whole.items_of(1).tolist() == [8, 0, 4]
    assert training_set(data(), 0.4, exponent=0.7).items_of(0).tolist() == [8, 3, 1, 2]
    assert training_set(data(), 1.0, exponent=0.5) == data().train


def test_what_is_known_before_the_test_stands_in_time_order() -> None:
    known = data().train_and_valid
    assert known.items_of(0).tolist() == [3, 1, 2, 5]
    assert known.items_of(1).tolist() == [0, 4]  # the other one is not in the catalogue
    assert known.timestamp is not None
    assert known.timestamp.tolist() == [10, 20, 30, 40, 5, 6]


def test_refit_keeps_the_validation_item_last() -> None:
    assert training_set(data("before"), 1.0, with_valid=True).items_of(0).tolist() == [
        9, 8, 7, 3, 1, 2, 5,
    ]  # fmt: skip


def test_without_time_there_is_none() -> None:
    without = data(time=False)
    assert without.train_and_valid.timestamp is None
    assert training_set(without, 1.0).timestamp is None
    assert sorted(training_set(without, 1.0).items_of(0).tolist()) == [1, 2, 3, 7, 8, 9]


def test_names_of_fits() -> None:
    assert str(Fit(ORIGINAL_DATA, 1)) == "amount=0/seed=1"
    assert str(Fit(Augmentation(0.1), 0)) == "amount=0.1/popularity_exponent=0/seed=0"
    assert (
        str(Fit(Augmentation(0.1, 0.5), 0, "ease"))
        == "ease/amount=0.1/popularity_exponent=0.5/seed=0"
    )


def test_what_there_is_to_choose_from(tmp_path: Path) -> None:
    evaluation = EvaluationConfig(amounts=(0.5, 0.1, 0.5))
    made = experiment(
        tmp_path,
        evaluation=evaluation,
        filter=FilterConfig(min_votes=1, popularity_exponents=(1, 0)),
    )
    assert made.augmentations == [
        ORIGINAL_DATA,
        Augmentation(0.1, 0),
        Augmentation(0.1, 1),
        Augmentation(0.5, 0),
        Augmentation(0.5, 1),
    ]


def test_pairs_by_control() -> None:
    tables = data()
    assert tables.pairs(None) is tables.generated
    assert tables.pairs("ease").to_pylist() == [
        {"user": 0, "item": 9, "popularity_exponent": 0.0, "relative_rank": 1.0}
    ]
    assert tables.control_names == {"ease"}


def write(tables: Data, folder: Path) -> None:
    """What an experiment reads; the controls have none."""
    tables.train.write(folder / "train.parquet")
    tables.valid.write(folder / "heldout" / "valid.parquet")
    tables.test.write(folder / "heldout" / "test.parquet")
    pairs = zip(tables.train.user, tables.train.item, strict=True)
    original = generated([(user, item, 0.0) for user, item in pairs], exponent=None)
    origin = ["original"] * len(original) + ["generated"] * len(tables.generated)
    both = pa.concat_tables([original, tables.generated]).append_column("origin", [origin])
    (folder / "augmented").mkdir()
    pq.write_table(both, folder / "augmented" / "interactions.parquet")


def experiment(folder: Path, **values: Any) -> Experiment:
    """On what `write` wrote into the folder."""
    default = {
        "train_file": folder / "train.parquet",
        "heldout": folder / "heldout",
        "augmented": folder / "augmented",
        "recommender": "mf",
        "settings": MFConfig(embedding_size=4, max_epochs=3),
        "evaluation": EvaluationConfig(amounts=(1.0,), cutoffs=(3,)),
        "filter": FilterConfig(min_votes=1, agreement=0.0),
        "ease": EASEConfig(),
        "controls": (),
        "seed": 0,
        "device": "cpu",
        "fits": folder / "fits",
    }
    return Experiment(**{**default, **values})


def test_self_is_the_best_of_the_original_fit_in_the_language_models_volume(
    tmp_path: Path,
) -> None:
    write(data(), tmp_path)
    evaluation = EvaluationConfig(amounts=(1.0,), cutoffs=(3,), refit=True)
    filter = FilterConfig(min_votes=1, agreement=0.0, popularity_exponents=(0, 0.7))
    made = experiment(tmp_path, evaluation=evaluation, filter=filter, controls=("self",))
    first = Fit(ORIGINAL_DATA, 1)
    own, other = (Fit(Augmentation(1.0, exponent), 1, "self") for exponent in (0, 0.7))

    for fit in (first, own, other):
        made.select(fit)

    model = MF.load(tmp_path / "fits" / "amount=0" / "seed=1" / "model")
    train = data().train
    best = model.recommend(np.array([0, 1], np.int32), CANDIDATES, train)
    kept = tmp_path / "fits" / str(own) / "generated.parquet"
    expected = [
        (0, best[0, 0], 0.5 / 3), (0, best[0, 1], 1.5 / 3), (0, best[0, 2], 2.5 / 3),
        (1, best[1, 0], 0.5 / 2),
    ]  # fmt: skip
    table = pq.read_table(kept)
    in_order = table["popularity_exponent"].to_numpy() == 0
    assert table.filter(in_order).equals(generated(expected))
    assert read_json(kept.with_name("training.json"))["generated_pairs"] == 4
    # The same items are put in the other order: three and one are all that there is room for.
    popular = generated_pairs(table, other.augmentation)
    assert np.bincount(popular[0]).tolist() == [3, 1]
    assert read_json(tmp_path / "fits" / str(other) / "training.json")["generated_pairs"] == 4
    before = kept.read_bytes()

    made.test(first)  # refits the model that they came from
    made.test(own)

    assert kept.read_bytes() == before
    assert read_json(kept.with_name("test.json")).keys() >= {
        "coverage_at_3",
        "popularity_at_3",
        "ndcg_at_3_in_catalogue",
    }


def test_a_sequential_recommender_continues_the_original_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Generated items are trained on; train is continued, and at the test validation too."""
    tables = data("after")
    write(tables, tmp_path)
    made = experiment(
        tmp_path,
        recommender="sasrec",
        settings=SASRecConfig(embedding_size=4, max_epochs=1),
        evaluation=EvaluationConfig(amounts=(1.0,), cutoffs=(3,), placement="after"),
        filter=FilterConfig(min_votes=1, popularity_exponents=(0,)),
    )
    trained: list[Interactions] = []
    continued: list[Interactions] = []
    start, recommend = SASRec.start, SASRec.recommend

    def noted_start(self: SASRec, train: Interactions) -> None:
        trained.append(train)
        start(self, train)

    def noted_recommend(self: SASRec, users: IntArray, k: int, seen: Interactions) -> IntArray:
        continued.append(seen)
        return recommend(self, users, k, seen)

    monkeypatch.setattr(SASRec, "start", noted_start)
    monkeypatch.setattr(SASRec, "recommend", noted_recommend)

    fit = Fit(Augmentation(1.0), 0)
    made.select(fit)
    made.test(fit)

    assert [train.items_of(0).tolist() for train in trained] == [[3, 1, 2, 7, 8, 9]]
    assert [seen.items_of(0).tolist() for seen in continued] == [
        [3, 1, 2],  # at the only epoch
        [3, 1, 2],  # for the choice of the amount
        [3, 1, 2, 5],
    ]
    assert read_json(tmp_path / "fits" / str(fit) / "training.json")["best_epoch"] == 1
