"""A version against its rival, by what validation said of both; the test has no part in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, ORIGINAL
from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.metrics.significance import Comparison, compare, holm, seeds_by_users
from llm4idrec.verdict.judgement import SIGNIFICANCE_LEVEL
from llm4idrec.verdict.per_user import present
from llm4idrec.verdict.wording import align, interval, p_cell, percent, recommender_name
from pipelines.registry.registry import IDENTITY, SETTINGS, Version, validation_tables

COMPARABLE = {
    "md5.train": "train data",
    "md5.heldout": "held-out data",
    "selection_metric": "selection metric",
}
FEWEST_SEEDS = 2
"""That both must have in common on validation (`evaluation.selection_seeds`) for a test."""
Arms = Mapping[str, tuple[FloatArray, FloatArray]]
"""Of each recommender, the selection metric of the validation users, the rival's and the
challenger's: both of shape (seeds, users), with the same seeds and users."""


@dataclass(frozen=True)
class Lead:
    """The challenger over its rival, for one recommender; means over common seeds and users."""

    rival: float
    challenger: float
    p_value: float | None
    """Of the paired test over users and seeds, Holm-corrected over the recommenders; None with one
    seed, of many that there could be."""
    low: float | None = None
    """Lower end of the 95 % interval of the relative lead."""
    high: float | None = None
    """Upper end of it."""

    @property
    def relative(self) -> float:
        """Relative to the rival's; infinite where that is 0 and the challenger's is not."""
        if self.rival:
            return self.challenger / self.rival - 1
        return float("inf") if self.challenger else 0.0


@dataclass(frozen=True)
class Challenge:
    """How it went: the leads, empty where there is nothing to compare, and what stands against the
    challenger, in words."""

    leads: Mapping[str, Lead]
    objections: tuple[str, ...]
    remedy: str = ""
    """What would allow a comparison, where there was none."""


def challenge(version: Version, champion: Version | None) -> Challenge:
    """A version against the champion; without one, against its own recommenders' original data."""
    if IDENTITY not in version.tags:
        return Challenge({}, ("it has no figures, because no report registered it",))
    if champion is None:
        tables = validation_tables(version)
        leads = leads_over(_arms(tables, tables, ORIGINAL))
        return Challenge(leads, objections(leads))
    if differing := _differing(version, champion):
        found = f"it and version {champion.number} do not have the same {', '.join(differing)}"
        remedy = "To compare them, run the champion's settings as this version was run."
        return Challenge({}, (found,), remedy)
    own, other = (validation_tables(entrant) for entrant in (version, champion))
    shared = {name: other[name] for name in _shared(version, champion)}
    leads = leads_over(_arms(own, shared, LANGUAGE_MODEL))
    return Challenge(leads, objections(leads))


def _differing(version: Version, champion: Version) -> list[str]:
    """In words, what the two must share to be compared and do not."""
    differing = [
        name for tag, name in COMPARABLE.items() if version.tags[tag] != champion.tags.get(tag)
    ]
    return differing or ([] if _shared(version, champion) else ["settings of any recommender"])


def _shared(version: Version, champion: Version) -> list[str]:
    """Recommenders that both were evaluated on with the same parameters: with others, a lead would
    be the recommender's, not the adapter's."""
    return sorted(
        tag.removeprefix(SETTINGS)
        for tag, settings in version.tags.items()
        if tag.startswith(SETTINGS) and champion.tags.get(tag) == settings
    )


def _arms(own: Mapping[str, pa.Table], rival: Mapping[str, pa.Table], variant: str) -> Arms:
    """`variant` of each recommender of `rival`, and beside it what `own` gave with the language
    model's items; where there are none it is the original."""
    arms = {}
    for name, table in rival.items():
        metric = table.column_names[3]
        first = seeds_by_users(table, present(table, variant), metric)
        second = seeds_by_users(own[name], present(own[name], LANGUAGE_MODEL), metric)
        seeds = min(len(first), len(second))
        arms[name] = first[:seeds], second[:seeds]
    return arms


def leads_over(arms: Arms) -> dict[str, Lead]:
    """The lead on each recommender."""
    compared = {name: compare(*pair) for name, pair in arms.items()}
    p_values = holm({n: its.p_value for n, its in compared.items() if its.p_value is not None})
    return {name: _lead(its, p_values.get(name)) for name, its in compared.items()}


def _lead(compared: Comparison, p_value: float | None) -> Lead:
    ends = (None, None) if p_value is None else (compared.low, compared.high)
    return Lead(compared.original, compared.augmented, p_value, *ends)


def objections(leads: Mapping[str, Lead]) -> tuple[str, ...]:
    """Why these leads do not do; none if they do: ahead on average, ahead beyond chance on at
    least one recommender, and behind beyond chance on none. With too few seeds, who can tell."""
    mean = float(np.mean([lead.relative for lead in leads.values()]))
    p_values = {name: lead.p_value for name, lead in leads.items()}
    few = [recommender_name(name) for name, p_value in p_values.items() if p_value is None]
    certain = {
        name: leads[name].relative
        for name, p_value in p_values.items()
        if p_value is not None and p_value < SIGNIFICANCE_LEVEL
    }
    behind = [recommender_name(name) for name, relative in certain.items() if relative < 0]
    found = []
    if mean <= 0:
        found.append(f"its mean lead on validation is {percent(mean)}")
    if few:
        found.append(f"too few seeds on {', '.join(few)}: it takes {FEWEST_SEEDS} in common")
    if len(few) < len(leads) and not any(relative > 0 for relative in certain.values()):
        found.append(f"it leads on no recommender with p < {SIGNIFICANCE_LEVEL:g}")
    if behind:
        found.append(f"it is behind on {', '.join(behind)} with p < {SIGNIFICANCE_LEVEL:g}")
    return tuple(found)


def lead_table(leads: Mapping[str, Lead], version: str, rival: str) -> str:
    """The leads as aligned text for a terminal."""
    cells = [
        (
            recommender_name(name),
            f"{lead.rival:.4f}",
            f"{lead.challenger:.4f}",
            percent(lead.relative),
            interval(lead.low, lead.high),
            p_cell(lead.p_value),
        )
        for name, lead in leads.items()
    ]
    return align([("validation", rival, version, "lead", "95 % interval", "p"), *cells], left=(0,))
