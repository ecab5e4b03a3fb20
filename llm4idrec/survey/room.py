"""How much memory and disk a run takes, told by the counts: right to a factor of two or three."""

from __future__ import annotations

from llm4idrec.augmentation.arms import source_of
from llm4idrec.config import Config
from llm4idrec.survey.sizes import Sizes
from llm4idrec.survey.trainings import arms

_PACKAGES = 5e8
"""Bytes of a process before it has any data: torch and the others."""
_CANDIDATE = 6
"""Bytes on the disk."""
_FLOAT = 4


def memory(config: Config, sizes: Sizes) -> dict[str, float]:
    """Bytes by what takes them at a time; processes side by side are counted together."""
    searched = {*config.recommenders, *config.searched_recommenders} - sizes.left_out
    sources = {source_of(arm) for arm in arms(config, sizes)}
    evaluators = max(config.evaluation.workers, config.tune_recommenders.workers)
    weights = ease_bytes(sizes) if "ease" in searched | set(config.recommenders) else 0.0
    one = _PACKAGES + 100 * sizes.known + weights
    return {
        "read and split": _PACKAGES + 170 * sizes.rows,
        "evaluate, tune": evaluators * one,
        "language model": config.replicates.workers * _of_model(config, sizes),
        "controls": _PACKAGES + (ease_bytes(sizes) if "ease" in sources else 0.0),
    }


def ease_bytes(sizes: Sizes) -> float:
    """Of the matrix of all items, which is there twice."""
    return 2.0 * _FLOAT * sizes.items**2


def _of_model(config: Config, sizes: Sizes) -> float:
    model = config.base_model
    vectors = 4 * _FLOAT * sizes.items * model.hidden_size  # with gradient and Adam's two moments
    scores = 3 * _FLOAT * model.batch_tokens * min(sizes.items, model.negatives)
    return _PACKAGES + 100 * sizes.known + vectors + scores


def disk(config: Config, sizes: Sizes) -> float:
    """Bytes of `artifacts/` and `reports/`."""
    lists = sizes.users * config.generation.items * _CANDIDATE
    replicated = 4 * (config.replicates.runs + 1) * lists  # four sources are drawn
    models = ease_bytes(sizes) if "ease" in config.recommenders else 0.0
    return 3e7 + 60 * sizes.rows + replicated + models
