"""Everything `params.yaml` may say, parsed once into frozen models that refuse unknown keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from llm4idrec.errors import InputError
from llm4idrec.presets import ADAPTER_PRESETS
from llm4idrec.recommenders.config import (
    SETTINGS,
    BERT4RecConfig,
    CIDConfig,
    CL4SRecConfig,
    EASEConfig,
    ItemKNNConfig,
    LightGCNConfig,
    MFConfig,
    NCLConfig,
    P5Config,
    PopularityConfig,
    RecommenderConfig,
    SASRecConfig,
    SimGCLConfig,
    XSimGCLConfig,
)
from llm4idrec.section import Count, Fraction, Rate, Section, Share


def _known_recommender(name: str) -> str:
    if name not in SETTINGS:
        raise ValueError(f"{name!r} is none of {', '.join(SETTINGS)}")
    return name


def _distinct(numbers: tuple[float, ...]) -> tuple[float, ...]:
    if len(set(numbers)) < len(numbers):
        raise ValueError("a number is repeated")
    return numbers


Placement = Literal["before", "spread", "after"]
RecommenderName = Annotated[str, AfterValidator(_known_recommender)]
ControlName = Literal["random", "popularity", "itemknn", "ease", "sasrec", "self"]


class DataConfig(Section):
    """Where the interactions are and which of them are kept."""

    path: Path
    """The file; or a folder that holds `train` and perhaps `test`."""
    train: str | None = None
    """File name inside a folder `path`."""
    test: str | None = None
    """File name inside a folder `path` of a test set that someone else has split off."""
    format: Literal[
        "csv",
        "tsv",
        "parquet",
        "recbole",
        "selfrec_graph",
        "selfrec_sequential",
        "llm_recsys_sequential",
    ]
    """Layout of the files; `llm4idrec.formats` describes each."""
    user: str | None = None
    """Column of the user (csv, tsv, parquet, recbole)."""
    item: str | None = None
    """Column of the item (csv, tsv, parquet, recbole)."""
    timestamp: str | None = None
    """Column of the time, whole numbers; null where there is none."""
    duplicates: Literal["drop", "refuse"] = "drop"
    """A repeated (user, item) pair: keep the earliest, or stop the run."""
    min_history: Count = 3
    """The run stops at a user with fewer interactions; 1 leaves short histories to `k_core`."""
    sample_users: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Fraction of the users to keep, drawn by seed."""
    k_core: Annotated[int, Field(ge=0)] = 0
    """Drop users and items with fewer interactions than this, again and again; 0 keeps all."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.format in ("csv", "tsv", "parquet", "recbole") and not (self.user and self.item):
            raise ValueError(f"format {self.format} needs the column names `user` and `item`")
        if self.test and not self.train:
            raise ValueError("`test` is given without `train`")
        return self

    @property
    def train_file(self) -> Path:
        return self.path / self.train if self.train else self.path

    @property
    def test_file(self) -> Path | None:
        return self.path / self.test if self.test else None


class SplitConfig(Section):
    """How validation and test sets are held out."""

    protocol: Literal["random", "leave_last_out", "global_time"]
    """random: a share of each user's items. leave_last_out: each user's last item is the test and
    the one before the validation. global_time: the latest shares of all interactions.
    With `data.test` the test set is that file, and the protocol holds out validation only."""
    valid: Share = 0.1
    """Share for validation (random, global_time)."""
    test: Share = 0.2
    """Share for the test (random, global_time)."""


class ListsConfig(Section):
    """How the language model is shown a user's items, wherever it is: in the lists and prompts that
    it learns from, and in the questions that it answers."""

    order: Literal["shuffled", "time"] = "shuffled"
    """shuffled: newly at every look, so that the list is a set. time: the latest item last; for
    data in which what is held out is the future."""
    users: bool = False
    """Name the user, as the authors did. Without, the model has to go by the items, overfits less
    and answers for new users too."""
    words: bool = False
    """Ask in the authors' words. Without, a prompt is the list itself, which an answer continues: a
    compact model has not learnt what words mean."""


class PromptsConfig(Section):
    """The prompts that the adapter is tuned on."""

    per_user: Count
    """Prompts built for each user."""
    fully_share: Fraction
    """Share of prompts from a user's whole list (global structure); the rest are from random
    subsets (local structure)."""
    subset_length: Annotated[int, Field(ge=2)]
    """Items in a random subset."""


class BaseModelConfig(Section):
    """The causal language model under the adapter."""

    kind: Literal["compact", "pretrained"]
    """compact: a small Llama over ID tokens, trained here. pretrained: `name`."""
    name: str | None = None
    """Hub name or local path of a pretrained model."""
    revision: str | None = None
    """Revision of a hub name; a commit hash makes the run reproducible."""
    hidden_size: Count = 64
    """Width of the compact model."""
    layers: Count = 1
    """Depth of the compact model."""
    heads: Count = 4
    """Attention heads of the compact model."""
    embedding_scale: Rate = 0.1
    """Root mean square of the ID embeddings at the start."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.4
    """Dropout on the embeddings of the compact model while it is trained."""
    epochs: Count = 12
    """Passes over the train lists, shuffled anew at each."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled weight decay of AdamW."""
    batch_tokens: Count = 1024
    """Tokens in a batch."""
    max_length: Count = 256
    """Longest sequence in tokens; longer lists are cut at a random place."""
    learning_rate: Rate = 1e-3
    """Peak of the one-cycle schedule."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.kind == "pretrained") != (self.name is not None):
            raise ValueError("`name` goes with kind `pretrained`, and only with it")
        return self


class AdapterConfig(Section):
    """LoRA (Hu et al. 2022) on the prompts; keys that are not given are those of `preset`."""

    preset: Literal["compact", "paper"] = "compact"
    """compact: for the compact model on a CPU. paper: the authors' settings, for a large one."""
    rank: Count
    """Rank r of each update."""
    alpha: Rate
    """Scale: updates are multiplied by alpha / rank."""
    dropout: Fraction
    """Dropout on the input of each update."""
    target_modules: tuple[str, ...]
    """Names of the linear layers that get an update."""
    loss_on: Literal["answer", "all"]
    """Tokens that count in the loss; the authors' code used all."""
    steps: Count
    """Optimizer steps."""
    batch_size: Count
    """Prompts a forward pass."""
    accumulation: Count
    """Forward passes an optimizer step."""
    learning_rate: Rate
    """Peak learning rate."""
    max_length: Count
    """Longest prompt and answer in tokens; items of the history are dropped to fit."""
    precision: Literal["float32", "bfloat16", "float16"]
    """Type of the base model's weights and of the forward pass."""
    checkpoint_every: Count
    """Steps between checkpoints."""

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return ADAPTER_PRESETS.get(values.get("preset", "compact"), {}) | values


