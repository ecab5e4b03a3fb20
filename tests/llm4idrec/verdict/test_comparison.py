"""Original against augmented data: rows and corrections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.errors import InputError
from llm4idrec.metrics.significance import compare, seeds_by_users
from llm4idrec.runtime.files import write_json
from llm4idrec.verdict.comparison import compare_recommenders
from llm4idrec.verdict.judgement import Verdict, judge
from llm4idrec.verdict.sentences import verdict_sentence
from llm4idrec.verdict.tables import verdict_table
from tests.llm4idrec.verdict.rows import ROW

USERS, SEEDS = 40, 3


def write_evaluation(
    folder: Path, gains: dict[str, float], base: float = 0.3, amount: float = 0.5
) -> Path:
    """`per_user.parquet` whose augmented metrics are the original ones times 1 + gain, noisily, and
    the amount that was chosen."""
    rng = np.random.default_rng(len(folder.name))
    variant = np.repeat(["original", "augmented"], SEEDS * USERS)
    seed = np.tile(np.repeat(np.arange(SEEDS), USERS), 2)
    user = np.tile(np.arange(USERS), 2 * SEEDS)
    columns = {}
    for metric, gain in gains.items():
        level = np.tile(base * rng.uniform(0.5, 1.5, USERS), 2 * SEEDS)
        noise = 1 + 0.02 * rng.standard_normal(len(user)) * (gain != 0)
        columns[metric] = level * np.where(variant == "augmented", 1 + gain, 1) * noise
    folder.mkdir(parents=True)
    table = pa.table({"variant": variant, "seed": seed, "user": user, **columns})
    pq.write_table(table, folder / "per_user.parquet")
    write_choice(folder, amount)
    return folder


def write_choice(folder: Path, amount: float) -> None:
    chosen = {"amount": amount, "popularity_exponent": 0.0}
    write_json(folder / "selection.json", {"metric": "ndcg_at_20", "chosen": chosen})


def test_rows(tmp_path: Path) -> None:
    gains = {"mf": {"ndcg_at_20": 0.1, "recall_at_20": -0.1}, "lightgcn": {"ndcg_at_20": 0.002}}
    folders = [write_evaluation(tmp_path / name, gain) for name, gain in gains.items()]
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
    folders = [write_evaluation(tmp_path / name, gain) for name, gain in gains.items()]
    plain = {}
    for folder in folders:
        table = pq.read_table(folder / "per_user.parquet")
        for metric in table.column_names[3:]:
            values = (seeds_by_users(table, v, metric) for v in ("original", "augmented"))
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


def test_nothing_chosen_is_a_gain_of_nothing(tmp_path: Path) -> None:
    folder = write_evaluation(tmp_path / "mf", {"ndcg_at_20": 0.0}, amount=0)
    (row,) = compare_recommenders([folder], "small", "random")
    assert (row["relative_gain"], row["ci_low"], row["ci_high"], row["p_value"]) == (0, 0, 0, 1)
    assert judge(row) == Verdict.NOTHING_CHOSEN


def test_one_training_tells_nothing_of_others_where_there_are_others(tmp_path: Path) -> None:
    """It has no p, and does not count as a claim; where the seed means nothing it is enough."""
    folders = [write_evaluation(tmp_path / name, {"ndcg_at_20": 0.1}) for name in ("mf", "ease")]
    for folder in folders:
        table = pq.read_table(folder / "per_user.parquet")
        first = table.filter(pc.equal(table["seed"], 0))
        pq.write_table(first, folder / "per_user.parquet")
    mf, ease = compare_recommenders(folders, "small", "random")
    assert (mf["n_seeds"], mf["p_value"], mf["ci_low"], mf["ci_high"]) == (1, None, None, None)
    assert judge(mf) == Verdict.CANNOT_TELL
    assert "no interval and no p, which take two seeds" in verdict_sentence(mf, Augmentation(0.5))
    assert verdict_table([mf]).endswith("n/a  n/a  cannot tell")
    values = (seeds_by_users(first, v, "ndcg_at_20") for v in ("original", "augmented"))
    assert ease["p_value"] == compare(*values, seeded=False).p_value
    assert judge(ease) == Verdict.HELPS


def test_metric_that_is_zero_throughout(tmp_path: Path) -> None:
    folder = write_evaluation(tmp_path / "mf", {"ndcg_at_20": 0.0}, base=0.0)
    (row,) = compare_recommenders([folder], "small", "random")
    assert (row["relative_gain"], row["ci_low"], row["ci_high"]) == (None, None, None)
    assert judge(row) == Verdict.CANNOT_TELL
    assert "n/a" in verdict_table([row])
    assert "n/a" in verdict_sentence(row, Augmentation(0.5))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"variant": ["original", "augmented"], "seed": [0, 0]}, "not a table of metrics by user"),
        (
            {
                "variant": ["original", "augmented"],
                "seed": [0, 1],
                "user": [0, 0],
                "hr_at_5": [1, 1],
            },
            "1 rows of the original and 1 of the augmented data; expected the same seeds and users",
        ),
        (
            {
                "variant": ["original", "augmented", "ease"],
                "seed": [0, 0, 0],
                "user": [0, 0, 1],
                "hr_at_5": [1, 1, 1],
            },
            "1 rows of the original and 1 of the ease data",
        ),
        (
            {
                "variant": ["original", "original", "augmented", "augmented", "ease"],
                "seed": [0, 1, 0, 1, 1],
                "user": [0, 0, 0, 0, 0],
                "hr_at_5": [1, 1, 1, 1, 1],
            },
            "2 rows of the original and 1 of the ease data",
        ),
        (
            {
                "variant": ["original", "original", "augmented", "augmented", "ease"],
                "seed": [0, 0, 0, 0, 0],
                "user": [0, 1, 0, 1, 0],
                "hr_at_5": [1, 1, 1, 1, 1],
            },
            "2 rows of the original and 1 of the ease data",
        ),
        (
            {
                "variant": ["original", "original", "augmented"],
                "seed": [0, 1, 0],
                "user": [0, 0, 0],
                "hr_at_5": [1, 1, 1],
            },
            "2 rows of the original and 1 of the augmented data",
        ),
        (
            {"variant": ["original"], "seed": [0], "user": [0], "hr_at_5": [1]},
            "1 rows of the original and 0 of the augmented data",
        ),
    ],
)
def test_broken_evaluations(tmp_path: Path, broken: dict[str, list[int]], message: str) -> None:
    pq.write_table(pa.table(broken), tmp_path / "per_user.parquet")
    with pytest.raises(InputError, match=message):
        compare_recommenders([tmp_path], "small", "random")


def test_missing_evaluation(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"per_user\.parquet: there is no such file; run the stage"
    ):
        compare_recommenders([tmp_path], "small", "random")
