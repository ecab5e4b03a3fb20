"""The language model against the other arms: rows and corrections."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.metrics.significance import compare, holm, seeds_by_users
from llm4idrec.runtime.files import read_json, write_json
from llm4idrec.verdict.comparison import compare_recommenders
from llm4idrec.verdict.control_comparison import ArmRow, compare_arms
from llm4idrec.verdict.judgement import Standing, standing
from tests.llm4idrec.evaluations import write_evaluation
from tests.llm4idrec.verdict.rows import CONTROL_ROW

USERS, SEEDS = 50, 3


def noisy(
    folder: Path,
    gains: dict[str, float],
    metrics: Sequence[str] = ("ndcg_at_5",),
    *,
    seeds: int = SEEDS,
    nothing: Sequence[str] = (),
    runs: int = 5,
) -> Path:
    """The values of each arm are those of the original data times 1 + its gain, noisily."""
    rng = np.random.default_rng(len(folder.name))
    base = rng.uniform(0.1, 0.5, (1, USERS))
    values = {
        metric: {
            variant: base * (1 + gain) * (1 + 0.05 * rng.standard_normal((seeds, USERS)))
            for variant, gain in {"original": 0.0, **gains}.items()
        }
        for metric in metrics
    }
    chosen = Augmentation(0.25, 0.5)
    return write_evaluation(folder, values, nothing=nothing, chosen=chosen, runs=runs)


def rows_of(*folders: Path) -> list[ArmRow]:
    return compare_arms(folders, compare_recommenders(folders, "small", "random"))


def test_rows_and_corrections(tmp_path: Path) -> None:
    metrics = ("ndcg_at_5", "hr_at_5")
    lm, other = "language_model", "svd+ease"
    folders = [
        noisy(tmp_path / "mf", {other: 0.05, "ease": 0.03, lm: 0.1, "self": 0.01}, metrics),
        noisy(tmp_path / "ncl", {lm: 0.02, "ease": 0.012}, metrics),
    ]
    comparison = compare_recommenders(folders, "small", "random")
    rows = compare_arms(folders, comparison)
    # Those together with EASE come last.
    assert [(r["recommender"], r["metric"], r["arm"]) for r in rows] == [
        *[("mf", m, s) for m in metrics for s in (lm, "ease", "self", other)],
        *[("ncl", m, s) for m in metrics for s in (lm, "ease")],
    ]
    assert all(list(row) == list(CONTROL_ROW) for row in rows)
    assert [row["headline"] for row in rows[:5]] == [True, True, True, True, False]
    plain = {}
    for folder in folders:
        table = pq.read_table(folder / "per_user.parquet")
        values = {
            v: seeds_by_users(table, v, "ndcg_at_5") for v in set(table["variant"].to_pylist())
        }
        for control in sorted(set(values) - {"original", "language_model"}):
            gain = compare(values["original"], values[control])
            lead = compare(values[control], values["language_model"])
            plain[f"{folder.name}/{control}"] = gain, lead
    gain_p, lead_p = (holm({k: v[i].p_value or 0 for k, v in plain.items()}) for i in (0, 1))
    assert gain_p != {k: v[0].p_value for k, v in plain.items()}
    found = {f"{r['recommender']}/{r['arm']}": r for r in rows if r["metric"] == "ndcg_at_5"}
    for name, (gain, lead) in plain.items():
        row = found[name]
        assert row["value"] == pytest.approx(gain.augmented)
        assert row["p_value"] == pytest.approx(gain_p[name])
        assert row["lead_p_value"] == pytest.approx(lead_p[name])
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((gain.low, gain.high))
        assert (row["lead_low"], row["lead_high"]) == pytest.approx((lead.low, lead.high))
        own = found[f"{row['recommender']}/language_model"]
        assert row["lead"] == pytest.approx(own["value"] / row["value"] - 1)
        assert (row["original"], row["language_model"]) == (own["original"], own["value"])
        assert (row["amount"], row["popularity_exponent"]) == (
            own["amount"],
            own["popularity_exponent"],
        )
        assert (row["amount"], row["popularity_exponent"]) == (0.25, 0.5)
        assert (row["generated_pairs"], own["generated_pairs"]) == (7, 9)
    own, before = rows[0], comparison[0]
    assert (own["value"], own["p_value"]) == (before["augmented"], before["p_value"])
    assert (own["lead"], own["lead_p_value"]) == (None, None)


def test_every_arm_has_its_own_amount_and_order(tmp_path: Path) -> None:
    folder = noisy(tmp_path / "mf", {"language_model": 0.1, "ease": 0.03, "svd": 0.02})
    file = folder / "selection.json"
    selection = read_json(file)
    selection["arms"]["ease"]["chosen"] = {"amount": 0.1, "popularity_exponent": 1.0}
    write_json(file, selection)
    found = {r["arm"]: (r["amount"], r["popularity_exponent"]) for r in rows_of(folder)}
    assert found == {"language_model": (0.25, 0.5), "ease": (0.1, 1.0), "svd": (0.25, 0.5)}


def test_an_arm_at_amount_0_is_the_original(tmp_path: Path) -> None:
    """It has no rows, and the language model's lead over it is its gain."""
    gains = {"language_model": 0.1, "ease": 0.03}
    folder = noisy(tmp_path / "mf", gains, nothing=["svd", "svd+ease"])
    own, ease, svd, both = rows_of(folder)
    assert [row["arm"] for row in (ease, svd, both)] == ["ease", "svd", "svd+ease"]
    for row in (svd, both):
        assert (row["amount"], row["relative_gain"], row["generated_pairs"]) == (0, 0, 0)
        assert row["value"] == own["original"] == row["original"]
        assert (row["lead"], row["lead_low"]) == (own["relative_gain"], own["ci_low"])