class GenerationConfig(Section):
    """How the tuned model is asked for items, and how many it proposes for each user."""

    method: Literal["next_item", "sample"] = "next_item"
    """next_item: the model's probability of every item as the next one, averaged over the views.
    sample: an answer sampled for each view, as the authors did."""
    views: Count
    """Prompts for each user, each with the history newly shuffled. One will do for next_item where
    lists are in time order."""
    items: Count
    """Candidates for each user (next_item), or items in an answer (sample)."""
    history: Count
    """Most items of the history shown in a prompt: drawn anew for each view, or the latest."""
    temperature: Rate = 0.8
    """Divides the logits (sample)."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Smallest set of tokens with at least this probability is sampled from (sample)."""
    restrict: Literal["unseen", "catalogue", "none"] = "unseen"
    """What is sampled from (sample). unseen: items of the catalogue that the user has not seen,
    each once an answer. catalogue: any item. none: free text, as the authors did; the filter drops
    what is not an ID."""
    max_new_tokens: Count = 200
    """Length of a free-text answer (restrict: none)."""
    batch_size: Count = 64
    """Prompts answered side by side."""
    shard_users: Count = 256
    """Users a shard; a killed run resumes after its last shard."""


class FilterConfig(Section):
    """Which candidates may be used, in which order, and how many."""

    min_votes: Count
    """A candidate of the language model must be in the answers to this many of the views."""
    min_log_probability: float | None = None
    """Its mean log-probability must be at least this; null: no threshold."""
    agreement: Annotated[float, Field(ge=0)] = 1.0
    """Weight, in the order of a user's candidates, of the rank that an item-item model of the train
    set (EASE, section `ease`) gives them; 0: only the generator's own rank."""
    popularity: Annotated[
        tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1), AfterValidator(_distinct)
    ] = (0.0, 1.0)
    """Exponents of a discount on popular items in that order, to choose from on validation;
    0: not at all, 1: in proportion to their interactions in train."""
    max_ratio: Annotated[float, Field(gt=0)] = 1.0
    """Most accepted items a user, as a ratio to the length of the user's history."""
    max_items: Count | None = None
    """Most accepted items a user; null: no limit."""


