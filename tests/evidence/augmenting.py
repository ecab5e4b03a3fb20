"""The library's stages on a tiny file, in a folder of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from llm4idrec.config import Config
from llm4idrec.flow import run_stage
from llm4idrec.runtime.files import content_hash
from llm4idrec.stages import STAGES
from tests.conftest import tiny_params, tiny_ratings

AUGMENTING = tuple(
    STAGES[name]
    for name in (
        "base_model",
        "prompts",
        "adapter",
        "generate",
        "controls",
        "replicate",
        "augment",
    )
)
"""The stages that shape what is added."""


@dataclass(frozen=True)
class Flow:
    """Parameters, and the folder of the artifacts; `ratings.csv` lies beside it."""

    config: Config
    at: Path


def prepare(root: Path, text: str | None = None, **changes: Mapping[str, object]) -> Flow:
    """`ratings.csv` (by default `tiny_ratings`), read and split; settings are as they stand."""
    root.mkdir(exist_ok=True)
    with inside(root):
        Path("ratings.csv").write_text(text or tiny_ratings())
        flow = Flow(tiny_params(**changes), root / "artifacts")
        for name in ("prepare", "tune_recommenders"):
            run_stage(STAGES[name], flow.config, flow.at)
    return flow


def augment(config: Config, at: Path) -> None:
    """Every stage between the split and the evaluation; `train`, `known`, `identifiers` and
    `settings` are there."""
    for stage in AUGMENTING:
        run_stage(stage, config, at)


def hashes(at: Path) -> dict[str, str]:
    """Of everything that those stages wrote."""
    written = [artifact.name for stage in AUGMENTING for artifact in stage.writes]
    return {name: content_hash(at / name) for name in written}


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
