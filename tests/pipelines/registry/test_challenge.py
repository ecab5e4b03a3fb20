"""The rule by which one version is better than another, on answers that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pipelines.registry.challenge import Lead, lead_table, leads_over, objections


def lead(relative: float, p_value: float) -> Lead:
    return Lead(rival=0.5, challenger=0.5 * (1 + relative), p_value=p_value)


@pytest.mark.parametrize(
    ("leads", "expected"),
    [
        ({"mf": lead(0.02, 0.01)}, ()),
        ({"mf": lead(0.02, 0.01), "lightgcn": lead(-0.01, 0.3)}, ()),
        ({"mf": lead(0.02, 0.05)}, ("it leads on no recommender with p < 0.05",)),
        (
            {"mf": lead(0.02, 0.01), "lightgcn": lead(-0.03, 0.3)},
            ("its mean lead on validation is −0.5 %",),
        ),
        (
            {"mf": lead(0.05, 0.01), "lightgcn": lead(-0.03, 0.04), "ncl": lead(-0.01, 0.001)},
            ("it is behind on LightGCN, NCL with p < 0.05",),
        ),
        (
            {"mf": lead(0.0, 1.0)},
            ("its mean lead on validation is +0.0 %", "it leads on no recommender with p < 0.05"),
        ),
        (
            {"mf": lead(-0.04, 0.0)},
            (
                "its mean lead on validation is −4.0 %",
                "it leads on no recommender with p < 0.05",
                "it is behind on MF with p < 0.05",
            ),
        ),
    ],
)
def test_ahead_on_average_beyond_chance_somewhere_and_behind_nowhere(
    leads: dict[str, Lead], expected: tuple[str, ...]
) -> None:
    assert objections(leads) == expected


def test_leads_are_paired_over_users_and_corrected_over_recommenders() -> None:
    random = np.random.default_rng(0)
    rival = {name: random.random(50) for name in ("mf", "ncl")}
    noise = {name: random.normal(0.01, 0.03, 50) for name in rival}
    challenger = {name: rival[name] + noise[name] for name in rival}
    leads = leads_over(challenger, rival)
    plain = {name: stats.ttest_1samp(noise[name], 0).pvalue for name in rival}
    first = min(plain, key=plain.__getitem__)
    assert leads[first].p_value == pytest.approx(2 * plain[first])
    for name, values in rival.items():
        expected = challenger[name].mean() / values.mean() - 1
        assert leads[name].relative == pytest.approx(expected)
    # Unpaired, none of this could be seen.
    assert stats.ttest_ind(challenger[first], rival[first]).pvalue > 0.3 > leads[first].p_value


def test_a_rival_that_finds_nothing_is_led_by_anything() -> None:
    assert Lead(0.0, 0.1, 0.01).relative == float("inf")
    assert Lead(0.0, 0.0, 1.0).relative == 0
    assert objections({"mf": Lead(0.0, 0.1, 0.01)}) == ()


def test_the_table_names_both() -> None:
    table = lead_table({"mf": Lead(0.2, 0.21, 0.0004)}, "version 2", "version 1")
    assert table.splitlines() == [
        "validation  version 1  version 2    lead        p",
        "MF             0.2000     0.2100  +5.0 %  < 0.001",
    ]
