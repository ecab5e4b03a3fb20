"""Settings of every recommender; a subclass has the fields of its base as well."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from llm4idrec.config.language_model import BaseModelConfig
from llm4idrec.config.section import Count, Fraction, Rate, Section, Share, Weight

Temperature = Annotated[float, Field(ge=0.02)]


class RecommenderConfig(Section):
    """Base of all."""

    @property
    def needs_time(self) -> bool:
        """Whether it learns from the order of a history."""
        return False

    @property
    def is_seeded(self) -> bool:
        """Whether another seed gives another model."""
        return True


class UnseededConfig(RecommenderConfig):
    """What those share that draw nothing at random."""

    @property
    def is_seeded(self) -> bool:
        return False


class PopularityConfig(UnseededConfig):
    """Items by number of users; there is nothing to set."""


class ItemKNNConfig(UnseededConfig):
    """Item-based nearest neighbours (Deshpande and Karypis 2004)."""

    neighbours: Count = 200
    """Similar items kept for each item."""
    shrinkage: Weight = 0.5
    """Added to the denominator of the cosine: damps similarities that few users support. A user
    with n items counts 1 / n in cosines, so the scale is below that of numbers of users."""


class EASEConfig(UnseededConfig):
    """EASE (Steck 2019)."""

    l2: Rate = 200.0
    """Weight of the squared item-item weights."""


class SVDConfig(UnseededConfig):
    """PureSVD (Cremonesi, Koren and Turrin 2010) of the matrix over fourth roots of its counts."""

    embedding_size: Count = 32
    """Singular vectors that are kept."""


class IALSConfig(RecommenderConfig):
    """iALS (Hu, Koren and Volinsky 2008), by the library implicit.

    It sums squared errors over every user and item: of 1 for a pair, of 0 for all the others.
    """

    embedding_size: Count = 128
    """Length of the user and item vectors."""
    regularization: Rate = 40.0
    """Weight of the squared length of every vector; a squared error of what was not taken weighs
    1."""
    alpha: Rate = 5.0
    """Weight of the squared error of a pair; the paper's alpha and 1."""
    iterations: Count = 15
    """Times that all users' vectors, and then all items', are solved for."""


class TrainedConfig(RecommenderConfig):
    """What models trained by epochs share."""

    embedding_size: Count = 64
    """Length of the user and item vectors."""
    learning_rate: Rate = 1e-2
    """Step size of Adam."""
    batch_size: Count = 8192
    """Training examples a step."""
    max_epochs: Count = 300
    """Upper bound of passes over the data."""
    patience: Count = 6
    """Validations without a better score before training stops."""
    evaluate_every: Count = 5
    """Epochs between validations."""


class MFConfig(TrainedConfig):
    """Matrix factorisation with the BPR loss (Rendle et al. 2009)."""

    l2: Weight = 0.1
    """Weight of half the mean squared length of all user and item vectors."""
    init_scale: Rate = 0.01
    """Standard deviation of the first vectors' entries."""
    negatives: Count = 2
    """Items not taken that each pair is compared with."""
    patience: Count = 8
    """Validations without a better score before training stops; the score may rise late."""


class LightGCNConfig(MFConfig):
    """LightGCN (He et al. 2020)."""

    learning_rate: Rate = 2e-2
    """Step size of Adam."""
    batch_size: Count = 16384
    """Pairs a step; a step smooths all vectors, however few its pairs are."""
    l2: Weight = 5e-3
    """Weight of half the mean squared length of all user and item vectors before propagation."""
    init_scale: Rate = 0.1
    """Standard deviation of the first vectors' entries."""
    layers: Count = 3
    """Propagation steps over the user-item graph."""


