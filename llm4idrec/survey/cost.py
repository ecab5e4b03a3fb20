"""How long a run takes, by stage, on the CPU: told by the counts, and right to a factor of three.

Measured on two cores of 2026 (`docs/experiments`): what is trained has early stopping, so the data
decide for how long, and other machines are faster or slower.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llm4idrec.augmentation.arms import source_of
from llm4idrec.config import Config
from llm4idrec.survey.sizes import Sizes
from llm4idrec.survey.trainings import arms, language_model, seconds_of_one, trainings

START = 5.0
"""Seconds of a stage before its work begins: Python's packages."""
_WORKERS_START = 6.0
_THREADS_HELP = 1.5
"""By how much two threads shorten a training."""
_SASREC_FIRST, _SASREC_AGAIN = 2.0, 0.9
"""Trainings: to find its epochs and with them; with epochs that are known."""


@dataclass(frozen=True)
class Part:
    """One stage, or one recommender of it; `seconds` is None where nothing tells."""

    name: str
    seconds: float | None
    trainings: int | None = None


def parts(config: Config, sizes: Sizes, *, cores: int, prepared: float) -> Iterator[Part]:
    """The stages in their order; `prepared` is how many seconds reading and splitting took here."""
    model = _Generator(config, sizes)
    yield Part("prepare", START + prepared)
    yield Part("tune_recommenders", _tuning(config, sizes, cores))
    yield Part("base_model", _plus(START, model.base_model))
    yield Part("prompts", START + 8e-6 * sizes.users * config.prompts.per_user)
    yield Part("adapter", _plus(START, model.adapter))
    yield Part("generate", _plus(START, model.generation))
    yield Part("controls", _plus(START, model.controls(_SASREC_FIRST, threads=config.threads)))
    side_by_side = min(config.replicates.workers, cores)
    yield Part("replicate", _plus(START, model.replicates(side_by_side)))
    yield Part("augment", START + 2 + 1.5e-4 * sizes.users * len(arms(config, sizes)))
    side_by_side = min(config.evaluation.workers, cores)
    for name in config.recommenders:
        count, one = trainings(config, name, sizes), seconds_of_one(config, name, sizes)
        seconds = None if one is None else START + _WORKERS_START + count * one / side_by_side
        yield Part(f"evaluate {name}", seconds, count)
    yield Part("rank", START + 1e-3 * sizes.users)
    yield Part("report", START + 5 + 1e-3 * sizes.users)


def _plus(start: float, seconds: float | None) -> float | None:
    return None if seconds is None else start + seconds


def _tuning(config: Config, sizes: Sizes, cores: int) -> float | None:
    """Each recommender until its trials, or its seconds, are used up."""
    search = config.tune_recommenders
    total = START
    for name in config.searched_recommenders:
        if name in sizes.left_out and name not in config.recommenders:
            continue
        one = seconds_of_one(config, name, sizes)
        if one is None and search.seconds is None:
            return None
        trials = float("inf") if one is None else search.trials * one
        spent = trials / min(search.workers, cores)
        total += 1 + (spent if search.seconds is None else min(spent, search.seconds + (one or 0)))
    return total


class _Generator:
    """What generates, and its controls, in seconds of one core; None with a pretrained model, whose
    size decides."""

    def __init__(self, config: Config, sizes: Sizes) -> None:
        self.config, self.sizes = config, sizes
        self.known = config.base_model.kind == "compact" and config.adapter.preset == "compact"
        self.known &= config.generation.method == "next_item"

    @property
    def base_model(self) -> float | None:
        return language_model(self.config, self.sizes) if self.known else None

    @property
    def adapter(self) -> float | None:
        return 4 + 1.3e-4 * self.sizes.known if self.known else None

    @property
    def generation(self) -> float | None:
        views = self.sizes.views
        shown = 4e-4 * self.sizes.users + 1.5e-5 * self.sizes.known * views
        return 1.5 + shown if self.known else None

    def controls(self, sasrec: float, *, threads: int = 1) -> float | None:
        """`sasrec` is the number of its trainings; all but the first replicate draw anew only what
        is drawn."""
        sources = {source_of(arm) for arm in arms(self.config, self.sizes)}
        seconds = 0.0
        if "base_model" in sources:
            if self.generation is None:
                return None
            seconds += self.generation
        once = ("svd", "ease", "itemknn", "popularity") if sasrec > 1 else ()
        for name in sources & {*once, "sasrec"}:
            one = seconds_of_one(self.config, name, self.sizes) or 0.0
            faster = _THREADS_HELP if threads > 1 else 1.0
            seconds += one * sasrec / faster if name == "sasrec" else one
        return seconds

    def replicates(self, side_by_side: int) -> float | None:
        """All but the first training, which the stages before have made."""
        line = (self.base_model, self.adapter, self.generation)
        first, again = self.controls(_SASREC_FIRST), self.controls(_SASREC_AGAIN)
        if None in line or first is None or again is None:
            return None
        made = sum(filter(None, line))
        runs = self.config.replicates.runs - 1
        selection = made + first if self.config.evaluation.refit else 0.0
        trainings_ = runs + bool(selection)
        side_by_side = max(1, min(side_by_side, trainings_))
        return (selection + runs * (made + again)) / side_by_side
