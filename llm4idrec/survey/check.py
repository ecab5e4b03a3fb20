"""what a run will cost, and what is odd in the data"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from llm4idrec.config import Config
from llm4idrec.runtime.device import choose_device, require_device
from llm4idrec.runtime.memory import machine_bytes
from llm4idrec.survey.cost import Part, parts
from llm4idrec.survey.oddities import oddities
from llm4idrec.survey.room import disk, memory
from llm4idrec.survey.trial import Trial
from llm4idrec.survey.wrapping import wrapped


def add_options(parser: argparse.ArgumentParser) -> None:
    """To the parser of the command, which then runs `check`."""
    parser.set_defaults(run=check)


def check(options: argparse.Namespace) -> None:
    """Read and split in a temporary folder, count, and say what follows from the counts.

    Raises `InputError`, with the sentence of the run, where a run would be refused.
    """
    config = Config.read(options.params).with_tuned_filter()
    require_device(config.device)
    trial = Trial.of(config, options.out)
    for line in (*_data(trial), "", *_costs(trial), *_needs(trial, options.out)):
        print(wrapped(line))
    odd = [*trial.said, *oddities(trial)]
    print("\nodd:" if odd else "\nnothing odd")
    for sentence in odd:
        print(wrapped(f"- {sentence}", 2))


def _data(trial: Trial) -> Iterator[str]:
    config, sizes, counts = trial.config, trial.sizes, trial.sizes.summary
    yield f"data      {config.dataset}: {config.data.path}"
    yield (
        f"read      {sizes.rows:,} rows, {counts['duplicates_dropped']:,.0f} repeats, "
        f"{counts['users_read']:,.0f} users, {counts['items_read']:,.0f} items"
    )
    yield f"split     {trial.protocol} {trial.why}".rstrip()
    core = f", the {config.data.k_core}-core" if config.data.k_core else ""
    yield f"train     {sizes.users:,} users, {sizes.items:,} items, {sizes.train:,} pairs{core}"
    for name in ("valid", "test"):
        pairs, outside = counts[f"{name}_pairs"], counts[f"{name}_pairs_outside_catalogue"]
        yield (
            f"{name:<10}{counts[f'{name}_users']:,.0f} users, {pairs:,.0f} pairs, "
            f"{100 * outside / pairs:.0f} % of them with an item outside the catalogue"
        )


def _costs(trial: Trial) -> Iterator[str]:
    cores = os.cpu_count() or 1
    steps = list(parts(trial.config, trial.sizes, cores=cores, prepared=trial.seconds))
    for step in steps:
        yield f"{step.name:<22}{_duration(step.seconds):>8}{_trainings(step)}".rstrip()
    total = sum(step.seconds or 0 for step in steps)
    unknown = [step.name for step in steps if step.seconds is None]
    more = f", and {', '.join(unknown)}" if unknown else ""
    yield f"{'all':<22}{_duration(total):>8}{more}"
    if choose_device(trial.config.device).type == "cuda":
        yield "times are of a CPU; this machine has a GPU, which trains faster"


def _needs(trial: Trial, out: Path) -> Iterator[str]:
    needed = memory(trial.config, trial.sizes)
    most = max(needed, key=lambda part: needed[part])
    yield _of_what_is_there(f"memory ({most})", needed[most], machine_bytes())
    place = next(folder for folder in out.resolve().parents if folder.is_dir())
    there = shutil.disk_usage(place).free
    yield _of_what_is_there("disk", disk(trial.config, trial.sizes), there)
    yield (
        "rough: measured on sets of 20,000 to 100,000 pairs, and told by the counts; half of it, "
        "or three times as much, is no wonder"
    )


def _of_what_is_there(name: str, needed: float, there: float) -> str:
    warning = ": it may not do" if needed > 0.8 * there else ""
    return f"{name:<26}about {max(needed / 1e9, 0.1):.1f} GB of {there / 1e9:.1f} GB here{warning}"


def _trainings(step: Part) -> str:
    if step.trainings is None:
        return "" if step.seconds is not None else "  the model's size decides"
    count = f"  about {step.trainings} trainings"
    return count if step.seconds is not None else f"{count}; how long one takes is not known"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
