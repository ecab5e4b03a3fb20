"""Rule 6: at least 5 seeds by default; one paired test over users and seeds, for p and interval;
Holm's correction over the recommenders; no standing on fewer than 3 common seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from llm4idrec.config import Config, EvaluationConfig
from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.metrics.significance import compare
from llm4idrec.runtime.files import write_json
from llm4idrec.verdict.comparison import Row, compare_recommenders
from llm4idrec.verdict.control_comparison import compare_sources
from llm4idrec.verdict.judgement import Standing, Verdict, judge, standing
from tests.conftest import REPO

USERS, SEEDS = 60, 3
METRIC = "ndcg_at_20"


def evaluation(folder: Path, values: dict[str, FloatArray]) -> Path:
    """`per_user.parquet` of variants, each of shape (seeds, users), and what is read beside it."""
    tables = []
    for variant, array in values.items():
        seed, user = np.indices(array.shape).reshape(2, -1)
        names = pa.repeat(variant, array.size)
        columns = {"variant": names, "seed": seed, "user": user, METRIC: array.ravel()}
        tables.append(pa.table(columns))
    folder.mkdir()
    pq.write_table(pa.concat_tables(tables), folder / "per_user.parquet")
    chosen = {"amount": 0.25, "popularity_exponent": 0.0}
    write_json(folder / "selection.json", {"metric": METRIC, "chosen": chosen})
    summary = {f"chosen_{key}": value for key, value in chosen.items()} | {"generated_pairs": 9}
    controls = {f"{name}_{what}": SEEDS for name in values for what in ("seeds", "generated_pairs")}
    write_json(folder / "summary.json", controls | summary)
    return folder


def uneven(gain: float, seed: int = 0, noise: float = 1.0) -> dict[str, FloatArray]:
    """Users differ by far more than they gain; each gains about `gain`, whoever it is."""
    rng = np.random.default_rng(seed)
    levels = np.tile(rng.uniform(0, 1, USERS), (SEEDS, 1))
    gains = gain * (1 + noise * rng.normal(0, 1, levels.shape))
    return {"original": levels, "augmented": levels + gains}


def paired(before: FloatArray, after: FloatArray) -> float:
    """The p of one comparison alone."""
    p_value = compare(before, after).p_value
    assert p_value is not None
    return p_value


def p_of(found: Row) -> float:
    assert found["p_value"] is not None
    return found["p_value"]


def row(tmp_path: Path, values: dict[str, FloatArray]) -> Row:
    (found,) = compare_recommenders([evaluation(tmp_path / "mf", values)], "small", "random")
    return found


def test_five_seeds_by_default() -> None:
    assert EvaluationConfig().seeds >= 5
    assert Config.read(REPO / "params.yaml").evaluation.seeds >= 5


def test_a_gain_that_all_users_share_is_found_by_pairs(tmp_path: Path) -> None:
    """An unpaired test drowns in what users differ by."""
    values = uneven(0.02)
    unpaired = stats.ttest_ind(values["augmented"].mean(0), values["original"].mean(0)).pvalue
    assert unpaired > 0.5
    assert p_of(row(tmp_path, values)) < 1e-6


def test_the_test_is_over_users_not_over_seeds_of_users(tmp_path: Path) -> None:
    """A seed that repeats another is no further evidence: users are what is left, as scipy tests
    them."""
    once = {name: array[:1] for name, array in uneven(0.004, seed=3, noise=4).items()}
    repeated = {name: np.repeat(array, 8, axis=0) for name, array in once.items()}
    found = p_of(row(tmp_path, repeated))
    expected = stats.ttest_rel(once["augmented"][0], once["original"][0]).pvalue
    assert found == pytest.approx(expected)
    assert 0.001 < found < 0.9


def test_what_seeds_differ_by_is_doubt_in_p_and_interval(tmp_path: Path) -> None:
    """Seeds whose gains are 0.02, 0.1 and 0.03 for every user: their t-test is what is left, and
    that the users agree is no evidence."""
    values = uneven(0.0)
    by_seed = np.array([[0.02], [0.1], [0.03]])
    values["augmented"] = values["original"] + by_seed
    found = row(tmp_path, values)
    assert p_of(found) == pytest.approx(stats.ttest_1samp(by_seed[:, 0], 0).pvalue)
    assert p_of(found) > 0.1
    assert found["ci_low"] is not None
    assert found["ci_low"] < 0
    assert judge(found) == Verdict.CANNOT_TELL


def test_p_and_interval_are_of_one_test(tmp_path: Path) -> None:
    """From no gain to a clear one: p is below 0.05 exactly where the interval excludes 0."""
    base = uneven(0.002, seed=6, noise=8)
    said = set()
    for n, shift in enumerate(np.linspace(-0.01, 0.01, 41)):
        (tmp_path / str(n)).mkdir()
        values = {"original": base["original"], "augmented": base["augmented"] + shift}
        found = row(tmp_path / str(n), values)
        assert found["ci_low"] is not None
        assert found["ci_high"] is not None
        excluded = found["ci_low"] > 0 or found["ci_high"] < 0
        assert (p_of(found) < 0.05) == excluded
        said.add(excluded)
    assert said == {True, False}


def test_one_seed_of_many_has_neither_p_nor_interval(tmp_path: Path) -> None:
    once = {name: array[:1] for name, array in uneven(0.02).items()}
    found = row(tmp_path, once)
    assert (found["p_value"], found["ci_low"], found["ci_high"]) == (None, None, None)
    assert judge(found) == Verdict.CANNOT_TELL


@pytest.mark.parametrize(("n_seeds", "word"), [(2, Standing.TOO_FEW_SEEDS), (3, Standing.AHEAD)])
def test_a_standing_takes_three_common_seeds_and_its_figures_are_of_them(
    tmp_path: Path, n_seeds: int, word: Standing
) -> None:
    values = uneven(0.1)
    values["ease"] = values["original"][:n_seeds] + np.linspace(0, 0.001, n_seeds)[:, None]
    folder = evaluation(tmp_path / "mf", values)
    _, found = compare_sources([folder], compare_recommenders([folder], "small", "random"))
    assert found["n_seeds"] == n_seeds
    assert found["original"] == pytest.approx(values["original"][:n_seeds].mean())
    assert found["language_model"] == pytest.approx(values["augmented"][:n_seeds].mean())
    assert standing(found) == word


def test_default_controls_have_a_standing() -> None:
    assert EvaluationConfig().control_seeds >= 3
    assert Config.read(REPO / "params.yaml").evaluation.control_seeds >= 3


def test_p_values_are_holm_corrected_over_the_recommenders(tmp_path: Path) -> None:
    """Of three p-values the smallest counts three times, the next twice."""
    values = {f"r{n}": uneven(0.004, seed=n, noise=4) for n in range(3)}
    plain = {
        name: paired(arrays["original"], arrays["augmented"]) for name, arrays in values.items()
    }
    folders = [evaluation(tmp_path / name, arrays) for name, arrays in values.items()]
    found = {r["recommender"]: p_of(r) for r in compare_recommenders(folders, "s", "random")}
    first, second, third = sorted(plain, key=lambda name: plain[name])
    assert 0.0001 < plain[first] < plain[second] < 0.3
    assert found[first] == pytest.approx(3 * plain[first])
    assert found[second] == pytest.approx(max(3 * plain[first], 2 * plain[second]))
    assert found[third] >= max(found[second], plain[third])


def test_leads_are_holm_corrected_over_recommenders_and_controls(tmp_path: Path) -> None:
    values = {}
    for n, name in enumerate(("mf", "ncl")):
        arrays = uneven(0.006, seed=n)
        rng = np.random.default_rng(10 + n)
        for control in ("ease", "random"):
            arrays[control] = arrays["original"] + 0.01 * rng.normal(0, 1, (SEEDS, USERS))
        values[name] = arrays
    folders = [evaluation(tmp_path / name, arrays) for name, arrays in values.items()]
    rows = compare_sources(folders, compare_recommenders(folders, "small", "random"))
    leads = {(r["recommender"], r["source"]): r["lead_p_value"] for r in rows}
    plain = {
        (name, control): paired(arrays[control], arrays["augmented"])
        for name, arrays in values.items()
        for control in ("ease", "random")
    }
    smallest = min(plain, key=lambda key: plain[key])
    assert leads[smallest] == pytest.approx(4 * plain[smallest])


def test_the_effect_has_its_interval_and_both_are_needed(tmp_path: Path) -> None:
    """A gain of a tenth: the interval holds it, excludes 0 and leaves the word to no p alone."""
    found = row(tmp_path, {k: v + 0.1 for k, v in uneven(0.06, seed=4).items()})
    low, gain, high = found["ci_low"], found["relative_gain"], found["ci_high"]
    assert low is not None
    assert gain is not None
    assert high is not None
    assert 0 < low < gain < high < 2 * gain
    assert gain == pytest.approx(found["augmented"] / found["original"] - 1)
    assert judge(found) == Verdict.HELPS
    assert judge(Row(**{**found, "ci_low": -0.001})) != Verdict.HELPS
    assert judge(Row(**{**found, "p_value": 0.06})) != Verdict.HELPS
    assert judge(Row(**{**found, "amount": 0})) == Verdict.NOTHING_CHOSEN


def test_the_interval_is_of_95_percent(tmp_path: Path) -> None:
    """Where the seed means nothing as wide as users make it: 2 x 1.96 standard errors."""
    rng = np.random.default_rng(5)
    original = np.ones((1, 4000))
    augmented = original + 0.1 + 0.5 * rng.normal(0, 1, original.shape)
    folder = evaluation(tmp_path / "ease", {"original": original, "augmented": augmented})
    (found,) = compare_recommenders([folder], "small", "random")
    assert found["ci_low"] is not None
    assert found["ci_high"] is not None
    width = found["ci_high"] - found["ci_low"]
    assert width == pytest.approx(2 * 1.96 * augmented.std() / np.sqrt(4000), rel=0.01)
