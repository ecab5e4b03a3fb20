"""What the evaluation of a recommender left, and its rows of the comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import ArmRow
from llm4idrec.verdict.selection import Choice, Selection
from llm4idrec.verdict.wording import recommender_name


@dataclass(frozen=True)
class Evaluation:
    """What the evaluation of one recommender left, and its rows of the comparison."""

    name: str
    rows: Sequence[Row]
    arms: Sequence[ArmRow]
    selection: Selection
    summary: Mapping[str, float]
    history: pa.Table
    per_user: pa.Table

    @classmethod
    def read(cls, folder: Path, rows: Iterable[Row], arms: Iterable[ArmRow]) -> Evaluation:
        """`rows` and `arms` may be of other recommenders too."""
        return cls(
            folder.name,
            [row for row in rows if row["recommender"] == folder.name],
            [row for row in arms if row["recommender"] == folder.name],
            Selection.read(folder),
            read_json(folder / "summary.json"),
            pq.read_table(folder / "history.parquet"),
            pq.read_table(folder / "per_user.parquet"),
        )

    @property
    def title(self) -> str:
        return recommender_name(self.name)

    @property
    def metric(self) -> str:
        """The metric that chose the amounts; the verdict is about the same one on the test set."""
        return self.selection.metric

    @property
    def headline(self) -> Row:
        return next(row for row in self.rows if row["metric"] == self.metric)

    @property
    def augmentations(self) -> list[Augmentation]:
        """Those of the language model that there were to choose from."""
        return list(self.choice.scores)

    @property
    def choice(self) -> Choice:
        """That of the language model alone."""
        return self.selection.language_model

    @property
    def chosen(self) -> Augmentation:
        """By the language model."""
        return self.choice.chosen

    @property
    def added(self) -> list[ArmRow]:
        """The arms that add something, in the metric that chose; the language model first."""
        return [row for row in self.arms_of(self.metric) if row["amount"]]

    @property
    def cutoff(self) -> str:
        """Number of ranked items that `metric` is about."""
        return self.metric.rpartition("_")[2]

    @property
    def recall(self) -> str:
        """Recall at the same cutoff."""
        return f"recall_at_{self.cutoff}"

    def arms_of(self, metric: str) -> list[ArmRow]:
        """The language model's row, then those of the other arms."""
        return [row for row in self.arms if row["metric"] == metric]
