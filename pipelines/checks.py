"""What can be told of the stages to come when one begins, so that hours of work do not go first."""

from __future__ import annotations

import os
from pathlib import Path

from llm4idrec import preflight
from llm4idrec.artifacts import EVALUATION, INTERACTIONS, SOURCE, TUNING, Files
from llm4idrec.config import Config
from llm4idrec.errors import InputError
from pipelines.git import git

TO_GENERATE = (
    "prepare",
    "tune_recommenders",
    "base_model",
    "prompts",
    "adapter",
    "generate",
    "controls",
    "replicate",
)
"""Stages that come before, or are, the last one to load the base model."""


def check_ahead(stage: str, version: Config, train: Path | None) -> None:
    """`InputError` for what this stage or a later one would refuse; `train` if it is there.

    At the start of each, because DVC runs only those whose inputs have changed, and `prepare` has
    few of the parameters among its own.
    """
    if stage == "report":
        return
    config = _to_be_evaluated(version) if stage == "evaluate" else _to_come(version)
    preflight.check_parameters(config)
    preflight.check_recommenders(config)
    if stage in TO_GENERATE:
        preflight.check_base_model(config)
    if train is not None:
        preflight.check_train(config, train / INTERACTIONS)


def require_files(files: Files) -> None:
    """`InputError` for the first that is not there."""
    for artifact, path in files.items():
        if not os.path.exists(path):  # noqa: PTH110, which raises for names that are too long
            remedy = "set it in params.yaml" if artifact == SOURCE else "run `dvc repro`"
            expected = f"what `{artifact.path}` names"
            raise InputError("there is no such file", expected, remedy, file=path)


def untracked(path: Path) -> str | None:
    """A sentence if a copy of the repository, in which DVC's queue runs experiments, will lack the
    file at `path`: it is relative, and neither git nor DVC keeps it."""
    if path.is_absolute() or not Path(".dvc").is_dir():
        return None
    if any(Path(f"{part}.dvc").is_file() for part in (path, *path.parents)):
        return None
    if not git("rev-parse", "--git-dir") or git("ls-files", "--", str(path)):
        return None
    return (
        f"{path}: neither git nor DVC tracks it, so `dvc exp run --queue` and `--temp` would not "
        f"find it; `dvc add` it, or give its whole path in data.path"
    )


def _to_come(version: Config) -> Config:
    """With the filter that later stages go by, unless `tune` is to find it first."""
    found = {Path(TUNING.of(n).path, "params.yaml") for n in version.tune.recommenders}
    return version if version.filter.source in found else version.with_tuned_filter()


def _to_be_evaluated(version: Config) -> Config:
    """With those recommenders that have no evaluation yet: DVC goes from one to the next."""
    left = [n for n in version.recommenders if not Path(EVALUATION.of(n).path).exists()]
    tune = version.tune.model_copy(update={"recommenders": ()})
    changes = {"recommenders": tuple(left), "tune": tune}
    return version.with_tuned_filter().model_copy(update=changes)
