"""The stages of `dvc.yaml`: what each reads, writes and is shaped by.

Files are named by their path in the repository; a name with `{recommender}` stands for one file for
each recommender.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from llm4idrec.config import Config, FilterConfig, TuneConfig
from llm4idrec.config.section import Section
from llm4idrec.errors import InputError

Files = dict[str, Path]

SOURCE = "data.path"
RAW = "artifacts/raw"
RAW_VALIDATION = "reports/validation/raw"
TRAIN = "artifacts/train"
HELDOUT = "artifacts/heldout"
IDENTIFIERS = "artifacts/identifiers"
PROMPTS = "artifacts/prompts"
BASE_MODEL = "artifacts/base_model"
ADAPTER = "artifacts/adapter"
GENERATIONS = "artifacts/generations"
CONTROLS = "artifacts/controls"
CANDIDATES = "artifacts/candidates"
AUGMENTED = "artifacts/augmented"
AUGMENTED_VALIDATION = "reports/validation/augmented"
TUNING = "artifacts/tuning/{recommender}"
TUNING_PAGE = "reports/tuning/{recommender}.html"
EVALUATIONS = "artifacts/evaluation"
EVALUATION = "artifacts/evaluation/{recommender}"
COMPARISON = "reports/comparison.json"
CONTROL_COMPARISON = "reports/controls.json"
METRICS = "reports/metrics.json"
PLOTS = "reports/plots"
FIGURES = "reports/comparison.html"


@dataclass(frozen=True)
class Stage:
    """Names of files, and the keys of `params.yaml` that shape what is written."""

    reads: tuple[str, ...]
    writes: tuple[str, ...]
    params: tuple[str, ...]
    tuned: tuple[str, ...] = ()
    """Keys that `filter.source` may hold in place of `params.yaml`."""
    each: str = ""
    """The key of the recommenders for each of which DVC runs it."""

    def inputs(self, config: Config) -> Files:
        """The files read, by name; `InputError` if one is not there."""
        files = self.named(config)
        for name, path in files.items():
            if not os.path.exists(path):  # noqa: PTH110, which raises for names that are too long
                remedy = "set it in params.yaml" if name == SOURCE else "run `dvc repro`"
                raise InputError("there is no such file", f"what `{name}` names", remedy, file=path)
        return files

    def named(self, config: Config) -> Files:
        """The same, there or not."""
        files = {name: Path(name) for name in expand(self.reads, config)}
        return files | ({SOURCE: config.data.path} if SOURCE in files else {})

    def keys(self, config: Config) -> list[str]:
        """Keys of `params.yaml`."""
        return expand(self.params + self.tuned, config)

    def outputs(self, config: Config) -> Files:
        """The files written, by name."""
        return {name: Path(name) for name in expand(self.writes, config)}


def expand(names: tuple[str, ...], config: Config) -> list[str]:
    """The names, those with `{recommender}` once for each recommender."""
    return [
        name.format(recommender=recommender)
        for name in names
        for recommender in (config.recommenders if "{recommender}" in name else ("",))
    ]


def keys_of(section: type[Section], name: str, *, but: set[str]) -> list[str]:
    """All keys of a section of `params.yaml` but some."""
    return [f"{name}.{key}" for key in section.model_fields if key not in but]


STAGES = {
    "prepare": Stage(
        reads=(SOURCE,),
        writes=(RAW, RAW_VALIDATION, TRAIN, HELDOUT, IDENTIFIERS),
        params=("data", "split", "seed"),
    ),
    "base_model": Stage(
        reads=(TRAIN,),
        writes=(BASE_MODEL,),
        params=("base_model", "lists", "seed", "device", "threads"),
    ),
    "adapter": Stage(
        reads=(TRAIN, BASE_MODEL),
        writes=(PROMPTS, ADAPTER),
        params=("lists", "prompts", "adapter", "seed", "device", "threads"),
    ),
    "generate": Stage(
        reads=(TRAIN, BASE_MODEL, ADAPTER),
        writes=(GENERATIONS,),
        params=("generation", "lists", "seed", "device", "threads"),
    ),
    "controls": Stage(
        reads=(TRAIN,),
        writes=(CONTROLS,),
        params=(
            "controls",
            "generation.items",
            "popularity",
            "itemknn",
            "ease",
            "sasrec",
            "seed",
            "device",
            "threads",
        ),
    ),
    "tune": Stage(
        reads=(TRAIN, HELDOUT, GENERATIONS),
        writes=(TUNING, TUNING_PAGE),
        params=(
            "{recommender}",
            "evaluation",
            *keys_of(FilterConfig, "filter", but={"source"}),
            "ease",
            *keys_of(TuneConfig, "tune", but={"recommenders", "workers"}),
            "seed",
            "device",
            "dataset",
        ),
        each="tune.recommenders",
    ),
    "augment": Stage(
        reads=(TRAIN, IDENTIFIERS, GENERATIONS, CONTROLS),
        writes=(CANDIDATES, AUGMENTED, AUGMENTED_VALIDATION),
        params=("ease",),
        tuned=("filter",),
    ),
    "evaluate": Stage(
        reads=(TRAIN, HELDOUT, AUGMENTED),
        writes=(EVALUATION,),
        params=("{recommender}", "evaluation", "ease", "controls", "seed", "device"),
        tuned=("filter", "evaluation.amounts"),
        each="recommenders",
    ),
    "report": Stage(
        reads=(
            SOURCE,
            RAW,
            TRAIN,
            HELDOUT,
            IDENTIFIERS,
            PROMPTS,
            BASE_MODEL,
            ADAPTER,
            GENERATIONS,
            CONTROLS,
            CANDIDATES,
            AUGMENTED,
            EVALUATIONS,
        ),
        writes=(COMPARISON, CONTROL_COMPARISON, METRICS, PLOTS, FIGURES),
        params=(
            "recommenders",
            "dataset",
            "data",
            "split.protocol",
            "seed",
            "device",
            "evaluation.seeds",
        ),
        tuned=("filter", "evaluation.amounts"),
    ),
}