class SimGCLConfig(LightGCNConfig):
    """SimGCL (Yu et al. 2022)."""

    learning_rate: Rate = 2e-3
    """Step size of Adam."""
    l2: Weight = 0.0
    """Weight of half the mean squared length of all user and item vectors before propagation."""
    init_scale: Rate = 0.03
    """Standard deviation of the first vectors' entries."""
    negatives: Count = 1
    """Items not taken that each pair is compared with."""
    batch_size: Count = 2048
    """Pairs a step."""
    noise: Weight = 0.2
    """Length of the random vector added to each node at each layer."""
    temperature: Temperature = 0.15
    """Divides the cosines of the contrastive loss."""
    contrast: Weight = 0.03
    """Weight of the contrastive loss."""
    contrast_nodes: Count = 512
    """Most nodes contrasted with each other; a batch that has more is split at random."""
    patience: Count = 12
    """Validations without a better score before training stops; a dip comes before the rise."""


class XSimGCLConfig(SimGCLConfig):
    """XSimGCL (Yu et al. 2023)."""

    contrast_layer: Count = 1
    """Layer whose vectors are contrasted with the final ones."""

    @model_validator(mode="after")
    def _layer_exists(self) -> Self:
        if self.contrast_layer > self.layers:
            raise ValueError(f"`contrast_layer` is more than the {self.layers} `layers`")
        return self


class NCLConfig(LightGCNConfig):
    """NCL (Lin et al. 2022)."""

    learning_rate: Rate = 1e-2
    """Step size of Adam."""
    batch_size: Count = 8192
    """Pairs a step."""
    layers: Annotated[int, Field(ge=2)] = 3
    """Propagation steps over the user-item graph; the second gives the neighbours' vectors."""
    temperature: Temperature = 0.1
    """Divides the cosines of both contrastive losses."""
    structure: Weight = 2e-3
    """Weight of the contrast with neighbours in the graph."""
    contrast_nodes: Count = 2048
    """Most users, and items, that it compares with: all, or else the batch's and random others."""
    prototypes: Weight = 2e-4
    """Weight of the contrast with cluster centres."""
    clusters: Count = 100
    """Clusters of the users, and of the items."""
    warm_up: Count = 20
    """Epochs before clusters count."""


class SequentialConfig(TrainedConfig):
    """What the sequential models share: a small transformer over the latest items."""

    learning_rate: Rate = 2e-3
    """Step size of Adam."""
    batch_size: Count = 128
    """Histories, or pieces of them, a step."""
    max_length: Count = 50
    """Latest items of a history that are read; to be trained on, a longer one is cut into
    pieces."""
    evaluate_every: Count = 3
    """Epochs between validations."""
    layers: Count = 2
    """Transformer blocks."""
    heads: Count = 1
    """Attention heads, a divisor of the vectors' length."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Dropout on embeddings and blocks while training."""
    negatives: Count = 1024
    """Items drawn for each batch that the cross-entropy compares with; all where there are no
    more."""

    @property
    def needs_time(self) -> bool:
        return True

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.embedding_size % self.heads:
            raise ValueError("`heads` does not divide `embedding_size`")
        return self


class SASRecConfig(SequentialConfig):
    """SASRec (Kang and McAuley 2018)."""

    loss: Literal["bce", "cross_entropy"] = "cross_entropy"
    """bce: each next item against one that the user does not have, as in the paper. cross_entropy:
    against `negatives` items (Klenitskiy and Vasilev 2023)."""


