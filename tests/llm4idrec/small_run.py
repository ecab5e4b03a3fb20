"""What the stages before the report leave, with figures by hand, and the report on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.artifacts import EVALUATIONS, FIGURES
from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.evaluation.ledger import Look, record
from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.runtime.files import content_hash, write_json
from llm4idrec.runtime.project import CODE
from llm4idrec.stages.report import STAGE, report
from tests.conftest import tiny_params
from tests.llm4idrec.report.html_page import Page

USERS, SEEDS = 30, 4
METRICS = ("recall_at_5", "ndcg_at_5")
CHOSEN = Augmentation(0.5, 1.0)
TRIED = {
    ORIGINAL_DATA: [0.2, 0.21],
    Augmentation(0.5, 0.0): [0.24, 0.23],
    CHOSEN: [0.25, 0.24],
    Augmentation(1.0, 0.0): [0.22, 0.23],
    Augmentation(1.0, 1.0): [0.21, 0.23],
}


def write_evaluation(
    folder: Path, gain: float, chosen: Augmentation, controls: tuple[str, ...] = ()
) -> Path:
    """Augmented metrics are the original ones with up to twice `gain` more; a control's are the
    original ones, of one seed less."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    n = SEEDS * USERS
    base = np.tile(rng.uniform(0.1, 0.5, USERS), SEEDS)
    variants = ("original", "augmented", *controls)
    gains: list[FloatArray | float] = [
        1.0,
        1 + gain * rng.random(n),
        *(1 + 0.001 * rng.random(n) for _ in controls),
    ]
    columns = {m: np.concatenate([base * g for g in gains]) for m in METRICS}
    table = {
        "variant": np.repeat(variants, n),
        "seed": np.tile(np.repeat(np.arange(SEEDS), USERS), len(variants)),
        "user": np.tile(np.arange(USERS), len(variants) * SEEDS),
    }
    rows = pa.table({**table, **columns})
    fewer = np.isin(table["variant"], controls) & (table["seed"] == SEEDS - 1)
    pq.write_table(rows.filter(~fewer), folder / "per_user.parquet")
    scores = [{**a._asdict(), "by_seed": by_seed} for a, by_seed in TRIED.items()]
    selection = {"metric": "ndcg_at_5", "scores": scores, "chosen": chosen._asdict()}
    write_json(folder / "selection.json", selection)
    summary = {f"chosen_{name}": value for name, value in chosen._asdict().items()}
    summary |= {"generated_pairs": 30 if chosen.amount else 0}
    for control in controls:
        summary |= {f"{control}_generated_pairs": 29, f"{control}_seeds": SEEDS - 1}
    for place, variant in enumerate(variants):
        summary |= {f"{variant}_recall_at_5_head": 0.5 + place / 100}
        summary |= {f"{variant}_recall_at_5_tail": 0.0625}
        summary |= {f"{variant}_ndcg_at_5_in_catalogue": 0.25 + place / 20}
        summary |= {f"{variant}_coverage_at_5": 0.75, f"{variant}_popularity_at_5": 21.4}
    write_json(folder / "summary.json", summary)
    write_json(folder / "cost.json", {"seconds": 12.0})
    fits = [f"{augmentation}/seed={seed}" for augmentation in TRIED for seed in range(SEEDS)]
    fits += [f"{name}/{chosen}/seed={s}" for name in controls for s in range(SEEDS - 1)]
    history = [
        {"series": fit, "step": step, "loss": 1 / step} | dict.fromkeys(METRICS, 0.1 + step / 100)
        for fit in fits
        for step in (5, 10, 15)
    ]
    pq.write_table(pa.Table.from_pylist(history), folder / "history.parquet")
    return folder


def write_augmented(folder: Path) -> None:
    """The language model adds item 3 for users 0 and 1, EASE for users 0 and 2, at 0.5; with
    popular items discounted, both add item 2 for user 0."""
    folder.mkdir()
    kinds = {
        "user": pa.int32(),
        "item": pa.int32(),
        "relative_rank": pa.float32(),
        "popularity_exponent": pa.float32(),
    }
    rows = {
        "augmented": [(0, 3, 0.5, 0.0), (1, 3, 0.25, 0.0), (0, 2, 0.5, 1.0)],
        "ease": [(0, 3, 0.5, 0.0), (2, 3, 0.25, 0.0), (0, 2, 0.5, 1.0)],
    }
    tables = {
        name: pa.table(dict(zip(kinds, zip(*pairs, strict=True), strict=True)), pa.schema(kinds))
        for name, pairs in rows.items()
    }
    generated = tables["augmented"].append_column("origin", [["generated"] * 3])
    pq.write_table(generated, folder / "interactions.parquet")
    controls = tables["ease"].add_column(0, "control", [["ease"] * 3])
    pq.write_table(controls, folder / "controls.parquet")


