"""A trial of `prepare`: the interactions are really read and split, in a temporary folder."""

from __future__ import annotations

import io
import tempfile
import time
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from llm4idrec import preflight
from llm4idrec.artifacts import INTERACTIONS, RAW, TRAIN
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.protocol import protocol_taken
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_table
from llm4idrec.survey.sizes import Sizes

_AUTO = "split.protocol auto: "


@dataclass(frozen=True)
class Trial:
    """What reading and splitting left."""

    config: Config
    sizes: Sizes
    raw: pa.Table
    """As it was read."""
    train: Interactions
    protocol: str
    why: str
    """It was taken; empty where the parameters say it."""
    said: list[str]
    """Of what is doubtful."""
    seconds: float

    @classmethod
    def of(cls, config: Config, out: Path) -> Trial:
        """Raises `InputError` where a run with its files in `out` would be refused, and with the
        sentence of the run."""
        with tempfile.TemporaryDirectory(prefix="llm4idrec-check-") as folder:
            try:
                return _tried(config, Path(folder))
            except InputError as error:
                raise error.moved(Path(folder), out) from error.__cause__  # it may be the same


def _tried(config: Config, folder: Path) -> Trial:
    from llm4idrec.flow import run_stage
    from llm4idrec.stages import STAGES

    said = io.StringIO()
    started = time.perf_counter()
    with redirect_stderr(said):
        files = run_stage(STAGES["prepare"], config, folder)
        seconds = time.perf_counter() - started
        preflight.check_train(config, files[TRAIN] / INTERACTIONS)
    lines = said.getvalue().splitlines()
    why = [line.removeprefix(_AUTO) for line in lines if line.startswith(_AUTO)]
    return Trial(
        config=config,
        sizes=Sizes.of(files, config),
        raw=read_table(files[RAW] / "train.parquet"),
        train=Interactions.read(files[TRAIN] / INTERACTIONS),
        protocol=protocol_taken(config.split.protocol, files[TRAIN]),
        why=why[0].partition(" ")[2] if why else "",
        said=[line for line in lines if not line.startswith(_AUTO)],
        seconds=seconds,
    )
