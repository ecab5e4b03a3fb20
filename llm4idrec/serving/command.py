"""`python -m llm4idrec serve`: what is to be served."""

from __future__ import annotations

import argparse

from llm4idrec.artifacts import BOTTOM_LINE, SERVING, places
from llm4idrec.config import Config
from llm4idrec.errors import InputError
from llm4idrec.stages import FLOW
from llm4idrec.stages.stamp import Stamp


def add_options(parser: argparse.ArgumentParser) -> None:
    """To the parser of the command, which then runs `serve`."""
    parser.add_argument(
        "what",
        nargs="?",
        default="best",
        help="best: what validation chose; without-language-model: the best of what needs none; or "
        "a recommender, with or without added items, as is best; or who ranks by itself (best)",
    )
    parser.add_argument(
        "--items", type=int, help="for each user (the largest of evaluation.cutoffs)"
    )
    parser.set_defaults(run=serve)


def serve(options: argparse.Namespace) -> None:
    """what the verdict says to serve, trained on all interactions -> everybody's best items"""
    from llm4idrec.runtime.device import require_device
    from llm4idrec.serving.sentences import served_sentences
    from llm4idrec.serving.serve import READS
    from llm4idrec.serving.serve import serve as train_and_rank

    config = Config.read(options.params).with_tuned_filter()
    require_device(config.device)
    _require_unchanged(config, options)
    out = places([SERVING], config, options.out)[SERVING]
    files = places(READS, config, options.out)
    served = train_and_rank(files, out, config, what=options.what, items=options.items)
    print("\n".join(served_sentences(served, out)), flush=True)


def _require_unchanged(config: Config, options: argparse.Namespace) -> None:
    """`InputError` if a stage was run with other parameters, as far as `run` has left word."""
    for stage in (stage for stage in FLOW if BOTTOM_LINE not in stage.writes):
        for each in stage.configs(config):
            files = stage.files(each, options.out)
            if Stamp(stage, each, files, options.out).has_other_parameters():
                found = f"the parameters of the stage `{stage.name}` have changed since it was run"
                remedy = "run the whole flow again, or take the change back"
                raise InputError(found, "those that the verdict is of", remedy, file=options.params)
