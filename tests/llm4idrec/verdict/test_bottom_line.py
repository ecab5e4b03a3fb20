"""What to serve: who is in it, who is chosen, and by what figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from llm4idrec.errors import InputError
from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.metrics.significance import compare, mean_with_interval
from llm4idrec.verdict.bottom_line import BottomLine, bottom_line, simpler_and_better
from tests.llm4idrec.evaluations import METRIC, write_evaluation, write_rankings
from tests.llm4idrec.verdict.rows import bottom_line_of, system

USERS, SEEDS = 40, 4
Levels = Mapping[str, float]


def values(levels: Levels, seeds: int = SEEDS, users: int = USERS) -> dict[str, FloatArray]:
    """Each variant's mean is its level; users and seeds differ."""
    rng = np.random.default_rng(0)
    return {
        name: level * (1 + centred(rng.uniform(-0.5, 0.5, (seeds, users))))
        for name, level in levels.items()
    }


def centred(array: FloatArray) -> FloatArray:
    return np.asarray(array - array.mean(), np.float64)


def recommender(folder: Path, test: Levels, validation: Levels | None = None) -> Path:
    """With two seeds on validation."""
    by_validation = values(test if validation is None else validation, seeds=2)
    return write_evaluation(folder, {METRIC: values(test)}, validation=by_validation, runs=SEEDS)


def rankings(folder: Path, test: Levels, validation: Levels | None = None) -> Path:
    by_validation = values(test if validation is None else validation, seeds=1)
    return write_rankings(folder, {METRIC: values(test)}, by_validation)


def names(found: BottomLine) -> list[tuple[str | None, str]]:
    return [(its["recommender"], its["variant"]) for its in found["systems"]]


ARMS = {
    "original": 0.3,
    "language_model": 0.31,
    "language_model+ease": 0.32,
    "svd": 0.305,
    "svd+ease": 0.325,
    "random": 0.2,
    "original&ease": 0.33,
    "language_model&ease": 0.34,
}


def test_who_could_be_served(tmp_path: Path) -> None:
    """Of the arms that are not the language model's, the best on validation; of what ranks by
    itself all but random items."""
    alone = {"language_model": 0.25, "svd": 0.24, "random": 0.9, "language_model&ease": 0.26}
    folder = recommender(tmp_path / "mf", ARMS)
    found = bottom_line([folder], rankings(tmp_path / "rankings", alone))
    assert names(found) == [
        ("mf", "language_model&ease"),
        ("mf", "original&ease"),
        ("mf", "svd+ease"),
        ("mf", "language_model+ease"),
        ("mf", "language_model"),
        ("mf", "original"),
        (None, "language_model&ease"),
        (None, "language_model"),
        (None, "svd"),
    ]
    assert [its["parts"] for its in found["systems"]] == [3, 2, 3, 3, 2, 1, 2, 1, 1]
    uses = [its["uses_language_model"] for its in found["systems"]]
    assert uses == [True, False, False, True, True, False, True, True, False]
    assert (found["best_with"], found["best_without"]) == (0, 1)
    assert (found["metric"], found["n_runs"]) == (METRIC, SEEDS)


def test_validation_chooses_and_the_test_tells(tmp_path: Path) -> None:
    """The best on the test set is another."""
    test = {"original": 0.5, "language_model": 0.2}
    folder = recommender(tmp_path / "mf", test, {"original": 0.1, "language_model": 0.4})
    alone = rankings(tmp_path / "rankings", {"language_model": 0.9, "svd": 0.8},
                     {"language_model": 0.3, "svd": 0.2})  # fmt: skip
    found = bottom_line([folder], alone)
    assert names(found) == [
        ("mf", "language_model"), (None, "language_model"), (None, "svd"), ("mf", "original")
    ]  # fmt: skip
    best = found["systems"][0]
    assert (best["validation"], best["test"]) == pytest.approx((0.4, 0.2))
    assert found["best_without"] == 2
    assert found["lead"] == pytest.approx(0.2 / 0.8 - 1)


def test_the_best_other_arm_is_that_on_validation(tmp_path: Path) -> None:
    test = {"original": 0.1, "language_model": 0.2, "svd": 0.5, "sasrec": 0.3}
    folder = recommender(tmp_path / "mf", test, {**test, "svd": 0.2, "sasrec": 0.3})
    found = bottom_line([folder], rankings(tmp_path / "rankings", {"language_model": 0.1}))
    assert ("mf", "sasrec") in names(found)
    assert ("mf", "svd") not in names(found)


def test_ties_go_to_the_simpler_then_to_what_has_no_language_model(tmp_path: Path) -> None:
    same = dict.fromkeys(("original", "language_model", "svd", "language_model&ease"), 0.3)
    folder = recommender(tmp_path / "mf", same)
    alone = rankings(tmp_path / "rankings", {"language_model": 0.3})
    assert names(bottom_line([folder], alone)) == [
        ("mf", "original"),
        (None, "language_model"),
        ("mf", "svd"),
        ("mf", "language_model"),
        ("mf", "language_model&ease"),
    ]


