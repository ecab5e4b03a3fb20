"""The rows of the comparison, and what they allow to say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.config.recommenders import SETTINGS
from llm4idrec.errors import InputError
from llm4idrec.metrics.significance import paired_test
from llm4idrec.verdict.verdict import (
    RECOMMENDER_NAMES,
    Row,
    Verdict,
    compare_recommenders,
    cost_sentence,
    judge,
    sentence,
    verdict_table,
)

USERS, SEEDS = 40, 3
ROW = Row(
    dataset="small",
    protocol="random",
    recommender="mf",
    metric="ndcg_at_20",
    original=0.2,
    augmented=0.22,
    relative_gain=0.1,
    ci_low=0.05,
    ci_high=0.15,
    p_value=0.0004,
    n_seeds=5,
    n_users=671,
)


def changed(**values: float | str | None) -> Row:
    return Row(**{**ROW, **values})  # type: ignore[typeddict-item]


def write_evaluation(folder: Path, gains: dict[str, float], base: float = 0.3) -> Path:
    """`per_user.parquet` whose augmented metrics are the original ones times 1 + gain, noisily."""
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
    return folder


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
        assert row["ci_high"] is not None
        assert row["ci_low"] < row["relative_gain"] < row["ci_high"]
        assert (row["n_seeds"], row["n_users"]) == (SEEDS, USERS)
    assert judge(rows[0]) == Verdict.HELPS
    assert judge(rows[1]) == Verdict.DOES_NOT_HELP


def test_p_values_are_corrected_within_a_metric(tmp_path: Path) -> None:
    """Holm doubles the smaller of two p-values; the metric of one recommender stays as it is."""
    gains = {"mf": {"ndcg_at_20": 0.015, "hr_at_20": 0.004}, "lightgcn": {"ndcg_at_20": 0.005}}
    folders = [write_evaluation(tmp_path / name, gain) for name, gain in gains.items()]
    plain = {}
    for folder in folders:
        table = pq.read_table(folder / "per_user.parquet").to_pandas()
        for metric in table.columns[3:]:
            mean = table.groupby(["variant", "user"])[metric].mean()
            values = (mean[variant].to_numpy() for variant in ("original", "augmented"))
            plain[folder.name, metric] = paired_test(*values)[0]
    rows = compare_recommenders(folders, "small", "random")
    found = {(row["recommender"], row["metric"]): row["p_value"] for row in rows}
    assert found["mf", "hr_at_20"] == pytest.approx(plain["mf", "hr_at_20"])
    small, large = sorted([plain["mf", "ndcg_at_20"], plain["lightgcn", "ndcg_at_20"]])
    assert 0 < small < 0.4
    corrected = sorted([found["mf", "ndcg_at_20"], found["lightgcn", "ndcg_at_20"]])
    assert corrected == pytest.approx([min(1, 2 * small), max(min(1, 2 * small), large)])


def test_nothing_chosen_is_a_gain_of_nothing(tmp_path: Path) -> None:
    folder = write_evaluation(tmp_path / "mf", {"ndcg_at_20": 0.0})
    (row,) = compare_recommenders([folder], "small", "random")
    assert (row["relative_gain"], row["ci_low"], row["ci_high"], row["p_value"]) == (0, 0, 0, 1)
    assert judge(row) == Verdict.DOES_NOT_HELP


def test_metric_that_is_zero_throughout(tmp_path: Path) -> None:
    folder = write_evaluation(tmp_path / "mf", {"ndcg_at_20": 0.0}, base=0.0)
    (row,) = compare_recommenders([folder], "small", "random")
    assert (row["relative_gain"], row["ci_low"], row["ci_high"]) == (None, None, None)
    assert judge(row) == Verdict.CANNOT_TELL
    assert "n/a" in verdict_table([row])
    assert "n/a" in sentence(row, Augmentation(0.5))


@pytest.mark.parametrize(
    ("low", "high", "p_value", "verdict"),
    [
        (0.05, 0.15, 0.001, Verdict.HELPS),
        (0.002, 0.006, 0.001, Verdict.HELPS),
        (0.05, 0.15, 0.06, Verdict.CANNOT_TELL),
        (-0.01, 0.05, 0.2, Verdict.CANNOT_TELL),
        (-0.05, 0.0099, 0.2, Verdict.DOES_NOT_HELP),
        (-0.09, -0.02, 0.001, Verdict.DOES_NOT_HELP),
        (None, None, 1.0, Verdict.CANNOT_TELL),
    ],
)
def test_judge(low: float | None, high: float | None, p_value: float, verdict: Verdict) -> None:
    assert judge(changed(ci_low=low, ci_high=high, p_value=p_value)) == verdict


def test_sentences() -> None:
    assert sentence(ROW, Augmentation(0.25)) == (
        "Augmentation helps MF: with 0.25 generated items for each item of a history, NDCG@20 goes "
        "from 0.2000 to 0.2200, +10.0 % (95 % interval +5.0 to +15.0 %, p < 0.001; 5 seeds, 671 "
        "users)."
    )
    assert "; 1 seed, 671 users" in sentence(changed(n_seeds=1), Augmentation(0.25))
    worse = changed(relative_gain=-0.1, ci_low=-0.15, ci_high=-0.05, recommender="lightgcn")
    text = sentence(worse, Augmentation(0.5, 1.0))
    assert text.startswith(
        "Augmentation does not help LightGCN: with 0.5 generated items for each item of a history "
        "(popularity discount 1), NDCG@20 goes from"
    )
    assert "\N{MINUS SIGN}10.0 % (95 % interval \N{MINUS SIGN}15.0 to" in text
    text = sentence(changed(ci_low=-0.1, p_value=0.31), Augmentation(0.5))
    assert text.startswith("These data cannot tell whether augmentation helps MF")
    assert "p = 0.310" in text
    text = sentence(ROW, ORIGINAL_DATA)
    assert text.startswith("Augmentation does not help MF: validation chose amount 0")


def test_cost() -> None:
    assert cost_sentence(195) == "Base model, adapter and generation took 3.2 minutes."
    assert cost_sentence(60 * 1234.5).endswith("took 1,234.5 minutes.")


def test_table_for_a_terminal() -> None:
    lines = verdict_table([ROW, changed(ci_low=-0.0002, p_value=0.5, recommender="svd")]).split(
        "\n"
    )
    assert lines[0].split()[:4] == ["recommender", "metric", "original", "augmented"]
    assert lines[1].split()[:5] == ["MF", "NDCG@20", "0.2000", "0.2200", "+10.0"]
    assert lines[1].endswith("< 0.001  helps")
    assert "+0.0 to +15.0 %" in lines[2]
    assert lines[2].endswith("0.500  cannot tell")
    assert lines[1].index("0.2000") == lines[2].index("0.2000")


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


def test_every_recommender_has_a_name() -> None:
    assert RECOMMENDER_NAMES.keys() == SETTINGS.keys()
