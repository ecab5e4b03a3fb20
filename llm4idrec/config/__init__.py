"""Everything `params.yaml` may say, parsed once into frozen models that refuse unknown keys."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from llm4idrec.augmentation.arms import has_ease, source_of
from llm4idrec.config.comparison import (
    CONTROLS,
    OWN_FILE,
    Amounts,
    ControlName,
    EvaluationConfig,
    FilterConfig,
    Placement,
    RecommenderNames,
    ReplicatesConfig,
    TuneConfig,
    TuneRecommendersConfig,
)
from llm4idrec.config.data import DataConfig, SplitConfig
from llm4idrec.config.language_model import (
    AdapterConfig,
    BaseModelConfig,
    GenerationConfig,
    ListsConfig,
    PromptsConfig,
)
from llm4idrec.config.own import OwnConfig, OwnSection, require_known, require_name
from llm4idrec.config.parsing import RENAMED, parsed
from llm4idrec.config.recommenders import (
    SETTINGS,
    BERT4RecConfig,
    CIDConfig,
    CL4SRecConfig,
    EASEConfig,
    IALSConfig,
    ItemKNNConfig,
    LightGCNConfig,
    LMConfig,
    MFConfig,
    NCLConfig,
    P5Config,
    PopularityConfig,
    RecommenderConfig,
    SASRecConfig,
    SimGCLConfig,
    SVDConfig,
    XSimGCLConfig,
)
from llm4idrec.config.replay import ReplayConfig
from llm4idrec.config.search import with_values
from llm4idrec.config.section import Count, Once, Section
from llm4idrec.config.yaml_file import read_yaml
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_json

__all__ = [
    "RENAMED",
    "AdapterConfig",
    "BaseModelConfig",
    "Config",
    "ControlName",
    "DataConfig",
    "EvaluationConfig",
    "FilterConfig",
    "GenerationConfig",
    "ListsConfig",
    "Placement",
    "PromptsConfig",
    "SplitConfig",
    "TuneConfig",
    "TuneRecommendersConfig",
    "TunedFilter",
    "parsed",
]


class Config(Section):
    """The whole of `params.yaml`; what is none of these keys is a recommender of the user's own."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, OwnSection] = Field(init=False)

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    """Everything random derives from this number."""
    dataset: Annotated[str, Field(pattern=r"^\w[\w.+-]*$", max_length=100)]
    """Name of the data set in reports; it could be a file name."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where tensors live; auto: cuda where there is one."""
    threads: Count = 2
    """Of the CPU, for the language model and the controls; evaluation and tuning have one for each
    of their workers. Not read off the machine, because it shapes the last bits of the results."""
    memory: Annotated[float, Field(gt=0)] = 4.0
    """GB (10^9 bytes) that a process may take which filters, merges or makes controls; evaluation
    and tuning have as many processes as workers. It says how much is worked on at a time and shapes
    no result: no stage runs again because of it."""
    data: DataConfig
    split: SplitConfig
    lists: ListsConfig = ListsConfig()
    prompts: PromptsConfig
    base_model: BaseModelConfig
    adapter: AdapterConfig
    generation: GenerationConfig
    filter: FilterConfig
    recommenders: Annotated[RecommenderNames, Field(min_length=1)]
    """Recommenders to compare on."""
    controls: Annotated[tuple[ControlName, ...], Once] = CONTROLS
    """Arms beside the language model's, to see whether it takes a language model, and a tuned one:
    others in its place, and (`+ease`) each together with EASE. `self` is the recommender's own best
    items; sasrec needs a time in the data and is left out without."""
    popularity: PopularityConfig = PopularityConfig()
    itemknn: ItemKNNConfig = ItemKNNConfig()
    ease: EASEConfig = EASEConfig()
    svd: SVDConfig = SVDConfig()
    ials: IALSConfig = IALSConfig()
    mf: MFConfig = MFConfig()
    lightgcn: LightGCNConfig = LightGCNConfig()
    simgcl: SimGCLConfig = SimGCLConfig()
    xsimgcl: XSimGCLConfig = XSimGCLConfig()
    ncl: NCLConfig = NCLConfig()
    sasrec: SASRecConfig = SASRecConfig()
    bert4rec: BERT4RecConfig = BERT4RecConfig()
    cl4srec: CL4SRecConfig = CL4SRecConfig()
    lm: LMConfig = LMConfig()
    p5: P5Config = P5Config()
    cid: CIDConfig = CIDConfig()
    replicates: ReplicatesConfig = ReplicatesConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    tune_recommenders: TuneRecommendersConfig = TuneRecommendersConfig()
    tune: TuneConfig = TuneConfig()
    replay: ReplayConfig = ReplayConfig()

    @model_validator(mode="after")
    def _known_recommenders(self) -> Self:
        for name in self.own_recommenders:
            require_name(name)
        named = {
            "recommenders": self.recommenders,
            "tune_recommenders.names": self.tune_recommenders.names,
            "tune.recommenders": self.tune.recommenders,
            "replay.recommenders": self.replay.recommenders,
        }
        for key, names in named.items():
            for place, name in enumerate(names):
                require_known(f"{key}.{place}", name, self.known_recommenders)
        return self

    @property
    def own_recommenders(self) -> dict[str, OwnConfig]:
        """The user's own, by name."""
        return self.__pydantic_extra__

    @property
    def known_recommenders(self) -> tuple[str, ...]:
        """Names of all that may be compared on: ours and the user's own."""
        return *SETTINGS, *self.own_recommenders

    def settings(self, recommender: str) -> RecommenderConfig:
        """The section of one of `known_recommenders`."""
        if recommender in self.own_recommenders:
            return self.own_recommenders[recommender]
        settings: RecommenderConfig = getattr(self, recommender)
        return settings

    def only(self, recommender: str) -> Self:
        """The same with one recommender."""
        return self.model_copy(update={"recommenders": (recommender,)})

    def with_settings(self, folder: Path) -> Self:
        """The same with the settings that the stage `tune_recommenders` left in `folder`.

        Raises `InputError` if there is no such folder, or a file is not what the stage writes.
        """
        if not folder.is_dir():
            remedy = "run the stage `tune_recommenders` first"
            raise InputError("there is no such folder", remedy=remedy, file=folder)
        files = {name: folder / f"{name}.json" for name in self.known_recommenders}
        found = {
            name: _with_settings_in(file, self.settings(name))
            for name, file in files.items()
            if file.is_file()
        }
        return self.model_copy(update=found)

    @property
    def searched_recommenders(self) -> tuple[str, ...]:
        """Those of `tune_recommenders.names` that are compared on, or propose items as controls."""
        used = {*self.recommenders, *map(source_of, self.controls)}
        if any(map(has_ease, self.controls)):
            used.add("ease")
        return tuple(name for name in self.tune_recommenders.names if name in used)

    @property
    def control_settings(self) -> dict[str, RecommenderConfig]:
        """The sections of those sources of `controls` that are recommenders, by name."""
        sources = dict.fromkeys(map(source_of, self.controls))
        return {name: self.settings(name) for name in sources if name in SETTINGS}

    def with_tuned_filter(self) -> Self:
        """The same with what `filter.source` holds, if that is another file."""
        source = self.filter.source
        if source == OWN_FILE:
            return self
        if not os.path.isfile(source):  # noqa: PTH113, which raises for names that are too long
            remedy = "run `dvc repro tune` with `tune.recommenders` set"
            expected = "what `filter.source` names"
            raise InputError("there is no such file", expected, remedy, file=source)
        tuned = parsed(TunedFilter, read_yaml(source), source)
        amounts = {"amounts": tuned.evaluation.amounts}
        return self.model_copy(
            update={
                "filter": tuned.filter.model_copy(update={"source": source}),
                "evaluation": self.evaluation.model_copy(update=amounts),
            }
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Parse `params.yaml`; `InputError` names the key and what may stand there."""
        return cls.parse(read_yaml(path), path)

    @classmethod
    def parse(cls, values: dict[str, Any], file: Path | None = None) -> Self:
        """The same for parameters that are a dictionary already."""
        return parsed(cls, values, file)


class TunedAmounts(Section):
    """The part of `evaluation` that belongs to a tuned filter."""

    amounts: Amounts


class TunedFilter(Section):
    """What `dvc repro tune` writes, for `filter.source`."""

    filter: FilterConfig
    evaluation: TunedAmounts


def _with_settings_in(file: Path, section: RecommenderConfig) -> RecommenderConfig:
    try:
        return with_values(section, read_json(file)["settings"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "there are no settings of this recommender in it",
            "what the stage `tune_recommenders` writes",
            "run it again",
            file=file,
        ) from error
