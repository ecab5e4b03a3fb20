"""Does it take a language model? What was generated against controls of the same volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypedDict

from llm4idrec.metrics.significance import Comparison, compare_pairs, holm, seeds_by_users
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.verdict import (
    LEVEL,
    Row,
    align,
    finite,
    interval,
    metric_name,
    p_cell,
    percent,
    read_per_user,
    recommender_name,
)

LANGUAGE_MODEL = "augmented"
SOURCE_NAMES = {
    "original": "nothing",
    LANGUAGE_MODEL: "language model",
    "random": "random items",
    "popularity": "popular items",
    "itemknn": "ItemKNN",
    "ease": "EASE",
    "sasrec": "SASRec",
    "self": "self-training",
}


class SourceRow(TypedDict):
    """One recommender, metric and source of added pairs, as in `controls.json`.

    The gain is over the original data, the lead the language model's over this control, relative
    to the control's value, both over the seeds that the control has; both are null where they would
    divide by 0, the lead on the language model's own row too. `p_value` of the language model is
    that of `comparison.json`; those of the controls are Holm-corrected over recommenders and
    controls, and so is `lead_p_value`.
    """

    dataset: str
    protocol: str
    recommender: str
    metric: str
    headline: bool
    """Whether the metric is the one that chose the amount, on validation."""
    source: str
    """`augmented` (the language model) or a control."""
    value: float
    relative_gain: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float
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


class Standing(StrEnum):
    """Where the language model stands beside a control."""

    AHEAD = "ahead"
    LEVEL = "level"
    BEHIND = "behind"


Key = tuple[str, str, str]
"""Recommender, metric, control."""


def compare_sources(evaluations: Sequence[Path], rows: Sequence[Row]) -> list[SourceRow]:
    """After each of `rows`, the comparison of these evaluations, a row for every control.

    Raises `InputError` as `compare_recommenders`.
    """
    gains: dict[Key, Comparison] = {}
    leads: dict[Key, Comparison] = {}
    for folder in evaluations:
        table = read_per_user(folder / "per_user.parquet")
        variants = list(dict.fromkeys(table["variant"].to_pylist()))
        controls = [v for v in variants if v not in ("original", LANGUAGE_MODEL)]
        pairs = [("original", c) for c in controls] + [(c, LANGUAGE_MODEL) for c in controls]
        for metric in table.column_names[3:] if controls else ():
            values = {variant: seeds_by_users(table, variant, metric) for variant in variants}
            common = min(map(len, values.values()))
            values = {variant: by_seed[:common] for variant, by_seed in values.items()}
            compared = compare_pairs(values, pairs)
            for control in controls:
                gains[folder.name, metric, control] = compared["original", control]
                leads[folder.name, metric, control] = compared[control, LANGUAGE_MODEL]
    gain_p, lead_p = _corrected(gains), _corrected(leads)
    selections = {folder.name: read_json(folder / "selection.json") for folder in evaluations}
    summaries = {folder.name: read_json(folder / "summary.json") for folder in evaluations}
    found = []
    for row in rows:
        selection, summary = selections[row["recommender"]], summaries[row["recommender"]]
        first = _language_model_row(row, selection["metric"], summary)
        found.append(first)
        for key, gain in gains.items():
            if key[:2] == (row["recommender"], row["metric"]):
                found.append(
                    _control_row(first, key[2], gain, gain_p[key], leads[key], lead_p[key], summary)
                )
    return found


def _corrected(compared: Mapping[Key, Comparison]) -> dict[Key, float]:
    """Holm-corrected p-values; the comparisons of one metric are a family."""
    corrected: dict[Key, float] = {}
    for metric in {key[1] for key in compared}:
        keys = {"/".join(key): key for key in compared if key[1] == metric}
        adjusted = holm({name: compared[key].p_value for name, key in keys.items()})
        corrected |= {keys[name]: p_value for name, p_value in adjusted.items()}
    return corrected


def _language_model_row(row: Row, headline: str, summary: Mapping[str, float]) -> SourceRow:
    return SourceRow(
        dataset=row["dataset"],
        protocol=row["protocol"],
        recommender=row["recommender"],
        metric=row["metric"],
        headline=row["metric"] == headline,
        source=LANGUAGE_MODEL,
        value=row["augmented"],
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
    first: SourceRow,
    control: str,
    gain: Comparison,
    gain_p: float,
    lead: Comparison,
    lead_p: float,
    summary: Mapping[str, float],
) -> SourceRow:
    """`first` is the language model's row of the same recommender and metric."""
    return SourceRow(
        **first
        | {
            "source": control,
            "value": gain.augmented,
            "relative_gain": finite(gain.relative_gain),
            "ci_low": finite(gain.low),
            "ci_high": finite(gain.high),
            "p_value": gain_p,
            "lead": finite(lead.relative_gain),
            "lead_low": finite(lead.low),
            "lead_high": finite(lead.high),
            "lead_p_value": lead_p,
            "n_seeds": int(summary[f"{control}_seeds"]),
            "generated_pairs": summary[f"{control}_generated_pairs"],
        }
    )


