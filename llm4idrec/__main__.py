"""The stages from the command line, without the MLOps stack: `python -m llm4idrec --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from llm4idrec import stages
from llm4idrec.config import Config
from llm4idrec.errors import LLM4IDRecError

Command = Callable[[Config, Path], None]


def read(config: Config, at: Path) -> None:
    """interaction file -> raw/"""
    stages.read(at / "raw", data=config.data)


def split(config: Config, at: Path) -> None:
    """raw/ -> train/, heldout/, identifiers/"""
    folders = at / "train", at / "heldout", at / "identifiers"
    stages.split(at / "raw", *folders, data=config.data, split=config.split, seed=config.seed)


def prompts(config: Config, at: Path) -> None:
    """train/ -> prompts/"""
    stages.prompts(at / "train", at / "prompts", prompts=config.prompts, seed=config.seed)


def base_model(config: Config, at: Path) -> None:
    """train/ -> base_model/"""
    stages.base_model(
        at / "train",
        at / "base_model",
        base_model=config.base_model,
        seed=config.seed,
        device=config.device,
    )


def adapter(config: Config, at: Path) -> None:
    """base_model/, prompts/ -> adapter/"""
    stages.adapter(
        at / "base_model",
        at / "prompts",
        at / "adapter",
        adapter=config.adapter,
        seed=config.seed,
        device=config.device,
    )


def generate(config: Config, at: Path) -> None:
    """train/, base_model/, adapter/ -> generations/"""
    stages.generate(
        at / "train",
        at / "base_model",
        at / "adapter",
        at / "generations",
        generation=config.generation,
        seed=config.seed,
        device=config.device,
    )


def filter(config: Config, at: Path) -> None:
    """train/, generations/ -> candidates/"""
    stages.filter(at / "train", at / "generations", at / "candidates", filter=config.filter)


def merge(config: Config, at: Path) -> None:
    """train/, candidates/ -> augmented/"""
    stages.merge(at / "train", at / "identifiers", at / "candidates", at / "augmented")


def evaluate(config: Config, at: Path) -> None:
    """train/, heldout/, augmented/ -> evaluation/ for each recommender"""
    for name in config.recommenders:
        stages.evaluate(
            at / "train",
            at / "heldout",
            at / "augmented",
            at / "evaluation" / name,
            recommender=name,
            settings=getattr(config, name),
            evaluation=config.evaluation,
            seed=config.seed,
            device=config.device,
        )


def report(config: Config, at: Path) -> None:
    """evaluation/ -> report/comparison.json, report/comparison.html"""
    from llm4idrec.files import read_json
    from llm4idrec.verdict import verdict_table

    stages.report(
        at / "train",
        at / "base_model",
        at / "adapter",
        at / "generations",
        at / "candidates",
        [at / "evaluation" / name for name in config.recommenders],
        at / "report",
        dataset=config.dataset,
        protocol=config.protocol,
    )
    print(verdict_table(read_json(at / "report" / "comparison.json")))


FLOW: tuple[Command, ...] = (
    read,
    split,
    prompts,
    base_model,
    adapter,
    generate,
    filter,
    merge,
    evaluate,
    report,
)


def run(config: Config, at: Path) -> None:
    """all of the above, in this order"""
    for command in FLOW:
        print(f"{_name(command)}: {command.__doc__}", file=sys.stderr)
        command(config, at)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, 2 for an input that cannot be used, 1 for other known failures."""
    options = _parser().parse_args(arguments)
    try:
        options.command(Config.read(options.params), options.out)
    except LLM4IDRecError as error:
        if options.debug:
            raise
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _name(command: Command) -> str:
    return command.__name__.replace("_", "-")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m llm4idrec",
        description="Does language-model augmentation help an ID-based recommender?",
        epilog="Folders are below --out. Stages do not check whether they are up to date.",
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--params", type=Path, default=Path("params.yaml"), help="(params.yaml)")
    common.add_argument("--out", type=Path, default=Path("artifacts"), help="(artifacts)")
    common.add_argument("--debug", action="store_true", help="show a traceback")
    commands = parser.add_subparsers(required=True, metavar="STAGE")
    for command in (*FLOW, run):
        stage = commands.add_parser(_name(command), parents=[common], help=command.__doc__)
        stage.set_defaults(command=command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
