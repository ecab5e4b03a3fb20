"""Original against augmented data: rows and corrections."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.errors import InputError
from llm4idrec.metrics.significance import compare, seeds_by_users
from llm4idrec.verdict.comparison import compare_recommenders
from llm4idrec.verdict.judgement import Verdict, judge
from llm4idrec.verdict.sentences import verdict_sentence
from llm4idrec.verdict.tables import verdict_table
from tests.llm4idrec.evaluations import write_evaluation
from tests.llm4idrec.verdict.rows import ROW, bottom_line_of, system

USERS, SEEDS = 40, 3


def noisy(
    folder: Path, gains: dict[str, float], *, base: float = 0.3, nothing: Sequence[str] = ()
) -> Path:
    """By metric: with the language model's items the original figures times 1 + gain, noisily."""
    rng = np.random.default_rng(len(folder.name))
    metrics = {}
    for metric, gain in gains.items():
        level = np.tile(base * rng.uniform(0.5, 1.5, USERS), (SEEDS, 1))
        values = {"original": level * (1 + 0.02 * rng.standard_normal(level.shape))}
        if "language_model" not in nothing:
            noise = 1 + 0.02 * rng.standard_normal(level.shape)
            values["language_model"] = level * (1 + gain) * noise
        metrics[metric] = values
    return write_evaluation(folder, metrics, nothing=nothing)


def test_rows(tmp_path: Path) -> None:
    gains = {"mf": {"ndcg_at_20": 0.1, "recall_at_20": -0.1}, "lightgcn": {"ndcg_at_20": 0.002}}
    folders = [noisy(tmp_path / name, gain) for name, gain in gains.items()]
    rows = compare_recommenders(folders, "small", "random")
    assert [list(row) for row in rows] == [list(ROW)] * 3
    assert [(row["recommender"], row["metric"]) for row in rows] == [
        ("mf", "ndcg_at_20"),
        ("mf", "recall_at_20"),
        ("lightgcn", "ndcg_at_20"),
    ]
    for row, gain in zip(rows, (0.1, -0.1, 0.002), strict=True):
        assert row["relative_gain"] == pytest.approx(gain, abs=0.01)
        assert row["augmented"] / row["original"] - 1 == pytest.approx(row["relative_gain"])
        assert row["ci_low"] is not None
        assert row["relative_gain"] is not None
        assert row["ci_high"] is not None
        assert row["ci_low"] < row["relative_gain"] < row["ci_high"]
        assert (row["n_seeds"], row["n_users"]) == (SEEDS, USERS)
    assert judge(rows[0]) == Verdict.HELPS
    assert judge(rows[1]) == Verdict.HARMS


def test_p_values_are_corrected_within_a_metric(tmp_path: Path) -> None:
    """Holm doubles the smaller of two p-values; the metric of one recommender stays as it is."""
    gains = {"mf": {"ndcg_at_20": 0.015, "hr_at_20": 0.004}, "lightgcn": {"ndcg_at_20": 0.005}}
    folders = [noisy(tmp_path / name, gain) for name, gain in gains.items()]
    plain = {}
    for folder in folders:
        table = pq.read_table(folder / "per_user.parquet")
        for metric in table.column_names[3:]:
            values = (seeds_by_users(table, v, metric) for v in ("original", "language_model"))
            p_value = compare(*values).p_value
            assert p_value is not None
            plain[folder.name, metric] = p_value
    rows = compare_recommenders(folders, "small", "random")
    found = {(row["recommender"], row["metric"]): row["p_value"] or 0 for row in rows}
    assert found["mf", "hr_at_20"] == pytest.approx(plain["mf", "hr_at_20"])
    small, large = sorted([plain["mf", "ndcg_at_20"], plain["lightgcn", "ndcg_at_20"]])
    assert 0 < small < 0.4
    corrected = sorted([found["mf", "ndcg_at_20"], found["lightgcn", "ndcg_at_20"]])
    assert corrected == pytest.approx([min(1, 2 * small), max(min(1, 2 * small), large)])


def test_a_language_model_that_chose_nothing_is_the_original(tmp_path: Path) -> None:
    """It has no rows of its own."""
    folder = noisy(tmp_path / "mf", {"ndcg_at_20": 0.1}, nothing=["language_model"])
    (row,) = compare_recommenders([folder], "small", "random")
    assert (row["relative_gain"], row["ci_low"], row["ci_high"], row["p_value"]) == (0, 0, 0, 1)
    assert row["augmented"] == row["original"] > 0
    assert judge(row) == Verdict.NOTHING_CHOSEN


