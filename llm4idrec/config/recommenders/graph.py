"""Settings of factorisations, with the graph of users and items or without."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from llm4idrec.config.recommenders.base import RecommenderConfig, TrainedConfig, UnseededConfig
from llm4idrec.config.section import Count, Rate, Weight

Temperature = Annotated[float, Field(ge=0.02)]


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
