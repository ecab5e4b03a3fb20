"""Candidates as rankings, by hand, and their fusion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.augmentation.replicate_files import source_file
from llm4idrec.data.candidates import SCHEMA
from llm4idrec.errors import InputError
from llm4idrec.evaluation.data import Audience
from llm4idrec.evaluation.source_rankings import fuse, read_ranking
from tests.llm4idrec.arrays import interactions


def write(file: Path, rows: list[tuple[int, int | None, int]]) -> None:
    """Of (user, item, rank)."""
    columns = dict(zip(("user", "item", "rank"), zip(*rows, strict=True), strict=True))
    nothing = [None] * len(rows)
    table = pa.table([pa.array(columns.get(n, nothing)) for n in SCHEMA.names], SCHEMA.names)
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.cast(SCHEMA), file)


ROWS = [(0, 4, 2), (0, 1, 1), (2, 3, 1), (0, 9, 3), (0, None, 4), (0, 2, 5), (1, 0, 1), (0, 3, 6)]


@pytest.mark.parametrize("source", ["ease", "language_model"])
def test_a_ranking_holds_unseen_items_of_the_catalogue_by_rank(source: str, tmp_path: Path) -> None:
    """Item 1 is seen, 9 is not in the catalogue, one is no item; user 2 has a single candidate."""
    file = source_file(tmp_path, source)
    if source == "language_model":
        file = tmp_path / "generations" / "shard-00000.parquet"
    write(file, ROWS)
    seen = interactions([0, 1, 2], [1, 1, 1], (3, 5))
    ranked = read_ranking(tmp_path, source, Audience(np.array([0, 2], np.int32), seen), k=2)
    assert ranked.tolist() == [[4, 2], [3, -1]]


def test_what_is_no_table_of_candidates_is_refused(tmp_path: Path) -> None:
    file = source_file(tmp_path, "svd")
    file.parent.mkdir()
    pq.write_table(pa.table({"user": [1]}), file)
    audience = Audience(np.array([0], np.int32), interactions([0], [1], (1, 5)))
    with pytest.raises(InputError, match="is no table of candidates"):
        read_ranking(tmp_path, "svd", audience, k=2)


def test_fusion_adds_reciprocal_ranks() -> None:
    """Item 7 has 1/62 + 1/61, item 5 has 1/61 + 1/63; item 6 stands before 8 as the first
    ranking's."""
    one, other = np.array([[5, 7, 6]]), np.array([[7, 8, 5]])
    assert fuse(one, other, 4).tolist() == [[7, 5, 8, 6]]
    assert fuse(one, np.array([[9, 1, 2]]), 6).tolist() == [[5, 9, 7, 1, 6, 2]]


def test_empty_places_are_nobody() -> None:
    one, other = np.array([[5, -1, -1], [-1, -1, -1]]), np.array([[-1, -1], [3, -1]])
    assert fuse(one, other, 3).tolist() == [[5, -1, -1], [3, -1, -1]]


@given(st.permutations(range(8)), st.permutations(range(8)), st.integers(1, 8))
def test_fusion_is_that_of_the_paper(one: list[int], other: list[int], k: int) -> None:
    scores = {item: 1 / (61 + one.index(item)) + 1 / (61 + other.index(item)) for item in range(8)}
    ranked = fuse(np.array([one]), np.array([other]), k)[0].tolist()
    best = sorted(scores.values(), reverse=True)[:k]
    assert [scores[item] for item in ranked] == pytest.approx(best)
    assert len(set(ranked)) == k
    assert fuse(np.array([one]), np.array([one]), k)[0].tolist() == one[:k]
