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
    PROMPTS,
    Files,
)
from llm4idrec.config import Config
from llm4idrec.data.protocol import PROTOCOL, lists_taken
from llm4idrec.generation.generator import Generation, generate_candidates
from llm4idrec.language_model.adapter import export_merged
from llm4idrec.language_model.frozen_base import ITEMS, carry_over
from llm4idrec.line import Line, by_itself, run_line
from llm4idrec.replay.known import own_ids, read_known
from llm4idrec.runtime.files import (
    COST,
    costing,
    forget_work,
    read_json,
    replacing_file,
    replacing_folder,
)
from llm4idrec.runtime.threads import fixed_threads
from llm4idrec.stages.adapter import adapter
from llm4idrec.stages.base_model import base_model
from llm4idrec.stages.generate import generate
from llm4idrec.stages.prompts import prompts

_TUNED: Line = ((PROMPTS, prompts), (ADAPTER, adapter), (GENERATIONS, generate))
USERS = "users.parquet"
SERVED = "served"
"""Folder of a model with its adapter merged, which later nights can ask."""


@dataclass(frozen=True)
class Generators:
    """Those of one night, each in a folder of its own in `folder`."""

    folder: Path
    """It has the folders of `known.write_known`."""
    config: Config
    RETRAINED: ClassVar[str] = "retrained"
    ADAPTED: ClassVar[str] = "adapter"

    @cached_property
    def _known(self) -> Files:
        return {KNOWN: self.folder / KNOWN.name}

    @property
    def _items(self) -> Path:
        return self.folder / IDENTIFIERS.name / "items.parquet"

    def retrain(self) -> Path:
        """Base and adapter from nothing; the folder with all of it."""
        folder = self.folder / self.RETRAINED
        with by_itself():
            run_line(((BASE_MODEL, base_model), *_TUNED), self._known, self.config, folder=folder)
        return folder

    def adapt(self, base: Path) -> Path:
        """An adapter on `base`, tuned on the lists of those who have something new since then, and
        of a share of the others; the folder with all of it."""
        folder = self.folder / self.ADAPTED
        model = self._carry(base, folder)
        new, shown = self._new_since(base), folder / "shown"
        if not shown.is_dir():
            self._write_shown(new, shown)
        given = {KNOWN: shown, BASE_MODEL: model}
        larger = self.config.adapter.model_copy(
            update={"learning_rate": self.config.replay.learning_rate}
        )
        config = self.config.model_copy(update={"adapter": larger}) if new.any() else self.config
        with by_itself():
            run_line(_TUNED[:2], given, config, folder=folder)
            given = self._known | {BASE_MODEL: model, ADAPTER: folder / ADAPTER.name}
            run_line(_TUNED[2:], given, self.config, folder=folder)
        served = folder / SERVED
        if not (served / ITEMS).is_file():
            shutil.rmtree(served, ignore_errors=True)
            export_merged(model, folder / ADAPTER.name, served)
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

    def _carry(self, model: Path, folder: Path) -> Path:
        carried = folder / BASE_MODEL.name
        if not carried.is_dir():
            known = self.folder / KNOWN.name / INTERACTIONS
            with fixed_threads(self.config.threads):
                carry_over(model, carried, known=known, items=self._items)
        return carried

    def _new_since(self, base: Path) -> npt.NDArray[np.bool_]:
        """Which users have something that `base` was not trained on, (n_users,)."""
        known, then = read_known(self.folder), pq.read_table(base / USERS)
        place = pc.index_in(own_ids(self.folder, "users"), then["id"].combine_chunks())
        lengths = then["length"].take(place).fill_null(0).to_numpy()
        new: npt.NDArray[np.bool_] = known.history_lengths > lengths
        return new

    def _write_shown(self, new: npt.NDArray[np.bool_], shown: Path) -> None:
        """The lists that the adapter is tuned on; all of them where nothing is new."""
        draw = np.random.default_rng((self.config.seed, 2)).random(len(new))
        chosen = new | (draw < self.config.replay.old) if new.any() else np.ones(len(new), bool)
        known = read_known(self.folder)
        with replacing_folder(shown) as folder:
            known.take(chosen[known.user]).write(folder / INTERACTIONS)
            shutil.copyfile(self.folder / KNOWN.name / PROTOCOL, folder / PROTOCOL)


def keep_base(night: Path, out: Path) -> None:
    """Write `out`, the base model that a night has trained anew, with what it was trained on: the
    items, and how many each user had."""
    known, ids = read_known(night), own_ids(night, "users")
    with replacing_folder(out) as folder:
        shutil.copytree(night / Generators.RETRAINED / BASE_MODEL.name, folder, dirs_exist_ok=True)
        shutil.copyfile(night / IDENTIFIERS.name / "items.parquet", folder / ITEMS)
        table = pa.table({"id": ids, "length": pa.array(known.history_lengths)})
        pq.write_table(table, folder / USERS)


def seconds(folder: Path) -> float:
    """What a generator's folder says that it cost."""
    return sum(float(read_json(file)["seconds"]) for file in sorted(folder.rglob(COST)))
