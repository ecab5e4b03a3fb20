"""A small data set whose evaluation is known, and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.augmentation.replicate_files import source_file
from llm4idrec.config import EvaluationConfig, FilterConfig
from llm4idrec.config.recommenders import EASEConfig, MFConfig
from llm4idrec.data.candidates import SCHEMA
from llm4idrec.data.interactions import Interactions
from llm4idrec.evaluation.arm_tables import replicate_file
from llm4idrec.evaluation.evaluate import evaluate_recommender
from llm4idrec.evaluation.experiment import Experiment, Inputs

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
    seeds=3, selection_seeds=2, amounts=(0.5, 1.0), cutoffs=(2, 4), workers=1, refit=False
)
REFIT = EVALUATION.model_copy(update={"refit": True})
FILTER = FilterConfig(min_votes=1, popularity_exponents=(0,))
ORDERS = FILTER.model_copy(update={"popularity_exponents": (0.0, 0.7)})
EASE = EASEConfig(l2=1.0)
USERS, ITEMS, BLOCK, RUNS = 24, 24, 12, 2
CONTROLS = ("random", "svd", "self")
REPLICATES = ("selection", "final-0", "final-1")


@dataclass(frozen=True)
class Files:
    root: Path
    out: Path

    def inputs(self, refit: bool = False) -> Inputs:
        names = ("train", "known" if refit else "train", "heldout", "augmented", "replicates")
        return Inputs(*(self.root / name for name in names))

    def evaluate(
        self,
        evaluation: EvaluationConfig = EVALUATION,
        seed: int = 7,
        controls: tuple[str, ...] = (),
        **changes: Any,
    ) -> Path:
        values: dict[str, Any] = {
            "inputs": self.inputs(evaluation.refit),
            "recommender": "mf",
            "settings": SETTINGS,
            "evaluation": evaluation,
            "runs": RUNS,
            "filter": FILTER,
            "ease": EASE,
            "controls": controls,
            "seed": seed,
            "device": "cpu",
        }
        evaluate_recommender(Experiment(**(values | changes)), self.out, self.ledger)
        return self.out

    @property
    def ledger(self) -> Path:
        return self.out.with_suffix(".jsonl")

    @property
    def heldout(self) -> Path:
        return self.root / "heldout"

    def arms(self, replicate: str) -> Path:
        return replicate_file(self.root / "augmented", replicate)

    def beside(self, name: str) -> Files:
        """The same with another output."""
        return Files(self.root, self.out.parent / name)


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
    return (
        _interactions(train, ITEMS),
        _interactions(valid, ITEMS + 1),
        _interactions(test, ITEMS + 1),
        added(generated),
    )


def _interactions(pairs: list[tuple[int, int]], n_items: int) -> Interactions:
    user, item = np.array(pairs, np.int32).T
    return Interactions(user, item, USERS, n_items)


def added(rows: Sequence[tuple[int, int, float]], exponent: float = 0.0) -> pa.Table:
    """Columns user, item, popularity_exponent, relative_rank, of (user, item, relative rank)."""
    user, item, relative_rank = zip(*rows, strict=True)
    return pa.table(
        {
            "user": pa.array(user, pa.int32()),
            "item": pa.array(item, pa.int32()),
            "popularity_exponent": pa.array([exponent] * len(rows), pa.float32()),
            "relative_rank": pa.array(relative_rank, pa.float32()),
        }
    )


def write_arms(file: Path, arms: Mapping[str, pa.Table]) -> None:
    """As the stage `augment` does."""
    file.parent.mkdir(parents=True, exist_ok=True)
    tables = (its.add_column(0, "arm", pa.repeat(arm, len(its))) for arm, its in arms.items())
    pq.write_table(pa.concat_tables(tables), file)


def disliked(generated: pa.Table) -> pa.Table:
    """As many items, of those that the user does not like."""
    other = (generated["item"].to_numpy() + BLOCK) % ITEMS
    return generated.set_column(1, "item", pa.array(other, pa.int32()))


def write_files(folder: Path) -> Files:
    """`svd` adds what the language model adds, `random` what nobody likes; the second of the final
    replicates has fewer items of each."""
    train, valid, test, table = two_tastes()
    files = Files(folder, folder / "out")
    train.write(folder / "train" / "interactions.parquet")
    known = train.union(valid.user, valid.item)
    known.write(folder / "known" / "interactions.parquet")
    valid.write(files.heldout / "valid.parquet")
    test.write(files.heldout / "test.parquet")
    for replicate in REPLICATES:
        its = table.slice(0, len(table) - 3) if replicate == "final-1" else table
        arms = {"language_model": its, "random": disliked(its), "svd": its}
        if replicate == "final-1":
            del arms["svd"]
        write_arms(files.arms(replicate), arms)
    return files


def write_ease(files: Files) -> None:
    """Rankings of EASE, which knows what each user will take."""
    for replicate, heldout in (("selection", "valid"), ("final-0", "test")):
        held = Interactions.read(files.heldout / f"{heldout}.parquet")
        kept = held.item < ITEMS
        user, item = held.user[kept], held.item[kept]
        rank = np.arange(len(user)) - np.searchsorted(user, user) + 1
        columns = {"user": user, "item": item, "rank": rank.astype(np.int32)}
        nothing = pa.nulls(len(user))
        table = pa.table([columns.get(n, nothing) for n in SCHEMA.names], SCHEMA.names).cast(SCHEMA)
        file = source_file(files.root / "replicates" / replicate, "ease")
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, file)
