"""What the trials of a tuning gave: the tables, and the tuned filter as parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from llm4idrec.runtime.files import replacing_file, write_json
from llm4idrec.tuning.filter_tuning import FilterChoice, FilterTuning
from llm4idrec.tuning.gain import gain

Outcome = Literal["complete", "pruned", "failed"]
PARAMS, TRIALS, VALIDATIONS = "params.yaml", "trials.parquet", "validations.parquet"


@dataclass(frozen=True)
class Trial:
    """A setting and what it gave."""

    number: int
    """From 0, which adds nothing."""
    choice: FilterChoice
    outcome: Outcome
    """pruned: ended because its training was worse than others had been by then."""
    by_seed: tuple[float, ...]
    """Selection metric of each selection seed; empty unless complete."""
    validations: tuple[tuple[int, int, float], ...]
    """(seed, validation, selection metric), both from 0."""

    @property
    def value(self) -> float | None:
        return float(np.mean(self.by_seed)) if self.by_seed else None


def best_trial(trials: Sequence[Trial]) -> Trial:
    """The complete one with the largest mean that adds something; of equal ones the first.

    Whether it is better than nothing added is for `evaluate` to say, which has that among its
    choices.
    """
    complete = [trial for trial in trials if trial.by_seed and trial.choice.amount]
    return max(complete, key=lambda trial: (trial.value, -trial.number))


def write_trials(
    folder: Path,
    trials: Sequence[Trial],
    tuning: FilterTuning,
    *,
    importances: Mapping[str, float],
) -> None:
    """Write `params.yaml`, for `filter.source`; `trials.parquet` (number, outcome, the choice's
    fields, value, gain over nothing added, by_seed); `validations.parquet` (number, seed,
    validation, value) and `summary.json` (numbers; `untuned` is the best that the settings as they
    are gave)."""
    baseline, best = trials[0].value, best_trial(trials)
    write_params(folder / PARAMS, tuning, best)
    rows = [
        {
            "number": trial.number,
            "outcome": trial.outcome,
            **trial.choice._asdict(),
            "value": trial.value,
            "gain": gain(trial.value, baseline),
            "by_seed": list(trial.by_seed),
        }
        for trial in trials
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / TRIALS)
    curves = [
        {"number": trial.number, "seed": seed, "validation": validation, "value": value}
        for trial in trials
        for seed, validation, value in trial.validations
    ]
    pq.write_table(pa.Table.from_pylist(curves), folder / VALIDATIONS)
    outcomes = [trial.outcome for trial in trials]
    numbers = {
        "original": baseline,
        "untuned": untuned_value(trials, tuning),
        "best": best.value,
        "best_trial": best.number,
        "best_gain": gain(best.value, baseline),
        "complete": outcomes.count("complete"),
        "pruned": outcomes.count("pruned"),
        "failed": outcomes.count("failed"),
        **{f"importance_{name}": value for name, value in importances.items()},
    }
    known = {name: value for name, value in numbers.items() if value is not None}
    write_json(folder / "summary.json", known)


def untuned_value(trials: Sequence[Trial], tuning: FilterTuning) -> float | None:
    """The best that the settings as they are gave; None if none of these trials is complete."""
    untuned = (trial.value for trial in trials[1 : len(tuning.defaults())])
    return max((value for value in untuned if value is not None), default=None)


def write_params(path: Path, tuning: FilterTuning, trial: Trial) -> None:
    """The part of `params.yaml` that the trial stands for."""
    section = tuning.filter_config(trial.choice).model_dump(mode="json", exclude={"source"})
    found = {"filter": section, "evaluation": {"amounts": [trial.choice.amount]}}
    head = f"# Trial {trial.number} of the tuning for {tuning.recommender}; see `filter.source`.\n"
    with replacing_file(path) as partial:
        partial.write_text(head + yaml.safe_dump(found, sort_keys=False), encoding="utf-8")
