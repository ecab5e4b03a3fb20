"""Every arm of an evaluation, and the language model's lead over each: what follows from metrics by
user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, ORIGINAL
from llm4idrec.metrics.significance import Comparison, compare
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.comparison import Row, corrected, read_chosen
from llm4idrec.verdict.per_user import TEST, metrics_of, pair
from llm4idrec.verdict.selection import Choice, Selection
from llm4idrec.verdict.variants import grouped, is_control


class ArmRow(TypedDict):
    """One recommender, metric and arm, as in `controls.json`.

    The gain is over the original data, the lead that of the language model alone over this arm,
    relative to the arm's value. Gain and lead are null where they would divide by 0, the lead on
    the language model's own row too; p and intervals are null as in `comparison.json`. `p_value` of
    the language model is that of `comparison.json`; those of the other arms are Holm-corrected over
    recommenders and arms, and so is `lead_p_value`. An arm at amount 0 is the original: its gain is
    no claim, and the language model's lead over it is the language model's gain.
    """

    dataset: str
    protocol: str
    recommender: str
    metric: str
    headline: bool
    """Whether the metric is the one that chose the amounts, on validation."""
    arm: str
    """`language_model`, or one of `controls`."""
    amount: float
    """Of its own items, as validation chose for it; at 0 it is the original."""
    popularity_exponent: float
    """With `amount`: its augmentation."""
    original: float
    value: float
    """With what the arm adds; means over users and seeds, as before and behind it."""
    language_model: float
    relative_gain: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    lead: float | None
    lead_low: float | None
    lead_high: float | None
    lead_p_value: float | None
    n_seeds: int
    n_runs: int
    n_users: int
    generated_pairs: float
    """Mean over runs; 0 at amount 0."""


Key = tuple[str, str, str]
"""Recommender, metric, arm."""


@dataclass(frozen=True)
class _Figures:
    """Of one arm, for one recommender and metric; the p-values are Holm-corrected."""

    gain: Comparison
    """The arm over the original data."""
    gain_p: float | None
    lead: Comparison
    """The language model over the arm."""
    lead_p: float | None


def compare_arms(evaluations: Sequence[Path], rows: Sequence[Row]) -> list[ArmRow]:
    """After each of `rows`, the comparison of these evaluations, a row for every other arm: first
    those alone, then those together with EASE.

    Raises `InputError` as `compare_recommenders`.
    """
    selections = {folder.name: Selection.read(folder) for folder in evaluations}
    summaries = {folder.name: read_json(folder / "summary.json") for folder in evaluations}
    gains: dict[Key, Comparison] = {}
    leads: dict[Key, Comparison] = {}
    for folder in evaluations:
        its_gains, its_leads = _gains_and_leads(folder, selections[folder.name])
        gains, leads = gains | its_gains, leads | its_leads
    adding = {
        key: [selections[key[0]].arms[arm].chosen.amount > 0 for arm in (key[2], LANGUAGE_MODEL)]
        for key in gains
    }
    gain_p = corrected({key: gain for key, gain in gains.items() if adding[key][0]})
    lead_p = corrected({key: lead for key, lead in leads.items() if all(adding[key])})
    found = []
    for row in rows:
        name = row["recommender"]
        selection, summary = selections[name], summaries[name]
        own = _language_model_row(row, selection, summary)
        found.append(own)
        for key, gain in gains.items():
            if key[:2] != (name, row["metric"]):
                continue
            choice, arm = selection.arms[key[2]], key[2]
            its_p = gain_p.get(key, gain.p_value)
            # Where one of both is the original, the lead is the other's gain.
            own_p = lead_p.get(key, its_p if adding[key][0] else row["p_value"])
            figures = _Figures(gain, its_p, leads[key], own_p)
            pairs = summary[f"{arm}_generated_pairs"] if choice.chosen.amount else 0
            found.append(_row(own, arm, figures, choice=choice, generated_pairs=pairs))
    return found


def _gains_and_leads(
    evaluation: Path, selection: Selection
) -> tuple[dict[Key, Comparison], dict[Key, Comparison]]:
    """Each other arm over the original data, and the language model over each."""
    table = read_chosen(evaluation / TEST, selection)
    keys = [
        (evaluation.name, metric, arm)
        for metric in metrics_of(table)
        for arm in grouped([arm for arm in selection.arms if is_control(arm)])
    ]

    def compared(before: str, after: str, metric: str) -> Comparison:
        return compare(*pair(table, (before, after), metric, runs=selection.runs))

    gains = {key: compared(ORIGINAL, key[2], key[1]) for key in keys}
    return gains, {key: compared(key[2], LANGUAGE_MODEL, key[1]) for key in keys}


def _language_model_row(row: Row, selection: Selection, summary: Mapping[str, float]) -> ArmRow:
    chosen = selection.language_model.chosen
    return ArmRow(
        dataset=row["dataset"],
        protocol=row["protocol"],
        recommender=row["recommender"],
        metric=row["metric"],
        headline=row["metric"] == selection.metric,
        arm=LANGUAGE_MODEL,
        amount=chosen.amount,
        popularity_exponent=chosen.popularity_exponent,
        original=row["original"],
        value=row["augmented"],
        language_model=row["augmented"],
        relative_gain=row["relative_gain"],
        ci_low=row["ci_low"],
        ci_high=row["ci_high"],
        p_value=row["p_value"],
        lead=None,
        lead_low=None,
        lead_high=None,
        lead_p_value=None,
        n_seeds=row["n_seeds"],
        n_runs=row["n_runs"],
        n_users=row["n_users"],
        generated_pairs=summary["generated_pairs"] if chosen.amount else 0,
    )


def _row(
    own: ArmRow, arm: str, figures: _Figures, *, choice: Choice, generated_pairs: float
) -> ArmRow:
    """`own` is the language model's row of the same recommender and metric."""
    gain, lead = figures.gain, figures.lead
    return ArmRow(
        **own
        | {
            "arm": arm,
            "amount": choice.chosen.amount,
            "popularity_exponent": choice.chosen.popularity_exponent,
            "original": gain.original,
            "value": gain.augmented,
            "language_model": lead.augmented,
            "relative_gain": gain.relative_gain,
            "ci_low": gain.low,
            "ci_high": gain.high,
            "p_value": figures.gain_p,
            "lead": lead.relative_gain,
            "lead_low": lead.low,
            "lead_high": lead.high,
            "lead_p_value": figures.lead_p,
            "generated_pairs": generated_pairs,
        }
    )