def test_one_training_tells_nothing_of_others(tmp_path: Path) -> None:
    """It has no p, and does not count as a claim."""
    folders = [noisy(tmp_path / name, {"ndcg_at_20": 0.1}) for name in ("mf", "ease")]
    table = pq.read_table(folders[0] / "per_user.parquet")
    pq.write_table(table.filter(pc.equal(table["seed"], 0)), folders[0] / "per_user.parquet")
    mf, ease = compare_recommenders(folders, "small", "random")
    assert (mf["n_seeds"], mf["p_value"], mf["ci_low"], mf["ci_high"]) == (1, None, None, None)
    assert judge(mf) == Verdict.CANNOT_TELL
    assert "no interval and no p, which take two seeds" in verdict_sentence(mf, Augmentation(0.5))
    line = verdict_table([mf], bottom_line_of(system("ease", 0.1)))
    assert line.endswith("n/a  n/a  cannot tell")
    table = pq.read_table(folders[1] / "per_user.parquet")
    values = (seeds_by_users(table, v, "ndcg_at_20") for v in ("original", "language_model"))
    assert ease["p_value"] == compare(*values).p_value


@pytest.mark.parametrize(("runs", "units"), [(1, 6), (2, 2), (3, 3), (6, 6), (9, 6)])
def test_runs_are_the_units_where_they_are_fewer_than_seeds(
    tmp_path: Path, runs: int, units: int
) -> None:
    """Seeds of a run share its luck, so they are averaged first; of a single run none is known."""
    rng = np.random.default_rng(0)
    original = np.tile(rng.uniform(0.2, 0.4, (1, USERS)), (6, 1))
    luck = rng.normal(0.02, 0.01, 9)[np.arange(6) % runs][:, None]
    values = {"original": original, "language_model": original + luck}
    folder = write_evaluation(tmp_path / "mf", {"ndcg_at_20": values}, runs=runs)
    (row,) = compare_recommenders([folder], "small", "random")
    assert (row["n_seeds"], row["n_runs"]) == (6, runs)
    grouped = (np.stack([a[k::units].mean(axis=0) for k in range(units)]) for a in values.values())
    plain = compare(*grouped)
    assert row["p_value"] == pytest.approx(plain.p_value)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((plain.low, plain.high))
    (row,) = compare_recommenders([folder], "small", "random", file="validation.parquet")
    assert row["p_value"] == compare(*values.values()).p_value  # where all have one run's items


def test_metric_that_is_zero_throughout(tmp_path: Path) -> None:
    folder = noisy(tmp_path / "mf", {"ndcg_at_20": 0.0}, base=0.0)
    (row,) = compare_recommenders([folder], "small", "random")
    assert (row["relative_gain"], row["ci_low"], row["ci_high"]) == (None, None, None)
    assert judge(row) == Verdict.CANNOT_TELL
    assert "n/a" in verdict_table([row], bottom_line_of(system("ease", 0.1)))
    assert "n/a" in verdict_sentence(row, Augmentation(0.5))


NAMES = ["original", "original", "language_model", "language_model", "ease"]


@pytest.mark.parametrize(
    ("variant", "seed", "user", "message"),
    [
        (["original", "language_model"], [0, 0], None, "not a table of metrics by user"),
        (["original", "language_model"], [0, 1], [0, 0], "1 rows of original and 1 of language_"),
        ([*NAMES[1:3], "ease"], [0, 0, 0], [0, 0, 1], "1 rows of original and 1 of ease; expected"),
        (NAMES, [0, 1, 0, 1, 0], [0] * 5, "2 rows of original and 1 of ease; expected the same"),
        (NAMES[:3], [0, 1, 0], [0] * 3, "2 rows of original and 1 of language_model"),
        (NAMES[:4], [0, 0, 0, 0], [0] * 4, "2 rows of original and 2 of original"),
        (["original"], [0], [0], "1 rows of original and 0 of language_model"),
        (["ease"], [0], [0], "0 rows of original and 0 of original"),
    ],
)
def test_broken_evaluations(
    tmp_path: Path, variant: list[str], seed: list[int], user: list[int] | None, message: str
) -> None:
    folder = noisy(tmp_path / "mf", {"hr_at_5": 0.1})
    columns = {"variant": variant, "seed": seed}
    columns |= {} if user is None else {"user": user, "hr_at_5": [1.0] * len(user)}
    pq.write_table(pa.table(columns), folder / "per_user.parquet")
    with pytest.raises(InputError, match=message):
        compare_recommenders([folder], "small", "random")


def test_missing_evaluation(tmp_path: Path) -> None:
    folder = noisy(tmp_path / "mf", {"hr_at_5": 0.1})
    (folder / "per_user.parquet").unlink()
    with pytest.raises(
        InputError, match=r"per_user\.parquet: there is no such file; run the stage"
    ):
        compare_recommenders([folder], "small", "random")
