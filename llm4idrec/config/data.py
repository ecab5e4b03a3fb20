"""The sections about the interactions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from llm4idrec.section import Count, Section, Share

LEAVE_OUT = (
    "set data.drop_short_histories to true to leave such users out, or data.min_history to 1 to "
    "leave them to data.k_core"
)
"""What to do about users of short histories."""


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
    drop_short_histories: bool = False
    """Leave out users with fewer than `min_history` interactions, or too few to be split, instead;
    they are counted in artifacts/train/summary.json."""
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
    def has_time(self) -> bool:
        """Whether each user's interactions have an order."""
        positions = self.format.endswith("_sequential")
        return positions or (self.timestamp is not None and self.format != "selfrec_graph")

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
