"""`python -m llm4idrec score`: what is to be scored, and against what."""

from __future__ import annotations

import argparse
from pathlib import Path

from llm4idrec.artifacts import (
    AUGMENTED,
    HELDOUT,
    IDENTIFIERS,
    KNOWN,
    SCORE_LEDGER,
    TRAIN,
    places,
)
from llm4idrec.config import Config
from llm4idrec.errors import InputError
from llm4idrec.evaluation import ledger

_KINDS = {
    "ranking": ("FILE", "a line `user item` each, best first for each user"),
    "vectors": ("FOLDER", "users.npy and items.npy, or users.txt and items.txt, by number"),
    "scores": ("FILE", "an array of NumPy's, (users, items), by number"),
}
"""Options, with what each names and its help."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """To the parser of the command, which then runs `score`."""
    group = parser.add_mutually_exclusive_group(required=True)
    for kind, (name, about) in _KINDS.items():
        its = f"{about}; several are of as many seeds"
        group.add_argument(f"--{kind}", type=Path, nargs="+", metavar=name, help=its)
    parser.add_argument(
        "--against",
        type=Path,
        nargs="+",
        metavar="OTHER",
        help="of the same kind, as many: what a gain is over, tested in pairs",
    )
    parser.add_argument(
        "--ids",
        choices=("own", "numbers"),
        default="own",
        help="what a ranking has: your own IDs, or the numbers of `export --ids numbers` (own)",
    )
    parser.set_defaults(run=score)


def score(options: argparse.Namespace) -> None:
    """rankings made elsewhere -> their metrics on the test, which is a look at it"""
    from llm4idrec.evaluation.data import Data
    from llm4idrec.own.reader import Reader
    from llm4idrec.own.score import Scores, Scoring
    from llm4idrec.own.score_table import comparison_table, sample_sentence, scores_table

    config = Config.read(options.params)
    reads = (TRAIN, KNOWN, HELDOUT, IDENTIFIERS, AUGMENTED, SCORE_LEDGER)
    files = places(reads, config, options.out)
    kind = next(kind for kind in _KINDS if getattr(options, kind))
    names, others = getattr(options, kind), options.against or []
    if others and len(others) != len(names):
        told = f"{len(others)} after --against, {len(names)} after --{kind}"
        raise InputError(told, "as many: each is compared with the one in its place")
    data = Data.read(*(files[folder] for folder in (TRAIN, KNOWN, HELDOUT)))
    scoring = Scoring(data, files[HELDOUT] / "test.parquet", config.evaluation.cutoffs)
    reader = Reader(kind, options.ids == "numbers", files, scoring)
    sides = [side for side in (names, others) if side]
    ranked = [[reader.rank(name) for name in side] for side in sides]  # before anything is scored
    scores = [Scores.of(its, scoring) for its in ranked]
    for side, its, found in zip(sides, ranked, scores, strict=True):
        look = found.look(its, scoring, [name.name for name in side])
        ledger.record(files[SCORE_LEDGER], look)
    table = comparison_table(scores[1], scores[0]) if others else scores_table(scores[0])
    print(f"{table}\n\n{sample_sentence(scores[0], paired=bool(others))}", flush=True)
