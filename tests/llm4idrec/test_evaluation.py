"""The flow on small data: what is compared, what survives an interruption, what counts as a hit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.config import EvaluationConfig
from llm4idrec.errors import InputError
from llm4idrec.evaluation import evaluate_recommender
from llm4idrec.experiment import Experiment, Fit
from llm4idrec.files import read_json
from llm4idrec.interactions import Interactions
from llm4idrec.recommenders.config import EASEConfig, MFConfig
from llm4idrec.recommenders.registry import RECOMMENDERS
from llm4idrec.verdict import compare_recommenders

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
    seeds=3, selection_seeds=2, amounts=(0.5, 1.0), cutoffs=(2, 4), workers=1
)
USERS, ITEMS, BLOCK = 24, 24, 12


@dataclass(frozen=True)
class Files:
    train: Path
    heldout: Path
    augmented: Path
    out: Path

    def evaluate(self, evaluation: EvaluationConfig = EVALUATION, seed: int = 7) -> Path:
        evaluate_recommender(
            self.train, self.heldout, self.augmented, self.out,
            "mf", SETTINGS, evaluation, seed, "cpu",
        )  # fmt: skip
        return self.out


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
    rows += [(u, i, "generated", share) for u, i, share in generated]
    user, item, origin, share = zip(*rows, strict=True)
    table = pa.table(
        {
            "user": pa.array(user, pa.int32()),
            "item": pa.array(item, pa.int32()),
            "origin": pa.array(origin),
            "share": pa.array(share, pa.float32()),
        }
    )
    return (
        Interactions(*np.array(train).T, USERS, ITEMS),
        Interactions(*np.array(valid).T, USERS, ITEMS + 1),
        Interactions(*np.array(test).T, USERS, ITEMS + 1),
        table,
    )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    train, valid, test, augmented = two_tastes()
    heldout = tmp_path / "heldout"
    train.write(tmp_path / "train.parquet")
    valid.write(heldout / "valid.parquet")
    test.write(heldout / "test.parquet")
    pq.write_table(augmented, tmp_path / "augmented.parquet")
    return Files(
        tmp_path / "train.parquet", heldout, tmp_path / "augmented.parquet", tmp_path / "out"
    )


def results(out: Path) -> dict[str, bytes]:
    """Every output by name."""
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def test_outputs(files: Files) -> None:
    out = files.evaluate()

    assert sorted(results(out)) == [
        "history.parquet",
        "models/augmented/model.safetensors",
        "models/augmented/recommender.json",
        "models/original/model.safetensors",
        "models/original/recommender.json",
        "per_user.parquet",
        "selection.json",
        "summary.json",
    ]
    selection = read_json(out / "selection.json")
    assert selection["metric"] == "ndcg_at_4"
    assert {amount: len(scores) for amount, scores in selection["scores"].items()} == {
        "0": 2,
        "0.5": 2,
        "1": 2,
    }
    per_user = pq.read_table(out / "per_user.parquet").to_pandas()
    assert list(per_user.columns[:3]) == ["variant", "seed", "user"]
    for variant in ("original", "augmented"):
        rows = per_user[per_user["variant"] == variant]
        assert sorted(zip(rows["seed"], rows["user"], strict=True)) == [
            (seed, user) for seed in range(3) for user in range(USERS)
        ]
        summary = read_json(out / "summary.json")
        assert summary[f"{variant}_ndcg_at_4"] == pytest.approx(rows["ndcg_at_4"].mean())
    history = pq.read_table(out / "history.parquet").to_pandas()
    assert {"series", "step", "loss", "recall_at_2", "ndcg_at_4"} <= set(history.columns)
    fits = 3 * 2 + 1 + (selection["chosen"] > 0)
    assert history["series"].nunique() == fits
    assert not history.isna().any().any()


def test_item_outside_the_catalogue_is_a_miss(files: Files) -> None:
    per_user = pq.read_table(files.evaluate() / "per_user.parquet").to_pandas()

    first = per_user[per_user["user"] == 0]
    assert (first["recall_at_4"] <= 3 / 4).all()
    assert (first["recall_at_4"] * 4 % 1 == 0).all()


def test_generated_test_item_counts_as_hit(files: Files) -> None:
    """Rule of evidence 2: generated pairs are trained on, but never masked."""
    out = files.evaluate()

    summary = read_json(out / "summary.json")
    assert summary["chosen_amount"] > 0
    assert summary["generated_pairs"] > 0
    assert summary["augmented_recall_at_4"] > summary["original_recall_at_4"] + 0.1


def test_nothing_generated_chooses_zero(files: Files) -> None:
    augmented = pq.read_table(files.augmented)
    pq.write_table(augmented.slice(0, USERS * 4), files.augmented)

    out = files.evaluate()

    assert read_json(out / "selection.json")["chosen"] == 0
    per_user = pq.read_table(out / "per_user.parquet").to_pandas()
    original, augmented_rows = (
        per_user[per_user["variant"] == v].drop(columns="variant").reset_index(drop=True)
        for v in ("original", "augmented")
    )
    assert original.equals(augmented_rows)


@pytest.mark.parametrize("task", ["select", "examine"])
def test_resumes_with_equal_bytes(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    whole = results(files.evaluate())
    again = Files(files.train, files.heldout, files.augmented, tmp_path / "again")
    real = getattr(Experiment, task)
    done: list[Fit] = []

    def interrupted(self: Experiment, fit: Fit) -> None:
        if len(done) == 2:
            raise KeyboardInterrupt
        real(self, fit)
        done.append(fit)

    with monkeypatch.context() as patch:
        patch.setattr(Experiment, task, interrupted)
        with pytest.raises(KeyboardInterrupt):
            again.evaluate()
    assert not again.out.exists()
    kept = {
        path: path.stat().st_mtime_ns for path in tmp_path.rglob(".again.*/fits/**/training.json")
    }
    assert len(kept) >= 2
    fitted: list[int] = []
    fit = RECOMMENDERS["mf"].fit
    monkeypatch.setattr(
        RECOMMENDERS["mf"], "fit", lambda self, *a, **k: fitted.append(1) or fit(self, *a, **k)
    )

    assert results(again.evaluate()) == whole
    assert len(fitted) == len(read_all_series(again.out)) - len(kept)


def read_all_series(out: Path) -> set[str]:
    return set(pq.read_table(out / "history.parquet")["series"].to_pylist())


def test_workers_change_nothing(files: Files, tmp_path: Path) -> None:
    small = EVALUATION.model_copy(update={"seeds": 2, "selection_seeds": 1})
    one = results(files.evaluate(small))
    other = Files(files.train, files.heldout, files.augmented, tmp_path / "two")

    assert results(other.evaluate(small.model_copy(update={"workers": 2}))) == one


def test_seed_changes_results(files: Files, tmp_path: Path) -> None:
    one = results(files.evaluate(seed=1))
    other = Files(files.train, files.heldout, files.augmented, tmp_path / "two")

    assert results(other.evaluate(seed=2))["per_user.parquet"] != one["per_user.parquet"]


def test_refit_trains_on_validation_too(files: Files, tmp_path: Path) -> None:
    plain = files.evaluate()
    other = Files(files.train, files.heldout, files.augmented, tmp_path / "refit")
    refit = other.evaluate(EVALUATION.model_copy(update={"refit": True}))

    assert (refit / "selection.json").read_bytes() == (plain / "selection.json").read_bytes()
    better = read_json(refit / "summary.json")["original_recall_at_4"]
    assert better > read_json(plain / "summary.json")["original_recall_at_4"]


def test_one_training_is_enough_where_the_seed_means_nothing(files: Files) -> None:
    evaluate_recommender(
        files.train, files.heldout, files.augmented, files.out,
        "ease", EASEConfig(l2=1.0), EVALUATION, 7, "cpu",
    )  # fmt: skip
    per_user = pq.read_table(files.out / "per_user.parquet")
    assert set(per_user["seed"].to_pylist()) == {0}
    selection = read_json(files.out / "selection.json")
    assert [len(scores) for scores in selection["scores"].values()] == [1, 1, 1]
    assert len(compare_recommenders([files.out], "small", "random")) == len(
        per_user.column_names[3:]
    )


def test_augmented_file_of_other_train(files: Files) -> None:
    pq.write_table(pq.read_table(files.augmented).slice(1), files.augmented)

    with pytest.raises(
        InputError, match=r"augmented\.parquet: its original rows are not the train"
    ):
        files.evaluate()


def test_augmented_file_without_share(files: Files) -> None:
    pq.write_table(pq.read_table(files.augmented).drop_columns("share"), files.augmented)

    with pytest.raises(InputError, match="not an augmented table"):
        files.evaluate()


@pytest.mark.parametrize("name", ["valid.parquet", "test.parquet"])
def test_nothing_held_out(files: Files, name: str) -> None:
    Interactions([], [], USERS, ITEMS).write(files.heldout / name)

    with pytest.raises(InputError, match=rf"{name}: no user of the train set"):
        files.evaluate()