def small_run(tmp_path: Path) -> dict[str, Any]:
    """What the report takes, by name; the working directory gets a `params.yaml`."""
    user, item = np.divmod(np.arange(USERS * 4, dtype=np.int32), 4)
    kept = item <= user % 4
    train = Interactions(user[kept], item[kept], USERS, 4)
    train.write(tmp_path / "train" / "interactions.parquet")
    for name, items in (("valid", [3, 2]), ("test", [2, 4, 3])):
        users = np.arange(len(items), dtype=np.int32)
        held = Interactions(users, np.array(items, np.int32), USERS, 5)
        held.write(tmp_path / "heldout" / f"{name}.parquet")
    write_json(
        tmp_path / "train" / "summary.json",
        {"users": USERS, "catalogue_items": 4, "train_pairs": len(train), "density": 0.625}
        | {"test_pairs_outside_catalogue": 1, "test_users": 3, "test_users_in_catalogue": 2}
        | {"successor_hr_at_10_shuffled": 0.036, "successor_hr_at_10_as_given": 0.048},
    )
    for name, seconds in (("base_model", 60.0), ("adapter", 99.0), ("generations", 3661.0)):
        write_json(tmp_path / name / "cost.json", {"seconds": seconds})
    write_json(
        tmp_path / "candidates" / "summary.json",
        {"generated": 900, "duplicate": 40, "candidates": 500, "not_an_item": 10}
        | {"not_in_catalogue": 20, "already_seen": 30, "few_votes": 100, "low_log_probability": 0}
        | {"over_amount": 120, "accepted": 220, "users_with_accepted": 30},
    )
    write_augmented(tmp_path / "augmented")
    (tmp_path / "ratings.csv").write_text("user,item,time\n")
    this = content_hash(tmp_path / "heldout" / "test.parquet")
    for name, test, question in (
        ("mf", this, "first"),
        ("mf", this, "second"),
        ("mf", "another test set", "third"),
        ("lightgcn", this, "fourth"),
    ):
        record(tmp_path / "ledger" / f"{name}.jsonl", look(test, name, question))
    made: tuple[str, ...] = (
        "raw",
        "train",
        "heldout",
        "prompts",
        "base_model",
        "adapter",
        "generations",
    )
    made += ("controls", "candidates", "augmented")
    return {name: tmp_path / name for name in made} | {
        "evaluations": [
            write_evaluation(tmp_path / "evaluation" / "mf", 0.4, CHOSEN, ("ease", "self")),
            write_evaluation(tmp_path / "evaluation" / "lightgcn", 0.0, ORIGINAL_DATA),
        ],
        "ledgers": tmp_path / "ledger",
        "out": tmp_path / "reports",
        "source": tmp_path / "ratings.csv",
        "config": tiny_config(),
        "code": "commit 0123abcd",
    }


def look(test: str, recommender: str, question: str) -> Look:
    return Look(
        test=test,
        recommender=recommender,
        question=question,
        settings={"seed": 1},
        code="commit 0123abcd",
        result={"original ndcg_at_5": 0.25},
    )


def tiny_config(**changes: Mapping[str, object]) -> Config:
    changes = {"split": {"protocol": "leave_last_out"}, **changes}
    return tiny_params(**changes)


def make(folders: dict[str, Any], **changes: Any) -> Page:
    """The report on what `small_run` gives, or on other of it."""
    given = folders | changes
    files = {artifact: given[artifact.name] for artifact in STAGE.reads if artifact.name in given}
    names = tuple(folder.name for folder in given["evaluations"])
    files[EVALUATIONS] = given["evaluations"][0].parent
    files |= {artifact: given["out"] / Path(artifact.path).name for artifact in STAGE.writes}
    with patch.dict(os.environ, {CODE: given["code"]}):
        report(files, given["config"].model_copy(update={"recommenders": names}))
    return Page(files[FIGURES].read_text(encoding="utf-8"))
