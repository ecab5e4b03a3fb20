"""What the stages before the report leave, with figures by hand, and the report on it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.artifacts import EVALUATIONS, FIGURES
from llm4idrec.augmentation.arms import LANGUAGE_MODEL
from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.evaluation.ledger import Look, record
from llm4idrec.runtime.files import content_hash, read_json, write_json
from llm4idrec.runtime.project import CODE
from llm4idrec.stages.report import STAGE, report
from tests.conftest import tiny_params
from tests.llm4idrec import evaluations
from tests.llm4idrec.evaluations import write_rankings
from tests.llm4idrec.report.html_page import Page

USERS, SEEDS, RUNS = 30, 4, 4
METRICS = ("ndcg_at_5", "recall_at_5")
CHOSEN = Augmentation(0.5, 1.0)
TRIED = {
    ORIGINAL_DATA: [0.2, 0.21],
    Augmentation(0.5, 0.0): [0.24, 0.23],
    CHOSEN: [0.25, 0.24],
    Augmentation(1.0, 0.0): [0.22, 0.23],
    Augmentation(1.0, 1.0): [0.21, 0.23],
}
LEVELS = np.random.default_rng(1).uniform(0.1, 0.5, USERS)


def write_evaluation(folder: Path, gains: Mapping[str, float], nothing: Sequence[str] = ()) -> Path:
    """With each arm, metrics are the original ones and up to twice its gain more; those of
    `nothing` chose to add nothing."""
    rng = np.random.default_rng(1)
    original = np.tile(LEVELS, (SEEDS, 1))
    values = {"original": original}
    values |= {
        arm: original * (1 + gain * 2 * rng.random(original.shape)) for arm, gain in gains.items()
    }
    values["original&ease"] = original * 1.01
    if LANGUAGE_MODEL in gains:
        values["language_model&ease"] = values[LANGUAGE_MODEL] * 1.02
    metrics = dict.fromkeys(METRICS, values)
    evaluations.write_evaluation(folder, metrics, nothing=nothing, chosen=CHOSEN, runs=RUNS)
    _write_scores(folder / "selection.json")
    write_json(folder / "summary.json", _summary(gains))
    write_json(folder / "cost.json", {"seconds": 12.0})
    fits = [f"original/seed={seed}" for seed in range(SEEDS)]
    fits += [
        f"{LANGUAGE_MODEL}/{augmentation}/seed={seed}"
        for augmentation in TRIED
        for seed in range(SEEDS)
        if augmentation.amount
    ]
    fits += [f"{arm}/{CHOSEN}/seed=0" for arm in gains if arm != LANGUAGE_MODEL]
    history = [
        {"series": fit, "step": step, "loss": 1 / step} | dict.fromkeys(METRICS, 0.1 + step / 100)
        for fit in fits
        for step in (5, 10, 15)
    ]
    pq.write_table(pa.Table.from_pylist(history), folder / "history.parquet")
    return folder


def _write_scores(file: Path) -> None:
    """Every arm had the same to choose from."""
    content = read_json(file)
    scores = [{**a._asdict(), "by_seed": by_seed} for a, by_seed in TRIED.items()]
    for arm in content["arms"].values():
        arm["scores"] = scores
    write_json(file, content)


def _summary(gains: Mapping[str, float]) -> dict[str, float]:
    added = LANGUAGE_MODEL in gains
    summary = {f"chosen_{key}": value * added for key, value in CHOSEN._asdict().items()}
    summary |= {"generated_pairs": 30 if added else 0}
    for place, variant in enumerate(("original", *gains)):
        summary |= {f"{variant}_generated_pairs": 29} if variant != "original" else {}
        summary |= {f"{variant}_recall_at_5_head": 0.5 + place / 100}
        summary |= {f"{variant}_recall_at_5_tail": 0.0625}
        summary |= {f"{variant}_ndcg_at_5_in_catalogue": 0.25 + place / 20}
        summary |= {f"{variant}_coverage_at_5": 0.75, f"{variant}_popularity_at_5": 21.4}
    return summary


def write_augmented(folder: Path) -> None:
    """The language model adds item 3 for users 0 and 1, EASE for users 0 and 2, at 0.5; with
    popular items discounted, both add item 2 for user 0. What validation chose by was the same."""
    (folder / "arms").mkdir(parents=True)
    kinds = {
        "arm": pa.string(),
        "user": pa.int32(),
        "item": pa.int32(),
        "relative_rank": pa.float32(),
        "popularity_exponent": pa.float32(),
    }
    rows = [
        *(
            (LANGUAGE_MODEL, *row)
            for row in [(0, 3, 0.5, 0.0), (1, 3, 0.25, 0.0), (0, 2, 0.5, 1.0)]
        ),
        *(("ease", *row) for row in [(0, 3, 0.5, 0.0), (2, 3, 0.25, 0.0), (0, 2, 0.5, 1.0)]),
    ]
    table = pa.table(dict(zip(kinds, zip(*rows, strict=True), strict=True)), pa.schema(kinds))
    for replicate in ("selection", "final-0"):
        pq.write_table(table, folder / "arms" / f"{replicate}.parquet")


def write_settings(folder: Path) -> None:
    """What the search for settings found: all of the trials for iALS, some for MF."""
    folder.mkdir()
    found = {"metric": "ndcg_at_5", "validation": 0.25, "default_validation": 0.2, "of": 16}
    ials = {"settings": {"embedding_size": 64, "alpha": 2.5}, "trials": 16, "cut": False}
    write_json(folder / "ials.json", found | ials)
    write_json(folder / "mf.json", found | {"settings": {"l2": 0.125}, "trials": 9, "cut": True})


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
    known = train.union(np.array([0, 1], np.int32), np.array([3, 2], np.int32))
    known.write(tmp_path / "known" / "interactions.parquet")
    write_json(
        tmp_path / "train" / "summary.json",
        {"users": USERS, "catalogue_items": 4, "train_pairs": len(train), "density": 0.625}
        | {"test_pairs_outside_catalogue": 1, "test_users": 3, "test_users_in_catalogue": 2}
        | {"successor_hr_at_10_shuffled": 0.036, "successor_hr_at_10_as_given": 0.048},
    )
    seconds_of = {"base_model": 60.0, "adapter": 99.0, "generations": 3661.0, "replicates": 480.0}
    for name, seconds in seconds_of.items():
        write_json(tmp_path / name / "cost.json", {"seconds": seconds})
    write_json(
        tmp_path / "candidates" / "summary.json",
        {"generated": 900, "duplicate": 40, "candidates": 500, "not_an_item": 10}
        | {"not_in_catalogue": 20, "already_seen": 30, "few_votes": 100, "low_log_probability": 0}
        | {"over_amount": 120, "accepted": 220, "users_with_accepted": 30},
    )
    write_augmented(tmp_path / "augmented")
    write_settings(tmp_path / "settings")
    alone = {"language_model": 0.9, "ease": 1.005, "random": 3.0, "language_model&ease": 1.2}
    ranked = {name: np.tile(LEVELS * level, (RUNS, 1)) for name, level in alone.items()}
    write_rankings(tmp_path / "rankings", dict.fromkeys(METRICS, ranked))
    (tmp_path / "ratings.csv").write_text("user,item,time\n")
    this = content_hash(tmp_path / "heldout" / "test.parquet")
    for name, test, question in (
        ("mf", this, "first"),
        ("mf", this, "second"),
        ("mf", "another test set", "third"),
        ("lightgcn", this, "fourth"),
        ("sources", this, "fifth"),
    ):
        record(tmp_path / "ledger" / f"{name}.jsonl", look(test, name, question))
    made = [artifact.name for artifact in STAGE.reads if (tmp_path / artifact.name).is_dir()]
    made += ["raw", "prompts", "controls"]
    gains = {"language_model": 0.2, "ease": 0.0005, "self": 0.0005, "language_model+ease": 0.25}
    return {name: tmp_path / name for name in made} | {
        "evaluations": [
            write_evaluation(tmp_path / "evaluation" / "mf", gains, nothing=("svd",)),
            write_evaluation(tmp_path / "evaluation" / "lightgcn", {}),
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
