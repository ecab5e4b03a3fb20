"""What a fit is trained on, and what is known before the test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.arms import ORIGINAL
from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.config import EvaluationConfig, FilterConfig, Placement
from llm4idrec.config.recommenders import EASEConfig, MFConfig, PopularityConfig, SASRecConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.data.known import known_before_test
from llm4idrec.evaluation.arm_tables import replicate_file, replicate_of
from llm4idrec.evaluation.experiment import Experiment, Fit, Inputs
from llm4idrec.recommenders.base import Recommender
from llm4idrec.recommenders.graph.mf import MF
from llm4idrec.recommenders.sequential.sasrec import SASRec
from llm4idrec.recommenders.validation import Training, Validation
from tests.llm4idrec.two_tastes import added, write_arms

ITEMS = 10
FIRST = added([(0, 9, 1.0), (1, 7, 0.5), (0, 8, 0.67), (0, 7, 0.33)])
"""The order of the rows means nothing: the relative rank is the rank."""
OTHER = added([(0, 8, 0.33), (0, 9, 0.67), (0, 0, 1.0), (1, 8, 0.5)], exponent=0.7)
CUTOFFS = EvaluationConfig(amounts=(1.0,), cutoffs=(3,))


def timed(
    pairs: list[tuple[int, int, int]], n_items: int = ITEMS, time: bool = True
) -> Interactions:
    user, item, stamp = np.array(pairs).T
    return Interactions(user, item, 2, n_items, stamp if time else None)


def experiment(folder: Path, time: bool = True, **values: Any) -> Experiment:
    """User 0 takes 3, 1, 2, then 5 (validation), then 6 (test); user 1 takes 0, 4, the last, 3."""
    train = timed([(0, 1, 20), (0, 2, 30), (0, 3, 10), (1, 0, 5), (1, 4, 6)], time=time)
    valid = timed([(0, 5, 40), (1, ITEMS, 7)], ITEMS + 1, time)
    test = timed([(0, 6, 50), (1, 3, 8)], ITEMS + 1, time)
    for name, part in (("train", train), ("known", known_before_test(train, valid))):
        part.write(folder / name / "interactions.parquet")
    valid.write(folder / "heldout" / "valid.parquet")
    test.write(folder / "heldout" / "test.parquet")
    both = {"language_model": pa.concat_tables([FIRST, OTHER])}
    for name in ("selection", "final-0"):
        write_arms(replicate_file(folder / "augmented", name), both)
    names = ("train", "known", "heldout", "augmented", "replicates")
    default = {
        "inputs": Inputs(*(folder / name for name in names)),
        "recommender": "mf",
        "settings": MFConfig(embedding_size=4, max_epochs=3),
        "evaluation": CUTOFFS,
        "runs": 1,
        "filter": FilterConfig(min_votes=1, popularity_exponents=(0, 0.7)),
        "ease": EASEConfig(),
        "controls": (),
        "seed": 0,
        "device": "cpu",
        "fits": folder / "fits",
    }
    return Experiment(**{**default, **values})


class Noted:
    """What recommenders were trained on and ranked for, in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: type[Recommender]) -> None:
        self.trained: list[Interactions] = []
        self.epochs: list[int | None] = []
        self.seen: list[Interactions] = []
        self.continued: list[Interactions] = []
        fit, recommend = kind.fit, kind.recommend

        def noted_fit(
            recommender: Recommender,
            train: Interactions,
            validation: Validation | None = None,
            epochs: int | None = None,
        ) -> Training:
            self.trained.append(train)
            self.epochs.append(epochs)
            return fit(recommender, train, validation, epochs)

        def noted_recommend(
            recommender: Recommender,
            users: IntArray,
            k: int,
            seen: Interactions,
            *,
            history: Interactions | None = None,
        ) -> IntArray:
            self.seen.append(seen)
            self.continued.append(seen if history is None else history)
            return recommend(recommender, users, k, seen, history=history)

        monkeypatch.setattr(kind, "fit", noted_fit)
        monkeypatch.setattr(kind, "recommend", noted_recommend)

    def lists(self, user: int) -> list[list[int]]:
        return [train.items_of(user).tolist() for train in self.trained]


