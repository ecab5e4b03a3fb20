"""A version against its rival, by what validation said of both; the test has no part in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.metrics.significance import holm, paired_test, seeds_by_users
from llm4idrec.verdict.judgement import SIGNIFICANCE_LEVEL
from llm4idrec.verdict.wording import align, p_cell, percent, recommender_name
from pipelines.registry.registry import IDENTITY, SETTINGS, Version, validation_tables

COMPARABLE = {
    "md5.train": "train data",
    "md5.heldout": "held-out data",
    "selection_metric": "selection metric",
}
Values = dict[str, FloatArray]
"""Of each recommender, the selection metric of each validation user: shape (users,)."""


@dataclass(frozen=True)
class Lead:
    """The challenger over its rival, for one recommender; means over seeds and users."""

    rival: float
    challenger: float
    p_value: float
    """Of the paired test over users, Holm-corrected over the recommenders."""

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
        leads = leads_over(_values(tables, "augmented"), _values(tables, "original"))
        return Challenge(leads, objections(leads))
    if differing := _differing(version, champion):
        found = f"it and version {champion.number} do not have the same {', '.join(differing)}"
        remedy = "To compare them, run the champion's settings as this version was run."
        return Challenge({}, (found,), remedy)
    shared = _shared(version, champion)
    both = (validation_tables(entrant) for entrant in (version, champion))
    leads = leads_over(
        *(_values({name: tables[name] for name in shared}, "augmented") for tables in both)
    )
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


def _values(tables: Mapping[str, pa.Table], variant: str) -> Values:
    return {
        name: seeds_by_users(table, variant, table.column_names[3]).mean(axis=0)
        for name, table in tables.items()
    }


def leads_over(challenger: Values, rival: Values) -> dict[str, Lead]:
    """The lead on each recommender; both have the same ones, and the same users."""
    p_values = holm({name: paired_test(rival[name], challenger[name])[0] for name in rival})
    return {
        name: Lead(float(rival[name].mean()), float(challenger[name].mean()), p_values[name])
        for name in rival
    }


def objections(leads: Mapping[str, Lead]) -> tuple[str, ...]:
    """Why these leads do not do; none if they do: ahead on average, ahead beyond chance on at
    least one recommender, and behind beyond chance on none."""
    mean = float(np.mean([lead.relative for lead in leads.values()]))
    certain = {
        name: lead.relative for name, lead in leads.items() if lead.p_value < SIGNIFICANCE_LEVEL
    }
    behind = [recommender_name(name) for name, relative in certain.items() if relative < 0]
    found = []
    if mean <= 0:
        found.append(f"its mean lead on validation is {percent(mean)}")
    if not any(relative > 0 for relative in certain.values()):
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
            p_cell(lead.p_value),
        )
        for name, lead in leads.items()
    ]
    return align([("validation", rival, version, "lead", "p"), *cells], left=(0,))
