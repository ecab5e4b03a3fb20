"""Optuna's side of tuning a recommender's settings: what is proposed, and in which order."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState
from tqdm import tqdm

from llm4idrec.config import TuneRecommendersConfig
from llm4idrec.config.own import Value
from llm4idrec.config.search import Between, OneOf, Space, Whole, search_space, values_of
from llm4idrec.errors import DivergenceError, InputError
from llm4idrec.runtime.files import read_json, write_json
from llm4idrec.runtime.workers import Run
from llm4idrec.tuning.settings_trials import SettingsTrial
from llm4idrec.tuning.settings_tuning import SettingsTuning

Values = dict[str, Value]
_SPREAD = 8
"""Trials at random before those that go by what the others gave."""
_DIGITS = 3
"""Of a proposed number, significant ones."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class SettingsStudy:
    """A search for a recommender's best settings; plain data.

    Trials are proposed in rounds of `config.together` and told, in order, once all of a round have
    their outcome, which lies in a file each. A proposal draws from a generator of its own, seeded
    by its number, so that a second call proposes the same and trains what has no file yet: neither
    workers nor an interruption shape the result.
    """

    tuning: SettingsTuning
    config: TuneRecommendersConfig
    folder: Path
    """Where the outcomes are."""

    @property
    def possible(self) -> int:
        """Trials if `config.seconds` does not end the search: all settings, if they are fewer."""
        return int(min(self.config.trials, _points(self._space)))

    def run(self, run: Run) -> list[SettingsTrial]:
        """Go on where an interrupted call ended, until there are enough trials or the time is up;
        then all of them, in order.

        Raises what the training with the section as it is does if none of them has an outcome.
        """
        end, started = self.folder / "end.json", time.monotonic()
        limit = read_json(end)["trials"] if end.is_file() else self.possible
        study = optuna.create_study(direction="maximize")
        for values in self._first():
            study.enqueue_trial(values)
        trials: list[SettingsTrial] = []
        with tqdm(total=limit, unit="trial", desc=f"{self.tuning.recommender} settings") as shown:
            while len(trials) < limit and not (trials and self._is_over(started, end)):
                trials += self._round(study, range(len(trials), limit), run=run, shown=shown)
            shown.total = len(trials)
            shown.refresh()
        write_json(end, {"trials": len(trials)})  # a later call has another clock
        if all(trial.value is None for trial in trials):
            self.tuning.train({})
        return trials

    def train(self, trial: SettingsTrial) -> None:
        """Train a trial, in any process, and leave its outcome in a file."""
        try:
            training = self.tuning.train(trial.values)
        except (DivergenceError, InputError) as error:
            done = trial.with_error(str(error))
        else:
            metric = self.tuning.metric
            curve = tuple((record.epoch, record.scores[metric]) for record in training.records)
            done = trial.with_value(training.scores[metric], curve)
        write_json(self._file(trial.number), done.as_json())

    def _round(
        self,
        study: optuna.Study,
        left: Sequence[int],
        *,
        run: Run,
        shown: tqdm,  # type: ignore[type-arg]
    ) -> list[SettingsTrial]:
        asked = [self._ask(study, number) for number in left[: self.config.together]]
        wanted = [trial for trial, _ in asked if not self._file(trial.number).is_file()]
        shown.update(len(asked) - len(wanted))
        for _ in run(self.train, wanted):
            shown.update()
        done = [SettingsTrial.from_json(read_json(self._file(t.number))) for t, _ in asked]
        for trial, (_, open_trial) in zip(done, asked, strict=True):
            state = TrialState.FAIL if trial.value is None else TrialState.COMPLETE
            study.tell(open_trial, trial.value, state)
        return done

    def _ask(self, study: optuna.Study, number: int) -> tuple[SettingsTrial, optuna.Trial]:
        """The next proposal; the first is the section as it is."""
        seed = np.random.SeedSequence((self.tuning.seed, number)).generate_state(1)[0]
        study.sampler = optuna.samplers.TPESampler(
            seed=int(seed), multivariate=True, constant_liar=True, n_startup_trials=_SPREAD
        )
        proposed = study.ask({key: _distribution(kind) for key, kind in self._space.items()})
        values = proposed.params
        if number:
            values = {key: _rounded(value) for key, value in values.items()}
        return SettingsTrial(number, values), proposed

    def _first(self) -> Iterator[Values]:
        """The section as it is; then all other settings, if they are so few."""
        yield self._own
        if _points(self._space) <= self.config.trials:
            points = product(*map(_values, self._space.values()))
            every = (dict(zip(self._space, point, strict=True)) for point in points)
            yield from (values for values in every if values != self._own)

    def _is_over(self, started: float, end: Path) -> bool:
        """Whether the time is up; not where an earlier call ended, whose trials are all there."""
        seconds = self.config.seconds
        return seconds is not None and not end.is_file() and time.monotonic() - started >= seconds

    @property
    def _space(self) -> Space:
        return search_space(self.tuning.recommender, self.tuning.section)

    @property
    def _own(self) -> Values:
        own = values_of(self.tuning.section)
        return {key: own[key] for key in self._space}

    def _file(self, number: int) -> Path:
        return self.folder / f"trial-{number}.json"


def _points(space: Space) -> float:
    """How many settings there are."""
    kinds = space.values()
    return prod(np.inf if isinstance(kind, Between) else len(_values(kind)) for kind in kinds)


def _values(kind: OneOf | Whole | Between) -> Sequence[Value]:
    """All that there are, of what has an end."""
    if isinstance(kind, Whole):
        return range(kind.low, kind.high + 1)
    return kind.values if isinstance(kind, OneOf) else ()


def _distribution(kind: OneOf | Whole | Between) -> BaseDistribution:
    """A range that begins with 0, as a section may have it, or below has no logarithm."""
    if isinstance(kind, OneOf):
        return CategoricalDistribution(kind.values)
    if isinstance(kind, Whole):
        return IntDistribution(*kind, log=kind.low > 0)
    return FloatDistribution(*kind, log=kind.low > 0)


def _rounded(value: Value) -> Value:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