def test_figures_are_means_with_their_intervals(tmp_path: Path) -> None:
    folder = recommender(tmp_path / "mf", {"original": 0.3, "language_model": 0.35})
    alone = rankings(tmp_path / "rankings", {"language_model": 0.2})
    found = bottom_line([folder], alone)
    best, second = found["systems"][:2]
    given = values({"original": 0.3, "language_model": 0.35})
    told = best["test"], best["test_low"], best["test_high"]
    assert told == pytest.approx(mean_with_interval(given["language_model"]))
    told = second["test"], second["test_low"], second["test_high"]
    assert told == pytest.approx(mean_with_interval(given["original"]))
    lead = compare(given["original"], given["language_model"])
    found_lead = found["lead"], found["lead_low"], found["lead_high"], found["lead_p_value"]
    assert found_lead == pytest.approx((lead.relative_gain, lead.low, lead.high, lead.p_value))


@pytest.mark.parametrize("runs", [1, 2, 8])
def test_a_recommender_beside_what_ranks_by_itself(tmp_path: Path, runs: int) -> None:
    """Its seed k is beside run k, modulo the runs; fewer runs than seeds are the units, and of one
    run users are what is left."""
    original = values({"original": 0.3})
    own = values({"language_model": 0.35}, seeds=runs)
    folder = write_evaluation(tmp_path / "mf", {METRIC: original}, runs=runs)
    found = bottom_line([folder], write_rankings(tmp_path / "rankings", {METRIC: own}))
    rows = np.arange(SEEDS) % runs
    pair = original["original"], own["language_model"][rows]
    if runs == 2:
        pair = (pair[0][:2] + pair[0][2:]) / 2, own["language_model"]
    lead = compare(*pair)
    assert (found["lead"], found["lead_p_value"]) == pytest.approx(
        (lead.relative_gain, lead.p_value)
    )


@pytest.mark.parametrize("runs", [1, 3])
def test_both_by_themselves(tmp_path: Path, runs: int) -> None:
    alone = values({"language_model": 0.6, "sasrec": 0.5}, seeds=runs)
    folder = write_evaluation(tmp_path / "mf", {METRIC: values({"original": 0.1})}, runs=runs)
    found = bottom_line([folder], write_rankings(tmp_path / "rankings", {METRIC: alone}))
    arrays = [np.repeat(alone[name], SEEDS if runs == 1 else 1, axis=0)
              for name in ("sasrec", "language_model")]  # fmt: skip
    assert found["lead_p_value"] == pytest.approx(compare(*arrays).p_value)


def test_what_has_the_same_figures_under_two_names_is_told_once(tmp_path: Path) -> None:
    """EASE is a recommender, one fused with itself, and ranks by itself."""
    folders = [
        recommender(tmp_path / "ease", {"original": 0.3, "original&ease": 0.3}),
        recommender(tmp_path / "itemknn", {"original": 0.2, "original&ease": 0.3}),
    ]
    test = {"language_model": 0.1, "ease": 0.3, "itemknn": 0.21}
    found = bottom_line(folders, rankings(tmp_path / "rankings", test))
    assert names(found) == [
        ("ease", "original"),
        ("itemknn", "original&ease"),
        (None, "itemknn"),
        ("itemknn", "original"),
        (None, "language_model"),
    ]


def test_one_recommender_without_arms_or_ease(tmp_path: Path) -> None:
    """And a language model of which validation chose nothing."""
    folder = recommender(tmp_path / "mf", {"original": 0.3})
    found = bottom_line([folder], rankings(tmp_path / "rankings", {"language_model": 0.1}))
    assert names(found) == [("mf", "original"), (None, "language_model")]
    assert (found["best_with"], found["best_without"]) == (1, 0)
    assert found["lead"] == pytest.approx(0.1 / 0.3 - 1)


def test_other_users_are_refused(tmp_path: Path) -> None:
    folder = recommender(tmp_path / "mf", {"original": 0.3})
    others = {METRIC: values({"language_model": 0.1}, users=USERS - 1)}
    write_rankings(tmp_path / "rankings", others)
    with pytest.raises(InputError, match=r"rankings/per_user\.parquet: its test users are not"):
        bottom_line([folder], tmp_path / "rankings")


OWN = system("language_model", 0.31, of="mf")


@pytest.mark.parametrize(
    ("other", "better"),
    [
        (system("original", 0.32, of="ease"), True),
        (system("svd", 0.32), True),
        (system("svd", 0.32, of="mf"), True),  # as many parts
        (system("svd", 0.32, test=0.1), True),
        (system("svd", 0.31, test=0.9), False),  # not better on validation
        (system("original&ease", 0.32, of="mf"), True),
        (system("svd+ease", 0.32, of="mf"), False),  # bigger
        (system("language_model", 0.32), False),  # has a language model
        (system("base_model", 0.32), False),
    ],
)
def test_what_is_simpler_and_better_on_validation(other: dict[str, object], better: bool) -> None:
    order = sorted([OWN, other], key=lambda its: -its["validation"])  # type: ignore[operator]
    found = bottom_line_of(*order)  # type: ignore[arg-type]
    assert (simpler_and_better(found, "mf") == other) == better
    assert simpler_and_better(found, "ncl") is None
