"""The whole flow: its stages one after another, what is checked before them and said after them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from llm4idrec import preflight
from llm4idrec.artifacts import (
    BOTTOM_LINE,
    COMPARISON,
    CONTROL_COMPARISON,
    EVALUATION,
    INTERACTIONS,
    REPLAY,
    REPLAY_PAGE,
    TRAIN,
    Files,
)
from llm4idrec.config import Config
from llm4idrec.language_model.processes import is_main
from llm4idrec.runtime.files import forget_work
from llm4idrec.stages import FLOW
from llm4idrec.stages.stage import Stage
from llm4idrec.stages.stamp import Stamp

Say = Callable[[str], object]
"""What is done with the sentences of a stage."""
PRINTED = partial(print, flush=True)


def run_flow(config: Config, out: Path, *, say: Say = PRINTED) -> None:
    """All stages in their order, as `run_stage` with `resume`; each is told by name on stderr."""
    for stage in FLOW:
        print(f"{stage.name}: {stage.about}", file=sys.stderr)
        files = run_stage(stage, config, out, say=say, resume=True)
        if TRAIN in stage.writes:
            preflight.check_train(config, files[TRAIN] / INTERACTIONS)


def run_stage(
    stage: Stage, config: Config, out: Path, *, say: Say = PRINTED, resume: bool = False
) -> Files:
    """One stage, for each of its recommenders; returns the files that it reads and writes.

    `out` takes the place of the folder `artifacts`; `say` is given the verdict, once there is one.
    With `resume` what has been made of the same parameters, files and code is passed over, which is
    told on stderr.
    """
    if stage.name == "prepare":
        preflight.check_parameters(config)
        preflight.check_recommenders(config)
        preflight.check_base_model(config)
    files: Files = {}
    for each in stage.configs(config):
        files = stage.files(each, out)
        stamp = Stamp(stage, each, files, out) if resume else None
        if stamp is not None and stamp.is_valid():
            of = f" {each.recommenders[0]}" if stage.each else ""
            print(f"{stage.name}{of}: up to date", file=sys.stderr)
        else:
            stage.run(files, each)
            if is_main():
                forget_work(*(files[written] for written in stage.writes))
            if stamp is not None:
                stamp.write()
        if EVALUATION in stage.writes:
            from llm4idrec.verdict.early import early_sentence

            say(early_sentence(files[EVALUATION], config.recommenders))
        if REPLAY in stage.writes:
            from llm4idrec.replay.sentences import told

            metric = each.evaluation.metric
            say("\n".join(told(files[REPLAY], files[REPLAY_PAGE], metric=metric)))
    if stage.name == "report":
        from llm4idrec.verdict.tables import answer

        say(answer(files[COMPARISON], files[CONTROL_COMPARISON], files[BOTTOM_LINE]))
    return files
