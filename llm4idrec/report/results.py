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
from llm4idrec.verdict.control_comparison import SourceRow
from llm4idrec.verdict.judgement import Standing, standing
from llm4idrec.verdict.selection import Selection
from llm4idrec.verdict.wording import recommender_name


@dataclass(frozen=True)
class Evaluation:
    """What the evaluation of one recommender left, and its rows of the comparison."""

    name: str
    rows: Sequence[Row]
    sources: Sequence[SourceRow]
    selection: Selection
    summary: Mapping[str, float]
    history: pa.Table
    per_user: pa.Table

    @classmethod
    def read(cls, folder: Path, rows: Iterable[Row], sources: Iterable[SourceRow]) -> Evaluation:
        """`rows` and `sources` may be of other recommenders too."""
        return cls(
            folder.name,
            [row for row in rows if row["recommender"] == folder.name],
            [row for row in sources if row["recommender"] == folder.name],
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
        """The metric that chose the amount; the verdict is about the same one on the test set."""
        return self.selection.metric

    @property
    def headline(self) -> Row:
        return next(row for row in self.rows if row["metric"] == self.metric)

    @property
    def augmentations(self) -> list[Augmentation]:
        return list(self.selection.scores)

    @property
    def chosen(self) -> Augmentation:
        return self.selection.chosen

    @property
    def controls(self) -> list[str]:
        """The controls that were fitted."""
        return [row["source"] for row in self.sources_of(self.metric)][1:]

    @property
    def ahead_of_all(self) -> bool:
        """Whether the language model is ahead of every control."""
        rows = self.sources_of(self.metric)[1:]
        return bool(rows) and all(standing(row) == Standing.AHEAD for row in rows)

    @property
    def cutoff(self) -> str:
        """Number of ranked items that `metric` is about."""
        return self.metric.rpartition("_")[2]

    @property
    def recall(self) -> str:
        """Recall at the same cutoff."""
        return f"recall_at_{self.cutoff}"

    def sources_of(self, metric: str) -> list[SourceRow]:
        """The language model's row, then those of the controls."""
        return [row for row in self.sources if row["metric"] == metric]
