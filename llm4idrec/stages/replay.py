"""The past again, night after night: what would have been served, and whether it paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm4idrec.artifacts import RAW, REPLAY, REPLAY_PAGE, REPLAY_VALIDATION, Files
from llm4idrec.config import Config
from llm4idrec.config.replay import ReplayConfig
from llm4idrec.runtime.files import costing
from llm4idrec.stages.stage import Expectations, Stage, keys_of

if TYPE_CHECKING:
    from llm4idrec.data.expectations import Validation


def replay(files: Files, config: Config) -> None:
    """Raw table -> its windows, one after another: models, rankings, decisions; and a page."""
    from llm4idrec.replay.replay import replay as live_through
    from llm4idrec.report.replay_page import write_replay_page

    out = files[REPLAY]
    with costing(out):
        live_through(files[RAW] / "train.parquet", out, config)
    write_replay_page(files[REPLAY_PAGE], out, config, checks=files.get(REPLAY_VALIDATION))


def validate_replay(files: Files, config: Config) -> Validation:
    """What was to hold of each window of a replay."""
    from llm4idrec.replay.expectations import replay_validation

    return replay_validation(files[REPLAY])


STAGE = Stage(
    replay,
    reads=(RAW,),
    writes=(REPLAY, REPLAY_PAGE),
    params=(
        "{recommender}",
        "data",
        "base_model",
        "lists",
        "prompts",
        "adapter",
        "generation",
        "filter",
        "evaluation.selection_metric",
        "evaluation.cutoffs",
        "evaluation.placement",
        *keys_of(ReplayConfig, "replay", but={"recommenders"}),
        "seed",
        "device",
        "threads",
        "dataset",
    ),
    each="replay.recommenders",
    expectations=Expectations(validate_replay, reads=(REPLAY,), writes=REPLAY_VALIDATION),
    on_demand=True,
)