def standing(row: SourceRow) -> Standing:
    """`ahead` or `behind`: the interval of the lead lies on one side of 0 and its corrected p is
    below `LEVEL`. Anything else is `level`: these data show no difference."""
    low, high, p_value = row["lead_low"], row["lead_high"], row["lead_p_value"]
    if low is None or high is None or p_value is None or p_value >= LEVEL:
        return Standing.LEVEL
    if low > 0:
        return Standing.AHEAD
    return Standing.BEHIND if high < 0 else Standing.LEVEL


def source_name(source: str) -> str:
    """`augmented` -> `language model`."""
    return SOURCE_NAMES.get(source, source)


def lead_sentence(rows: Sequence[SourceRow]) -> str:
    """The language model against the controls; `rows` are of one recommender and metric."""
    name, metric = recommender_name(rows[0]["recommender"]), metric_name(rows[0]["metric"])
    controls = [row for row in rows if row["source"] != LANGUAGE_MODEL]
    if rows[0]["amount"] == 0:
        return (
            "Controls were not fitted: at amount 0 the language model adds nothing, and the same "
            "volume of anything else is nothing too."
        )
    if not controls:
        return "No control stood in the language model's place."
    groups = {
        place: ", ".join(source_name(row["source"]) for row in controls if standing(row) == place)
        or "none"
        for place in Standing
    }
    return (
        f"Against controls of the same volume ({name}, {metric}), the language model is ahead of "
        f"{groups[Standing.AHEAD]} (p < {LEVEL:g}), level with {groups[Standing.LEVEL]}, behind "
        f"{groups[Standing.BEHIND]}."
    )


def lead_table(rows: Sequence[SourceRow]) -> str:
    """The rows of the headline metrics as aligned text for a terminal."""
    head = (
        "recommender",
        "metric",
        "added items from",
        "value",
        "gain",
        "lead of language model",
        "95 % interval",
        "p",
        "it is",
    )
    cells = [
        (
            recommender_name(row["recommender"]),
            metric_name(row["metric"]),
            source_name(row["source"]),
            f"{row['value']:.4f}",
            percent(row["relative_gain"]),
            *_lead_cells(row),
        )
        for row in rows
        if row["headline"]
    ]
    return align([head, *cells], left=(0, 1, 2, 8))


def _lead_cells(row: SourceRow) -> tuple[str, str, str, str]:
    """Lead, interval, p and standing; empty on the language model's own row."""
    if row["lead_p_value"] is None:
        return "", "", "", ""
    return (
        percent(row["lead"]),
        interval(row["lead_low"], row["lead_high"]),
        p_cell(row["lead_p_value"]),
        str(standing(row)),
    )
