"""What the trials of a recommender's settings gave, and the files that say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from llm4idrec.config.own import Value
from llm4idrec.config.search import values_of, with_values
from llm4idrec.runtime.files import write_json
from llm4idrec.tuning.gain import gain
from llm4idrec.tuning.settings_tuning import SettingsTuning

TRIALS = "trials.json"


@dataclass(frozen=True)
class SettingsTrial:
    """Settings, and what they gave once they are tried."""

    number: int
    """From 0, the section as it is."""
    values: Mapping[str, Value]
    """Of the keys that are searched."""
    value: float | None = None
    """Metric on validation, mean over users, of the best epoch; None if training failed."""
    curve: tuple[tuple[int, float], ...] = ()
    """(epoch, metric) of each validation."""
    error: str | None = None

    def with_value(self, value: float, curve: tuple[tuple[int, float], ...]) -> Self:
        return replace(self, value=value, curve=curve)

    def with_error(self, error: str) -> Self:
        return replace(self, error=error)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        curve = tuple((epoch, value) for epoch, value in values.pop("curve"))
        return cls(**values, curve=curve)


@dataclass(frozen=True)
class FoundSettings:
    """The trials of a recommender, at least one of which has a value."""

    tuning: SettingsTuning
    trials: Sequence[SettingsTrial]
    possible: int
    """How many there could be."""

    @property
    def best(self) -> SettingsTrial:
        """Of equal ones the first."""
        complete = [trial for trial in self.trials if trial.value is not None]
        return max(complete, key=lambda trial: (trial.value, -trial.number))

    @property
    def is_cut(self) -> bool:
        """Whether `tune_recommenders.seconds` ended the search."""
        return len(self.trials) < self.possible

    def about(self) -> dict[str, Any]:
        """The content of the recommender's file, whose `settings` later stages train with."""
        settings = with_values(self.tuning.section, self.best.values)
        return {
            "settings": values_of(settings),
            "metric": self.tuning.metric,
            "validation": self.best.value,
            "default_validation": self.trials[0].value,
            "trial": self.best.number,
            "trials": len(self.trials),
            "of": self.possible,
            "cut": self.is_cut,
        }

    def summary(self) -> dict[str, float]:
        """Numbers; without those of the section as it is where training with it failed."""
        about = self.about()
        numbers = {key: about[key] for key in ("validation", "default_validation", "trials")}
        numbers["gain"] = gain(about["validation"], about["default_validation"])
        numbers["cut"] = int(self.is_cut)
        return {key: value for key, value in numbers.items() if value is not None}


def write_settings(folder: Path, found: Sequence[FoundSettings]) -> None:
    """Write `NAME.json` for each recommender; `trials.json`, a list of recommender, number, values,
    value, curve and error; and `summary.json`."""
    rows: list[dict[str, Any]] = []
    summary: dict[str, float] = {}
    for its in found:
        name = its.tuning.recommender
        write_json(folder / f"{name}.json", its.about())
        rows += [{"recommender": name, **trial.as_json()} for trial in its.trials]
        summary |= {f"{name}_{key}": value for key, value in its.summary().items()}
    write_json(folder / TRIALS, rows)
    write_json(folder / "summary.json", summary)
