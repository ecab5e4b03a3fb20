"""The words that figures allow."""

from __future__ import annotations

import pytest

from llm4idrec.verdict.judgement import Need, Standing, Verdict, judge, need, standing, units
from tests.llm4idrec.verdict.rows import MODEL_ROW, changed_arm, changed_row


@pytest.mark.parametrize(
    ("low", "high", "p_value", "verdict"),
    [
        (0.05, 0.15, 0.001, Verdict.HELPS),
        (0.005, 0.0101, 0.001, Verdict.HELPS),
        (0.002, 0.01, 0.001, Verdict.NO_DIFFERENCE),
        (-0.01, 0.01, 0.9, Verdict.NO_DIFFERENCE),
        (-0.009, -0.001, 0.001, Verdict.NO_DIFFERENCE),
        (0.05, 0.15, 0.06, Verdict.CANNOT_TELL),
        (-0.01, 0.05, 0.2, Verdict.CANNOT_TELL),
        (-0.05, 0.0099, 0.2, Verdict.CANNOT_TELL),
        (-0.09, -0.02, 0.001, Verdict.HARMS),
        (-0.09, -0.02, 0.06, Verdict.CANNOT_TELL),
        (None, None, 1.0, Verdict.CANNOT_TELL),
        (None, None, None, Verdict.CANNOT_TELL),
    ],
)
def test_judge(
    low: float | None, high: float | None, p_value: float | None, verdict: Verdict
) -> None:
    assert judge(changed_row(ci_low=low, ci_high=high, p_value=p_value)) == verdict


def test_at_amount_0_nothing_was_chosen() -> None:
    row = changed_row(amount=0, ci_low=0.0, ci_high=0.0, p_value=1.0)
    assert judge(row) == Verdict.NOTHING_CHOSEN


@pytest.mark.parametrize(
    ("n_seeds", "n_runs", "expected"),
    [
        (2, 5, Standing.TOO_FEW_UNITS),
        (5, 2, Standing.TOO_FEW_UNITS),
        (3, 5, Standing.AHEAD),
        (5, 3, Standing.AHEAD),
        (5, 1, Standing.AHEAD),  # seeds are the units, and a sentence says so
        (2, 1, Standing.TOO_FEW_UNITS),
    ],
)
def test_no_standing_on_fewer_than_three_units(
    n_seeds: int, n_runs: int, expected: Standing
) -> None:
    row = changed_arm(n_seeds=n_seeds, n_runs=n_runs)
    assert standing(row) == expected
    assert (units(row) < 3) == (expected == Standing.TOO_FEW_UNITS)


@pytest.mark.parametrize(
    ("low", "high", "p_value", "expected"),
    [
        (0.01, 0.03, 0.01, Standing.AHEAD),
        (0.01, 0.03, 0.05, Standing.LEVEL),
        (-0.01, 0.03, 0.01, Standing.LEVEL),
        (0.0, 0.03, 0.01, Standing.LEVEL),
        (-0.03, -0.01, 0.01, Standing.BEHIND),
        (-0.03, -0.01, 0.2, Standing.LEVEL),
        (None, None, 0.01, Standing.LEVEL),
        (None, None, None, Standing.LEVEL),
    ],
)
def test_standing(
    low: float | None, high: float | None, p_value: float | None, expected: Standing
) -> None:
    assert standing(changed_arm(lead_low=low, lead_high=high, lead_p_value=p_value)) == expected


LEVEL = {"lead_low": -0.01}
BEHIND = {"lead_low": -0.02, "lead_high": -0.01}
FEW = {"n_runs": 2}


@pytest.mark.parametrize(
    ("rivals", "expected"),
    [
        ({"svd": {}, "base_model": {}, "sasrec": {}}, Need.TAKES_ONE),
        ({"svd": {}, "base_model": {}}, Need.TAKES_ONE),  # the data have no time
        ({"svd": LEVEL, "base_model": {}, "sasrec": {}}, Need.OTHERS_DO),
        ({"svd": {}, "base_model": BEHIND, "sasrec": {}}, Need.ITS_BASE_DOES),
        ({"svd": {}, "base_model": LEVEL}, Need.ITS_BASE_DOES),
        ({"base_model": LEVEL}, Need.CANNOT_TELL),
        ({"svd": LEVEL, "base_model": LEVEL, "sasrec": {}}, Need.OTHERS_DO),
        ({"svd": {}, "base_model": {}, "sasrec": LEVEL}, Need.OTHERS_DO),
        ({"svd": {}, "base_model": {}, "svd+ease": BEHIND, "ease": BEHIND}, Need.TAKES_ONE),
        ({"svd": {}, "sasrec": {}}, Need.CANNOT_TELL),
        ({"base_model": {}, "sasrec": {}}, Need.CANNOT_TELL),
        ({}, Need.CANNOT_TELL),
        ({"svd": FEW, "base_model": FEW}, Need.CANNOT_TELL),
    ],
)
def test_it_takes_a_language_model_if_it_is_ahead_of_each_rival_alone(
    rivals: dict[str, dict[str, float]], expected: Need
) -> None:
    rows = [changed_arm(changed_arm(arm=arm), **values) for arm, values in rivals.items()]
    rows.insert(0, MODEL_ROW)
    assert need(rows) == expected


def test_it_takes_none_where_the_language_model_alone_does_not_help() -> None:
    rivals = [changed_arm(arm=arm) for arm in ("svd", "base_model", "sasrec")]
    for values in ({"amount": 0.0}, {"ci_low": -0.01}, {"p_value": 0.2}):
        assert need([changed_arm(MODEL_ROW, **values), *rivals]) == Need.NO_HELP
