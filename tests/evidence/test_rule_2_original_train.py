"""Rule 2: the catalogue, the test users and the seen items come from the ORIGINAL train set, and a
generated item that is a test item can still be a hit.

By hand, with the recommender of popular items. Users 0 to 4 will take item 2 (validation) and
item 1 (test), which hardly anybody has; the generator proposes both to each of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from llm4idrec.config import EvaluationConfig, FilterConfig
from llm4idrec.config.recommenders import EASEConfig, PopularityConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.evaluation.arm_tables import replicate_file
from llm4idrec.evaluation.evaluate import evaluate_recommender
from llm4idrec.evaluation.experiment import Experiment, Inputs
from llm4idrec.runtime.files import read_json
from tests.llm4idrec.two_tastes import added, write_arms

TRAIN = {
    0: [0, 3], 1: [0, 3], 2: [0, 3], 3: [0, 3], 4: [0, 4],
    5: [1, 2, 4, 5, 6, 7], 6: [2, 4, 5, 6, 7], 7: [4, 5, 6, 7],
}  # fmt: skip
"""Items 0 to 7 have 5, 1, 2, 4, 4, 3, 3 and 3 interactions."""
GENERATED = {user: [2, 1] for user in range(5)}
VALID = {user: [2] for user in range(5)}
TEST = {0: [1, 8], 1: [1], 2: [1], 3: [1], 4: [1], 5: [0]}
"""Item 8 is in no train history, so not in the catalogue. Users 6 and 7 have nothing held out."""
USERS, ITEMS = 8, 8


def pairs(items: dict[int, list[int]]) -> tuple[IntArray, IntArray]:
    user, item = zip(*((u, i) for u, its in items.items() for i in its), strict=True)
    return np.array(user, np.int32), np.array(item, np.int32)


@pytest.fixture
def evaluated(tmp_path: Path) -> Path:
    """Without a refit, so that what is learnt from is the same at validation and at the test."""
    Interactions(*pairs(TRAIN), USERS, ITEMS).write(tmp_path / "train" / "interactions.parquet")
    for name, items in (("valid", VALID), ("test", TEST)):
        part = Interactions(*pairs(items), USERS, ITEMS + 1)
        part.write(tmp_path / "heldout" / f"{name}.parquet")
    rows = [
        (user, item, (n + 0.5) / len(TRAIN[user]))
        for user, items in GENERATED.items()
        for n, item in enumerate(items)
    ]
    for replicate in ("selection", "final-0"):
        write_arms(
            replicate_file(tmp_path / "augmented", replicate), {"language_model": added(rows)}
        )
    names = ("train", "train", "heldout", "augmented", "replicates")
    experiment = Experiment(
        Inputs(*(tmp_path / name for name in names)),
        recommender="popularity",
        settings=PopularityConfig(),
        evaluation=EvaluationConfig(amounts=(1.0,), cutoffs=(1,), workers=1, refit=False),
        runs=1,
        filter=FilterConfig(min_votes=1, popularity_exponents=(0,)),
        ease=EASEConfig(),
        controls=(),
        seed=1,
        device="cpu",
    )
    evaluate_recommender(experiment, tmp_path / "out", tmp_path / "ledger.jsonl")
    return tmp_path / "out"


def recalls(evaluated: Path, variant: str) -> dict[int, float]:
    rows = pq.read_table(evaluated / "per_user.parquet").to_pylist()
    its = (row for row in rows if row["variant"] == variant and row["seed"] == 0)
    return {row["user"]: row["recall_at_1"] for row in its}


def test_a_generated_item_can_be_a_hit(evaluated: Path) -> None:
    """In validation, where item 2 is chosen for, and at the test, where item 1 is found."""
    assert read_json(evaluated / "summary.json")["chosen_amount"] == 1.0
    hits = recalls(evaluated, "language_model")
    assert [hits[user] for user in range(1, 5)] == [1.0] * 4
    assert [recalls(evaluated, "original")[user] for user in range(1, 5)] == [0.0] * 4


def test_test_users_are_those_of_the_original_train(evaluated: Path) -> None:
    """User 5, for whom nothing is generated, is one of them."""
    for variant in ("original", "language_model"):
        assert list(recalls(evaluated, variant)) == [0, 1, 2, 3, 4, 5]
        assert recalls(evaluated, variant)[5] == 1.0


def test_seen_is_the_original_history_and_what_was_validated(evaluated: Path) -> None:
    """Nobody is shown again what is most popular but known: by hand, what each ranks first."""
    numbers = read_json(evaluated / "summary.json")
    counts = np.bincount(pairs(TRAIN)[1])
    # Users 0 to 3 get item 4, user 4 item 3, user 5 item 0; with the generated ones 1 instead.
    first = {"original": [4, 4, 4, 4, 3, 0], "language_model": [1, 1, 1, 1, 1, 0]}
    for variant, items in first.items():
        assert numbers[f"{variant}_popularity_at_1"] == pytest.approx(counts[items].mean())


def test_the_catalogue_is_that_of_the_original_train(evaluated: Path) -> None:
    """Of 8 items: item 8, which is only held out, is no part of it and a miss."""
    numbers = read_json(evaluated / "summary.json")
    assert numbers["original_coverage_at_1"] == 3 / 8
    assert numbers["language_model_coverage_at_1"] == 2 / 8
    assert recalls(evaluated, "language_model")[0] == 1 / 2
