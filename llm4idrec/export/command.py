"""`python -m llm4idrec export`: what is to be written, for whom."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation, chosen_augmentation
from llm4idrec.config import Config
from llm4idrec.data.protocol import protocol_taken
from llm4idrec.errors import InputError
from llm4idrec.export import FORMATS, export_data
from llm4idrec.export.held_out import held_out_counts, held_out_warning
from llm4idrec.export.material import Material


def add_options(parser: argparse.ArgumentParser) -> None:
    """To the parser of the command, which then runs `export`."""
    parser.add_argument("--format", choices=FORMATS, required=True, help="who is to read it")
    parser.add_argument("--to", type=Path, required=True, help="new folder")
    parser.add_argument(
        "--data", choices=("original", "augmented"), default="augmented", help="(augmented)"
    )
    parser.add_argument(
        "--for",
        dest="recommender",
        metavar="RECOMMENDER",
        help="what validation chose for it, once it is evaluated (all that was accepted)",
    )
    parser.add_argument(
        "--amount",
        type=float,
        help="without --for: most generated items, as a ratio to a user's history (all accepted)",
    )
    parser.add_argument(
        "--popularity",
        dest="popularity_exponent",
        metavar="POPULARITY",
        type=float,
        help="without --for: which order of candidates, of filter.popularity_exponents (the first)",
    )
    parser.add_argument(
        "--ids",
        choices=("own", "numbers"),
        default="own",
        help="your own IDs, or numbers from 0 with tables of what they stand for (own)",
    )
    parser.set_defaults(run=export)


def export(options: argparse.Namespace) -> None:
    """train/, heldout/, identifiers/, augmented/arms/ -> files that another framework reads"""
    config = Config.read(options.params).with_tuned_filter()
    material = Material.read(
        options.out,
        augmentation=_augmentation(options, config),
        placement=config.evaluation.placement,
        numbers=options.ids == "numbers",
    )
    protocol = protocol_taken(config.split.protocol, options.out / "train")
    counts = export_data(material, options.to, format=options.format, protocol=protocol)
    for name, count in counts.items():
        print(f"{count:>10} {name.replace('_', ' ')}", file=sys.stderr)
    reader = FORMATS[options.format].reader
    if counted := held_out_counts(material, reader):
        print(f"{options.to}: {held_out_warning(counted, reader)}", file=sys.stderr)


def _augmentation(options: argparse.Namespace, config: Config) -> Augmentation:
    """What `export` is to add."""
    orders = config.filter.popularity_exponents
    if options.data == "original":
        return ORIGINAL_DATA
    if options.recommender is not None:
        if options.amount is not None or options.popularity_exponent is not None:
            raise InputError(
                "--for stands beside --amount or --popularity",
                "what validation chose, or what you say",
                "leave one of them out",
            )
        if options.recommender not in config.known_recommenders:
            known = ", ".join(config.known_recommenders)
            raise InputError(f"there is no recommender {options.recommender!r}", f"one of {known}")
        chosen = chosen_augmentation(options.out / "evaluation" / options.recommender)
        if chosen == ORIGINAL_DATA:
            raise InputError(
                f"validation chose to add nothing for {options.recommender}",
                "a recommender that is helped",
                "export --data original, or say --amount",
            )
        return chosen
    amount = math.inf if options.amount is None else options.amount
    if not amount > 0:
        raise InputError(f"--amount is {amount:g}", "more than 0", "for none, say --data original")
    return Augmentation(
        amount, orders[0] if options.popularity_exponent is None else options.popularity_exponent
    )
