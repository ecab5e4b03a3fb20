"""Rule 6: at least 5 seeds and 5 runs of what generates by default; one paired test over users and
seeds, or runs where these are fewer, for p and interval; Holm's correction over the recommenders;
no standing on fewer than 3 of them; an arm that adds nothing is the original; "it takes a language
model" only ahead of each rival; what to serve is chosen on validation, and a gain is marked where
something simpler is better."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from llm4idrec.config import Config, EvaluationConfig
from llm4idrec.config.comparison import ReplicatesConfig
from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.metrics.significance import compare
from llm4idrec.verdict.bottom_line import bottom_line
from llm4idrec.verdict.comparison import Row, compare_recommenders
from llm4idrec.verdict.control_comparison import ArmRow, compare_arms
from llm4idrec.verdict.judgement import Need, Standing, Verdict, judge, need, standing
from llm4idrec.verdict.tables import verdict_table
from tests.conftest import REPO
from tests.llm4idrec.evaluations import write_evaluation, write_rankings

USERS, SEEDS = 60, 3
METRIC = "ndcg_at_20"


def evaluation(
    folder: Path, values: dict[str, FloatArray], nothing: Sequence[str] = (), runs: int = 5
) -> Path:
    """Variants, each of shape (seeds, users); the arms of `nothing` chose amount 0."""
    return write_evaluation(folder, {METRIC: values}, nothing=nothing, runs=runs)


def uneven(gain: float, seed: int = 0, noise: float = 1.0) -> dict[str, FloatArray]:
    """Users differ by far more than they gain; each gains about `gain`, whoever it is."""
    rng = np.random.default_rng(seed)
    levels = np.tile(rng.uniform(0, 1, USERS), (SEEDS, 1))
    gains = gain * (1 + noise * rng.normal(0, 1, levels.shape))
    return {"original": levels, "language_model": levels + gains}


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
    config = Config.read(REPO / "params.yaml")
    assert config.evaluation.seeds >= 5
    assert ReplicatesConfig().runs >= 5
    assert config.replicates.runs >= 5


def test_a_gain_that_all_users_share_is_found_by_pairs(tmp_path: Path) -> None:
    """An unpaired test drowns in what users differ by."""
    values = uneven(0.02)
    unpaired = stats.ttest_ind(values["language_model"].mean(0), values["original"].mean(0)).pvalue
    assert unpaired > 0.5
    assert p_of(row(tmp_path, values)) < 1e-6


def test_the_test_is_over_users_not_over_seeds_of_users(tmp_path: Path) -> None:
    """A seed that repeats another is no further evidence: users are what is left, as scipy tests
    them."""
    once = {name: array[:1] for name, array in uneven(0.004, seed=3, noise=4).items()}
    repeated = {name: np.repeat(array, 8, axis=0) for name, array in once.items()}
    found = p_of(row(tmp_path, repeated))
    expected = stats.ttest_rel(once["language_model"][0], once["original"][0]).pvalue
    assert found == pytest.approx(expected)
    assert 0.001 < found < 0.9


def test_what_seeds_differ_by_is_doubt_in_p_and_interval(tmp_path: Path) -> None:
    """Seeds whose gains are 0.02, 0.1 and 0.03 for every user: their t-test is what is left, and
    that the users agree is no evidence."""
    values = uneven(0.0)
    by_seed = np.array([[0.02], [0.1], [0.03]])
    values["language_model"] = values["original"] + by_seed
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
        values = {"original": base["original"], "language_model": base["language_model"] + shift}
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


@pytest.mark.parametrize(("n_seeds", "word"), [(2, Standing.TOO_FEW_UNITS), (3, Standing.AHEAD)])
def test_a_standing_takes_three_seeds(tmp_path: Path, n_seeds: int, word: Standing) -> None:
    values = uneven(0.1)
    values["ease"] = values["original"] + np.linspace(0, 0.001, SEEDS)[:, None]
    values = {name: array[:n_seeds] for name, array in values.items()}
    _, found = rows_of(evaluation(tmp_path / "mf", values))
    assert found["n_seeds"] == n_seeds
    assert standing(found) == word


@pytest.mark.parametrize(("runs", "word"), [(2, Standing.TOO_FEW_UNITS), (3, Standing.AHEAD)])
def test_a_standing_takes_three_runs(tmp_path: Path, runs: int, word: Standing) -> None:
    values = {name: np.concatenate([array, array]) for name, array in uneven(0.1).items()}
    values["ease"] = values["original"]
    _, found = rows_of(evaluation(tmp_path / "mf", values, runs=runs))
    assert standing(found) == word


def test_seeds_that_share_a_run_are_no_further_evidence(tmp_path: Path) -> None:
    """Six seeds of three runs, whose luck is 0.02, 0.1 and 0.03 for every user: the t-test over the
    three is what is left. Over six seeds p would be far smaller."""
    luck = np.array([0.02, 0.1, 0.03])
    original = np.tile(uneven(0.0)["original"][:1], (6, 1))
    values = {"original": original, "language_model": original + np.tile(luck, 2)[:, None]}
    found = rows_of(evaluation(tmp_path / "mf", values, runs=3))[0]
    assert found["p_value"] == pytest.approx(stats.ttest_1samp(luck, 0).pvalue)
    alone = rows_of(evaluation(tmp_path / "ncl", values, runs=6))[0]
    assert (alone["p_value"] or 1) < (found["p_value"] or 0) / 3


def test_an_arm_at_amount_0_is_the_original(tmp_path: Path) -> None:
    values = uneven(0.1)
    rows = rows_of(evaluation(tmp_path / "mf", values, nothing=["svd"]))
    assert [row["arm"] for row in rows] == ["language_model", "svd"]
    own, svd = rows
    assert (svd["amount"], svd["value"]) == (0, own["original"])
    assert (svd["relative_gain"], svd["ci_low"], svd["ci_high"]) == (0, 0, 0)
    assert svd["lead"] == own["relative_gain"]
    assert standing(svd) == Standing.AHEAD
    only = {"original": values["original"], "ease": values["language_model"]}
    own, ease = rows_of(evaluation(tmp_path / "ncl", only))
    assert judge(own) == Verdict.NOTHING_CHOSEN
    assert standing(ease) == Standing.BEHIND


@pytest.mark.parametrize("level", ["none", "svd", "base_model", "sasrec"])
def test_it_takes_a_language_model_only_ahead_of_each_rival_alone(
    tmp_path: Path, level: str
) -> None:
    """Rivals gain nothing, but for one that gains as much."""
    values = uneven(0.1)
    for arm in ("svd", "base_model", "sasrec"):
        values[arm] = values["language_model" if arm == level else "original"] + 1e-4
    # Others, and ensembles, have no say.
    values["ease"] = values["svd+ease"] = values["language_model"] + 0.2
    found = need(rows_of(evaluation(tmp_path / "mf", values)))
    expected = {"none": Need.TAKES_ONE, "base_model": Need.ITS_BASE_DOES}
    assert found == expected.get(level, Need.OTHERS_DO)


def test_it_takes_no_language_model_that_does_not_help(tmp_path: Path) -> None:
    values = uneven(-0.1)
    for arm in ("svd", "base_model", "sasrec"):
        values[arm] = values["original"] - 0.2
    rows = rows_of(evaluation(tmp_path / "mf", values))
    assert all(standing(row) == Standing.AHEAD for row in rows[1:])
    assert need(rows) == Need.NO_HELP


def test_what_to_serve_is_chosen_on_validation(tmp_path: Path) -> None:
    """The test set prefers the other, and shapes nothing but the figures that are told."""
    values = uneven(0.1)
    swapped = {"original": values["language_model"], "language_model": values["original"]}
    folder = tmp_path / "mf"
    write_evaluation(folder, {METRIC: swapped}, validation=values)
    alone = {"language_model": values["original"] - 0.2}
    found = bottom_line([folder], write_rankings(tmp_path / "rankings", {METRIC: alone}))
    best = found["systems"][0]
    assert best["variant"] == "language_model"
    assert best["validation"] == pytest.approx(values["language_model"].mean())
    assert best["test"] == pytest.approx(values["original"].mean())
    assert found["lead"] is not None
    assert found["lead"] < 0


@pytest.mark.parametrize("better", [True, False])
def test_a_gain_is_marked_where_something_simpler_is_better(tmp_path: Path, better: bool) -> None:
    values = uneven(0.1)
    folder = evaluation(tmp_path / "mf", values)
    svd = values["language_model"] + (0.1 if better else -0.05)
    alone = {"language_model": values["original"] - 0.2, "svd": svd}
    found = bottom_line([folder], write_rankings(tmp_path / "rankings", {METRIC: alone}))
    table = verdict_table(compare_recommenders([folder], "small", "random"), found)
    marked = f"helps; SVD alone has more: {svd.mean():.4f}"
    assert table.endswith(marked if better else "helps")


def rows_of(*folders: Path) -> list[ArmRow]:
    return compare_arms(folders, compare_recommenders(folders, "small", "random"))


def test_p_values_are_holm_corrected_over_the_recommenders(tmp_path: Path) -> None:
    """Of three p-values the smallest counts three times, the next twice."""
    values = {f"r{n}": uneven(0.004, seed=n, noise=4) for n in range(3)}
    plain = {
        name: paired(arrays["original"], arrays["language_model"])
        for name, arrays in values.items()
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
    leads = {(r["recommender"], r["arm"]): r["lead_p_value"] for r in rows_of(*folders)}
    plain = {
        (name, control): paired(arrays[control], arrays["language_model"])
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
    original = np.ones((SEEDS, 4000))
    augmented = original + 0.1 + 0.5 * rng.normal(0, 1, (1, 4000))
    folder = evaluation(tmp_path / "ease", {"original": original, "language_model": augmented})
    (found,) = compare_recommenders([folder], "small", "random")
    assert found["ci_low"] is not None
    assert found["ci_high"] is not None
    width = found["ci_high"] - found["ci_low"]
    assert width == pytest.approx(2 * 1.96 * augmented.std() / np.sqrt(4000), rel=0.01)
