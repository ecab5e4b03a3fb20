"""What generates, as a recommender of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.arms import LANGUAGE_MODEL
from llm4idrec.augmentation.replicate_files import source_file
from llm4idrec.evaluation.ledger import read
from llm4idrec.evaluation.rank_sources import SourceRankings, rank_sources
from llm4idrec.runtime.files import read_json
from tests.llm4idrec.two_tastes import ITEMS, REFIT, REPLICATES, USERS, Files, write_ease

VARIANTS = ["language_model", "svd", "ease", "language_model&ease"]


@pytest.fixture
def ranked(files: Files) -> Path:
    """The language model proposes 0, 1, 2... and in the second final replicate nothing known."""
    write_ease(files)
    ease = {
        name: pq.read_table(source_file(replicate(files, name), "ease"))
        for name in ("selection", "final-0")
    }
    user = np.repeat(np.arange(USERS, dtype=np.int32), ITEMS)
    item = np.tile(np.arange(ITEMS, dtype=np.int32), USERS)
    rank = pa.array(item + 1)
    schema = ease["selection"].schema
    for name in REPLICATES:
        order = item if name != "final-1" else ITEMS - 1 - item
        columns = {"user": user, "item": order, "rank": rank}
        nothing = pa.nulls(len(user))
        table = pa.table([columns.get(n, nothing) for n in schema.names], schema.names).cast(schema)
        folder = replicate(files, name) / "generations"
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "shard-00000.parquet")
        if name in ease:
            pq.write_table(table, source_file(replicate(files, name), "svd"))
    arms = ("svd", "svd+ease", "ease", "sasrec", "self", "language_model+ease")
    rankings = SourceRankings(files.inputs(refit=True), arms, REFIT, 2)
    rank_sources(rankings, files.out, files.ledger)
    rank_sources(rankings, files.out, files.ledger)
    return files.out


def replicate(files: Files, name: str) -> Path:
    return files.root / "replicates" / name


def test_everybody_who_has_candidates_is_ranked(ranked: Path) -> None:
    rows = pq.read_table(ranked / "per_user.parquet").to_pandas()
    assert list(dict.fromkeys(rows["variant"])) == VARIANTS
    for variant in VARIANTS:
        its = rows[rows["variant"] == variant]
        assert sorted(zip(its["seed"], its["user"], strict=True)) == [
            (seed, user) for seed in range(2) for user in range(USERS)
        ]
    validation = pq.read_table(ranked / "validation.parquet").to_pandas()
    assert list(dict.fromkeys(validation["variant"])) == VARIANTS
    assert set(validation["seed"]) == {0}
    assert list(validation.columns) == ["variant", "seed", "user", "ndcg_at_4"]


def test_figures_are_of_the_rankings(ranked: Path) -> None:
    """EASE knows what each will take: all of two at validation, and at the test all but the item
    outside the catalogue. Who draws differs by replicate."""
    rows = pq.read_table(ranked / "per_user.parquet").to_pandas()
    ease = rows[(rows["variant"] == "ease") & (rows["user"] > 0)]
    assert (ease["recall_at_4"] == 1).all()
    validation = pq.read_table(ranked / "validation.parquet").to_pandas()
    assert (validation[validation["variant"] == "ease"]["ndcg_at_4"] == 1).all()
    by_run = rows.groupby(["variant", "seed"])["ndcg_at_4"].mean()
    assert by_run["svd", 0] == by_run["svd", 1] == by_run["language_model", 0]
    assert by_run["language_model", 0] != by_run["language_model", 1]
    assert by_run["ease", 0] >= by_run["language_model&ease", 0] > by_run["language_model", 0]
    summary = read_json(ranked / "summary.json")
    assert summary["language_model_ndcg_at_4"] == pytest.approx(by_run["language_model"].mean())
    assert summary["ease_coverage_at_4"] > 0


def test_the_look_is_in_the_ledger_once(ranked: Path, files: Files) -> None:
    assert files.ledger.is_file()
    (look,) = read(files.ledger)
    assert look["recommender"] == "sources"
    assert f"{LANGUAGE_MODEL}_ndcg_at_4" in look["result"]
