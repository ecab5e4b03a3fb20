"""A small data set whose evaluation is known, and its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.config import EvaluationConfig, FilterConfig
from llm4idrec.config.recommenders import EASEConfig, MFConfig, RecommenderConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.evaluation.evaluate import evaluate_recommender
from llm4idrec.evaluation.experiment import Experiment

SETTINGS = MFConfig(
    embedding_size=8,
    learning_rate=0.05,
    l2=0.01,
    batch_size=64,
    max_epochs=30,
    evaluate_every=5,
    init_scale=0.1,
)
EVALUATION = EvaluationConfig(
    seeds=3, selection_seeds=2, control_seeds=3, amounts=(0.5, 1.0), cutoffs=(2, 4), workers=1
)
FILTER = FilterConfig(min_votes=1, agreement=0.0, popularity_exponents=(0,))
ORDERS = FILTER.model_copy(update={"popularity_exponents": (0.0, 0.7)})
EASE = EASEConfig(l2=1.0)
USERS, ITEMS, BLOCK = 24, 24, 12
CONTROLS = ("random", "ease", "self")


@dataclass(frozen=True)
class Files:
    train: Path
    heldout: Path
    augmented: Path
    out: Path

    def evaluate(
        self,
        evaluation: EvaluationConfig = EVALUATION,
        seed: int = 7,
        controls: tuple[str, ...] = (),
        filter: FilterConfig = FILTER,
        recommender: str = "mf",
        settings: RecommenderConfig = SETTINGS,
    ) -> Path:
        experiment = Experiment(
            train_file=self.train,
            heldout=self.heldout,
            augmented=self.augmented,
            recommender=recommender,
            settings=settings,
            evaluation=evaluation,
            filter=filter,
            ease=EASE,
            controls=controls,
            seed=seed,
            device="cpu",
        )
        evaluate_recommender(experiment, self.out, self.ledger)
        return self.out

    @property
    def ledger(self) -> Path:
        return self.out.with_suffix(".jsonl")

    @property
    def interactions(self) -> Path:
        return self.augmented / "interactions.parquet"


def two_tastes() -> tuple[Interactions, Interactions, Interactions, pa.Table]:
    """Each half of the users likes one half of the items.

    What is generated for a user is one item of the validation set and two of the test set. One
    held-out item, number ITEMS, is outside the catalogue.
    """
    rng = np.random.default_rng(3)
    train, valid, test, generated = [], [], [], []
    for user in range(USERS):
        liked = rng.permutation(BLOCK) + (user >= USERS // 2) * BLOCK
        train += [(user, item) for item in liked[:4]]
        valid += [(user, item) for item in liked[4:6]]
        test += [(user, item) for item in liked[6:9]]
        generated += [(user, item, (n + 1) / 4) for n, item in enumerate(liked[5:8])]
    test.append((0, ITEMS))
    rows = [(u, i, "original", 0.0) for u, i in train]
    rows += [(u, i, "generated", relative_rank) for u, i, relative_rank in generated]
    users, items, origins, relative_ranks = zip(*rows, strict=True)
    table = pa.table(
        {
            "user": pa.array(users, pa.int32()),
            "item": pa.array(items, pa.int32()),
            "origin": pa.array(origins),
            "popularity_exponent": pa.array(
                [None if o == "original" else 0 for o in origins], pa.float32()
            ),
            "relative_rank": pa.array(relative_ranks, pa.float32()),
        }
    )
    return (
        _interactions(train, ITEMS),
        _interactions(valid, ITEMS + 1),
        _interactions(test, ITEMS + 1),
        table,
    )


def _interactions(pairs: list[tuple[int, int]], n_items: int) -> Interactions:
    user, item = np.array(pairs, np.int32).T
    return Interactions(user, item, USERS, n_items)


def stand_ins(augmented: pa.Table) -> pa.Table:
    """`ease` has the language model's pairs; `random` as many, of what the user does not like."""
    generated = augmented.filter(pc.equal(augmented["origin"], "generated")).drop_columns("origin")
    disliked = (generated["item"].to_numpy() + BLOCK) % ITEMS
    other = generated.set_column(1, "item", pa.array(disliked, pa.int32()))
    tables = {"random": other, "ease": generated}
    return pa.concat_tables(
        table.add_column(0, "control", pa.repeat(name, len(table)))
        for name, table in tables.items()
    )


def write_files(folder: Path) -> Files:
    train, valid, test, table = two_tastes()
    files = Files(
        folder / "train.parquet", folder / "heldout", folder / "augmented", folder / "out"
    )
    train.write(files.train)
    valid.write(files.heldout / "valid.parquet")
    test.write(files.heldout / "test.parquet")
    files.augmented.mkdir()
    pq.write_table(table, files.interactions)
    pq.write_table(stand_ins(table), files.augmented / "controls.parquet")
    return files
