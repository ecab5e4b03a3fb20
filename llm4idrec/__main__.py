"""The stages, and the export, without the MLOps stack: `python -m llm4idrec --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from llm4idrec.runtime import command_line

if __name__ == "__main__":
    command_line.begin()

from llm4idrec import preflight, stages
from llm4idrec.config import Config
from llm4idrec.errors import InputError
from llm4idrec.export.command import add_options, export
from llm4idrec.language_model.processes import is_main, joined
from llm4idrec.runtime.device import require_device
from llm4idrec.runtime.faults import exit_code
from llm4idrec.runtime.files import forget_work
from llm4idrec.runtime.project import PARAMS, enter_project

Command = Callable[[Config, Path], None]


def read(config: Config, at: Path) -> None:
    """interaction file -> raw/"""
    for check in (
        preflight.check_parameters,
        preflight.check_recommenders,
        preflight.check_base_model,
    ):
        check(config)
    stages.read(at / "raw", data=config.data)


def split(config: Config, at: Path) -> None:
    """raw/ -> train/, heldout/, identifiers/"""
    folders = at / "train", at / "heldout", at / "identifiers"
    stages.split(at / "raw", *folders, data=config.data, split=config.split, seed=config.seed)


def prompts(config: Config, at: Path) -> None:
    """train/ -> prompts/"""
    stages.prompts(
        at / "train",
        at / "prompts",
        prompts=config.prompts,
        lists=config.lists,
        seed=config.seed,
    )


def base_model(config: Config, at: Path) -> None:
    """train/ -> base_model/"""
    stages.base_model(
        at / "train",
        at / "base_model",
        base_model=config.base_model,
        lists=config.lists,
        seed=config.seed,
        device=config.device,
        threads=config.threads,
    )
    forget_work(at / "base_model")


def adapter(config: Config, at: Path) -> None:
    """base_model/, prompts/ -> adapter/"""
    stages.adapter(
        at / "base_model",
        at / "prompts",
        at / "adapter",
        adapter=config.adapter,
        seed=config.seed,
        device=config.device,
        threads=config.threads,
    )
    if is_main():
        forget_work(at / "adapter")


def generate(config: Config, at: Path) -> None:
    """train/, base_model/, adapter/ -> generations/"""
    stages.generate(
        at / "train",
        at / "base_model",
        at / "adapter",
        at / "generations",
        generation=config.generation,
        lists=config.lists,
        seed=config.seed,
        device=config.device,
        threads=config.threads,
    )
    forget_work(at / "generations")


def controls(config: Config, at: Path) -> None:
    """train/ -> controls/"""
    stages.controls(
        at / "train",
        at / "controls",
        controls=config.controls,
        items=config.generation.items,
        settings=config.control_settings,
        seed=config.seed,
        device=config.device,
        threads=config.threads,
        memory=config.memory,
    )


def filter(config: Config, at: Path) -> None:
    """train/, generations/, controls/ -> candidates/"""
    stages.filter(
        at / "train",
        at / "generations",
        at / "controls",
        at / "candidates",
        filter=config.filter,
        ease=config.ease,
        memory=config.memory,
    )


def merge(config: Config, at: Path) -> None:
    """train/, candidates/ -> augmented/"""
    folders = at / "identifiers", at / "candidates", at / "augmented"
    stages.merge(at / "train", *folders, memory=config.memory)


def evaluate(config: Config, at: Path) -> None:
    """train/, heldout/, augmented/ -> evaluation/ for each recommender"""
    for name in config.recommenders:
        stages.evaluate(
            at / "train",
            at / "heldout",
            at / "augmented",
            at / "evaluation" / name,
            recommender=name,
            settings=config.settings(name),
            evaluation=config.evaluation,
            filter=config.filter,
            ease=config.ease,
            controls=config.controls,
            seed=config.seed,
            device=config.device,
        )
        forget_work(at / "evaluation" / name)


def report(config: Config, at: Path) -> None:
    """evaluation/ -> report/comparison.json, report/controls.json, report/comparison.html"""
    from llm4idrec.runtime.files import read_json
    from llm4idrec.verdict.tables import control_comparison_table, verdict_table

    stages.report(
        at / "raw",
        at / "train",
        at / "heldout",
        at / "prompts",
        at / "base_model",
        at / "adapter",
        at / "generations",
        at / "controls",
        at / "candidates",
        at / "augmented",
        [at / "evaluation" / name for name in config.recommenders],
        at / "report",
        config=config,
        source=config.data.path,
    )
    print(verdict_table(read_json(at / "report" / "comparison.json")))
    print()
    print(control_comparison_table(read_json(at / "report" / "controls.json")))


FLOW: tuple[Command, ...] = (
    read,
    split,
    prompts,
    base_model,
    adapter,
    generate,
    controls,
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
        if command is split:
            preflight.check_train(config, at / "train" / stages.TRAIN)


def merged(options: argparse.Namespace) -> None:
    """base_model/, adapter/ -> one model, for engines that load no adapters"""
    from llm4idrec.language_model.adapter import export_merged

    export_merged(options.out / "base_model", options.out / "adapter", options.to)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, 2 for an input that cannot be used, 1 for other known failures."""
    options = _parser().parse_args(arguments)
    if options.params is None and not PARAMS.is_file():
        enter_project(options)
    options.params, options.out = options.params or PARAMS, options.out or Path("artifacts")
    return exit_code(lambda: options.run(options), debug=options.debug)


def _name(command: Command) -> str:
    return command.__name__.replace("_", "-")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m llm4idrec",
        description="Does language-model augmentation help an ID-based recommender?",
        epilog="Folders are below --out. Stages do not check whether they are up to date.",
    )
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--out", type=Path, help="(artifacts)")
    place.add_argument("--debug", action="store_true", help="show a traceback")
    common = argparse.ArgumentParser(add_help=False, parents=[place])
    common.add_argument("--params", type=Path, help="(params.yaml, here or in a folder above)")
    commands = parser.add_subparsers(required=True, metavar="STAGE")
    for command in (*FLOW, run):
        stage = commands.add_parser(_name(command), parents=[common], help=command.__doc__)
        stage.set_defaults(run=partial(_run_stage, command))
    add_options(commands.add_parser("export", parents=[common], help=export.__doc__))
    whole = commands.add_parser("merged", parents=[place], help=merged.__doc__)
    whole.add_argument("--to", type=Path, required=True, help="new folder")
    whole.set_defaults(run=merged, params=None)
    return parser


def _run_stage(command: Command, options: argparse.Namespace) -> None:
    if command is not adapter and joined():
        raise InputError("`accelerate launch` is for the command `adapter`")
    config = _read(options.params)
    require_device(config.device)
    command(config, options.out)


def _read(params: Path) -> Config:
    return Config.read(params).with_tuned_filter()


if __name__ == "__main__":
    command_line.end(main)
