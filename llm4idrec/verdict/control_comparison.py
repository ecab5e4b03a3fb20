"""The language model against controls of the same volume: what follows from metrics by user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from llm4idrec.config.recommenders import is_seeded
from llm4idrec.metrics.significance import Comparison, compare, on_common_seeds
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.comparison import Row, corrected
from llm4idrec.verdict.per_user import metrics_of, read_per_user
from llm4idrec.verdict.variants import LANGUAGE_MODEL, ORIGINAL, is_control


class SourceRow(TypedDict):
    """One recommender, metric and source of added pairs, as in `controls.json`.

    The gain is over the original data, the lead the language model's over this control, relative
    to the control's value. All of a row is of the same seeds, those that the control has, so
    `original` and `language_model` differ between rows. Gain and lead are null where they would
    divide by 0, the lead on the language model's own row too; p and intervals are null as in
    `comparison.json`. `p_value` of the language model is that of `comparison.json`; those of the
    controls are Holm-corrected over recommenders and controls, and so is `lead_p_value`.
    """

    dataset: str
    protocol: str
    recommender: str
    metric: str
    headline: bool
    """Whether the metric is the one that chose the amount, on validation."""
    source: str
    """`augmented` (the language model) or a control."""
    original: float
    value: float
    """With what the source adds; means over users and seeds, as before and behind it."""
    language_model: float
    relative_gain: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    lead: float | None
    lead_low: float | None
    lead_high: float | None
    lead_p_value: float | None
    amount: float
    popularity_exponent: float
    """With `amount`: the augmentation that validation chose."""
    n_seeds: int
    n_users: int
    generated_pairs: float


Key = tuple[str, str, str]
"""Recommender, metric, control."""


@dataclass(frozen=True)
class _Figures:
    """Of one control, for one recommender and metric; the p-values are Holm-corrected."""

    gain: Comparison
    """The control over the original data."""
    gain_p: float | None
    lead: Comparison
    """The language model over the control."""
    lead_p: float | None


def compare_sources(evaluations: Sequence[Path], rows: Sequence[Row]) -> list[SourceRow]:
    """After each of `rows`, the comparison of these evaluations, a row for every control.

    Raises `InputError` as `compare_recommenders`.
    """
    gains: dict[Key, Comparison] = {}
    leads: dict[Key, Comparison] = {}
    for folder in evaluations:
        for key, pair in _gains_and_leads(folder):
            gains[key], leads[key] = pair
    gain_p, lead_p = corrected(gains), corrected(leads)
    selections = {folder.name: read_json(folder / "selection.json") for folder in evaluations}
    summaries = {folder.name: read_json(folder / "summary.json") for folder in evaluations}
    found = []
    for row in rows:
        selection, summary = selections[row["recommender"]], summaries[row["recommender"]]
        own = _language_model_row(row, selection["metric"], summary)
        found.append(own)
        for key, gain in gains.items():
            if key[:2] == (row["recommender"], row["metric"]):
                figures = _Figures(gain, gain_p[key], leads[key], lead_p[key])
                pairs = summary[f"{key[2]}_generated_pairs"]
                found.append(_control_row(own, key[2], figures, generated_pairs=pairs))
    return found


def _gains_and_leads(evaluation: Path) -> Iterator[tuple[Key, tuple[Comparison, Comparison]]]:
    """Each control over the original data, and the language model over each control, on the seeds
    that the control has."""
    table = read_per_user(evaluation / "per_user.parquet")
    variants = list(dict.fromkeys(table["variant"].to_pylist()))
    controls = [variant for variant in variants if is_control(variant)]
    seeded = is_seeded(evaluation.name)
    for metric in metrics_of(table):
        for control in controls:
            arms = [(table, variant) for variant in (ORIGINAL, control, LANGUAGE_MODEL)]
            original, its, own = on_common_seeds(arms, metric)
            pair = compare(original, its, seeded=seeded), compare(its, own, seeded=seeded)
            yield (evaluation.name, metric, control), pair


def _language_model_row(row: Row, headline: str, summary: Mapping[str, float]) -> SourceRow:
    return SourceRow(
        dataset=row["dataset"],
        protocol=row["protocol"],
        recommender=row["recommender"],
        metric=row["metric"],
        headline=row["metric"] == headline,
        source=LANGUAGE_MODEL,
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
        amount=summary["chosen_amount"],
        popularity_exponent=summary["chosen_popularity_exponent"],
        n_seeds=row["n_seeds"],
        n_users=row["n_users"],
        generated_pairs=summary["generated_pairs"],
    )


def _control_row(
    own: SourceRow, control: str, figures: _Figures, *, generated_pairs: float
) -> SourceRow:
    """`own` is the language model's row of the same recommender and metric."""
    gain, lead = figures.gain, figures.lead
    return SourceRow(
        **own
        | {
            "source": control,
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
            "n_seeds": gain.n_seeds,
            "generated_pairs": generated_pairs,
        }
    )
