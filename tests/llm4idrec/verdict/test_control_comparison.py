"""The language model against controls: rows and corrections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.metrics.significance import compare, holm, seeds_by_users
from llm4idrec.runtime.files import write_json
from llm4idrec.verdict.comparison import compare_recommenders
from llm4idrec.verdict.control_comparison import compare_sources
from llm4idrec.verdict.judgement import Standing, standing
from tests.llm4idrec.verdict.rows import CONTROL_ROW

USERS, SEEDS = 50, 3


def write_evaluation(
    folder: Path,
    gains: dict[str, float],
    metrics: tuple[str, ...],
    seeds: int = SEEDS,
    control_seeds: int = SEEDS,
) -> Path:
    """The values of each variant are those of the original data times 1 + its gain, noisily."""
    rng = np.random.default_rng(len(folder.name))
    tables = []
    base = rng.uniform(0.1, 0.5, (1, USERS))
    for variant, gain in {"original": 0.0, **gains}.items():
        shape = (seeds if variant in ("original", "augmented") else control_seeds, USERS)
        seed, user = np.indices(shape).reshape(2, -1)
        columns = {
            m: (base * (1 + gain) * (1 + 0.05 * rng.standard_normal(shape))).ravel()
            for m in metrics
        }
        names = pa.repeat(variant, len(user))
        tables.append(pa.table({"variant": names, "seed": seed, "user": user, **columns}))
    folder.mkdir()
    pq.write_table(pa.concat_tables(tables), folder / "per_user.parquet")
    chosen = {"amount": 0.25, "popularity_exponent": 0.5}
    write_json(folder / "selection.json", {"metric": "ndcg_at_5", "chosen": chosen})
    summary = {"chosen_amount": 0.25, "chosen_popularity_exponent": 0.5, "generated_pairs": 8}
    for name in set(gains) - {"augmented"}:
        summary |= {f"{name}_generated_pairs": 7, f"{name}_seeds": control_seeds}
    write_json(folder / "summary.json", summary)
    return folder


def test_rows_and_corrections(tmp_path: Path) -> None:
    metrics = ("hr_at_5", "ndcg_at_5")
    folders = [
        write_evaluation(tmp_path / "mf", {"augmented": 0.1, "ease": 0.03, "self": 0.01}, metrics),
        write_evaluation(tmp_path / "ncl", {"augmented": 0.02, "ease": 0.012}, metrics),
    ]
    comparison = compare_recommenders(folders, "small", "random")
    rows = compare_sources(folders, comparison)

    assert [(r["recommender"], r["metric"], r["source"]) for r in rows] == [
        *[("mf", m, s) for m in metrics for s in ("augmented", "ease", "self")],
        *[("ncl", m, s) for m in metrics for s in ("augmented", "ease")],
    ]
    assert all(list(row) == list(CONTROL_ROW) for row in rows)
    assert [row["headline"] for row in rows[:4]] == [False, False, False, True]
    plain = {}
    for folder in folders:
        table = pq.read_table(folder / "per_user.parquet")
        values = {
            v: seeds_by_users(table, v, "ndcg_at_5") for v in set(table["variant"].to_pylist())
        }
        for control in set(values) - {"original", "augmented"}:
            gain = compare(values["original"], values[control])
            lead = compare(values[control], values["augmented"])
            plain[f"{folder.name}/{control}"] = gain, lead
    gain_p, lead_p = (holm({k: v[i].p_value or 0 for k, v in plain.items()}) for i in (0, 1))
    assert gain_p != {k: v[0].p_value for k, v in plain.items()}
    found = {f"{r['recommender']}/{r['source']}": r for r in rows if r["metric"] == "ndcg_at_5"}
    for name, (gain, lead) in plain.items():
        row = found[name]
        assert row["value"] == pytest.approx(gain.augmented)
        assert row["p_value"] == pytest.approx(gain_p[name])
        assert row["lead_p_value"] == pytest.approx(lead_p[name])
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((gain.low, gain.high))
        assert (row["lead_low"], row["lead_high"]) == pytest.approx((lead.low, lead.high))
        own = found[f"{row['recommender']}/augmented"]
        assert row["lead"] == pytest.approx(own["value"] / row["value"] - 1)
        assert (row["original"], row["language_model"]) == (own["original"], own["value"])
        assert (row["amount"], row["popularity_exponent"]) == (
            own["amount"],
            own["popularity_exponent"],
        )
        assert (row["amount"], row["popularity_exponent"]) == (0.25, 0.5)
        assert (row["generated_pairs"], own["generated_pairs"]) == (7, 8)
    own, before = rows[3], comparison[1]
    assert (own["value"], own["p_value"]) == (before["augmented"], before["p_value"])
    assert (own["lead"], own["lead_p_value"]) == (None, None)


def test_fewer_seeds_of_a_control_are_compared_with_the_same_seeds(tmp_path: Path) -> None:
    gains = {"augmented": 0.1, "ease": 0.03, "self": 0.01}
    folder = write_evaluation(tmp_path / "mf", gains, ("ndcg_at_5",), seeds=3, control_seeds=2)
    own, ease, _ = compare_sources([folder], compare_recommenders([folder], "small", "random"))

    table = pq.read_table(folder / "per_user.parquet")
    values = {name: seeds_by_users(table, name, "ndcg_at_5") for name in ("original", *gains)}
    assert [len(array) for array in values.values()] == [3, 3, 2, 2]
    gain = compare(values["original"][:2], values["ease"])
    lead = compare(values["ease"], values["augmented"][:2])
    assert ease["value"] == pytest.approx(values["ease"].mean())
    assert ease["relative_gain"] == pytest.approx(gain.relative_gain)
    assert ease["original"] == pytest.approx(values["original"][:2].mean())
    assert ease["language_model"] == pytest.approx(values["augmented"][:2].mean())
    assert ease["lead"] == pytest.approx(ease["language_model"] / ease["value"] - 1)
    assert (ease["lead_low"], ease["lead_high"]) == pytest.approx((lead.low, lead.high))
    # What the language model itself is said to gain is over all seeds.
    assert own["value"] == pytest.approx(values["augmented"].mean())
    assert (own["n_seeds"], ease["n_seeds"]) == (3, 2)
    assert standing(ease) == Standing.TOO_FEW_SEEDS


def test_a_control_with_the_same_results_is_level(tmp_path: Path) -> None:
    folder = write_evaluation(tmp_path / "mf", {"augmented": 0.1, "ease": 0.1}, ("ndcg_at_5",))
    table = pq.read_table(folder / "per_user.parquet")
    values = table["ndcg_at_5"].to_numpy().copy()
    n = SEEDS * USERS
    values[2 * n :] = values[n : 2 * n]
    pq.write_table(table.set_column(3, "ndcg_at_5", pa.array(values)), folder / "per_user.parquet")
    row = compare_sources([folder], compare_recommenders([folder], "small", "random"))[1]
    assert (row["lead"], row["lead_low"], row["lead_high"], row["lead_p_value"]) == (0, 0, 0, 1)
    assert standing(row) == Standing.LEVEL
