"""What proposes items when a window begins: trained anew, or an adapter on a base that stays."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.artifacts import (
    ADAPTER,
    BASE_MODEL,
    GENERATIONS,
    IDENTIFIERS,
    INTERACTIONS,
    KNOWN,
    Files,
)
from llm4idrec.config import Config
from llm4idrec.data.protocol import PROTOCOL, lists_taken
from llm4idrec.generation.generator import Generation, generate_candidates
from llm4idrec.language_model.adapter import export_merged
from llm4idrec.language_model.frozen_base import ITEMS, Former, carry_over
from llm4idrec.line import by_itself, run_line
from llm4idrec.replay.known import own_ids, read_known
from llm4idrec.replay.lines import RETRAINED
from llm4idrec.runtime.files import (
    COST,
    costing,
    forget_work,
    read_json,
    replacing_file,
    replacing_folder,
)
from llm4idrec.runtime.threads import fixed_threads
from llm4idrec.stages.replicate import BASE, TUNED

USERS = "users.parquet"
SERVED = "served"
"""Folder of a model with its adapter merged, which later nights can ask."""


@dataclass(frozen=True)
class Generators:
    """Those of one night, each in a folder of its own in `folder`."""

    folder: Path
    """It has the folders of `whole.write_whole`."""
    config: Config
    ADAPTED: ClassVar[str] = "adapter"
    """Name of its folder."""

    @cached_property
    def _known(self) -> Files:
        return {KNOWN: self.folder / KNOWN.name}

    @property
    def _items(self) -> Path:
        return self.folder / IDENTIFIERS.name / "items.parquet"

    def retrain(self) -> Path:
        """Base and adapter from nothing; the folder with all of it."""
        folder = self.folder / RETRAINED
        with by_itself():
            run_line((*BASE, *TUNED), self._known, self.config, folder=folder)
        return folder

    def adapt(self, base: Path, former: Path | None) -> Path:
        """An adapter on `base`; the folder with all of it.

        `former` is such a folder of an earlier night, whose adapter it goes on from: it is tuned on
        the lists of those who have something new since then, and of a share of the others.
        """
        folder = self.folder / self.ADAPTED
        before = Former(former / ADAPTER.name, former / SERVED) if former else None
        model, shown = self._carry(base, folder, before), folder / "shown"
        if not shown.is_dir():
            self._write_shown(former, shown)
        given = {KNOWN: shown, BASE_MODEL: model}
        config = _going_on(self.config) if former else self.config
        with by_itself():
            run_line(TUNED[:2], given, config, folder=folder)
            given = self._known | {BASE_MODEL: model, ADAPTER: folder / ADAPTER.name}
            run_line(TUNED[2:], given, self.config, folder=folder)
        served = folder / SERVED
        if not (served / ITEMS).is_file():
            shutil.rmtree(served, ignore_errors=True)
            export_merged(model, folder / ADAPTER.name, served)
            keep_lengths(self.folder, folder)
            with replacing_file(served / ITEMS) as partial:
                shutil.copyfile(model / ITEMS, partial)
        return folder

    def ask(self, served: Path, name: str) -> Path:
        """The model of an earlier night, for tonight's users and items; the folder with all of it.
        What is newer than the model nobody has tuned."""
        folder = self.folder / name
        model, known = self._carry(served, folder), self.folder / KNOWN.name
        generation = Generation(
            known / INTERACTIONS,
            model,
            None,
            config=self.config.generation,
            lists=lists_taken(self.config.lists, known),
            seed=self.config.seed,
            device=self.config.device,
        )
        out = folder / GENERATIONS.name
        if not out.is_dir():
            with by_itself(), costing(out):
                generate_candidates(generation, out, threads=self.config.threads)
            forget_work(out)
        return folder

    def _carry(self, model: Path, folder: Path, former: Former | None = None) -> Path:
        carried = folder / BASE_MODEL.name
        if not carried.is_dir():
            known = self.folder / KNOWN.name / INTERACTIONS
            with fixed_threads(self.config.threads):
                carry_over(model, carried, known=known, items=self._items, former=former)
        return carried

    def _new_since(self, former: Path) -> npt.NDArray[np.bool_]:
        """Which users have something that `former` was not tuned on, (n_users,)."""
        known, then = read_known(self.folder), pq.read_table(former / USERS)
        place = pc.index_in(own_ids(self.folder, "users"), then["id"].combine_chunks())
        lengths = then["length"].take(place).fill_null(0).to_numpy()
        new: npt.NDArray[np.bool_] = known.history_lengths > lengths
        return new

    def _write_shown(self, former: Path | None, shown: Path) -> None:
        """The lists that the adapter is tuned on; all of them if nobody is chosen."""
        known = read_known(self.folder)
        chosen = np.ones(known.n_users, bool)
        if former is not None:
            draw = np.random.default_rng((self.config.seed, 2)).random(known.n_users)
            some = self._new_since(former) | (draw < self.config.replay.old)
            chosen = some if some.any() else chosen
        with replacing_folder(shown) as folder:
            known.take(chosen[known.user]).write(folder / INTERACTIONS)
            shutil.copyfile(self.folder / KNOWN.name / PROTOCOL, folder / PROTOCOL)


def _going_on(config: Config) -> Config:
    """The same for an adapter that goes on from another."""
    keys = {key: getattr(config.replay, key) for key in ("learning_rate", "steps")}
    return config.model_copy(update={"adapter": config.adapter.model_copy(update=keys)})


def keep_base(night: Path, out: Path) -> None:
    """Write `out`, the base model that a night has trained anew, with the items that it knows."""
    with replacing_folder(out) as folder:
        shutil.copytree(night / RETRAINED / BASE_MODEL.name, folder, dirs_exist_ok=True)
        shutil.copyfile(night / IDENTIFIERS.name / "items.parquet", folder / ITEMS)


def keep_lengths(night: Path, folder: Path) -> None:
    """Write `USERS` into `folder`: how many items each user has who is known, by own ID."""
    lengths = pa.array(read_known(night).history_lengths)
    with replacing_file(folder / USERS) as partial:
        pq.write_table(pa.table({"id": own_ids(night, "users"), "length": lengths}), partial)


def seconds(folder: Path) -> float:
    """What a generator's folder says that it cost."""
    return sum(float(read_json(file)["seconds"]) for file in sorted(folder.rglob(COST)))
