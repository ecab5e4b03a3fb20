"""The rule by which one version is better than another, on answers that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from llm4idrec.metrics.significance import compare
from pipelines.registry.challenge import Lead, lead_table, leads_over, objections


def lead(relative: float, p_value: float | None) -> Lead:
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
        ({"mf": lead(0.02, None)}, ("too few seeds on MF: it takes 2 in common",)),
        (
            {"mf": lead(0.02, 0.01), "ncl": lead(0.02, None)},
            ("too few seeds on NCL: it takes 2 in common",),
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


def test_leads_are_paired_over_users_and_seeds_and_corrected_over_recommenders() -> None:
    random = np.random.default_rng(0)
    rival = {name: random.random((3, 50)) for name in ("mf", "ncl")}
    arms = {name: (own, own + random.normal(0.01, 0.05, (3, 50))) for name, own in rival.items()}
    leads = leads_over(arms)
    compared = {name: compare(*pair) for name, pair in arms.items()}
    plain = {name: its.p_value or 0 for name, its in compared.items()}
    first = min(plain, key=plain.__getitem__)
    assert leads[first].p_value == pytest.approx(2 * plain[first])
    for name, its in compared.items():
        assert leads[name].relative == pytest.approx(its.relative_gain)
        assert (leads[name].low, leads[name].high) == (its.low, its.high)
    # Unpaired, none of this could be seen.
    unpaired = stats.ttest_ind(*(values.mean(axis=0) for values in arms[first])).pvalue
    assert unpaired > 0.3 > 2 * plain[first]


def test_no_lead_is_certain_on_one_seed() -> None:
    """The others alone are a family."""
    random = np.random.default_rng(1)
    values = random.random((2, 50))
    pair = values, values + random.normal(0.01, 0.03, values.shape)
    leads = leads_over({"mf": (pair[0][:1], pair[1][:1]), "ncl": pair})
    assert (leads["mf"].p_value, leads["mf"].low) == (None, None)
    assert leads["ncl"].p_value == compare(*pair).p_value


def test_a_rival_that_finds_nothing_is_led_by_anything() -> None:
    assert Lead(0.0, 0.1, 0.01).relative == float("inf")
    assert Lead(0.0, 0.0, 1.0).relative == 0
    assert objections({"mf": Lead(0.0, 0.1, 0.01)}) == ()


def test_the_table_names_both() -> None:
    table = lead_table({"mf": Lead(0.2, 0.21, 0.0004, 0.03, 0.07)}, "version 2", "version 1")
    assert table.splitlines() == [
        "validation  version 1  version 2    lead   95 % interval        p",
        "MF             0.2000     0.2100  +5.0 %  +3.0 to +7.0 %  < 0.001",
    ]
