"""Trainings of what generates, side by side: each proposes items by itself."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from llm4idrec.artifacts import CONTROLS, GENERATIONS, KNOWN, Files
from llm4idrec.augmentation.arms import DRAWN, source_of
from llm4idrec.config import Config
from llm4idrec.line import Line, by_itself, run_line
from llm4idrec.runtime.files import (
    fingerprint,
    remove,
    replacing_folder,
    resumable_folder,
)
from llm4idrec.runtime.workers import worker_pool

HANDED_ON = (GENERATIONS, CONTROLS)


def run_seed(seed: int, run: int) -> int:
    """That of a training; the first has `seed` itself.

    Not the numbers of `new_recommender`, so that none draws what a recommender's seed does.
    """
    if run == 0:
        return seed
    state = np.random.SeedSequence(seed, spawn_key=(run,)).generate_state(1)
    return int(state[0] >> 1)  # as large as `seed` may be


def drawn(arms: Sequence[str]) -> tuple[str, ...]:
    """Those arms whose items another training draws anew."""
    return tuple(arm for arm in arms if source_of(arm) in DRAWN)


@dataclass(frozen=True)
class Replicate:
    """One training; plain data."""

    name: str
    given: Files
    """What it reads that others write."""
    config: Config
    """With its own seed."""
    line: Line

    def is_made(self, work: Path) -> bool:
        return all((work / self.name / artifact.name).is_dir() for artifact in HANDED_ON)

    def make(self, work: Path) -> None:
        """Leave what is handed on in `work`, in a folder of its own, where half-done work is kept
        too; a killed call goes on from there."""
        with by_itself():
            written = run_line(self.line, self.given, self.config, folder=work / self.name)
        remove(*(path for artifact, path in written.items() if artifact not in HANDED_ON))

    def shaped_by(self, keys: Collection[str]) -> dict[str, Any]:
        """Those keys of the parameters, as JSON has them, and what its functions are told beside
        the parameters."""
        values = self.config.model_dump(mode="json", include=set(keys))
        return values | {"told": [getattr(stage, "keywords", {}) for _, stage in self.line]}


def make_replicates(
    replicates: Sequence[Replicate],
    copied: Mapping[str, tuple[Path, Path]],
    out: Path,
    *,
    keys: Collection[str],
    workers: int,
) -> None:
    """Write the folder `out`: for each of `replicates`, and for each name of `copied`, a folder
    with `generations/shard-*.parquet` and `controls/SOURCE.parquet`.

    `copied` says where generations and controls are that another has made; so many `workers` make
    the others side by side, each on one thread. A killed call resumes if the interactions and those
    `keys` of the parameters that shape what is made are the same.
    """
    known = dict.fromkeys(replicate.given[KNOWN] for replicate in replicates)
    shaping = {replicate.name: replicate.shaped_by(keys) for replicate in replicates}
    with resumable_folder(out, fingerprint(*known, **shaping)) as work:
        left = [replicate for replicate in replicates if not replicate.is_made(work)]
        bar = tqdm(
            total=len(replicates),
            initial=len(replicates) - len(left),
            desc="replicate",
            unit="training",
            file=sys.stderr,
        )
        with bar, worker_pool(workers) as run:
            for _ in run(partial(_make, work=work), left):
                bar.update()
        made = {r.name: tuple(work / r.name / a.name for a in HANDED_ON) for r in replicates}
        with replacing_folder(out) as folder:
            for name, places in sorted({**made, **copied}.items()):
                for artifact, place in zip(HANDED_ON, places, strict=True):
                    _copy_tables(place, folder / name / artifact.name)


def _make(replicate: Replicate, *, work: Path) -> None:
    replicate.make(work)


def _copy_tables(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for file in sorted(source.glob("*.parquet")):
        shutil.copyfile(file, target / file.name)