class BERT4RecConfig(SequentialConfig):
    """BERT4Rec (Sun et al. 2019)."""

    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Dropout on embeddings and blocks while training."""
    masked: Fraction = 0.5
    """Share of a history that is hidden and predicted."""
    last_only: Fraction = 0.2
    """Share of histories where the last item alone is hidden, as when ranking."""


class CL4SRecConfig(SASRecConfig):
    """CL4SRec (Xie et al. 2022)."""

    contrast: Weight = 0.1
    """Weight of the contrastive loss."""
    temperature: Rate = 0.2
    """Divides the cosines of the contrastive loss."""
    cropped: Share = 0.6
    """Share of a history that a cropped view keeps."""
    masked: Share = 0.3
    """Share of a history that is hidden in a masked view."""
    reordered: Share = 0.6
    """Share of a history that is shuffled in a reordered view."""


class LMConfig(TrainedConfig):
    """A compact language model of item IDs: `base_model` as a recommender."""

    learning_rate: Rate = 2e-3
    """Step size of AdamW from the second epoch on; it rises in the first."""
    batch_size: Count = 1024
    """Tokens a step."""
    patience: Count = 4
    """Validations without a better score before training stops."""
    evaluate_every: Count = 1
    """Epochs between validations."""
    max_length: Annotated[int, Field(ge=4)] = 256
    """Longest sequence in tokens; longer lists are cut, and their latest items read."""
    layers: Count = 2
    """Transformer blocks."""
    heads: Count = 4
    """Attention heads."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.4
    """Dropout on the embeddings while training."""
    negatives: Count = 8192
    """Items drawn for each batch that the loss compares with; all where there are no more."""

    @property
    def needs_time(self) -> bool:
        return True

    def base_model(self) -> BaseModelConfig:
        """The same as a section `base_model`."""
        return BaseModelConfig(
            kind="compact",
            hidden_size=self.embedding_size,
            batch_tokens=self.batch_size,
            **self.model_dump(
                include={"learning_rate", "max_length", "layers", "heads", "dropout", "negatives"}
            ),
        )

    @model_validator(mode="after")
    def _is_a_model(self) -> Self:
        self.base_model()
        return self


class GenerativeConfig(TrainedConfig):
    """What the generative models share: a T5 that writes the index of the next item."""

    name: str | None = None
    """Hub name or local path of a pretrained T5; null: a small one from scratch."""
    embedding_size: Count = 64
    """Width of the model (from scratch)."""
    layers: Count = 2
    """Blocks of the encoder, and of the decoder (from scratch)."""
    heads: Count = 4
    """Attention heads, a divisor of the width (from scratch)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout while training (from scratch)."""
    learning_rate: Rate = 3e-3
    """Peak of AdamW's step size, which falls to zero at `max_epochs`."""
    batch_size: Count = 256
    """Prompts a step."""
    max_epochs: Count = 100
    """Upper bound of epochs of one prompt a user."""
    max_length: Count = 20
    """Latest items of a history that are in a prompt."""
    straightforward: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the training prompts that show the user alone; the others show a history."""
    beams: Count = 20
    """Width of the beam search."""

    @property
    def needs_time(self) -> bool:
        return True

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.embedding_size % self.heads:
            raise ValueError("`heads` does not divide `embedding_size`")
        return self


class P5Config(GenerativeConfig):
    """P5 (Geng et al. 2022; OpenP5, Xu et al. 2023)."""

    indexing: Literal["random", "sequential"] = "sequential"
    """Items are numbers: drawn at random, or in order of appearance in the users' lists."""
    straightforward: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the training prompts that show the user alone; the others show a history."""


class CIDConfig(GenerativeConfig):
    """CID+IID: P5 with collaborative item indices (Hua et al. 2023)."""

    clusters: Annotated[int, Field(ge=2)] = 20
    """Parts into which a cluster that is too large is split."""
    leaf_size: Annotated[int, Field(ge=2)] = 100
    """Most items in a cluster that is not split, at least `clusters`."""
    independent: bool = True
    """true: each item's last token is its own (CID+IID). false: it says which of the leaf (CID)."""

    @model_validator(mode="after")
    def _splittable(self) -> Self:
        if self.leaf_size < self.clusters:
            raise ValueError("`leaf_size` is less than `clusters`")
        return self


SETTINGS: dict[str, type[RecommenderConfig]] = {
    "popularity": PopularityConfig,
    "itemknn": ItemKNNConfig,
    "ease": EASEConfig,
    "svd": SVDConfig,
    "ials": IALSConfig,
    "mf": MFConfig,
    "lightgcn": LightGCNConfig,
    "simgcl": SimGCLConfig,
    "xsimgcl": XSimGCLConfig,
    "ncl": NCLConfig,
    "sasrec": SASRecConfig,
    "bert4rec": BERT4RecConfig,
    "cl4srec": CL4SRecConfig,
    "lm": LMConfig,
    "p5": P5Config,
    "cid": CIDConfig,
}
"""The recommenders' names in `params.yaml`."""