class EvaluationConfig(Section):
    """How original and augmented data are compared."""

    seeds: Annotated[int, Field(ge=2)] = 5
    """Trainings of each recommender on each data set."""
    selection_seeds: Count = 2
    """Seeds used to choose the augmentation on validation."""
    selection_metric: Literal["recall", "ndcg"] = "ndcg"
    """Validation metric (at the largest cutoff) that chooses epochs and amounts."""
    amounts: tuple[Annotated[float, Field(gt=0)], ...] = (0.1, 0.25)
    """Ratios of generated items to history to choose from on validation; zero is always one."""
    control_seeds: Count = 2
    """Seeds with which each control is compared, at most `seeds`."""
    placement: Placement = "before"
    """Where generated items, which have no time, stand in a history that has one: before its first
    item, evenly between its items, or after its last."""
    cutoffs: tuple[Count, ...] = (10, 20)
    """N of Recall@N, NDCG@N and the rest."""
    refit: bool = False
    """Before the test, train on train and validation for the epochs that validation chose."""
    workers: Count = 2
    """Trainings side by side, one thread each."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.selection_seeds > self.seeds:
            raise ValueError("`selection_seeds` is more than `seeds`")
        return self


class Config(Section):
    """The whole of `params.yaml`."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    """Everything random derives from this number."""
    dataset: Annotated[str, Field(pattern=r"^[\w.+-]+$")]
    """Name of the data set in reports."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where tensors live; auto: cuda where there is one."""
    data: DataConfig
    split: SplitConfig
    lists: ListsConfig = ListsConfig()
    prompts: PromptsConfig
    base_model: BaseModelConfig
    adapter: AdapterConfig
    generation: GenerationConfig
    filter: FilterConfig
    recommenders: Annotated[tuple[RecommenderName, ...], Field(min_length=1)]
    """Recommenders to compare on."""
    controls: tuple[ControlName, ...] = (
        "random",
        "popularity",
        "itemknn",
        "ease",
        "sasrec",
        "self",
    )
    """What stands in the language model's place, to see whether it takes a language model: `self`
    is the recommender's own best items; sasrec needs a time in the data and is left out without."""
    popularity: PopularityConfig = PopularityConfig()
    itemknn: ItemKNNConfig = ItemKNNConfig()
    ease: EASEConfig = EASEConfig()
    mf: MFConfig = MFConfig()
    lightgcn: LightGCNConfig = LightGCNConfig()
    simgcl: SimGCLConfig = SimGCLConfig()
    xsimgcl: XSimGCLConfig = XSimGCLConfig()
    ncl: NCLConfig = NCLConfig()
    sasrec: SASRecConfig = SASRecConfig()
    bert4rec: BERT4RecConfig = BERT4RecConfig()
    cl4srec: CL4SRecConfig = CL4SRecConfig()
    p5: P5Config = P5Config()
    cid: CIDConfig = CIDConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    def settings(self, recommender: str) -> RecommenderConfig:
        """The section of one of `recommenders`."""
        settings: RecommenderConfig = getattr(self, recommender)
        return settings

    @property
    def control_settings(self) -> dict[str, RecommenderConfig]:
        """The sections of those `controls` that are recommenders, by name."""
        return {name: self.settings(name) for name in self.controls if name in SETTINGS}

    @property
    def protocol(self) -> str:
        """How test sets came about, for reports."""
        return f"{self.split.protocol}, given test" if self.data.test else self.split.protocol

    @classmethod
    def read(cls, path: Path) -> Self:
        """Parse `params.yaml`; `InputError` names the key and what may stand there."""
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"cannot be read as YAML ({reason})", file=path) from error
        if not isinstance(values, dict):
            raise InputError("holds no parameters", "keys such as `seed` and `data`", file=path)
        return cls.parse(values, path)

    @classmethod
    def parse(cls, values: dict[str, Any], file: Path | None = None) -> Self:
        """The same for parameters that are a dictionary already."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InputError(*_first_fault(error), file=file) from error


def _first_fault(error: ValidationError) -> tuple[str, str | None]:
    fault = error.errors()[0]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown key `{key}`", "a key that the parameters know (see llm4idrec/config.py)"
    if fault["type"] == "missing":
        return f"key `{key}` is missing", None
    message = fault["msg"].removeprefix("Value error, ").replace("Input should be ", "")
    if fault["type"] == "value_error":
        return f"`{key}`: {message}", None
    return f"`{key}` is {fault['input']!r}", message