def test_what_adds_nothing_is_in_no_family_of_tests(tmp_path: Path) -> None:
    """The lead over it is the language model's gain, p and all; the others' are corrected over
    those that add something."""
    gains = {"language_model": 0.02, "ease": 0.012, "svd": 0.01}
    idle = ["sasrec", "random", "popularity", "sasrec+ease"]
    own, *rows = rows_of(noisy(tmp_path / "mf", gains, nothing=idle))
    found = {row["arm"]: row for row in rows}
    assert 0 < (own["p_value"] or 0) < 0.2
    for arm in idle:
        assert (found[arm]["p_value"], found[arm]["lead_p_value"]) == (1, own["p_value"])
    without = rows_of(noisy(tmp_path / "ml", gains))
    for row in without[1:]:
        for key in ("p_value", "lead_p_value"):
            assert found[row["arm"]][key] == row[key]


def test_a_language_model_at_amount_0_is_the_original_too(tmp_path: Path) -> None:
    folder = noisy(tmp_path / "mf", {"ease": 0.2}, nothing=["svd"])
    own, ease, svd = rows_of(folder)
    assert (own["amount"], own["value"], own["generated_pairs"]) == (0, own["original"], 0)
    assert ease["lead"] == pytest.approx(own["original"] / ease["value"] - 1)
    assert standing(ease) == Standing.BEHIND
    assert ease["lead_p_value"] == ease["p_value"]
    assert (svd["lead"], svd["lead_p_value"], standing(svd)) == (0, 1, Standing.LEVEL)


def test_runs_are_the_units_of_what_is_drawn(tmp_path: Path) -> None:
    """SVD's items are the same whenever they are made; the language model's are not, on whichever
    side they stand."""
    gains = {"language_model": 0.1, "sasrec": 0.05, "svd": 0.03, "self": 0.02}
    folder = noisy(tmp_path / "mf", gains, seeds=6, runs=3)
    table = pq.read_table(folder / "per_user.parquet")
    values = {v: seeds_by_users(table, v, "ndcg_at_5") for v in ("original", *gains)}
    means = {v: (a[:3] + a[3:]) / 2 for v, a in values.items()}
    for row in rows_of(folder)[1:]:
        its = means if row["arm"] == "sasrec" else values
        gain = compare(its["original"], its[row["arm"]])
        lead = compare(means[row["arm"]], means["language_model"])
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((gain.low, gain.high))
        assert (row["lead_low"], row["lead_high"]) == pytest.approx((lead.low, lead.high))
        assert standing(row) != Standing.TOO_FEW_UNITS


def test_a_control_with_the_same_results_is_level(tmp_path: Path) -> None:
    folder = noisy(tmp_path / "mf", {"language_model": 0.1, "ease": 0.1})
    table = pq.read_table(folder / "per_user.parquet")
    values = table["ndcg_at_5"].to_numpy().copy()
    n = SEEDS * USERS
    values[2 * n :] = values[n : 2 * n]
    pq.write_table(table.set_column(3, "ndcg_at_5", pa.array(values)), folder / "per_user.parquet")
    row = rows_of(folder)[1]
    assert (row["lead"], row["lead_low"], row["lead_high"], row["lead_p_value"]) == (0, 0, 0, 1)
    assert standing(row) == Standing.LEVEL
