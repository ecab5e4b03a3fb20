"""`python -m llm4idrec serve`: what is to be served."""

from __future__ import annotations

import argparse

from llm4idrec.artifacts import SERVING, places
from llm4idrec.config import Config
from llm4idrec.errors import InputError


def add_options(parser: argparse.ArgumentParser) -> None:
    """To the parser of the command, which then runs `serve`."""
    parser.add_argument(
        "what",
        nargs="?",
        default="best",
        help="best: what validation chose; without-language-model: the best of what needs none; or "
        "a recommender: the best that was made of it (best)",
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
    items = max(config.evaluation.cutoffs) if options.items is None else options.items
    if items < 1:
        raise InputError(f"--items is {items}", "at least 1")
    out = places([SERVING], config, options.out)[SERVING]
    files = places(READS, config, options.out)
    served = train_and_rank(files, out, config, what=options.what, items=items)
    print("\n".join(served_sentences(served, out)), flush=True)
