"""The verdict as an object."""

from __future__ import annotations

import shutil
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.api.additions import GENERATED
from llm4idrec.api.source import OwnIds, Source
from llm4idrec.api.surroundings import IN_USE, Workplace, own_random_numbers, talking
from llm4idrec.artifacts import (
    AUGMENTED,
    BOTTOM_LINE,
    COMPARISON,
    CONTROL_COMPARISON,
    EVALUATION,
    FIGURES,
    IDENTIFIERS,
    RAW,
    SERVING,
    Artifact,
    places,
)
from llm4idrec.data.identifiers import Identifiers
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_table, replacing_folder

if TYPE_CHECKING:
    from llm4idrec.config import Config
    from llm4idrec.data.interactions import IntArray
    from llm4idrec.verdict.comparison import Row

_HEAD = ("recommender", "original", "augmented", "gain", "95 % interval", "p", "verdict")


class Verdict:
    """What `compare` found. `str` gives the text that the command `run` prints."""

    def __init__(self, work: Workplace, source: Source, config: Config) -> None:
        from llm4idrec.verdict.result_files import read_bottom_line, read_comparison
        from llm4idrec.verdict.tables import answer

        self._work, self._source, self._config = work, source, config
        files = [self._at(artifact) for artifact in (COMPARISON, CONTROL_COMPARISON, BOTTOM_LINE)]
        self._text = answer(*files)
        self._rows, self._best = read_comparison(files[0]), read_bottom_line(files[2])

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"<Verdict: {self.bottom_line}>"

    def _repr_html_(self) -> str:
        """The bottom line and the gains in the metric that chose, for notebooks."""
        from llm4idrec.report.markup import table
        from llm4idrec.verdict.wording import metric_name

        metric = self._best["metric"]
        lines = [map(escape, self._cells(row)) for row in self._rows if row["metric"] == metric]
        told = table(metric_name(metric), _HEAD, map(tuple, lines))
        return f"<p>{escape(self.bottom_line)}</p>{told}"

    @property
    def bottom_line(self) -> str:
        """What to serve, and whether that takes a language model, in sentences."""
        from llm4idrec.verdict.sentences import bottom_line_sentence

        return bottom_line_sentence(self._best)

    @property
    def gains(self) -> Any:
        """A row for each recommender and metric, as a frame of the kind that was compared.

        Columns: `recommender`, `metric`, `amount` (added items as a ratio to the history, as
        validation chose; 0: none), `original` and `augmented` (means on the test), `relative_gain`
        with its 95 % interval `ci_low` to `ci_high`, `p_value`, and `n_seeds`, `n_runs`, `n_users`,
        over which the means are.
        """
        rows = pa.Table.from_pylist([dict(row) for row in self._rows])
        return self._source.like_the_frame(rows.drop_columns(["dataset", "protocol"]))

    def augmented(self, recommender: str) -> Any:
        """The rows that were added for a recommender when it was tested, as `augment` gives them.

        They are of the first training of the language model, alone, which knew all but the test;
        as many, and in that order of candidates, as validation chose. None where it chose no items.
        Raises `InputError` for one that was not compared.
        """
        from llm4idrec.augmentation.arms import LANGUAGE_MODEL, final
        from llm4idrec.augmentation.choice import chosen_augmentation
        from llm4idrec.augmentation.merging import generated_pairs
        from llm4idrec.evaluation.arm_tables import replicate_file

        compared = self._config.recommenders
        if recommender not in compared:
            raise InputError(f"{recommender!r} was not compared", f"one of {', '.join(compared)}")
        chosen = chosen_augmentation(self._at(EVALUATION.of(recommender)))
        arms = read_table(replicate_file(self._at(AUGMENTED), final(0)))
        pairs = arms.filter(pc.equal(arms["arm"], LANGUAGE_MODEL))
        return self._source.like_the_frame(self._own(*generated_pairs(pairs, chosen)))

    def serve(self, what: str = "best", *, items: int | None = None, progress: bool = True) -> Any:
        """The best items of every user, by what is to be served, trained on all rows, those of
        validation and test too.

        Args:
            what: `best` is what validation chose, `without-language-model` the best of what needs
                none, a recommender's name the best of that recommender with or without added
                items, and the name of who generates its own ranking.
            items: For each user; None: the largest of `evaluation.cutoffs`.
            progress: Whether what is trained is told on stderr.

        Returns:
            A frame of the kind that was compared, users in its order. Columns: user and item with
            their names and types, and `rank`, from 1. Users outside of the k-core have no row.
            Models and, where items are added for a recommender, all that it was trained on are in
            the folder `serving` of what `save` keeps.

        Raises:
            InputError: There is nothing named `what`.
        """
        from llm4idrec.serving.serve import READS, RECOMMENDATIONS, serve

        files, out = places(READS, self._config, self._work.path), self._at(SERVING)
        with talking(progress=progress), own_random_numbers():
            serve(files, out, self._config, what=what, items=items)
        found = read_table(out / f"{RECOMMENDATIONS}.parquet")
        ids = self._ids(out / IDENTIFIERS.name)
        table = ids.table(found["user"], found["item"], {"rank": found["rank"]})
        return self._source.like_the_frame(table)

    @property
    def report(self) -> Path:
        """The page with everything: gains, charts, costs. One file, which `save` keeps."""
        return self._at(FIGURES)

    def save(self, folder: Path | str) -> None:
        """Copy all files there, the data, the adapter and the report among them; a folder that is
        there is replaced."""
        with replacing_folder(Path(folder).absolute()) as target:
            left_out = shutil.ignore_patterns(IN_USE)
            shutil.copytree(self._work.path, target, ignore=left_out, dirs_exist_ok=True)

    def _own(self, user: IntArray, item: IntArray) -> pa.Table:
        """Pairs of numbers, best first in each user, in the frame's IDs."""
        added = {"rank": _ranks(user), "origin": [GENERATED] * len(user)}
        return self._ids(self._at(IDENTIFIERS)).table(user, item, added)

    def _ids(self, folder: Path) -> OwnIds:
        """Those that numbers stand for in the folder of identifiers."""
        raw = read_table(self._at(RAW) / "train.parquet")
        return self._source.own_ids(raw, *Identifiers.read(folder))

    def _cells(self, row: Row) -> tuple[str, ...]:
        from llm4idrec.verdict.tables import gain_cells
        from llm4idrec.verdict.wording import recommender_name

        return recommender_name(row["recommender"]), *gain_cells(row, self._best)

    def _at(self, artifact: Artifact) -> Path:
        return places([artifact], self._config, self._work.path)[artifact]


def _ranks(user: IntArray) -> IntArray:
    """1, 2, 3... within each user, (n,)."""
    order = np.argsort(user, kind="stable")
    by_user = user[order]
    ranks = np.empty(len(user), np.int32)
    ranks[order] = np.arange(1, len(user) + 1) - np.searchsorted(by_user, by_user)
    return ranks