def model(amount: float, exponent: float = 0.0, seed: int = 0) -> Fit:
    return Fit("language_model", Augmentation(amount, exponent), seed)


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        ("before", [8, 7, 3, 1, 2]),
        ("spread", [3, 8, 1, 7, 2]),
        ("after", [3, 1, 2, 7, 8]),
    ],
)
def test_training_set_places_the_best_by_relative_rank(
    placement: Placement, expected: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = Noted(monkeypatch, MF)
    evaluation = CUTOFFS.model_copy(update={"placement": placement})
    experiment(tmp_path, evaluation=evaluation).select(model(0.7))
    assert noted.lists(0) == [expected]


def test_amounts_nest_and_an_order_is_a_training_set_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = Noted(monkeypatch, MF)
    made = experiment(tmp_path)
    for amount in (0.2, 0.4, 0.5, 1.0):
        made.select(model(amount))
    assert [len(train) - 5 for train in noted.trained] == [0, 1, 2, 4]
    made.select(model(1.0, 0.7))
    made.select(model(0.4, 0.7))
    assert noted.lists(0)[-2:] == [[0, 9, 8, 3, 1, 2], [8, 3, 1, 2]]
    assert noted.lists(1)[-2] == [8, 0, 4]


def test_a_refit_knows_validation_and_is_of_the_mean_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = Noted(monkeypatch, MF)
    made = experiment(tmp_path)
    for seed in range(2):
        made.select(model(1.0, seed=seed))
    made.test(model(1.0))
    assert noted.lists(0)[-1] == [9, 8, 7, 3, 1, 2, 5]
    best = [made.training(model(1.0, seed=seed))["best_epoch"] for seed in range(2)]
    assert noted.epochs == [None, None, round(sum(best) / 2)]
    seen = noted.seen[-1]
    assert seen.items_of(0).tolist() == [3, 1, 2, 5]
    assert seen.items_of(1).tolist() == [0, 4]  # the other one is not in the catalogue


def test_without_a_refit_validation_is_only_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = Noted(monkeypatch, MF)
    made = experiment(tmp_path, evaluation=CUTOFFS.model_copy(update={"refit": False}))
    inputs = made.inputs._replace(known=made.inputs.train)
    made = experiment(tmp_path, inputs=inputs, evaluation=made.evaluation)
    made.test(model(1.0))
    assert noted.lists(0) == [[9, 8, 7, 3, 1, 2]]
    assert noted.epochs == [None]
    assert noted.seen[-1].items_of(0).tolist() == [3, 1, 2, 5]


def test_without_time_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = Noted(monkeypatch, MF)
    experiment(tmp_path, time=False).select(model(1.0))
    (train,) = noted.trained
    assert train.timestamp is None
    assert sorted(train.items_of(0).tolist()) == [1, 2, 3, 7, 8, 9]


def test_names_of_fits() -> None:
    assert str(Fit(ORIGINAL, ORIGINAL_DATA, 1)) == "original/seed=1"
    assert str(model(0.1)) == "language_model/amount=0.1/popularity_exponent=0/seed=0"
    assert str(Fit("svd+ease", Augmentation(0.1, 0.5), 2)) == (
        "svd+ease/amount=0.1/popularity_exponent=0.5/seed=2"
    )


def test_what_there_is_to_choose_from(tmp_path: Path) -> None:
    made = experiment(
        tmp_path,
        evaluation=EvaluationConfig(amounts=(0.5, 0.1, 0.5)),
        filter=FilterConfig(min_votes=1, popularity_exponents=(1, 0)),
    )
    assert made.augmentations == [
        ORIGINAL_DATA,
        Augmentation(0.1, 0),
        Augmentation(0.1, 1),
        Augmentation(0.5, 0),
        Augmentation(0.5, 1),
    ]


def test_which_fits_stand_for_which_seeds(tmp_path: Path) -> None:
    """Of a recommender without seeds a fit a replicate, if a replicate means something."""
    made = experiment(tmp_path, runs=2)
    arms = ("language_model", "svd+ease", "self", "random")
    seeds = {arm: [fit.seed for fit in made.comparing(arm, Augmentation(0.5))] for arm in arms}
    assert set(map(tuple, seeds.values())) == {(0, 1, 2, 3, 4)}
    popular = experiment(tmp_path, runs=2, recommender="popularity", settings=PopularityConfig())
    seeds = {arm: [fit.seed for fit in popular.comparing(arm, Augmentation(0.5))] for arm in arms}
    assert seeds["language_model"] == seeds["random"] == [0, 1, 0, 1, 0]
    assert seeds["svd+ease"] == seeds["self"] == [0] * 5
    assert [fit.seed for fit in made.selecting("svd", Augmentation(0.5))] == [0, 1]
    assert [fit.seed for fit in popular.selecting("svd", Augmentation(0.5))] == [0, 0]
    assert [replicate_of(arm, 1) for arm in arms] == ["final-1", "final-0", "final-1", "final-1"]


def test_self_is_the_best_of_the_original_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same seed, and of what knows as much: train, or all that is known before the test."""
    noted = Noted(monkeypatch, MF)
    made = experiment(tmp_path, controls=("self",))
    original, own = Fit(ORIGINAL, ORIGINAL_DATA, 1), Fit("self", Augmentation(1.0), 1)
    for fit in (original, own, original._replace(seed=0), own._replace(seed=0)):
        made.select(fit)
    table = pq.read_table(made.folder(original, "selection") / "own.parquet").to_pandas()
    assert list(table.columns) == ["arm", "user", "item", "popularity_exponent", "relative_rank"]
    best = table[(table["popularity_exponent"] == 0) & (table["user"] == 0)]["item"].tolist()
    assert set(best).isdisjoint({1, 2, 3})
    assert noted.lists(0)[1] == [*best[:3][::-1], 3, 1, 2]
    made.test(original)
    made.test(own)
    table = pq.read_table(made.folder(original, "final") / "own.parquet").to_pandas()
    best = table[(table["popularity_exponent"] == 0) & (table["user"] == 0)]["item"].tolist()
    assert set(best).isdisjoint({1, 2, 3, 5})
    assert noted.lists(0)[-1] == [*best[:4][::-1], 3, 1, 2, 5]
    assert made.added(own) == len(noted.trained[-1]) - 6
    assert made.measures(own).numbers.keys() >= {
        "coverage_at_3",
        "popularity_at_3",
        "ndcg_at_3_in_catalogue",
    }


@pytest.mark.parametrize("refit", [True, False])
def test_a_sequential_recommender_continues_what_it_was_trained_on(
    refit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Generated items stand in the history that it is asked with too; only the original's are left
    out of its ranking, and at the test validation is known."""
    noted = Noted(monkeypatch, SASRec)
    values = {"placement": "before", "selection_seeds": 1, "refit": refit}
    made = experiment(
        tmp_path,
        recommender="sasrec",
        settings=SASRecConfig(embedding_size=4, max_epochs=1),
        evaluation=CUTOFFS.model_copy(update=values),
    )
    if not refit:
        made = replace(made, inputs=made.inputs._replace(known=made.inputs.train))
    made.select(model(1.0))
    at_validation = len(noted.seen)
    made.test(model(1.0))

    train, seen = [9, 8, 7, 3, 1, 2], [3, 1, 2]
    assert noted.lists(0) == [train, [*train, 5] if refit else train]
    for asked, out in zip(noted.continued[:-1], noted.seen[:-1], strict=True):
        assert asked.items_of(0).tolist() == train
        assert out.items_of(0).tolist() == seen
    assert at_validation == 2  # at the only epoch, and for the choice of the amount
    assert noted.continued[-1].items_of(0).tolist() == [*train, 5]
    assert noted.seen[-1].items_of(0).tolist() == [*seen, 5]
