"""The words that figures allow."""

from __future__ import annotations

import pytest

from llm4idrec.verdict.judgement import Standing, Verdict, judge, standing
from tests.llm4idrec.verdict.rows import changed_row, changed_source


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
    ("recommender", "n_seeds", "expected"),
    [
        ("mf", 1, Standing.TOO_FEW_SEEDS),
        ("mf", 2, Standing.TOO_FEW_SEEDS),
        ("mf", 3, Standing.AHEAD),
        ("ease", 1, Standing.AHEAD),
    ],
)
def test_no_standing_on_fewer_than_three_seeds_where_they_mean_something(
    recommender: str, n_seeds: int, expected: Standing
) -> None:
    assert standing(changed_source(recommender=recommender, n_seeds=n_seeds)) == expected


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
    assert standing(changed_source(lead_low=low, lead_high=high, lead_p_value=p_value)) == expected
